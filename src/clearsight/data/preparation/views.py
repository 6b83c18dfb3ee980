"""`Views`: test-time augmentation, the mean of the predictions for several views of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Views:
    """The views of an image that its prediction is averaged over.

    Attributes:
        mirrored: whether its mirror image is a view too.
        shift_pixels: how far it is also moved down and to the right, and up and to the left, with
            zeros at the edges; both together weigh as much as the unmoved image. 0 for no shift.
    """

    mirrored: bool = False
    shift_pixels: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether the image itself is the only view."""
        return not self.mirrored and not self.shift_pixels

    @property
    def words(self) -> str:
        """The views in words: "" if there is only one."""
        views = ["each image"]
        views += ["its mirror image"] * self.mirrored
        views += [f"the same moved by {self.shift_pixels}"] * bool(self.shift_pixels)
        return "" if self.is_plain else f"the mean over {', '.join(views[:-1])} and {views[-1]}"

    def of(self, images: torch.Tensor) -> list[tuple[float, torch.Tensor]]:
        """Return each view of images, float32 (N, H, W, C), and its weight; they sum to 1."""
        views = [(1.0, images)]
        if self.shift_pixels:
            moved = [_shift(images, pixels) for pixels in (self.shift_pixels, -self.shift_pixels)]
            views = [(0.5, images), *((0.25, view) for view in moved)]
        if not self.mirrored:
            return views
        return [(weight / 2, both) for weight, view in views for both in (view, view.flip(2))]


def _shift(images: torch.Tensor, pixels: int) -> torch.Tensor:
    """Move images down and to the right, or up and to the left if `pixels` is negative."""
    from torch.nn import functional

    height, width = images.shape[1:3]
    # Moved by its size, an image is gone; padding by more would take memory for nothing.
    down, right = (max(-size, min(pixels, size)) for size in (height, width))
    top, bottom = max(down, 0), max(-down, 0)
    left_edge, right_edge = max(right, 0), max(-right, 0)
    padded = functional.pad(images, (0, 0, left_edge, right_edge, top, bottom))
    return padded[:, bottom : bottom + height, right_edge : right_edge + width]
