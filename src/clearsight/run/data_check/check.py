"""`check_data`: everything that can be said about a source's images before training."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.data.health import CHECKS
from clearsight.data.health.finding import (
    MAX_EXAMPLES,
    Example,
    Finding,
    ImageReference,
    by_severity,
    count_images,
)
from clearsight.data.health.image_pool import ImagePool
from clearsight.data.image_set import ImageSet
from clearsight.data.labels.corrections import write_suspects
from clearsight.data.splits.splits import Splits
from clearsight.errors import MissingExtraError
from clearsight.evaluation.label_errors import LabelErrors, find_label_errors
from clearsight.report.data_page import DataPage, write_data_page

# A network that learned from a handful of images of a class cannot judge its labels.
_FEWEST_TO_JUDGE = 10
_MANY = 0.01  # share of suspects from which they are worth a warning
_NO_BETTER = 1.5  # times chance that the quick network must exceed for its word to count


@dataclass(frozen=True, eq=False)
class DataCheck:
    """What was found in a source's images.

    Attributes:
        source: what it was called.
        splits: the images.
        findings: the gravest first.
        skipped_checks: sentences that say which checks were left out, and why.
        label_errors: what the quick network says of the training labels; None when left out.
        quick_accuracy: share of training images that it names as labelled, none of which it had
            seen; None when left out.
        seconds: how long it took, without loading.
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
            "findings": [finding.to_json() for finding in self.findings],
            "skipped_checks": list(self.skipped_checks),
            "quick_accuracy": self.quick_accuracy,
            "num_suspect_labels": self._num_suspects,
            "seconds": self.seconds,
        }

    def write_page(self, path: Path) -> None:
        """Write the findings as one HTML page, replacing `path` whole.

        Raises:
            MissingExtraError: when jinja2 is not installed.
            OutputError: when the page cannot be written.
        """
        page = DataPage(self.source, self.splits, self.findings, self.skipped_checks, self.seconds)
        write_data_page(page, path)

    def write_labels(self, path: Path) -> None:
        """Write training images whose labels are suspected, likeliest error first, as CSV.

        Raises:
            OutputError: when the file cannot be written.
        """
        train, errors = self.splits.train, self.label_errors
        assert errors is not None  # settled by whoever asked for the network
        write_suspects(
            path,
            (
                (
                    train.names[index] if train.names is not None else "",
                    "train",
                    int(index),
                    train.class_names[train.labels[index]],
                    train.class_names[errors.suggested[index]],
                    f"{errors.scores[index]:.4f}",
                )
                for index in errors.suspects
            ),
        )

    @property
    def _num_suspects(self) -> int | None:
        return None if self.label_errors is None else len(self.label_errors.suspects)


def check_data(
    splits: Splits,
    source: str = "arrays",
    *,
    quick: bool = False,
    seed: int = 0,
    announce: Callable[[str], object] | None = None,
) -> DataCheck:
    """Run all checks.

    Args:
        splits: the images.
        source: what to call them.
        quick: leave out the network that judges the labels.
        seed: of that network.
        announce: told what is being looked at.
    """
    started = time.perf_counter()
    pool = ImagePool(splits)
    findings: list[Finding] = []
    skipped_checks: list[str] = []
    for check in CHECKS.values():
        if announce is not None:
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
        if accuracy < _NO_BETTER / splits.train.num_classes:
            skipped_checks.append(
                f"The quick network names only {accuracy:.0%} of the images as labelled, hardly "
                "more than chance, so it cannot say which labels are wrong."
            )
        else:
            findings += label_findings(splits.train, errors, accuracy)
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
    train: ImageSet, *, seed: int = 0, announce: Callable[[str], object] | None = None
) -> tuple[LabelErrors, float]:
    """Judge the labels of training images by a quick network that has not seen them.

    Returns:
        The judgement, where labels of very rare classes are never suspected, and the network's
        accuracy.
    """
    from clearsight.run.data_check.quick_network import out_of_fold_probabilities

    def on_fold(fold: int, num_folds: int) -> None:
        if announce is not None:
            announce(f"training a quick network to judge labels, {fold} of {num_folds}")

    probabilities = out_of_fold_probabilities(train, seed=seed, on_fold=on_fold)
    errors = find_label_errors(probabilities, train.labels)
    can_be_judged = train.class_counts[train.labels] >= _FEWEST_TO_JUDGE
    errors = replace(errors, is_suspect=errors.is_suspect & can_be_judged)
    return errors, float(np.mean(probabilities.argmax(axis=1) == train.labels))


def label_findings(train: ImageSet, errors: LabelErrors, accuracy: float) -> list[Finding]:
    """Put suspected labels into a finding."""
    suspects = errors.suspects
    count = len(suspects)
    if not count:
        return []
    return [
        Finding(
            id="suspect-labels",
            title="Labels that may be wrong",
            severity="warning" if count > _MANY * len(train) else "note",
            count=count,
            total=len(train),
            message=f"{count_images(count, 'training')} of {len(train):,} "
            f"({count / len(train):.1%}) {'looks' if count == 1 else 'look'} like another class to "
            f"a quick network that had not seen {'it' if count == 1 else 'them'} and names "
            f"{accuracy:.1%} of all images as they are labelled",
            advice="Look at the likeliest first: --labels-out writes them as a table to correct.",
            examples=tuple(
                Example(
                    (ImageReference("train", int(index), train.name_of(index)),),
                    f"{train.class_names[train.labels[index]]}, rather "
                    f"{train.class_names[errors.suggested[index]]}?",
                )
                for index in suspects[:MAX_EXAMPLES]
            ),
        )
    ]
