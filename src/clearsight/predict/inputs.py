"""Find and read the images to classify: files, folders, patterns and data sources."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clearsight.bundle.bundle import Bundle
from clearsight.data.limits import MAX_IMAGE_BYTES
from clearsight.errors import DataError
from clearsight.io.readable_name import readable_name
from clearsight.predict.image_files import STANDARD_INPUT, ImageFiles, find_image_files

if TYPE_CHECKING:
    from clearsight.data.sources.options import SourceOptions
    from clearsight.predict.sources import SourceImages


@dataclass(frozen=True)
class Inputs:
    """The images to classify, not read yet unless they come from a source.

    Attributes:
        parts: image files, or a source's images, one per argument.
        problems: one message per source that could not be read.
    """

    parts: tuple[ImageFiles | SourceImages, ...]
    problems: tuple[str, ...]

    @property
    def num_images(self) -> int:
        """How many images there are."""
        return sum(map(len, self.parts))

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what is left out, and how sources were read."""
        return tuple(note for part in self.parts for note in part.notes)


@dataclass(frozen=True)
class InputImage:
    """An image to classify, or the reason why it cannot be read.

    Attributes:
        name: the file, or e.g. "fashion-mnist:test[3]".
        true_label: the name of its true class, if known.
        pixels: uint8 (H, W, C) of the network's size and channels; None if it cannot be read.
        problem: a sentence if it cannot be read.
        warnings: see `PreparedImage`.
    """

    name: str
    true_label: str | None = None
    pixels: np.ndarray | None = None
    problem: str | None = None
    warnings: tuple[str, ...] = ()


def find_inputs(
    arguments: Sequence[str],
    path: Path,
    bundle: Bundle,
    source_options: SourceOptions | None = None,
    *,
    follow_links: bool = False,
) -> Inputs:
    """Find image files and load data sources.

    Args:
        arguments: image files, folders of them, patterns, "-" for standard input, data sources of
            any format, or slices such as "fashion-mnist:test[0:5]".
        path: the bundle or run that `bundle` comes from.
        bundle: whose size and channels the images of sources get.
        source_options: how to read sources; folders then are sources too, with the labels that the
            options define.
        follow_links: follow links that lead out of a folder of image files.

    Raises:
        RequestError: if an argument is a URL.
    """
    parts: list[ImageFiles | SourceImages] = []
    problems: list[str] = []
    for argument in arguments:
        try:
            if source_options is not None and os.path.isdir(argument):
                files = None
            else:
                files = find_image_files(argument, follow_links=follow_links)
            parts.append(files or _load_source(argument, path, bundle, source_options))
        except DataError as error:
            problems.append(str(error))
    return Inputs(tuple(parts), tuple(problems))


def _load_source(
    argument: str, path: Path, bundle: Bundle, options: SourceOptions | None
) -> SourceImages:
    from clearsight.data.sources.options import SourceOptions
    from clearsight.predict.sources import load_source_images

    return load_source_images(argument, path, bundle.preparation, options or SourceOptions())


def read_inputs(inputs: Inputs, bundle: Bundle, *, invert: bool) -> Iterator[InputImage]:
    """Read images one after the other, resized to the network's size and channels."""
    for part in inputs.parts:
        if isinstance(part, ImageFiles):
            for path in part.paths:
                true_label = part.true_label(path, bundle.class_names)
                if problem := part.problems.get(path):
                    yield InputImage(path, true_label, problem=problem)
                else:
                    yield _read_file(path, true_label, bundle, invert)
        else:
            yield from _read_source(part, bundle, invert)


def _read_file(path: str, true_label: str | None, bundle: Bundle, invert: bool) -> InputImage:
    name = "standard input" if path == STANDARD_INPUT else readable_name(path)
    try:
        is_piped = path == STANDARD_INPUT
        source = sys.stdin.buffer.read(MAX_IMAGE_BYTES + 1) if is_piped else Path(path)
        image = bundle.preparation.read(source, name=name, invert=invert)
    except DataError as error:
        return InputImage(name, true_label, problem=str(error))
    return InputImage(name, true_label, image.pixels, warnings=image.warnings)


def _read_source(source: SourceImages, bundle: Bundle, invert: bool) -> Iterator[InputImage]:
    for images in source.parts:
        for index, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
            pixels = bundle.preparation.fit_image(image, invert=invert)
            yield InputImage(images.name_of(index), images.class_names[label], pixels)
    for bad in source.bad_files:
        yield InputImage(bad.name, problem=bad.problem)
