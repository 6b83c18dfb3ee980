"""The reference job of the lesson through the Python API.

Run it with `python examples/lesson.py`, or `python examples/lesson.py 3` for 3 epochs.
"""

import sys

import clearsight


def main(epochs: int = 10) -> clearsight.Run:
    # The network, explained before it is trained.
    print(clearsight.trace("lesson", input_shape=(28, 28, 1)))

    # The first 15,000 training images, of which the last 20% validate, and 3,000 test images.
    run = clearsight.train("fashion-mnist", epochs=epochs)

    # What came out, with its uncertainty.
    results = run.results
    print(f"training {results.train_accuracy:.3f}  validation {results.val_accuracy:.3f}")
    if results.test_accuracy_interval is not None:  # None with no_test=True
        low, high = results.test_accuracy_interval
        print(f"test {results.test_accuracy:.3f} (95% interval {low:.3f} to {high:.3f})")
    print(results.reading)

    # The network, used: uint8 images in, class names out.
    _, test = clearsight.load_data("fashion-mnist")
    print("predicted:", ", ".join(run.predict(test.images[:5]).names))
    print("truth:    ", ", ".join(test.class_names[label] for label in test.labels[:5]))
    print("curve image:", run.path / "curves.png")
    return run


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
