"""`Views`: the forms in which an image is shown to a network, whose mean is the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Views:
    """In which forms an image is shown when it is to be named.

    Attributes:
        mirrored: its mirror image is shown beside it.
        shift_pixels: beside that, it is moved so far down and to the right, and so far up and to
            the left, zeros coming in from the edges; both together count as much as the unmoved
            image. 0 moves nothing.
    """

    mirrored: bool = False
    shift_pixels: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether an image is shown only as it is."""
        return not self.mirrored and not self.shift_pixels

    @property
    def words(self) -> str:
        """What the answer is the mean over: "" for plain images."""
        shown = ["each image"]
        shown += ["its mirror image"] * self.mirrored
        shown += [f"the same moved by {self.shift_pixels}"] * bool(self.shift_pixels)
        return "" if self.is_plain else f"the mean over {', '.join(shown[:-1])} and {shown[-1]}"

    def of(self, images: torch.Tensor) -> list[tuple[float, torch.Tensor]]:
        """Return each view and its weight; the weights sum to 1.

        Args:
            images: float32 (N, H, W, C).
        """
        moves = [(1.0, 0)]
        if self.shift_pixels:
            moves = [(0.5, 0), (0.25, self.shift_pixels), (0.25, -self.shift_pixels)]
        views = [(weight, _moved(images, pixels)) for weight, pixels in moves]
        if not self.mirrored:
            return views
        return [(weight / 2, form) for weight, view in views for form in (view, view.flip(2))]


def _moved(images: torch.Tensor, pixels: int) -> torch.Tensor:
    """Move images down and to the right, or up and to the left where `pixels` is below 0."""
    if not pixels:
        return images
    from torch.nn import functional

    height, width = images.shape[1:3]
    before, after = max(pixels, 0), max(-pixels, 0)
    padded = functional.pad(images, (0, 0, before, after, before, after))
    return padded[:, after : after + height, after : after + width]
