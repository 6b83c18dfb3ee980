"""From predictions and labels to findings, with their uncertainty. Needs no network."""
