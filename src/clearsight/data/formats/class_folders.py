"""Images in class folders, on disk or in an archive: classes and parts from their paths."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearsight.data.folder_contents import FolderContents
from clearsight.data.formats.folder_structure import (
    OUTSIDE_PARTS,
    FolderRole,
    FolderStructure,
    find_structure,
)
from clearsight.data.formats.label_pattern import find_label
from clearsight.data.formats.mask_files import mask_files_note
from clearsight.data.formats.unclear_folders import (
    check_alike_folders,
    check_class_folders,
    check_labels,
)
from clearsight.data.labels.alike_names import alike_names_note, merged_names_note, one_form
from clearsight.data.labels.class_names import read_class_names
from clearsight.data.listing import PARTS, Listing, Part, Reader
from clearsight.data.part_names import part_of_path
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError
from clearsight.io.readable_name import readable_name
from clearsight.option_names import option

_NUM_SHOWN = 10  # names in a sentence


@dataclass(frozen=True)
class _Image:
    """An image with its label; `role` is None if the label is in the file's name."""

    path: str
    label: str
    part: Part | None
    role: FolderRole | None = None


def list_class_folders(
    contents: FolderContents, reader: Reader, signature: str, options: SourceOptions
) -> Listing:
    """List the images in class folders, sorted by part, class and name.

    With the option `label_pattern`, labels are in the names of the files instead. Images without a
    label, or outside of the parts, are counted as skipped.

    Raises:
        DataError: when it is unclear which folders are classes, there are fewer than two, two
            names differ only in case, nothing is for training, or the file of class names does not
            list a folder.
    """
    structure = find_structure(
        {path.rpartition("/")[0] for path in contents.images},
        are_inner=options.class_folders == "inner",
    )
    if options.label_pattern is None:
        check_class_folders(contents, structure)
        if options.class_folders == "auto" and not options.nested_classes:
            check_alike_folders(contents.source, structure)
        images = _images_in_folders(contents, structure, options.nested_classes)
        empty = _empty_classes(contents, structure, images, options.nested_classes)
    else:
        images, empty = _images_with_labels(contents, re.compile(options.label_pattern)), ()
    images.sort(key=lambda image: (PARTS.index(image.part or "train"), image.label, image.path))
    labels = tuple(sorted({image.label for image in images}))
    check_labels(labels, contents, options.label_pattern)
    parts = {image.part for image in images}
    if parts != {None} and "train" not in parts:
        raise DataError(
            f"{contents.source} should have a folder of training images, but has only folders of "
            f"{' and '.join(sorted(filter(None, parts)))} images: call one of them train."
        )
    _check_shared_classes(images, contents.source)
    class_names, code_of = _name_classes(labels, options.class_names)
    return Listing(
        reader=reader,
        keys=tuple(image.path for image in images),
        labels=np.array([code_of[image.label] for image in images], dtype=np.int64),
        class_names=class_names,
        parts=tuple(image.part for image in images),
        signature=signature,
        provenance=contents.source,
        skipped=contents.skipped.counts,
        empty_classes=empty,
        decisions=_describe(labels, images, structure, options),
        notes=(
            *merged_names_note(_written_names(images)),
            *alike_names_note(labels),
            *mask_files_note([image.path for image in images]),
            *contents.notes,
        ),
    )


def _images_in_folders(
    contents: FolderContents, structure: FolderStructure, nested_classes: bool
) -> list[_Image]:
    role_of = {folder: structure.role(folder) for folder in structure.image_folders}
    images = []
    for path in contents.images:
        role = role_of[path.rpartition("/")[0]]
        if role.problem:
            contents.skipped.add(path, role.problem)
        else:
            images.append(_Image(path, role.class_name(nested_classes), role.part, role))
    return images


def _images_with_labels(contents: FolderContents, pattern: re.Pattern[str]) -> list[_Image]:
    parts: dict[str, Part | None] = {
        path: part_of_path(path.rpartition("/")[0]) for path in contents.images
    }
    is_divided = len(set(parts.values()) - {None}) > 1 or "train" in parts.values()
    images = []
    for path, part in parts.items():
        label = find_label(path, pattern)
        if label is None:
            contents.skipped.add(path, f"no label in its name, by {option('label_pattern')}")
        elif is_divided and part is None:
            contents.skipped.add(path, OUTSIDE_PARTS)
        else:
            images.append(
                _Image(path, one_form(readable_name(label)), part if is_divided else None)
            )
    return images


