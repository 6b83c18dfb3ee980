"""Running the next experiment that a curve suggests, and comparing it with the run before."""

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
class NextComparison:
    """A comparison of a suggested run with the run that suggested it.

    Attributes:
        next_run: the suggested run.
        paired: the suggested run first, the earlier second, on their validation images; None if
            those differ.
        val_accuracy_now: of the suggested run.
        val_accuracy_before: of the earlier run.
    """

    next_run: Run
    paired: PairedComparison | None
    val_accuracy_now: float
    val_accuracy_before: float

    @property
    def sentence(self) -> str:
        """Whether the suggestion helped."""
        now, before, paired = self.val_accuracy_now, self.val_accuracy_before, self.paired
        if paired is None:
            return (
                f"Validation accuracy is {now:.3f}, and was {before:.3f} on other validation "
                "images, so the two cannot be compared image by image."
            )
        change = (
            f"validation accuracy is {now:.3f} and was {before:.3f} (95% interval of the "
            f"difference {100 * paired.interval.low:+.1f} to {100 * paired.interval.high:+.1f} "
            f"points, McNemar's exact p = {paired.p_value:.2g})"
        )
        if paired.p_value < SIGNIFICANT:
            return f"It {'helped' if paired.difference > 0 else 'hurt'}: {change}."
        needed = paired.num_images_needed
        more = f"; about {needed:,} are needed" if needed is not None else ""
        return (
            f"{paired.num_images:,} validation images are too few to tell whether it helped: "
            f"{change}{more}."
        )


def unevaluated_next_request(request: TrainRequest, run: Run, step: NextStep) -> TrainRequest:
    """Return the request for a next step that has options, from that of the finished run before.

    The suggested run does not use the test set, and its folder is next to the earlier run's.
    """
    update = {"out": _free_path(run.path), "no_test": True}
    return next_request(request, run.record, step).model_copy(update=update)


def compare_next(plan: Plan, run: Run, next_run: Run) -> NextComparison:
    """Compare a suggested run, and its plan, with the earlier `run`, on their validation images."""
    before, now = (
        {
            (used.part, used.index, used.digest)
            for used in read_split(each.folder.split_path)
            if used.used_for == "validation"
        }
        for each in (run, next_run)
    )
    accuracies = next_run.results.val_accuracy, run.results.val_accuracy
    if before != now:
        return NextComparison(next_run, None, *accuracies)
    images = plan.data.validation_images()
    correct = [each.predict(images.images).labels == images.labels for each in (next_run, run)]
    return NextComparison(next_run, PairedComparison.of(*correct), *accuracies)


def _free_path(path: Path) -> Path:
    for number in range(2, 1_000):
        free = path.with_name(f"{path.name}_next" if number == 2 else f"{path.name}_next-{number}")
        if not free.exists():
            return free
    raise RunError(f"There are a thousand runs next to {path} already: move some away.")
