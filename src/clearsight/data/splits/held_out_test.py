"""Which images are held out as the test set: determined by their content alone."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from clearsight.data.listing import Part
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError
from clearsight.option_names import option, option_when_read

_MAX_DEVIATION = 0.3  # of the images asked for, without a note,
_NUM_DEVIATIONS = 4  # and so many standard deviations of a random choice of single images
_PURPOSE = b"held-out test"  # fixed, so that the test images are the same in every run


def choose_test_images(
    contents: np.ndarray, labels: np.ndarray, fraction: float, groups: Sequence[str] | None = None
) -> np.ndarray:
    """Choose images to hold out by a hash of their content, or of their group's name.

    Those are chosen whose hash, as a fraction of the largest one, is below `fraction`: about that
    fraction of every class. So an image that is added or removed moves no other, equal images are
    on the same side, and so are those of a group. Where this would leave a class with at least two
    contents (or groups) none on one side, the one with the nearest hash changes sides.

    Args:
        contents: uint8 (N, 16), a digest of each image's content.
        labels: int64 (N,).
        fraction: between 0 and 1.
        groups: N names of what each image belongs to, e.g. a patient.

    Returns:
        bool (N,), which images to hold out.
    """
    if groups is None:
        units = np.ascontiguousarray(contents).view(np.dtype((np.void, contents.shape[1])))[:, 0]
        names, unit_of = np.unique(units, return_inverse=True)
        hashes = _hashes([name.tobytes() for name in names])
    else:
        names, unit_of = np.unique(np.asarray(groups, dtype=object), return_inverse=True)
        hashes = _hashes([name.encode("utf-8", "surrogateescape") for name in names])
    pairs = np.unique(np.stack([labels, unit_of]), axis=1)  # classes and their units
    is_test = hashes < fraction
    _give_each_class_both_sides(is_test, pairs[0], pairs[1], hashes)
    return is_test[unit_of]


def _hashes(names: list[bytes]) -> np.ndarray:
    """Return a hash of each name, at least 0 and below 1: float64 (N,)."""
    digests = b"".join(
        hashlib.blake2b(name, digest_size=8, person=_PURPOSE).digest() for name in names
    )
    return np.frombuffer(digests, dtype=">u8") / 2.0**64


def _give_each_class_both_sides(
    is_test: np.ndarray, classes: np.ndarray, units: np.ndarray, hashes: np.ndarray
) -> None:
    """Change `is_test`, bool (U,), where a class has no unit on one side, if others keep theirs.

    Args:
        is_test: which units are held out.
        classes: int64 (P,), a class, and
        units: int64 (P,), one of its units; both once for every such pair.
        hashes: float64 (U,), of the units.
    """
    num_classes_of = np.bincount(units, minlength=len(is_test))
    num_train = np.bincount(classes, weights=~is_test[units]).astype(np.int64)
    num_units = np.bincount(classes)

    def move(unit: int, *, to_test: bool) -> None:
        is_test[unit] = to_test
        num_train[classes[units == unit]] += -1 if to_test else 1

    # First units of a single class: moving others would move images of other classes too.
    for label in np.flatnonzero((num_train == 0) & (num_units > 0)):
        if num_train[label] == 0:
            own = units[classes == label]
            nearest = own[np.lexsort((-hashes[own], num_classes_of[own]))[0]]
            move(int(nearest), to_test=False)
    for label in np.flatnonzero((num_train == num_units) & (num_units > 1)):
        own = units[classes == label]
        if num_train[label] == num_units[label]:
            for unit in own[np.lexsort((hashes[own], num_classes_of[own]))].tolist():
                if (num_train[classes[units == unit]] > 1).all():
                    move(unit, to_test=True)
                    break


def held_out_note(
    is_test: np.ndarray, contents: np.ndarray, fraction: float, groups: Sequence[str] | None = None
) -> str | None:
    """Return a sentence if far more or fewer images are held out than was asked for, else None.

    Args:
        is_test: bool (N,), from `choose_test_images`, as are the others.
        contents: uint8 (N, 16).
        fraction: between 0 and 1.
        groups: N names or None.
    """
    num_images, num_test = len(is_test), int(is_test.sum())
    by_chance = _NUM_DEVIATIONS * (num_images * fraction * (1 - fraction)) ** 0.5
    if abs(num_test - num_images * fraction) <= max(
        _MAX_DEVIATION * num_images * fraction, by_chance
    ):
        return None
    units = contents if groups is None else np.asarray(groups, dtype=object)
    _, counts = np.unique(units, return_counts=True, axis=0 if groups is None else None)
    together = "copies of an image stay" if groups is None else "the images of a group stay"
    return (
        f"{num_test:,} of {num_images:,} images ({num_test / num_images:.0%}) are held out as the "
        f"test set, not {fraction:.0%}, because {together} together, here up to "
        f"{counts.max():,}: change {option_when_read('test_split')}, or give a test set of your "
        "own."
    )


def check_no_own_part(part: Part, num_own: int, asked_for: float | None, source: str) -> None:
    """Check that a source has no test part if one is to be held out.

    Args:
        part: "test" or "validation".
        num_own: number of the source's own images of that part.
        asked_for: the fraction that the user wants to hold out; None if that was left open.
        source: what the message calls it.

    Raises:
        DataError: when it has.
    """
    if num_own and asked_for:
        raise DataError(
            f"{source} has its own {num_own:,} {part} images, so that "
            f"{option(f'{part}_split', asked_for)} cannot apply: leave it out."
        )


def hold_out_test_set(splits: Splits, asked_for: float | None, default: float) -> Splits:
    """Hold out a fraction of the training images, which are arrays, unless there is a test set.

    Args:
        splits: of a source.
        asked_for: the fraction that the user wants to hold out; None if that was left open.
        default: the fraction to hold out then.

    Raises:
        DataError: when a test set is asked for, but there is one already.
    """
    train, test = splits.train, splits.test
    check_no_own_part("test", len(test) if test is not None else 0, asked_for, train.provenance)
    fraction = default if asked_for is None else asked_for
    if test is not None or fraction == 0:
        return splits
    is_test = choose_test_images(train.digests, train.labels, fraction, train.groups)
    if not is_test.any() or is_test.all():
        return splits
    note = held_out_note(is_test, train.digests, fraction, train.groups)
    report = splits.load_report
    report = replace(report, notes=(*report.notes, *filter(None, [note])))
    kept, held_out = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    return replace(splits, train=train.take(kept), test=train.take(held_out), load_report=report)
