"""Changing a bundle as somebody might, its hashes made anew or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from clearsight.bundle.files import record_of


def change_spec(bundle: Path, **changes: Any) -> None:
    """Change entries of ``bundle.json``."""
    path = bundle / "bundle.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def change_preparation(bundle: Path, **changes: Any) -> None:
    """Change how images are prepared, in ``bundle.json`` and in the model file alike."""
    import onnx

    preparation = json.loads((bundle / "bundle.json").read_text())["preparation"] | changes
    change_spec(bundle, preparation=preparation)
    model = onnx.load(bundle / "model.onnx")
    for entry in model.metadata_props:
        if entry.key == "clearsight.preparation":
            entry.value = json.dumps(preparation)
    onnx.save(model, bundle / "model.onnx")
    make_hashes_anew(bundle)


def make_hashes_anew(bundle: Path) -> None:
    """Write into ``bundle.json`` what its files are now."""
    names = json.loads((bundle / "bundle.json").read_text())["files"]
    found = {name: record_of((bundle / name).read_bytes()) for name in names}
    files = {name: vars(record) for name, record in found.items()}
    change_spec(bundle, files=files)
