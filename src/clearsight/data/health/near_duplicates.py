"""Images that are the same photograph, moved by a pixel, brightened or compressed again."""

from __future__ import annotations

import numpy as np

from clearsight.data.health.examined import KIND_OF_ROLE, ROLES, Examined
from clearsight.data.health.finding import Finding, images_in_words
from clearsight.data.health.similar_pairs import MOST_IMAGES

_MANY = 0.01  # share of images within a part past which they are worth a warning


def check(examined: Examined) -> list[Finding]:
    """Find near-duplicates; exact ones are told by another check."""
    if not examined.searches_near_duplicates:
        return []
    if examined.is_too_large_to_compare:
        return [
            Finding(
                id="near-duplicates-not-searched",
                title="Near-duplicates were not searched",
                severity="note",
                count=0,
                examined=len(examined),
                found=f"There are more than {MOST_IMAGES:,} images, so only exact duplicates "
                "were searched",
                advice="Check a part of them by itself to find near-duplicates.",
            )
        ]
    pairs = examined.similar
    if not len(pairs):
        return []
    roles = examined.roles[pairs.first], examined.roles[pairs.second]
    # The image of the later role is the one that leaks.
    is_swapped = roles[0] > roles[1]
    first = np.where(is_swapped, pairs.second, pairs.first)
    second = np.where(is_swapped, pairs.first, pairs.second)
    return [
        *_across(examined, first, second),
        *_conflicting(examined, first, second),
        *_within(examined, first, second),
    ]


def _across(examined: Examined, first: np.ndarray, second: np.ndarray) -> list[Finding]:
    findings = []
    for number in (2, 1):
        role = ROLES[number]
        here = (examined.roles[second] == number) & (examined.roles[first] < number)
        count = len(np.unique(second[here]))
        if not count:
            continue
        total = int((examined.roles == number).sum())
        kind = KIND_OF_ROLE[role]
        findings.append(
            Finding(
                id=f"near-duplicates-{role}",
                title=f"{kind.capitalize()} images that nearly equal training ones",
                severity="problem" if count > _MANY * total else "warning",
                count=count,
                examined=total,
                found=f"{images_in_words(count, kind)} of {total:,} ({count / total:.2%}) "
                f"{'shows' if count == 1 else 'show'} the same photograph as an image to learn "
                "from, moved, brightened or compressed again",
                advice="Keep each photograph on one side, because a score on images already "
                "seen is too high.",
                examples=examined.pairs(first[here], second[here]),
            )
        )
    return findings


def _conflicting(examined: Examined, first: np.ndarray, second: np.ndarray) -> list[Finding]:
    differs = examined.labels[first] != examined.labels[second]
    count = int(differs.sum())
    if not count:
        return []
    return [
        Finding(
            id="near-duplicates-labels",
            title="Nearly equal images with different labels",
            severity="warning",
            count=count,
            examined=len(examined),
            found=f"{count:,} {'pair' if count == 1 else 'pairs'} of images "
            f"{'shows' if count == 1 else 'show'} the same photograph under different labels",
            advice="Look which label is right and correct the other.",
            examples=examined.pairs(first[differs], second[differs]),
        )
    ]


def _within(examined: Examined, first: np.ndarray, second: np.ndarray) -> list[Finding]:
    inside = examined.roles[first] == examined.roles[second]
    count = len(np.unique(second[inside]))
    if not count:
        return []
    return [
        Finding(
            id="near-duplicates-within",
            title="Images that nearly equal another in their part",
            severity="warning" if count > _MANY * len(examined) else "note",
            count=count,
            examined=len(examined),
            found=f"{images_in_words(count)} {'shows' if count == 1 else 'show'} the same "
            "photograph as another image in the same part",
            advice="Keep one of each, or name what belongs together as a group, so that a split "
            "cannot divide them.",
            examples=examined.pairs(first[inside], second[inside]),
        )
    ]
