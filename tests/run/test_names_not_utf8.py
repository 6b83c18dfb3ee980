"""Folders and files whose names are not UTF-8, from old archives, disks and network drives."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import clearsight
from support.command_line import Cli


@pytest.fixture
def source(tmp_path: Path) -> Path:
    r"""Images in p\xe8re/, of the classes \xe9t\xe9 and hiver: names in Latin-1."""
    root = tmp_path / os.fsdecode(b"p\xe8re")
    for label, name in enumerate((b"\xe9t\xe9", b"hiver")):
        folder = root / os.fsdecode(name)
        folder.mkdir(parents=True)
        for index in range(10):
            pixels = np.full((8, 8, 3), 100 * label + index, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / os.fsdecode(b"\xe0%d.png" % index))
    return root


@pytest.mark.slow
def test_everything_reads_and_writes_such_names(source: Path, cli: Cli) -> None:
    run = clearsight.train(source, out="run", epochs=1, model="lesson", verbose=False)
    assert run.class_names == ("\\xe9t\\xe9", "hiver")
    record = json.loads(Path("run/run.json").read_text("utf-8"))
    assert record["request"]["source"] == str(source)
    for name in ("split.csv", "predictions.csv"):
        with Path("run", name).open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert any("\\xe0" in row.get("name", "") for row in rows)
    assert "p\\xe8re" in Path("run/report.html").read_text("utf-8")
    assert clearsight.Run.load("run").record == run.record
    resumed = clearsight.resume("run", epochs=2, verbose=False)
    assert resumed.record.status == "finished"
    done = cli("predict", "run", str(source), "--json")
    assert done.returncode == 0, done.stderr
    labels = {row["true_label"] for row in json.loads(done.stdout)["images"]}
    assert labels == {"\\xe9t\\xe9", "hiver"}
    done = cli("predict", "run", str(source / "hiver"), "--out", "o.csv")
    assert done.returncode == 0, done.stderr
    assert "\\xe0" in Path("o.csv").read_text("utf-8")
