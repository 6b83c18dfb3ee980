"""What the charts of a run's training curve mark."""

from collections.abc import Sequence

from clearsight.evaluation.curve.finding import CurveFinding
from clearsight.report.epoch_chart import CurveMarks, SavedWeights
from clearsight.run.store.record import SplitRecord
from clearsight.run.store.results import Results


def curve_marks(
    split: SplitRecord, results: Results | None, findings: Sequence[CurveFinding]
) -> CurveMarks:
    """Return the marks of a run.

    Args:
        split: of its images.
        results: None of an unfinished run.
        findings: about its curve.
    """
    # In results of earlier versions, training accuracy is a mean over the epoch, as in the curve.
    saved = None
    if results is not None and results.train_measured_count is not None:
        saved = SavedWeights(results.weights_of_epoch, results.train_accuracy, results.gap)
    since = (each.evidence["since_epoch"] for each in findings if each.name == "overfitting")
    epoch = next(since, None)
    return CurveMarks(
        saved,
        None if epoch is None else int(epoch),
        split.val_guessing_accuracy,
        split.guessing_loss,
    )
