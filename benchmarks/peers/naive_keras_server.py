"""The server that tutorials write: FastAPI, and Keras's `predict` for each request."""

from __future__ import annotations

import io
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"  # before Keras is imported
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import keras
import numpy as np
import uvicorn
from fastapi import FastAPI, UploadFile
from PIL import Image

app = FastAPI()
model = keras.models.load_model(sys.argv[1], compile=False)


@app.post("/predict")
def predict(image: UploadFile) -> dict:  # FastAPI runs it in one of its threads
    image = Image.open(io.BytesIO(image.file.read())).convert("L")
    pixels = np.asarray(image, np.float32)[None, ..., None] / 255
    probabilities = model.predict(pixels, verbose=0)[0]
    label = int(probabilities.argmax())
    return {
        "predictions": [
            {
                "label": label,
                "probability": float(probabilities[label]),
                "probabilities": probabilities.tolist(),
            }
        ]
    }


if __name__ == "__main__":
    model.predict(np.zeros((1, *model.input_shape[1:])), verbose=0)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error", access_log=False)
