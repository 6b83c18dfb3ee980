"""Random changes to training images: flips, translations and cutout."""

import torch
from torch.nn import functional

from clearsight.errors import RunError
from clearsight.training.examples import Examples, ImageBatches
from clearsight.training.recipe import Recipe


class AugmentedBatches(ImageBatches):
    """Shuffled batches of images, augmented as a recipe says.

    A whole batch is changed at once, which costs a hundredth of a training step. The random
    numbers are torch's own, seeded by `keras.utils.set_random_seed`.

    Args:
        examples: images and targets.
        recipe: gives the batch size and the augmentation.

    Attributes:
        epoch: the current epoch, counted from 0. Keras does not pass it to the batches, so a
            callback has to set it; see `fit_model`.
    """

    def __init__(self, examples: Examples, recipe: Recipe) -> None:
        super().__init__(examples, recipe.batch_size, shuffle=True)
        self._recipe = recipe
        self.epoch = 0
        # Images with parity 1 are mirrored in even epochs, the others in odd ones.
        is_alternating = recipe.flip == "alternating"
        self._parity = torch.randint(0, 2, (len(examples.rows),)) if is_alternating else None

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Return the random choices that hold for the whole training."""
        return {} if self._parity is None else {"parity": self._parity.to(torch.uint8)}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Restore what `state_dict` returned.

        Raises:
            RunError: when that was for other images or another recipe.
        """
        expected = {name: tensor.shape for name, tensor in self.state_dict().items()}
        if {name: tensor.shape for name, tensor in state.items()} != expected:
            raise RunError(
                f"The checkpoint should hold which of {self.num_samples:,} images are mirrored, if "
                "the recipe mirrors any, but does not: restore it from a copy."
            )
        if "parity" in state:
            self._parity = state["parity"].to(torch.int64)

    def transform(self, indices: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Flip, translate and cut out as the recipe says; see `ImageBatches`."""
        if self._parity is not None:
            parity = self._parity[indices.cpu()].to(images.device)
            images = flip(images, (parity + self.epoch) % 2 == 1)
        if self._recipe.translate_pixels:
            images = translate(images, self._recipe.translate_pixels)
        if self._recipe.cutout_pixels:
            images = cutout(images, self._recipe.cutout_pixels)
        return images


def flip(images: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Flip the images selected by a mask left to right.

    Args:
        images: float32 (B, H, W, C).
        mask: bool (B,).
    """
    return torch.where(mask[:, None, None, None], images.flip(2), images)


def translate(images: torch.Tensor, max_pixels: int) -> torch.Tensor:
    """Move each image by a random number of whole pixels, filling with zeros.

    Args:
        images: float32 (B, H, W, C).
        max_pixels: the largest shift in each direction.
    """
    count, height, width, _ = images.shape
    # Moved by its size, an image is gone; padding by more would take memory for nothing.
    most_rows, most_columns = min(max_pixels, height), min(max_pixels, width)
    padded = functional.pad(images, (0, 0, most_columns, most_columns, most_rows, most_rows))
    device = images.device
    shifts = torch.randint(0, 2 * max_pixels + 1, (2, count), device=device) - max_pixels
    down, right = (
        shifts[0].clamp(-most_rows, most_rows),
        shifts[1].clamp(-most_columns, most_columns),
    )
    rows = (down + most_rows)[:, None] + torch.arange(height, device=device)
    columns = (right + most_columns)[:, None] + torch.arange(width, device=device)
    each = torch.arange(count, device=device)[:, None, None]
    return padded[each, rows[:, :, None], columns[:, None, :]]


def cutout(images: torch.Tensor, side: int) -> torch.Tensor:
    """Blacken a square in each image, centred on a random pixel.

    Source: DeVries and Taylor, https://arxiv.org/abs/1708.04552.

    Args:
        images: float32 (B, H, W, C).
        side: of the square, in pixels.
    """
    count, height, width, _ = images.shape
    device = images.device

    def is_inside(size: int) -> torch.Tensor:
        start = torch.randint(0, size, (count, 1), device=device) - side // 2
        position = torch.arange(size, device=device)
        return (position >= start) & (position < start + side)

    mask = is_inside(height)[:, :, None] & is_inside(width)[:, None, :]
    return images.masked_fill(mask[..., None], 0.0)
