"""The state of every random generator that a training draws from."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class RandomState:
    """Where Python's, numpy's and torch's generators stand.

    Keras's own seeds are variables of the model and are kept with it.

    Attributes:
        tensors: torch's states uint8 (N,), one a device, and numpy's uint32 (624,).
        values: what else numpy and Python keep, as plain numbers.
    """

    tensors: Tensors
    values: dict[str, Any]

    @classmethod
    def now(cls) -> Self:
        """Read all generators; nothing is drawn."""
        state: Any = np.random.get_state()
        _, keys, place, has_gauss, gauss = state
        version, words, gauss_next = random.getstate()
        tensors = {
            "torch": torch.get_rng_state(),
            "numpy": torch.from_numpy(np.asarray(keys, np.uint32).copy()),
            "python": torch.tensor(words, dtype=torch.int64),
        }
        if torch.cuda.is_available():
            for index, found in enumerate(torch.cuda.get_rng_state_all()):
                tensors[f"cuda.{index}"] = found
        return cls(
            tensors,
            {
                "numpy": [int(place), int(has_gauss), float(gauss)],
                "python": [version, gauss_next],
            },
        )

    def restore(self) -> None:
        """Set all generators to this state."""
        torch.set_rng_state(self.tensors["torch"].clone())
        if torch.cuda.is_available():
            for index in range(torch.cuda.device_count()):
                if f"cuda.{index}" in self.tensors:
                    torch.cuda.set_rng_state(self.tensors[f"cuda.{index}"], index)
        place, has_gauss, gauss = self.values["numpy"]
        keys = self.tensors["numpy"].numpy()
        np.random.set_state(("MT19937", keys, place, has_gauss, gauss))
        version, gauss_next = self.values["python"]
        random.setstate((version, tuple(self.tensors["python"].tolist()), gauss_next))
