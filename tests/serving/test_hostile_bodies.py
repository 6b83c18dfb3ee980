"""Bodies made to cost much: memory, and turns of the event loop, stay bounded."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest

import clearsight
from support.damaged_images import enormous_png
from support.server_process import Server, assert_error, serving

V1, V2 = "/v1/models/fashion:predict", "/v2/models/fashion/infer"
MAX_TURN_SECONDS = 0.05
# What a request may take, as docs/serving.md says.
MAX_MULTIPLE, MAX_OTHER_BYTES = 8, 60e6
SIZE = 500_000  # bytes of a body, about


def repeated(text: str, separator: str = ",") -> str:
    return separator.join([text] * (SIZE // len(text + separator)))


# JSON lists: as the pixels of an image, as the images of a request, or as the data of a tensor.
LISTS: dict[str, Callable[[], str]] = {
    "one long text": lambda: json.dumps(["A" * 100_000] + ["b"] * 7_500),
    "one long text within": lambda: json.dumps([[["A" * 100_000] + ["b"] * 7_500]]),
    "a wide text": lambda: '["\U0001f642' + "a" * SIZE + '"]',
    "different texts": lambda: json.dumps([f"{number:06}" for number in range(SIZE // 10)]),
    "escapes": lambda: '["' + repeated(r"\u0041", "") + '"]',
    "long numbers": lambda: f"[{repeated('9' * 4_000)}]",
    "one very long number": lambda: f"[{'9' * SIZE}]",
    "long fractions": lambda: f"[{repeated('0.' + '1' * 4_000)}]",
    "huge exponents": lambda: f"[{repeated('1e999999999')}]",
    "floats": lambda: f"[{repeated('1e9')}]",
    "large integers": lambda: f"[{repeated('999')}]",
    "empty lists": lambda: f"[{repeated('[]')}]",
    "lists of one": lambda: f"[[{repeated('[999]')}]]",
    "empty objects": lambda: f"[{repeated('{}')}]",
    "objects of one": lambda: "[" + repeated('{"":0}') + "]",
    "different keys": lambda: (
        "[{" + ",".join(f'"{number}":0' for number in range(SIZE // 10)) + "}]"
    ),
    "one key again and again": lambda: "[{" + repeated('"a":0') + "}]",
    "deep lists": lambda: "[" * (SIZE // 2) + "]" * (SIZE // 2),
    "many deep lists": lambda: "[" + repeated("[" * 150 + "]" * 150) + "]",
    "deep objects": lambda: '[{"a":' * (SIZE // 6),
    "mixed types": lambda: "[" + repeated('0,true,null,"a"') + "]",
    "different lengths": lambda: f"[{repeated('[0],[0,0]')}]",
    "half a surrogate": lambda: '["' + repeated(r"\ud800", "") + '"]',
    "no number": lambda: f"[{repeated('NaN,Infinity,-Infinity')}]",
    "numbers": lambda: f"[{repeated('0')}]",
}
TENSOR = '{"inputs":[{"name":"images","shape":[1,28,28,1],"datatype":"UINT8","data":LIST}]}'
PLACES = {
    "an image": (V1, '{"instances":[LIST]}'),
    "images": (V1, '{"instances":LIST}'),
    "a file": (V1, '{"instances":[{"b64":LIST}]}'),
    "other keys": (V1, '{"instances":[],"a":LIST}'),
    "tensor": (V2, TENSOR),
    "inputs": (V2, '{"inputs":LIST}'),
    "shape": (V2, '{"inputs":[{"shape":LIST}]}'),
    "outputs": (V2, TENSOR.replace("LIST", "[0]")[:-1] + ',"outputs":LIST}'),
}
CASES = [(place, name) for place in ("an image", "tensor") for name in LISTS]
CASES += [
    (place, name)
    for place in ("images", "a file", "other keys", "inputs", "shape", "outputs")
    for name in ("empty lists", "empty objects", "different keys", "numbers")
]


@dataclass(frozen=True)
class Watched:
    """A server that measures itself; see `support/watched_server.py`."""

    server: Server

    def longest(self) -> dict[str, float]:
        """Return the longest times since the last call."""
        stdin, stdout = self.server.process.stdin, self.server.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write("\n")
        stdin.flush()
        return json.loads(stdout.readline())

    def memory(self, name: str) -> int:
        """Return a size from the system's list: "VmRSS" is now, "VmHWM" the largest."""
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith(name)]
        return int(line.split()[1]) * 1_024

    def measure(self, act: Callable[[], object]) -> int:
        """Return by how many bytes memory grew at most; check the turns of the event loop."""
        Path(f"/proc/{self.server.process.pid}/clear_refs").write_text("5")  # resets the largest
        before = self.memory("VmRSS")
        self.longest()
        act()
        grown = self.memory("VmHWM") - before
        found = self.longest()
        assert found["turn"] < MAX_TURN_SECONDS
        # Work in other threads counts here too, so that a busy machine may raise it.
        attempts = [found["held"]]
        while min(attempts) > 2 * MAX_TURN_SECONDS and len(attempts) < 4:
            act()
            attempts.append(self.longest()["held"])
        assert min(attempts) < 2 * MAX_TURN_SECONDS
        return grown


