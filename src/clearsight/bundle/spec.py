"""`BundleSpec`: the content of ``bundle.json``, checked when it is read.

Checked by hand, because opening a bundle must not need pydantic.
"""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Self

from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.views import Views
from clearsight.errors import BundleError, DataError
from clearsight.io.displayed_text import displayed_start
from clearsight.io.strict_json import parse_strict_json

FORMAT_VERSION = 1
SPEC_FILE = "bundle.json"
PARITY_FILE = "parity.npz"
README_FILE = "README.md"
INPUT_NAME, OUTPUT_NAME = "images", "probabilities"
METADATA_PREFIX = "clearsight."  # of the keys in the model file; see `BundleSpec.metadata`
PRECISIONS = ("float32", "int8")
_MAX_IMAGE_VALUES = 2**26  # of a network's input: 8192x8192 in grey
_MAX_NAME = 10_000  # characters of a class or a run


@dataclass(frozen=True)
class FileRecord:
    """The expected content of a file.

    Attributes:
        sha256: in hexadecimal.
        size_bytes: its size.
    """

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class BundleSpec:
    """What a bundle contains.

    Attributes:
        name: the name of the run that it comes from.
        format: of the model file, a row of `bundle.formats.table.FORMATS`.
        precision: "float32", or "int8" after static quantization.
        class_names: output k is the probability of ``class_names[k]``.
        preparation: how images become the network's input.
        views: the views of an image over which probabilities are averaged.
        temperature: fitted on validation images, see `evaluation.scores.temperature`; None if none
            was. The network's probabilities are those before it.
        provenance: the data, recipe and versions that the network comes from, as JSON values.
        files: every other file by name.
    """

    name: str
    format: str
    precision: str
    class_names: tuple[str, ...]
    preparation: Preparation
    views: Views
    temperature: float | None
    provenance: dict[str, Any]
    files: dict[str, FileRecord]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        return self.preparation.image_shape

    @property
    def metadata(self) -> dict[str, str]:
        """JSON values for the model file itself, which may be used without the bundle."""
        values = {**self._description(), "temperature_applied": False}
        return {
            f"{METADATA_PREFIX}{key}": json.dumps(value, ensure_ascii=False, allow_nan=False)
            for key, value in values.items()
        }

    def to_json(self) -> str:
        """Return the content of ``bundle.json``."""
        num_images = 1 if self.format == "litert" else "N"
        values = {
            **self._description(),
            "format": self.format,
            "input": {
                "name": INPUT_NAME,
                "dtype": "uint8",
                "shape": [num_images, *self.image_shape],
                "layout": "NHWC",
                "range": [0, 255],
            },
            "output": {
                "name": OUTPUT_NAME,
                "dtype": "float32",
                "shape": [num_images, len(self.class_names)],
                "temperature_applied": False,
            },
            "files": {name: asdict(record) for name, record in self.files.items()},
        }
        return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def _description(self) -> dict[str, Any]:
        return {
            "format_version": FORMAT_VERSION,
            "name": self.name,
            "precision": self.precision,
            "class_names": self.class_names,
            "preparation": self.preparation.to_json(),
            "views": asdict(self.views),
            "temperature": self.temperature,
            "provenance": self.provenance,
        }

    @classmethod
    def from_json(cls, content: bytes, bundle: str) -> Self:
        """Read the output of `to_json`.

        Args:
            content: of the file.
            bundle: what to call the bundle in messages.

        Raises:
            BundleError: if it is damaged, or of another version.
        """
        file = f"{bundle}'s {SPEC_FILE}"
        try:
            values = parse_strict_json(content)
            if values["format_version"] != FORMAT_VERSION:
                raise BundleError(
                    f"{file} should have format version {FORMAT_VERSION}, but has "
                    f"{displayed_start(repr(values['format_version']))}: use the clearsight that "
                    "wrote it, or export the run again."
                )
            preparation = _preparation(values["preparation"])
            return cls(
                name=_text(values["name"]),
                format=_text(values["format"]),
                precision=_precision(values["precision"]),
                class_names=_class_names(values["class_names"]),
                preparation=preparation,
                views=_views(values["views"], preparation),
                temperature=_temperature(values["temperature"]),
                provenance=_object(values["provenance"]),
                files={_file_name(name): _record(row) for name, row in values["files"].items()},
            )
        except DataError as error:
            raise BundleError(f"{file} cannot be used: {displayed_start(str(error))}") from error
        except (
            ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError,
        ) as error:  # fmt: skip
            raise BundleError(
                f"{file} should describe a bundle, but is damaged ({displayed_start(str(error))}): "
                "export the run again."
            ) from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} should be text")
    if len(value) > _MAX_NAME:
        raise ValueError(f"a name should have at most {_MAX_NAME:,} characters: {value[:20]!r}…")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} should be an object")
    return value


def _precision(value: Any) -> str:
    if value not in PRECISIONS:
        raise ValueError(f"the precision {value!r} should be one of {', '.join(PRECISIONS)}")
    return value


def _class_names(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not values:
        raise ValueError(f"the class names {values!r} should be a list of names")
    names = tuple(map(_text, values))
    if len(set(names)) != len(names):
        raise ValueError("two classes have the same name")
    return names


def _views(values: Any, preparation: Preparation) -> Views:
    mirrored, pixels = values["mirrored"], values["shift_pixels"]
    most = max(preparation.height, preparation.width)
    if not isinstance(mirrored, bool) or type(pixels) is not int or not 0 <= pixels <= most:
        raise ValueError(f"the views {values!r} should be mirrored or not, and shifted by pixels")
    return Views(mirrored, pixels)


def _preparation(values: Any) -> Preparation:
    preparation = Preparation.from_json(values)
    shape, values_range = preparation.image_shape, preparation.pixel_range
    if math.prod(shape) > _MAX_IMAGE_VALUES:
        raise ValueError(f"an image cannot have the shape {shape}")
    if values_range is not None and not math.isfinite(values_range.high - values_range.low):
        raise ValueError(f"the pixel range {values_range} is too wide")
    return preparation


def _temperature(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise ValueError(f"the temperature {value!r} should be a number above 0")
    return float(value)


def _file_name(name: str) -> str:
    """Accept only the name of a file in the bundle's own folder."""
    if name in ("", ".", "..") or any(mark in name for mark in "/\\:\0"):
        raise ValueError(f"{name!r} should be the name of a file in the bundle")
    return name


def _record(row: Any) -> FileRecord:
    sha256, size_bytes = _text(row["sha256"]), row["size_bytes"]
    if type(size_bytes) is not int or size_bytes < 0:
        raise ValueError(f"{size_bytes!r} should be a number of bytes")
    return FileRecord(sha256, size_bytes)
