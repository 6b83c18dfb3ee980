"""Every use of Keras's internals, in this one file: all other files use Keras's public API.

Keras 3.14 to 3.15 are known to work. Importing this module checks that the names which it uses
exist, so that another version of Keras fails at once and not in the middle of a training.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch

from clearsight.errors import BackendError
from clearsight.models.backend import keras

KNOWN_VERSIONS = "3.14 to 3.15"
_ADVICE = f"Keras {KNOWN_VERSIONS} is known to work: pip install 'keras>=3.14,<3.16'."

try:
    from keras.src.applications.convnext import LayerScale
    from keras.src.losses.losses import LossFunctionWrapper
    from keras.src.models.functional import Functional
    from keras.src.trainers.compile_utils import CompileLoss, CompileMetrics
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter
    from keras.src.trainers.data_adapters.array_slicing import train_validation_split
except ImportError as error:
    raise BackendError(
        f"clearsight needs a part of Keras that version {keras.__version__} lacks ({error}). "
        f"{_ADVICE}"
    ) from error

__all__ = ["ArrayDataAdapter", "Functional", "LayerScale", "train_validation_split"]

PRIVATE_NAMES: dict[type, tuple[str, ...]] = {
    keras.Sequential: ("_functional",),
    Functional: ("_nodes_by_depth", "_inputs_struct", "_outputs_struct", "_standardize_inputs"),
    keras.Model: (
        "_compile_loss", "_compile_metrics", "_compute_loss", "_flatten_layers", "_loss_tracker",
    ),
    CompileLoss: ("_flat_losses",),
    CompileMetrics: ("_flat_metrics", "_flat_weighted_metrics"),
    LossFunctionWrapper: ("_fn_kwargs",),
    ArrayDataAdapter: ("_inputs", "_num_samples", "_shuffle"),
    keras.callbacks.CallbackList: ("_configure_async_dispatch",),
    keras.optimizers.Optimizer: (
        "_clip_gradients", "_get_variable_index", "_model_variables_moving_average",
        "_use_weight_decay",
    ),
    keras.optimizers.Adam: ("_momentums", "_velocities"),
    keras.optimizers.RMSprop: ("_momentums", "_velocities", "_average_gradients"),
    keras.optimizers.Muon: ("_muon_update_step", "_should_use_adamw"),
    keras.layers.RandomTranslation: ("_get_translation_matrix",),
    keras.layers.RandomZoom: ("_get_zoom_matrix",),
}  # fmt: skip
"""Keras's class -> its private attributes and methods that this file uses."""


def check_names(needed: dict[type, tuple[str, ...]]) -> None:
    """Check that the source of Keras's classes mentions all of these names.

    Raises:
        BackendError: if one is missing.
    """
    missing = [
        f"{kind.__name__}.{name}"
        for kind, names in needed.items()
        for name in sorted(set(names) - _names_in(kind))
    ]
    if missing:
        raise BackendError(
            f"clearsight needs {', '.join(missing)} of Keras, which version {keras.__version__} "
            f"lacks. {_ADVICE}"
        )


def _names_in(kind: type) -> set[str]:
    """Return a class's attributes, and the names that its methods use, such as attributes set."""
    found: set[str] = set()
    for base in kind.__mro__:
        for name, value in vars(base).items():
            found.add(name)
            code = getattr(inspect.unwrap(value), "__code__", None) if callable(value) else None
            found.update(code.co_names if code is not None else ())
    return found


check_names(PRIVATE_NAMES)


# Models and layers.


def functional_of(model: keras.Model) -> Any:
    """Return the `Functional` that a built Sequential wraps; any other model as it is."""
    return getattr(model, "_functional", None) or model


def nodes_of(functional: Any) -> list[Any]:
    """Return the nodes of a `Functional`'s graph, each after those whose outputs it takes."""
    by_depth = functional._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def flatten_layers(model: keras.Model) -> list[keras.Layer]:
    """Return a model, its layers, and the layers nested in them."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, keras.Layer)]


def takes_one_tensor(functional: Any) -> bool:
    """Return whether a `Functional` is called on a tensor, not on a list or dict of them."""
    return not isinstance(functional._inputs_struct, dict | list | tuple)


def standardize_inputs(functional: Any, x: Any) -> list[Any]:
    """Return what a `Functional` is called on as a flat list of tensors, in the order of inputs."""
    return functional._standardize_inputs(x)


def pack_outputs(functional: Any, outputs: list[torch.Tensor]) -> Any:
    """Return a flat list of outputs in the structure that the model returns."""
    return keras.tree.pack_sequence_as(functional._outputs_struct, outputs)


def translation_matrices(layer: Any, images: torch.Tensor) -> torch.Tensor:
    """Draw a RandomTranslation's affine maps for images: float32 (N, 8)."""
    drawn = layer.get_random_transformation(images, training=True)
    return layer._get_translation_matrix(drawn["translations"])


def zoom_matrices(layer: Any, images: torch.Tensor) -> torch.Tensor:
    """Draw a RandomZoom's affine maps for images: float32 (N, 8)."""
    drawn = layer.get_random_transformation(images, training=True)
    zooms = torch.cat([drawn["width_zoom"], drawn["height_zoom"]], dim=1).float()
    is_first = layer.data_format == "channels_first"
    height, width = images.shape[2:] if is_first else images.shape[1:3]
    return layer._get_zoom_matrix(zooms, height, width)


# What `compile` makes.


def compute_loss(model: Any, **arguments: Any) -> torch.Tensor:
    """Call a model's `compute_loss`, whether or not it takes `training`."""
    return model._compute_loss(**arguments)


