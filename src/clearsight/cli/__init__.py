"""The command line: one file a verb, each only reading options and showing results."""
