"""What the charts of a run's training curve mark."""

from clearsight.report.epoch_chart import CurveMarks, SavedWeights
from clearsight.run.store.record import RunRecord
from clearsight.run.store.results import Results
from clearsight.run.store.summary import read_run_curve
from clearsight.training.history import History


def run_curve_marks(record: RunRecord, history: History, results: Results | None) -> CurveMarks:
    """Return the marks of a run.

    Args:
        record: the run's.
        history: at least one epoch.
        results: of a finished run.
    """
    findings = (results or read_run_curve(record, history)).findings
    since = (each.evidence["since_epoch"] for each in findings if each.name == "overfitting")
    epoch = next(since, None)
    saved = None
    # In results of earlier versions, training accuracy is a mean over the epoch, as in the curve.
    if results is not None and results.train_measured_count is not None:
        saved = SavedWeights(results.weights_of_epoch, results.train_accuracy, results.gap)
    return CurveMarks(
        saved,
        None if epoch is None else int(epoch),
        record.split.val_guessing_accuracy,
        record.split.guessing_loss,
    )
