"""``model.keras``: Keras's own file, which any Keras opens; it does not scale or mirror images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clearsight.bundle.files import BundleFiles
from clearsight.bundle.formats.model_format import Network, first_line
from clearsight.bundle.onnx_check.size import images_at_once
from clearsight.bundle.spec import SPEC_FILE, BundleSpec
from clearsight.errors import BundleError, ModelError
from clearsight.io.scratch import scratch_folder

if TYPE_CHECKING:
    from clearsight.bundle.network import TrainedNetwork

MODEL_FILE = "model.keras"
_MAX_IMAGES = 256


def write(network: TrainedNetwork, spec: BundleSpec, folder: Path) -> tuple[str, ...]:
    """Write ``model.keras`` into a folder, without the optimizer and the compiled loss."""
    del spec
    trained: Any = network.model
    try:
        bare = type(trained).from_config(trained.get_config())
        bare.set_weights(trained.get_weights())
    except (NotImplementedError, TypeError, ValueError):  # a user's class without get_config
        bare = trained
    bare.save(folder / MODEL_FILE)
    return (MODEL_FILE,)


def open_model(files: BundleFiles, num_threads: int | None) -> Network:
    """Load ``model.keras`` in Keras's safe mode, to run in float32.

    Raises:
        BundleError: if it is not a network with the shapes in ``bundle.json``.
    """
    from clearsight.bundle.formats.keras_cost import cost_of_image
    from clearsight.bundle.network import TrainedNetwork
    from clearsight.engine.runtime.device import on_device
    from clearsight.models.build import ModelRequest, build_model

    del num_threads  # torch has one setting for the whole process
    content, spec = files.read(MODEL_FILE), files.spec
    with scratch_folder() as folder:  # Keras does not read from memory
        path = folder / MODEL_FILE
        path.write_bytes(content)
        try:
            with on_device("cpu"):
                model = build_model(ModelRequest(str(path)))
        except ModelError as error:
            raise BundleError(f"{files.path}'s {MODEL_FILE} cannot be used: {error}") from error
    shapes = (tuple(model.input_shape[1:]), tuple(model.output_shape[1:]))
    if shapes != (spec.image_shape, (len(spec.class_names),)):
        raise BundleError(
            f"{files.path}'s {MODEL_FILE} should map {spec.image_shape} to "
            f"{len(spec.class_names)} classes, as in {SPEC_FILE}, but maps {shapes[0]} to "
            f"{shapes[1]}: export the run again."
        )
    try:
        size = images_at_once(cost_of_image(model, spec.image_shape))
    except ModelError:  # a class of the user's own, without a graph
        size = _MAX_IMAGES
    except ValueError as error:
        raise BundleError(
            f"{files.path}'s {MODEL_FILE} should be a network that classifies images, but "
            f"{first_line(error)}: do not use it, or export its run again."
        ) from error
    module = TrainedNetwork(model, spec.preparation, spec.views).as_module()

    def run(images: np.ndarray) -> np.ndarray:
        import torch

        batches = [images[start : start + size] for start in range(0, len(images), size)]
        with torch.no_grad():
            rows = [module(torch.from_numpy(np.ascontiguousarray(each))) for each in batches]
        return torch.cat(rows).numpy()

    return run
