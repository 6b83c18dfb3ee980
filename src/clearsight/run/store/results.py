"""`Results`: what came out of a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clearsight.run.test_set.ledger import Looks


@dataclass(frozen=True)
class Results:
    """``results.json``: what came out.

    Attributes:
        train_accuracy: of the epoch whose weights are kept, Keras's mean over it.
        train_count: how many images it counts.
        train_accuracy_interval: Wilson's 95% interval, low and high; likewise below.
        val_accuracy: after that epoch.
        val_count: how many images it counts.
        val_accuracy_interval: see above.
        test_accuracy: on images never used for anything else; None without test images, or
            where they stay sealed.
        test_count: how many images it counts.
        test_accuracy_interval: see above.
        test_loss: mean cross-entropy in nats; None also when it is no finite number.
        first_test_predictions: labels given to the first five test images.
        first_test_labels: their true labels.
        reading: what the curve says, in a few sentences.
        gap: training minus validation accuracy.
        gap_interval: Newcombe's 95% interval of it.
        best_epoch: where validation accuracy was highest.
        findings: what the curve says, what matters most first, each with name, sentence and the
            numbers it rests on (evidence).
        weights_of_epoch: after which epoch the weights were that are kept, measured and compared.
        fit_seconds: of all epochs together.
        epoch_seconds: median over the epochs.
        total_seconds: from the request to the written results, with the epochs of earlier parts of
            a resumed run.
        test_leaked_count: how many test images are also learned from, as far as was searched.
        test_accuracy_without_leaked: on the other test images; None where none are.
        test_looks: how often this test set has been looked at, this time included; 0 unmeasured.
        test_looks_runs: by how many runs.
        test_optimism: by how much the best of their scores is too high, at most about, as a share.
    """

    train_accuracy: float
    train_count: int
    train_accuracy_interval: tuple[float, float]
    val_accuracy: float
    val_count: int
    val_accuracy_interval: tuple[float, float]
    test_accuracy: float | None
    test_count: int
    test_accuracy_interval: tuple[float, float] | None
    test_loss: float | None
    first_test_predictions: tuple[int, ...]
    first_test_labels: tuple[int, ...]
    reading: str
    gap: float
    gap_interval: tuple[float, float]
    best_epoch: int
    fit_seconds: float
    epoch_seconds: float
    total_seconds: float
    findings: tuple[dict[str, Any], ...] = ()
    weights_of_epoch: int = 0
    test_leaked_count: int = 0
    test_accuracy_without_leaked: float | None = None
    test_looks: int = 0
    test_looks_runs: int = 0
    test_optimism: float | None = None

    @property
    def looks(self) -> Looks:
        """How often the test images had been looked at, this look included."""
        return Looks(self.test_looks, self.test_looks_runs, self.test_optimism or 0.0)
