"""Bundles whose network fails when it runs, made from a good one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from support.tampering import update_hashes


def with_changed_network(bundle: Path, copy: Path, change: Callable[[Any], None]) -> Path:
    """Copy a bundle, and change its ONNX model in such a way that every hash fits."""
    import onnx

    shutil.copytree(bundle, copy)
    model = onnx.load(copy / "model.onnx")
    change(model.graph)
    onnx.save(model, copy / "model.onnx")
    update_hashes(copy)
    return copy


def fail_always(graph: Any) -> None:
    """Let the last tensor be reshaped to rows of seven, which it cannot."""
    from onnx import helper

    last, output = _rename_output(graph, "before")
    _add_numbers(graph, "sevens", [-1, 7])
    graph.node.extend(
        [
            helper.make_node("Shape", [last], ["shape"]),
            helper.make_node("Reshape", [last, "sevens"], ["wrong"]),
            helper.make_node("Reshape", ["wrong", "shape"], [output]),
        ]
    )


def fail_on_white(graph: Any) -> None:
    """Let the network fail on a batch with an image that is white all over."""
    from onnx import TensorProto, helper

    last, output = _rename_output(graph, "before")
    (images,) = [each.name for each in graph.input]
    _add_numbers(graph, "white", 255)
    _add_numbers(graph, "only", [0])
    graph.node.extend(
        [
            helper.make_node("Cast", [images], ["pixels"], to=TensorProto.INT64),
            helper.make_node("Flatten", ["pixels"], ["rows"]),
            helper.make_node("ArgMin", ["rows"], ["where"], axis=1, keepdims=1),
            helper.make_node("GatherElements", ["rows", "where"], ["darkest"], axis=1),
            helper.make_node("Equal", ["darkest", "white"], ["is_white"]),
            helper.make_node("Cast", ["is_white"], ["index"], to=TensorProto.INT64),
            helper.make_node("Gather", ["only", "index"], ["zero"]),  # 1 is out of range
            helper.make_node("Cast", ["zero"], ["nothing"], to=TensorProto.FLOAT),
            helper.make_node("Add", [last, "nothing"], [output]),
        ]
    )


def _rename_output(graph: Any, name: str) -> tuple[str, str]:
    (output,) = [each.name for each in graph.output]
    for node in graph.node:
        node.output[:] = [name if each == output else each for each in node.output]
    return name, output


def _add_numbers(graph: Any, name: str, values: Any) -> None:
    from onnx import numpy_helper

    graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), name))
