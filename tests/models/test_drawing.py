"""The drawing of a network: every layer with its size, every connection, for any network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

import clearsight
from clearsight.models.api import trace
from clearsight.models.backend import keras
from clearsight.models.trace import Trace, trace_model

layers = keras.layers
SVG = "{http://www.w3.org/2000/svg}"


def branches() -> Trace:
    """Four branches of different lengths, as in an Inception module, then a connection over all."""
    images = keras.Input((16, 12, 3), name="photo")
    x = layers.Conv2D(8, 3, padding="same", name="stem")(images)
    x = layers.ReLU(name="folded_relu")(layers.BatchNormalization(name="folded_norm")(x))
    parts = [
        layers.Conv2D(4, 1, name="one")(x),
        layers.Conv2D(4, 3, padding="same", name="three")(layers.Conv2D(2, 1, name="few")(x)),
        layers.MaxPooling2D(3, 1, padding="same", name="largest")(x),
    ]
    x = layers.Concatenate(name="joined")([*parts, images])
    return trace_model(keras.Model(images, layers.GlobalMaxPooling2D(name="end")(x)))


def sequence() -> Trace:
    images = keras.Input((9, 5), name="series")
    last, state, _ = layers.LSTM(4, return_state=True, name="memory")(images)
    return trace_model(keras.Model(images, layers.Concatenate(name="both")([last, state])))


def nested() -> Trace:
    inner = keras.Sequential([keras.Input((8, 8, 2)), layers.Conv2D(2, 3, padding="same")])
    images = keras.Input((8, 8, 2), name="photo")
    shared = layers.Conv2D(2, 3, padding="same", name="shared")
    return trace_model(keras.Model(images, inner(shared(shared(images)))))


def strange_names() -> Trace:
    first = layers.Dense(3, name="<script>alert(1)<script>")
    second = layers.Dense(3, name='\x1b[31m\u202e & "quoted" ' + "long " * 40)
    return trace_model(keras.Sequential([keras.Input((4,)), first, second], name="<b>"))


# Each network with the connections between the blocks that are drawn.
NETWORKS: dict[str, tuple[Callable[[], Trace], int]] = {
    "lesson": (lambda: trace("lesson"), 7),
    "residual": (lambda: trace("residual"), 12),
    "branches": (branches, 10),
    "sequence": (sequence, 2),
    "nested": (nested, 2),
    "strange_names": (strange_names, 2),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_is_drawn_with_its_size_and_connections(name: str) -> None:
    make, num_connections = NETWORKS[name]
    found = make()
    root = ElementTree.fromstring(found.draw().svg)
    texts = [
        "".join(element.itertext()).replace("\xa0", " ") for element in root.iter(f"{SVG}text")
    ]
    everything = " ".join(texts)
    for layer in found.layers:
        if name != "strange_names" and not layer.name.startswith(("folded", "stage")):
            assert layer.name in everything
        assert layer.layer_type in everything
        size = " × ".join(map(str, layer.output_shape))
        assert (size if " " in size else f"{layer.output_shape[0]:,} values") in everything
        if layer.num_parameters and layer.settings:
            assert f"{layer.num_parameters:,} parameters" in everything
    heads = [path for path in root.iter(f"{SVG}path") if "translate" in path.get("transform", "")]
    assert len(heads) == num_connections
    height = float(root.get("viewBox", "").split()[3])
    for element in root.iter(f"{SVG}text"):
        assert 0 < float(element.get("y", "")) < height
    assert root.get("role") == "img"
    assert format(found.input_shape[0]) in root.get("aria-label", "")


def test_layers_that_only_change_values_are_written_below_the_one_before() -> None:
    text = branches().draw().svg
    assert "folded_norm" not in text
    assert "then BatchNormalization, ReLU" in text


def test_connections_that_overlap_have_lanes_of_their_own() -> None:
    root = ElementTree.fromstring(branches().draw().svg)
    paths = [path.get("d", "") for path in root.iter(f"{SVG}path")]
    lanes = {path.split("H")[1].split("V")[0] for path in paths if path.count("H") == 2}
    assert len(lanes) >= 3


def test_a_notebook_shows_it_and_it_can_be_saved(tmp_path: Path) -> None:
    drawing = clearsight.trace("lesson").draw()
    assert drawing.svg in drawing._repr_html_()
    path = drawing.save(tmp_path / "lesson.svg")
    assert ElementTree.parse(path).getroot().tag == f"{SVG}svg"
    assert repr(drawing) == "Drawing()"
    assert drawing.svg in clearsight.trace("lesson")._repr_html_()


def test_names_are_only_text() -> None:
    svg = strange_names().draw().svg
    assert "<script" not in svg
    assert "<b>" not in svg
    assert "\x1b" not in svg
    assert "\u202e" not in svg
