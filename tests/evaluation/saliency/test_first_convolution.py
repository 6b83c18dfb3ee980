"""The first convolution: worked examples agree with Keras, filters with real patches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clearsight.errors import ModelError
from clearsight.evaluation.saliency.feature_maps import compute_feature_maps
from clearsight.evaluation.saliency.filters import NUM_PATCHES, describe_filters
from clearsight.evaluation.saliency.layer_outputs import LayerOutputs
from clearsight.evaluation.saliency.worked_example import compute_worked_example
from clearsight.models.backend import keras
from support.coloured_squares import planted_images, planted_network, prepared

layers = keras.layers
IMAGES = np.random.default_rng(0).random((6, 9, 8, 4), dtype=np.float32)


def network(*first: Any) -> Any:
    keras.utils.set_random_seed(3)
    dense = layers.Dense(3, "softmax")
    model = keras.Sequential([keras.Input((9, 8, 4)), *first, layers.Flatten(), dense])
    for variable in model.weights:
        if variable.name == "bias":
            variable.assign(keras.random.normal(variable.shape))
    return model


CONVOLUTIONS = {
    "same": lambda: (layers.Conv2D(6, 3, padding="same", activation="relu"),),
    "valid": lambda: (layers.Conv2D(6, (2, 3), activation="tanh"),),
    "strides": lambda: (layers.Conv2D(6, 3, strides=2, padding="same", activation="gelu"),),
    "dilation": lambda: (layers.Conv2D(6, 3, dilation_rate=2, padding="same"),),
    "groups": lambda: (layers.Conv2D(6, 3, groups=2, use_bias=False),),
    "even": lambda: (layers.Rescaling(2.0), layers.Conv2D(6, 4, padding="same")),
    "padded": lambda: (layers.ZeroPadding2D(((2, 1), (1, 3))), layers.Conv2D(6, 3, strides=2)),
}


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_every_worked_example_is_what_keras_computes(kind: str) -> None:
    model = network(*CONVOLUTIONS[kind]())
    convolution = next(layer for layer in model.layers if isinstance(layer, layers.Conv2D))
    # Each spotted image has its highest output near another place: at corners, edges, inside.
    spotted, generator = np.zeros((12, 9, 8, 4), np.float32), np.random.default_rng(1)
    for image, (row, column) in zip(
        spotted, [(row, column) for row in (0, 4, 8) for column in (0, 3, 5, 7)], strict=True
    ):
        image[row, column] = generator.uniform(-20, 20, size=4)
    images = np.concatenate([IMAGES, spotted])
    outputs_of = keras.Model(model.inputs, convolution.output)
    outputs, examples = LayerOutputs(model), []
    for image, given in zip(images, outputs_of.predict(images, verbose=0), strict=True):
        found = compute_worked_example(outputs, image)
        assert found.layer_output == pytest.approx(given.max(), abs=1e-5)
        assert found.output == pytest.approx(
            given[found.row, found.column, found.filter_index], abs=1e-4
        )
        dot_product = (found.patch * found.kernel).sum()
        assert dot_product == pytest.approx(found.sum_of_products, abs=1e-4)
        assert found.total == pytest.approx(found.sum_of_products + found.bias)
        assert not found.patch[found.is_padding].any()
        examples.append(found)
    assert len({found.filter_index for found in examples}) > 1
    assert len({(found.row, found.column) for found in examples}) > 3
    if kind == "same":
        assert any(found.is_padding.any() for found in examples)
        for found in examples:
            assert (found.top, found.left) == (found.row - 1, found.column - 1)
            rows, columns = found.top + np.arange(3), found.left + np.arange(3)
            is_inside = np.outer((rows >= 0) & (rows < 9), (columns >= 0) & (columns < 8))
            np.testing.assert_array_equal(found.is_padding, ~is_inside)


def test_a_worked_example_has_a_sentence() -> None:
    model = network(layers.Conv2D(6, 3, activation="relu"))
    found = compute_worked_example(LayerOutputs(model), IMAGES[0])
    assert "36 products sum to" in found.sentence
    assert "relu gives" in found.sentence


@pytest.mark.parametrize("kind", ["same", "strides", "dilation", "padded"])
def test_patches_are_those_that_the_filter_responds_to_most(kind: str) -> None:
    model = network(*CONVOLUTIONS[kind]())
    convolution = next(layer for layer in model.layers if isinstance(layer, layers.Conv2D))
    images = (255 * IMAGES).astype(np.uint8)
    found = describe_filters(LayerOutputs(model), images, images / np.float32(255))
    assert found.num_filters == 6
    kernel = keras.ops.convert_to_numpy(convolution.kernel)
    dilation = convolution.dilation_rate[0]
    for shown in found.shown:
        np.testing.assert_array_equal(shown.kernel, kernel[..., shown.index])
        assert (np.diff(shown.responses) <= 0).all()
        assert len(set(shown.corners[:, 0])) == NUM_PATCHES
        bias = keras.ops.convert_to_numpy(convolution.bias)[shown.index]
        for patch, response in zip(shown.patches, shown.responses, strict=True):
            seen = patch[::dilation, ::dilation] / 255
            assert (seen * shown.kernel).sum() + bias == pytest.approx(response, abs=1e-4)
        image, top, left = shown.corners[0]
        rows, columns = shown.patches[0].shape[:2]
        if min(top, left) >= 0 and top + rows <= 9 and left + columns <= 8:
            np.testing.assert_array_equal(
                shown.patches[0], images[image, top : top + rows, left : left + columns]
            )
        assert {0, 255} & set(shown.image.ravel().tolist())


def test_a_convolution_that_does_not_take_the_image_is_refused() -> None:
    model = network(layers.AveragePooling2D(2), layers.Conv2D(6, 3))
    with pytest.raises(ModelError, match="takes the output of 'average_pooling2d"):
        describe_filters(LayerOutputs(model), (255 * IMAGES).astype(np.uint8), IMAGES)
    no_convolution = network()
    with pytest.raises(ModelError, match="should have a Conv2D"):
        compute_worked_example(LayerOutputs(no_convolution), IMAGES[0])


def test_feature_maps_are_the_most_variable_of_each_layer() -> None:
    model = network(
        layers.Conv2D(6, 3, activation="relu", name="seen"), layers.Dropout(0.5),
        layers.MaxPooling2D(2, name="pooled"), layers.Conv2D(2, 3, name="single"),
    )  # fmt: skip
    found = compute_feature_maps(LayerOutputs(model), IMAGES[0])
    # Dropout returns its input, and a map of one value is no map.
    assert [each.layer_name for each in found] == ["seen", "pooled"]
    given = keras.ops.convert_to_numpy(model.get_layer("seen")(IMAGES[:1]))[0]
    spread = given.std(axis=(0, 1))
    assert found[0].num_maps == 6
    assert found[0].channels.tolist() == np.argsort(-spread).tolist()
    np.testing.assert_allclose(found[0].maps, given[..., found[0].channels].transpose(2, 0, 1))
    assert found[0].num_constant == np.count_nonzero(spread == 0)
    assert found[0].images.dtype == np.uint8
    assert found[0].images[0].min() == 0
    assert found[0].images[0].max() == 255


def test_the_residual_network_has_all_parts() -> None:
    outputs = LayerOutputs(planted_network("residual"))
    images, _ = planted_images(8, seed=6)
    assert compute_worked_example(outputs, prepared(images)[0]).kernel.shape == (3, 3, 3)
    assert describe_filters(outputs, images, prepared(images)).shown[0].patches.shape[1:] == (
        3,
        3,
        3,
    )
    names = [each.layer_name for each in compute_feature_maps(outputs, prepared(images)[0])]
    assert names[0] == "stage1"
    assert names[-1] == "stage2_block1_add"
