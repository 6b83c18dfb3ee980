"""Images in class folders, read off their paths alone: the same for folders and archives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from clearsight.data.image_suffixes import IMAGE_SUFFIXES
from clearsight.data.listing import PARTS, Part, parse_part
from clearsight.errors import DataError

HIDDEN = "hidden"  # a name that begins with a dot, or what systems leave behind
NO_IMAGE = "not an image"
NO_CLASS = "image outside of any class folder"


@dataclass(frozen=True)
class Tree:
    """What the paths of a folder or an archive say.

    Attributes:
        keys: paths of the images, "/" between names, sorted by part, class and name.
        labels: int64 (N,).
        class_names: the class folders' names, sorted; nested ones joined by "/".
        parts: N parts, all None where there are no train/, val/ or test/ folders.
        skipped: how many files were passed over, by why.
        empty_classes: class folders without an image.
        notes: sentences that the user should read.
    """

    keys: tuple[str, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]
    parts: tuple[Part | None, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)
    empty_classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def tree_of(files: Iterable[str], folders: Iterable[str], skipped: Counter[str], what: str) -> Tree:
    """Read parts and classes off the paths of images.

    Args:
        files: paths of images, relative to the root, "/" between names.
        folders: paths of all folders, likewise, so that empty classes are seen.
        skipped: what was passed over on the way.
        what: what to call the source in messages.

    Raises:
        DataError: when there are no class folders, fewer than two classes, or two class names that
            differ only in case.
    """
    paths = sorted(files)
    tops = {path.split("/", 1)[0] for path in folders}
    root = _single_root(paths, tops)
    depth = len(root)
    inner_tops = {path[depth:].split("/", 1)[0] for path in folders}
    named: dict[str, Part | None] = {top: parse_part(top) for top in inner_tops}
    has_parts = _has_parts(path[depth:] for path in paths)
    rows: list[tuple[int, str, str, Part | None]] = []
    for path in paths:
        *parents, _ = path[depth:].split("/")
        part: Part | None = None
        if has_parts and parents:
            part = named.get(parents[0])
            if part is None:
                skipped["image outside of train, val and test"] += 1
                continue
            parents = parents[1:]
        if not parents:
            skipped[NO_CLASS] += 1
            continue
        rows.append((PARTS.index(part) if part else 0, "/".join(parents), path, part))
    rows.sort(key=lambda row: row[:3])
    class_names = tuple(sorted({row[1] for row in rows}))
    _check_classes(class_names, len(paths), what)
    label_of = {name: label for label, name in enumerate(class_names)}
    empty = _classes_of(folders, depth, has_parts) - set(class_names)
    return Tree(
        keys=tuple(row[2] for row in rows),
        labels=np.array([label_of[row[1]] for row in rows], dtype=np.int64),
        class_names=class_names,
        parts=tuple(row[3] for row in rows),
        skipped=dict(skipped),
        empty_classes=tuple(
            sorted(name for name in empty if not _holds_classes(name, class_names))
        ),
    )


def _single_root(paths: list[str], tops: set[str]) -> str:
    """Return "NAME/" when everything lies in one folder that is itself no class, else ""."""
    if len(tops) != 1 or any("/" not in path for path in paths):
        return ""
    root = next(iter(tops))
    inner = [path[len(root) + 1 :] for path in paths]
    is_class = parse_part(root) is not None or any("/" not in path for path in inner)
    return "" if is_class or not inner else f"{root}/"


def _has_parts(paths: Iterable[str]) -> bool:
    """Tell whether the top folders are train/ and perhaps val/ and test/, with classes inside."""
    deep = {path.split("/", 1)[0] for path in paths if path.count("/") >= 2}
    return "train" in {parse_part(top) for top in deep}


def _classes_of(folders: Iterable[str], depth: int, has_parts: bool) -> set[str]:
    """Return what the folders' paths would be as class names, outer folders left out."""
    names = set()
    for path in folders:
        levels = path[depth:].split("/") if len(path) > depth else []
        if has_parts:
            levels = levels[1:] if levels and parse_part(levels[0]) else []
        if levels:
            names.add("/".join(levels))
    return names


def _holds_classes(name: str, class_names: tuple[str, ...]) -> bool:
    return any(other.startswith(f"{name}/") for other in class_names)


def _check_classes(class_names: tuple[str, ...], num_images: int, what: str) -> None:
    if not num_images:
        raise DataError(
            f"{what} should hold a folder of images for each class, but holds no image "
            f"({', '.join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES)[:6])} and the like)."
        )
    if len(class_names) < 2:
        found = f"only the class '{class_names[0]}'" if class_names else "images in no folder"
        raise DataError(
            f"{what} should hold at least two class folders with images, but holds {found}: sort "
            "the images into one folder for each class."
        )
    first_of: dict[str, str] = {}
    clashes = []
    for name in class_names:
        other = first_of.setdefault(name.casefold(), name)
        if other != name:
            clashes.append(f"'{other}' and '{name}'")
    if clashes:
        raise DataError(
            f"{what} should have class folders that differ by more than upper and lower case, but "
            f"has {', '.join(clashes)}: give one class one name."
        )
