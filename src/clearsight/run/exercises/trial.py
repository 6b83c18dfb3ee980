"""Training the lesson's network and an exercise's with several seeds, to see which is better."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.evaluation.comparison.over_seeds import SeedDifference, difference_over_seeds
from clearsight.run.exercises.exercise import Exercise
from clearsight.run.exercises.request import TrialRequest
from clearsight.run.request import train_request
from clearsight.run.seeds.runs import SeedRuns
from clearsight.run.seeds.train import train_seeds
from clearsight.run.store.source_images import load_run_splits, used_images
from clearsight.run.train import Display

SOURCE = "fashion-mnist"


@dataclass(frozen=True)
class Trial:
    """A comparison of the lesson's network with an exercise's, over paired seeds.

    Attributes:
        lesson: the runs of the lesson's network.
        other: the runs of the exercise's, with the same seeds and images.
        validation: the other's validation accuracy minus the lesson's.
        gap: the other's gap between training and validation accuracy minus the lesson's, both of
            the finished networks.
    """

    lesson: SeedRuns
    other: SeedRuns
    validation: SeedDifference
    gap: SeedDifference

    @property
    def sentences(self) -> tuple[str, str]:
        """Whether validation accuracy is higher, and whether the gap is wider."""
        seeds = f"These {len(self.validation.by_seed)} seeds"
        too_few = f"{seeds} and {self.validation.num_images:,} validation images are too few"
        gap = "the gap between training and validation accuracy"
        return (
            _sentence(
                self.validation,
                ("raised validation accuracy", "lowered validation accuracy"),
                f"{too_few} to tell whether it helps validation accuracy",
            ),
            _sentence(
                self.gap,
                (f"widened {gap}", f"narrowed {gap}"),
                f"{seeds} are too few to tell whether it widens {gap}",
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        return {
            "lesson": {"run": str(self.lesson.path), **self.lesson.to_json()},
            "other": {"run": str(self.other.path), **self.other.to_json()},
            "validation": _to_json(self.validation),
            "gap": _to_json(self.gap),
            "sentences": list(self.sentences),
        }


def run_trial(exercise: Exercise, request: TrialRequest, display: Display) -> Trial:
    """Train the lesson's network and an exercise's with the same seeds, and compare them.

    Args:
        exercise: of the other network.
        request: how they are trained, with at least 2 seeds.
        display: where they are shown.

    Raises:
        ClearsightError: in the same cases as `train_seeds`.
        TrainingInterrupted: after a signal.
    """
    networks = (("the lesson's", "lesson", {}), ("this", exercise.name, exercise.model_arguments))
    with ExitStack() as held:
        runs = []
        for title, name, arguments in networks:
            display.progress.announce("")
            display.progress.announce(f"Training {title} network:")
            training = train_request(
                SOURCE,
                recipe="lesson",
                model="lesson",
                model_arguments=arguments,
                out=None if request.out is None else request.out / name,
                no_test=True,  # validation images answer the question; the test set stays unused
                **request.training_options,
            )
            runs.append(held.enter_context(train_seeds(training, request.seeds, display)))
        return compare_networks(*runs)


def compare_networks(lesson: SeedRuns, other: SeedRuns) -> Trial:
    """Compare runs with the same seeds on the same training and validation images.

    Raises:
        RunError: when their images are no longer there.
    """
    splits = load_run_splits(lesson[0])
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
    """Return int8 (S, N): for each seed and image, whether other is correct minus lesson is."""
    correct = [
        np.array([run.predict(images.images).labels == images.labels for run in runs])
        for runs in (lesson, other)
    ]
    return correct[1].astype(np.int8) - correct[0]


def _sentence(difference: SeedDifference, rise_and_fall: tuple[str, str], unclear: str) -> str:
    interval = (
        f"(95% interval of the change {100 * difference.interval.low:+.1f} to "
        f"{100 * difference.interval.high:+.1f}, over other seeds and other images)"
    )
    points = 100 * difference.value
    if not difference.is_significant:
        return f"{unclear}: it changed by {points:+.1f} points {interval}."
    return f"It {rise_and_fall[points < 0]} by {abs(points):.1f} points {interval}."


def _to_json(difference: SeedDifference) -> dict[str, Any]:
    return {
        "difference": difference.value,
        "difference_interval": [difference.interval.low, difference.interval.high],
        "difference_by_seed": list(difference.by_seed),
        "num_images": difference.num_images,
        "is_significant": difference.is_significant,
    }
