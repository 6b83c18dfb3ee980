"""The permissions of everything that is written follow the umask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import clearsight
from clearsight.run.export.bundle import export_run
from clearsight.run.report.report import write_report
from clearsight.run.store.lock import lock_run
from support.umask import umask


@pytest.mark.slow
@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077])
def test_all_files_of_a_training_follow_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: int
) -> None:
    images, written = tmp_path / "images", tmp_path / "written"
    for number in range(40):
        (images / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        pixels = np.full((8, 8), number, np.uint8)
        Image.fromarray(pixels).save(images / "ab"[number % 2] / f"{number}.png")
    monkeypatch.setenv("CLEARSIGHT_CACHE", str(written / "cache"))
    monkeypatch.setenv("CLEARSIGHT_DATA", str(written / "data"))
    out = written / "run"
    with umask(mask):
        run = clearsight.train(str(images), epochs=1, out=out, report=False, verbose=False)
        export_run(run, written / "bundle.zip")
        if mask == 0o077:  # which takes seconds
            write_report(run)
        with lock_run(out):
            check_modes(written, mask)
    found = {path.relative_to(written).parts[0] for path in written.rglob("*") if path.is_file()}
    assert found == {"run", "cache", "data", "bundle.zip"}
    assert (out / "bundle" / "bundle.json").is_file()
    assert list((out / "checkpoints").glob("*.safetensors"))


def check_modes(folder: Path, mask: int) -> None:
    assert (folder / "run" / "lock").exists()
    for path in (folder, *folder.rglob("*")):
        expected = (0o777 if path.is_dir() else 0o666) & ~mask
        assert path.stat().st_mode & 0o7777 == expected, path
