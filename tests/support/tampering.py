"""Change a bundle as somebody might, with or without updating its hashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from clearsight.bundle.files import file_record


def change_spec(bundle: Path, **changes: Any) -> None:
    """Change entries of ``bundle.json``."""
    path = bundle / "bundle.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def change_preparation(bundle: Path, **changes: Any) -> None:
    """Change how images are prepared, in ``bundle.json`` and in the model file alike."""
    preparation = json.loads((bundle / "bundle.json").read_text())["preparation"]
    change_both(bundle, preparation=preparation | changes)


def change_both(bundle: Path, **changes: Any) -> None:
    """Change entries of ``bundle.json`` and of the model file's metadata alike."""
    import onnx

    change_spec(bundle, **changes)
    model = onnx.load(bundle / "model.onnx")
    for entry in model.metadata_props:
        name = entry.key.removeprefix("clearsight.")
        if name in changes:
            entry.value = json.dumps(changes[name])
    onnx.save(model, bundle / "model.onnx")
    update_hashes(bundle)


def update_hashes(bundle: Path) -> None:
    """Write the sizes and hashes of the changed files into ``bundle.json``."""
    names = json.loads((bundle / "bundle.json").read_text())["files"]
    found = {name: file_record((bundle / name).read_bytes()) for name in names}
    files = {name: vars(record) for name, record in found.items()}
    change_spec(bundle, files=files)
