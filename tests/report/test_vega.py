"""Vega is bundled once per machine, by a process beside the training."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from clearsight.report.vega import vega_script, vega_script_in_advance

BUNDLING = "from clearsight.report.vega import vega_script; vega_script()"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, as on a new machine."""
    monkeypatch.setenv("CLEARSIGHT_CACHE", str(tmp_path))
    return tmp_path / "vega"


def scripts(cache: Path) -> list[Path]:
    return list(cache.glob("*.js"))


@pytest.mark.slow
def test_it_is_bundled_in_advance_and_only_once(cache: Path) -> None:
    with vega_script_in_advance():
        others = [subprocess.Popen([sys.executable, "-c", BUNDLING]) for _ in range(2)]
        assert [other.wait(timeout=120) for other in others] == [0, 0]
        (bundled,) = scripts(cache)
    written = bundled.stat().st_mtime_ns
    assert "vegaEmbed" in vega_script()
    with vega_script_in_advance():
        pass
    assert bundled.stat().st_mtime_ns == written


def test_nothing_is_left_of_a_training_that_is_interrupted(cache: Path) -> None:
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), vega_script_in_advance():
        raise KeyboardInterrupt
    assert time.monotonic() - began < 1.0, "its end was not waited for"
    time.sleep(0.1)
    assert scripts(cache) == []


def test_without_charts_or_a_cache_a_training_runs(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with vega_script_in_advance():
        trained.append("without a program")
    assert scripts(cache) == []
    monkeypatch.setenv("CLEARSIGHT_CACHE", "/proc/nowhere")
    with vega_script_in_advance():
        trained.append("without a cache")
    assert trained == ["without a program", "without a cache"]
