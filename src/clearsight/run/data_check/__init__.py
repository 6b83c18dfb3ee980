"""The full check of a source's images, with a quick network that judges the labels."""
