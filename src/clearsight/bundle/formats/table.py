"""The table of model formats. To add one: a file here, a row, and a page in ``templates/``.

A format's own libraries are imported when it is used. Every format passes the same parity check. A
format whose files can run their author's code does not belong here.
"""

from clearsight.bundle.formats import keras_file, litert_file, onnx_file, openvino_file
from clearsight.bundle.formats.model_format import ModelFormat
from clearsight.errors import BundleError, did_you_mean

FORMATS: dict[str, ModelFormat] = {
    row.name: row
    for row in (
        # ONNX Runtime: Python, C++, C#, Java, JavaScript, phones
        ModelFormat("onnx", (onnx_file.MODEL_FILE,), onnx_file.write, onnx_file.open_model),
        ModelFormat("keras", (keras_file.MODEL_FILE,), keras_file.write, keras_file.open_model),
        ModelFormat(
            "openvino",
            (openvino_file.GRAPH_FILE, openvino_file.WEIGHTS_FILE),
            openvino_file.write,
            openvino_file.open_model,
        ),
        # phones; formerly TensorFlow Lite
        ModelFormat("litert", (litert_file.MODEL_FILE,), litert_file.write, litert_file.open_model),
    )
}
_TORCH_PROGRAM = "pt2"  # written by early versions


def find_format(name: str, bundle: str) -> ModelFormat:
    """Return a row of the table.

    Args:
        name: the format's name.
        bundle: what to call the bundle in the message.

    Raises:
        BundleError: if there is no such format.
    """
    if name == _TORCH_PROGRAM:
        raise BundleError(
            f"The format of {bundle} should be one of {', '.join(FORMATS)}, but is '{name}', a "
            "torch program, which could run any code of its author when it is opened: export its "
            "run again in another format."
        )
    if name not in FORMATS:
        raise BundleError(
            f"The format of {bundle} should be one of {', '.join(FORMATS)}, but is "
            f"{name[:60]!r}.{did_you_mean(name[:60], FORMATS)}"
        )
    return FORMATS[name]
