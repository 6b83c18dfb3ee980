"""Images changed a little from epoch to epoch, so that a network learns what does not matter."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from clearsight.models.backend import keras
from clearsight.training.examples import Examples, ImageBatches
from clearsight.training.recipe import Recipe


class AugmentedBatches(ImageBatches):
    """Shuffled batches of images, with a recipe's flips and translations.

    A whole batch is changed at once, which costs a hundredth of a training step. The random
    numbers are torch's own, seeded by `keras.utils.set_random_seed`.

    Args:
        examples: images and targets.
        recipe: whose batch size, flips and translations are used.

    Attributes:
        epoch: which one it is, counted from 0; `EpochTeller` keeps it right within `fit`.
    """

    def __init__(self, examples: Examples, recipe: Recipe) -> None:
        super().__init__(examples, recipe.batch_size, shuffle=True)
        self._recipe = recipe
        self.epoch = 0
        # Which images are mirrored in even epochs; the others are in odd ones.
        is_alternating = recipe.flip == "alternating"
        self._parity = torch.randint(0, 2, (len(examples.rows),)) if is_alternating else None

    def kept(self) -> dict[str, torch.Tensor]:
        """Return what a checkpoint must keep of the augmentation, by keys under "batches."."""
        return {} if self._parity is None else {"batches.parity": self._parity.to(torch.uint8)}

    def go_on(self, kept: dict[str, torch.Tensor]) -> None:
        """Take up what `kept` gave, its keys without "batches."."""
        if "parity" in kept:
            self._parity = kept["parity"].to(torch.int64)

    def changed(self, places: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Mirror, move and cut out as the recipe says; see `ImageBatches`."""
        if self._parity is not None:
            parity = self._parity[places.cpu()].to(images.device)
            images = mirrored(images, (parity + self.epoch) % 2 == 1)
        if self._recipe.translate_pixels:
            images = translated(images, self._recipe.translate_pixels)
        if self._recipe.cutout_pixels:
            images = cut_out(images, self._recipe.cutout_pixels)
        return images


class EpochTeller(keras.callbacks.Callback):
    """Tells batches which epoch begins: Keras takes as many as it needs and never sees their end.

    Args:
        batches: those of the training.
    """

    def __init__(self, batches: AugmentedBatches) -> None:
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Pass the number on."""
        del logs
        self._batches.epoch = epoch


def mirrored(images: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
    """Mirror some images left to right.

    Args:
        images: float32 (B, H, W, C).
        which: bool (B,).
    """
    return torch.where(which[:, None, None, None], images.flip(2), images)


def translated(images: torch.Tensor, most: int) -> torch.Tensor:
    """Move each image by whole pixels, at most `most` each way; zeros come in from the edges.

    Args:
        images: float32 (B, H, W, C).
        most: pixels.
    """
    count, height, width, _ = images.shape
    padded = functional.pad(images, (0, 0, most, most, most, most))
    device = images.device
    shifts = torch.randint(0, 2 * most + 1, (2, count), device=device)
    rows = shifts[0][:, None] + torch.arange(height, device=device)
    columns = shifts[1][:, None] + torch.arange(width, device=device)
    each = torch.arange(count, device=device)[:, None, None]
    return padded[each, rows[:, :, None], columns[:, None, :]]


def cut_out(images: torch.Tensor, side: int) -> torch.Tensor:
    """Blacken a square in each image, whose centre may lie anywhere in it.

    Source: DeVries and Taylor, https://arxiv.org/abs/1708.04552.

    Args:
        images: float32 (B, H, W, C).
        side: of the square, in pixels.
    """
    count, height, width, _ = images.shape
    device = images.device

    def within(size: int) -> torch.Tensor:
        first = torch.randint(0, size, (count, 1), device=device) - side // 2
        place = torch.arange(size, device=device)
        return (place >= first) & (place < first + side)

    hidden = within(height)[:, :, None] & within(width)[:, None, :]
    return images.masked_fill(hidden[..., None], 0.0)
