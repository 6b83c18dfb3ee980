"""The files of a run's folder, each read and written in one place, and the list of runs."""
