"""What the name of a folder means: a part (training, validation, test), images, or masks."""

import re

from clearsight.data.listing import Part, parse_part

_WORDS: dict[Part, tuple[str, ...]] = {
    "train": ("train", "training", "trn", "trainval"),
    "validation": ("val", "valid", "validation", "validate", "dev", "eval", "evaluation"),
    "test": ("test", "testing", "tst", "holdout"),
}
_PART_OF_WORD: dict[str, Part] = {word: part for part, words in _WORDS.items() for word in words}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# "testset" and "traindata" are two words.
_CONTENT = re.compile(r"(?:data)?(?:set|sets|data|images?|imgs?|folder|files?|samples?|split)$")
_IMAGES = {"image", "images", "img", "imgs", "picture", "pictures", "photo", "photos"}
_KINDS_OF_IMAGES = {"jpeg", "jpg", "png", "raw", "original", "input", "dir"}
_MASKS = {"mask", "masks", "label", "labels", "annotation", "annotations", "ann", "segmentation",
          "segmentations", "gt", "groundtruth"}  # fmt: skip
_PIECE = re.compile(
    r"(?:fold|split|set|subset|batch|chunk|shard|part)s?[ _.-]?(?:[0-9]{1,3}|[a-z])", re.IGNORECASE
)


def part_of_folder(name: str) -> Part | None:
    """Return the part that a folder's name means, or None if it means none or several.

    Example:
        >>> [part_of_folder(name) for name in ("seg_train", "TestSet", "val2017", "cats")]
        ['train', 'test', 'validation', None]
    """
    words = _words(name)
    words += [_CONTENT.sub("", word) for word in words]
    found: set[Part] = {_PART_OF_WORD[word] for word in words if word in _PART_OF_WORD}
    if found == {"train", "validation"}:  # both: divided later, like any training set
        return "train"
    return found.pop() if len(found) == 1 else None


def part_of_cell(value: object) -> Part | None:
    """Return the part that a table's cell means, e.g. "train", "PublicTest" or "val set"."""
    return parse_part(str(value)) or part_of_folder(str(value))


def part_of_path(path: str) -> Part | None:
    """Return the part that a folder's name in a path means, the first if several do, or None."""
    parts = map(part_of_folder, path.split("/"))
    return next((part for part in parts if part is not None), None)


def holds_images(name: str) -> bool:
    """Return whether a folder's name only means that it holds images: "JPEGImages", "img"."""
    words = {*_words(name)}
    return bool(words & _IMAGES) and words <= _IMAGES | _KINDS_OF_IMAGES


def holds_masks(name: str) -> bool:
    """Return whether a folder's name means masks, if the images are in a folder next to it."""
    return bool({*_words(name), name.lower().replace("_", "")} & _MASKS)


def is_piece(name: str) -> bool:
    """Return whether a folder's name means a piece of a dataset, such as "fold1" or "set_b"."""
    return _PIECE.fullmatch(name) is not None


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]
