"""Classify images from files, folders, patterns and data sources with a bundle or a run.

The steps, in order: `open_predictor` opens the bundle or run, `find_inputs` finds the images,
`predict_images` reads and classifies them batch by batch. None loads Keras, torch or pydantic as
long as a bundle and image files suffice.
"""
