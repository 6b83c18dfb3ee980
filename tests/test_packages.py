"""The wheel and the source distribution are complete: each is installed alone, and trains."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

import clearsight
from clearsight.engine.kernels.library import library

ROOT = Path(__file__).parents[1]
NOT_COPIED = shutil.ignore_patterns(
    ".*", "runs", "build", "dist", "site", "__pycache__", "*.so", "*.egg-info"
)
HAS_COMPILER = shutil.which(os.environ.get("CC", "cc")) is not None


def run(*arguments: str | Path, cwd: Path, **environment: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        arguments,
        cwd=cwd,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A source distribution, and the wheel that is built from it alone."""
    folder = tmp_path_factory.mktemp("packages")
    source, dist = folder / "source", folder / "dist"
    shutil.copytree(ROOT, source, ignore=NOT_COPIED)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, source, cwd=folder)
    (sdist,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


def kernels_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return [name for name in archive.namelist() if "/_kernels." in name]


@pytest.mark.slow
def test_a_wheel_has_the_files_of_the_package(packages: dict[str, Path]) -> None:
    package = Path(clearsight.__file__).parent
    with zipfile.ZipFile(packages["wheel"]) as archive:
        packed = set(archive.namelist())
    absent = [
        name
        for path in package.rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".so")
        if (name := f"clearsight/{path.relative_to(package).as_posix()}") not in packed
    ]
    assert absent == []
    assert len(kernels_in(packages["wheel"])) == HAS_COMPILER


@pytest.mark.slow
@pytest.mark.parametrize("form", ["wheel", "sdist"])
def test_a_package_installs_and_trains(
    form: str, packages: dict[str, Path], tmp_path: Path
) -> None:
    """In an environment of its own, which takes all but clearsight itself from this one."""
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    binaries = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python = binaries / Path(sys.executable).name
    site = Path(run(python, "-c", "import site; print(site.getsitepackages()[-1])", cwd=tmp_path))
    others = Path(str(site).strip()) / "others.pth"
    others.write_text(sysconfig.get_path("purelib"))  # whose own .pth files have no effect here
    install = ["--no-deps", "--no-build-isolation", "--no-index", "--ignore-installed"]
    pip = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", "--quiet", *install, packages[form], cwd=tmp_path)

    run(binaries / "clearsight", "train", "digits", "--epochs", "1", "--out", "run", cwd=tmp_path)

    where = run(python, "-c", "import clearsight; print(clearsight.__file__)", cwd=tmp_path)
    assert Path(where).is_relative_to(tmp_path / "venv")
    written = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"report.html", "curves.png", "bundle", "model.keras"} <= written
    record = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    usable = library() is not None  # as in this environment, which has the same processor
    assert record["machine"]["kernels"] == ("compiled" if HAS_COMPILER and usable else "torch")


@pytest.mark.slow
def test_a_source_distribution_builds_without_a_compiler(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    with tarfile.open(packages["sdist"]) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("clearsight-*")
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", "dist"]
    run(*build, source, cwd=tmp_path, CC="/nonexistent/cc")
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert kernels_in(wheel) == []


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda p: p.name)
def test_github_files_are_yaml(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text("utf-8")), dict)


def test_the_version_is_cited() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == clearsight.__version__
