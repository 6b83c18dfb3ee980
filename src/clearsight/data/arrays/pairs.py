"""Finding the arrays of images and labels of a source by their names, e.g. x_train and y_train."""

from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple

from clearsight.data.listing import PART_NAMES, Part
from clearsight.errors import DataError

Role = Literal["images", "labels"]

_ROLES: dict[str, Role] = {
    **dict.fromkeys(("x", "image", "images", "img", "imgs", "data", "pictures"), "images"),
    **dict.fromkeys(("y", "label", "labels", "target", "targets"), "labels"),
}
CLASS_NAME_ARRAYS = ("class_names", "label_names")
USUAL_NAMES = "x and y, x_train and y_train, images and labels, or train_images and train_labels"


class ArrayName(NamedTuple):
    """The meaning of an array's name; one without a part belongs to the training set."""

    role: Role
    part: Part


def parse_array_name(name: str) -> ArrayName | None:
    """Return the meaning of a name such as "x_train" or "test_images", None if it has none."""
    words = name.lower().replace("-", "_").split("_")
    if len(words) == 1 and words[0] in _ROLES:
        return ArrayName(_ROLES[words[0]], "train")
    if len(words) == 2:
        for role, part in (words, reversed(words)):
            if role in _ROLES and part in PART_NAMES:
                return ArrayName(_ROLES[role], PART_NAMES[part])
    return None


def find_array_pairs(
    names: Iterable[str], flat: Iterable[str], what: str
) -> dict[Part, tuple[str, str]]:
    """Find the names of the arrays of images and labels of each part; no part means "train".

    Arrays in `flat` have fewer than three axes: they are not the images if others could be.
    Messages call the source `what`.

    Raises:
        DataError: when there are no images, images without labels, or several candidates.
    """
    names, flat = list(names), set(flat)
    found: dict[tuple[Part, Role], list[str]] = {}
    for name in names:
        parsed = parse_array_name(name)
        if parsed is not None:
            found.setdefault((parsed.part, parsed.role), []).append(name)
    listed = ", ".join(names) or "none"
    pairs: dict[Part, tuple[str, str]] = {}
    for (part, role), candidates in found.items():
        if role == "labels":
            continue
        images = _only(candidates, flat, f"{what} should hold one array of {part} images")
        labels = found.get((part, "labels"))
        if labels is None:
            raise DataError(
                f"{what} should hold labels for '{images}', but its arrays are {listed}: name "
                f"them {USUAL_NAMES}."
            )
        pairs[part] = images, _only(labels, (), f"{what} should hold one array of {part} labels")
    for (part, role), candidates in found.items():
        if role == "labels" and part not in pairs and pairs:
            raise DataError(
                f"{what} should hold images for '{candidates[0]}', but its arrays are {listed}: "
                "add them, or leave these labels out."
            )
    if not pairs:
        raise DataError(
            f"{what} should hold arrays named {USUAL_NAMES}, but its arrays are {listed}."
        )
    return pairs


def _only(candidates: list[str], flat: Collection[str], expected: str) -> str:
    candidates = [name for name in candidates if name not in flat] or candidates
    if len(candidates) > 1:
        raise DataError(f"{expected}, but has {' and '.join(candidates)}: keep one of them.")
    return candidates[0]