@pytest.fixture(scope="module")
def watched(small_bundle: clearsight.Bundle) -> Iterator[Watched]:
    program = Path(__file__).parents[1] / "support" / "watched_server.py"
    with serving(
        f"fashion={small_bundle.path}", program=(sys.executable, program, "serve")
    ) as server:
        yield Watched(server)


def post_json(server: Server, address: str, text: str) -> httpx.Response:
    with server.client() as client:
        headers = {"Content-Type": "application/json"}
        return client.post(address, content=text.encode(), headers=headers)


@pytest.mark.parametrize(("place", "name"), CASES)
def test_hostile_json_is_rejected_at_little_cost(watched: Watched, place: str, name: str) -> None:
    address, form = PLACES[place]
    text = form.replace("LIST", LISTS[name]())
    answers: list[httpx.Response] = []
    grown = watched.measure(lambda: answers.append(post_json(watched.server, address, text)))
    for answer in answers:
        assert answer.status_code in (400, 413, 422), answer.text
        assert_error(answer, answer.status_code, answer.json()["code"])
        assert len(answer.content) < 1_000
    assert grown < MAX_MULTIPLE * len(text) + MAX_OTHER_BYTES


def request(kind: str, body: bytes, *, path: str = V1, more: bytes = b"") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    length = b"" if more else b"Content-Length: %d\r\n" % len(body)
    return head.encode() + f"Content-Type: {kind}\r\n".encode() + length + more + b"\r\n" + body


def form(content: bytes) -> bytes:
    return request("multipart/form-data; boundary=b", content)


REQUESTS: dict[str, tuple[Callable[[], bytes], int]] = {
    "chunks of one byte": (
        lambda: request(
            "image/png", b"1\r\na\r\n" * 50_000 + b"0\r\n\r\n",
            more=b"Transfer-Encoding: chunked\r\n",
        ),
        422,
    ),
    "a long query": (lambda: request("image/png", b"", path=f"{V1}?{'top=1&' * 2_500}"), 422),
    "many headers": (lambda: request("image/png", b"", more=b"a:b\r\n" * 2_000), 422),
    "a header of many parameters": (
        lambda: request("multipart/form-data; boundary=b" + ';"' * 7_000, b""), 400
    ),
    "a header of many quotes": (
        lambda: request('multipart/form-data; boundary="' + '\\"' * 7_000, b""), 400
    ),
    "a form of many parts": (lambda: form(b"--b\r\n\r\n\r\n" * 100_000), 413),
    "a form of many headers": (lambda: form(b"--b\r\n" + b"a:b\r\n" * 100_000), 400),
    "a form of a long header": (lambda: form(b"--b\r\na:" + b"b" * SIZE), 400),
    "a form of line breaks": (lambda: form(b"\r\n" * (SIZE // 2)), 400),
    "a form of almost boundaries": (
        lambda: form(b"--b\r\n\r\n" + b"\r\n--bx" * (SIZE // 6) + b"\r\n--b--\r\n"), 422
    ),
    "an enormous image as text": (
        lambda: request(
            "application/json",
            b'{"instances":[{"b64":"' + base64.b64encode(enormous_png()) + b'"}]}',
        ),
        422,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_hostile_requests_are_rejected_at_little_cost(watched: Watched, name: str) -> None:
    make, status = REQUESTS[name]
    sent = make()
    answers: list[bytes] = []
    grown = watched.measure(lambda: answers.append(exchange(watched.server, sent)))
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:500]
    assert grown < MAX_MULTIPLE * len(sent) + MAX_OTHER_BYTES


def exchange(server: Server, sent: bytes) -> bytes:
    """Send bytes, and return all that arrives until the server closes."""
    received = bytearray()
    with server.connect() as connection:
        connection.sendall(sent)
        while chunk := connection.recv(65_536):
            received += chunk
    return bytes(received)


def test_the_largest_legal_requests_do_not_hold_up_others(watched: Watched) -> None:
    """As many pixels as fit, and a file of 15 MB as text."""
    pixels = np.zeros((5, 220, 220, 3), np.uint8).tolist()
    encoded = base64.b64encode(bytes(15_000_000)).decode()
    for instances, status in ((pixels, 200), ([{"b64": encoded}], 422)):
        text = json.dumps({"instances": instances})
        statuses: set[int] = set()

        def send(text: str = text, statuses: set[int] = statuses) -> None:
            statuses.add(post_json(watched.server, V1, text).status_code)

        grown = watched.measure(send)
        assert statuses == {status}
        assert grown < MAX_MULTIPLE * len(text) + MAX_OTHER_BYTES
