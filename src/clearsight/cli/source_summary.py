"""What `data show` and `data check` print alike about a source: its parts, and how it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clearsight.data.splits.splits import Splits
    from clearsight.io.console import TextConsole


def show_parts(splits: Splits, console: TextConsole) -> None:
    """Print a line for each part, with the size of its images."""
    for part, images in splits.parts.items():
        height, width, channels = images.image_shape
        low, high = images.value_range
        console.print(
            f"{part}: {len(images):,} images, {height}x{width}x{channels}, values {low} to "
            f"{high}, {images.num_classes} classes ({images.provenance})"
        )


def show_notes(splits: Splits, console: TextConsole) -> None:
    """Print what was decided, skipped and left out when the source was read."""
    for note in splits.load_report.sentences:
        console.print(f"Note: {note}")
