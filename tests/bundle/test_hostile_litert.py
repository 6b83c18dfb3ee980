"""A LiteRT file from a stranger has no loops, no operators of its own, and no other files."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("ai_edge_litert")
import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from clearsight.bundle.formats.litert_file import _check_operators


def tflite(*codes: int, **changes: Any) -> bytes:
    """Return a file with these operators."""
    model = schema.ModelT()
    model.version = 3
    model.operatorCodes = []
    for code in codes:
        operator = schema.OperatorCodeT()
        operator.deprecatedBuiltinCode, operator.builtinCode = min(code, 127), code
        model.operatorCodes.append(operator)
    for name, value in changes.items():
        setattr(model, name, value)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_usual_operators_are_accepted() -> None:
    _check_operators(tflite(schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.SOFTMAX))


@pytest.mark.parametrize("name", ["WHILE", "IF", "CALL_ONCE", "CUSTOM", "STABLEHLO_WHILE"])
def test_loops_and_own_operators_are_not(name: str) -> None:
    code = getattr(schema.BuiltinOperator, name)
    with pytest.raises(ValueError, match=f"the operator {name}, which"):
        _check_operators(tflite(schema.BuiltinOperator.ADD, code))


def test_other_files_are_not_read() -> None:
    group = schema.ExternalBufferGroupT()
    group.name = "/etc/passwd"
    with pytest.raises(ValueError, match="it refers to other files"):
        _check_operators(tflite(externalBufferGroups=[group]))
