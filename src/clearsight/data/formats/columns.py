"""`TableColumns`: which columns of a table hold images, labels, splits and groups."""

from collections.abc import Sequence
from dataclasses import dataclass

from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError, did_you_mean, list_some

# What a column may hold, and its usual names, the most telling ones first: a later row only counts
# if no earlier name is there.
_USUAL_NAMES = {
    "images or their paths": (
        ("image", "images", "image_path", "image_file", "img", "img_path", "path", "file",
         "filename", "file_name", "filepath", "file_path", "image_filename", "image_name",
         "img_name"),
        ("image_id", "id", "name"),
    ),
    "labels": (
        ("label", "labels", "class", "target", "y", "category", "class_name", "label_name"),
        ("class_id", "label_id", "classes", "category_id", "diagnosis", "species", "breed"),
    ),
    "splits": (("split", "subset", "set", "partition", "data_split"),),
}  # fmt: skip
_MAX_SHOWN = 12  # column names in a message


@dataclass(frozen=True)
class TableColumns:
    """Which columns of a table hold what.

    Attributes:
        image: images or their paths; "" if each pixel has a column.
        label: labels.
        split: which part an image is in, or None if the table does not say.
        group: what an image belongs to, or None if the user gives no such column.
    """

    image: str
    label: str
    split: str | None
    group: str | None

    @property
    def names(self) -> list[str]:
        """The names of these columns, each once."""
        columns = (self.label, self.split, self.group, self.image)
        return list(dict.fromkeys(name for name in columns if name))


def find_columns(
    names: Sequence[str],
    options: SourceOptions,
    table: str,
    *,
    image: str | None = None,
    label: str | None = None,
) -> TableColumns:
    """Find a table's columns: those that the user gives, else those with usual names.

    Args:
        names: of all columns.
        options: the columns that the user gives.
        table: what messages call the table.
        image: the column of images if its type tells; "" if each pixel has a column.
        label: the column of labels if its type tells.

    Raises:
        DataError: when a column is missing, or several could be meant.
    """

    def find(given: str | None, option: str, content: str, known: str | None = None) -> str:
        if given is not None:
            _check_given(given, option, names, table)
            return given
        return _find_usual(content, option, names, table) if known is None else known

    return TableColumns(
        find(options.image_column, "--image-column", "images or their paths", image),
        find(options.label_column, "--label-column", "labels", label),
        find(options.split_column, "--split-column", "splits") or None,
        find(options.group_column, "--group-column", "groups", known="") or None,
    )


def _check_given(given: str, option: str, names: Sequence[str], table: str) -> None:
    if names.count(given) > 1:
        raise DataError(f"{table} should have one column '{given}', but has several of that name.")
    if given not in names:
        raise DataError(
            f"{table} should have the column '{given}' given by {option}, but its columns are "
            f"{_list_names(names)}.{did_you_mean(given, names)}"
        )


def _find_usual(content: str, option: str, names: Sequence[str], table: str) -> str:
    """Return the column with a usual name; "" if there is none, and no table needs one."""
    usual = _USUAL_NAMES[content]
    for tier in usual:
        found = [name for name in names if _normalize(name) in tier]
        if len(found) > 1:
            raise DataError(
                f"{table} should have one column of {content}, but {_list_names(found)} could each "
                f"be it: choose it with {option}."
            )
        if found:
            return found[0]
    if content == "splits":
        return ""
    raise DataError(
        f"{table} should have a column of {content} with a usual name such as "
        f"{', '.join(usual[0][:3])}, but its columns are {_list_names(names)}: choose it with "
        f"{option}."
    )


def _normalize(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _list_names(names: Sequence[str]) -> str:
    return list_some(names, _MAX_SHOWN) or "none"
