"""The folder of a web page: written whole or not at all, with the published runtime only."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import clearsight
from clearsight.bundle.web import runtime
from clearsight.bundle.web.runtime import PACKAGE, SHA256, VERSION, load_web_runtime
from clearsight.bundle.web.web_page import write_web_page
from clearsight.errors import BundleError
from clearsight.io.cache_folder import cache_folder
from support.command_line import Cli, assert_refused


def runtime_cache() -> Path:
    return cache_folder(f"{PACKAGE}-{VERSION}")


def test_the_folder_is_complete_small_and_still_a_bundle(
    page_folder: Path, small_bundle: clearsight.Bundle
) -> None:
    for path in small_bundle.path.iterdir():
        assert (page_folder / path.name).read_bytes() == path.read_bytes()
    images = np.zeros((2, 28, 28, 1), np.uint8)
    again = clearsight.load(page_folder).probabilities(images)
    assert np.array_equal(again, small_bundle.probabilities(images))
    files = [path for path in page_folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"index.html", "page.js", "LICENSE.txt"}
    assert sum(path.stat().st_size for path in files) < 20e6
    assert [path.name for path in page_folder.parent.iterdir()] == ["page"], "no temporary files"


def test_an_existing_folder_is_not_touched(
    page_folder: Path, small_bundle: clearsight.Bundle, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("mine")
    with pytest.raises(BundleError, match=r"should be written to a new folder, but .* exists"):
        write_web_page(small_bundle.path, tmp_path)
    assert list(tmp_path.iterdir()) == [kept]


def test_the_command_writes_the_page_and_says_how_to_open_it(
    cli: Cli, small_run: clearsight.Run, small_bundle: clearsight.Bundle, page_folder: Path
) -> None:
    del small_bundle, page_folder  # both exist, so that nothing is downloaded
    export = ("export", str(small_run.path), "--web", "--out", "my page")
    done = cli(*export, "--runtime-from", str(runtime_cache()))
    assert done.returncode == 0, done.stderr
    assert "http.server --directory 'my page' --bind 127.0.0.1 8000" in done.stdout
    assert Path("my page/index.html").exists()
    assert_refused(cli(*export), "my page exists")
    assert_refused(cli(*export, "--check"), "--check has no effect: leave it out")
    done = cli("export", "my page", "--web", "--out", "again", "--json")
    assert json.loads(done.stdout)["page"] == "again", done.stderr


def test_only_the_published_runtime_is_accepted(
    page_folder: Path, small_bundle: clearsight.Bundle, tmp_path: Path
) -> None:
    cache = runtime_cache()
    assert set(load_web_runtime(cache)) == set(SHA256)
    changed = Path(shutil.copytree(cache, tmp_path / "changed"))
    (changed / "ort.wasm.bundle.min.mjs").write_text("alert(1)")
    other = tmp_path / "other.tgz"
    other.write_bytes(b"not a package")
    for path, reason in (
        (changed, "contains a ort.wasm.bundle.min.mjs that differs from the published one"),
        (other, "cannot be read as npm's package"),
        (tmp_path / "no such.tgz", "does not exist"),
        (tmp_path, "does not contain ort.wasm.bundle.min.mjs"),
    ):
        with pytest.raises(BundleError, match=f"--runtime-from should be .* {reason}"):
            write_web_page(small_bundle.path, tmp_path / "page", path)
    assert not (tmp_path / "page").exists()


def test_without_a_network_every_attempt_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARSIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr(runtime, "PUBLIC_REGISTRY", "http://127.0.0.1:9/public")
    monkeypatch.setattr(runtime, "_npm_registry", lambda: "http://127.0.0.1:9/mirror/")
    with pytest.raises(BundleError) as caught:
        load_web_runtime()
    package = f"{PACKAGE}/-/{PACKAGE}-{VERSION}.tgz"
    urls = [f"http://127.0.0.1:9/{registry}/{package}" for registry in ("mirror", "public")]
    for text in (str(tmp_path), *urls, "--runtime-from"):
        assert text in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_registry_that_npm_is_configured_for_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", "https://mirror.example/npm/")
    assert runtime._npm_registry() == "https://mirror.example/npm/"
