"""How well predictions match the labels: accuracy, loss, scores per class, calibration."""
