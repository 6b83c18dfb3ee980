"""``/openapi.json`` and the server agree, as schemathesis checks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.server_process import Server

pytest.importorskip("schemathesis", reason="schemathesis is not installed")
# Without the check that every valid request is accepted, because random bytes are not an image.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,unsupported_method"
)


@pytest.mark.parametrize(
    "max_examples", [3, pytest.param(100, marks=pytest.mark.slow, id="100, slow")]
)
def test_neither_valid_nor_invalid_requests_break_the_server(
    server: Server, max_examples: int, tmp_path: Path
) -> None:
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run", f"{server.url}/openapi.json",
            "--checks", CHECKS, "--max-examples", str(max_examples), "--mode", "all",
            "--phases", "examples,coverage,fuzzing", "--seed", "0", "--workers", "1",
            "--generation-database", "none", "--suppress-health-check", "all",
        ],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "NO_COLOR": "1"},
        timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr
