"""A run's report: one HTML file that needs nothing else, on paper and screens of any size."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from clearsight.errors import MissingExtraError
from clearsight.evaluation.intervals.proportions import Interval
from clearsight.evaluation.scores.scores import Measures
from clearsight.models.trace import Trace
from clearsight.report.charts import epoch_chart, reliability_chart
from clearsight.report.numbers import interval_in_percent, percent
from clearsight.report.rendering import write_page
from clearsight.report.sections.capacity import capacity_section
from clearsight.report.sections.mistakes import Judged, confusion_section, gallery_section
from clearsight.report.sections.saliency import Looks, looks_section
from clearsight.report.sections.scores import calibration_section, class_section
from clearsight.report.thumbnail import data_url
from clearsight.report.vega import vega_program
from clearsight.training.history import History


@dataclass(frozen=True)
class Advice:
    """One thing that the curve says.

    Attributes:
        sentence: what was found.
        command: what to type next, or None.
    """

    sentence: str
    command: str | None = None


@dataclass(frozen=True)
class Accuracy:
    """An accuracy of the headline.

    Attributes:
        part: "test", "validation" or "training".
        value: 0..1.
        interval: its 95% interval.
        num_images: how many images it counts.
    """

    part: str
    value: float
    interval: Interval
    num_images: int


@dataclass(frozen=True)
class DataHealth:
    """What is known of the images.

    Attributes:
        parts: how many images each part has, in words.
        notes: what was noticed before training.
        command: what finds more; None for images that came from Python.
    """

    parts: Sequence[tuple[str, str]]
    notes: Sequence[str]
    command: str | None


@dataclass(frozen=True)
class Provenance:
    """How the run was made.

    Attributes:
        facts: names and values: options, versions, machine.
        command: what to type to repeat it; None where no command line can.
        promise: whether repeating it gives the same weights, in words.
    """

    facts: Sequence[tuple[str, str]]
    command: str | None
    promise: str


@dataclass(frozen=True, eq=False)
class ReportPage:
    """What the report shows; what is None or empty is left out.

    Attributes:
        title: network and source.
        run_name: the run's folder.
        accuracies: of the test first, where there is one.
        remarks: sentences that belong beside the headline.
        advice: what the curve says and what to do next.
        history: at least one epoch.
        curves_png: the curves as an image, for readers that run no scripts.
        trace: the network.
        judged: what it said of its test images.
        measures: how well.
        looks: what it looks at.
        health: what is known of the images.
        provenance: how the run was made.
        missing: a sentence for each section that is not there.
    """

    title: str
    run_name: str
    accuracies: Sequence[Accuracy]
    remarks: Sequence[str]
    advice: Sequence[Advice]
    history: History
    curves_png: bytes | None
    trace: Trace | None
    judged: Judged | None
    measures: Measures | None
    looks: Looks | None
    health: DataHealth
    provenance: Provenance
    missing: Sequence[str] = ()


def write_report_page(page: ReportPage, path: Path) -> None:
    """Write the report, replacing `path` whole.

    The page's own policy forbids it to load anything, and any script but the two that it is
    written with.

    Raises:
        MissingExtraError: when jinja2, altair or vl-convert is not installed.
        OutputError: when the page cannot be written.
    """
    charts = {f"{name}-chart": epoch_chart(page.history, name) for name in ("accuracy", "loss")}
    calibration = calibration_section(page.measures) if page.measures is not None else None
    if page.measures is not None and page.measures.calibration is not None:
        charts["reliability-chart"] = reliability_chart(page.measures.calibration.bins)
    program = _sealed(vega_program())
    drawing = _sealed((files("clearsight.report") / "templates" / "report.js").read_text("utf-8"))
    png = page.curves_png
    _write(
        path,
        page=page,
        accuracies=[_accuracy(each) for each in page.accuracies],
        curves=data_url(png, "PNG") if png is not None else None,
        network=capacity_section(page.trace) if page.trace is not None else None,
        confusion=confusion_section(page.judged) if page.judged is not None else None,
        galleries=gallery_section(page.judged) if page.judged is not None else [],
        classes=class_section(page.measures) if page.measures is not None else None,
        calibration=calibration,
        looks=looks_section(page.looks) if page.looks is not None else None,
        charts=charts,
        program=program,
        drawing=drawing,
        scripts=" ".join(f"'sha256-{_digest(script)}'" for script in (program, drawing)),
    )


def _write(path: Path, **values: Any) -> None:
    try:
        from markupsafe import Markup
    except ImportError as error:
        raise MissingExtraError("The report", extra="report") from error
    for name in ("program", "drawing", "scripts"):  # what clearsight itself wrote
        values[name] = Markup(values[name])
    write_page("report.html", path, **values)


def _accuracy(accuracy: Accuracy) -> dict[str, str]:
    return {
        "part": accuracy.part,
        "value": percent(accuracy.value),
        "interval": interval_in_percent(accuracy.interval),
        "count": f"{accuracy.num_images:,}",
    }


def _sealed(program: str) -> str:
    """Return a script in which nothing ends or hides the element that it stands in."""
    return program.replace("</script", "<\\/script").replace("<!--", "<\\!--").replace("\r\n", "\n")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
