"""Loading a Keras file that may come from anyone: it is checked before Keras opens it.

Keras's safe mode refuses code in a file. What is checked here does not depend on Keras's version:
that the file has nothing but a network's parts, refers to Keras's own objects alone, and needs no
more memory than its own weights. How the network was compiled is not read: a metric may take any
memory, and a network is compiled when it is trained.
"""

import copy
import json
import math
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import torch
from torch.overrides import TorchFunctionMode

from clearsight.data.formats.zip_archive import check_directory
from clearsight.data.limits import max_unpacked_bytes
from clearsight.errors import ClearsightError, ModelError
from clearsight.io.regular_file import open_regular
from clearsight.models.backend import keras
from clearsight.models.build_failure import describe_error
from clearsight.models.keras_internals.names import ObjectSharingScope

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = {_CONFIG, _WEIGHTS, "metadata.json"}
_MAX_MEMBERS = 100  # that are listed, before the others are refused by their names
_MAX_CONFIG_BYTES = 20_000_000
_MAX_OBJECTS = 200_000  # in a configuration
_SPARE_VALUES = 100_000  # of variables that are not in the file, such as counters
# What objects of a configuration may be, by the part of Keras that they are from.
_KERAS_PARTS = {
    "activations", "constraints", "dtype_policies", "initializers", "layers", "models", "ops",
    "quantizers", "random", "regularizers",
}  # fmt: skip
_INNER = {"src", "backend", "torch", "jax", "tensorflow"}  # around these parts inside Keras
# Layers that hold code of Python, or a file's path.
_REFUSED = {"Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer"}
_ARRAYS = {"__numpy__", "__tensor__"}
_ARRAY_TYPES = {
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "bfloat16", "float32", "float64",
}  # fmt: skip
_MAX_EXAMPLE_VALUES = 100_000_000  # 400 MB: 83 images of 600x600 in colour


def load_keras_file(path: Path) -> keras.Model:
    """Load a network from a .keras file.

    Raises:
        ModelError: when it is damaged, holds anything else, or Keras cannot load it.
    """
    try:
        config, num_values = _read(path)
        model = make_network(config, num_values, str(path))
        if isinstance(model, keras.Model) and model.built:
            model.load_weights(path)
        return model
    except ClearsightError as error:
        raise ModelError(str(error)) from error
    except Exception as error:  # Keras, h5py and zipfile raise many types
        raise ModelError(
            f"{path} should be a model saved by Keras in .keras format, but cannot be loaded: "
            f"{describe_error(error)}"
        ) from error


def make_network(config: Any, num_values: int, source: str) -> keras.Model:
    """Make the network that a configuration describes, as Keras saves it, without its weights.

    Args:
        config: of Keras, from anyone.
        num_values: how many numbers its weights are.
        source: what to call the configuration in messages.

    Raises:
        ModelError: when it has anything but layers, or needs more memory than its weights.
        Exception: when Keras cannot make it, of many types.
    """
    config = _without_compiling(config)
    has_registered = _check_objects(config, source)
    with _SmallExamples(max(_MAX_EXAMPLE_VALUES, num_values)):
        num_needed = _count_variables(config, has_registered)
        if num_needed > num_values + _SPARE_VALUES:
            raise ModelError(
                f"{source} should hold the weights of its network, but that has {num_needed:,} and "
                f"the file {num_values:,}."
            )
        return _deserialize(config)


