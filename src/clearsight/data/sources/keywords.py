"""The types of the options of `load_data`.

Written by docs/make_option_types.py from the fields that define the options; a test compares.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypedDict


class SourceKeywords(TypedDict, total=False):
    """Options of `load_data`."""

    image_size: int | str | tuple[int, int] | None
    r"""Size of all images; by default chosen from the data."""

    resize: Literal["fit", "crop", "stretch"]
    r"""Pad, crop or stretch images of another shape: fit, crop, stretch."""

    channels: Literal["auto", 1, 3]
    r"""1 is grey, 3 colour; auto is grey if all images are."""

    pixel_range: str | tuple[float, float] | None
    r"""Values of deep (16-bit, 32-bit, float) images that become 0 and 255; by default chosen from
    the data."""

    test_split: float | None
    r"""Fraction held out as the test set; by default 0.2 if the source has none."""

    data_dir: str | Path | None
    r"""Folder with the files of a named source."""

    image_column: str | None
    r"""Table: column of images or their paths."""

    label_column: str | None
    r"""Table: column of labels; A,B,... are one-hot."""

    split_column: str | None
    r"""Table: column that says train, validation or test."""

    group_column: str | None
    r"""Table: column of groups (e.g. patient) that no split separates."""

    header: bool
    r"""If False: table: the first line is data; columns are called 1, 2, ..."""

    label_pattern: str | None
    r"""Folders: find labels in file names, e.g. '(?P<label>[a-z]+)\.' in cat.0.jpg."""

    nested_classes: bool
    r"""Folders: folders inside class folders are classes of their own."""

    class_folders: Literal["auto", "outer", "inner"]
    r"""Folders: which are the classes if all of them have the same folders inside."""

    follow_links: bool
    r"""Folders and tables: follow links that lead out of the folder."""

    class_names: str | Path | None
    r"""JSON or TXT file of the class names, in order."""

    corrections: str | Path | None
    r"""Corrected labels; see `data check --labels-out`."""

    remove_list: str | Path | None
    r"""List of images to leave out; see `data check`."""

    allow_bad: bool
    r"""Continue even if more than 1% of the images are unusable."""
