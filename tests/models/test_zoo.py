from __future__ import annotations

import pytest

from clearsight.errors import ModelError
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model, parse_argument
from clearsight.models.zoo import FAMILIES, Family


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize(("input_shape", "num_classes"), [((28, 28, 1), 10), ((40, 32, 3), 3)])
def test_every_family_builds_a_classifier_for_the_data(
    family: Family, input_shape: tuple[int, int, int], num_classes: int
) -> None:
    request = ModelRequest(family.name, {}, input_shape, num_classes)
    model = build_model(request)
    assert model.input_shape == (None, *input_shape)
    assert model.output_shape == (None, num_classes)
    probabilities = model(keras.random.uniform((2, *input_shape))).detach().numpy()
    assert probabilities.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert [layer.name for layer in build_model(request).layers] == [
        layer.name for layer in model.layers
    ], "names must not depend on what was built before"


def shapes(**arguments) -> list[tuple[int, ...]]:
    model = build_model(ModelRequest("lesson", arguments))
    return [tuple(layer.output.shape[1:]) for layer in model.layers]


def test_the_reference_network_is_the_published_one() -> None:
    model = build_model(ModelRequest("lesson"))
    assert [type(layer).__name__ for layer in model.layers] == [
        "Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dense",
    ]  # fmt: skip
    assert model.count_params() == 421_642
    assert shapes() == [
        (28, 28, 32), (14, 14, 32), (14, 14, 64), (7, 7, 64), (3136,), (128,), (10,),
    ]  # fmt: skip


def test_the_shapes_of_the_exercises() -> None:
    assert shapes(padding="valid,same")[0] == (26, 26, 32)
    assert shapes(padding=["valid", "same"])[2] == (13, 13, 64)
    assert shapes(padding="valid")[2] == (11, 11, 64)
    third_block = shapes(num_blocks=3)
    assert third_block[4:7] == [(7, 7, 64), (3, 3, 64), (576,)]


def test_other_options_change_the_network() -> None:
    assert shapes(filters=8)[0] == (28, 28, 8)
    assert shapes(filters="8,16,24")[4] == (7, 7, 24)
    assert shapes(kernel_size=5, padding="valid")[0] == (24, 24, 32)
    assert shapes(dense_units=7)[-2] == (7,)
    assert shapes(strides=2)[:4] == [(14, 14, 32), (7, 7, 32), (4, 4, 64), (2, 2, 64)]
    assert shapes(strides="2,1", padding="valid")[:3] == [(13, 13, 32), (6, 6, 32), (4, 4, 64)]
    assert len(shapes(strides=[2, 1, 1])) == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"padding": "vaild"}, "input should be 'same' or 'valid'"),
        (
            {"bloks": 3},
            r"no option 'bloks' \(did you mean 'num_blocks'\?\). Its options are input_s",
        ),
        ({"filters": [8, 16], "num_blocks": 3}, "one value for all 3 blocks or one per block"),
        ({"strides": "2,1", "num_blocks": 3}, "one value for all 3 blocks or one per block"),
        ({"strides": 0}, "strides = 0: input should be greater than 0"),
        ({"kernel_size": 0}, "kernel_size = 0: input should be greater than 0"),
        (
            {"padding": "valid", "num_blocks": 3, "kernel_size": 5},
            r"layer 'conv2d_2' \(Conv2D 5x5, padding 'valid'\) gets a map of \(4, 4, 64\), but "
            "needs at least 5 rows and 5 columns",
        ),
        (
            {"padding": "valid", "input_shape": (8, 8, 1)},
            r"'max_pooling2d_1' \(MaxPooling2D 2x2, padding 'valid'\) gets a map of \(1, 1, 64\)",
        ),
    ],
)
def test_a_network_that_cannot_be_built_is_explained(arguments: dict, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build_model(ModelRequest("lesson", arguments))
    assert keras.config.is_traceback_filtering_enabled(), "Keras's own setting is restored"


def test_all_wrong_options_are_reported_together() -> None:
    with pytest.raises(ModelError) as caught:
        build_model(ModelRequest("lesson", {"padding": "vaild", "bloks": 3}))
    assert "padding" in str(caught.value)
    assert "bloks" in str(caught.value)


def test_arguments_are_parsed() -> None:
    assert parse_argument("dropout=0.3") == ("dropout", 0.3)
    assert parse_argument("padding=same") == ("padding", "same")
    assert parse_argument("filters=[8, 16]") == ("filters", [8, 16])
    with pytest.raises(ModelError, match="should look like KEY=VALUE, but is 'filters'"):
        parse_argument("filters")
