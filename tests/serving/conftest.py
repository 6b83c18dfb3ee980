"""Real servers, each a process of its own on this machine alone, and real images."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import numpy as np
import pytest

import clearsight
from clearsight.data.splits.splits import Splits
from support.server_process import Server, png_of, serving

NUM_IMAGES = 64


@pytest.fixture(scope="session")
def server(small_bundle: clearsight.Bundle) -> Iterator[Server]:
    """A server with the small bundle as "fashion", for tests that do not change it."""
    with serving(f"fashion={small_bundle.path}", "--drain-seconds", "0.1") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="session")
def images(small_fashion: Splits) -> np.ndarray:
    """Real test images: uint8 (64, 28, 28, 1)."""
    assert small_fashion.test is not None
    return small_fashion.test.images[:NUM_IMAGES]


@pytest.fixture(scope="session")
def files(images: np.ndarray) -> list[bytes]:
    """The same as PNG files."""
    return [png_of(image[..., 0]) for image in images]


@pytest.fixture(scope="session")
def expected(small_bundle: clearsight.Bundle, files: list[bytes]) -> np.ndarray:
    """The bundle's own probabilities for the files: float32 (64, 10)."""
    return small_bundle.predict(files).probabilities


@pytest.fixture(scope="session")
def other_bundle(tmp_path_factory: pytest.TempPathFactory) -> clearsight.Bundle:
    """A bundle of the same network trained with another seed."""
    run = clearsight.train(
        "fashion-mnist",
        epochs=1,
        seed=1,
        train_limit=300,
        test_limit=100,
        out=tmp_path_factory.mktemp("other") / "run",
        report=False,
        verbose=False,
    )
    return clearsight.load(run.path / "bundle")
