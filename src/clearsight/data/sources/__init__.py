"""Named data sets, and loading from any source."""
