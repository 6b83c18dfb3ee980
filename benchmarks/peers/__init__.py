"""The programs whose speed is compared, each run as its own process: ``python -m peers.NAME``."""
