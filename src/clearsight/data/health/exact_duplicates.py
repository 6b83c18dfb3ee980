"""Images that are equal in every pixel: within a part, across parts, and with two labels."""

from __future__ import annotations

import numpy as np

from clearsight.data.health.examined import KIND_OF_ROLE, ROLES, Examined
from clearsight.data.health.finding import Finding, images_in_words

_MANY = 0.01  # share of extra copies within a part past which they are worth a warning


def check(examined: Examined) -> list[Finding]:
    """Find exact duplicates."""
    counts = np.bincount(examined.contents)
    copied = np.flatnonzero(counts[examined.contents] > 1)
    if not len(copied):
        return []
    # Copies beside each other, each group in the order of the roles: training first.
    order = copied[np.lexsort((copied, examined.roles[copied], examined.contents[copied]))]
    return [
        *_across(examined, order),
        *_conflicting(examined, order),
        *_within(examined, order),
    ]


def firsts_of(examined: Examined, order: np.ndarray) -> np.ndarray:
    """Return the first image of the group that each image of `order` belongs to: int64 (M,).

    Args:
        examined: the images.
        order: int64 (M,), numbers with equal contents beside each other.
    """
    contents = examined.contents[order]
    is_first = np.concatenate([[True], contents[1:] != contents[:-1]])
    return order[np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))]


def _across(examined: Examined, order: np.ndarray) -> list[Finding]:
    """Each image of a later role that also stands in an earlier one."""
    firsts = firsts_of(examined, order)
    leaked = examined.roles[order] > examined.roles[firsts]
    findings = []
    for number in (2, 1):
        role = ROLES[number]
        here = leaked & (examined.roles[order] == number)
        count, total = int(here.sum()), int((examined.roles == number).sum())
        if not count:
            continue
        earlier = {ROLES[found] for found in np.unique(examined.roles[firsts[here]])}
        where = " or ".join(KIND_OF_ROLE[name] for name in ROLES if name in earlier)
        findings.append(
            Finding(
                id=f"exact-duplicates-{role}",
                title=f"{KIND_OF_ROLE[role].capitalize()} images that also stand in {where}",
                severity="problem",
                count=count,
                examined=total,
                found=f"{images_in_words(count, KIND_OF_ROLE[role])} of {total:,} "
                f"({count / total:.1%}) {'is' if count == 1 else 'are'} equal in every pixel to "
                f"{f'a {where} image' if count == 1 else f'{where} images'}",
                advice="Take them out of one of the two, because a score on images already seen "
                "is too high.",
                examples=examined.pairs(firsts[here], order[here]),
            )
        )
    return findings


def _conflicting(examined: Examined, order: np.ndarray) -> list[Finding]:
    firsts = firsts_of(examined, order)
    differs = examined.labels[order] != examined.labels[firsts]
    count = int(differs.sum())
    if not count:
        return []
    return [
        Finding(
            id="exact-duplicates-labels",
            title="Equal images with different labels",
            severity="problem",
            count=count,
            examined=len(examined),
            found=f"{images_in_words(count)} {'has' if count == 1 else 'have'} another label "
            "than an image that is equal in every pixel",
            advice="Look which label is right and correct the other.",
            examples=examined.pairs(firsts[differs], order[differs]),
        )
    ]


def _within(examined: Examined, order: np.ndarray) -> list[Finding]:
    """Extra copies in one role: each that is not the first of its role in its group."""
    same = (examined.contents[order][1:] == examined.contents[order][:-1]) & (
        examined.roles[order][1:] == examined.roles[order][:-1]
    )
    extra, before = order[1:][same], order[:-1][same]
    if not len(extra):
        return []
    count = len(extra)
    return [
        Finding(
            id="exact-duplicates-within",
            title="Images that stand several times in one part",
            severity="warning" if count > _MANY * len(examined) else "note",
            count=count,
            examined=len(examined),
            found=f"{images_in_words(count)} {'is a copy' if count == 1 else 'are copies'} of "
            "others in the same part",
            advice="Delete the copies: they count twice, and a split may put them on both sides.",
            examples=examined.pairs(before, extra),
        )
    ]
