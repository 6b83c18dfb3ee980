"""`OnnxCall`: an operation with what is known of its inputs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.bundle.onnx_check.model import OnnxNode, Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class OnnxCall:
    """One operation with its inputs; every method raises ValueError if something is wrong.

    Attributes:
        node: the operation.
        inputs: its inputs; None for one that is left out.
    """

    node: OnnxNode
    inputs: tuple[Tensor | None, ...]

    @property
    def shapes(self) -> list[Shape]:
        """The shapes of all inputs that are given."""
        return [each.shape for each in self.inputs if each is not None]

    def has(self, index: int) -> bool:
        """Check whether an input is given."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def shape(self, index: int) -> Shape:
        """Return the shape of an input."""
        return self._input(index).shape

    def values(self, index: int) -> np.ndarray:
        """Return the values of an input."""
        values = self._input(index).values
        if values is None:
            raise ValueError(f"the shape of its {self.node.operator} depends on the images")
        return values

    def numbers(self, index: int) -> list[int]:
        """Return the values of an input, whole numbers, as one list."""
        values = self.values(index)
        if values.dtype.kind not in "iu":
            raise ValueError(f"its {self.node.operator} should get whole numbers")
        return values.reshape(-1).tolist()

    def given_numbers(self, index: int, attribute: str) -> list[int] | None:
        """Return whole numbers that are an input, or an attribute in earlier versions."""
        return self.numbers(index) if self.has(index) else self.integers(attribute)

    def integer(self, name: str, default: int) -> int:
        """Return an attribute."""
        value = self.node.attributes.get(name, default)
        if type(value) is not int:
            raise self.wrong(name)
        return value

    def integers(self, name: str, default: list[int] | None = None) -> list[int] | None:
        """Return an attribute of several numbers."""
        value: Any = self.node.attributes.get(name, default)
        if value is None:
            return None
        if isinstance(value, str | Tensor) or any(type(each) is not int for each in value):
            raise self.wrong(name)
        return list(value)

    def text(self, name: str, default: str) -> str:
        """Return an attribute."""
        value = self.node.attributes.get(name, default)
        if not isinstance(value, str):
            raise self.wrong(name)
        return value

    def axis(self, name: str, default: int, rank: int) -> int:
        """Return an attribute that is an axis: 0 to `rank` - 1."""
        return checked_axis(self.integer(name, default), rank)

    def wrong(self, name: str) -> ValueError:
        """Return the error for an attribute or input that the operator does not take."""
        return ValueError(f"its {self.node.operator} has a wrong {name}")

    def _input(self, index: int) -> Tensor:
        if not self.has(index):
            raise ValueError(f"its {self.node.operator} lacks input {index}")
        found = self.inputs[index]
        assert found is not None  # which `has` has checked
        return found


def checked_axis(axis: int, rank: int) -> int:
    """Return an axis that may be counted from the end as 0 to `rank` - 1.

    Raises:
        ValueError: if there is no such axis.
    """
    if not -rank <= axis < rank:
        raise ValueError(f"there is no axis {axis} of {rank}")
    return axis % rank


def checked_axes(axes: list[int], rank: int) -> list[int]:
    """Return different axes as 0 to `rank` - 1.

    Raises:
        ValueError: if there is no such axis, or one twice.
    """
    found = [checked_axis(axis, rank) for axis in axes]
    if len(set(found)) != len(found):
        raise ValueError(f"the axes {axes} should differ")
    return found
