"""`Predictions`: class probabilities of some images, with the classes' names."""

from dataclasses import dataclass
from itertools import islice

import numpy as np

from clearsight.display.html import element, joined, output, table
from clearsight.display.image_grid import MAX_IMAGES, image_grid
from clearsight.io.argument_checks import check_count
from clearsight.io.displayed_text import displayed_start

_MAX_CLASSES = 3  # of an image in a notebook
_MAX_NAMES = 5  # in one line


@dataclass(frozen=True, eq=False)
class Predictions:
    """A network's class probabilities for some images.

    Attributes:
        probabilities: float32 (N, K), rows sum to 1.
        class_names: K names.
        images: the first of the images, uint8 (M, H, W, C), for notebooks; None if unknown.
    """

    probabilities: np.ndarray
    class_names: tuple[str, ...]
    images: np.ndarray | None = None

    @classmethod
    def of(
        cls, images: np.ndarray, probabilities: np.ndarray, class_names: tuple[str, ...]
    ) -> "Predictions":
        """Return the predictions for images, uint8 (N, H, W, C), with copies of the first ones."""
        return cls(probabilities, class_names, images[:MAX_IMAGES].copy())

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def labels(self) -> np.ndarray:
        """The most probable class of each image: int64 (N,)."""
        return self.probabilities.argmax(axis=1)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each image's most probable class."""
        return tuple(self.class_names[label] for label in self.labels)

    def top(self, count: int) -> list[list[tuple[str, float]]]:
        """Return each image's `count` most probable classes with their probabilities.

        If there are fewer classes than `count`, all are returned.

        Raises:
            RequestError: when `count` is not a whole number of at least 1.
        """
        count = check_count(count, "count", 1)
        order = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :count]
        return [
            [(self.class_names[label], float(row[label])) for label in labels]
            for row, labels in zip(self.probabilities, order, strict=True)
        ]

    def __repr__(self) -> str:
        names = [repr(displayed_start(name, 40)) for name in self.names[:_MAX_NAMES]]
        more = ", ..." if len(self) > len(names) else ""
        images = "1 image" if len(self) == 1 else f"{len(self):,} images"
        return f"Predictions({images}: {', '.join(names)}{more})"

    def _repr_html_(self) -> str:
        shown = Predictions(self.probabilities[:MAX_IMAGES], self.class_names)
        best = shown.top(_MAX_CLASSES)
        parts = []
        if self.images is not None:
            tiles = zip(self.images, best, strict=False)
            parts.append(
                image_grid(
                    (pixels, _caption(classes), f"image {index}")
                    for index, (pixels, classes) in enumerate(tiles)
                )
            )
        else:
            titles = islice(("predicted", "second", "third"), min(_MAX_CLASSES, len(best[0])))
            rows = ((index, *map(_with_probability, classes)) for index, classes in enumerate(best))
            parts.append(table(("image", *titles), rows, num_left=1 + _MAX_CLASSES))
        if len(self) > MAX_IMAGES:
            parts.append(element("p", f"The first {MAX_IMAGES} of {len(self):,} images."))
        return output(*parts)


def _with_probability(predicted: tuple[str, float]) -> str:
    name, probability = predicted
    return f"{name} {probability:.1%}"


def _caption(classes: list[tuple[str, float]]) -> str:
    first, *others = map(_with_probability, classes)
    return joined(
        (element("strong", first), *(element("span", each, class_="faint") for each in others))
    )
