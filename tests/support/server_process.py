"""A real server as a process of its own, and the form of its errors."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        url: its address.
        process: its process.
    """

    url: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30)

    def stop(self) -> int:
        """Stop it as a supervisor does, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    @property
    def resident_bytes(self) -> int:
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[Server]:
    """Run ``clearsight serve`` on a free port."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("clearsight"), "serve", "--port", "0", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("Serving "), line + process.stderr.read()
    try:
        yield Server(line.split(" on ")[1].split()[0].replace("0.0.0.0", "127.0.0.1"), process)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def png_of(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def assert_error(answer: httpx.Response, status: int, code: str) -> str:
    """Check that an error has the one form and reveals nothing of the machine; return its text."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    values = answer.json()
    assert set(values) == {"error", "code", "status"}
    assert (values["code"], values["status"]) == (code, status)
    for secret in ("Traceback", ".py", "/tmp", "/root", "0x", "site-packages", "uvicorn"):
        assert secret not in answer.text
    assert "server" not in answer.headers
    return values["error"]
