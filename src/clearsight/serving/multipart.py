"""The parts of a multipart body that is in memory already; nothing is written to a disk."""

from __future__ import annotations

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from clearsight.serving.http_error import HttpError


def parts_of(body: bytes, content_type: str, most: int) -> list[bytes]:
    """Return the content of each part, whatever its name and that of its file.

    Args:
        body: of the request.
        content_type: its header, which names the boundary.
        most: how many parts there may be.

    Raises:
        HttpError: 400 when it is no multipart body, 413 when it has more parts.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise _damaged("its header names no boundary")
    parts: list[list[bytes]] = []
    has_ended = False

    def begin() -> None:
        if len(parts) == most:
            raise HttpError(
                413,
                "too_many_images",
                f"A request should have at most {most} images, but has more: send several.",
            )
        parts.append([])

    def data(content: bytes, start: int, end: int) -> None:
        parts[-1].append(content[start:end])

    def ended() -> None:
        nonlocal has_ended
        has_ended = True

    try:
        parser = MultipartParser(
            boundary, {"on_part_begin": begin, "on_part_data": data, "on_end": ended}
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _damaged("its parts cannot be told apart") from error
    if not has_ended:
        raise _damaged("it is cut short")
    return [b"".join(part) for part in parts]


def _damaged(why: str) -> HttpError:
    return HttpError(
        400,
        "damaged_multipart",
        f"The body should be multipart/form-data, but {why}: send it anew.",
    )
