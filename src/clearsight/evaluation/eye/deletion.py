"""The deletion check: whether what a heat map marks matters to the network.

The most marked pixels of a picture are deleted first, and the class's probability is followed down:
the deletion curve of Petsiuk, Das and Saenko, "RISE", 2018, https://arxiv.org/abs/1806.07421. The
opponent is the very same heat map, moved to a random place of the picture (over the border it comes
in again on the other side): patches of the same size, form and number, at places that nobody
chose. Single random pixels would be no fair opponent, since holes like pepper disturb a network in
another way than patches do.

Deleted pixels get the mean colour of all the pictures. On Fashion-MNIST that is grey, which
disturbs the dark ground too, so that random patches are a strong opponent there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.intervals import Interval, mean_interval

Predict = Callable[[np.ndarray], np.ndarray]

NUM_RANDOM_ORDERS = 5
_NUM_STEPS = 10
# A network of random weights hardly knows one class from another, and a difference of a thousandth
# can be beyond chance there: it says nothing.
LEAST_DIFFERENCE = 0.02


@dataclass(frozen=True, eq=False)
class Deletion:
    """What becomes of a class's probability while more and more of the picture is deleted.

    Attributes:
        shares: float64 (S,), the share of the pixels deleted in each step, from 0 to 1.
        classes: int64 (N,), whose probability is followed.
        marked: float32 (N, S), each picture's probability when the most marked pixels go first.
        random: float32 (N, S), the same when random patches go first, mean over the orders.
        marked_areas: float64 (N,), the mean of each picture's curve: low when what goes first
            matters.
        random_areas: float64 (N,), likewise, mean over the random orders.
        num_random_orders: how many random orders each picture has.
        interval: 95% interval of the mean of `differences`; None for fewer than three pictures.
        least_difference: a difference below this is not worth a claim.
    """

    shares: np.ndarray
    classes: np.ndarray
    marked: np.ndarray
    random: np.ndarray
    marked_areas: np.ndarray
    random_areas: np.ndarray
    num_random_orders: int
    interval: Interval | None
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
    def matters(self) -> bool:
        """Whether the marked regions matter more than random ones, beyond chance."""
        return self.interval is not None and self.interval.low > self.least_difference

    @property
    def verdict(self) -> str:
        """The finding in one sentence."""
        number = len(self.differences)
        if self.interval is None:
            return (
                f"The heat map means nothing here: of {number} pictures nobody can say whether "
                "the marked regions matter more than random ones."
            )
        low, high = self.interval.low, self.interval.high
        found = (
            f"deleting them first leaves the class a mean probability of "
            f"{self.marked_areas.mean():.2f}, deleting random patches first "
            f"{self.random_areas.mean():.2f}; difference {_signed(self.difference)}, 95% interval "
            f"{_signed(low)} to {_signed(high)}, {number} pictures"
        )
        if self.matters:
            return f"The marked regions matter more than random ones ({found})."
        if low > 0:
            return (
                "The heat map means next to nothing here: the marked regions matter hardly more "
                f"than random ones ({found})."
            )
        return (
            "The heat map means nothing here: the marked regions do not matter more than random "
            f"ones, as far as can be told ({found})."
        )


def check_by_deletion(
    predict: Predict,
    images: np.ndarray,
    maps: np.ndarray,
    classes: np.ndarray,
    *,
    num_random_orders: int = NUM_RANDOM_ORDERS,
    seed: int = 0,
) -> Deletion:
    """Follow each picture's class while it is deleted, by its heat map and at random.

    Args:
        predict: gives probabilities float (M, K) for pictures uint8 (M, H, W, C).
        images: uint8 (N, H, W, C), N at least 1.
        maps: float (N, H, W), the pictures' heat maps.
        classes: integers (N,), the class whose probability is followed.
        num_random_orders: how many random orders each picture gets.
        seed: of the random orders.
    """
    random = np.random.default_rng(seed)
    shares = np.linspace(0, 1, _NUM_STEPS + 1)
    mean = images.mean(axis=(0, 1, 2), keepdims=True)
    colour = np.rint(mean).astype(np.uint8)

    def curves(heat: np.ndarray) -> np.ndarray:
        places = _places(heat, random)
        num_pixels = places[0].size
        deleted = [
            np.where((places < round(share * num_pixels))[..., None], colour, images)
            for share in shares
        ]
        probabilities = predict(np.concatenate(deleted)).reshape(len(shares), len(images), -1)
        return probabilities[:, np.arange(len(images)), classes].T

    marked = curves(maps)
    others = np.stack([curves(_moved(maps, random)) for _ in range(num_random_orders)])
    marked_areas, random_areas = _areas(marked), _areas(others).mean(axis=0)
    return Deletion(
        shares=shares,
        classes=np.asarray(classes, dtype=np.int64),
        marked=marked,
        random=others.mean(axis=0),
        marked_areas=marked_areas,
        random_areas=random_areas,
        num_random_orders=num_random_orders,
        interval=mean_interval(random_areas - marked_areas),
    )


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


def _areas(curves: np.ndarray) -> np.ndarray:
    """Return the mean height of curves (..., S), by the trapezoid rule: float64 (...)."""
    values = curves.astype(np.float64)
    return ((values[..., 1:] + values[..., :-1]) / 2).mean(axis=-1)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
