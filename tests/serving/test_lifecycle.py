"""Stopping and reloading under load: every accepted request is answered correctly."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pytest

import clearsight
from support.failing_networks import fail_always, fail_on_white, with_changed_network
from support.server_process import Server, assert_error, png_of, serving
from support.tampering import change_preparation, change_spec, update_hashes

PREDICT = "/v1/models/fashion:predict"
PNG = {"Content-Type": "image/png"}


@dataclass
class Load:
    """The outcome of many requests.

    Attributes:
        labels: of each response, with the index of its image and the model's version.
        statuses: of each response.
        lost: connections that broke after a request was sent.
        refused: connections that were not accepted.
    """

    labels: list[tuple[int, int, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    refused: int = 0


async def under_load(
    server: Server, files: list[bytes], during: Callable[[], None], num_clients: int = 8
) -> Load:
    """Send requests from many clients during an action, until it ends or the server is gone."""
    load, has_ended = Load(), asyncio.Event()

    async def ask(first: int) -> None:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
            index = first
            while not has_ended.is_set():
                index = (index + num_clients) % len(files)
                try:
                    answer = await client.post(PREDICT, content=files[index], headers=PNG)
                except httpx.ConnectError:
                    load.refused += 1
                    return
                except httpx.HTTPError as error:
                    load.lost.append(repr(error))
                    return
                load.statuses.append(answer.status_code)
                if answer.status_code == 200:
                    values = answer.json()
                    label = values["predictions"][0]["label"]
                    load.labels.append((index, label, values["version"]))

    async def happen() -> None:
        await asyncio.sleep(0.5)
        await asyncio.to_thread(during)
        await asyncio.sleep(0.5)
        has_ended.set()

    await asyncio.gather(*(ask(first) for first in range(num_clients)), happen())
    return load


def test_many_clients_get_their_own_predictions(
    server: Server, files: list[bytes], expected: np.ndarray
) -> None:
    load = asyncio.run(under_load(server, files, lambda: time.sleep(0.5), num_clients=16))
    assert len(load.labels) > 50
    assert set(load.statuses) == {200}
    right = expected.argmax(axis=1)
    assert all(label == right[index] for index, label, _ in load.labels)
    with server.client() as client:
        assert_batches_were_shared(client.get("/metrics").text)


def assert_batches_were_shared(metrics: str) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    families = {family.name: family for family in parser.text_string_to_metric_families(metrics)}
    samples = {sample.name: sample.value for sample in families["clearsight_batch_images"].samples}
    assert samples["clearsight_batch_images_sum"] > samples["clearsight_batch_images_count"]
    answered = sum(
        sample.value
        for sample in families["clearsight_requests"].samples
        if sample.name.endswith("_total") and sample.labels["status"] == "200"
    )
    assert answered >= samples["clearsight_batch_images_count"]


def test_requests_beyond_the_queue_get_503(
    small_bundle: clearsight.Bundle, files: list[bytes], expected: np.ndarray
) -> None:
    arguments = ("--max-queue", "2", "--max-batch", "1")
    with serving(f"fashion={small_bundle.path}", *arguments) as server:
        load = asyncio.run(under_load(server, files, lambda: time.sleep(0.5), num_clients=24))
        assert set(load.statuses) == {200, 503}
        right = expected.argmax(axis=1)
        assert all(label == right[index] for index, label, _ in load.labels)
        with server.client() as client:
            answer = client.post(PREDICT, files=[("image", file) for file in files[:3]])
            assert_error(answer, 413, "too_many_images")


def test_overload_responses_say_when_to_retry(
    small_bundle: clearsight.Bundle, files: list[bytes]
) -> None:
    async def both(server: Server) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
            several = {"files": [("image", file) for file in files]}
            return await asyncio.gather(*(client.post(PREDICT, **several) for _ in range(6)))

    with serving(f"fashion={small_bundle.path}", "--max-queue", "64") as server:
        answers = asyncio.run(both(server))
    busy = [answer for answer in answers if answer.status_code != 200]
    assert busy
    for answer in busy:
        assert_error(answer, 503, "queue_full")
        assert int(answer.headers["retry-after"]) >= 1


def test_a_stopping_server_loses_no_request(
    small_bundle: clearsight.Bundle, files: list[bytes], expected: np.ndarray
) -> None:
    num_clients = 32
    with serving(f"fashion={small_bundle.path}", "--drain-seconds", "2") as server:
        ready: list[int] = []

        def end() -> None:
            server.process.terminate()
            with server.client() as client:
                wait_until(lambda: client.get("/readyz").status_code == 503)
                ready.append(client.get("/healthz").status_code)
                answer = client.get("/readyz")
                assert_error(answer, 503, "draining")
                assert answer.headers["connection"] == "close"
            server.process.wait(timeout=30)

        load = asyncio.run(under_load(server, files, end, num_clients))
        assert server.process.returncode == 0
        assert ready == [200]
        assert load.lost == []
        assert load.refused == num_clients  # each client continued until the server was gone
        assert set(load.statuses) == {200}
        right = expected.argmax(axis=1)
        assert all(label == right[index] for index, label, _ in load.labels)


def test_a_bundle_is_replaced_without_losing_a_request(
    small_bundle: clearsight.Bundle,
    other_bundle: clearsight.Bundle,
    files: list[bytes],
    expected: np.ndarray,
    tmp_path: Path,
) -> None:
    path, other = tmp_path / "bundle", tmp_path / "other"
    shutil.copytree(small_bundle.path, path)
    shutil.copytree(other_bundle.path, other)
    with serving(f"fashion={path}") as server:
        first = version_of(server)

        def replace() -> None:
            path.rename(tmp_path / "old")
            other.rename(path)
            wait_until(lambda: version_of(server) != first)

        load = asyncio.run(under_load(server, files, replace))
        assert load.lost == []
        assert load.refused == 0
        assert set(load.statuses) == {200}
        second = version_of(server)
        right = {first: expected, second: other_bundle.predict(files).probabilities}
        assert {version for _, _, version in load.labels} == {first, second}
        for index, label, version in load.labels:
            assert label == right[version][index].argmax()


def test_a_request_that_began_before_a_replacement_gets_the_old_model(
    small_bundle: clearsight.Bundle,
    other_bundle: clearsight.Bundle,
    files: list[bytes],
    tmp_path: Path,
) -> None:
    path = tmp_path / "bundle"
    shutil.copytree(small_bundle.path, path)
    with serving(f"fashion={path}", "--deadline-seconds", "3") as server:
        first = version_of(server)

        def slowly() -> Iterator[bytes]:
            yield files[0][:100]
            path.rename(tmp_path / "old")
            shutil.copytree(other_bundle.path, path)
            wait_until(lambda: version_of(server) != first)
            time.sleep(0.5)  # enough for an unused old model to close
            yield files[0][100:]

        with server.client() as client:
            answer = client.post(PREDICT, content=slowly(), headers=PNG)
        assert answer.status_code == 200, answer.text
        assert answer.json()["version"] == first


def test_a_broken_replacement_is_rejected(
    small_bundle: clearsight.Bundle, other_bundle: clearsight.Bundle, tmp_path: Path
) -> None:
    path = tmp_path / "bundle"
    shutil.copytree(small_bundle.path, path)
    with serving(f"fashion={path}") as server, server.client() as client:
        first = version_of(server)
        whole = (other_bundle.path / "model.onnx").read_bytes()
        shutil.copy(other_bundle.path / "bundle.json", path)
        (path / "model.onnx").write_bytes(whole[:-100])
        refused = 'clearsight_reloads_total{model="fashion",outcome="rejected"} 1.0'
        wait_until(lambda: refused in client.get("/metrics").text)
        assert version_of(server) == first
        with (path / "model.onnx").open("wb") as file:
            file.write(whole)
        shutil.copytree(other_bundle.path, path, dirs_exist_ok=True)
        wait_until(lambda: version_of(server) != first)
        names = json.loads((path / "bundle.json").read_text())["class_names"]
        assert client.get("/v1/models").json()["models"][0]["class_names"] == names


def cut_short(bundle: Path) -> None:
    (bundle / "model.onnx").write_bytes((bundle / "model.onnx").read_bytes()[:1_000])


def no_json(bundle: Path) -> None:
    (bundle / "bundle.json").write_text("[" * 100_000)


def wrong_types(bundle: Path) -> None:
    change_spec(bundle, class_names={"a": 1}, files=[None])


def no_network(bundle: Path) -> None:
    (bundle / "model.onnx").write_bytes(b"\x08\x07\x12\x00" * 100)
    update_hashes(bundle)


def no_samples(bundle: Path) -> None:
    (bundle / "parity.npz").write_bytes(b"PK\x03\x04")
    update_hashes(bundle)


def another_preparation(bundle: Path) -> None:
    change_preparation(bundle, divisor=0.0)


def unreadable_network(bundle: Path) -> None:
    (bundle / "model.onnx").unlink()
    (bundle / "model.onnx").mkdir()


def test_no_replacement_ends_the_watching(
    small_bundle: clearsight.Bundle, other_bundle: clearsight.Bundle, tmp_path: Path
) -> None:
    """Bundles are replaced by ones that are broken in many ways, and those by a good one."""
    changes = (cut_short, no_json, wrong_types, no_network, no_samples, another_preparation,
               unreadable_network)  # fmt: skip
    names = [change.__name__ for change in changes] + ["fail_always"]
    broken = [tmp_path / f"broken {name}" for name in names]
    for path, change in zip(broken, changes, strict=False):
        shutil.copytree(small_bundle.path, path)
        change(path)
    with_changed_network(small_bundle.path, broken[-1], fail_always)
    for name in names:
        shutil.copytree(small_bundle.path, tmp_path / name)
    arguments = [f"{name}={tmp_path / name}" for name in names]

    def replace(news: list[Path], outcome: str) -> None:
        for name, new in zip(names, news, strict=True):
            shutil.copytree(new, tmp_path / "copy")
            shutil.rmtree(tmp_path / name)
            (tmp_path / "copy").rename(tmp_path / name)
        for name in names:
            count = f'clearsight_reloads_total{{model="{name}",outcome="{outcome}"}} 1.0'
            wait_until(lambda text=count: text in client.get("/metrics").text)

    with serving(*arguments, "--drain-seconds", "0") as server, server.client() as client:
        first = version_of(server)
        replace(broken, "rejected")
        assert {each["version"] for each in client.get("/v1/models").json()["models"]} == {first}
        replace([other_bundle.path] * len(names), "loaded")
        assert first not in {each["version"] for each in client.get("/v1/models").json()["models"]}
        assert server.stop() == 0
        assert "Traceback" not in server.log
        assert server.log.count("a new bundle was rejected, the old one stays: ") == len(names)
        assert len(server.log.splitlines()) == 1 + 2 * len(names)


def test_a_deleted_bundle_is_still_served(
    small_bundle: clearsight.Bundle, files: list[bytes], tmp_path: Path
) -> None:
    path = tmp_path / "bundle"
    shutil.copytree(small_bundle.path, path)
    with serving(f"fashion={path}", "--drain-seconds", "0") as server, server.client() as client:
        shutil.rmtree(path)
        wait_until(lambda: "there is no bundle at" in server.log)
        time.sleep(1.2)  # two more checks
        assert client.post(PREDICT, content=files[0], headers=PNG).status_code == 200
        assert server.log.count("there is no bundle at") == 1
        assert server.stop() == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_stops_at_once_with_an_exit_code_of_its_own(
    small_bundle: clearsight.Bundle, second: signal.Signals
) -> None:
    with serving(f"fashion={small_bundle.path}", "--drain-seconds", "30") as server:
        with server.connect() as connection:
            connection.sendall(f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\n".encode())
            connection.sendall(b"Content-Type: image/png\r\nContent-Length: 1000\r\n\r\na")
            server.process.terminate()
            with server.client() as client:
                wait_until(lambda: client.get("/readyz").status_code == 503)
            started = time.monotonic()
            assert server.stop(second) == 128 + second
            assert time.monotonic() - started < 10
            assert connection.recv(65_536).startswith(b"HTTP/1.1 503 ")
        assert "Traceback" not in server.log
        assert "the server stopped before 1 requests were answered" in server.log


def test_a_network_that_fails_on_some_images_fails_their_requests_only(
    small_bundle: clearsight.Bundle,
    files: list[bytes],
    expected: np.ndarray,
    tmp_path: Path,
) -> None:
    bundle = with_changed_network(small_bundle.path, tmp_path / "bundle", fail_on_white)
    white = png_of(np.full((28, 28), 255, np.uint8))
    mixed = [white if index % 4 == 0 else file for index, file in enumerate(files)]

    async def ask_for_all(server: Server) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
            return await asyncio.gather(
                *(client.post(PREDICT, content=content, headers=PNG) for content in mixed)
            )

    with serving(f"fashion={bundle}", "--drain-seconds", "0") as server:
        answers = asyncio.run(ask_for_all(server))
        for index, answer in enumerate(answers):
            if index % 4 == 0:
                assert_error(answer, 500, "model_failed")
            else:
                label = answer.json()["predictions"][0]["label"]
                assert label == expected[index].argmax()
        assert server.stop() == 0
        assert "Traceback" not in server.log
        assert server.log.count(" fails, which is logged once ") == 1


def version_of(server: Server) -> str:
    with server.client() as client:
        return client.get("/v1/models").json()["models"][0]["version"]


def wait_until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.1)
