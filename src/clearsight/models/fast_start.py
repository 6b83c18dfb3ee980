"""Starting Keras quickly in a process that is all ours: the command line."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


def start_keras_fast() -> None:
    """Import Keras without three parts that a command-line process has no use for.

    ``import keras`` loads scikit-learn (for its wrappers), pandas (to know its tables when `fit` is
    given some) and torch's compiler (for one decorator), which was 2.5 of 4.9 seconds where
    measured (2 cores, Keras 3.15, torch 2.13). Only the command line calls this, because only there
    is the whole process ours: in a user's own program Keras is imported whole.
    """
    with _garbage_left_alone():
        _import_keras()


@contextmanager
def _garbage_left_alone() -> Iterator[None]:
    """Let Python look for garbage neither while much is made nor, ever after, in what was made."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def _import_keras() -> None:
    import torch  # noqa: F401 - torch itself must find its own compiler, not the stand-in

    stand_ins: dict[str, Any] = {
        "sklearn": None,
        "pandas": None,
        "torch._dynamo": _CompilerStandIn(),
    }
    absent = {name: stand_in for name, stand_in in stand_ins.items() if name not in sys.modules}
    sys.modules.update(absent)
    try:
        importlib.import_module("clearsight.models.backend")
    finally:
        for name, stand_in in absent.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]


class _CompilerStandIn(ModuleType):
    """Stands for ``torch._dynamo`` while Keras is imported; anything but `disable` loads it."""

    def __init__(self) -> None:
        super().__init__("torch._dynamo")

    @staticmethod
    def disable(function: Any = None, **_: Any) -> Any:
        """Decorate nothing: nobody compiles these functions in a command-line process."""
        return function if function is not None else lambda decorated: decorated

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        sys.modules.pop("torch._dynamo", None)
        return getattr(importlib.import_module("torch._dynamo"), name)
