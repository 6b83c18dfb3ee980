"""Errors for folders that do not say which class each image belongs to."""

import re
import shlex
from collections.abc import Sequence

from clearsight.data.folder_contents import FolderContents
from clearsight.data.formats.folder_structure import FolderStructure
from clearsight.data.formats.label_pattern import suggest_pattern
from clearsight.data.part_names import (
    holds_images,
    holds_masks,
    is_piece,
    part_of_folder,
    part_of_path,
)
from clearsight.data.skipped_files import skipped_sentence
from clearsight.errors import DataError
from clearsight.io.readable_name import readable_name
from clearsight.option_names import for_reader, option

_EXAMPLE = r"(?P<label>[a-z]+)\."
_NUM_SHOWN = 3  # names in a list
_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:[-_. ]?[0-9]{2}){0,2}")
_DETECTION_FOLDERS = {"labels", "annotations"}  # YOLO's and COCO's


def check_class_folders(contents: FolderContents, structure: FolderStructure) -> None:
    """Check that class folders do not seem to be splits without classes, or pieces of a dataset.

    Raises:
        DataError: when they do; the message says what to do.
    """
    inside = structure.class_folders
    parts = {name: part for name in sorted(inside) if (part := part_of_folder(name)) is not None}
    are_splits = "train" in parts.values() or len(parts) == len(inside)
    if len(set(parts.values())) > 1 and are_splits:
        listed = ", ".join(map(readable_name, parts))
        raise _unclear(contents, f"folders that seem to be splits ({listed}) without class folders")
    images, masks = filter(holds_images, sorted(inside)), filter(holds_masks, sorted(inside))
    if (image_folder := next(images, None)) and (mask_folder := next(masks, None)):
        raise DataError(
            f"{contents.source} should have one folder for each class, but '{mask_folder}' next to "
            f"'{image_folder}' seems to hold masks of the same images: give only the folder of "
            "images, with class folders in it."
        )


def check_alike_folders(source: str, structure: FolderStructure) -> None:
    """Check that it is clear which folders are the classes, unlike site_a/cats, site_b/cats, ...

    Raises:
        DataError: when the class folders, or those with names of pieces, have nothing but the same
            folders inside, unless these are called by dates.
    """
    inside = structure.class_folders
    pieces = [name for name in inside if is_piece(name)]
    outer_names, shared = sorted(inside), structure.shared_folders
    if len(pieces) > 1 and len(inner := set.intersection(*(inside[name] for name in pieces))) > 1:
        outer_names, shared = sorted(pieces), inner
    if len(outer_names) < 2 or len(shared) < 2 or all(map(_DATE.fullmatch, shared)):
        return
    outer, inner = _shorten(outer_names), _shorten(sorted(shared))
    raise DataError(
        f"{source} should have one folder for each class, but {outer} all have the folders "
        f"{inner}: give only one of them, call one train and another test, or say which are the "
        f"classes, with {option('class_folders', 'inner')} ({inner}) or "
        f"{for_reader('outer', repr('outer'))} ({outer})."
    )


def _shorten(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _NUM_SHOWN else ""
    return ", ".join(map(readable_name, names[:_NUM_SHOWN])) + more


def check_labels(
    labels: Sequence[str], contents: FolderContents, label_pattern: str | None
) -> None:
    """Check that there are at least two labels, which differ by more than upper and lower case.

    Raises:
        DataError: when there are not.
    """
    if not contents.images:
        raise DataError(
            f"{contents.source} should hold a folder of images for each class, but holds no image "
            "(jpg, png, gif, bmp, tif, webp and the like)"
            f"{_without_images(contents)}.{_skipped(contents)}"
        )
    if len(labels) < 2 and label_pattern is not None:
        example = suggest_pattern(list(contents.images)) or _EXAMPLE
        raise DataError(
            f"{contents.source} should have at least two labels in the names of its images, but "
            f"{option('label_pattern', label_pattern)} finds "
            f"{f'only {labels[0]!r}' if labels else 'none'} in names such as "
            f"{readable_name(min(contents.images))}: change it, for example to "
            f"{for_reader(shlex.quote(example), repr(example))}."
        )
    if len(labels) < 2:
        found = f"only the class '{labels[0]}'" if labels else "images in no folder"
        raise _unclear(contents, found)
    first_of: dict[str, str] = {}
    clashes = [
        f"'{first}' and '{label}'"
        for label in labels
        if (first := first_of.setdefault(label.casefold(), label)) != label
    ]
    if clashes:
        raise DataError(
            f"{contents.source} should have class folders whose names differ by more than upper "
            f"and lower case, but has {', '.join(clashes)}: give each class one name."
        )


def _unclear(contents: FolderContents, found: str) -> DataError:
    """Return the error for folders without classes, with advice that depends on what is there."""
    advice = []
    names = list(contents.images)
    names = [path for path in names if part_of_path(path.rpartition("/")[0]) == "train"] or names
    if pattern := suggest_pattern(names):
        advice.append(
            f"if the labels are in the names of the files ({readable_name(min(names))}), add "
            f"{option('label_pattern', pattern)}"
        )
    advice += _table_advice(contents)
    if any(path.rpartition("/")[2].lower() in _DETECTION_FOLDERS for path in contents.folders):
        advice.append(
            "if the images are annotated for object detection, which clearsight does not train, "
            "cut out the objects"
        )
    advice.append(f"{'else ' if advice else ''}sort the images into one folder for each class")
    return DataError(
        f"{contents.source} should hold at least two class folders with images, but holds {found}: "
        f"{'; '.join(advice)}.{_skipped(contents)}"
    )


def _table_advice(contents: FolderContents) -> list[str]:
    if not contents.tables:
        return []
    table = min(contents.tables, key=_unlikely_labels)
    return [f"if {readable_name(table)} has the labels, give that table"]


def _unlikely_labels(table: str) -> tuple[bool, bool, str]:
    """Return a sort key of tables: those for training first, forms of submissions last."""
    parts = [part_of_path(table), part_of_folder(table.rpartition("/")[2])]
    return "submission" in table.lower(), "train" not in parts, table


def _without_images(contents: FolderContents) -> str:
    """Return what to do about a source without images, which depends on what is there."""
    advice = _table_advice(contents)
    if contents.archives:
        example = readable_name(min(contents.archives))
        advice.insert(0, f"archives in it, such as {example}, are not opened: unpack them")
    return "".join(f"; {text}" for text in advice)


def _skipped(contents: FolderContents) -> str:
    counts = contents.skipped.counts
    return f" {skipped_sentence(counts)}" if counts else ""
