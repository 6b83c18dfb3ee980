"""A bundle of a small real run, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

import clearsight
from clearsight.data.imageset import Splits
from clearsight.run.bundle import export_run


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory, small_fashion: Splits) -> clearsight.Run:
    """A lesson's network trained for one epoch on 500 pictures."""
    return clearsight.train(
        "fashion-mnist",
        epochs=1,
        train_limit=500,
        test_limit=100,
        out=tmp_path_factory.mktemp("bundle") / "run",
        report=False,
        verbose=False,
    )


@pytest.fixture(scope="session")
def small_bundle(small_run: clearsight.Run) -> clearsight.Bundle:
    """The bundle of that run."""
    path, _ = export_run(small_run)
    return clearsight.load(path)


@pytest.fixture
def copied(small_bundle: clearsight.Bundle, tmp_path: Path) -> Path:
    """A bundle's folder of one's own, to tamper with."""
    import shutil

    return Path(shutil.copytree(small_bundle.path, tmp_path / "bundle"))
