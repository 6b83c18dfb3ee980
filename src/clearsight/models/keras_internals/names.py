"""The names of Keras's internals that this package uses.

Keras 3.14 to 3.15 are known to work. Importing this module checks that the names exist, so that
another version of Keras fails at once and not in the middle of a training.
"""

import inspect

from clearsight.errors import BackendError
from clearsight.models.backend import keras

KNOWN_VERSIONS = "3.14 to 3.15"
_ADVICE = f"Keras {KNOWN_VERSIONS} is known to work: pip install 'keras>=3.14,<3.16'."

try:
    from keras.src.applications.convnext import LayerScale
    from keras.src.backend import AutocastScope, get_keras_mask
    from keras.src.losses.losses import LossFunctionWrapper
    from keras.src.models.functional import Functional, operation_fn, unpack_singleton
    from keras.src.ops import numpy as numpy_operations
    from keras.src.saving.serialization_lib import ObjectSharingScope
    from keras.src.trainers.compile_utils import CompileLoss, CompileMetrics
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter
    from keras.src.trainers.data_adapters.array_slicing import train_validation_split
    from keras.src.utils.python_utils import pythonify_logs

    TENSOR_OPERATIONS: dict[str, type] = {
        name: getattr(numpy_operations, name)
        for name in (
            "Add", "Concatenate", "GetItem", "Mean", "Multiply", "Reshape", "Subtract", "Transpose",
        )
    }  # fmt: skip
except (ImportError, AttributeError) as error:
    raise BackendError(
        f"clearsight needs a part of Keras that version {keras.__version__} lacks ({error}). "
        f"{_ADVICE}"
    ) from error

__all__ = [
    "TENSOR_OPERATIONS",
    "ArrayDataAdapter",
    "AutocastScope",
    "CompileLoss",
    "CompileMetrics",
    "Functional",
    "LayerScale",
    "LossFunctionWrapper",
    "ObjectSharingScope",
    "get_keras_mask",
    "operation_fn",
    "pythonify_logs",
    "train_validation_split",
    "unpack_singleton",
]

PRIVATE_NAMES: dict[type, tuple[str, ...]] = {
    keras.Sequential: ("_functional",),
    Functional: (
        "_nodes_by_depth", "_inputs_struct", "_outputs_struct", "_standardize_inputs",
        "_keras_history",
    ),
    keras.Layer: (
        "_get_call_context", "_maybe_reset_call_context", "_open_name_scope", "_forward_hooks",
        "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks",
    ),
    keras.Model: (
        "_compile_loss", "_compile_metrics", "_compute_loss", "_flatten_layers", "_loss_tracker",
        "_symbolic_build",
    ),
    CompileLoss: ("_flat_losses",),
    CompileMetrics: ("_flat_metrics", "_flat_weighted_metrics"),
    LossFunctionWrapper: ("_fn_kwargs",),
    ArrayDataAdapter: ("_inputs", "_num_samples", "_shuffle"),
    keras.optimizers.Optimizer: (
        "_clip_gradients", "_get_variable_index", "_model_variables_moving_average",
        "_use_weight_decay",
    ),
    keras.optimizers.Adam: ("_momentums", "_velocities"),
    keras.optimizers.RMSprop: ("_momentums", "_velocities", "_average_gradients"),
    keras.optimizers.Muon: ("_muon_update_step", "_should_use_adamw"),
    keras.layers.MultiHeadAttention: (
        "_attention_axes", "_combine_equation", "_dot_product_equation", "_dropout_layer",
        "_flash_attention", "_sliding_window", "_softmax",
    ),
    keras.layers.GroupQueryAttention: (
        "_combine_equation", "_dot_product_equation", "_dropout_layer", "_flash_attention",
        "_key_dense", "_output_dense", "_query_dense", "_softmax", "_value_dense",
    ),
    keras.layers.RandomTranslation: ("_get_translation_matrix",),
    keras.layers.RandomZoom: ("_get_zoom_matrix",),
}  # fmt: skip
"""Keras's class -> its private attributes and methods that this package uses."""


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
