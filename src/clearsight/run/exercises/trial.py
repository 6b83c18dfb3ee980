"""Trying two networks out: both trained with several seeds, and whether the second did better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.evaluation.comparison.over_seeds import SeedDifference, difference_over_seeds
from clearsight.run.exercises.exercise import Exercise
from clearsight.run.request import train_request
from clearsight.run.seeds.runs import SeedRuns
from clearsight.run.seeds.train import train_seeds
from clearsight.run.store.source_images import load_run_splits, used_images
from clearsight.run.train import Display

SOURCE = "fashion-mnist"


@dataclass(frozen=True)
class Trial:
    """What came out of training the lesson's network and an exercise's.

    Attributes:
        lesson: the trainings of the lesson's network.
        other: those of the exercise's, with the same seeds and images.
        validation: the other's validation accuracy less the lesson's.
        gap: the other's gap between training and validation accuracy less the lesson's, both of
            the finished networks.
    """

    lesson: SeedRuns
    other: SeedRuns
    validation: SeedDifference
    gap: SeedDifference

    @property
    def sentences(self) -> tuple[str, str]:
        """Say whether it helped validation accuracy, and whether it widened the gap."""
        num_seeds, num_images = len(self.validation.by_seed), self.validation.num_images
        return (
            _sentence(
                self.validation,
                ("It raised validation accuracy", "It lowered validation accuracy"),
                f"These {num_seeds} seeds and {num_images:,} validation images cannot tell "
                "whether it helps validation accuracy",
            ),
            _sentence(
                self.gap,
                (
                    "It widened the gap between training and validation accuracy",
                    "It narrowed the gap between training and validation accuracy",
                ),
                f"These {num_seeds} seeds cannot tell whether it widens the gap between training "
                "and validation accuracy",
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        return {
            "lesson": {"run": str(self.lesson.path), **self.lesson.to_json()},
            "other": {"run": str(self.other.path), **self.other.to_json()},
            "validation": _as_json(self.validation),
            "gap": _as_json(self.gap),
            "sentences": list(self.sentences),
        }


def try_out(
    exercise: Exercise,
    num_seeds: int,
    display: Display,
    *,
    out: Path | None = None,
    announce: Callable[[str], object] = lambda _: None,
    **options: Any,
) -> Trial:
    """Train the lesson's network and an exercise's with the same seeds, and compare them.

    Args:
        exercise: which network besides the lesson's.
        num_seeds: how many trainings of each, at least 2.
        display: where they are shown.
        out: a new folder for both; None makes one for each in ``runs/``.
        announce: says which network is trained.
        **options: epochs, train_limit, device, ... as `TrainRequest` has them.

    Raises:
        ClearsightError: as `train_seeds`.
        TrainingInterrupted: likewise.
    """
    trained = []
    for whose, name, arguments in (
        ("the lesson's", "lesson", {}),
        ("this", exercise.name, exercise.model_arguments),
    ):
        announce(f"\nTraining {whose} network:")
        request = train_request(
            SOURCE,
            recipe="lesson",
            model="lesson",
            model_arguments=arguments,
            out=None if out is None else out / name,
            no_test=True,  # the question is one of validation; a look at test images is kept
            **options,
        )
        trained.append(train_seeds(request, num_seeds, display))
    return tried(*trained)


def tried(lesson: SeedRuns, other: SeedRuns) -> Trial:
    """Compare trainings with the same seeds on the same training and validation images.

    Raises:
        RunError: when their images are no longer there.
    """
    splits = load_run_splits(lesson[0].record)
    validation = _contrast(lesson, other, used_images(lesson[0], splits, "validation"))
    # Keras's training accuracy is a mean over the epoch; here both sides are the finished networks.
    training = _contrast(lesson, other, used_images(lesson[0], splits, "train"))
    return Trial(
        lesson,
        other,
        difference_over_seeds(validation),
        difference_over_seeds(training, -validation),
    )


def _contrast(lesson: SeedRuns, other: SeedRuns, images: ImageSet) -> np.ndarray:
    """Return -1, 0 or 1 for each seed and image: what the other got less what the lesson's."""
    right = [
        np.array([run.predict(images.images).labels == images.labels for run in runs])
        for runs in (lesson, other)
    ]
    return right[1].astype(np.int8) - right[0]


def _sentence(found: SeedDifference, told: tuple[str, str], untold: str) -> str:
    interval = (
        f"(95% interval of the change {100 * found.interval.low:+.1f} to "
        f"{100 * found.interval.high:+.1f}, over other seeds and other images)"
    )
    if not found.is_significant:
        return f"{untold}: it changed by {100 * found.value:+.1f} points {interval}."
    return f"{told[found.value < 0]} by {100 * abs(found.value):.1f} points {interval}."


def _as_json(found: SeedDifference) -> dict[str, Any]:
    return {
        "difference": found.value,
        "difference_interval": [found.interval.low, found.interval.high],
        "difference_by_seed": list(found.by_seed),
        "num_images": found.num_images,
        "is_significant": found.is_significant,
    }
