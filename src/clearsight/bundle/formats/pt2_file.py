"""``model.pt2``: a program that torch.export wrote, for torch without Keras."""

from __future__ import annotations

import io
import json
import re
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clearsight.bundle.files import BundleFiles
from clearsight.bundle.formats.model_format import Network, first_line, load_error, write_error
from clearsight.bundle.spec import INPUT_NAME, BundleSpec
from clearsight.errors import needs_extra

if TYPE_CHECKING:
    from clearsight.bundle.network import TrainedNetwork

MODEL_FILE = "model.pt2"
# The only members an archive may have. torch.export.load unpickles any other, and any that a table
# of contents marks as pickled, and unpickling can run code.
_SAFE_MEMBER = re.compile(
    r"[^/]+/(archive_format|archive_version|byteorder|\.data/(serialization_id|version)"
    r"|models/model\.json|data/weights/(weight_\d+|model_weights_config\.json)"
    r"|data/constants/(tensor_\d+|model_constants_config\.json)|data/sample_inputs/model\.pt)"
)
# A node's metadata that holds source paths of this machine.
_TRACES = ("stack_trace", "nn_module_stack", "source_fn_stack", "from_node", "custom")


def write(network: TrainedNetwork, spec: BundleSpec, folder: Path) -> tuple[str, ...]:
    """Write ``model.pt2`` into a folder.

    Raises:
        BundleError: if torch.export does not support the network.
    """
    import torch

    del spec
    try:
        with torch.no_grad():
            program = torch.export.export(
                network.as_module(),
                (),
                {INPUT_NAME: network.example_images(3)},
                dynamic_shapes={INPUT_NAME: {0: torch.export.Dim("N")}},
            )
    except Exception as error:  # torch's errors share no base class
        raise write_error(network, "torch", first_line(error), "keras") from error
    for node in program.graph.nodes:
        for name in _TRACES:
            node.meta.pop(name, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about weights that are views; the parity check covers it
        torch.export.save(program, folder / MODEL_FILE)
    return (MODEL_FILE,)


def open_model(files: BundleFiles, num_threads: int | None) -> Network:
    """Load ``model.pt2`` without unpickling anything but tensors.

    Raises:
        MissingExtraError: if torch is not installed.
        BundleError: if torch cannot load it, or it contains a pickle.
    """
    with needs_extra(f"Running {files.path}", "onnx"):
        import torch
    del num_threads  # torch has one setting for the whole process
    content = files.read(MODEL_FILE)
    try:
        _check_safe(content)
        module = torch.export.load(io.BytesIO(content)).module()
    except Exception as error:  # torch's errors share no base class
        runtime = f"torch {torch.__version__}"
        raise load_error(f"{files.path}'s {MODEL_FILE}", runtime, error) from error

    def run(images: np.ndarray) -> np.ndarray:
        tensor = torch.from_numpy(np.ascontiguousarray(images))
        with torch.no_grad():
            return module(**{INPUT_NAME: tensor}).numpy()

    return run


def _check_safe(content: bytes) -> None:
    """Check that torch will unpickle nothing but plain tensors.

    Raises:
        ValueError: if the archive has an unexpected member or calls for a pickle.
        pickle.UnpicklingError: if the sample inputs hold anything but tensors.
    """
    import torch

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        unexpected = [name for name in names if not _SAFE_MEMBER.fullmatch(name)]
        if unexpected or len(names) != len(set(names)):
            raise ValueError(f"it contains {unexpected[:1]}, which might be code")
        if not any(name.endswith("/archive_format") for name in names):
            raise ValueError("it has an older format, which is pickled")
        for name in names:
            member = archive.read(name)
            if name.endswith("_config.json") and _has_pickle(json.loads(member)):
                raise ValueError(f"{name} refers to a pickle")
            if name.endswith("sample_inputs/model.pt"):
                torch.load(io.BytesIO(member), weights_only=True)


def _has_pickle(values: Any) -> bool:
    """Check whether any entry of a parsed table of contents has ``use_pickle`` set."""
    if isinstance(values, dict):
        return bool(values.get("use_pickle")) or any(map(_has_pickle, values.values()))
    return isinstance(values, list) and any(map(_has_pickle, values))