class _SmallExamples(TorchFunctionMode):
    """Refuses large examples, with which Keras runs a layer whose output shape it cannot compute.

    Keras takes 83 of them, of ones, once it has failed to run the layer without memory.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        kwargs = kwargs or {}
        if func is torch.ones and str(kwargs.get("device")) != "meta":
            size = math.prod(kwargs.get("size") or ())
            if size > self._most:
                raise ValueError(f"the shape of a layer's output is only known from {size:,} ones")
        return func(*args, **kwargs)


def _read(path: Path) -> tuple[Any, int]:
    """Return the configuration in a file, and how many numbers its weights are."""
    with open_regular(path) as opened:
        check_directory(opened, str(path), _MAX_MEMBERS)
        with zipfile.ZipFile(opened) as archive:
            members = {member.filename: member for member in archive.infolist()}
            if len(members) != len(archive.infolist()) or not members.keys() <= _MEMBERS:
                others = sorted(members.keys() - _MEMBERS)[:3]
                raise ModelError(
                    f"{path} should consist of {', '.join(sorted(_MEMBERS))}, as Keras writes "
                    f"networks, but has {', '.join(map(repr, others)) or 'some of them twice'}."
                )
            num_bytes = path.stat().st_size
            for name, member in members.items():
                # Of which the first is a claim.
                most = max_unpacked_bytes(min(member.compress_size, num_bytes))
                if member.file_size > (most if name == _WEIGHTS else _MAX_CONFIG_BYTES):
                    raise ModelError(
                        f"{path} should be a network, but its {name} unpacks from "
                        f"{member.compress_size:,} to {member.file_size:,} bytes."
                    )
            config = json.loads(archive.read(_CONFIG))
            with archive.open(_WEIGHTS) as weights:
                return config, _count_values(weights, path)


def _without_compiling(config: Any) -> Any:
    """Leave out how networks, also those inside others, were compiled."""
    if isinstance(config, dict):
        return {
            key: _without_compiling(each) for key, each in config.items() if key != "compile_config"
        }
    return [_without_compiling(each) for each in config] if isinstance(config, list) else config


def _deserialize(config: Any) -> Any:
    with ObjectSharingScope():  # as when Keras saves a file
        # A copy: Keras takes the layers out of it.
        return keras.saving.deserialize_keras_object(copy.deepcopy(config), safe_mode=True)


def _count_variables(config: Any, has_registered: bool) -> int:
    """Return how many numbers the variables of a network are, by making it without memory."""
    state = random.getstate()  # Keras draws seeds for layers without one
    try:
        with keras.device("meta"):
            network = _deserialize(config)
        return sum(math.prod(variable.shape) for variable in network.variables)
    except Exception:
        if has_registered:  # a user's own layer may need real numbers
            return 0
        raise
    finally:
        random.setstate(state)


def _check_objects(config: Any, source: str) -> bool:
    """Check all objects that a configuration describes; return whether some are registered ones.

    Raises:
        ModelError: when one is neither Keras's nor registered, or there are too many.
    """
    has_registered = False
    known = keras.saving.get_custom_objects()
    for number, each in enumerate(_dicts(config)):
        if number > _MAX_OBJECTS:
            raise ModelError(
                f"{source} should be a network of fewer than {_MAX_OBJECTS:,} objects."
            )
        name, module = each.get("class_name"), each.get("module")
        if each.get("registered_name") in known:
            has_registered = True
            continue
        if not isinstance(name, str):
            continue
        if name in _ARRAYS:
            _check_array(each["config"], source)
        first, *rest = (module if isinstance(module, str) else "builtins").split(".")
        part = next((word for word in rest if word not in _INNER), "models")
        if name in _REFUSED or first not in ("keras", "builtins") or part not in _KERAS_PARTS:
            where = f" of {module}" if module else ""
            raise ModelError(
                f"{source} should be made of Keras's layers and registered ones, but has a "
                f"{name}{where}, which cannot be loaded safely."
            )
    return has_registered


def _check_array(config: Any, source: str) -> None:
    """Check an array inside a configuration: a type of numpy may be an array of any size."""
    if config["dtype"] not in _ARRAY_TYPES:
        raise ModelError(
            f"{source} should have arrays of numbers, but has one of the type "
            f"{str(config['dtype'])[:100]!r}."
        )


def _dicts(config: Any) -> Iterator[dict[str, Any]]:
    left = [config]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            yield value
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)


def _count_values(file: IO[bytes], path: Path) -> int:
    """Return how many numbers a file of weights holds.

    Raises:
        ModelError: when it has links, or arrays that are not in the file as they are.
    """
    import h5py

    info_of: Any = h5py.h5o.get_info  # pyright: ignore[reportAttributeAccessIssue] - it is there
    num_values, seen = 0, set()
    with h5py.File(file, "r") as opened:
        groups: list[Any] = [opened]
        while groups:
            group = groups.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise ModelError(f"{path} should hold its weights, but has a link: '{name}'.")
                found = group[name]
                address = info_of(found.id).addr
                if address in seen:
                    continue
                seen.add(address)
                if isinstance(found, h5py.Group):
                    groups.append(found)
                elif isinstance(found, h5py.Dataset):
                    _check_dataset(found, path)
                    num_values += int(found.size or 0)
    return num_values


def _check_dataset(found: Any, path: Path) -> None:
    is_number = found.dtype.kind in "biufV" and not found.dtype.hasobject  # V: bfloat16
    is_inside = not (found.external or found.is_virtual)
    if not (is_number and is_inside and found.id.get_storage_size() >= found.nbytes):
        raise ModelError(
            f"{path} should hold its weights as Keras writes them, but '{found.name}' is "
            f"{found.dtype} {found.shape}, of which it has {found.id.get_storage_size():,} bytes."
        )
