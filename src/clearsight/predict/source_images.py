"""The images of a source, or a selection of them, brought to a network's form."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clearsight.data.image_set import ImageSet
from clearsight.data.load_report import BadFile
from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.data.sources.source_slice import is_source_slice, load_source_slice
from clearsight.predict.predict import Asked, InputImage, Predictor

OptionsFor = Callable[[str], SourceOptions]


@dataclass(frozen=True)
class SourceImages:
    """What a source gives.

    Attributes:
        names: one an image.
        parts: the images, part by part, in that order.
        bad_files: the images that it could not give.
    """

    names: tuple[str, ...]
    parts: tuple[ImageSet, ...]
    bad_files: tuple[BadFile, ...] = ()

    def __len__(self) -> int:
        return len(self.names) + len(self.bad_files)

    def found(self, predictor: Predictor, asked: Asked) -> Iterator[InputImage]:
        """Give the images one after the other, and last those that cannot be read."""
        names = iter(self.names)
        for images in self.parts:
            for image, label in zip(images.images, images.labels, strict=True):
                fitted = predictor.preparation.fit_image(image, invert=asked.invert)
                yield InputImage(next(names), images.class_names[label], fitted)
        for bad in self.bad_files:
            yield InputImage(bad.name, problem=bad.problem)


def source_images(
    text: str, options: SourceOptions, options_for: OptionsFor | None = None
) -> SourceImages:
    """Load a source, or what a selection such as ``fashion-mnist:test[0:5]`` names.

    Args:
        text: its name, its path, or a selection.
        options: how a source is read so that its images fit the network.
        options_for: how the source of a selection is read, where not so.

    Raises:
        DataError: when it cannot be read.
    """
    if not os.path.lexists(text) and is_source_slice(text):
        selection = load_source_slice(text, options_for or (lambda _: options))
        return SourceImages(selection.names, (selection.images,))
    splits = load_splits(text, options)
    parts = tuple(splits.parts.values())
    names = tuple(images.name_of(index) for images in parts for index in range(len(images)))
    return SourceImages(names, parts, splits.load_report.bad_files)
