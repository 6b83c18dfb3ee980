"""Which images of a source are no longer as a run used them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from clearsight.data.splits.splits import Splits
from clearsight.errors import list_some
from clearsight.run.store.split_csv import UsedImage, list_images


def image_changes(used: Sequence[UsedImage], splits: Splits, *, used_all: bool) -> list[str]:
    """Describe how the images of a source differ from those that a run used.

    Args:
        used: the contents of the run's ``split.csv``.
        splits: all images of the source now.
        used_all: whether the run used all images of its source, so that others are new.

    Returns:
        A clause for each type of change, with some names, e.g. "1 image was added ('cat/1.png')".
    """
    now = list_images(splits)
    if all(image.name for image in (*used, *now)):
        clauses = list(_changes_by_name(used, now, used_all=used_all))
    else:
        clauses = list(_changes_by_content(used, now, used_all=used_all))
    return clauses or [
        "other images come first, or they are in another order, or their groups have other names"
    ]


def _changes_by_name(
    used: Iterable[UsedImage], now: Iterable[UsedImage], *, used_all: bool
) -> Iterator[str]:
    before_by_name, now_by_name = ({each.name: each for each in images} for images in (used, now))
    added = [name for name in now_by_name if name not in before_by_name]
    kinds: dict[str, list[str]] = {
        "added": added if used_all else [],
        "removed": [name for name in before_by_name if name not in now_by_name],
        "modified": [],
        "given another class": [],
        "moved to another part": [],
    }
    for name, before in before_by_name.items():
        found = now_by_name.get(name)
        if found is None:
            continue
        if found.digest != before.digest:
            kinds["modified"].append(name)
        if found.class_name != before.class_name:
            kinds["given another class"].append(name)
        if found.part != before.part and found.digest == before.digest:
            kinds["moved to another part"].append(name)
    for kind, names in kinds.items():
        if names:
            yield f"{_images(len(names))} {kind} ({list_some(sorted(names))})"


def _changes_by_content(
    used: Iterable[UsedImage], now: Iterable[UsedImage], *, used_all: bool
) -> Iterator[str]:
    """Describe the differences of images without names."""
    before, found = (Counter(image.key for image in images) for images in (used, now))
    num_added, num_removed = (found - before).total(), (before - found).total()
    if num_added and used_all:
        yield f"{_images(num_added)} added"
    if num_removed:
        yield f"{_images(num_removed)} removed, modified or given another class"


def _images(count: int) -> str:
    return "1 image was" if count == 1 else f"{count:,} images were"
