"""`LayerTrace`: one layer of a traced network, and what it shows in words."""

from dataclasses import dataclass
from typing import Any

from clearsight.models.layer_settings import describe_settings
from clearsight.models.parameter_sharing import describe_sharing


@dataclass(frozen=True)
class LayerTrace:
    """One layer's row.

    Attributes:
        name: the layer's name.
        layer_type: its Keras class, e.g. "Conv2D".
        inputs: names of the layers whose outputs it takes, in all calls.
        input_shape: of its first input, without the batch axis; () for an input layer.
        output_shape: of its first output, without the batch axis.
        more_output_shapes: of its other outputs.
        num_parameters: trainable or not.
        num_dense_parameters: of a dense layer between all values of a convolution's input and all
            of its output; None for other layers.
        multiply_adds: multiplications with weights for one image, over all calls of the layer;
            None if unknown for this type of layer.
        activation_bytes: float32 memory of its output for a batch of 1.
        receptive_field: image rows and columns that one output value depends on, limited to the
            image's size; None if unknown.
        size_formula: the output size, computed from the input size.
        parameter_formula: the parameter count, computed from the settings; "" for none.
        settings: the layer's Keras configuration values that shape its output.
    """

    name: str
    layer_type: str
    inputs: tuple[str, ...]
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    more_output_shapes: tuple[tuple[int, ...], ...]
    num_parameters: int
    num_dense_parameters: int | None
    multiply_adds: int | None
    activation_bytes: int
    receptive_field: tuple[int, int] | None
    size_formula: str
    parameter_formula: str
    settings: dict[str, Any]

    @property
    def description(self) -> str:
        """Its settings in words, e.g. "32 filters 3x3, stride 1, padding same, relu"."""
        return describe_settings(self.settings)

    @property
    def formulas(self) -> tuple[str, ...]:
        """The formulas that say more than its settings."""
        both = self.size_formula, self.parameter_formula
        return tuple(text for text in both if text and text not in self.description)

    @property
    def sharing(self) -> str:
        """What sharing its parameters between positions saves, in words; "" if it does not."""
        if self.num_dense_parameters is None or not self.num_parameters:
            return ""
        return describe_sharing(self.num_dense_parameters, self.num_parameters)
