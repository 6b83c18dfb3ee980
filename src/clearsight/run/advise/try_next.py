"""Training once more as a curve's reading suggests, and whether it was worth it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clearsight.errors import RunError
from clearsight.evaluation.comparison.paired import SIGNIFICANT, PairedComparison
from clearsight.run.advise.command import next_request
from clearsight.run.advise.next_step import NextStep
from clearsight.run.plan.plan import Plan
from clearsight.run.request import TrainRequest
from clearsight.run.store.run import Run
from clearsight.run.store.split_csv import read_split


@dataclass(frozen=True)
class Tried:
    """What became of a suggestion.

    Attributes:
        step: what was tried.
        run: the training that tried it.
        comparison: it first, the run that it came from second, on the validation images of both;
            None where those are not the same.
        validation: accuracy on the validation images, now and before.
    """

    step: NextStep
    run: Run
    comparison: PairedComparison | None
    validation: tuple[float, float]

    @property
    def sentence(self) -> str:
        """Say whether it helped."""
        now, before = self.validation
        if self.comparison is None:
            return (
                f"Validation accuracy is {now:.3f}, and was {before:.3f} on other validation "
                "images, so that the two cannot be compared image by image."
            )
        interval = self.comparison.interval
        found = (
            f"validation accuracy is {now:.3f} and was {before:.3f} (95% interval of the "
            f"difference {100 * interval.low:+.1f} to {100 * interval.high:+.1f} points, McNemar's "
            f"exact p = {self.comparison.p_value:.2g})"
        )
        if self.comparison.p_value < SIGNIFICANT:
            return f"It {'helped' if now > before else 'hurt'}: {found}."
        needed = self.comparison.num_images_needed
        hope = f"; about {needed:,} would" if needed is not None else ""
        return (
            f"These {self.comparison.num_images:,} validation images cannot tell whether it "
            f"helped: {found}{hope}."
        )


def sealed_next_request(request: TrainRequest, run: Run, step: NextStep) -> TrainRequest:
    """Return the request of a suggested training, in a folder next to the run's.

    Its test images are not evaluated.

    Args:
        request: that led to `run`.
        run: finished.
        step: with options.
    """
    update = {"out": _free_path(run.path), "no_test": True}
    return next_request(request, run.record, step).model_copy(update=update)


def compare_next(step: NextStep, plan: Plan, run: Run, tried: Run) -> Tried:
    """Compare a suggestion's training with the one that it came from, by validation images.

    Args:
        step: what was tried.
        plan: of the new training.
        run: the earlier training.
        tried: the new one.
    """
    validation = (tried.results.val_accuracy, run.results.val_accuracy)
    before, now = (
        {
            (used.part, used.index, used.digest)
            for used in read_split(each.folder.split_path)
            if used.used_for == "validation"
        }
        for each in (run, tried)
    )
    if before != now:
        return Tried(step, tried, None, validation)
    images = plan.data.validation_images()
    first, second = (each.predict(images.images).labels == images.labels for each in (tried, run))
    return Tried(
        step,
        tried,
        PairedComparison.of(first, second),
        (float(first.mean()), float(second.mean())),
    )


def _free_path(path: Path) -> Path:
    for number in range(2, 1_000):
        free = path.with_name(f"{path.name}_next" if number == 2 else f"{path.name}_next-{number}")
        if not free.exists():
            return free
    raise RunError(f"A thousand runs stand beside {path} already: move some away.")
