"""Naming pictures with a run: picture files, or some of a source's pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearsight.data.pictures import read_picture
from clearsight.data.selection import is_selection, select
from clearsight.errors import DataError
from clearsight.evaluation.predictions import Predictions
from clearsight.run.saved import Run


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
    picture: np.ndarray


def name_pictures(
    run: Run, inputs: Sequence[str], *, invert: bool = False, data_dir: Path | None = None
) -> NamedPictures:
    """Bring pictures to the network's form and name them.

    Args:
        run: the network.
        inputs: picture files, or selections such as "fashion-mnist:test[0:5]".
        invert: turn light into dark and back first.
        data_dir: a folder that holds a selected source's files.

    Raises:
        DataError: when any input cannot be read, naming all that cannot.
    """
    items, problems = [], []
    for text in inputs:
        try:
            items += _read(run, text, data_dir)
        except DataError as error:
            problems.append(str(error))
    if problems:
        raise DataError(" ".join(problems))
    preparation = run.preparation
    fitted = [preparation.fit_picture(item.picture, invert=invert) for item in items]
    opposite = [
        item.name
        for item, picture in zip(items, fitted, strict=True)
        if preparation.is_opposite(picture)
    ]
    return NamedPictures(
        names=tuple(item.name for item in items),
        truths=tuple(item.truth for item in items),
        predictions=run.predict(np.stack(fitted)),
        warnings=tuple(_warning(name, preparation.polarity, invert) for name in opposite),
    )


def _read(run: Run, text: str, data_dir: Path | None) -> Iterator[_Item]:
    if os.path.lexists(text) or not is_selection(text):
        return iter([_Item(text, None, read_picture(Path(text)))])
    selection = select(text, data_dir or run.data_dir_of(text.partition(":")[0]))
    truths = (selection.images.class_names[label] for label in selection.images.labels)
    triples = zip(selection.names, truths, selection.images.images, strict=True)
    return (_Item(name, truth, picture) for name, truth, picture in triples)


def _warning(name: str, trained_polarity: str, invert: bool) -> str:
    found = "dark on light" if trained_polarity == "light-on-dark" else "light on dark"
    wanted = trained_polarity.replace("-", " ")
    mend = "leave out --invert" if invert else "try --invert"
    return (
        f"{name} shows {found}{' once inverted' if invert else ''} (judged by its border), but the "
        f"network was trained on pictures that are {wanted}: {mend}."
    )
