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
    import onnx

    preparation = json.loads((bundle / "bundle.json").read_text())["preparation"] | changes
    change_spec(bundle, preparation=preparation)
    model = onnx.load(bundle / "model.onnx")
    for entry in model.metadata_props:
        if entry.key == "clearsight.preparation":
            entry.value = json.dumps(preparation)
    onnx.save(model, bundle / "model.onnx")
    update_hashes(bundle)


def update_hashes(bundle: Path) -> None:
    """Write the sizes and hashes of the changed files into ``bundle.json``."""
    names = json.loads((bundle / "bundle.json").read_text())["files"]
    found = {name: file_record((bundle / name).read_bytes()) for name in names}
    files = {name: vars(record) for name, record in found.items()}
    change_spec(bundle, files=files)
