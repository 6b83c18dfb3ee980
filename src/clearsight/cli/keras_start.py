"""Load Keras quickly in the command line's own process, which uses only part of it.

``import keras`` also imports scikit-learn (for Keras's wrappers), pandas (to recognise data frames
given to `fit`), torch's compiler (for one decorator) and matplotlib (for galleries; it writes into
the user's cache folder). Placeholders for the first three during the import cut ``clearsight trace
lesson`` from 3.2 to 1.5 seconds (medians of 7 cold starts on 2 cores, Keras 3.15, torch 2.13). The
library itself does no such thing: in a user's own program Keras is imported as a whole.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clearsight.io.console import TextConsole


@contextmanager
def loading_keras(console: TextConsole) -> Iterator[Callable[[str], None]]:
    """Load Keras, and show that until the end of the block.

    Yields:
        A function to call with a title of what is done next.
    """
    from clearsight.io.phases import Phases

    with Phases(console).show("loading Keras") as announce:
        gc.disable()  # collections during the import find nothing
        try:
            _import_keras()
        finally:
            gc.freeze()  # nor do later ones in what was imported
            gc.enable()
        yield announce


def _import_keras() -> None:
    import torch  # noqa: F401 - torch itself needs its compiler, so it is imported before

    placeholders = {
        "sklearn": None,
        "pandas": None,
        "matplotlib": None,
        "torch._dynamo": _CompilerPlaceholder("torch._dynamo"),
    }
    modules: dict[str, Any] = sys.modules
    added = {name: module for name, module in placeholders.items() if name not in modules}
    modules.update(added)
    try:
        config = importlib.import_module("clearsight.models.backend").keras.config
        # As on every machine: the user's keras.json is for their own programs.
        config.set_floatx("float32")
        config.set_image_data_format("channels_last")
    finally:
        for name, module in added.items():
            if modules.get(name) is module:
                del modules[name]


class _CompilerPlaceholder(ModuleType):
    """Replaces ``torch._dynamo`` during the import; any attribute but `disable` loads it."""

    @staticmethod
    def disable(function: Any = None, **_: Any) -> Any:
        """Return the function as it is: nothing is compiled in this process."""
        return function if function is not None else lambda decorated: decorated

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        sys.modules.pop("torch._dynamo", None)
        return getattr(importlib.import_module("torch._dynamo"), name)
