"""The deletion check: whether the regions that a heat map marks matter to the network.

Pixels are deleted in the order of the heat map, the most marked first, and the class's probability
is recorded: the deletion curve of Petsiuk, Das and Saenko, "RISE", 2018,
https://arxiv.org/abs/1806.07421. The first baseline is the same heat map moved to a random position
(wrapping around the border): patches of the same size, shape and number at arbitrary positions.
Random single pixels would be no fair baseline, because scattered holes disturb a network in a
different way than patches do.

The second baseline is the pixels that deletion changes most, averaged over the heat map's grid.
Finding them needs no network, and they are usually the object in front of its background, so a heat
map that marks just them says nothing about the network. On a trained network of Fashion-MNIST, the
heat maps of an untrained one beat random patches (by 0.09), but not this baseline.

Deleted pixels get the mean colour of all the images. On Fashion-MNIST that is grey, which also
disturbs the dark background, so random patches are a strong baseline there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from clearsight.evaluation.intervals.interval import Interval, mean_interval
from clearsight.evaluation.saliency.heat_maps import HeatMaps

Predict = Callable[[np.ndarray], np.ndarray]

NUM_RANDOM_ORDERS = 4
_NUM_STEPS = 10
# For each image: the whole image, and for each order all steps but the first and last.
_NUM_PREDICTIONS = 1 + (2 + NUM_RANDOM_ORDERS) * (_NUM_STEPS - 1)
# What a check may cost, in multiply-adds: about ten seconds on two cores. A count rather than a
# time, so that a run's report is the same on every machine.
_BUDGET = 1e12
_MIN_IMAGES, _MAX_IMAGES = 8, 50  # images; 50 suffice to detect a difference of 0.05
# An untrained network can hardly distinguish the classes. Its heat maps may still beat random
# patches significantly, by 0.003 to 0.006 for the lesson's network, which proves nothing.
_MIN_DIFFERENCE = 0.02


@dataclass(frozen=True, eq=False)
class DeletionCheck:
    """A class's probability while more and more of the image is deleted.

    Attributes:
        fractions: float64 (S,), the fraction of the pixels deleted in each step, from 0 to 1.
        marked: float32 (N, S), each image's probability if the most marked pixels go first.
        random: float32 (N, S), the same if random patches go first, mean over the orders.
        marked_areas: float64 (N,), the mean of each image's curve: low if the pixels that go first
            matter.
        random_areas: float64 (N,), the same for random patches, mean over the orders.
        contrast_areas: float64 (N,), the same for the pixels that deletion changes most.
        interval: 95% interval of the mean of `differences`; None for fewer than three images.
        contrast_interval: 95% interval of the mean of `contrast_areas` minus `marked_areas`; None
            for fewer than three images.
    """

    fractions: np.ndarray
    marked: np.ndarray
    random: np.ndarray
    marked_areas: np.ndarray
    random_areas: np.ndarray
    contrast_areas: np.ndarray
    interval: Interval | None
    contrast_interval: Interval | None

    @property
    def differences(self) -> np.ndarray:
        """Random minus marked area, float64 (N,): above 0 if the marked regions matter more."""
        return self.random_areas - self.marked_areas

    @property
    def difference(self) -> float:
        """The mean of `differences`, in probability."""
        return float(self.differences.mean())

    @property
    def beats_random(self) -> bool:
        """Whether the marked regions matter significantly more than random patches."""
        return self.interval is not None and self.interval.low > _MIN_DIFFERENCE

    @property
    def beats_contrast(self) -> bool:
        """Whether they matter significantly more than the pixels that deletion changes most."""
        return self.contrast_interval is not None and self.contrast_interval.low > 0

    @property
    def is_meaningful(self) -> bool:
        """Whether the heat maps say something about the network: they beat both baselines."""
        return self.beats_random and self.beats_contrast

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        count = len(self.differences)
        if self.interval is None:
            return (
                f"At least three images are needed to check the heat maps, but there are {count}."
            )
        numbers = (
            f"mean probability of the class {self.marked_areas.mean():.2f} if they are deleted "
            f"first, {self.random_areas.mean():.2f} if random patches are; difference "
            f"{_signed(self.difference)}, 95% interval {_signed(self.interval.low)} to "
            f"{_signed(self.interval.high)}, {count} images"
        )
        if not self.beats_random:
            return (
                "The heat maps are not meaningful: the marked regions matter little more than "
                f"random ones, if at all ({numbers})."
            )
        joint, consequence = " and", ""
        if not self.is_meaningful:
            joint, consequence = ", but not", ", so the heat maps say little about this network"
        return (
            f"The marked regions matter more than random ones ({numbers}){joint} more than the "
            f"regions that differ most from the mean colour ({self.contrast_areas.mean():.2f})"
            f"{consequence}."
        )


def run_deletion_check(
    predict: Predict,
    images: np.ndarray,
    heat_maps: HeatMaps,
    *,
    num_random_orders: int = NUM_RANDOM_ORDERS,
    seed: int = 0,
) -> DeletionCheck:
    """Record each image's class probability while it is deleted, by its heat map and at random.

    Args:
        predict: returns probabilities float (M, K) for images uint8 (M, H, W, C).
        images: uint8 (N, H, W, C), N at least 1.
        heat_maps: the images' heat maps, for the classes whose probabilities are recorded.
        num_random_orders: how many random orders each image gets.
        seed: random seed of the orders.
    """
    maps, classes = heat_maps.maps, heat_maps.classes
    random = np.random.default_rng(seed)
    fractions = np.linspace(0, 1, _NUM_STEPS + 1)
    mean = images.mean(axis=(0, 1, 2), keepdims=True)
    colour = np.rint(mean).astype(np.uint8)

    def class_probabilities(variants: np.ndarray) -> np.ndarray:
        probabilities = predict(variants)
        return probabilities[np.arange(len(variants)), np.resize(classes, len(variants))]

    # A whole image, and one that is deleted completely, are the same in every order.
    whole = class_probabilities(images)
    blank = predict(np.broadcast_to(colour, images[:1].shape))[0, classes]

    def curves(priorities: np.ndarray) -> np.ndarray:
        ranks = _deletion_ranks(priorities, random)
        num_pixels = ranks[0].size
        deleted = [
            np.where((ranks < round(fraction * num_pixels))[..., None], colour, images)
            for fraction in fractions[1:-1]
        ]
        between = class_probabilities(np.concatenate(deleted)).reshape(-1, len(images))
        return np.stack([whole, *between, blank], axis=1)

    marked = curves(maps)
    others = np.stack([curves(_shift(maps, random)) for _ in range(num_random_orders)])
    contrast_areas = _areas(curves(_contrast(images, mean, heat_maps.grid)))
    marked_areas, random_areas = _areas(marked), _areas(others).mean(axis=0)
    return DeletionCheck(
        fractions=fractions,
        marked=marked,
        random=others.mean(axis=0),
        marked_areas=marked_areas,
        random_areas=random_areas,
        contrast_areas=contrast_areas,
        interval=mean_interval(random_areas - marked_areas),
        contrast_interval=mean_interval(contrast_areas - marked_areas),
    )


def affordable_images(multiply_adds: int | None) -> int:
    """Return how many images to check without spending minutes on a large network.

    `multiply_adds` are per image; None if unknown, which gives the minimum.

    Example:
        >>> affordable_images(5_000_000), affordable_images(4_100_000_000)
        (50, 8)
    """
    if multiply_adds is None:
        return _MIN_IMAGES
    cost = max(multiply_adds, 1) * _NUM_PREDICTIONS
    return int(np.clip(_BUDGET / cost, _MIN_IMAGES, _MAX_IMAGES))


def _deletion_ranks(priorities: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return each pixel's rank in the order of deletion, 0 first: int64 (N, H, W)."""
    flat = priorities.reshape(len(priorities), -1)
    # Pixels with equal priorities go in a random order, not row by row.
    order = np.lexsort((random.random(flat.shape), -flat), axis=1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(flat.shape[1])[None], axis=1)
    return ranks.reshape(priorities.shape)


def _shift(maps: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return each map shifted by a random number of rows and columns, around the border."""
    shifted = [
        np.roll(heat, tuple(random.integers(size) for size in heat.shape), axis=(0, 1))
        for heat in maps
    ]
    return np.stack(shifted)


def _contrast(images: np.ndarray, mean: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Return the pixels' distance from the mean colour, at a heat map's resolution: (N, H, W)."""
    distance = np.abs(images - mean).mean(axis=-1, dtype=np.float32)
    coarse = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(distance)[:, None], grid)
    size = images.shape[1:3]
    return torch.nn.functional.interpolate(coarse, size=size, mode="bilinear")[:, 0].numpy()


def _areas(curves: np.ndarray) -> np.ndarray:
    """Return the mean height of curves (..., S), by the trapezoid rule: float64 (...)."""
    return np.trapezoid(curves.astype(np.float64), axis=-1) / (curves.shape[-1] - 1)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
