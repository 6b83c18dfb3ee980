"""Read a folder of images with Keras's image_dataset_from_directory; print the seconds."""

from __future__ import annotations

import os
import sys
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np

_BATCH_SIZE = 256


def main() -> None:
    started = time.perf_counter()
    batches = keras.utils.image_dataset_from_directory(
        sys.argv[1], image_size=(32, 32), batch_size=_BATCH_SIZE, shuffle=False, verbose=False
    )
    images = np.concatenate([batch.numpy().astype("uint8") for batch, _ in batches])
    print(time.perf_counter() - started, len(images))


if __name__ == "__main__":
    main()
