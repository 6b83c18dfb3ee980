"""`KnownLoss`: a Keras loss whose form of targets is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from clearsight.models.backend import keras

Targets = Literal["integers", "one-hot", "fractions", "values"]

_losses = keras.losses
_FAMILIES: dict[str, tuple[Targets, tuple[type, ...]]] = {
    "sparse_categorical_crossentropy": ("integers", (_losses.SparseCategoricalCrossentropy,)),
    "categorical_crossentropy": ("one-hot", (_losses.CategoricalCrossentropy,)),
    "categorical_focal_crossentropy": ("one-hot", (_losses.CategoricalFocalCrossentropy,)),
    "binary_crossentropy": ("fractions", (_losses.BinaryCrossentropy,)),
    "binary_focal_crossentropy": ("fractions", (_losses.BinaryFocalCrossentropy,)),
    "mean_squared_error": ("values", (_losses.MeanSquaredError,)),
    "mean_absolute_error": ("values", (_losses.MeanAbsoluteError,)),
    "huber": ("values", (_losses.Huber,)),
    "log_cosh": ("values", (_losses.LogCosh,)),
}
"""By the name of Keras's function: what its targets are, and its class."""


@dataclass(frozen=True)
class KnownLoss:
    """A loss of Keras's whose targets are known.

    Attributes:
        name: of Keras's function.
        targets: "integers" are class numbers, "fractions" of 0 to 1 for each output, "values" any
            number for each output.
        from_logits: whether the network is to end without softmax or sigmoid.
        ignored: the class number that does not count, if there is one.
    """

    name: str
    targets: Targets
    from_logits: bool = False
    ignored: int | None = None

    @classmethod
    def of(cls, loss: Any) -> KnownLoss | None:
        """Return what is known of a loss given as text, function or object; None for others.

        A loss of a user's own, also one that only derives from Keras's, is not known.
        """
        if isinstance(loss, dict):  # of a model with one output
            loss = list(loss.values())
        if isinstance(loss, list | tuple) and len(loss) == 1:
            loss = loss[0]
        try:
            resolved: Any = _losses.get(loss)
        except (ValueError, TypeError):
            return None
        for name, (targets, types) in _FAMILIES.items():
            if resolved is getattr(_losses, name):
                return cls(name, targets)
            if type(resolved) in types:
                settings = resolved.get_config()
                is_usual = settings.get("axis", -1) == -1
                known = cls(
                    name,
                    targets,
                    from_logits=bool(settings.get("from_logits", False)),
                    ignored=settings.get("ignore_class"),
                )
                return known if is_usual else None
        return None
