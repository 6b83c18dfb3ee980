"""``model.tflite``: for LiteRT (formerly TensorFlow Lite) on phones; one image at a time."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clearsight.bundle.files import BundleFiles
from clearsight.bundle.formats.model_format import Network, first_line, load_error, write_error
from clearsight.bundle.formats.quiet import quiet
from clearsight.bundle.spec import INPUT_NAME, OUTPUT_NAME, BundleSpec
from clearsight.errors import needs_extra

if TYPE_CHECKING:
    from clearsight.bundle.network import TrainedNetwork

MODEL_FILE = "model.tflite"
# Operators that run other code or may never end; clearsight's own files have none of them.
_REFUSED = (
    "CALL",
    "CALL_ONCE",
    "CUSTOM",
    "IF",
    "STABLEHLO_CUSTOM_CALL",
    "STABLEHLO_WHILE",
    "WHILE",
)


def write(network: TrainedNetwork, spec: BundleSpec, folder: Path) -> tuple[str, ...]:
    """Write ``model.tflite`` into a folder.

    Raises:
        MissingExtraError: if LiteRT's converter is not installed.
        BundleError: if the converter does not support the network.
    """
    import torch

    with needs_extra("Writing a bundle for LiteRT", "litert"):
        import litert_torch  # pyright: ignore[reportMissingImports]
    del spec

    class NamedOutput(torch.nn.Module):
        """Gives the output its name."""

        def __init__(self) -> None:
            super().__init__()
            self.module = network.as_module()

        def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
            return {OUTPUT_NAME: self.module(images)}

    silence = io.StringIO()
    try:
        with quiet(), redirect_stdout(silence), redirect_stderr(silence), torch.no_grad():
            example = {INPUT_NAME: network.example_images(1)}
            converted = litert_torch.convert(NamedOutput().eval(), sample_kwargs=example)
            converted.export(str(folder / MODEL_FILE))
    except Exception as error:  # the converter's errors share no base class
        raise write_error(network, "LiteRT", first_line(error), "onnx") from error
    return (MODEL_FILE,)


def open_model(files: BundleFiles, num_threads: int | None) -> Network:
    """Load ``model.tflite``.

    Raises:
        MissingExtraError: if LiteRT is not installed.
        BundleError: if LiteRT cannot load it, or it has loops or custom operators.
    """
    with needs_extra(f"Running {files.path}", "litert"):
        from ai_edge_litert.interpreter import Interpreter  # pyright: ignore[reportMissingImports]
    content = files.read(MODEL_FILE)
    try:
        # Which also checks that the file is well-formed.
        interpreter: Any = Interpreter(model_content=content, num_threads=num_threads)
        _check_operators(content)
        interpreter.allocate_tensors()
        signature = interpreter.get_signature_runner()
    except (ValueError, RuntimeError) as error:
        raise load_error(f"{files.path}'s {MODEL_FILE}", "LiteRT", error) from error

    def run(images: np.ndarray) -> np.ndarray:
        rows = [signature(**{INPUT_NAME: image[None]})[OUTPUT_NAME] for image in images]
        return np.concatenate(rows)

    return run


def _check_operators(content: bytes) -> None:
    """Check a well-formed file.

    Raises:
        ValueError: if it has loops or custom operators, or refers to other files.
    """
    from ai_edge_litert import (  # pyright: ignore[reportMissingImports]
        schema_py_generated as schema,
    )

    model = schema.Model.GetRootAs(content)
    names = {code: name for name, code in vars(schema.BuiltinOperator).items()}
    for index in range(model.OperatorCodesLength()):
        operator = model.OperatorCodes(index)
        # Codes above 127 are in a later field, and LiteRT takes the larger of the two.
        code = max(operator.BuiltinCode(), operator.DeprecatedBuiltinCode())
        name = names.get(code, str(code))
        if name in _REFUSED:
            raise ValueError(f"it has the operator {name}, which clearsight never writes")
    if model.ExternalBufferGroupsLength():
        raise ValueError("it refers to other files, which are never read")
