"""Trainings with several seeds as a plain text table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clearsight.evaluation.comparison.over_seeds import SeedSummary
    from clearsight.run.seeds.runs import SeedRuns

_TITLES = {
    "train_accuracy": "training",
    "val_accuracy": "validation",
    "test_accuracy": "test",
    "gap": "gap",
    "fit_seconds": "s to fit",
}


def seed_table(runs: SeedRuns) -> str:
    """Return a line for each finished member, under them mean, deviation and 95% interval."""
    lines = [f"{'seed':<20}" + "".join(f"{title:>12}" for title in _TITLES.values())]
    for run, results in zip(runs.runs, runs.results, strict=True):
        numbers = [_number(getattr(results, name), name) for name in _TITLES]
        lines.append(_line(str(run.record.request.seed), numbers))
    found = {name: runs.summary(name) for name in _TITLES}
    for title, of in (
        ("mean", lambda summary: summary.mean),
        ("standard deviation", lambda summary: summary.standard_deviation),
        ("spread", lambda summary: summary.spread),
    ):
        numbers = [_number(of(each) if each else None, name) for name, each in found.items()]
        lines.append(_line(title, numbers))
    lines += [
        _interval_sentence(title, found[name])
        for name, title in (("test_accuracy", "test"), ("val_accuracy", "validation"))
        if found[name] is not None
    ]
    if not runs.is_finished:
        lines.append(
            f"{len(runs)} of {runs.record.num_seeds} seeds are finished; go on with: "
            f"{runs.resume_command}"
        )
    if not runs.record.same_validation:
        lines.append(
            "The validation images were drawn by the seed, so that validation accuracies differ "
            "also by their images; the test images are the same for all seeds."
        )
    return "\n".join(lines)


def _interval_sentence(title: str, summary: SeedSummary | None) -> str:
    assert summary is not None  # the caller has looked
    interval = summary.interval
    if interval is None:
        return f"mean {title} accuracy {summary.mean:.3f}; one seed says nothing of others"
    return (
        f"mean {title} accuracy {summary.mean:.3f} (95% interval {interval.low:.3f} to "
        f"{interval.high:.3f}, over {len(summary.values)} seeds, on these images)"
    )


def _line(title: str, numbers: list[str]) -> str:
    return f"{title:<20}" + "".join(f"{number:>12}" for number in numbers)


def _number(value: float | None, name: str) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if name == "fit_seconds" else f"{value:.4f}"
