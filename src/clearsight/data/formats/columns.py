"""`TableColumns`: which columns of a table hold images, labels, parts and groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError, did_you_mean

# Usual names, the telling ones first: a name of a later row counts only where none of an earlier
# one is there.
_IMAGE_NAMES = (
    ("image", "images", "image_path", "image_file", "img", "img_path", "image", "path", "file",
     "filename", "file_name", "filepath", "file_path", "image_filename", "image_name", "img_name"),
    ("image_id", "id", "name"),
)  # fmt: skip
_LABEL_NAMES = (
    ("label", "labels", "class", "target", "y", "category", "class_name", "label_name"),
    ("class_id", "label_id", "classes", "category_id", "diagnosis", "species", "breed"),
)
_SPLIT_NAMES = (("split", "subset", "set", "partition", "data_split"),)


@dataclass(frozen=True)
class TableColumns:
    """Which columns of a table hold what.

    Attributes:
        image: images or their paths.
        label: labels.
        split: which part an image is in, or None where the table does not say.
        group: what an image belongs to, or None where nobody asked.
    """

    image: str
    label: str
    split: str | None
    group: str | None


def find_columns(
    names: Sequence[str], options: SourceOptions, what: str, typed: TableColumns | None = None
) -> TableColumns:
    """Find a table's columns: those that the user names, else those of usual names.

    Args:
        names: what the columns are called.
        options: the columns that the user names.
        what: what to call the table in messages.
        typed: columns that the table's own types give away, "" for those they do not.

    Raises:
        DataError: when a column is absent, or several could be meant.
    """
    label = typed.label if typed else ""
    label = _named(names, options.label_column, "label_column", what) or label
    image = typed.image if typed else ""
    image = _named(names, options.image_column, "image_column", what) or image
    image = image or _usual(names, _IMAGE_NAMES, "images or their paths", "--image-column", what)
    return TableColumns(
        image=image,
        label=label or _usual(names, _LABEL_NAMES, "labels", "--label-column", what),
        split=find_split_column(names, options, what),
        group=_named(names, options.group_column, "group_column", what),
    )


def find_label_column(names: Sequence[str], options: SourceOptions, what: str) -> str:
    """Find the column of labels alone.

    Raises:
        DataError: when it is absent, or several could be meant.
    """
    given = _named(names, options.label_column, "label_column", what)
    return given or _usual(names, _LABEL_NAMES, "labels", "--label-column", what)


def find_split_column(names: Sequence[str], options: SourceOptions, what: str) -> str | None:
    """Find the column of parts, or None.

    Raises:
        DataError: when the one that the user names is absent, or several could be meant.
    """
    given = _named(names, options.split_column, "split_column", what)
    found = [name for name in names if _normal(name) in _SPLIT_NAMES[0]]
    return given or (
        _usual(found, _SPLIT_NAMES, "parts", "--split-column", what) if found else None
    )


def find_group_column(names: Sequence[str], options: SourceOptions, what: str) -> str | None:
    """Return the column of groups that the user names, or None.

    Raises:
        DataError: when it is absent.
    """
    return _named(names, options.group_column, "group_column", what)


def _normal(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _named(names: Sequence[str], wanted: str | None, option: str, what: str) -> str | None:
    if wanted is None:
        return None
    if names.count(wanted) == 1:
        return wanted
    if wanted in names:
        raise DataError(f"{what} should have one column '{wanted}', but has several of that name.")
    raise DataError(
        f"{what} should have the column '{wanted}' that --{option.replace('_', '-')} names, but "
        f"its columns are {_listed(names)}.{did_you_mean(wanted, names)}"
    )


def _usual(
    names: Sequence[str], usual: Sequence[Sequence[str]], holding: str, option: str, what: str
) -> str:
    for tier in usual:
        found = [name for name in names if _normal(name) in tier]
        if len(found) > 1:
            raise DataError(
                f"{what} should have one column of {holding}, but {_listed(found)} could each be "
                f"it: name it with {option}."
            )
        if found:
            return found[0]
    raise DataError(
        f"{what} should have a column of {holding} with a usual name such as "
        f"{', '.join(usual[0][:3])}, but its columns are {_listed(names)}: name it with {option}."
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:12])
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "") if names else "none"
