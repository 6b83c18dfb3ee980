"""The folder of a page: whole or not there, with the published runtime or none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import clearsight
from clearsight.bundle.web.runtime import SHA256, Places, web_runtime
from clearsight.bundle.web.web_folder import write_web_folder
from clearsight.errors import BundleError
from support.command_line import Cli, assert_refused


def test_the_folder_is_whole_small_and_still_the_bundle(
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
    assert [path.name for path in page_folder.parent.iterdir()] == ["page"], "nothing left over"


def test_what_is_there_already_is_left_alone(
    page_folder: Path, small_bundle: clearsight.Bundle, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("mine")
    with pytest.raises(BundleError, match=r"should go into a new folder, but .* is there already"):
        write_web_folder(small_bundle.path, tmp_path)
    assert list(tmp_path.iterdir()) == [kept]


def test_the_command_makes_the_page_and_says_how_to_open_it(
    cli: Cli, small_run: clearsight.Run, small_bundle: clearsight.Bundle, page_folder: Path
) -> None:
    del small_bundle, page_folder  # both have been made, so that nothing is fetched
    export = ("export", str(small_run.path), "--to-web", "my page")
    done = cli(*export, "--runtime-from", str(Places().cache))
    assert done.returncode == 0, done.stderr
    assert "http.server --directory 'my page' --bind 127.0.0.1 8000" in done.stdout
    assert Path("my page/index.html").exists()
    assert_refused(cli(*export), "my page is there already")
    assert_refused(cli(*export, "--check", "--to", "x"), "--to, --check was given: leave it out")
    done = cli("export", "my page", "--to-web", "again", "--json")
    assert json.loads(done.stdout)["page"] == "again", done.stderr


def test_the_runtime_is_the_published_one_or_there_is_none(
    page_folder: Path, small_bundle: clearsight.Bundle, tmp_path: Path
) -> None:
    kept = Places().cache
    assert set(web_runtime(Places(named=kept))) == set(SHA256)
    changed = Path(shutil.copytree(kept, tmp_path / "changed"))
    (changed / "ort.wasm.bundle.min.mjs").write_text("alert(1)")
    other = tmp_path / "other.tgz"
    other.write_bytes(b"no package")
    for named, reason in (
        (changed, "holds another ort.wasm.bundle.min.mjs than was published"),
        (other, "is another package than was published"),
        (tmp_path / "no such.tgz", "does not exist"),
        (tmp_path, "does not hold ort.wasm.bundle.min.mjs"),
    ):
        with pytest.raises(BundleError, match=f"--runtime-from should name .* {reason}"):
            write_web_folder(small_bundle.path, tmp_path / "page", named)
    assert not (tmp_path / "page").exists()


def test_where_there_is_no_network_each_place_is_named(tmp_path: Path) -> None:
    places = Places(cache=tmp_path, npm=None, url="http://127.0.0.1:9/package.tgz")
    with pytest.raises(BundleError) as caught:
        web_runtime(places)
    for words in (str(tmp_path), "npm is not on this machine", places.url, "--runtime-from"):
        assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []
