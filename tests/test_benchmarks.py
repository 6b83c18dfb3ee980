"""The benchmark of networks runs, on its smallest network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_benchmark_of_networks_measures_each_system_in_turns(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "networks.py"), "--quick"]
    command += ["--only", "mlp", "--systems", "clearsight,torch", "--rounds", "2"]
    subprocess.run([*command, "--results", str(tmp_path / "found")], check=True, env=os.environ)
    found = json.loads((tmp_path / "found.json").read_text())
    (network,) = found["networks"]
    assert [system["system"] for system in network["systems"]] == ["clearsight", "Keras on torch"]
    for system in network["systems"]:
        assert system["failure"] is None
        assert {work: len(seconds) for work, seconds in system["turns"].items()} == {
            "training": 2,
            "prediction": 2,
        }
    # 2 for each multiply-add of three Dense layers; the first needs no gradient of its input.
    forward = 2 * (784 * 256 + 256 * 128 + 128 * 10)
    assert network["work"]["prediction_flops"] == forward
    assert network["work"]["training_flops"] == 3 * forward - 2 * 784 * 256
    table = (tmp_path / "found.md").read_text()
    assert "MLP of 256 and 128 with dropout, 128" in table
    assert "times Keras on torch" in table
