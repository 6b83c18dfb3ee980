"""For every lowered layer, a strategy that draws it with its options and an input shape."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import strategies as st

from clearsight.models.backend import keras
from clearsight.models.keras_internals.names import LayerScale

layers = keras.layers

Case = tuple[Callable[[], Any], list[tuple[int, ...]]]
"""What makes a layer, and the shapes of its inputs, batch axis left out."""

sizes = st.integers(4, 9)
channels = st.integers(1, 6)
formats = st.sampled_from(["channels_last", "channels_first"])
paddings = st.sampled_from(["same", "valid"])
NAMED_ACTIVATIONS = [
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6",
    "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus",
    "squareplus", "tanh", "tanh_shrink",
]  # fmt: skip
activations = st.sampled_from([None, "relu", "gelu", "silu", "tanh", "softmax"])


@st.composite
def images(draw: st.DrawFn, data_format: str = "channels_last", minimum: int = 4) -> Any:
    """Draw an image's shape in a data format."""
    height, width = draw(st.integers(minimum, 9)), draw(st.integers(minimum, 9))
    depth = draw(channels)
    return (depth, height, width) if data_format == "channels_first" else (height, width, depth)


def pairs(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    """Draw two small numbers."""
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def conv2d(draw: st.DrawFn) -> Case:
    data_format = draw(formats)
    shape = draw(images(data_format, 6))
    depth = shape[0] if data_format == "channels_first" else shape[2]
    groups = draw(st.sampled_from([g for g in (1, 2, 3, depth) if depth % g == 0]))
    strides, dilation = draw(pairs(1, 3)), draw(pairs(1, 2))
    if max(strides) > 1:
        dilation = (1, 1)  # Keras allows either, not both
    layer = partial(
        layers.Conv2D,
        groups * draw(st.integers(1, 3)),
        draw(pairs(1, 4)) if max(dilation) == 1 else draw(pairs(1, 3)),
        strides=strides,
        dilation_rate=dilation,
        padding=draw(paddings),
        groups=groups,
        use_bias=draw(st.booleans()),
        activation=draw(activations),
        data_format=data_format,
    )
    return layer, [shape]


@st.composite
def depthwise_conv2d(draw: st.DrawFn) -> Case:
    data_format = draw(formats)
    stride = draw(st.integers(1, 3))
    layer = partial(
        layers.DepthwiseConv2D,
        draw(pairs(1, 4)),
        strides=stride,
        padding=draw(paddings),
        depth_multiplier=draw(st.integers(1, 3)),
        dilation_rate=1 if stride > 1 else draw(st.integers(1, 2)),
        use_bias=draw(st.booleans()),
        activation=draw(activations),
        data_format=data_format,
    )
    return layer, [draw(images(data_format, 7))]


@st.composite
def separable_conv2d(draw: st.DrawFn) -> Case:
    data_format = draw(formats)
    layer = partial(
        layers.SeparableConv2D,
        draw(st.integers(1, 5)),
        draw(pairs(1, 4)),
        strides=draw(st.integers(1, 2)),
        padding=draw(paddings),
        depth_multiplier=draw(st.integers(1, 2)),
        use_bias=draw(st.booleans()),
        activation=draw(activations),
        data_format=data_format,
    )
    return layer, [draw(images(data_format))]


def pooling(kind: Any) -> st.SearchStrategy[Case]:
    @st.composite
    def draw_pooling(draw: st.DrawFn) -> Case:
        data_format = draw(formats)
        layer = partial(
            kind,
            draw(pairs(1, 3)),
            strides=draw(st.none() | pairs(1, 3)),
            padding=draw(paddings),
            data_format=data_format,
        )
        return layer, [draw(images(data_format))]

    return draw_pooling()


def global_pooling(kind: Any) -> st.SearchStrategy[Case]:
    @st.composite
    def draw_pooling(draw: st.DrawFn) -> Case:
        data_format = draw(formats)
        return partial(kind, data_format=data_format, keepdims=draw(st.booleans())), [
            draw(images(data_format))
        ]

    return draw_pooling()


@st.composite
def flatten(draw: st.DrawFn) -> Case:
    data_format = draw(formats)
    return partial(layers.Flatten, data_format=data_format), [draw(images(data_format))]


@st.composite
def reshape(draw: st.DrawFn) -> Case:
    height, width, depth = draw(images())
    targets = [(-1,), (height * width, depth), (width, height, depth), (-1, depth), (1, 1, -1)]
    return partial(layers.Reshape, draw(st.sampled_from(targets))), [(height, width, depth)]


@st.composite
def dense(draw: st.DrawFn) -> Case:
    layer = partial(
        layers.Dense,
        draw(st.integers(1, 8)),
        use_bias=draw(st.booleans()),
        activation=draw(activations),
    )
    return layer, [draw(st.one_of(st.tuples(sizes), images()))]


@st.composite
def activation(draw: st.DrawFn) -> Case:
    name = draw(st.sampled_from(NAMED_ACTIVATIONS))
    height, width, depth = draw(images())
    return partial(layers.Activation, name), [
        (height, width, 2 * depth)
    ]  # glu halves the last axis


@st.composite
def relu(draw: st.DrawFn) -> Case:
    layer = partial(
        layers.ReLU,
        max_value=draw(st.sampled_from([None, 1.0, 6.0])),
        negative_slope=draw(st.sampled_from([0.0, 0.1])),
        threshold=draw(st.sampled_from([0.0, 0.5])),
    )
    return layer, [draw(images())]


@st.composite
def prelu(draw: st.DrawFn) -> Case:
    shared = draw(st.sampled_from([None, [1, 2]]))
    return partial(layers.PReLU, shared_axes=shared), [draw(images())]


def with_slope(kind: Any, name: str) -> st.SearchStrategy[Case]:
    return st.tuples(
        st.sampled_from([0.1, 0.3, 1.0]).map(lambda value: partial(kind, **{name: value})),
        images().map(lambda shape: [shape]),
    )


@st.composite
def softmax(draw: st.DrawFn) -> Case:
    return partial(layers.Softmax, axis=draw(st.sampled_from([-1, 1, 2]))), [draw(images())]


@st.composite
def batch_normalization(draw: st.DrawFn) -> Case:
    axis = draw(st.sampled_from([-1, 1]))
    layer = partial(
        layers.BatchNormalization,
        axis=axis,
        momentum=draw(st.sampled_from([0.9, 0.99])),
        epsilon=draw(st.sampled_from([1e-3, 1e-5])),
        center=draw(st.booleans()),
        scale=draw(st.booleans()),
        trainable=draw(st.booleans()),
    )
    shapes = images("channels_last" if axis == -1 else "channels_first")
    return layer, [draw(st.one_of(st.tuples(sizes), shapes) if axis == -1 else shapes)]


@st.composite
def layer_normalization(draw: st.DrawFn) -> Case:
    layer = partial(
        layers.LayerNormalization,
        axis=draw(st.sampled_from([-1, [-1], [-2, -1], [1, 2, 3]])),
        epsilon=draw(st.sampled_from([1e-3, 1e-6])),
        center=draw(st.booleans()),
        scale=draw(st.booleans()),
    )
    return layer, [draw(images())]


@st.composite
def group_normalization(draw: st.DrawFn) -> Case:
    groups = draw(st.sampled_from([1, 2, 3]))
    height, width, _ = draw(images())
    layer = partial(
        layers.GroupNormalization,
        groups=groups,
        center=draw(st.booleans()),
        scale=draw(st.booleans()),
    )
    return layer, [(height, width, groups * draw(st.integers(1, 3)))]


@st.composite
def dropout(draw: st.DrawFn) -> Case:
    height, width, depth = draw(images())
    layer = partial(
        layers.Dropout,
        draw(st.sampled_from([0.0, 0.2, 0.5])),
        noise_shape=draw(st.sampled_from([None, (None, 1, 1, None), (None, 1, 1, 1)])),
        seed=draw(st.sampled_from([None, 7])),
    )
    return layer, [(height, width, depth)]


@st.composite
def spatial_dropout2d(draw: st.DrawFn) -> Case:
    data_format = draw(formats)
    return partial(layers.SpatialDropout2D, 0.5, data_format=data_format), [
        draw(images(data_format))
    ]


@st.composite
def spatial_dropout3d(draw: st.DrawFn) -> Case:
    data_format = draw(formats)
    return partial(layers.SpatialDropout3D, 0.5, data_format=data_format), [
        (2, *draw(images(data_format)))
    ]


@st.composite
def zero_padding2d(draw: st.DrawFn) -> Case:
    data_format = draw(formats)
    padding = draw(st.one_of(st.integers(0, 2), st.tuples(pairs(0, 2), pairs(0, 2))))
    return partial(layers.ZeroPadding2D, padding, data_format=data_format), [
        draw(images(data_format))
    ]


@st.composite
def cropping2d(draw: st.DrawFn) -> Case:
    data_format = draw(formats)
    cropping = draw(st.tuples(pairs(0, 1), pairs(0, 1)))
    return partial(layers.Cropping2D, cropping, data_format=data_format), [
        draw(images(data_format))
    ]


@st.composite
def upsampling2d(draw: st.DrawFn) -> Case:
    data_format = draw(formats)
    layer = partial(
        layers.UpSampling2D,
        draw(pairs(1, 3)),
        interpolation=draw(st.sampled_from(["nearest", "bilinear"])),
        data_format=data_format,
    )
    return layer, [draw(images(data_format))]


@st.composite
def rescaling(draw: st.DrawFn) -> Case:
    height, width, depth = draw(images())
    scale = draw(st.sampled_from([1 / 255, [0.1 * (i + 1) for i in range(depth)]]))
    return partial(layers.Rescaling, scale, offset=draw(st.sampled_from([0.0, -0.5]))), [
        (height, width, depth)
    ]


@st.composite
def normalization(draw: st.DrawFn) -> Case:
    height, width, depth = draw(images())
    layer = partial(
        layers.Normalization,
        mean=[0.1 * i for i in range(depth)],
        variance=[0.5 + i for i in range(depth)],
        invert=draw(st.booleans()),
    )
    return layer, [(height, width, depth)]


@st.composite
def moving(draw: st.DrawFn, kind: Any, factors: list[Any]) -> Case:
    """Draw a layer that moves images by a random affine map."""
    data_format = draw(formats)
    layer = partial(
        kind,
        draw(st.sampled_from(factors)),
        **({} if kind is layers.RandomRotation else {"width_factor": 0.2}),
        fill_mode=draw(st.sampled_from(["reflect", "constant", "nearest", "wrap"])),
        fill_value=draw(st.sampled_from([0.0, 0.7])),
        interpolation=draw(st.sampled_from(["bilinear", "nearest"])),
        seed=3,
        data_format=data_format,
    )
    return layer, [draw(images(data_format))]


def randomly(make: Any) -> st.SearchStrategy[Case]:
    """Draw shapes for a layer that is random."""
    return st.tuples(st.just(make), images().map(lambda shape: [shape]))


def merging(kind: Any) -> st.SearchStrategy[Case]:
    return st.tuples(
        st.just(kind),
        st.tuples(images(), st.integers(2, 3)).map(lambda drawn: [drawn[0]] * drawn[1]),
    )


@st.composite
def concatenate(draw: st.DrawFn) -> Case:
    shape = draw(images())
    axis = draw(st.sampled_from([1, 2, 3, -1]))
    shapes = []
    for _ in range(draw(st.integers(2, 3))):
        other = list(shape)
        place = axis - 1 if axis > 0 else 2
        other[place] = draw(st.integers(1, 4))
        shapes.append(tuple(other))
    return partial(layers.Concatenate, axis=axis), shapes


@st.composite
def global_pooling1d(draw: st.DrawFn, kind: Any) -> Case:
    layer = partial(kind, data_format=draw(formats), keepdims=draw(st.booleans()))
    return layer, [(draw(sizes), draw(sizes))]


@st.composite
def permute(draw: st.DrawFn) -> Case:
    order = draw(st.sampled_from([(2, 1, 3), (3, 1, 2), (1, 3, 2), (1, 2, 3)]))
    return partial(layers.Permute, order), [draw(images())]


@st.composite
def einsum_dense(draw: st.DrawFn) -> Case:
    equation, shape, bias_axes = draw(
        st.sampled_from(
            [
                ("abc,cd->abd", (None, 5), "d"),
                ("abc,bd->adc", (3, 4), "c"),
                ("abc,cde->abde", (None, 2, 3), "de"),
            ]
        )
    )
    layer = partial(
        layers.EinsumDense,
        equation,
        shape,
        bias_axes=draw(st.sampled_from([None, bias_axes])),
        activation=draw(activations),
    )
    return layer, [(6, 4)]


@st.composite
def rms_normalization(draw: st.DrawFn) -> Case:
    axis = draw(st.sampled_from([-1, [-2, -1]]))
    return partial(layers.RMSNormalization, axis=axis), [draw(images())]


@st.composite
def unit_normalization(draw: st.DrawFn) -> Case:
    axis = draw(st.sampled_from([-1, 1, [1, 2]]))
    return partial(layers.UnitNormalization, axis=axis), [draw(images())]


@st.composite
def multi_head_attention(draw: st.DrawFn) -> Case:
    width, size = draw(st.integers(2, 6)), draw(st.integers(1, 4))
    options: dict[str, Any] = {
        "value_dim": draw(st.none() | st.integers(1, 3)),
        "dropout": draw(st.sampled_from([0.0, 0.3])),
        "use_bias": draw(st.booleans()),
        "output_shape": draw(st.sampled_from([None, 3, (2, 3)])),
        "seed": draw(st.sampled_from([None, 3])),
        "attention_axes": draw(st.sampled_from([None, 1, (1, 2)])),
    }
    if options["attention_axes"] == (1, 2) or draw(st.booleans()):
        shapes = [(3, 4, width)] * 2
    else:
        shapes = [(5, width), (7, 4), (7, 3)][: draw(st.integers(2, 3))]
    return partial(layers.MultiHeadAttention, draw(st.integers(1, 3)), size, **options), shapes


@st.composite
def group_query_attention(draw: st.DrawFn) -> Case:
    groups, width = draw(st.integers(1, 2)), draw(st.integers(2, 6))
    layer = partial(
        layers.GroupQueryAttention,
        draw(st.integers(1, 4)),
        groups * draw(st.integers(1, 3)),
        groups,
        dropout=draw(st.sampled_from([0.0, 0.3])),
        use_bias=draw(st.booleans()),
    )
    return layer, [(5, width), (draw(sizes), width)]


CASES: dict[str, st.SearchStrategy[Case]] = {
    "Conv2D": conv2d(),
    "DepthwiseConv2D": depthwise_conv2d(),
    "SeparableConv2D": separable_conv2d(),
    "MaxPooling2D": pooling(layers.MaxPooling2D),
    "AveragePooling2D": pooling(layers.AveragePooling2D),
    "GlobalAveragePooling2D": global_pooling(layers.GlobalAveragePooling2D),
    "GlobalMaxPooling2D": global_pooling(layers.GlobalMaxPooling2D),
    "Flatten": flatten(),
    "Reshape": reshape(),
    "Dense": dense(),
    "Activation": activation(),
    "ReLU": relu(),
    "LeakyReLU": with_slope(layers.LeakyReLU, "negative_slope"),
    "ELU": with_slope(layers.ELU, "alpha"),
    "PReLU": prelu(),
    "Softmax": softmax(),
    "BatchNormalization": batch_normalization(),
    "LayerNormalization": layer_normalization(),
    "GroupNormalization": group_normalization(),
    "Dropout": dropout(),
    "SpatialDropout1D": st.tuples(
        st.just(partial(layers.SpatialDropout1D, 0.5)),
        st.tuples(sizes, channels).map(lambda s: [s]),
    ),
    "SpatialDropout2D": spatial_dropout2d(),
    "SpatialDropout3D": spatial_dropout3d(),
    "GaussianNoise": randomly(partial(layers.GaussianNoise, 0.3)),
    "GaussianDropout": randomly(partial(layers.GaussianDropout, 0.3)),
    "AlphaDropout": randomly(partial(layers.AlphaDropout, 0.3)),
    "ZeroPadding2D": zero_padding2d(),
    "Cropping2D": cropping2d(),
    "UpSampling2D": upsampling2d(),
    "Rescaling": rescaling(),
    "Normalization": normalization(),
    "RandomFlip": randomly(partial(layers.RandomFlip, "horizontal", seed=3)),
    "RandomTranslation": moving(layers.RandomTranslation, [0.1, 0.3]),
    "RandomRotation": moving(layers.RandomRotation, [0.1, 0.5]),
    "RandomZoom": moving(layers.RandomZoom, [0.1, (-0.3, 0.2)]),
    "RandomContrast": randomly(partial(layers.RandomContrast, 0.4, value_range=(0, 1), seed=3)),
    "RandomErasing": randomly(partial(layers.RandomErasing, 1.0, value_range=(0, 1), seed=3)),
    "GlobalAveragePooling1D": global_pooling1d(layers.GlobalAveragePooling1D),
    "GlobalMaxPooling1D": global_pooling1d(layers.GlobalMaxPooling1D),
    "Permute": permute(),
    "RepeatVector": sizes.map(lambda size: (partial(layers.RepeatVector, 3), [(size,)])),
    "EinsumDense": einsum_dense(),
    "Embedding": sizes.map(lambda size: (partial(layers.Embedding, 9, size), [(size,)])),
    "RMSNormalization": rms_normalization(),
    "UnitNormalization": unit_normalization(),
    "MultiHeadAttention": multi_head_attention(),
    "GroupQueryAttention": group_query_attention(),
    "Add": merging(layers.Add),
    "Subtract": images().map(lambda shape: (layers.Subtract, [shape] * 2)),
    "Multiply": merging(layers.Multiply),
    "Average": merging(layers.Average),
    "Maximum": merging(layers.Maximum),
    "Minimum": merging(layers.Minimum),
    "Concatenate": concatenate(),
    "LayerScale": images().map(lambda shape: (partial(LayerScale, 0.3, shape[-1]), [shape])),
}
