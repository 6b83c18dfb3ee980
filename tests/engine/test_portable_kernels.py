"""The portable kernels on processors without AVX-512: the tests of all kernels pass with them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clearsight.engine.kernels.library import library

FILES = (
    "test_affine.py",
    "test_batch_normalization.py",
    "test_depthwise.py",
    "test_dropout.py",
    "test_few_channels.py",
    "test_native.py",
    "test_window_pooling.py",
)
RUN = (
    "import pytest, sys; from clearsight.engine.kernels.library import has_kernel;"
    "assert has_kernel('max_pool') and not has_kernel('first_convolution');"
    "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', sys.argv[1]]))"
)


@pytest.mark.slow
@pytest.mark.skipif(library() is None, reason="no kernels for this processor")
@pytest.mark.parametrize("file", FILES)
def test_they_work_without_avx512(file: str) -> None:
    command = [sys.executable, "-c", RUN, str(Path(__file__).with_name(file))]
    environment = os.environ | {"ATEN_CPU_CAPABILITY": "avx2"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
