"""The one place where ONNX Runtime and OpenVINO are imported: with their telemetry disabled.

As soon as they are imported, their official builds write a device id into the user's home and look
up the server that they report to.
"""

import os
import sys
from importlib import import_module
from typing import Any


def import_onnx_runtime(submodule: str = "") -> Any:
    """Import ``onnxruntime``, or one of its submodules.

    Only this variable, set before the first import, keeps the id, a database of events and the
    uploader from being created (ONNX Runtime 1.32, ``Privacy.md``): its function
    `disable_telemetry_events` comes too late. It stays set, for other libraries that import ONNX
    Runtime later, and for child processes.

    Raises:
        ImportError: if it is not installed.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return import_module(f"onnxruntime.{submodule}" if submodule else "onnxruntime")


def import_openvino() -> Any:
    """Import ``openvino``, which uses its stub for telemetry where `openvino_telemetry` is missing.

    That package has no variable that disables it (2025.2). It is hidden during the import only.

    Raises:
        ImportError: if it is not installed.
    """
    name = "openvino_telemetry"
    modules: dict[str, Any] = sys.modules
    is_hidden = modules.setdefault(name, None) is None
    try:
        return import_module("openvino")
    finally:
        if is_hidden:
            del modules[name]
