"""Naming whatever a user names: image files, folders, patterns, sources and selections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from clearsight.errors import DataError
from clearsight.predict.inputs import ImageFiles, image_files
from clearsight.predict.predict import Asked, Prediction, Predictor, images_in, named
from clearsight.predict.predictor import reading_options

if TYPE_CHECKING:
    from clearsight.data.sources.options import SourceOptions
    from clearsight.predict.source_images import SourceImages


@dataclass(frozen=True)
class Naming:
    """Images that are about to be named.

    Attributes:
        predictor: what names them.
        asked: how.
        parts: what they are read from.
        num_images: how many there are.
        problems: a sentence for each source that could not.
    """

    predictor: Predictor
    asked: Asked
    parts: tuple[ImageFiles | SourceImages, ...]
    num_images: int
    problems: tuple[str, ...]

    def rows(self, advance: Callable[[int], None] = lambda _: None) -> Iterator[Prediction]:
        """Name the images, one after the other; `advance` is told how many more are done."""
        found = chain.from_iterable(
            images_in(part, self.predictor, self.asked)
            if isinstance(part, ImageFiles)
            else part.found(self.predictor, self.asked)
            for part in self.parts
        )
        return named(found, self.predictor, self.asked, advance)


def name_images(
    path: Path,
    predictor: Predictor,
    inputs: Sequence[str],
    asked: Asked,
    options: Callable[[], SourceOptions] | None = None,
) -> Naming:
    """Find the images that are to be named.

    Args:
        path: the bundle or run that `predictor` is of.
        predictor: what names them.
        inputs: image files, folders of them, patterns, "-" for standard input, sources of any
            format, or selections such as "fashion-mnist:test[0:5]".
        asked: how they are to be named.
        options: gives how sources are to be read; None for as usual. With it folders are read as
            sources, whose labels the options may tell.

    Raises:
        RequestError: when an input is a URL.
    """
    parts: list[ImageFiles | SourceImages] = []
    problems: list[str] = []
    for text in inputs:
        files = image_files(text)
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
) -> SourceImages:
    from clearsight.data.sources.options import SourceOptions
    from clearsight.predict.source_images import source_images

    given = SourceOptions() if options is None else options()
    return source_images(text, *reading_options(path, predictor.preparation, given))
