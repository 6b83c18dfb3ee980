"""What a rude, slow or greedy client meets."""

from __future__ import annotations

import io
import re
import socket
import struct
import time
import zlib
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from PIL import Image

import clearsight
from support.server_process import Server, assert_problem, serving

PREDICT = "/v1/models/fashion:predict"
PNG = {"Content-Type": "image/png"}
SECONDS = 1.0  # for a header or a body to come, on the small server


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


def enormous_png() -> bytes:
    """A few bytes that say to be 50,000 by 50,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(1_000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def test_an_enormous_image_is_refused_by_its_header(server: Server, client: httpx.Client) -> None:
    before = server.resident_bytes
    for _ in range(20):
        answer = client.post(PREDICT, content=enormous_png(), headers=PNG)
        assert "should have at most" in assert_problem(answer, 422, "unreadable_image")
    assert server.resident_bytes - before < 50e6


def test_bodies_have_a_most(small: httpx.Client, files: list[bytes]) -> None:
    content = bytes(2_000_000)
    assert_problem(small.post(PREDICT, content=content, headers=PNG), 413, "body_too_large")
    in_pieces = (content[:50_000] for _ in range(40))  # sent in chunks, without a length
    assert_problem(small.post(PREDICT, content=in_pieces, headers=PNG), 413, "body_too_large")
    assert small.post(PREDICT, content=files[0], headers=PNG).status_code == 200


def test_images_have_a_most(small: httpx.Client, images: np.ndarray, files: list[bytes]) -> None:
    parts = [("image", file) for file in files[:5]]
    assert_problem(small.post(PREDICT, files=parts), 413, "too_many_images")
    arrays = {"instances": images[:5].tolist()}
    assert_problem(small.post(PREDICT, json=arrays), 413, "too_many_images")
    tensor = {"name": "images", "shape": [5, 28, 28, 1], "datatype": "UINT8"}
    asked = {"inputs": [{**tensor, "data": images[:5].ravel().tolist()}]}
    answer = small.post("/v2/models/fashion/infer", json=asked)
    assert_problem(answer, 413, "too_many_images")


def test_json_has_a_most_of_numbers(client: httpx.Client) -> None:
    many = b'{"instances": [[' + b"0," * 2_100_000 + b"0]]}"
    answer = client.post(PREDICT, content=many, headers={"Content-Type": "application/json"})
    assert_problem(answer, 413, "too_many_numbers")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 5_000 + b"\r\n",
    ],
)
def test_headers_have_a_most(server: Server, head: bytes) -> None:
    assert exchanged(server, head).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "head",
    [
        b"nothing\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_the_same_form(server: Server, head: bytes) -> None:
    answer = exchanged(server, head)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code": "not_http"' in answer


def test_a_header_that_trickles_is_cut_off(small_server: Server) -> None:
    assert b" 408 " in trickled(small_server, b"GET / HTTP/1.1\r\nHost: localhost\r\nA: ")


def test_a_body_that_trickles_is_cut_off(small_server: Server) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
    answer = trickled(small_server, head.encode() + b"Content-Length: 1000\r\n\r\n")
    assert b" 408 " in answer
    assert b'"code": "too_slow"' in answer


def test_silent_connections_are_cut_off(small_server: Server, small: httpx.Client) -> None:
    """As many as there may be, all silent: others are told to come back, and soon are served."""
    silent = [socket.create_connection(("127.0.0.1", small_server.port)) for _ in range(40)]
    time.sleep(0.2)
    with httpx.Client(base_url=small_server.url) as late:
        assert_problem(late.get("/healthz"), 503, "too_many_connections")
    time.sleep(SECONDS + 0.5)
    assert small.get("/healthz").status_code == 200
    for connection in silent:
        connection.close()


def test_slow_clients_do_not_hold_up_others(small_server: Server, files: list[bytes]) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n".encode()
    slow = [socket.create_connection(("127.0.0.1", small_server.port)) for _ in range(20)]
    for connection in slow:
        connection.sendall(head)
    with small_server.client() as client:
        for file in files[:20]:
            assert client.post(PREDICT, content=file, headers=PNG).status_code == 200
    for connection in slow:
        connection.close()


def test_the_deadline_is_kept(small_bundle: clearsight.Bundle, files: list[bytes]) -> None:
    file = io.BytesIO()
    # 49 million even pixels are a small file, and take some tenths of a second to unpack.
    Image.new("L", (7_000, 7_000)).save(file, "PNG", compress_level=1)
    arguments = ("--deadline-seconds", "0.1", "--max-queue", "2")
    with serving(f"fashion={small_bundle.path}", *arguments) as server, server.client() as client:
        started = time.perf_counter()
        answer = client.post(PREDICT, content=file.getvalue(), headers=PNG)
        assert_problem(answer, 504, "deadline")
        assert time.perf_counter() - started < 20
        for _ in range(100):  # its place in the queue comes free
            time.sleep(0.1)
            if client.post(PREDICT, content=files[0], headers=PNG).status_code == 200:
                break
        queued = re.search(r'queued_images{model="fashion"} (.*)', client.get("/metrics").text)
        assert queued is not None
        assert float(queued[1]) == 0


def exchanged(server: Server, sent: bytes) -> bytes:
    """Send bytes and return all that comes until the server closes or half a second is over."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(sent)
        connection.settimeout(0.5)
        return received(connection)


def trickled(server: Server, head: bytes) -> bytes:
    """Send a byte every tenth of a second until an answer comes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(head)
        connection.settimeout(0.1)
        started = time.perf_counter()
        while time.perf_counter() - started < 10 * SECONDS:
            try:
                connection.sendall(b"a")
            except OSError:
                break
            if answer := received(connection):
                assert time.perf_counter() - started < 3 * SECONDS
                return answer
        return b""


def received(connection: socket.socket) -> bytes:
    chunks = []
    try:
        while chunk := connection.recv(65_536):
            chunks.append(chunk)
    except OSError:
        pass
    return b"".join(chunks)
