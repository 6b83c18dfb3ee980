"""A run's report: one HTML file that needs nothing else, for screens of any size and paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight.display.thumbnail import data_url
from clearsight.evaluation.saliency.saliency import Saliency
from clearsight.evaluation.scores.guessing import PartAccuracy
from clearsight.evaluation.scores.scores import Scores
from clearsight.models.trace import Trace
from clearsight.report.charts import CHART_HEIGHT, epoch_chart, reliability_chart
from clearsight.report.epoch_chart import CurveMarks, EpochChart
from clearsight.report.rendering import page_script, write_page
from clearsight.report.sections.by_hand import hands_on_numbers
from clearsight.report.sections.mistakes import EvaluatedImages, confusion_section, gallery_section
from clearsight.report.sections.saliency import saliency_galleries
from clearsight.report.vega import vega_script
from clearsight.training.history import History


@dataclass(frozen=True)
class Advice:
    """One finding about the training curve, or the next step.

    Attributes:
        sentence: the finding or the step.
        command: what to run next, or None.
    """

    sentence: str
    command: str | None = None


@dataclass(frozen=True)
class DataHealth:
    """What is known about the images.

    Attributes:
        parts: names and descriptions of the sets of images.
        notes: what the checks before training found.
        command: a command that checks more; None for images passed in Python.
    """

    parts: Sequence[tuple[str, str]]
    notes: Sequence[str]
    command: str | None


@dataclass(frozen=True)
class Provenance:
    """How the run was made.

    Attributes:
        facts: names and values: options, versions, machine.
        command: the command that repeats it; None if there is none.
        reproducibility: whether repeating it gives the same weights, in words.
    """

    facts: Sequence[tuple[str, str]]
    command: str | None
    reproducibility: str


@dataclass(frozen=True, eq=False)
class ReportPage:
    """What the report shows; sections whose value is None or empty are left out.

    Attributes:
        title: network and source.
        run_name: the name of the run's folder.
        accuracies: of each set of images, the test set first if there is one.
        remarks: sentences shown below the accuracies.
        advice: findings about the training curve, and the next step.
        history: at least one epoch.
        marks: what its chart marks.
        curves_png: the curves as an image, for browsers without scripts.
        trace: of the network.
        evaluated: the test images and their predictions.
        scores: of these predictions.
        saliency: what the network looks at.
        health: what is known about the images.
        provenance: how the run was made.
        missing: a sentence for each missing section.
    """

    title: str
    run_name: str
    accuracies: Sequence[PartAccuracy]
    remarks: Sequence[str]
    advice: Sequence[Advice]
    history: History
    marks: CurveMarks
    curves_png: bytes | None
    trace: Trace | None
    evaluated: EvaluatedImages | None
    scores: Scores | None
    saliency: Saliency | None
    health: DataHealth
    provenance: Provenance
    missing: Sequence[str] = ()


def write_report_page(page: ReportPage, path: Path) -> None:
    """Write the report, replacing `path` atomically.

    The page's content security policy blocks everything from being loaded, and all scripts but the
    two that it contains.

    Raises:
        MissingExtraError: if jinja2, altair or vl-convert is not installed.
        OutputError: if the page cannot be written.
    """
    evaluated, scores, png = page.evaluated, page.scores, page.curves_png
    curves = [
        EpochChart(page.history, metric, page.marks, CHART_HEIGHT)
        for metric in ("accuracy", "loss")
    ]
    charts = {f"{chart.title.lower()}-chart": epoch_chart(chart) for chart in curves}
    if scores is not None and scores.calibration is not None:
        charts["reliability-chart"] = reliability_chart(scores.calibration.bins)
    write_page(
        "report.html",
        path,
        scripts=(vega_script(), page_script("report.js", "report/by_hand.js", "copy.js")),
        trusted={"architecture": page.trace.draw().svg if page.trace is not None else ""},
        page=page,
        curves=curves,
        curves_png=data_url(png, "PNG") if png is not None else None,
        confusion=confusion_section(evaluated) if evaluated is not None else None,
        galleries=gallery_section(evaluated) if evaluated is not None else [],
        heat_maps=saliency_galleries(page.saliency) if page.saliency is not None else [],
        hands_on=hands_on_numbers(page.saliency) if page.saliency is not None else None,
        charts=charts,
    )
