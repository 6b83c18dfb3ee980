"""Training once more as a curve's reading suggests, and whether it was worth it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clearsight.data.decoding.decode import ShowProgress, silent
from clearsight.errors import RunError
from clearsight.evaluation.comparison.paired import SIGNIFICANT, PairedComparison
from clearsight.run.advise.next_step import NextStep
from clearsight.run.plan.plan import Plan, plan_training
from clearsight.run.request import OVERRIDES, TrainRequest
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


def plan_next(
    request: TrainRequest, run: Run, step: NextStep, show_progress: ShowProgress = silent
) -> Plan:
    """Plan the training that a suggestion asks for; its test images stay sealed.

    Args:
        request: that led to `run`.
        run: finished.
        step: with options.
        show_progress: shows how far the decoding of images is.

    Raises:
        ClearsightError: as `plan_training`.
    """
    options = dict(step.options)
    record = run.record
    is_same_model = options.get("model", record.model) == record.model
    arguments = record.model_arguments if is_same_model else {}
    options["model_arguments"] = {**arguments, **options.get("model_arguments", {})}
    options["recipe_arguments"] = {
        **request.recipe_arguments,
        **options.get("recipe_arguments", {}),
    }
    options.setdefault("model", request.model if request.model is not None else record.model)
    if "recipe" in options:  # as its command says: its own values of everything but the images
        own = dict.fromkeys(OVERRIDES)
        kept = {name: getattr(record.recipe, name) for name in ("train_limit", "test_limit")}
        options = {**own, **kept, **options, "recipe_arguments": {}}
    options |= {"out": _free_path(run.path), "no_test": True}
    return plan_training(request.model_copy(update=options), show_progress)


def compared(step: NextStep, plan: Plan, run: Run, tried: Run) -> Tried:
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
    images = plan.validation_images()
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
