"""A bundle's ``README.md``: how to use it, with its own shapes and names in the examples."""

import math
from importlib.resources import files
from string import Template

from clearsight.bundle.parity import NUM_IMAGES
from clearsight.bundle.spec import BundleSpec
from clearsight.data.preparation.pixel_range import PixelRange

_CHANNELS = {1: "grey", 3: "red, green, blue", 4: "red, green, blue, alpha"}
_RESIZE = {
    "fit": "keeping proportions and padding with the border's colour",
    "crop": "keeping proportions and cropping the rest",
    "stretch": "without keeping proportions",
}
_REQUIREMENTS = {
    "onnx": "numpy, Pillow and onnxruntime, but neither Keras nor torch",
    "keras": "Keras on torch",
    "openvino": "numpy, Pillow and openvino, but neither Keras nor torch",
    "litert": "numpy, Pillow and ai-edge-litert, but neither Keras nor torch",
}
_MAX_CLASSES = 12


def render_readme(spec: BundleSpec, model_files: tuple[str, ...]) -> str:
    """Render the text for a bundle whose model is in files of these names."""
    height, width, channels = spec.image_shape
    names = ", ".join(spec.class_names[:_MAX_CLASSES])
    more = len(spec.class_names) - _MAX_CLASSES
    mean = spec.views.words
    if spec.format == "keras":
        scaling = "N is any number. clearsight scales pixels first; see below for other programs."
    else:
        count = 1 if spec.format == "litert" else "any number"
        also = f" and takes {mean}" if mean else ""
        scaling = f"N is {count}. The network scales pixels itself{also}."
    temperature = ""
    if spec.temperature is not None:
        temperature = (
            f" The temperature {spec.temperature:.4g}, fitted on validation images, calibrates "
            f"them: softmax(log(probabilities) / {spec.temperature:.4g}). It never changes the "
            "most probable class."
        )
    computed = f" computed in {spec.precision}" if spec.precision != "float32" else ""
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
        "precision_words": f"the trained network{computed}",
        "scaling_words": scaling,
        "range_words": _range_words(spec.preparation.pixel_range),
        "temperature_words": temperature,
        "divisor": f"{spec.preparation.divisor:g}",
        "views_words": f" and taking {mean}" if mean else "",
        "requirements": _REQUIREMENTS[spec.format],
    }
    elsewhere = _template(f"{spec.format}.md").substitute(values)
    return _template("README.md").substitute(values, elsewhere=elsewhere)


def _template(name: str) -> Template:
    return Template((files("clearsight.bundle") / "templates" / name).read_text("utf-8"))


def _range_words(pixel_range: PixelRange | None) -> str:
    if pixel_range is None:
        return ""
    return (
        f" Deep images (16 bits, 32 bits, floats) are converted to 8 bits first: values from "
        f"{pixel_range} become 0 to 255, rounded, and those outside become 0 or 255."
    )
