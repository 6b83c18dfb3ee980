"""`Predictions`: class probabilities of some images, with the classes' names."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Predictions:
    """A network's class probabilities for some images.

    Attributes:
        probabilities: float32 (N, K), rows sum to 1.
        class_names: K names.
    """

    probabilities: np.ndarray
    class_names: tuple[str, ...]

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
        """
        order = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :count]
        return [
            [(self.class_names[label], float(row[label])) for label in labels]
            for row, labels in zip(self.probabilities, order, strict=True)
        ]
