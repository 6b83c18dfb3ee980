"""A bundle's ``README.md``: how to use it, with its own shapes and names in the examples."""

from __future__ import annotations

import math
from importlib.resources import files
from string import Template

from clearsight.bundle.parity import NUM_IMAGES
from clearsight.bundle.spec import BundleSpec

_CHANNELS = {1: "grey", 3: "red, green, blue", 4: "red, green, blue, alpha"}
_RESIZE = {
    "fit": "proportions kept, filled up with the colour of the border",
    "crop": "proportions kept, what is over cut off",
    "stretch": "proportions not kept",
}
_NEEDS = {
    "onnx": "numpy, Pillow and onnxruntime, neither Keras nor torch",
    "keras": "Keras on torch",
    "openvino": "numpy, Pillow and openvino, neither Keras nor torch",
    "litert": "numpy, Pillow and ai-edge-litert, neither Keras nor torch",
    "pt2": "numpy, Pillow and torch, not Keras",
}
_MOST_NAMED = 12


def readme_of(spec: BundleSpec, model_files: tuple[str, ...]) -> str:
    """Return the page's text.

    Args:
        spec: of the bundle.
        model_files: the names of the model's file or files.
    """
    height, width, channels = spec.image_shape
    names = ", ".join(spec.class_names[:_MOST_NAMED])
    more = len(spec.class_names) - _MOST_NAMED
    values = {
        "name": spec.name,
        "classes": f"{names} and {more} more" if more > 0 else names,
        "model_files": "`, `".join(model_files),
        "num_parity": NUM_IMAGES,
        "height": height,
        "width": width,
        "channels": channels,
        "channel_words": _CHANNELS[channels],
        "num_values": math.prod(spec.image_shape),
        "num_classes": len(spec.class_names),
        "resize_words": _RESIZE[spec.preparation.resize],
        "precision_words": (
            "the trained network"
            if spec.precision == "float32"
            else f"the trained network computed in {spec.precision}"
        ),
        "scaling_words": _scaling_words(spec),
        "temperature_words": (
            ""
            if spec.temperature is None
            else f" A temperature of {spec.temperature:.4g} was fitted on validation images: "
            f"softmax(log(probabilities) / {spec.temperature:.4g}) fits better how often the "
            "network is right, and changes no name."
        ),
        "divisor": f"{spec.preparation.divisor:g}",
        "flip_outside": (f" and {spec.views.words}" if spec.views.words else ""),
        "needs": _NEEDS[spec.format],
    }
    elsewhere = _template(f"{spec.format}.md").substitute(values)
    return _template("README.md").substitute(values, elsewhere=elsewhere)


def _scaling_words(spec: BundleSpec) -> str:
    if spec.format == "keras":
        return "N is any number. clearsight scales them; elsewhere see below."
    mean = f", and so is {spec.views.words}" if spec.views.words else ""
    count = "N is 1" if spec.format == "litert" else "N is any number"
    return f"{count}. Scaling is done inside{mean}."


def _template(name: str) -> Template:
    return Template((files("clearsight.bundle") / "templates" / name).read_text("utf-8"))
