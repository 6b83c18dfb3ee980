"""Name pictures with Keras on TensorFlow: one file, as a script would, or many from memory."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np
import tensorflow


def name_one(model: Path, picture: Path) -> None:
    network = keras.saving.load_model(model, compile=False)
    height, width, channels = network.input_shape[1:]
    image = tensorflow.io.decode_image(tensorflow.io.read_file(str(picture)), channels)
    pixels = tensorflow.image.resize(image, (height, width))[None] / 255
    print(int(network.predict(pixels, verbose=0).argmax()))


def time_many(model: Path, pictures: Path) -> None:
    """Print the seconds of each round, the best of three batch sizes."""
    network = keras.saving.load_model(model, compile=False)
    images = np.load(pictures)
    num_rounds = int(sys.argv[4])
    seconds: dict[int, list[float]] = {}
    for batch_size in (32, 256, 1024):
        network.predict(images.astype("float32") / 255, batch_size=batch_size, verbose=0)
        for _ in range(num_rounds):
            started = time.perf_counter()
            pixels = images.astype("float32") / 255
            network.predict(pixels, batch_size=batch_size, verbose=0)
            seconds.setdefault(batch_size, []).append(time.perf_counter() - started)
    print(*min(seconds.values(), key=sum))


if __name__ == "__main__":
    {"one": name_one, "many": time_many}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
