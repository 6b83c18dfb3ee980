"""The tutorial's notebook, line by line: only its imports change, and one line is added.

What the tutorial imports from ``tensorflow.keras`` it imports from ``keras`` here, after
``clearsight``, which has Keras run on torch.
"""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from clearsight.data.sources.fashion_mnist import SHA256, locate
from support.notebook import ExecutedCell, run_cells

IMPORTS = """
    import clearsight
    import numpy as np
    import matplotlib.pyplot as plt
    from keras.datasets import fashion_mnist
    from keras.models import Sequential
    from keras.layers import Conv2D, MaxPooling2D, Flatten, Dense
"""
LOAD = """
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    x_train, y_train = x_train[:15000], y_train[:15000]
    x_test, y_test = x_test[:3000], y_test[:3000]
    print(x_train.shape, x_test.shape)
"""
SHOW = """
    plt.imshow(x_train[0], cmap="gray")
    plt.title(f"Label: {y_train[0]}")
    plt.show()
"""
PREPARE = """
    x_train = x_train / 255.0
    x_test = x_test / 255.0
    x_train = x_train.reshape(-1, 28, 28, 1)
    x_test = x_test.reshape(-1, 28, 28, 1)
"""
BUILD = """
    model = Sequential([
        Conv2D(32, (3, 3), activation="relu", padding="same", input_shape=(28, 28, 1)),
        MaxPooling2D((2, 2)),
        Conv2D(64, (3, 3), activation="relu", padding="same"),
        MaxPooling2D((2, 2)),
        Flatten(),
        Dense(128, activation="relu"),
        Dense(10, activation="softmax"),
    ])
    model.summary()
"""
COMPILE = """
    model.compile(
        optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model = clearsight.accelerate(model)
"""
FIT = """
    history = model.fit(
        x_train, y_train, epochs=EPOCHS, batch_size=64, validation_split=0.2
    )
"""
PLOT = """
    plt.plot(history.history["accuracy"], label="Training Accuracy")
    plt.plot(history.history["val_accuracy"], label="Validation Accuracy")
    plt.xlabel("Epoch")
    plt.ylabel("Accuracy")
    plt.legend()
    plt.show()
"""
EVALUATE = """
    test_loss, test_acc = model.evaluate(x_test, y_test)
    print("Test accuracy:", test_acc)
"""
PREDICT = """
    predictions = model.predict(x_test[:5])
    predicted_labels = np.argmax(predictions, axis=1)
    print("Predicted:", predicted_labels)
    print("Actual:", y_test[:5])
"""


@pytest.mark.parametrize(
    "topic",
    [
        "convolution", "filter", "kernel", "feature map", "stride", "padding", "max pooling",
        "relu", "softmax", "flatten", "parameter sharing", "overfitting", "epoch",
        "batch", "validation", "loss", "adam", "curve",
    ],
)  # fmt: skip
def test_each_of_its_topics_is_explained(topic: str) -> None:
    assert topic in (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text("utf-8").lower()


@pytest.mark.slow
def test_it_runs_with_only_its_imports_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = run_tutorial(tmp_path, monkeypatch, epochs=2)
    imports, load, show, prepare, build, compiled, fit, plot, evaluate, predict = cells
    assert imports.types == prepare.types == compiled.types == [], "nothing that needs reading"
    assert load.text() == "(15000, 28, 28) (3000, 28, 28)\n"
    assert [cell.types[-1] for cell in (show, plot)] == ["display_data", "display_data"]
    assert "421,642" in printed(build)
    assert "2/2" in fit.html()
    assert "val_accuracy" in fit.html()
    assert fit.types == ["display_data"], fit.outputs
    accuracy = re.search(r"Test accuracy: (0\.\d+)", printed(evaluate))
    assert accuracy is not None
    assert 0.78 < float(accuracy[1]) < 0.90  # over seeds
    assert "Actual: [9 2 1 1 6]" in printed(predict)
    assert re.search(r"Predicted: \[9 2 1 1 \d\]", printed(predict))
    said = {output.text for cell in cells for output in cell.outputs if is_error(output)}
    # Keras's own advice about what the tutorial does.
    assert all("Do not pass an `input_shape`" in text for text in said), said


def run_tutorial(folder: Path, monkeypatch: pytest.MonkeyPatch, epochs: int) -> list[ExecutedCell]:
    """Run its cells, with the images where Keras has downloaded them."""
    downloaded = folder / "keras" / "datasets" / "fashion-mnist"
    downloaded.mkdir(parents=True)
    found = Path(locate() or "")
    for name in SHA256:
        packed = found / f"{name}.gz"
        content = (
            packed.read_bytes() if packed.exists() else gzip.compress((found / name).read_bytes())
        )
        (downloaded / f"{name}.gz").write_bytes(content)
    monkeypatch.setenv("KERAS_HOME", str(folder / "keras"))
    fit = FIT.replace("EPOCHS", str(epochs))
    return run_cells(
        folder, IMPORTS, LOAD, SHOW, PREPARE, BUILD, COMPILE, fit, PLOT, EVALUATE, PREDICT
    )


def printed(cell: ExecutedCell) -> str:
    """Return what a cell shows as text."""
    return "\n".join(cell.text(index) for index in range(len(cell.outputs)))


def is_error(output: object) -> bool:
    """Return whether an output is a warning or an error message."""
    return getattr(output, "name", "") == "stderr"
