"""The names of the exercises, without the Keras that their networks need."""

TRAINED = "third-block"  # the one whose networks are trained
NAMES = ("shapes", "padding", TRAINED)
