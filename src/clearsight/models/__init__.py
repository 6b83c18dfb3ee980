"""From a name and options to a Keras model, and each of its layers explained."""
