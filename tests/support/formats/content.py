"""Random images with labels, and what opening a layout of them returns."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from clearsight.data.listing import PARTS, Listing, Part
from clearsight.data.preparation.read_image import read_image
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError

CLASS_NAMES = ("apple", "Boot", "cat 2", "dög", "eel", "fig-tree", "Ω", "h.i")
# No side is a number of channels, so that every order of axes can be recognized.
SIDES = st.sampled_from((2, 5, 6, 7))


@dataclass(frozen=True, eq=False)
class Sample:
    pixels: np.ndarray  # uint8 (H, W, C)
    label: str
    part: Part | None

    @property
    def seen(self) -> tuple[Part | None, str, tuple[int, ...], bytes]:
        return self.part, self.label, self.pixels.shape, self.pixels.tobytes()


@dataclass(frozen=True)
class Content:
    class_names: tuple[str, ...]
    images: tuple[Sample, ...]

    @property
    def codes(self) -> list[int]:
        return [self.class_names.index(image.label) for image in self.images]

    def of(self, part: Part | None) -> list[Sample]:
        return [image for image in self.images if image.part == part]

    @property
    def parts(self) -> list[Part | None]:
        return [part for part in (None, *PARTS) if self.of(part)]

    def renamed(self, class_names: tuple[str, ...]) -> Content:
        """The same with other class names, e.g. "0", "1" in formats that only store numbers."""
        new_name = dict(zip(self.class_names, class_names, strict=True))
        images = [replace(image, label=new_name[image.label]) for image in self.images]
        return Content(class_names, tuple(images))

    def undivided(self) -> Content:
        return Content(self.class_names, tuple(replace(p, part="train") for p in self.images))


@dataclass(frozen=True)
class Layout:
    """What was written to disk, and what reading it must return."""

    path: Path
    content: Content
    options: SourceOptions = field(default_factory=SourceOptions)
    skipped: Mapping[str, int] = field(default_factory=dict)
    empty_classes: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None


@st.composite
def contents(
    draw: st.DrawFn,
    *,
    same_size: bool = False,
    channels: tuple[int, ...] = (1, 3, 4),
    undivided: Part | None = None,
    size: tuple[int, int] | None = None,
) -> Content:
    """Images of 2 to 4 classes; every class occurs in the training part."""
    class_names = draw(st.lists(st.sampled_from(CLASS_NAMES), min_size=2, max_size=4, unique=True))
    others = draw(st.sets(st.sampled_from(PARTS[1:])))
    is_divided = draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    form = (size or (draw(SIDES), draw(SIDES)), draw(st.sampled_from(channels)))
    slots: list[tuple[Part | None, str]] = []
    for part in ("train", *sorted(others)) if is_divided else (undivided,):
        for name in class_names:
            fewest = 1 if part in ("train", undivided) else 0
            slots += [(part, name)] * draw(st.integers(fewest, 2))
    images = []
    for part, name in draw(st.permutations(slots)):
        if not same_size:
            form = (draw(st.tuples(SIDES, SIDES)), draw(st.sampled_from(channels)))
        pixels = rng.integers(0, 256, (*form[0], form[1]), dtype=np.uint8)
        pixels.flat[0] = 255  # so that floats up to 255 are not mistaken for floats up to 1
        images.append(Sample(pixels, name, part))
    return Content(tuple(sorted(class_names)), tuple(images))


def encoded(pixels: np.ndarray, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, form)
    return buffer.getvalue()


def found_in(result: Listing | Splits) -> Counter[tuple[Part | None, str, tuple[int, ...], bytes]]:
    """Return what opening returned, as `Sample.seen`; every key must occur exactly once."""
    seen: Counter[tuple[Part | None, str, tuple[int, ...], bytes]] = Counter()
    if isinstance(result, Splits):
        for part in PARTS:
            images = result.parts.get(part)
            for pixels, label in zip(
                *((images.images, images.labels) if images else ((), ())), strict=True
            ):
                image = Sample(pixels, result.train.class_names[label], part)
                seen[image.seen] += 1
        return seen
    index_of = {key: index for index, key in enumerate(result.keys)}
    assert len(index_of) == len(result)
    assert result.labels.dtype == np.int64
    order = sorted(result.keys, key=hash)  # whatever order is asked for
    read = list(result.reader.each(order))
    assert sorted(key for key, _ in read) == sorted(result.keys)
    for key, content in read:
        index = index_of[key]
        assert isinstance(content, bytes), content
        label = result.class_names[result.labels[index]]
        seen[Sample(read_image(content).pixels, label, result.parts[index]).seen] += 1
    return seen


def problems_of(result: Listing) -> dict[str, str]:
    """What is wrong with each image that cannot be read."""
    problems = {}
    for key, content in result.reader.each(result.keys):
        try:
            if isinstance(content, DataError):
                raise content
            read_image(content, name=key)
        except DataError as error:
            problems[key] = str(error)
    return problems
