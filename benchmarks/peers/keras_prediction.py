"""Classify images with Keras on TensorFlow: one file, as a script would, or many in memory."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np
import tensorflow


def name_one(model: Path, path: Path) -> None:
    network = keras.saving.load_model(model, compile=False)
    height, width, channels = network.input_shape[1:]
    image = tensorflow.io.decode_image(tensorflow.io.read_file(str(path)), channels)
    pixels = tensorflow.image.resize(image, (height, width))[None] / 255
    print(int(network.predict(pixels, verbose=0).argmax()))


def time_many(model: Path, path: Path, num_rounds: int, batch_sizes: list[int]) -> None:
    """Print the seconds of each round, with the best of these batch sizes."""
    network = keras.saving.load_model(model, compile=False)
    images = np.load(path)
    seconds: dict[int, list[float]] = {}
    for batch_size in batch_sizes:
        network.predict(images.astype("float32") / 255, batch_size=batch_size, verbose=0)
        for _ in range(num_rounds):
            started = time.perf_counter()
            pixels = images.astype("float32") / 255
            network.predict(pixels, batch_size=batch_size, verbose=0)
            seconds.setdefault(batch_size, []).append(time.perf_counter() - started)
    print(*min(seconds.values(), key=sum))


if __name__ == "__main__":
    what, model, images, *numbers = sys.argv[1:]
    if what == "one":
        name_one(Path(model), Path(images))
    else:
        time_many(Path(model), Path(images), int(numbers[0]), [int(size) for size in numbers[1:]])
