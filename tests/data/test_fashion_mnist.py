"""Fashion-MNIST from every location: the real files, real folders, a real server on loopback."""

from __future__ import annotations

import gzip
import http.server
import multiprocessing
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clearsight.data.formats.compression import read_unpacked
from clearsight.data.image_set import ImageSet
from clearsight.data.sources.fashion_mnist import (
    CLASS_NAMES,
    SHA256,
    FashionMnistLocations,
    load_from,
    locate,
)
from clearsight.errors import DataError


@pytest.fixture(scope="module")
def files(fashion: tuple[ImageSet, ImageSet], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the four real files, gzipped (quickly) as mirrors serve them."""
    folder = tmp_path_factory.mktemp("mirror")
    where = Path(locate() or "")
    for stem in SHA256:
        path = where / stem if (where / stem).exists() else where / f"{stem}.gz"
        (folder / f"{stem}.gz").write_bytes(gzip.compress(read_unpacked(path), compresslevel=1))
    return folder


@pytest.fixture
def nowhere(tmp_path: Path) -> FashionMnistLocations:
    """Locations that all lack the files."""
    return FashionMnistLocations(
        cache=tmp_path / "cache",
        user_cache=tmp_path / "user",
        keras_cache=tmp_path / "keras",
        debian_folder=tmp_path / "debian",
        mirrors=(),
        use_apt=False,
    )


@pytest.fixture
def mirror(files: Path) -> Iterator[str]:
    """The address of a server on loopback that serves the files."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args, **kwargs) -> None:
            super().__init__(*args, directory=str(files), **kwargs)

        def log_message(self, format: str, *args) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_it_is_the_published_data(fashion: tuple[ImageSet, ImageSet]) -> None:
    train, test = fashion
    assert train.images.shape == (60_000, 28, 28, 1)
    assert test.images.shape == (10_000, 28, 28, 1)
    assert train.class_names == CLASS_NAMES
    assert train.class_counts.tolist() == [6_000] * 10
    assert test.labels[:5].tolist() == [9, 2, 1, 1, 6]


@pytest.mark.parametrize("location", ["data_dir", "cache", "keras_cache", "debian_folder"])
def test_each_folder_is_found(nowhere: FashionMnistLocations, files: Path, location: str) -> None:
    splits = load_from(replace(nowhere, **{location: files}))
    assert splits.test is not None
    assert splits.test.labels[:5].tolist() == [9, 2, 1, 1, 6]


def test_a_download_is_cached(nowhere: FashionMnistLocations, mirror: str) -> None:
    load_from(replace(nowhere, mirrors=(mirror,)))
    assert {path.name for path in nowhere.cache.iterdir()} == set(SHA256)
    load_from(nowhere)  # now without any mirror


def test_a_cache_that_cannot_be_written_costs_only_the_next_download(
    nowhere: FashionMnistLocations, mirror: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file in the way")
    assert load_from(replace(nowhere, mirrors=(mirror,))).train.labels[0] == 9
    assert "will be downloaded again next time" in caplog.text


def test_a_dead_mirror_is_skipped(nowhere: FashionMnistLocations, mirror: str) -> None:
    dead = "http://127.0.0.1:9/"  # nothing listens on the discard port
    assert load_from(replace(nowhere, mirrors=(dead, mirror))).train.labels[0] == 9


def test_a_mirror_without_the_files_is_reported(
    nowhere: FashionMnistLocations, mirror: str
) -> None:
    with pytest.raises(DataError, match="the server answered 404"):
        load_from(replace(nowhere, mirrors=(f"{mirror}elsewhere/",)))


def test_wrong_content_is_refused_and_the_next_location_used(
    nowhere: FashionMnistLocations,
    files: Path,
    mirror: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad = shutil.copytree(files, tmp_path / "bad")
    stem = "train-labels-idx1-ubyte"
    content = bytearray(gzip.decompress((bad / f"{stem}.gz").read_bytes()))
    content[100] ^= 1
    (bad / f"{stem}.gz").write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(DataError, match=f"{stem} should have the published content"):
        load_from(replace(nowhere, data_dir=bad))
    assert load_from(replace(nowhere, cache=bad, mirrors=(mirror,))).train.labels[0] == 9
    (said,) = (said for said in caplog.messages if "is not used" in said)
    assert f"{bad} is not used: {stem} should have the published content" in said
    caplog.clear()
    assert load_from(replace(nowhere, cache=bad)).train.labels[0] == 9, "it was replaced"
    assert not caplog.messages


def test_a_mirror_cannot_fill_the_disk(
    nowhere: FashionMnistLocations, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clearsight.data.sources.fashion_mnist._MAX_DOWNLOAD_BYTES", 1_000)
    with pytest.raises(DataError, match="the file has more than 1,000 bytes"):
        load_from(replace(nowhere, mirrors=(mirror,)))


def test_a_file_that_unpacks_to_far_more_is_refused(
    nowhere: FashionMnistLocations, files: Path, tmp_path: Path
) -> None:
    bad = shutil.copytree(files, tmp_path / "bad")
    bomb = gzip.compress(bytes(1_000_000)) * 300
    (bad / "train-images-idx3-ubyte.gz").write_bytes(bomb)
    with pytest.raises(DataError, match="but unpacks to more than 250,000,000 bytes"):
        load_from(replace(nowhere, data_dir=bad))


def test_the_error_lists_every_location(nowhere: FashionMnistLocations) -> None:
    dead = "http://127.0.0.1:9/"
    with pytest.raises(DataError) as caught:
        load_from(replace(nowhere, mirrors=(dead,)))
    message = str(caught.value)
    for location in (nowhere.cache, nowhere.keras_cache, nowhere.debian_folder, dead, "data_dir="):
        assert str(location) in message


def test_a_machine_without_apt_is_reported(
    nowhere: FashionMnistLocations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DataError, match="through apt: apt is not on this machine"):
        load_from(replace(nowhere, use_apt=True))


def _fetch(locations: FashionMnistLocations, barrier, results) -> None:
    barrier.wait()
    results.put(load_from(locations).train.fingerprint)


def test_two_processes_may_download_at_once(nowhere: FashionMnistLocations, mirror: str) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    locations = replace(nowhere, mirrors=(mirror,))
    processes = [
        context.Process(target=_fetch, args=(locations, barrier, results)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    fingerprints = {results.get(timeout=120) for _ in processes}
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    assert len(fingerprints) == 1
    assert {path.name for path in nowhere.cache.iterdir()} == set(SHA256)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt, to fetch with it")
def test_apt_downloads_it_into_the_cache(nowhere: FashionMnistLocations) -> None:
    assert load_from(replace(nowhere, use_apt=True)).train.labels[0] == 9
    assert {path.name for path in nowhere.cache.iterdir()} == set(SHA256)
