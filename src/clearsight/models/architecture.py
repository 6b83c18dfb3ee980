"""The drawing of a traced network."""

from collections import Counter
from collections.abc import Sequence

from clearsight.models.drawing import Block, Drawing, color_of, draw_blocks
from clearsight.models.layer_trace import LayerTrace

_USUAL = ("stride 1", "no activation")  # settings that are not written


def draw_architecture(
    model_name: str, input_shape: tuple[int, ...], layers: Sequence[LayerTrace]
) -> Drawing:
    """Draw a network's layers as blocks with their sizes.

    A layer that only changes the values of the one before, such as an activation or a
    normalization, is written below that layer's block.

    Args:
        model_name: the network's name.
        input_shape: of an image, for networks that do not list their input as a layer.
        layers: in the order of computation.
    """
    num_takers = Counter(name for layer in layers for name in layer.inputs)
    names = {layer.name for layer in layers}
    block_of: dict[str, int] = {}
    blocks: list[tuple[LayerTrace | None, list[str]]] = []
    for name in dict.fromkeys(name for layer in layers for name in layer.inputs):
        if name not in names:  # the image of a Sequential model
            block_of[name] = len(blocks)
            blocks.append((None, []))
    for layer in layers:
        (source,) = layer.inputs if len(layer.inputs) == 1 else (None,)
        if source in block_of and num_takers[source] == 1 and _only_changes_values(layer):
            block_of[layer.name] = block_of[source]
            blocks[block_of[source]][1].append(layer.layer_type)
        else:
            block_of[layer.name] = len(blocks)
            blocks.append((layer, []))
    drawn = [
        _block(layer, following, tuple(block_of[name] for name in layer.inputs))
        if layer is not None
        else _image(input_shape, following)
        for layer, following in blocks
    ]
    return draw_blocks(f"The network {model_name}", drawn)


def format_size(shape: tuple[int, ...]) -> str:
    """Return "28 × 28 × 32", or "128 values" for a vector."""
    if len(shape) > 1:
        return " × ".join(map(str, shape))
    return f"{shape[0]:,} values" if shape else "1 value"


def _only_changes_values(layer: LayerTrace) -> bool:
    return layer.input_shape == layer.output_shape and layer.multiply_adds == 0


def _image(shape: tuple[int, ...], following: list[str]) -> Block:
    return Block(
        "image", "", tuple(filter(None, (format_size(shape), _then(following)))), shape, ()
    )


def _then(following: list[str]) -> str:
    return f"then {', '.join(following)}" if following else ""


def _block(layer: LayerTrace, following: list[str], inputs: tuple[int, ...]) -> Block:
    words = filter(None, layer.description.split(", "))
    settings = [word for word in words if word not in _USUAL]
    if not layer.description and layer.size_formula.endswith("layers inside"):
        settings = [layer.size_formula]
    size = " and ".join(map(format_size, (layer.output_shape, *layer.more_output_shapes)))
    if layer.num_parameters:
        size += f", {layer.num_parameters:,} parameters"
    unbroken = ", ".join(word.replace(" ", "\xa0") for word in settings)
    lines = tuple(filter(None, (unbroken, size, _then(following))))
    color = color_of(layer.layer_type)
    return Block(layer.name, layer.layer_type, lines, layer.output_shape, inputs, color)
