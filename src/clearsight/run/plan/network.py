"""The network of a run: built, accelerated, and checked to be trainable and reloadable."""

import warnings

from clearsight.data.image_set import ImageSet
from clearsight.engine.accelerate import accelerate_with_notes
from clearsight.engine.runtime.choices import Device, Engine, Precision, PrecisionChoice
from clearsight.engine.runtime.precision import set_policies
from clearsight.errors import FitError, ModelError, RequestError
from clearsight.io.scratch import scratch_folder
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from clearsight.models.build_failure import describe_error
from clearsight.models.fit_check.output import position_mistake
from clearsight.models.graph import get_graph, is_builtin_layer
from clearsight.option_names import option
from clearsight.run.request import TrainRequest
from clearsight.training.checkpoint.random_state import RandomState


def network_for(request: TrainRequest, train: ImageSet) -> keras.Model:
    """Build the network of a request, whose model is settled, for images such as these.

    Raises:
        ModelError: when it cannot be found or built.
    """
    return build_model(
        ModelRequest(
            request.model, request.model_arguments, train.image_shape, num_classes=train.num_classes
        )
    )


def check_can_rebuild(request: TrainRequest, train: ImageSet, model: keras.Model) -> None:
    """Check that a Python function builds a network that shares no weights with an earlier one.

    The state of the random generators stays as it is.

    Raises:
        ModelError: when it shares some with `model`, so that each seed would train the one before.
    """
    if not callable(request.model):
        return
    before = RandomState.capture()
    again = network_for(request, train)
    before.restore()
    earlier = {id(variable) for variable in model.trainable_variables}
    if any(id(variable) in earlier for variable in again.trainable_variables):
        raise ModelError(
            f"With several seeds {request.model_name}() should build a new network each time it is "
            "called, but its networks share weights: make all layers inside the function."
        )


def set_engine(
    model: keras.Model, engine: Engine, precision: PrecisionChoice, device: Device
) -> tuple[Precision, tuple[str, ...]]:
    """Accelerate a compiled network, or leave it to Keras.

    Keras's own steps are fastest on a CPU, and exact everywhere, in float32.

    Returns:
        The precision that "auto" means here, and sentences for the user.

    Raises:
        RequestError: if Keras cannot compute in the precision.
    """
    if engine == "clearsight":
        return accelerate_with_notes(model, precision, device)
    if precision == "float64":
        raise RequestError(
            "The engine 'keras' computes in float32 or bfloat16, but the precision float64 was "
            f"given: use {option('engine', 'clearsight')}, or another {option('precision')}."
        )
    settled = "bfloat16" if precision == "bfloat16" else "float32"
    set_policies(model, settled)
    return settled, ()


def check_output(model: keras.Model, train: ImageSet) -> None:
    """Check that the network ends in one unit per class.

    Raises:
        FitError: when it does not.
    """
    output_shape = model.output_shape
    if isinstance(output_shape, tuple) and output_shape == (None, train.num_classes):
        return
    num_classes = train.num_classes
    problem = (
        f"The network should end in {num_classes} units, one per class, but its output has shape "
        f"{output_shape}: end it with Dense({num_classes}, activation='softmax')."
    )
    if isinstance(output_shape, tuple) and len(output_shape) > 2:
        problem = position_mistake(output_shape, num_classes)
    if len(model.outputs) != 1:
        problem = f"The network should have one output, the classes, but has {len(model.outputs)}."
    raise FitError([problem])


def check_reloadable(request: TrainRequest, model: keras.Model) -> list[str]:
    """Check that the user's own network can be loaded once trained; return notes for the user.

    Raises:
        ModelError: when Keras's safe mode cannot load the saved network.
    """
    if isinstance(request.model, str) and request.code_to_run is None:
        return []  # the zoo's networks, and files that were just loaded
    with scratch_folder() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras: the optimizer has no state yet
        path = folder / "model.keras"
        model.save(path)
        try:
            build_model(ModelRequest(str(path)))
        except ModelError as error:
            raise ModelError(
                f"'{request.model_name}' could be trained, but not loaded again afterwards "
                f"({describe_error(error.__cause__ or error)}): use Keras's own layers, or "
                "register yours with @keras.saving.register_keras_serializable()."
            ) from error
    layers = [call.layer for call in get_graph(model).calls]
    own = {type(layer).__name__ for layer in layers if not is_builtin_layer(layer)}
    if not own:
        return []
    return [
        f"The network has your own layers ({', '.join(sorted(own))}): import their code before you "
        "open this run in Python; the command line cannot open it."
    ]
