"""The sections of a run's report: one file each, from findings to what its template shows."""
