"""Where and in which precision a Keras model computes."""
