"""Datasets of Hugging Face's `datasets`: saved on disk, as Parquet files, or by name."""

import json
import os
import re
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from clearsight.data.formats.arrow_files import ArrowReader, is_parquet
from clearsight.data.formats.arrow_listing import PartFile, list_arrow_files
from clearsight.data.formats.damage import reason_of, report_damage
from clearsight.data.listing import Listing, Part, parse_part
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError, needs_extra
from clearsight.io.regular_file import read_regular
from clearsight.io.write_error import cannot_write, find_refusal

NAME_PREFIX = "hf:"
_DICT_FILE, _STATE_FILE = "dataset_dict.json", "state.json"
_MAX_JSON_BYTES = 5_000_000


def matches(path: Path) -> bool:
    """Return whether `path` is a folder that `save_to_disk` wrote, or one of Parquet files."""
    if not path.is_dir():
        return False
    is_saved = (path / _DICT_FILE).is_file() or (path / _STATE_FILE).is_file()
    return is_saved or bool(_parquet_files(path))


def open_saved(path: Path, options: SourceOptions) -> Listing:
    """List the images of a dataset that `datasets` saved on disk, without importing `datasets`.

    Raises:
        DataError: when its files cannot be read, or have no images with labels.
        MissingExtraError: when pyarrow is not installed.
    """
    if (path / _DICT_FILE).is_file():
        files = _files_of_dict(path)
    elif (path / _STATE_FILE).is_file():
        files = [PartFile(name) for name in _data_files(path, "")]
    else:
        files = [PartFile(name, _part_of_file(name)) for name in _parquet_files(path)]
        if not any(file.part == "train" for file in files):
            files = [PartFile(file.name) for file in files]
    if not files:
        raise DataError(f"{path} should be a saved dataset, but lists no data files.")
    return list_arrow_files(path, files, options, str(path))


def open_named(name: str, options: SourceOptions) -> Listing:
    """List the images of a dataset by its name on Hugging Face, downloading it if necessary.

    The name is e.g. "hf:ylecun/mnist", or "hf:OWNER/NAME:CONFIGURATION".

    Raises:
        DataError: when there is no such dataset, no network, or no images with labels.
        MissingExtraError: when `datasets` is not installed.
        OutputError: when it cannot be written to the disk.
    """
    _stay_offline_without_network()
    # Else each use is counted, and requests describe this machine's software.
    os.environ.update(HF_HUB_DISABLE_TELEMETRY="1", HF_UPDATE_DOWNLOAD_COUNTS="0")
    repository, _, configuration = name.removeprefix(NAME_PREFIX).partition(":")
    with needs_extra(f"Reading {name}", "huggingface"):
        import datasets
        from datasets import config
        from huggingface_hub.constants import HF_HUB_CACHE
    try:
        loaded: Any = datasets.load_dataset(repository, configuration or None)
    except Exception as error:
        if (refused := find_refusal(error)) is not None:
            otherwise = "set the environment variable HF_HOME to another folder"
            raise cannot_write(None, refused, what=name, otherwise=otherwise) from error
        # The library and its dependencies raise dozens of types for names, networks and servers.
        raise DataError(
            f"{name} should be a dataset on Hugging Face, but cannot be loaded "
            f"({reason_of(error)}): check its name and the network, or give a folder that "
            "save_to_disk wrote."
        ) from error
    files = []
    for split, rows in loaded.items():
        part = parse_part(str(split))
        files += [
            (Path(file["filename"]), part) for file in rows.cache_files if part or len(loaded) == 1
        ]
    if not files:
        raise DataError(
            f"{name} should have a split called train, validation or test, but has "
            f"{', '.join(map(str, loaded))}."
        )
    root = Path(os.path.commonpath([path.parent for path, _ in files]))
    part_files = [PartFile(path.relative_to(root).as_posix(), part) for path, part in files]
    listing = list_arrow_files(root, part_files, options, name)
    if not isinstance(listing.reader, ArrowReader):
        return listing
    # Datasets that are folders of images stay files in the library's cache.
    local = (repository,) if Path(repository).is_dir() else ()
    folders = (str(config.HF_DATASETS_CACHE), str(HF_HUB_CACHE), *local)
    return replace(listing, reader=replace(listing.reader, image_folders=folders))


def _stay_offline_without_network() -> None:
    """Spare the user the library's half minute of retries if the hub's name does not resolve.

    What was downloaded before is still found.
    """
    if getproxies() or "HF_HUB_OFFLINE" in os.environ or "huggingface_hub" in sys.modules:
        return
    host = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co")).hostname
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        os.environ["HF_HUB_OFFLINE"] = "1"


def _files_of_dict(path: Path) -> list[PartFile]:
    splits = _json(path / _DICT_FILE).get("splits")
    if not (isinstance(splits, list) and all(isinstance(split, str) for split in splits)):
        raise DataError(f"{path / _DICT_FILE} should list the splits, but does not: save it again.")
    parts: dict[str, Part | None] = {split: parse_part(split) for split in splits}
    if "train" not in parts.values():
        raise DataError(
            f"{path} should have a split called train, but has {', '.join(splits) or 'none'}."
        )
    return [
        PartFile(name, part)
        for split, part in parts.items()
        if part is not None
        for name in _data_files(path, split)
    ]


def _data_files(root: Path, folder: str) -> list[str]:
    """Return the Arrow files of one split, relative to `root`."""
    state_file = root / folder / _STATE_FILE
    state = _json(state_file)
    entries = state.get("_data_files")
    if not isinstance(entries, list):
        raise DataError(f"{state_file} should list the data files, but does not: save it again.")
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise DataError(
            f"{root / folder} should be saved with its rows in order, but is a selection of "
            "rows: call flatten_indices() before save_to_disk()."
        )
    names = []
    for entry in entries:
        name = entry.get("filename") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name or name == ".." or Path(name).name != name:
            raise DataError(
                f"{state_file} should list files next to it, but lists {name!r}: save it again."
            )
        names.append(f"{folder}/{name}" if folder else name)
    return names


def _json(file: Path) -> dict[str, Any]:
    with report_damage(file, "the description of a saved dataset", "save it again"):
        values = json.loads(read_regular(file, _MAX_JSON_BYTES))
    if not isinstance(values, dict):
        raise DataError(f"{file} should be the description of a saved dataset, but is not.")
    return values


def _parquet_files(path: Path) -> list[str]:
    """Return the Parquet files in a folder, or in its folder data/, as on the hub."""
    for folder in (path, path / "data"):
        if folder.is_dir():
            files = sorted(file for file in folder.iterdir() if is_parquet(file))
            if files:
                return [file.relative_to(path).as_posix() for file in files]
    return []


def _part_of_file(name: str) -> Part | None:
    """Return the part in a name such as train-00000-of-00002.parquet."""
    return parse_part(re.split("[._-]", Path(name).name)[0])
