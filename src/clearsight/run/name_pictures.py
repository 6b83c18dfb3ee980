"""Naming pictures with a run: picture files, or some of a source's pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearsight.data.formats import FORMATS
from clearsight.data.formats.tree import is_hidden, is_picture
from clearsight.data.options import SourceOptions
from clearsight.data.preparation import Preparation
from clearsight.data.selection import is_selection, select
from clearsight.data.sources import is_source, load_splits
from clearsight.errors import DataError
from clearsight.evaluation.predictions import Predictions
from clearsight.run.measured import fitting_options, options_for
from clearsight.run.saved import Run

_MOST_NAMED = 5  # broken files in one message


@dataclass(frozen=True)
class NamedPictures:
    """Pictures with what the network says of them.

    Attributes:
        names: the files, or e.g. "fashion-mnist:test[3]".
        truths: the true class's name where it is known, else None.
        predictions: one row a picture.
        warnings: a sentence for each picture that does not look like what was trained on.
    """

    names: tuple[str, ...]
    truths: tuple[str | None, ...]
    predictions: Predictions
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Item:
    name: str
    truth: str | None
    picture: np.ndarray  # uint8, of the network's size and channels


def name_pictures(
    run: Run,
    inputs: Sequence[str],
    *,
    invert: bool = False,
    options: SourceOptions | None = None,
) -> NamedPictures:
    """Bring pictures to the network's form and name them.

    Args:
        run: the network.
        inputs: picture files, folders of them, sources of any format, or selections such as
            "fashion-mnist:test[0:5]".
        invert: turn light into dark and back first.
        options: how sources are to be read.

    Raises:
        DataError: when any input cannot be read, naming all that cannot.
    """
    preparation = run.preparation
    items: list[_Item] = []
    problems: list[str] = []
    left_out: list[str] = []
    for text in inputs:
        try:
            found = _picture_files(text)
            if found is not None:
                more, bad = _pictures(found, preparation, invert)
                if bad and not (more and Path(text).is_dir()):
                    raise DataError(" ".join(bad[:_MOST_NAMED]))
                items += more
                left_out += bad
            else:
                more, notes = _of_source(run, text, options or SourceOptions(), invert)
                items += more
                left_out += notes
        except DataError as error:
            problems.append(str(error))
    if problems:
        raise DataError(" ".join(problems))
    fitted = [item.picture for item in items]
    opposite = [item.name for item in items if preparation.is_opposite(item.picture)]
    return NamedPictures(
        names=tuple(item.name for item in items),
        truths=tuple(item.truth for item in items),
        predictions=run.predict(np.stack(fitted)),
        warnings=(
            *left_out,
            *(_warning(name, preparation.polarity, invert) for name in opposite),
        ),
    )


def _picture_files(text: str) -> list[Path] | None:
    """Return the picture files that an input stands for, or None when it is a source."""
    path = Path(text)
    if not os.path.lexists(text):
        return None if is_source(text) or is_selection(text) else [path]
    if path.is_dir():
        inside = [found for found in path.iterdir() if not is_hidden(found.name)]
        if any(found.is_dir() for found in inside):
            return None  # class folders
        return sorted(found for found in inside if is_picture(found.name)) or None
    has_format = not is_picture(text) and any(row.matches(path) for row in FORMATS)
    return None if has_format else [path]


def _pictures(
    paths: Sequence[Path], preparation: Preparation, invert: bool
) -> tuple[list[_Item], list[str]]:
    """Read picture files; return them, and what is wrong with those that cannot be read."""
    items, problems = [], []
    for path in paths:
        try:
            items.append(_Item(str(path), None, preparation.read(path, invert=invert)))
        except DataError as error:
            problems.append(str(error))
    return items, problems


def _of_source(
    run: Run, text: str, options: SourceOptions, invert: bool
) -> tuple[list[_Item], list[str]]:
    """Return the pictures that a source or a selection of one gives, and what it left out."""
    preparation, record = run.preparation, run.record
    if os.path.lexists(text) or not is_selection(text):
        splits = load_splits(text, fitting_options(record, options))
        parts = list(splits.parts.values())
        notes = [bad.problem for bad in splits.intake.bad_files]
        names = [images.name_of(index) for images in parts for index in range(len(images))]
    else:
        selection = select(text, lambda source: options_for(record, source, options))
        parts, notes, names = [selection.images], [], list(selection.names)
    truths = [images.class_names[label] for images in parts for label in images.labels]
    pictures = (picture for images in parts for picture in images.images)
    fitted = (preparation.fit_picture(picture, invert=invert) for picture in pictures)
    return [_Item(*values) for values in zip(names, truths, fitted, strict=True)], notes


def _warning(name: str, trained_polarity: str, invert: bool) -> str:
    found = "dark on light" if trained_polarity == "light-on-dark" else "light on dark"
    wanted = trained_polarity.replace("-", " ")
    mend = "leave out --invert" if invert else "try --invert"
    return (
        f"{name} shows {found}{' once inverted' if invert else ''} (judged by its border), but the "
        f"network was trained on pictures that are {wanted}: {mend}."
    )
