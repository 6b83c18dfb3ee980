"""The command line: one file per command, which reads its options and shows its results."""
