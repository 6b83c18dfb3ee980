"""Reading multipart bodies, which may be hostile; nothing is written to disk."""

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header

from clearsight.serving.http_error import HttpError, too_many_images

_MAX_HEADER_CHARACTERS = 1_000  # a boundary has at most 70


def parse_multipart(body: bytes, content_type: str, max_parts: int) -> list[bytes]:
    """Return the content of each part of a multipart body.

    Args:
        body: of the request.
        content_type: the header, with the boundary.
        max_parts: how many parts it may have.

    Raises:
        HttpError: 400 if it is not a multipart body, 413 if it has more parts.
    """
    if len(content_type) > _MAX_HEADER_CHARACTERS:
        raise _invalid_multipart(f"its header has more than {_MAX_HEADER_CHARACTERS:,} characters")
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise _invalid_multipart("its header has no boundary")
    parts: list[bytearray] = []

    def on_part_begin() -> None:
        if len(parts) == max_parts:
            raise too_many_images(max_parts)
        parts.append(bytearray())

    def on_part_data(content: bytes, start: int, end: int) -> None:
        parts[-1].extend(content[start:end])

    try:
        parser = MultipartParser(
            boundary, {"on_part_begin": on_part_begin, "on_part_data": on_part_data}
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _invalid_multipart("its parts cannot be parsed") from error
    if parser.state != MultipartState.END:
        raise _invalid_multipart("it is cut short")
    return [bytes(part) for part in parts]


def _invalid_multipart(reason: str) -> HttpError:
    return HttpError(
        400, "invalid_multipart", f"The body should be multipart/form-data, but {reason}."
    )
