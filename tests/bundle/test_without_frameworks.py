"""Predicting needs numpy, Pillow and onnxruntime, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import numpy as np
import pytest

import clearsight

HEAVY = {
    "keras", "torch", "pydantic", "click", "rich", "pooch", "platformdirs", "onnx", "scipy",
    "sklearn", "pandas", "pyarrow",
}  # fmt: skip
PROGRAM = """
import sys
import numpy as np
import clearsight
bundle = clearsight.load(sys.argv[1])
predictions = bundle.predict([sys.argv[2]], temperature=True)
assert predictions.probabilities.shape == (1, 10)
print("PREDICTED", predictions.names[0], sorted(set(sys.modules) & set(sys.argv[3].split(","))))
"""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    from PIL import Image

    path = tmp_path / "image.png"
    Image.fromarray(np.zeros((40, 30), np.uint8)).save(path)
    return path


def test_nothing_heavy_is_imported(small_bundle: clearsight.Bundle, image: Path) -> None:
    arguments = [str(small_bundle.path), str(image), ",".join(HEAVY)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("PREDICTED ")
    assert done.stdout.rstrip().endswith("[]")


def test_the_command_line_imports_no_framework_either(
    small_bundle: clearsight.Bundle, image: Path
) -> None:
    program = (
        "import sys; from clearsight.cli.main import app\n"
        f"app(['predict', {str(small_bundle.path)!r}, {str(image)!r}], standalone_mode=False)\n"
        "print('LOADED', {'keras', 'torch', 'pooch', 'rich', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "LOADED set()"


def test_it_runs_without_anything_else_installed(
    small_bundle: clearsight.Bundle, image: Path, tmp_path: Path
) -> None:
    """In an environment with only those three and clearsight itself."""
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    paths = {"base": str(environment), "platbase": str(environment)}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    installed = Path(sysconfig.get_path("purelib"))
    names = ["numpy", "numpy.libs", "PIL", "pillow.libs", "onnxruntime"]
    for name in names:
        if (installed / name).exists():
            (packages / name).symlink_to(installed / name)
    (packages / "clearsight").symlink_to(Path(clearsight.__file__).parent)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    absent = [str(python), "-c", "import keras"]
    assert subprocess.run(absent, capture_output=True, env=clean, check=False).returncode == 1
    arguments = [str(small_bundle.path), str(image), ",".join(HEAVY)]
    done = subprocess.run(
        [str(python), "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        env=clean,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("[]")
