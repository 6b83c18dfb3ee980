"""Duplicate images: across splits, under different labels, and within one split.

Exact duplicates are equal in every pixel. Near-duplicates show the same photograph shifted by a
pixel, brightened or recompressed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from clearsight.data.health.finding import Finding, Severity, count_images
from clearsight.data.health.image_pool import ROLE_ADJECTIVES, ROLES, ImagePool
from clearsight.data.health.similar_pairs import MAX_IMAGES

_MANY = 0.01  # fraction of images above which near-duplicates, or copies in one split, weigh more


@dataclass(frozen=True)
class _Wording:
    """How messages call duplicates of one sort.

    Attributes:
        id: what the ids of their findings begin with.
        singular: e.g. "an exact duplicate".
        plural: e.g. "exact duplicates".
        also: what follows "Test images that" in a title, before "in the training set".
        severity: how severe different labels are; leaks too, unless there are many.
    """

    id: str
    singular: str
    plural: str
    also: str
    severity: Severity


_EXACT = _Wording(
    "exact-duplicates", "an exact duplicate", "exact duplicates", "also appear", "problem"
)
_NEAR = _Wording(
    "near-duplicates", "a near-duplicate", "near-duplicates", "have near-duplicates", "warning"
)


def check_exact(pool: ImagePool) -> Iterator[Finding]:
    """Find exact duplicates."""
    copied = np.flatnonzero(np.bincount(pool.contents)[pool.contents] > 1)
    if not len(copied):
        return
    # Duplicates next to each other, each group in the order of the roles: training first.
    order = copied[np.lexsort((copied, pool.roles[copied], pool.contents[copied]))]
    contents, roles = pool.contents[order], pool.roles[order]
    is_first = np.concatenate([[True], contents[1:] != contents[:-1]])
    firsts = order[np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))]
    # Only what follows another copy of the same role is an extra copy within that role.
    is_extra = ~is_first[1:] & (roles[1:] == roles[:-1])
    yield from _across(pool, _EXACT, firsts, order)
    yield from _conflicting(pool, _EXACT, firsts, order)
    yield from _within(pool, _EXACT, order[:-1][is_extra], order[1:][is_extra])


def check_near(pool: ImagePool) -> Iterator[Finding]:
    """Find near-duplicates; exact duplicates are left to `check_exact`."""
    if not pool.searches_near_duplicates:
        return
    if len(pool) > MAX_IMAGES:
        yield Finding(
            id="near-duplicates-not-searched",
            title="Near-duplicates were not searched for",
            severity="note",
            count=0,
            total=len(pool),
            message=f"There are more than {MAX_IMAGES:,} images, so only exact duplicates "
            "were searched for",
            advice="Check a subset of the images to find near-duplicates.",
        )
        return
    one, other = pool.similar.first, pool.similar.second
    # The image of the later role is the one that leaks.
    is_swapped = pool.roles[one] > pool.roles[other]
    first, second = np.where(is_swapped, other, one), np.where(is_swapped, one, other)
    for find in (_across, _conflicting, _within):
        yield from find(pool, _NEAR, first, second)


def _across(
    pool: ImagePool, wording: _Wording, first: np.ndarray, second: np.ndarray
) -> Iterator[Finding]:
    """Find test and validation images with a duplicate of an earlier role.

    `first` and `second` are the numbers of duplicates, int64 (P,); the second ones have the same
    role as the first or a later one.
    """
    for number in (2, 1):
        here = (pool.roles[second] == number) & (pool.roles[first] < number)
        count, total = len(np.unique(second[here])), int((pool.roles == number).sum())
        if not count:
            continue
        role = ROLE_ADJECTIVES[ROLES[number]]
        earlier = " or ".join(
            ROLE_ADJECTIVES[ROLES[found]] for found in np.unique(pool.roles[first[here]])
        )
        copies = f"are {wording.plural} of {earlier} images"
        if count == 1:
            copies = f"is {wording.singular} of a {earlier} image"
        yield Finding(
            id=f"{wording.id}-{ROLES[number]}",
            title=f"{role.capitalize()} images that {wording.also} in the {earlier} set",
            severity="problem" if count > _MANY * total else wording.severity,
            count=count,
            total=total,
            message=f"{count_images(count, role)} of {total:,} ({count / total:.2%}) {copies}",
            advice="Remove them from one of the two sets, because a score on images seen in "
            "training is too high.",
            # From the earlier set, so that the score stays that of the same images.
            cases=pool.pairs(first[here], second[here], remove=0),
        )


def _conflicting(
    pool: ImagePool, wording: _Wording, first: np.ndarray, second: np.ndarray
) -> Iterator[Finding]:
    """Find pairs of duplicates that have different labels."""
    differs = pool.labels[first] != pool.labels[second]
    count = int(differs.sum())
    if not count:
        return
    yield Finding(
        id=f"{wording.id}-labels",
        title=f"{wording.plural.capitalize()} with different labels",
        severity=wording.severity,
        count=count,
        total=len(pool),
        message=f"{count:,} {'pair' if count == 1 else 'pairs'} of {wording.plural} "
        f"{'has' if count == 1 else 'have'} different labels",
        advice="Find out which label is right and correct the other.",
        cases=pool.pairs(first[differs], second[differs]),
    )


def _within(
    pool: ImagePool, wording: _Wording, first: np.ndarray, second: np.ndarray
) -> Iterator[Finding]:
    """Find images with a duplicate of the same role."""
    inside = pool.roles[first] == pool.roles[second]
    count = len(np.unique(second[inside]))
    if not count:
        return
    verb = f"is {wording.singular}" if count == 1 else f"are {wording.plural}"
    yield Finding(
        id=f"{wording.id}-within",
        title=f"{wording.plural.capitalize()} within one split",
        severity="warning" if count > _MANY * len(pool) else "note",
        count=count,
        total=len(pool),
        message=f"{count_images(count)} {verb} of other images in the same split",
        advice="Keep one of each, or give them a common group, because copies count twice and "
        "a random split may put them on both sides.",
        cases=pool.pairs(first[inside], second[inside], remove=1 if wording is _EXACT else None),
    )
