"""Grey images that are stored with three equal channels."""

from __future__ import annotations

import numpy as np

from clearsight.data.health.examined import Examined
from clearsight.data.health.finding import Finding, images_in_words


def check(examined: Examined) -> list[Finding]:
    """Find images without colour among those stored in colour."""
    if examined.images.shape[-1] < 3:
        return []
    grey = examined.statistics.is_grey
    count = int(grey.sum())
    if not count:
        return []
    if grey.all():
        return [
            Finding(
                id="grey-stored-as-colour",
                title="Grey images stored as colour",
                severity="note",
                count=count,
                examined=count,
                found="Red, green and blue are equal in all images, so they are grey ones stored "
                "three times",
                advice="Store one channel: the same network then has less to read and to learn.",
            )
        ]
    return [
        Finding(
            id="some-images-grey",
            title="Grey images among colour ones",
            severity="note",
            count=count,
            examined=len(examined),
            found=f"{images_in_words(count)} of {len(examined):,} "
            f"{'has' if count == 1 else 'have'} no colour",
            advice="See to it that no class consists of them alone, or colour will name the class.",
            examples=examined.examples(np.flatnonzero(grey)),
        )
    ]
