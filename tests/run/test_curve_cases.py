"""Curves of real trainings whose meaning is known: read right, and none with false certainty."""

from __future__ import annotations

from pathlib import Path

import pytest

import clearsight
from clearsight.evaluation.curve.finding import CurveFinding
from clearsight.run.advise.next_step import next_step
from support.curve_cases import CASES, SMALL_CASES, Case
from support.figures import ReportFigure

_QUICK = (
    "a handful of validation images",
    "too few epochs",
    "2 epochs of strong with 800 images",
    "200 noise images, 95% of one class, smoothing 0.1",
)
_MIN_FRACTION = 0.9
_NEW_SEED = 18  # the rules were made on seeds 0 to 17


def trained(case: Case, seed: int, folder: Path) -> clearsight.Run:
    return clearsight.train(
        case.splits(seed),
        seed=seed,
        out=folder / f"{case.name} {seed}",
        report=False,
        bundle=False,
        verbose=False,
        **{"recipe": "lesson", **case.options},
    )


def is_right(case: Case, findings: tuple[CurveFinding, ...]) -> bool:
    names = {finding.name for finding in findings}
    return bool(names & case.right) and not is_falsely_certain(case, findings)


def is_falsely_certain(case: Case, findings: tuple[CurveFinding, ...]) -> bool:
    return bool({finding.name for finding in findings} & case.wrong)


@pytest.mark.parametrize(
    "case", [case for case in (*CASES, *SMALL_CASES) if case.name in _QUICK], ids=str
)
def test_some_curves_are_read_right(case: Case, tmp_path: Path) -> None:
    run = trained(case, 6, tmp_path)
    assert is_right(case, run.results.findings)
    if len(run.history) < 4:
        step = next_step(run.record, run.results.findings)
        assert step is not None
        assert step.options["epochs"] > len(run.history)


@pytest.mark.slow
def test_nine_of_ten_curves_are_read_right_and_none_with_false_certainty(
    tmp_path: Path, report_figure: ReportFigure
) -> None:
    readings = [
        (case, trained(case, _NEW_SEED, tmp_path).results.findings)
        for case in (*CASES, *SMALL_CASES)
    ]
    for case, findings in readings:
        if not is_right(case, findings):
            report_figure(f"{case.name}: {', '.join(each.name for each in findings)}")
    num_right = sum(is_right(case, findings) for case, findings in readings)
    report_figure(f"{num_right} of {len(readings)} curves read right")
    assert num_right >= _MIN_FRACTION * len(readings)
    assert not any(is_falsely_certain(case, findings) for case, findings in readings)
