"""`TableColumns`: which columns of a table hold images, labels, splits and groups."""

from collections.abc import Sequence
from dataclasses import dataclass

from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError, did_you_mean

# Usual names, the most telling ones first: a later row only counts if no earlier name is there.
_IMAGE_NAMES = (
    ("image", "images", "image_path", "image_file", "img", "img_path", "path", "file", "filename",
     "file_name", "filepath", "file_path", "image_filename", "image_name", "img_name"),
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
        split: which part an image is in, or None if the table does not say.
        group: what an image belongs to, or None if the user gives no such column.
    """

    image: str
    label: str
    split: str | None
    group: str | None


@dataclass(frozen=True)
class ColumnFinder:
    """Finds a table's columns: those that the user gives, else those with usual names.

    All methods raise `DataError` when a column is missing, or several could be meant.

    Attributes:
        names: the names of all columns.
        options: the columns that the user gives.
        table: what messages call the table.
    """

    names: Sequence[str]
    options: SourceOptions
    table: str

    def columns(self, typed_image: str = "", typed_label: str = "") -> TableColumns:
        """Find all columns; pass those of images and labels that are known by their type."""
        given_label = self._given("label_column") or typed_label
        image = self._given("image_column") or typed_image
        image = image or self._usual(self.names, _IMAGE_NAMES, "images or their paths", "image")
        return TableColumns(image, given_label or self.label(), self.split(), self.group())

    def label(self) -> str:
        """Find the label column."""
        given = self._given("label_column")
        return given or self._usual(self.names, _LABEL_NAMES, "labels", "label")

    def split(self) -> str | None:
        """Find the split column, if there is one."""
        given = self._given("split_column")
        if given:
            return given
        found = [name for name in self.names if _normalize(name) in _SPLIT_NAMES[0]]
        return self._usual(found, _SPLIT_NAMES, "splits", "split") if found else None

    def group(self) -> str | None:
        """Find the group column, if the user gives one."""
        return self._given("group_column")

    def _given(self, field: str) -> str | None:
        wanted = getattr(self.options, field)
        if wanted is None or self.names.count(wanted) == 1:
            return wanted
        if wanted in self.names:
            raise DataError(
                f"{self.table} should have one column '{wanted}', but has several of that name."
            )
        raise DataError(
            f"{self.table} should have the column '{wanted}' given by "
            f"--{field.replace('_', '-')}, but its columns are {_list_names(self.names)}."
            f"{did_you_mean(wanted, self.names)}"
        )

    def _usual(
        self, names: Sequence[str], usual: Sequence[Sequence[str]], content: str, option: str
    ) -> str:
        for tier in usual:
            found = [name for name in names if _normalize(name) in tier]
            if len(found) > 1:
                raise DataError(
                    f"{self.table} should have one column of {content}, but {_list_names(found)} "
                    f"could each be it: choose it with --{option}-column."
                )
            if found:
                return found[0]
        raise DataError(
            f"{self.table} should have a column of {content} with a usual name such as "
            f"{', '.join(usual[0][:3])}, but its columns are {_list_names(names)}: choose it with "
            f"--{option}-column."
        )


def _normalize(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _list_names(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:12]) or "none"
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")
