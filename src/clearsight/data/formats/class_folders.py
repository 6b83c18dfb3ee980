"""Images in class folders, on disk or in an archive: classes and parts from their paths."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from clearsight.data.image_suffixes import IMAGE_SUFFIXES
from clearsight.data.labels.class_names import read_class_names
from clearsight.data.listing import PARTS, Listing, Part, Reader, parse_part
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError

HIDDEN = "hidden"  # a name that begins with a dot, or what operating systems leave behind
NOT_AN_IMAGE = "not an image"

Position = TypeVar("Position")


@dataclass
class FolderContents(Generic[Position]):
    """What a folder or an archive contains.

    Attributes:
        source: what messages call it.
        images: the images' paths, "/" between names, each with what its reader needs to find it.
        folders: the paths of all folders, so that empty classes are noticed.
        skipped: how many files were skipped, by reason.
        notes: sentences for the user.
    """

    source: str
    images: dict[str, Position] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    skipped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def list_class_folders(
    contents: FolderContents, reader: Reader, signature: str, options: SourceOptions
) -> Listing:
    """List the images in class folders, sorted by part, class and name.

    Images outside of any class folder are counted as skipped.

    Raises:
        DataError: when there are no class folders, fewer than two classes, two class names that
            differ only in case, or folders that the file of class names does not list.
    """
    paths, folders = sorted(contents.images), contents.folders
    depth = len(_single_root(paths, folders))
    has_parts = _has_parts(path[depth:] for path in paths)
    rows: list[tuple[int, str, str, Part | None]] = []
    for path in paths:
        *parents, _ = path[depth:].split("/")
        part: Part | None = None
        if has_parts and parents:
            part = parse_part(parents[0])
            if part is None:
                contents.skipped["image outside of train, val and test"] += 1
                continue
            parents = parents[1:]
        if not parents:
            contents.skipped["image outside of any class folder"] += 1
            continue
        rows.append((PARTS.index(part) if part else 0, "/".join(parents), path, part))
    rows.sort(key=lambda row: row[:3])
    folder_names = tuple(sorted({row[1] for row in rows}))
    _check_classes(folder_names, len(paths), contents.source)
    class_names, label_of = _name_classes(folder_names, options.class_names)
    empty = _class_folders(folders, depth, has_parts) - set(folder_names)
    return Listing(
        reader=reader,
        keys=tuple(row[2] for row in rows),
        labels=np.array([label_of[row[1]] for row in rows], dtype=np.int64),
        class_names=class_names,
        parts=tuple(row[3] for row in rows),
        signature=signature,
        provenance=contents.source,
        skipped=dict(contents.skipped),
        empty_classes=tuple(
            name
            for name in sorted(empty)
            if not any(other.startswith(f"{name}/") for other in folder_names)
        ),
        notes=tuple(contents.notes),
    )


def _single_root(paths: Sequence[str], folders: Iterable[str]) -> str:
    """Return "NAME/" if everything is in one folder that is not itself a class, else ""."""
    tops = {path.split("/", 1)[0] for path in folders}
    if len(tops) != 1 or any("/" not in path for path in paths):
        return ""
    root = next(iter(tops))
    inner = [path[len(root) + 1 :] for path in paths]
    is_class = parse_part(root) is not None or any("/" not in path for path in inner)
    return "" if is_class or not inner else f"{root}/"


def _has_parts(paths: Iterable[str]) -> bool:
    """Return whether the top folders are train/ and perhaps val/ and test/, with classes inside."""
    deep = {path.split("/", 1)[0] for path in paths if path.count("/") >= 2}
    return any(parse_part(top) == "train" for top in deep)


def _class_folders(folders: Iterable[str], depth: int, has_parts: bool) -> set[str]:
    """Return what the folders would be called as classes, without outer folders."""
    names = set()
    for path in folders:
        levels = path[depth:].split("/") if len(path) > depth else []
        if has_parts:
            levels = levels[1:] if levels and parse_part(levels[0]) else []
        if levels:
            names.add("/".join(levels))
    return names


def _check_classes(folder_names: Sequence[str], num_images: int, source: str) -> None:
    if not num_images:
        raise DataError(
            f"{source} should hold a folder of images for each class, but holds no image "
            f"({', '.join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES)[:6])} and the like)."
        )
    if len(folder_names) < 2:
        found = f"only the class '{folder_names[0]}'" if folder_names else "images in no folder"
        raise DataError(
            f"{source} should hold at least two class folders with images, but holds {found}: sort "
            "the images into one folder for each class."
        )
    first_of: dict[str, str] = {}
    clashes = []
    for name in folder_names:
        other = first_of.setdefault(name.casefold(), name)
        if other != name:
            clashes.append(f"'{other}' and '{name}'")
    if clashes:
        raise DataError(
            f"{source} should have class folders whose names differ by more than upper and lower "
            f"case, but has {', '.join(clashes)}: give each class one name."
        )


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
            f"{', '.join(repr(name) for name in unknown[:3])}: leave --class-names out to use the "
            "folders' own names."
        )
    return known.names, label_of
