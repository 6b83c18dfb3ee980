"""Unusual and malformed HTTP: one response each, and the connection is kept or closed rightly."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import Literal

import pytest

from support.server_process import Server

HOST = b"Host: localhost\r\n"
POST = b"POST /v1/models/fashion:predict HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
GET = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"


@dataclass(frozen=True)
class Case:
    """Bytes to send.

    Attributes:
        sent: the bytes.
        statuses: of the responses, one after the other.
        then: what becomes of the connection: it is closed; kept for another request; or waits for
            the rest of a body that nobody wants.
    """

    sent: bytes
    statuses: tuple[int, ...]
    then: Literal["closed", "kept", "waiting"] = "closed"


def get(*headers: bytes, target: bytes = b"/v1/models", version: bytes = b"1.1") -> bytes:
    head = b"GET " + target + b" HTTP/" + version + b"\r\n"
    return head + b"".join(header + b"\r\n" for header in headers) + b"\r\n"


def post(*headers: bytes, body: bytes = b"") -> bytes:
    length = b"Content-Length: %d" % len(body)
    return POST + b"".join(header + b"\r\n" for header in (*headers, length)) + b"\r\n" + body


CASES = {
    "a length and chunks": Case(
        POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET, (400,)
    ),
    "two lengths": Case(POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", (400,)),
    "a negative length": Case(POST + b"Content-Length: -1\r\n\r\n", (400,)),
    "a length of no ASCII digit": Case(POST + b"Content-Length: \xb2\r\n\r\n", (400,)),
    "a length of 19 digits": Case(
        POST + b"Content-Type: image/png\r\nContent-Length: " + b"9" * 19 + b"\r\n\r\n",
        (413,), "waiting",
    ),
    "a length of 5,000 digits": Case(
        POST + b"Content-Type: image/png\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", (400,)
    ),
    "a chunk without its end": Case(CHUNKED + b"1\r\naXX0\r\n\r\n", (400,)),
    "a chunk of a negative size": Case(CHUNKED + b"-1\r\na\r\n0\r\n\r\n", (400,)),
    "a chunk of a huge size": Case(CHUNKED + b"f" * 100 + b"\r\na", (400,)),
    "a long chunk extension": Case(CHUNKED + b"1;" + b"a" * 40_000 + b"\r\na\r\n0\r\n\r\n", (431,)),
    "a large trailer": Case(CHUNKED + b"0\r\nA: " + b"a" * 40_000 + b"\r\n\r\n", (431,)),
    "another encoding of the transfer": Case(
        POST + b"Transfer-Encoding: gzip\r\n\r\nabc", (400,)
    ),
    "two hosts": Case(get(b"Host: localhost", b"Host: evil.example"), (400,)),
    "no host": Case(get(), (400,)),
    "no host in HTTP/1.0": Case(get(version=b"1.0"), (403,)),
    "HTTP/1.0": Case(get(b"Host: localhost", version=b"1.0"), (200,)),
    "HTTP/3.0": Case(get(b"Host: localhost", version=b"3.0"), (400,)),
    "HTTP/0.9": Case(b"GET /\r\n\r\n", (400,)),
    "an absolute address": Case(
        get(b"Host: localhost", target=b"http://evil.example/v1/models"), (404,), "kept"
    ),
    "a rebound host": Case(get(b"Host: evil.example:80"), (403,), "kept"),
    "a host that begins like ours": Case(get(b"Host: [::1].evil.example"), (403,), "kept"),
    "a host with a user": Case(get(b"Host: evil.example:80@127.0.0.1"), (403,), "kept"),
    "a host that ends in a dot": Case(get(b"Host: localhost.:80"), (403,), "kept"),
    "an origin without a name": Case(get(HOST.strip(), b"Origin: null"), (403,), "kept"),
    "a page of another port": Case(
        get(HOST.strip(), b"Origin: http://localhost:1"), (403,), "kept"
    ),
    "a question about other origins": Case(
        b"OPTIONS /v1/models HTTP/1.1\r\n" + HOST + b"Origin: http://evil.example\r\n"
        b"Access-Control-Request-Method: POST\r\n\r\n",
        (403,), "kept",
    ),
    "a path to elsewhere": Case(
        get(HOST.strip(), target=b"/v1/models/..%2f..%2fetc%2fpasswd"), (404,), "kept"
    ),
    "a path with a NUL": Case(get(HOST.strip(), target=b"/v2/models/%00"), (404,), "kept"),
    "a path that is no UTF-8": Case(
        get(HOST.strip(), target=b"/v2/models/%ff%0d%0a"), (404,), "kept"
    ),
    "a compressed image": Case(
        post(b"Content-Type: image/png", b"Content-Encoding: gzip", body=b"abc"), (415,), "kept"
    ),
    "compressed JSON": Case(
        post(b"Content-Type: application/json", b"Content-Encoding: gzip", body=b"abc"),
        (415,), "kept",
    ),
    "a large header": Case(get(HOST.strip(), b"X: " + b"a" * 17_000), (431,), "kept"),
    "a folded header": Case(get(HOST.strip(), b"X: a\r\n b"), (200,), "kept"),
    "a header without a name": Case(get(HOST.strip(), b": a"), (400,)),
    "a header with a NUL": Case(get(HOST.strip(), b"X: a\0b"), (400,)),
    "a header with a bare CR": Case(get(HOST.strip(), b"X: a\rb"), (400,)),
    "a change to websockets": Case(
        get(HOST.strip(), b"Connection: Upgrade", b"Upgrade: websocket"), (200,), "kept"
    ),
    "a change to HTTP/2": Case(
        get(HOST.strip(), b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c"), (200,), "kept"
    ),
    "HTTP/2": Case(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400,)),
    "TRACE": Case(b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n", (405,), "kept"),
    "CONNECT": Case(b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"\r\n", (404,), "kept"),
    "a method of 100 letters": Case(
        b"A" * 100 + b" / HTTP/1.1\r\n" + HOST + b"\r\n", (405,), "kept"
    ),
    "waiting to be asked for a large body": Case(
        POST + b"Expect: 100-continue\r\nContent-Type: image/png\r\n"
        b"Content-Length: 999999999\r\n\r\n",
        (413,), "waiting",
    ),
    "deep JSON": Case(post(b"Content-Type: application/json", body=b"[" * 100_000), (400,), "kept"),
    "requests sent together": Case(GET * 3, (200, 200, 200), "kept"),
    "a boundary that is no text": Case(
        post(b'Content-Type: multipart/form-data; boundary="\xff"', body=b"abcde"), (400,), "kept"
    ),
    "a long boundary": Case(
        post(b"Content-Type: multipart/form-data; boundary=" + b"b" * 5_000, body=b"a"),
        (400,), "kept",
    ),
    "TLS": Case(bytes.fromhex("160301020001000001fc0303") + b"\0" * 300 + b"\r\n\r\n", (400,)),
    "empty lines first": Case(b"\r\n\r\n" + GET, (400,)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_gets_one_response(server: Server, name: str) -> None:
    case = CASES[name]
    with server.connect() as connection:
        connection.sendall(case.sent)
        wait_seconds = 5 if case.then == "closed" else 0.03  # for the end, or for more
        found, is_closed = receive(connection, len(case.statuses), wait_seconds)
        assert found == list(case.statuses)
        assert is_closed == (case.then == "closed")
        if case.then == "kept":
            connection.sendall(GET)
            assert receive(connection, 1, wait_seconds) == ([200], False)
    assert "Traceback" not in server.log
    assert "evil" not in server.log


def receive(connection: socket.socket, count: int, wait_seconds: float) -> tuple[list[int], bool]:
    """Return the statuses that arrive, and whether the server closes the connection after them."""
    received = bytearray()
    connection.settimeout(5)
    try:
        while chunk := connection.recv(65_536):
            received += chunk
            if len(statuses_in(received)) >= count:
                connection.settimeout(wait_seconds)
    except TimeoutError:
        return statuses_in(received), False
    except ConnectionResetError:  # closed before all that was sent was read
        pass
    return statuses_in(received), True


def statuses_in(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]
