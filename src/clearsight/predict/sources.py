"""`SourceImages`: the images of a data source, resized to fit a network."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from clearsight.data.image_set import ImageSet
from clearsight.data.listing import BadFile
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.data.sources.source_slice import is_source_slice, load_source_slice
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.location import is_run
from clearsight.run.store.source_images import options_for


@dataclass(frozen=True)
class SourceImages:
    """The images of a source.

    Attributes:
        parts: for instance a training and a test part.
        bad_files: images that could not be read.
        notes: sentences about what is left out, and how the source was read.
    """

    parts: tuple[ImageSet, ...]
    bad_files: tuple[BadFile, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return sum(map(len, self.parts)) + len(self.bad_files)


def load_source_images(
    text: str, path: Path, preparation: Preparation, options: SourceOptions
) -> SourceImages:
    """Load a source, or a slice of one such as ``fashion-mnist:test[0:5]``.

    Args:
        text: the source's name or path, or the slice.
        path: the bundle or run; slices of a run's own source are read as the run read it.
        preparation: of the network.
        options: how to read the source.

    Raises:
        DataError: if it cannot be read.
    """
    fitting = options.fitted_to(preparation)
    if os.path.lexists(text) or not is_source_slice(text):
        splits = load_splits(text, fitting)
        report = splits.load_report
        notes = replace(report, bad_files=()).sentences  # which become rows
        return SourceImages(tuple(splits.parts.values()), report.bad_files, notes)
    record = RunFolder(path).read_record() if is_run(path) else None
    images = load_source_slice(
        text, lambda source: fitting if record is None else options_for(record, source, options)
    )
    return SourceImages((images,))