def unbuilt_parts(model: Any) -> list[Any]:
    """Return the compiled loss and metrics that are yet to be built on targets and outputs."""
    parts = (model._compile_metrics, model._compile_loss)
    return [part for part in parts if part is not None and not part.built]


def loss_function(model: Any) -> tuple[Callable[..., Any], dict[str, Any]] | None:
    """Return the function and the options of a compiled model's loss.

    None if it is anything but one function's mean over the batch, unweighted and in float32.
    """
    compiled = model._compile_loss
    if compiled is None or type(model).compute_loss is not keras.Model.compute_loss:
        return None
    entries = compiled._flat_losses or []
    if len(entries) != 1 or entries[0].loss_weights is not None:
        return None
    loss = entries[0].loss
    is_plain = (
        isinstance(loss, LossFunctionWrapper)
        and type(loss).call is LossFunctionWrapper.call
        and type(loss).__call__ is keras.losses.Loss.__call__
        and loss.reduction in ("sum_over_batch_size", "mean")
        and loss.dtype == "float32"
    )
    return (loss.fn, dict(loss._fn_kwargs)) if is_plain else None


def loss_tracker(model: Any) -> Any:
    """Return the metric that averages a compiled model's loss."""
    return model._loss_tracker


def compiled_metrics(model: Any) -> list[tuple[Any, bool]] | None:
    """Return each compiled metric of a model's only output, and whether it is weighted.

    None for several outputs, metrics that are not built yet, and a `compute_metrics` of its own.
    """
    compiled = model._compile_metrics
    if type(model).compute_metrics is not keras.Model.compute_metrics or len(model.outputs) != 1:
        return None
    if compiled is None:
        return []
    if not compiled.built:
        return None
    groups = ((compiled._flat_metrics[0], False), (compiled._flat_weighted_metrics[0], True))
    return [(metric, weighted) for group, weighted in groups if group for metric in group.metrics]


def update_metrics(model: Any, y: Any, outputs: Any, weights: Any) -> None:
    """Update the compiled metrics, if any, without reading their results as Keras does."""
    if model._compile_metrics is not None:
        model._compile_metrics.update_state(y, outputs, sample_weight=weights)


# What `fit` is given.


class ArrayBatches(ArrayDataAdapter):
    """Keras's adapter for arrays in memory, to be subclassed.

    Attributes:
        arrays: x, y and sample weights, nested as Keras's `pack_x_y_sample_weight` nests them.
        num_samples: how many.
        shuffle: True, False or "batch".
    """

    @property
    def arrays(self) -> Any:
        return self._inputs

    @property
    def num_samples(self) -> int:
        return self._num_samples

    @property
    def shuffle(self) -> bool | Literal["batch"]:
        return self._shuffle


def append_callback(callbacks: Any, callback: keras.callbacks.Callback) -> None:
    """Append to a `CallbackList`, and let it decide anew whether to use another thread."""
    callbacks.append(callback)
    callbacks._configure_async_dispatch(callbacks.callbacks)


# Optimizers.

Slot = Literal["momentum", "velocity", "average_gradient", "average_weight"]
_SLOTS: dict[Slot, tuple[str, ...]] = {
    "momentum": ("_momentums", "momentums"),
    "velocity": ("_velocities", "adam_velocities"),
    "average_gradient": ("_average_gradients",),
    "average_weight": ("_model_variables_moving_average",),
}


def optimizer_state(optimizer: Any, slot: Slot, variables: Sequence[Any]) -> list[torch.Tensor]:
    """Return an optimizer's state tensors of one slot, in the order of `variables`."""
    name = next(name for name in _SLOTS[slot] if hasattr(optimizer, name))
    tensors = getattr(optimizer, name)
    return [tensors[optimizer._get_variable_index(variable)].value for variable in variables]


def public_class(optimizer: Any) -> type:
    """Return an optimizer's class without the subclass that Keras's torch backend makes of it."""
    bases = type(optimizer).__mro__
    return next(kind for kind in bases if not kind.__module__.startswith("keras.src.backend"))


def clip_gradients(optimizer: Any, gradients: list[torch.Tensor]) -> list[torch.Tensor]:
    """Clip as the optimizer's `clipnorm`, `global_clipnorm` or `clipvalue` says."""
    return optimizer._clip_gradients(gradients)


def uses_adam(muon: Any, variable: Any) -> bool:
    """Return whether a Muon updates this variable as Adam does."""
    return muon._should_use_adamw(variable)


def weight_decay_of(optimizer: Any, variable: Any) -> float:
    """Return the fraction that a weight loses in each step, in units of the learning rate."""
    if not optimizer._use_weight_decay(variable):
        return 0.0
    is_adams = isinstance(optimizer, keras.optimizers.Muon) and uses_adam(optimizer, variable)
    return float((optimizer.adam_weight_decay if is_adams else optimizer.weight_decay) or 0.0)


class OpenMuon(keras.optimizers.Muon):
    """Keras's Muon, to be subclassed: which weights Adam updates, and how matrices are updated."""

    def leaves_to_adam(self, variable: Any) -> bool:
        """Return whether Adam updates this variable."""
        return super()._should_use_adamw(variable)

    def update_matrix(self, gradient: Any, variable: Any, rate: Any, momentum: Any) -> None:
        """Update any other variable and its momentum."""
        super()._muon_update_step(gradient, variable, rate, momentum)

    def _should_use_adamw(self, variable: Any) -> bool:
        return self.leaves_to_adam(variable)

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        self.update_matrix(gradient, variable, lr, m)