def _empty_classes(
    contents: FolderContents,
    structure: FolderStructure,
    images: Sequence[_Image],
    nested_classes: bool,
) -> tuple[str, ...]:
    roles = (structure.role(folder) for folder in contents.folders)
    names = {role.class_name(nested_classes) for role in roles if not role.problem}
    used = {image.label for image in images}
    used |= {label[:end] for label in used for end, char in enumerate(label) if char == "/"}
    return tuple(sorted(names - used))


def _describe(
    labels: Sequence[str],
    images: Sequence[_Image],
    structure: FolderStructure,
    options: SourceOptions,
) -> tuple[str, ...]:
    """Describe in a sentence which classes and parts were found, unless there are just classes."""
    found = [f"{len(labels)} classes: {_shorten(labels)}"]
    if options.label_pattern is not None:
        found[0] += " (in the names of the files)"
    used = {image.part for image in images}
    if parts := [structure.describe_part(part) for part in PARTS if part in used]:
        found.append(f"{len(parts)} split{'s' if len(parts) > 1 else ''}: {', '.join(parts)}")
    if any(image.role is not None and image.role.inner for image in images):
        how = "classes of their own" if options.nested_classes else "merged"
        found.append(f"folders inside classes: {how}")
        shared = set.intersection(*structure.class_folders.values())
        if shared and not options.nested_classes:
            found[-1] += (
                f" (all classes have {_shorten(sorted(map(readable_name, shared)))} inside)"
            )
    is_plain = len(found) == 1 and options.label_pattern is None
    return () if is_plain else (f"{'; '.join(found)}.",)


def _check_shared_classes(images: Sequence[_Image], source: str) -> None:
    """Check that each other part has at least one of the classes to train on.

    Raises:
        DataError: when one has none: its folders may be called otherwise, or are no classes.
    """
    labels = {part: {image.label for image in images if image.part == part} for part in PARTS}
    for part in ("validation", "test"):
        if labels[part] and labels["train"] and not labels[part] & labels["train"]:
            found, known = (_shorten(sorted(labels[each])) for each in (part, "train"))
            raise DataError(
                f"{source} should have the same class folders in each split, but of those for "
                f"{part} ({found}) none is among those for training ({known}): give them the same "
                "names, or move the split elsewhere."
            )


def _written_names(images: Sequence[_Image]) -> dict[str, set[str]]:
    """Return the names of the folders of each class."""
    written: dict[str, set[str]] = {}
    for image in images:
        if image.role is not None:
            written.setdefault(image.label, set()).add(image.role.class_folder)
    return written


def _shorten(names: Sequence[str]) -> str:
    more = len(names) - _NUM_SHOWN
    return ", ".join(names) if more < 2 else f"{', '.join(names[:_NUM_SHOWN])} and {more} more"


def _name_classes(
    folder_names: tuple[str, ...], file: Path | None
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the class names, and each folder's label.

    A file of class names gives the order of the folders, or the names of folders that are numbers.
    """
    if file is None:
        return folder_names, {name: label for label, name in enumerate(folder_names)}
    known = read_class_names(file)
    label_of = {name: label for label, name in enumerate(known.names)}
    if not set(folder_names) <= set(label_of):
        label_of = {str(number): label for label, number in enumerate(known.numbers)}
        for name in folder_names:
            if name.isdecimal() and str(int(name)) in label_of:  # with leading zeros
                label_of[name] = label_of[str(int(name))]
    unknown = [name for name in folder_names if name not in label_of]
    if unknown:
        raise DataError(
            f"{file} should list the names or numbers of the class folders, but does not list "
            f"{', '.join(repr(name) for name in unknown[:3])}: leave "
            f"{option('class_names')} out to use the folders' own names."
        )
    return known.names, label_of
