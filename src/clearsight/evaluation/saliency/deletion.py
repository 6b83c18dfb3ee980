"""The deletion check: whether what a heat map marks matters to the network.

The most marked pixels of an image are deleted first, and the class's probability is followed down:
the deletion curve of Petsiuk, Das and Saenko, "RISE", 2018, https://arxiv.org/abs/1806.07421. The
opponent is the very same heat map, moved to a random place of the image (over the border it comes
in again on the other side): patches of the same size, form and number, at places that nobody
chose. Single random pixels would be no fair opponent, since holes like pepper disturb a network in
another way than patches do.

There is a second opponent: the pixels that deletion changes most, averaged over the grid that the
heat map has. No network is needed to find them, and mostly they are the thing on its ground, so a
heat map that marks just them has nothing to say of the network. On a trained network of
Fashion-MNIST the heat maps of an untrained one beat random patches (by 0.09), but not these.

Deleted pixels get the mean colour of all the images. On Fashion-MNIST that is grey, which
disturbs the dark ground too, so that random patches are a strong opponent there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from clearsight.evaluation.intervals.proportions import Interval, mean_interval
from clearsight.evaluation.saliency.class_activation import HeatMaps

Predict = Callable[[np.ndarray], np.ndarray]

NUM_RANDOM_ORDERS = 4
_NUM_STEPS = 10
# Of each image: it whole, and the steps between whole and gone by each order.
_NUM_PREDICTIONS = 1 + (2 + NUM_RANDOM_ORDERS) * (_NUM_STEPS - 1)
# What a check may cost, in multiply-adds: ten seconds or so on two cores. A count, not a clock, so
# that a run gets the same page on every machine.
_BUDGET = 1e12
_FEWEST, _MOST = 8, 50  # images; 50 tell a difference of 0.05 from nothing
# An untrained network hardly knows one class from another. Its heat maps may beat random patches
# beyond chance all the same, by 0.003 to 0.006 in the lesson's network, which is worth no claim.
LEAST_DIFFERENCE = 0.02


@dataclass(frozen=True, eq=False)
class Deletion:
    """What becomes of a class's probability while more and more of the image is deleted.

    Attributes:
        shares: float64 (S,), the share of the pixels deleted in each step, from 0 to 1.
        classes: int64 (N,), whose probability is followed.
        marked: float32 (N, S), each image's probability when the most marked pixels go first.
        random: float32 (N, S), the same when random patches go first, mean over the orders.
        marked_areas: float64 (N,), the mean of each image's curve: low when what goes first
            matters.
        random_areas: float64 (N,), likewise, mean over the random orders.
        contrast_areas: float64 (N,), likewise, when the pixels go first that deletion changes most.
        num_random_orders: how many random orders each image has.
        interval: 95% interval of the mean of `differences`; None for fewer than three images.
        contrast_interval: likewise, of the mean of contrast minus marked area.
        least_difference: a difference below this is not worth a claim.
    """

    shares: np.ndarray
    classes: np.ndarray
    marked: np.ndarray
    random: np.ndarray
    marked_areas: np.ndarray
    random_areas: np.ndarray
    contrast_areas: np.ndarray
    num_random_orders: int
    interval: Interval | None
    contrast_interval: Interval | None
    least_difference: float = LEAST_DIFFERENCE

    @property
    def differences(self) -> np.ndarray:
        """Random minus marked area, float64 (N,): above 0 where marked regions matter more."""
        return self.random_areas - self.marked_areas

    @property
    def difference(self) -> float:
        """The mean of `differences`, in probability."""
        return float(self.differences.mean())

    @property
    def beats_random(self) -> bool:
        """Whether the marked regions matter more than random patches, beyond chance."""
        return self.interval is not None and self.interval.low > self.least_difference

    @property
    def beats_contrast(self) -> bool:
        """Whether they matter more than the pixels that deletion changes most, beyond chance."""
        return self.contrast_interval is not None and self.contrast_interval.low > 0

    @property
    def matters(self) -> bool:
        """Whether the heat maps say something of the network: they beat both opponents."""
        return self.beats_random and self.beats_contrast

    @property
    def verdict(self) -> str:
        """The finding in one sentence."""
        number = len(self.differences)
        if self.interval is None:
            return (
                f"Whether the heat map means anything cannot be told from {number} images: at "
                "least three are needed."
            )
        found = (
            f"mean probability of the class {self.marked_areas.mean():.2f} when they are deleted "
            f"first, {self.random_areas.mean():.2f} when random patches are; difference "
            f"{_signed(self.difference)}, 95% interval {_signed(self.interval.low)} to "
            f"{_signed(self.interval.high)}, {number} images"
        )
        contrast = (
            f"where the image stands out from the mean colour ({self.contrast_areas.mean():.2f})"
        )
        if self.matters:
            return (
                f"The marked regions matter more than random ones ({found}), and more than "
                f"{contrast}."
            )
        if self.beats_random:
            return (
                f"The marked regions matter more than random ones ({found}), but not more than "
                f"{contrast}: that says little of this network."
            )
        return (
            "The heat map means nothing here: the marked regions hardly matter more than random "
            f"ones, if at all ({found})."
        )


def check_by_deletion(
    predict: Predict,
    images: np.ndarray,
    heat: HeatMaps,
    *,
    num_random_orders: int = NUM_RANDOM_ORDERS,
    seed: int = 0,
) -> Deletion:
    """Follow each image's class while it is deleted, by its heat map and at random.

    Args:
        predict: gives probabilities float (M, K) for images uint8 (M, H, W, C).
        images: uint8 (N, H, W, C), N at least 1.
        heat: the images' heat maps, for the classes whose probabilities are followed.
        num_random_orders: how many random orders each image gets.
        seed: of the random orders.
    """
    maps, classes = heat.maps, heat.classes
    random = np.random.default_rng(seed)
    shares = np.linspace(0, 1, _NUM_STEPS + 1)
    mean = images.mean(axis=(0, 1, 2), keepdims=True)
    colour = np.rint(mean).astype(np.uint8)

    def curves(order_by: np.ndarray) -> np.ndarray:
        places = _places(order_by, random)
        num_pixels = places[0].size
        deleted = [
            np.where((places < round(share * num_pixels))[..., None], colour, images)
            for share in shares[1:-1]
        ]
        between = followed(np.concatenate(deleted)).reshape(-1, len(images))
        return np.stack([whole, *between, gone], axis=1)

    def followed(variants: np.ndarray) -> np.ndarray:
        probabilities = predict(variants)
        return probabilities[np.arange(len(variants)), np.resize(classes, len(variants))]

    # No order makes a difference to an image that is whole, nor to one that is gone.
    whole, gone = followed(images), predict(np.broadcast_to(colour, images[:1].shape))[0, classes]
    marked = curves(maps)
    others = np.stack([curves(_moved(maps, random)) for _ in range(num_random_orders)])
    contrast_areas = _areas(curves(_contrast(images, mean, heat.grid)))
    marked_areas, random_areas = _areas(marked), _areas(others).mean(axis=0)
    return Deletion(
        shares=shares,
        classes=classes,
        marked=marked,
        random=others.mean(axis=0),
        marked_areas=marked_areas,
        random_areas=random_areas,
        contrast_areas=contrast_areas,
        num_random_orders=num_random_orders,
        interval=mean_interval(random_areas - marked_areas),
        contrast_interval=mean_interval(contrast_areas - marked_areas),
    )


def affordable_images(multiply_adds: int | None) -> int:
    """Return how many images to check, so that a large network is not looked at for minutes.

    Args:
        multiply_adds: of the network, for one image; None when not known, which takes the fewest.

    Example:
        >>> affordable_images(5_000_000), affordable_images(4_100_000_000)
        (50, 8)
    """
    if multiply_adds is None:
        return _FEWEST
    cost = max(multiply_adds, 1) * _NUM_PREDICTIONS
    return int(np.clip(_BUDGET / cost, _FEWEST, _MOST))


def _places(heat: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return each pixel's place in the order of deletion, 0 first: int64 (N, H, W)."""
    flat = heat.reshape(len(heat), -1)
    # Pixels that are marked alike go in a random order, not row by row.
    order = np.lexsort((random.random(flat.shape), -flat), axis=1)
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.broadcast_to(np.arange(flat.shape[1]), order.shape), axis=1)
    return places.reshape(heat.shape)


def _moved(maps: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return each map moved by a random number of rows and columns, round the border."""
    moved = [
        np.roll(heat, tuple(random.integers(size) for size in heat.shape), axis=(0, 1))
        for heat in maps
    ]
    return np.stack(moved)


def _contrast(images: np.ndarray, mean: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Return how far pixels lie from the mean colour, as coarse as a heat map: (N, H, W)."""
    distance = np.abs(images - mean).mean(axis=-1, dtype=np.float32)
    coarse = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(distance)[:, None], grid)
    size = images.shape[1:3]
    return torch.nn.functional.interpolate(coarse, size=size, mode="bilinear")[:, 0].numpy()


def _areas(curves: np.ndarray) -> np.ndarray:
    """Return the mean height of curves (..., S), by the trapezoid rule: float64 (...)."""
    values = curves.astype(np.float64)
    return ((values[..., 1:] + values[..., :-1]) / 2).mean(axis=-1)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
