"""The parts of attention layers."""

from dataclasses import dataclass
from typing import Any

from clearsight.models.backend import keras

_METHODS = {"_compute_attention", "_compute_attention_mask", "_masked_softmax"}


@dataclass(frozen=True)
class AttentionParts:
    """The parts of an attention layer, whichever class it is.

    Attributes:
        projections: its EinsumDense layers for query, key and value.
        output: the one for the result.
        dropout: its Dropout.
        softmax: its Softmax.
        rate: the layer's own rate, by which Keras decides how to compute.
        key_size: features of a head.
        window: positions that a query attends to on either side, with its own; None: all.
        axes: of the inputs, along which positions attend to each other.
        products: einsum from query and key to scores, or in the other order.
        is_key_first: that order.
        combination: einsum from probabilities and values to the result.
    """

    projections: tuple[Any, Any, Any]
    output: Any
    dropout: Any
    softmax: Any
    rate: float
    key_size: int
    window: int | None
    axes: tuple[int, ...]
    products: str
    is_key_first: bool
    combination: str

    @property
    def layers(self) -> tuple[Any, ...]:
        """All layers in it."""
        return *self.projections, self.output, self.dropout, self.softmax


def parts_of_attention(layer: Any) -> AttentionParts | str:
    """Return the parts of a MultiHeadAttention or GroupQueryAttention.

    Returns:
        If only Keras can run it, why, as the end of a sentence.
    """
    if getattr(layer, "_use_gate", False) or getattr(layer, "use_gate", False):
        return "it has a gate"
    if layer._flash_attention:
        return "flash attention is asked for"
    if _METHODS & vars(layer).keys():
        return "its methods were replaced"
    is_grouped = isinstance(layer, keras.layers.GroupQueryAttention)
    prefix = "_" if is_grouped else ""
    return AttentionParts(
        projections=tuple(
            getattr(layer, f"{prefix}{name}_dense") for name in ("query", "key", "value")
        ),
        output=getattr(layer, f"{prefix}output_dense"),
        dropout=layer._dropout_layer,
        softmax=layer._softmax,
        rate=float(layer.dropout),
        key_size=int(layer.head_dim if is_grouped else layer.key_dim),
        # Keras 3.14 has no windows.
        window=getattr(layer, "sliding_window" if is_grouped else "_sliding_window", None),
        axes=(1,) if is_grouped else tuple(layer.attention_axes),
        products=layer._dot_product_equation,
        is_key_first=not is_grouped,
        combination=layer._combine_equation,
    )
