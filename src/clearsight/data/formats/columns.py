"""`TableColumns`: which columns of a table hold images, labels, splits and groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from clearsight.data.formats.one_hot import find_one_hot, join_one_hot
from clearsight.data.formats.split_cells import find_splits
from clearsight.data.labels.class_names import ClassNames
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError, did_you_mean, list_some
from clearsight.option_names import option

# What a column may hold, and its usual names, the most specific ones first: a later row only counts
# if no column has an earlier name.
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
class KnownColumns:
    """Columns whose types or cells show what they hold, so that their names do not matter.

    Attributes:
        image: images or their paths; "" if each pixel has a column.
        label: labels.
        split: which part an image is in.
        others: columns that are no labels: pixels or encoded images.
        hint: what messages about a missing column add after the names of all columns.
    """

    image: str | None = None
    label: str | None = None
    split: str | None = None
    others: tuple[str, ...] = ()
    hint: str = ""


class Table(Protocol):
    """A table of images, in any file format."""

    @property
    def source(self) -> str:
        """What messages call it."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns."""
        ...

    @property
    def known(self) -> KnownColumns:
        """The columns that are recognized without a usual name."""
        ...

    def read(self, names: Sequence[str]) -> dict[str, list[Any]]:
        """Return the cells of whole columns of text or numbers."""
        ...


@dataclass(frozen=True)
class TableColumns:
    """Which columns of a table hold what.

    Attributes:
        image: images or their paths; "" if each pixel has a column.
        labels: labels; or several columns of 0 and 1 (one-hot), one for each class.
        split: which part an image is in, or None if the table does not say.
        group: what an image belongs to, or None if the user gives no such column.
        notes: sentences for the user about columns that were not found by name.
    """

    image: str
    labels: tuple[str, ...]
    split: str | None
    group: str | None
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of these columns, each once."""
        columns = (*self.labels, self.split, self.group, self.image)
        return list(dict.fromkeys(name for name in columns if name))

    @property
    def class_names(self) -> ClassNames | None:
        """The classes that one-hot columns are named after."""
        return ClassNames.listed(self.labels) if len(self.labels) > 1 else None

    def read_labels(self, cells: Mapping[str, Sequence[Any]]) -> Sequence[Any]:
        """Return each row's label: the cell, or of one-hot columns the names of those with a 1."""
        if len(self.labels) == 1:
            return cells[self.labels[0]]
        return join_one_hot({name: cells[name] for name in self.labels})


def find_columns(table: Table, options: SourceOptions) -> TableColumns:
    """Find a table's columns: those that the user gives, those that are known, and usual names.

    Raises:
        DataError: when a column is missing, or several could be meant.
    """

    def find(given: str | None, argument: str, content: str, known: str | None = None) -> str:
        if given is not None:
            _check_given(given, argument, table)
            return given
        return _find_usual(content, argument, table) if known is None else known

    known = table.known
    image = find(options.image_column, "image_column", "images or their paths", known.image)
    split = find(options.split_column, "split_column", "splits", known.split) or None
    group = find(options.group_column, "group_column", "groups", known="") or None
    listed = tuple((options.label_column or "").split(","))
    if len(listed) > 1 and set(listed) <= set(table.names):
        return _with_others(TableColumns(image, listed, split, group), table)
    label = find(options.label_column, "label_column", "labels", known.label)
    if label:
        return _with_others(TableColumns(image, (label,), split, group), table)
    one_hot = _find_one_hot(table, (image, split, group))
    note = (
        f"{table.source} has no column of labels with a usual name: its columns "
        f"{list_some(one_hot, _MAX_SHOWN)} are one-hot labels, in which a 1 marks the class."
    )
    return _with_others(TableColumns(image, one_hot, split, group, (note,)), table)


def _with_others(columns: TableColumns, table: Table) -> TableColumns:
    """Look for the split among the other columns, and note which columns are not used."""
    others = [name for name in table.names if name not in (*columns.names, *table.known.others)]
    splits = find_splits(table.read(others)) if others and columns.split is None else {}
    if len(splits) == 1:
        (split,) = splits
        others.remove(split)
        note = (
            f"The column '{split}' says which split each image is in ({', '.join(splits[split])}); "
            f"choose another with {option('split_column')}."
        )
        columns = replace(columns, split=split, notes=(*columns.notes, note))
    others = [name for name in others if name.strip()]  # an index may have no name
    if others:
        unused = f"Columns that are not used: {list_some(others, _MAX_SHOWN)}."
        columns = replace(columns, notes=(*columns.notes, unused))
    return columns


def is_usual_name(name: str) -> bool:
    """Return whether a column is recognized by this name."""
    tiers = (tier for usual in _USUAL_NAMES.values() for tier in usual)
    return any(_normalize(name) in tier for tier in tiers)


def _find_one_hot(table: Table, others: Sequence[str | None]) -> tuple[str, ...]:
    candidates = [name for name in table.names if name not in (*others, *table.known.others)]
    found = find_one_hot(table.names, table.read(candidates))
    if found.labels:
        return found.labels
    hint = ""
    if len(found.binary) > 1:
        joined = ",".join(found.binary)
        given = option("label_column", joined)
        hint = f", or with {given} if each of these columns of 0 and 1 is a class"
    raise _no_column("labels", "label_column", table, hint)


def _check_given(given: str, argument: str, table: Table) -> None:
    if table.names.count(given) > 1:
        raise DataError(
            f"{table.source} should have one column '{given}', but has several of that name."
        )
    if given not in table.names:
        raise DataError(
            f"{table.source} should have the column '{given}' given by "
            f"{option(argument)}, but its columns "
            f"are {_list_names(table.names)}{table.known.hint}.{did_you_mean(given, table.names)}"
        )


def _find_usual(content: str, argument: str, table: Table) -> str:
    """Return the column with a usual name; "" if there is none and none is required."""
    for tier in _USUAL_NAMES[content]:
        found = [name for name in table.names if _normalize(name) in tier]
        if len(found) > 1:
            raise DataError(
                f"{table.source} should have one column of {content}, but {_list_names(found)} "
                f"could each be it: choose it with {option(argument)}."
            )
        if found:
            return found[0]
    if content == "images or their paths":
        raise _no_column(content, argument, table)
    return ""


def _no_column(content: str, argument: str, table: Table, hint: str = "") -> DataError:
    return DataError(
        f"{table.source} should have a column of {content} with a usual name such as "
        f"{', '.join(_USUAL_NAMES[content][0][:3])}, but its columns are "
        f"{_list_names(table.names)}{table.known.hint}: choose it with {option(argument)}{hint}."
    )


def _normalize(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _list_names(names: Sequence[str]) -> str:
    return list_some(names, _MAX_SHOWN) or "none"
