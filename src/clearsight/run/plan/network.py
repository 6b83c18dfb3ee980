"""Which network a run trains, and whether it can be trained and opened again."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

from clearsight.data.image_set import ImageSet
from clearsight.engine.accelerate import Engine, accelerated
from clearsight.engine.runtime.device import Device
from clearsight.engine.runtime.precision import Precision, PrecisionChoice, set_policies
from clearsight.errors import FitError, ModelError
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from clearsight.models.build_failure import describe_error
from clearsight.models.graph import get_graph, is_builtin_layer
from clearsight.run.request import TrainRequest


def requested_model(request: TrainRequest, train: ImageSet) -> keras.Model:
    """Build the network of a request for these images.

    Raises:
        ModelError: when it cannot be found or built.
    """
    if isinstance(request.model, keras.Model):
        return request.model
    assert request.model is not None  # settled by then
    return build_model(
        ModelRequest(request.model, request.model_arguments, train.image_shape, train.num_classes)
    )


def set_engine(
    model: keras.Model, engine: Engine, precision: PrecisionChoice, device: Device
) -> tuple[Precision, tuple[str, ...]]:
    """Make a compiled network fast, or leave it to Keras; return the precision settled, and notes.

    Keras's own steps are fastest on a CPU, and exact everywhere, in float32.
    """
    if engine == "clearsight":
        return accelerated(model, precision, device)
    settled = "bfloat16" if precision == "bfloat16" else "float32"
    set_policies(model, settled)
    return settled, ()


def check_output(model: keras.Model, train: ImageSet) -> None:
    """Make sure that the network ends in one unit a class.

    Raises:
        FitError: when it does not.
    """
    output_shape = model.output_shape
    if isinstance(output_shape, tuple) and output_shape == (None, train.num_classes):
        return
    if len(model.outputs) != 1:
        raise FitError(
            [f"The network should have one output, the classes, but has {len(model.outputs)}."]
        )
    raise FitError(
        [
            f"The network should end in {train.num_classes} units, one a class, but its output "
            f"has shape {output_shape}: build it with num_classes={train.num_classes}."
        ]
    )


def own_code_notes(request: TrainRequest, model: keras.Model) -> list[str]:
    """Make sure that a network of the user's own can be opened again once it is trained.

    Raises:
        ModelError: when Keras's safe mode cannot load what it has saved.
    """
    if isinstance(request.model, str) and not request.model.rpartition(":")[0].endswith(".py"):
        return []  # the zoo's networks, and files that were just loaded
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's, that an optimizer has no state before training
        path = Path(folder) / "model.keras"
        model.save(path)
        try:
            build_model(ModelRequest(str(path)))
        except ModelError as error:
            raise ModelError(
                f"'{request.model_name}' could be trained, but not opened again afterwards "
                f"({describe_error(error.__cause__ or error)}): use Keras's own layers, or "
                "register yours with @keras.saving.register_keras_serializable()."
            ) from error
    own = {
        type(call.layer).__name__
        for call in get_graph(model).calls
        if not is_builtin_layer(call.layer)
    }
    if not own:
        return []
    return [
        f"The network has layers of your own ({', '.join(sorted(own))}): import their code before "
        "you open this run in Python; the command line cannot open it."
    ]
