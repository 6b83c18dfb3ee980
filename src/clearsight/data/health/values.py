"""Pixel values that use only a small part of 0 to 255."""

from __future__ import annotations

from clearsight.data.health.examined import KIND_OF_ROLE, Examined
from clearsight.data.health.finding import Finding

_NARROW = 64  # values; a quarter of what uint8 holds


def check(examined: Examined) -> list[Finding]:
    """Look at the lowest and the highest value of every part."""
    findings = []
    for part, images in examined.splits.parts.items():
        low, high = images.value_range
        kind = KIND_OF_ROLE[part]
        if high - low >= _NARROW:
            continue
        if low == high:
            found, advice = (
                f"All pixels of the {kind} images are {low}",
                "Look where they come from.",
            )
        elif high <= 1:
            found = (
                f"All pixels of the {kind} images are 0 or 1, as if [0, 1] had been cut to whole"
            )
            found += " numbers"
            advice = "Multiply by 255 before converting to uint8, or threshold on purpose at 255."
        else:
            found = f"The {kind} images only use the values {low} to {high} of 0 to 255"
            advice = f"Stretch them, e.g. with (pixels - {low}) * (255 / {high - low}), rounded."
        findings.append(
            Finding(
                id=f"values-{part}",
                title="Pixel values in a small range",
                severity="problem" if high <= 1 or low == high else "warning",
                count=len(images),
                examined=len(images),
                found=found,
                advice=advice,
            )
        )
    return findings
