"""Limits on slow, large and malformed requests."""

from __future__ import annotations

import io
import re
import socket
import time
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from PIL import Image

import clearsight
from support.damaged_images import enormous_png
from support.server_process import Server, assert_error, serving

PREDICT = "/v1/models/fashion:predict"
PNG = {"Content-Type": "image/png"}
SECONDS = 1.0  # for a header or a body to arrive, on the small server


@pytest.fixture(scope="module")
def small_server(small_bundle: clearsight.Bundle) -> Iterator[Server]:
    """A server with small limits."""
    with serving(
        f"fashion={small_bundle.path}", "--receive-seconds", str(SECONDS), "--max-body-mb", "1",
        "--max-images", "4", "--max-connections", "40",
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
def small(small_server: Server) -> Iterator[httpx.Client]:
    with small_server.client() as client:
        yield client


def test_an_enormous_image_is_rejected_by_its_header(server: Server, client: httpx.Client) -> None:
    before = server.resident_bytes
    for _ in range(20):
        answer = client.post(PREDICT, content=enormous_png(), headers=PNG)
        assert "should have at most" in assert_error(answer, 422, "unreadable_image")
    assert server.resident_bytes - before < 50e6


def test_bodies_are_limited(small: httpx.Client, files: list[bytes]) -> None:
    content = bytes(2_000_000)
    assert_error(small.post(PREDICT, content=content, headers=PNG), 413, "body_too_large")
    in_pieces = (content[:50_000] for _ in range(40))  # sent in chunks, without a length
    assert_error(small.post(PREDICT, content=in_pieces, headers=PNG), 413, "body_too_large")
    assert small.post(PREDICT, content=files[0], headers=PNG).status_code == 200


def test_images_are_limited(small: httpx.Client, images: np.ndarray, files: list[bytes]) -> None:
    parts = [("image", file) for file in files[:5]]
    assert_error(small.post(PREDICT, files=parts), 413, "too_many_images")
    arrays = {"instances": images[:5].tolist()}
    assert_error(small.post(PREDICT, json=arrays), 413, "too_many_images")
    tensor = {"name": "images", "shape": [5, 28, 28, 1], "datatype": "UINT8"}
    asked = {"inputs": [{**tensor, "data": images[:5].ravel().tolist()}]}
    answer = small.post("/v2/models/fashion/infer", json=asked)
    assert_error(answer, 413, "too_many_images")


def test_numbers_in_json_are_limited(client: httpx.Client) -> None:
    many = b'{"instances": [[' + b"0," * 2_100_000 + b"0]]}"
    answer = client.post(PREDICT, content=many, headers={"Content-Type": "application/json"})
    assert_error(answer, 413, "too_many_numbers")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 5_000 + b"\r\n",
    ],
)
def test_headers_are_limited(server: Server, head: bytes) -> None:
    assert exchange(server, head).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "head",
    [
        b"nothing\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_invalid_http_gets_the_same_form_of_error(server: Server, head: bytes) -> None:
    answer = exchange(server, head)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code": "invalid_http"' in answer


def test_a_slow_header_is_cut_off(small_server: Server) -> None:
    assert b" 408 " in send_slowly(small_server, b"GET / HTTP/1.1\r\nHost: localhost\r\nA: ")


def test_a_slow_body_is_cut_off(small_server: Server) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
    answer = send_slowly(small_server, head.encode() + b"Content-Length: 1000\r\n\r\n")
    assert b" 408 " in answer
    assert b'"code": "request_timeout"' in answer


def test_silent_connections_are_cut_off(small_server: Server, small: httpx.Client) -> None:
    """With all connections silent, others get 503, and are served once those are cut off."""
    silent = [socket.create_connection(("127.0.0.1", small_server.port)) for _ in range(40)]
    time.sleep(0.2)
    with httpx.Client(base_url=small_server.url) as late:
        assert_error(late.get("/healthz"), 503, "too_many_connections")
    time.sleep(SECONDS + 0.5)
    assert small.get("/healthz").status_code == 200
    for connection in silent:
        connection.close()


def test_slow_clients_do_not_delay_others(small_server: Server, files: list[bytes]) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n".encode()
    slow = [socket.create_connection(("127.0.0.1", small_server.port)) for _ in range(20)]
    for connection in slow:
        connection.sendall(head)
    with small_server.client() as client:
        for file in files[:20]:
            assert client.post(PREDICT, content=file, headers=PNG).status_code == 200
    for connection in slow:
        connection.close()


def test_the_deadline_is_enforced(small_bundle: clearsight.Bundle, files: list[bytes]) -> None:
    file = io.BytesIO()
    # 49 million equal pixels are a small file, and take some tenths of a second to decode.
    Image.new("L", (7_000, 7_000)).save(file, "PNG", compress_level=1)
    arguments = ("--deadline-seconds", "0.1", "--max-queue", "2")
    with serving(f"fashion={small_bundle.path}", *arguments) as server, server.client() as client:
        started = time.perf_counter()
        answer = client.post(PREDICT, content=file.getvalue(), headers=PNG)
        assert_error(answer, 504, "deadline_exceeded")
        assert time.perf_counter() - started < 20
        for _ in range(100):  # until its part of the queue is free
            time.sleep(0.1)
            if client.post(PREDICT, content=files[0], headers=PNG).status_code == 200:
                break
        queued = re.search(r'queued_images{model="fashion"} (.*)', client.get("/metrics").text)
        assert queued is not None
        assert float(queued[1]) == 0


def exchange(server: Server, sent: bytes) -> bytes:
    """Send bytes and return all that arrives until the server closes or half a second passes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(sent)
        connection.settimeout(0.5)
        return receive(connection)


def send_slowly(server: Server, head: bytes) -> bytes:
    """Send a byte every tenth of a second until a response arrives."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(head)
        connection.settimeout(0.1)
        started = time.perf_counter()
        while time.perf_counter() - started < 10 * SECONDS:
            try:
                connection.sendall(b"a")
            except OSError:
                break
            if answer := receive(connection):
                assert time.perf_counter() - started < 3 * SECONDS
                return answer
        return b""


def receive(connection: socket.socket) -> bytes:
    chunks = []
    try:
        while chunk := connection.recv(65_536):
            chunks.append(chunk)
    except OSError:
        pass
    return b"".join(chunks)
