"""Evaluating a run's network on its test images, or on those of another source."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from clearsight.data.sources.keywords import SourceKeywords
from clearsight.data.sources.network_options import NETWORK_OPTIONS
from clearsight.data.sources.options import SourceOptions
from clearsight.display.html import element, output, table
from clearsight.errors import DataError, RequestError, RunError, describe_found
from clearsight.evaluation.scores.guessing import PartAccuracy, accuracy_scores
from clearsight.evaluation.scores.scores import Scores, compute_scores
from clearsight.option_names import for_reader, option
from clearsight.run.store.results import TestSetUses
from clearsight.run.store.run import Run
from clearsight.run.store.source_images import is_own_source
from clearsight.run.test_set.images import load_other_images, load_test_images
from clearsight.run.test_set.ledger import TestSetUse, record_use


@dataclass(frozen=True)
class Evaluation:
    """The results of a run's network on test images.

    Attributes:
        scores: all scores, with their intervals.
        test_set_uses: how often these images have been used, this evaluation included.
        notes: sentences about how another source was read and what was left out of it.
    """

    scores: Scores
    test_set_uses: TestSetUses
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        accuracy, num_images = self.scores.accuracy, self.scores.num_images
        return f"Evaluation(test accuracy {accuracy}, {num_images:,} images)"

    def _repr_html_(self) -> str:
        found = self.scores
        rows = (
            (each.class_name, f"{each.num_images:,}", each.precision, each.recall, each.f1)
            for each in found.classes
        )
        sentences = (*self.notes, self.test_set_uses.sentence)
        return output(
            accuracy_scores([PartAccuracy("test", found.accuracy, found.guessing_accuracy)]),
            *(element("p", sentence) for sentence in sentences if sentence),
            table(("class", "images", "precision", "recall", "F1"), rows),
        )


def evaluate(
    run: Run | str | Path, source: str | Path | None = None, **options: Unpack[SourceKeywords]
) -> Evaluation:
    """Evaluate a run's network, and record the use of the test set in the user's ledger.

    Args:
        run: to evaluate, or what `Run.load` finds it by.
        source: the name or path of another source; None for the run's own test images.
        **options: how another source's images are read: those of `load_data`, but for the ones
            that the network determines: image_size, resize, channels and test_split.

    Raises:
        DataError: when there are no images to evaluate on, their classes are not the run's, or
            options are given for the run's own images.
        RequestError: when options are unknown, out of range or determined by the network.
        RunError: when the run's own images no longer exist, or its training diverged.

    Example:
        >>> import clearsight, pathlib, tempfile
        >>> out = pathlib.Path(tempfile.mkdtemp()) / "run"
        >>> run = clearsight.train("digits", epochs=1, out=out, report=False, verbose=False)
        >>> evaluate(run).scores.num_images
        359
    """
    run = run if isinstance(run, Run) else Run.load(run)
    if not isinstance(source, str | os.PathLike | None):
        raise DataError(
            f"The source should be a name or a path, but is {describe_found(source)}: for arrays, "
            "compare run.predict(images).labels with their labels."
        )
    source = None if source is None else os.fspath(source)
    reading = _reading_options(options)
    is_own = source is None or is_own_source(run.record, source)
    if source is None or is_own:
        _check_no_options(reading)
        images, notes = load_test_images(run, reading), ()
    else:
        images, notes = load_other_images(run, source, reading)
    predictions = run.predict(images.images)
    val_accuracy = None
    with suppress(RunError, IndexError):  # a run stopped within its first epoch has none
        val_accuracy = (run.folder.read_results() or run.history[-1]).val_accuracy
    use = TestSetUse.now(run.path, "evaluate", predictions.labels == images.labels, val_accuracy)
    # The run's own images have the fingerprint of its training, wherever they are stored now.
    fingerprint = run.record.data["test"].sha256 if is_own else images.fingerprint
    scores = compute_scores(predictions, images.labels)
    return Evaluation(scores, record_use(fingerprint, use), notes)


def _reading_options(given: Mapping[str, Any]) -> SourceOptions:
    """Return how another source's images are read.

    Raises:
        RequestError: when options are unknown, out of range or determined by the network.
    """
    determined = [name for name in NETWORK_OPTIONS if name in given]
    if determined:
        raise RequestError(
            f"The network's own input determines {', '.join(NETWORK_OPTIONS)}, but "
            f"{', '.join(map(option, determined))} was given: leave it out."
        )
    return SourceOptions(**given)


def _check_no_options(options: SourceOptions) -> None:
    """Check that no options are given for a run's own images, which are read as in training."""
    given = options.model_copy(update={"allow_bad": False}).shown
    if given:
        raise DataError(
            "A run's own test images are read as in training, so that "
            f"{given} cannot apply: leave it out, or give another source with "
            f"{for_reader('--data', 'source=')}."
        )
