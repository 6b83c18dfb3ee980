"""The model files that a bundle may hold: one file per format, listed in `table.py`."""
