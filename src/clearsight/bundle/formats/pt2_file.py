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
from clearsight.bundle.loaded import Network
from clearsight.bundle.spec import INPUT_NAME, BundleSpec
from clearsight.errors import BundleError, MissingExtraError

if TYPE_CHECKING:
    from clearsight.bundle.network import TrainedNetwork

MODEL_FILE = "model.pt2"
# What an archive may hold. torch.export.load unpickles what it finds besides, or what a table of
# contents calls pickled, and a pickle may do anything.
_PLAIN = re.compile(
    r"[^/]+/(archive_format|archive_version|byteorder|\.data/(serialization_id|version)"
    r"|models/model\.json|data/weights/(weight_\d+|model_weights_config\.json)"
    r"|data/constants/(tensor_\d+|model_constants_config\.json)|data/sample_inputs/model\.pt)"
)
# Where in which file of this machine each operation was called.
_TRACES = ("stack_trace", "nn_module_stack", "source_fn_stack", "from_node", "custom")


def write(network: TrainedNetwork, spec: BundleSpec, folder: Path) -> tuple[str, ...]:
    """Write ``model.pt2`` into a folder.

    Raises:
        BundleError: when torch cannot express the network.
    """
    import torch

    del spec
    module = network.as_module()
    try:
        with torch.no_grad():
            program = torch.export.export(
                module,
                (),
                {INPUT_NAME: network.images(3)},
                dynamic_shapes={INPUT_NAME: {0: torch.export.Dim("N")}},
            )
    except Exception as error:  # torch raises whatever it stumbles over
        raise BundleError(
            f"The network '{network.model.name}' should be written for torch, but torch.export "
            f"cannot express it ({str(error).strip().splitlines()[0]}): export it with --format "
            "keras."
        ) from error
    for node in program.graph.nodes:
        for name in _TRACES:
            node.meta.pop(name, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of weights that are views; the check of parity sees them
        torch.export.save(program, folder / MODEL_FILE)
    return (MODEL_FILE,)


def opened(files: BundleFiles, num_threads: int | None) -> Network:
    """Return what runs ``model.pt2``; nothing in it is unpickled.

    Raises:
        MissingExtraError: when torch is not installed.
        BundleError: when it is no such program.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(f"Running {files.path}", "onnx") from error
    del num_threads  # torch's own setting, which is this process's
    content = files.read(MODEL_FILE)
    try:
        _check_plain(content)
        module = torch.export.load(io.BytesIO(content)).module()
    except Exception as error:  # torch raises whatever it stumbles over
        raise BundleError(
            f"{files.path}'s {MODEL_FILE} should be a program that torch {torch.__version__} runs, "
            f"but cannot be loaded ({str(error).strip().splitlines()[0]}): export the run again."
        ) from error

    def run(images: np.ndarray) -> np.ndarray:
        tensor = torch.from_numpy(np.ascontiguousarray(images))
        with torch.no_grad():
            return module(**{INPUT_NAME: tensor}).numpy()

    return run


def _check_plain(content: bytes) -> None:
    """Make sure that torch will find nothing to unpickle but plain tensors.

    Raises:
        ValueError: when it would.
        pickle.UnpicklingError: torch's, when the sample inputs are more than tensors.
    """
    import torch

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        strange = [name for name in names if not _PLAIN.fullmatch(name)]
        if strange or len(names) != len(set(names)):
            raise ValueError(f"it holds {strange[:1]}, which might be code")
        if not any(name.endswith("/archive_format") for name in names):
            raise ValueError("it is of an older form, which is pickled")
        for name in names:
            member = archive.read(name)
            if name.endswith("_config.json") and _calls_for_pickle(json.loads(member)):
                raise ValueError(f"{name} calls something pickled")
            if name.endswith("sample_inputs/model.pt"):
                torch.load(io.BytesIO(member), weights_only=True)


def _calls_for_pickle(values: Any) -> bool:
    """Tell whether a table of contents calls something pickled, however it is written."""
    if isinstance(values, dict):
        return bool(values.get("use_pickle")) or any(map(_calls_for_pickle, values.values()))
    return isinstance(values, list) and any(map(_calls_for_pickle, values))
