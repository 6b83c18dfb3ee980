"""Damaged bundles: each is refused in one sentence, or predicts; nothing else happens."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import clearsight

PROGRAM = Path(__file__).parents[1] / "support" / "bundle_fuzz.py"
NAMES = ("model.onnx", "bundle.json", "parity.npz")


def assert_refused_or_predicting(
    bundle: clearsight.Bundle, name: str, count: int, seed: int
) -> None:
    arguments = [str(bundle.path), name, str(count), str(seed)]
    limit = 8 * 2**30  # of address space, of which ONNX Runtime's threads reserve much
    done = subprocess.run(
        [sys.executable, PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["refused"] + found["opened"] == count
    assert found["refused"] > count / 4
    assert found["more_mb"] < 300


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_refused_or_predicts(small_bundle: clearsight.Bundle, name: str) -> None:
    assert_refused_or_predicting(small_bundle, name, 150, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_many_damaged_files_are_too(small_bundle: clearsight.Bundle, name: str) -> None:
    assert_refused_or_predicting(small_bundle, name, 1_500, seed=1)
