"""The one table of model files that a bundle may hold. To add one: a file here, and a row.

Each says how the file is written from a network and how it is opened, so that every format goes
through the same check of parity. What they need is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clearsight.bundle.files import BundleFiles
from clearsight.bundle.formats import keras_file, litert_file, onnx_file, openvino_file, pt2_file
from clearsight.bundle.loaded import Network
from clearsight.bundle.spec import BundleSpec
from clearsight.errors import BundleError, did_you_mean

if TYPE_CHECKING:
    from clearsight.bundle.network import TrainedNetwork


@dataclass(frozen=True)
class Format:
    """One kind of model file.

    Attributes:
        name: what the user types.
        summary: what it is for, in one line.
        write: writes the model's file or files into a folder and returns their names.
        opened: returns what runs them, on so many threads.
    """

    name: str
    summary: str
    write: Callable[[TrainedNetwork, BundleSpec, Path], tuple[str, ...]]
    opened: Callable[[BundleFiles, int | None], Network]


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format(
            "onnx",
            "runs in ONNX Runtime: Python, C++, C#, Java, JavaScript, phones",
            onnx_file.write,
            onnx_file.opened,
        ),
        Format("keras", "Keras's own file", keras_file.write, keras_file.opened),
        Format("openvino", "OpenVINO", openvino_file.write, openvino_file.opened),
        Format("litert", "LiteRT, on phones", litert_file.write, litert_file.opened),
        Format("pt2", "torch without Keras", pt2_file.write, pt2_file.opened),
    )
}


def find_format(name: str, place: str) -> Format:
    """Return a row of the table.

    Args:
        name: what was asked for, or what a bundle says of itself.
        place: where it was asked for.

    Raises:
        BundleError: when there is none of that name.
    """
    if name not in FORMATS:
        raise BundleError(
            f"{place} should be of one of the formats {', '.join(FORMATS)}, but is of '{name}'."
            f"{did_you_mean(name, FORMATS)}"
        )
    return FORMATS[name]
