"""A real server as a process of its own, and the form of its errors."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

COMMAND = Path(sys.executable).with_name("clearsight")


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        url: its address.
        process: its process.
        log_file: what it has written to standard error.
    """

    url: str
    process: subprocess.Popen[str]
    log_file: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Stop it as a supervisor does, and return its exit code."""
        self.process.send_signal(signal_number)
        return self.process.wait(timeout=30)

    @property
    def resident_bytes(self) -> int:
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    @property
    def processor_seconds(self) -> float:
        """User and system time of all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(
    *arguments: str, program: Sequence[str | Path] = (COMMAND, "serve"), **environment: str
) -> Iterator[Server]:
    """Run ``clearsight serve`` on a free port.

    Args:
        *arguments: of the command.
        program: what is run, with first arguments.
        **environment: additional variables.
    """
    with tempfile.NamedTemporaryFile("w+") as log:
        process = subprocess.Popen(
            [*program, "--port", "0", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **environment},
        )
        try:
            yield Server(_wait_for_address(process, Path(log.name)), process, Path(log.name))
        finally:
            process.kill()
            process.communicate()


def _wait_for_address(process: subprocess.Popen[str], log: Path) -> str:
    until = time.monotonic() + 60
    while True:
        found = re.search(r"^Serving .* on (\S+) ", log.read_text(errors="replace"), re.MULTILINE)
        if found is not None:
            return found[1].replace("0.0.0.0", "127.0.0.1")
        assert process.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < until, "the server does not start"
        time.sleep(0.02)


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
