"""What `data show` and `data check` both print about a source: parts, classes, how it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clearsight.data.splits.splits import Splits
    from clearsight.io.console import TextConsole


_MAX_NAMES = 10  # classes that are listed


def show_parts(splits: Splits, console: TextConsole) -> None:
    """Print a line for each part, with the size of its images, and the classes."""
    for part, images in splits.parts.items():
        height, width, channels = images.image_shape
        low, high = images.value_range
        console.print(
            f"{part}: {len(images):,} images, {height}x{width}x{channels}, values {low} to "
            f"{high}, {images.num_classes} classes ({images.provenance})"
        )
    names, more = splits.train.class_names[:_MAX_NAMES], splits.train.num_classes - _MAX_NAMES
    console.print(f"classes: {', '.join(names)}{f' and {more:,} more' if more > 0 else ''}")


def show_notes(splits: Splits, console: TextConsole) -> None:
    """Print what was decided, skipped and left out when the source was read."""
    for note in splits.load_report.sentences:
        console.print(f"Note: {note}")
