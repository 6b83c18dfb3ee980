"""`Sample`: as much of an array as a check reads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch

# Evenly spaced rows of so many values are read in 0.1 ms, and show what all of them are.
_NUM_READ = 200_000


@dataclass(frozen=True, eq=False)
class Sample:
    """An array, and those of its rows that are checked.

    Attributes:
        name: what the array is called in messages, "x" or "y".
        shape: of the whole array.
        dtype: its name.
        rows: numbers (M, ...), M <= N; None where reading them would wait for a device.
        mistake: a sentence if it is no array of numbers; "" else.
    """

    name: str
    shape: tuple[int, ...] = ()
    dtype: str = ""
    rows: np.ndarray | None = None
    mistake: str = ""

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"

    @property
    def lowest_and_highest(self) -> tuple[float, float] | None:
        """The lowest and the highest value of the rows; None if there are none."""
        if self.rows is None or not self.rows.size:
            return None
        return float(self.rows.min()), float(self.rows.max())

    @property
    def is_finite(self) -> bool:
        """Whether no value that was read is NaN or infinite."""
        return all(map(math.isfinite, self.lowest_and_highest or ()))

    @classmethod
    def whole(cls, values: Any, name: str) -> Self:
        """Return a sample of all rows of what may be anything."""
        if hasattr(values, "detach"):  # a torch tensor, perhaps with a gradient or on a GPU
            values = values.detach().cpu()
        try:
            array = np.asarray(values)
        except (TypeError, ValueError):
            array = np.array(None)
        mistake = _type_mistake(array, name, type(values).__name__)
        return cls(name, array.shape, str(array.dtype), None if mistake else array, mistake)

    @classmethod
    def spread(cls, values: Any, name: str) -> Self:
        """Return a sample of some rows, at the cost of a view, of an array or a tensor."""
        step = max(1, math.prod(values.shape) // _NUM_READ)
        if isinstance(values, np.memmap):  # whose pages are read from the disk
            rows: Any = values[: max(1, len(values) // step)] if values.ndim else values
        else:
            rows = values[::step] if values.ndim else values
        if isinstance(rows, torch.Tensor):
            dtype = str(values.dtype).removeprefix("torch.")
            on_cpu = rows.detach() if rows.device.type == "cpu" else None
            rows = on_cpu.float() if on_cpu is not None and dtype == "bfloat16" else on_cpu
            rows = None if rows is None else rows.numpy()
            return cls(name, tuple(values.shape), dtype, rows)
        mistake = _type_mistake(values, name, type(values).__name__)
        return cls(name, values.shape, str(values.dtype), None if mistake else rows, mistake)


def _type_mistake(array: np.ndarray, name: str, type_name: str) -> str:
    """Return a sentence if an array holds no numbers, "" else."""
    if array.dtype.kind in "US" and name == "y":
        return (
            "y should be numbers, but is text: number the classes from 0, for example with "
            "class_names, y = np.unique(y, return_inverse=True)."
        )
    if array.ndim == 0 or array.dtype.kind not in "buif":
        return (
            f"{name} should be an array of numbers, but is {type_name}: check the batches of a "
            "generator or loader one by one."
        )
    return ""
