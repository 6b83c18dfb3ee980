"""Each backbone of the table, with random weights, and with those that are at hand."""

from __future__ import annotations

import numpy as np
import pytest

from clearsight.errors import ModelError
from clearsight.models.api import trace
from clearsight.models.backbones import (
    BACKBONES,
    Backbone,
    build_backbone,
    find_backbone,
    load_backbone,
)

EACH = pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)


@EACH
def test_its_row_says_what_its_network_is(backbone: Backbone) -> None:
    traced = trace(build_backbone(backbone, (backbone.image_size, backbone.image_size)))
    assert (traced.num_parameters, traced.multiply_adds) == (
        backbone.num_parameters,
        backbone.multiply_adds,
    )
    assert not traced.has_unknown_costs
    assert traced.model_name == backbone.name


@EACH
def test_its_blocks_rise_from_the_stem_to_the_features(backbone: Backbone) -> None:
    model = build_backbone(backbone, (64, 96))
    assert model.input_shape == (None, 64, 96, 3)
    assert model.output_shape == (None, backbone.num_features)
    assert model.get_layer(backbone.feature_layer).output is model.output
    names = [layer.name for layer in model.layers]
    blocks = [backbone.block_of(name) for name in names]
    assert blocks[0] == 0
    assert blocks[-1] == backbone.num_blocks - 1
    assert blocks == sorted(blocks)
    assert set(blocks) == set(range(backbone.num_blocks))
    again = build_backbone(backbone, (64, 96))
    assert names == [layer.name for layer in again.layers]


def test_a_layer_of_another_network_has_no_block() -> None:
    with pytest.raises(ModelError, match="'predictions' is none"):
        find_backbone("efficientnet-lite0").block_of("predictions")


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(ModelError, match="Did you mean 'efficientnet-lite0'"):
        load_backbone("eficientnet-lite0")


@pytest.mark.parametrize("size", [(16, 64), 224, (224,), (224.0, 224)])
def test_a_size_that_does_not_fit_is_refused(size: object) -> None:
    with pytest.raises(ModelError, match=r"at least 32 pixels, such as \(224, 224\)"):
        load_backbone("efficientnet-lite0", image_size=size)  # pyright: ignore[reportArgumentType]


# Class, of the first and of the second photograph of scikit-learn: a temple, a flower.
SEEN = {"efficientnet-lite0": (698, 985), "efficientnet-lite1": (698, 985)}


def test_weights_at_hand_classify_photographs() -> None:
    from sklearn.datasets import load_sample_images

    from clearsight.data.preparation.resize import resize_image

    for name, (palace, daisy) in SEEN.items():
        backbone = find_backbone(name)
        if not backbone.source.is_local():
            pytest.skip("needs pip install 'clearsight[pretrained]'")
        shape = (backbone.image_size, backbone.image_size, 3)
        images = np.stack(
            [resize_image(image, shape, "crop") for image in load_sample_images().images]
        )
        features = load_backbone(name).predict(images.astype("float32"), verbose=0)
        head = backbone.source.read_original()  # pyright: ignore[reportAttributeAccessIssue]
        classes = (features @ head["_fc.weight"].T + head["_fc.bias"]).argmax(axis=1)
        assert classes.tolist() == [palace, daisy]
