"""The trace against Keras's own summary, against published figures, and against measurement."""

from __future__ import annotations

import re
from math import floor

import numpy as np
import pytest

import clearsight
from clearsight.errors import ModelError
from clearsight.models.api import trace
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from clearsight.models.comparison import compare_traces
from clearsight.models.layer_trace import LayerTrace
from clearsight.models.trace import trace_model

layers = keras.layers
APPLICATIONS = ("ResNet50", "MobileNetV2", "EfficientNetB0", "DenseNet121", "ConvNeXtTiny")


def application(name: str, size: int = 64) -> keras.Model:
    return getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3))


def odd_network() -> keras.Model:
    """Every type of layer with a formula, with uneven sizes, strides, dilation and groups."""
    images = keras.Input((31, 45, 4))
    x = layers.ZeroPadding2D(((1, 2), (0, 3)))(images)
    x = layers.Conv2D(6, (3, 5), strides=2, padding="same", use_bias=False, groups=2)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(6, 3, dilation_rate=2)(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(x)
    side = layers.SeparableConv2D(12, 3, padding="same", depth_multiplier=2)(x)
    x = layers.Concatenate()([x, side])
    x = layers.AveragePooling2D(3, strides=2, padding="same")(x)
    x = layers.UpSampling2D((2, 1))(x)
    x = layers.Conv2DTranspose(5, 3, strides=2)(x)
    x = layers.Conv2DTranspose(5, (1, 2), strides=(2, 3))(x)
    x = layers.Conv2DTranspose(5, 3, dilation_rate=2)(x)
    x = layers.Conv2DTranspose(5, 3, strides=2, padding="same", output_padding=0)(x)
    x = layers.Cropping2D(((1, 0), (2, 1)))(x)
    x = layers.GlobalMaxPooling2D()(x)
    return keras.Model(images, layers.Dense(3, use_bias=False)(x))


def summary_of(model: keras.Model) -> list[tuple[str, str]]:
    """The output shape and parameter count of every row of ``model.summary()``."""
    lines: list[str] = []
    model.summary(line_length=250, print_fn=lambda text, **_: lines.append(text))
    rows = re.findall(r"│[^│]+│\s*\(None,? ?([^)]*)\)\s*│\s*([\d,]+)\s*│", "\n".join(lines))
    return [(shape.strip().rstrip(","), count.replace(",", "")) for shape, count in rows]


@pytest.mark.parametrize("name", ["lesson", "odd", *APPLICATIONS])
def test_it_agrees_with_keras_on_every_shape_and_count(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "260")  # or rich cuts the summary's columns
    known = {"lesson": lambda: build_model(ModelRequest("lesson")), "odd": odd_network}
    model = known[name]() if name in known else application(name)
    found = trace_model(model)
    expected = summary_of(model)
    assert len(expected) >= 7
    shown = [
        (", ".join(map(str, layer.output_shape)), str(layer.num_parameters))
        for layer in found.layers
    ]
    assert shown == expected
    assert found.num_parameters == model.count_params()


def evaluate(formula: str) -> int:
    """Compute a formula's left side in Python."""
    assert re.fullmatch(r"[\d+\-*/() floor]+", formula), formula
    return int(eval(formula, {"floor": floor}))


@pytest.mark.parametrize("model", ["lesson", "odd"])
def test_every_formula_gives_its_result(model: str) -> None:
    found = trace(model) if model == "lesson" else trace_model(odd_network())
    num_formulas = 0
    for layer in found.layers:
        formulas = [layer.parameter_formula, *re.split(r", (?=columns)", layer.size_formula)]
        for text in formulas:
            match = re.fullmatch(
                r"(?:rows |columns )?(.+) = ([\d,]+)(?: along the joined axis)?", text
            )
            if match:
                assert evaluate(match[1]) == int(match[2].replace(",", "")), text
                num_formulas += 1
        if layer.parameter_formula:
            assert layer.parameter_formula.endswith(f"= {layer.num_parameters:,}")
        rows = re.match(r"(?:rows )?.+? = (\d+)(?:,|$)", layer.size_formula)
        if rows and len(layer.output_shape) == 3 and "joined" not in layer.size_formula:
            assert int(rows[1]) == layer.output_shape[0], layer.size_formula
    assert num_formulas >= 9


def test_the_trace_of_the_lesson() -> None:
    found = clearsight.trace("lesson")
    first = found.layers[0]
    assert first.size_formula == "floor((28 + 2*1 - 3)/1) + 1 = 28"
    assert first.parameter_formula == "(3*3*1 + 1)*32 = 320"
    assert first.multiply_adds == 28 * 28 * 32 * 9
    assert first.activation_bytes == 28 * 28 * 32 * 4
    assert [layer.receptive_field for layer in found.layers] == [
        (3, 3), (4, 4), (8, 8), (10, 10), (10, 10), (28, 28), (28, 28),
    ]  # fmt: skip
    assert found.summary.startswith("95.2% of the parameters are in dense ")
    assert str(found).count("\n") >= 2 * len(found.layers)
    assert found.to_json()["layers"][0]["output_shape"] == [28, 28, 32]


def test_the_settings_of_every_layer_are_in_words() -> None:
    def squared(x):
        return x * x

    images = keras.Input((9, 9, 2))
    x = layers.Conv2D(4, 3, activation=squared)(images)
    x = layers.MaxPooling2D((3, 2), strides=(1, 2), padding="same")(x)
    x = layers.Conv2D(4, 3, activation=layers.LeakyReLU())(x)
    others = trace_model(keras.Model(images, layers.Dropout(0.25)(x))).layers[1:]
    assert [layer.description for layer in others] == [
        "4 filters 3x3, stride 1, padding valid, squared",
        "window 3x2, stride 1x2, padding same",
        "4 filters 3x3, stride 1, padding valid, LeakyReLU",
        "rate 0.25",
    ]
    model = odd_network()
    found = [layer.description for layer in trace_model(model).layers if layer.description]
    assert found == [
        "6 filters 3x5, stride 2, padding same, 2 groups, no bias, no activation",
        "6 filters 3x3, stride 1, padding valid, dilation 2, no activation",
        "kernel 3x3, 2 outputs per channel, stride 1, padding same, no activation",
        "12 filters 3x3, 2 outputs per channel, stride 1, padding same, no activation",
        "window 3x3, stride 2, padding same",
        "5 filters 3x3, stride 2, padding valid, no activation",
        "5 filters 1x2, stride 2x3, padding valid, no activation",
        "5 filters 3x3, stride 1, padding valid, dilation 2, no activation",
        "5 filters 3x3, stride 2, padding same, no activation",
        "3 units, no bias, no activation",
    ]


@pytest.mark.parametrize(
    "convolution",
    [
        layers.Conv2D(3, 3, padding="same"),
        layers.Conv2D(4, (3, 2), strides=2, use_bias=False, groups=2),
        layers.DepthwiseConv2D(3, depth_multiplier=2),
        layers.SeparableConv2D(3, 3),
        layers.Conv2DTranspose(3, 3, strides=2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_sharing_is_counted_as_keras_counts_a_dense_layer(convolution: keras.Layer) -> None:
    model = keras.Sequential([keras.Input((6, 5, 2)), convolution])
    num_outputs = int(np.prod(model.output_shape[1:]))
    dense = layers.Dense(num_outputs, use_bias=convolution.use_bias)
    expected = keras.Sequential([keras.Input((6, 5, 2)), layers.Flatten(), dense]).count_params()
    (row,) = trace_model(model).layers
    assert row.num_dense_parameters == expected
    ratio = expected / row.num_parameters
    shown = f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}"
    assert row.sharing == (
        f"a dense layer would need {expected:,} parameters here, {shown} times as many"
    )


def test_only_convolutions_share_parameters() -> None:
    sharing = {layer.name: layer.sharing for layer in trace("lesson").layers if layer.sharing}
    assert sharing == {
        "conv2d": "a dense layer would need 19,694,080 parameters here, 61,544 times as many",
        "conv2d_1": "a dense layer would need 78,688,512 parameters here, 4,254 times as many",
    }


@pytest.mark.parametrize("name", ["lesson", "residual", "odd"])
def test_the_table_fits_eighty_columns_and_says_everything(name: str) -> None:
    found = trace_model(odd_network()) if name == "odd" else trace(name)
    text = str(found)
    assert max(map(len, text.splitlines())) <= 80
    joined = " ".join(text.split())
    for layer in found.layers:
        for part in (layer.layer_type, layer.description, layer.sharing, *layer.formulas):
            assert part in joined


def test_the_layers_that_a_layer_takes_values_from_are_known() -> None:
    images = keras.Input((8, 8, 2), name="images")
    shared = layers.Conv2D(2, 3, padding="same", name="shared")
    inner = keras.Sequential([keras.Input((8, 8, 2)), layers.ReLU()], name="inner")
    joined = layers.Add(name="joined")([inner(shared(shared(images))), images])
    rows = trace_model(keras.Model(images, joined)).layers
    assert {row.name: row.inputs for row in rows} == {
        "images": (), "shared": ("images", "shared"), "inner": ("shared",),
        "joined": ("inner", "images"),
    }  # fmt: skip
    assert trace("lesson").layers[0].inputs == ("images",)


@pytest.mark.parametrize(
    ("name", "size", "published"),
    [
        # Multiply-adds of one 224x224 image, from the papers.
        ("ResNet50", 224, 3.8e9),  # He et al., https://arxiv.org/abs/1512.03385, table 1
        ("MobileNetV2", 224, 300e6),  # Sandler et al., https://arxiv.org/abs/1801.04381, table 4
        ("EfficientNetB0", 224, 0.39e9),  # Tan and Le, https://arxiv.org/abs/1905.11946, table 2
    ],
)
def test_multiply_adds_are_those_published(name: str, size: int, published: float) -> None:
    # Keras's ResNet50 has its strides in other convolutions than the paper's, and papers round.
    assert trace_model(application(name, size)).multiply_adds == pytest.approx(published, rel=0.03)


def measure_receptive_field(model: keras.Model, layer_name: str) -> tuple[int, int]:
    """Measure how many rows and columns of the image change one middle value of a layer."""
    import torch

    inner = keras.Model(model.inputs, model.get_layer(layer_name).output)
    for weight in inner.weights:
        weight.assign(np.full(weight.shape, 0.01))
    x = torch.rand((1, *model.input_shape[1:]), requires_grad=True)
    output = inner(x)
    middle = tuple(size // 2 for size in output.shape[1:3]) if output.ndim == 4 else ()
    output[(0, *middle)].sum().backward()
    assert x.grad is not None
    rows, columns = np.nonzero(x.grad[0].abs().sum(-1).numpy())
    return rows.max() - rows.min() + 1, columns.max() - columns.min() + 1


def test_receptive_fields_agree_with_gradients() -> None:
    """Average pooling in place of max, so that every position counts in the gradient."""
    images = keras.Input((64, 72, 1))
    x = layers.Conv2D(1, 3, padding="same", name="a")(images)
    x = layers.AveragePooling2D(2, name="b")(x)
    y = layers.Conv2D(1, (3, 5), dilation_rate=(2, 1), padding="same", name="c")(x)
    x = layers.Add(name="d")([x, y])
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", name="e")(x)
    x = layers.Conv2D(2, 3, padding="same", name="f")(x)
    x = layers.Flatten(name="g")(x)
    x = layers.Dense(3, name="h")(x)
    model = keras.Model(images, x)
    fields = {layer.name: layer.receptive_field for layer in trace_model(model).layers}
    for name in "abcdefh":
        assert fields[name] == measure_receptive_field(model, name), name


def test_the_receptive_field_of_vgg16_is_212_pixels() -> None:
    # https://distill.pub/2019/computing-receptive-fields/, table: VGG16 up to its last pooling.
    model = keras.applications.VGG16(weights=None, input_shape=(320, 320, 3), include_top=False)
    assert trace_model(model).layers[-1].receptive_field == (212, 212)


def test_shared_and_nested_layers_are_counted_correctly() -> None:
    inner = keras.Sequential([keras.Input((8, 8, 2)), layers.Conv2D(2, 3, padding="same")])
    images = keras.Input((8, 8, 2))
    shared = layers.Conv2D(2, 3, padding="same", name="shared")
    model = keras.Model(images, inner(shared(shared(images))))
    rows = {layer.name: layer for layer in trace_model(model).layers}
    once = 8 * 8 * 2 * 9 * 2
    assert rows["shared"].multiply_adds == 2 * once
    assert rows[inner.name].multiply_adds == once
    assert rows["shared"].receptive_field == (5, 5)
    assert rows[inner.name].receptive_field == (7, 7)
    assert sum(row.num_parameters for row in rows.values()) == model.count_params()


def test_attention_and_sums_of_products_cost_as_much_as_dense_layers() -> None:
    tokens = keras.Input((5, 12))
    x = layers.EinsumDense("btc,cd->btd", output_shape=(5, 7), bias_axes="d", name="einsum")(tokens)
    x = layers.Dense(12, name="dense")(x)
    x = layers.EinsumDense("btc,c->btc", output_shape=(5, 12), name="scale")(x)
    x = layers.MultiHeadAttention(3, 4, name="self")(x, x)
    longer = layers.ZeroPadding1D(1)(tokens)
    x = layers.MultiHeadAttention(2, 3, value_dim=5, output_shape=8, name="cross")(x, longer)
    rows = {row.name: row.multiply_adds for row in trace_model(keras.Model(tokens, x)).layers}
    assert rows["einsum"] == rows["dense"] == 5 * 12 * 7
    assert rows["scale"] == 5 * 12
    assert rows["self"] == 4 * 5 * 12 * 12
    # Queries and outputs of 5 tokens, keys and values of 7.
    assert rows["cross"] == 5 * (12 * 6 + 10 * 8) + 7 * (12 * 6 + 12 * 10)


def test_an_unknown_layer_leaves_numbers_open() -> None:
    class Doubling(layers.Layer):
        def call(self, x):
            return x * 2

    model = keras.Sequential([keras.Input((8, 8, 1)), Doubling(), layers.Conv2D(2, 3)])
    first, second = trace_model(model).layers
    assert first.size_formula == "as Keras computes it"
    assert second.receptive_field is None
    assert second.parameter_formula == "(3*3*1 + 1)*2 = 20"


def test_all_outputs_of_a_layer_are_shown() -> None:
    images = keras.Input((5, 3))
    last, hidden, cell = layers.LSTM(4, return_state=True)(images)
    model = keras.Model(images, layers.Concatenate()([last, hidden, cell]))
    lstm = trace_model(model).layers[1]
    assert (lstm.output_shape, *lstm.more_output_shapes) == ((4,), (4,), (4,))
    assert lstm.activation_bytes == 3 * 4 * 4


def test_receptive_fields_of_channels_first_and_of_normalizations_over_positions() -> None:
    images = keras.Input((3, 20, 24))
    x = layers.Conv2D(4, 9, data_format="channels_first", padding="same")(images)
    model = keras.Model(images, layers.Conv2D(4, 3, data_format="channels_first")(x))
    assert [layer.receptive_field for layer in trace_model(model).layers[1:]] == [(9, 9), (11, 11)]
    images = keras.Input((9, 10, 4))
    x = layers.GroupNormalization(2)(layers.Conv2D(4, 3, padding="same")(images))
    fields = [layer.receptive_field for layer in trace_model(keras.Model(images, x)).layers]
    assert fields[1:] == [(3, 3), (9, 10)]


def test_an_open_sequential_is_traced_at_the_shape_given() -> None:
    model = keras.Sequential([layers.RandomFlip(), layers.Conv2D(4, 3), layers.Flatten()])
    with pytest.raises(ModelError, match="has no input shape yet: set input_shape="):
        trace(model)
    rows = trace(model, (8, 8, 1)).layers
    assert rows[1].output_shape == (6, 6, 4)
    assert rows[1].receptive_field == (3, 3)
    assert not model.built, "the user's own model is not changed"


def test_open_image_sizes_need_a_shape() -> None:
    model = keras.Sequential(
        [keras.Input((None, None, 3)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()]
    )
    with pytest.raises(ModelError, match="give the size to trace it at"):
        trace(model)
    sized = trace(model, (20, 30, 3))
    assert [layer.output_shape for layer in sized.layers] == [(18, 28, 4), (4,)]
    with pytest.raises(ModelError, match=r"takes images of shape \(28, 28, 1\)"):
        trace(build_model(ModelRequest("lesson")), (32, 32, 1))


def test_a_subclassed_model_has_no_graph() -> None:
    class Custom(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    model = Custom()
    model.build((None, 4))
    with pytest.raises(ModelError, match="is a subclassed Custom without a graph"):
        trace(model)


def reasons(**changes) -> dict[str, str]:
    comparison = compare_traces(trace("lesson"), trace("lesson", **changes))
    text = " ".join(str(comparison).split())
    assert all(change.reason in text for change in comparison.changes)
    layers = ((change.first or change.second, change.reason) for change in comparison.changes)
    return {layer.name: reason for layer, reason in layers if isinstance(layer, LayerTrace)}


def test_same_to_valid_is_explained() -> None:
    found = reasons(padding="valid,same")
    assert found["conv2d"] == (
        "padding 'same' to 'valid', 28 to 26: the filter cannot reach past the border, one pixel "
        "lost on each side"
    )
    assert found["max_pooling2d"].startswith(
        "follows from conv2d above: its output is (26, 26, 32)"
    )
    assert found["dense_1"] == ""
    assert reasons(padding="valid")["conv2d_1"] == (
        "padding 'same' to 'valid', 14 to 11: the filter cannot reach past the border, one pixel "
        "lost on each side; the input is 13 instead of 14"
    )


def test_other_changes_are_explained() -> None:
    third = reasons(num_blocks=3)
    assert third["conv2d_2"] == "only the second network has this layer"
    assert third["conv2d"] == third["conv2d_1"] == ""
    assert third["dense"] == "follows from flatten above: its output is 576 instead of 3136"
    assert reasons(strides="2,1")["conv2d"] == "stride 1 to 2: the window moves 2 pixels at a time"
    assert "receptive field 3x3 to 5x5" in reasons(kernel_size=5)["conv2d"]
    assert reasons(dense_units=64)["dense"] == (
        "units 128 to 64: 200,768 fewer parameters (200,768)"
    )
    assert set(reasons().values()) == {""}
