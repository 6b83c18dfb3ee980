"""Naming whatever a user names: picture files, folders, patterns, sources and selections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from clearsight.errors import DataError
from clearsight.predict.inputs import PictureFiles, picture_files
from clearsight.predict.predict import Asked, NamedPicture, Predictor, named, pictures_in
from clearsight.predict.predictor import reading_options

if TYPE_CHECKING:
    from clearsight.data.sources.options import SourceOptions
    from clearsight.predict.source_images import SourcePictures


@dataclass(frozen=True)
class Naming:
    """Pictures that are about to be named.

    Attributes:
        predictor: what names them.
        asked: how.
        parts: what they are read from.
        num_pictures: how many there are.
        problems: a sentence for each source that could not.
    """

    predictor: Predictor
    asked: Asked
    parts: tuple[PictureFiles | SourcePictures, ...]
    num_pictures: int
    problems: tuple[str, ...]

    def rows(self, advance: Callable[[int], None] = lambda _: None) -> Iterator[NamedPicture]:
        """Name the pictures, one after the other; `advance` is told how many more are done."""
        found = chain.from_iterable(
            pictures_in(part, self.predictor, self.asked)
            if isinstance(part, PictureFiles)
            else part.found(self.predictor, self.asked)
            for part in self.parts
        )
        return named(found, self.predictor, self.asked, advance)


def name_pictures(
    path: Path,
    predictor: Predictor,
    inputs: Sequence[str],
    asked: Asked,
    options: Callable[[], SourceOptions] | None = None,
) -> Naming:
    """Find the pictures that are to be named.

    Args:
        path: the bundle or run that `predictor` is of.
        predictor: what names them.
        inputs: picture files, folders of them, patterns, "-" for standard input, sources of any
            format, or selections such as "fashion-mnist:test[0:5]".
        asked: how they are to be named.
        options: gives how sources are to be read; None for as usual. With it folders are read as
            sources, whose labels the options may tell.

    Raises:
        RequestError: when an input is a URL.
    """
    parts: list[PictureFiles | SourcePictures] = []
    problems: list[str] = []
    for text in inputs:
        files = picture_files(text)
        if files is not None and (options is None or files.folder is None):
            parts.append(files)
            continue
        try:
            parts.append(_of_source(path, predictor, text, options))
        except DataError as error:
            problems.append(str(error))
    return Naming(predictor, asked, tuple(parts), sum(map(len, parts)), tuple(problems))


def _of_source(
    path: Path,
    predictor: Predictor,
    text: str,
    options: Callable[[], SourceOptions] | None,
) -> SourcePictures:
    from clearsight.data.sources.options import SourceOptions
    from clearsight.predict.source_images import source_pictures

    given = SourceOptions() if options is None else options()
    return source_pictures(text, *reading_options(path, predictor.preparation, given))
