"""`check_data`: all checks of a source's images before training."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.data.health import CHECKS
from clearsight.data.health.finding import Finding, by_severity, count_images
from clearsight.data.health.found_list import COLUMNS, found_rows
from clearsight.data.health.image_pool import ImagePool
from clearsight.data.image_list import ListedImage, write_image_list
from clearsight.data.image_set import ImageSet
from clearsight.data.labels import corrections
from clearsight.data.splits.splits import Splits
from clearsight.errors import MissingExtraError
from clearsight.evaluation.label_errors import LabelErrors, find_label_errors
from clearsight.report.data_page import DataPage, write_data_page

# A network that has seen only a few images of a class cannot judge the labels of that class.
_MIN_CLASS_SIZE = 10
_MANY = 0.01  # as a fraction: from here on suspected labels are a warning
_MIN_ADVANTAGE = 1.5  # times chance: below this accuracy the quick network judges no labels


@dataclass(frozen=True, eq=False)
class DataCheck:
    """The findings about a source's images.

    Attributes:
        source: its name.
        splits: the images.
        findings: most severe first.
        skipped_checks: a sentence for each check that was left out, with the reason.
        label_errors: the quick network's judgement of the training labels; None if left out.
        quick_accuracy: fraction of training images whose label it predicts without having seen
            them; None if left out.
        seconds: wall-clock time since the check was requested.
    """

    source: str
    splits: Splits
    findings: tuple[Finding, ...]
    skipped_checks: tuple[str, ...]
    label_errors: LabelErrors | None
    quick_accuracy: float | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return everything but the images as JSON-ready values."""
        errors = self.label_errors
        return {
            "source": self.source,
            "parts": {
                part: {
                    "num_images": len(images),
                    "image_shape": list(images.image_shape),
                    "class_counts": dict(
                        zip(images.class_names, images.class_counts.tolist(), strict=True)
                    ),
                }
                for part, images in self.splits.parts.items()
            },
            "notes": list(self.splits.load_report.sentences),
            "findings": [asdict(finding) for finding in self.findings],
            "skipped_checks": list(self.skipped_checks),
            "quick_accuracy": self.quick_accuracy,
            "num_suspect_labels": None if errors is None else len(errors.suspects),
            "seconds": self.seconds,
        }

    def write_list(self, path: Path, removed: Sequence[ListedImage] = ()) -> None:
        """Write every image, pair and class that was found as CSV; see `found_list`.

        `removed` are images that were left out of the check, so that the list goes on leaving them
        out.

        Raises:
            OutputError: when the file cannot be written.
        """
        before = (
            (row.name, row.part, row.index, "", "yes", "remove-list", "note", "left out before", "")
            for row in removed
        )
        write_image_list(path, COLUMNS, [*found_rows(self.findings, self.splits), *before])

    def write_page(self, path: Path, list_file: str = "", command: str | None = None) -> None:
        """Write the findings as one HTML page, replacing `path` atomically.

        The page refers to `list_file`, the CSV file that lists everything, if there is one, and
        shows the `command` that trains without the images that it marks.

        Raises:
            MissingExtraError: when jinja2 is not installed.
            OutputError: when the page cannot be written.
        """
        checked = (self.findings, self.skipped_checks, self.seconds)
        write_data_page(DataPage(self.source, self.splits, *checked, list_file, command), path)

    def write_labels(self, path: Path) -> None:
        """Write training images with suspected labels as CSV, most likely errors first.

        Its last column, `corrected_label`, is empty: the user writes the right classes there.

        Raises:
            OutputError: when the file cannot be written.
        """
        train, errors = self.splits.train, self.label_errors
        assert errors is not None, "labels are judged only without quick=True"
        write_image_list(
            path,
            corrections.COLUMNS,
            (
                (
                    train.names[index] if train.names is not None else "",
                    "train",
                    int(index),
                    train.class_names[train.labels[index]],
                    train.class_names[errors.suggested[index]],
                    f"{errors.scores[index]:.4f}",
                    "",
                )
                for index in errors.suspects
            ),
        )


def check_data(
    splits: Splits,
    source: str = "arrays",
    *,
    quick: bool = False,
    seed: int = 0,
    announce: Callable[[str], object] = lambda _: None,
    requested_at: float | None = None,
) -> DataCheck:
    """Run all checks of a source's images.

    Args:
        splits: the images.
        source: what to call their source.
        quick: leave out the network that judges the labels.
        seed: of that network.
        announce: called with the name of each check before it runs.
        requested_at: `time.perf_counter` when the check was requested; None for now.
    """
    started = time.perf_counter() if requested_at is None else requested_at
    pool = ImagePool(splits)
    findings: list[Finding] = []
    skipped_checks: list[str] = []
    for check in CHECKS.values():
        announce(f"looking for {check.summary}")
        try:
            findings += check.run(pool)
        except MissingExtraError as error:
            skipped_checks.append(str(error))
    errors = accuracy = None
    if quick:
        skipped_checks.append("Labels were not judged by a network, because of --quick.")
    else:
        errors, accuracy = judge_labels(splits.train, seed=seed, announce=announce)
        if accuracy < _MIN_ADVANTAGE / splits.train.num_classes:
            skipped_checks.append(
                f"The quick network predicts the labels of only {accuracy:.0%} of the images, "
                "hardly more than chance, so it cannot find wrong labels."
            )
        else:
            findings += _label_findings(pool, errors, accuracy)
    return DataCheck(
        source=source,
        splits=splits,
        findings=by_severity(findings),
        skipped_checks=tuple(skipped_checks),
        label_errors=errors,
        quick_accuracy=accuracy,
        seconds=time.perf_counter() - started,
    )


def judge_labels(
    train: ImageSet, *, seed: int = 0, announce: Callable[[str], object] = lambda _: None
) -> tuple[LabelErrors, float]:
    """Judge the labels of training images with a quick network that has not seen them.

    Returns:
        The judgement, in which labels of very rare classes are never suspected, and the network's
        accuracy.
    """
    from clearsight.run.data_check.quick_network import out_of_fold_probabilities

    probabilities = out_of_fold_probabilities(train, seed=seed, announce=announce)
    errors = find_label_errors(probabilities, train.labels)
    can_be_judged = train.class_counts[train.labels] >= _MIN_CLASS_SIZE
    errors = replace(errors, is_suspect=errors.is_suspect & can_be_judged)
    return errors, float(np.mean(probabilities.argmax(axis=1) == train.labels))


def _label_findings(pool: ImagePool, errors: LabelErrors, accuracy: float) -> Iterator[Finding]:
    """Report suspected labels."""
    train = pool.splits.train
    count = len(errors.suspects)
    if count:
        yield Finding(
            id="suspect-labels",
            title="Labels that may be wrong",
            severity="warning" if count > _MANY * len(train) else "note",
            count=count,
            total=len(train),
            message=f"{count_images(count, 'training')} of {len(train):,} "
            f"({count / len(train):.1%}) {'looks' if count == 1 else 'look'} like another class to "
            f"a quick network that had not seen {'it' if count == 1 else 'them'} and predicts "
            f"{accuracy:.1%} of all labels",
            advice="Check the most likely errors first: --labels-out writes a table to correct.",
            cases=tuple(
                replace(case, caption=f"{case.caption}, rather {train.class_names[suggested]}?")
                for case, suggested in zip(
                    pool.cases(errors.suspects), errors.suggested[errors.suspects], strict=True
                )
            ),
        )
