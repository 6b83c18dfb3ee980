"""The test set of a run: its images, its evaluation, and the ledger of its uses."""
