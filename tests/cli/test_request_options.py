"""An option is one field of a request: everything else follows from it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import clearsight
from clearsight.cli.request_options import parse_arguments
from clearsight.errors import RequestError
from support.command_line import BARE, assert_refused, run_cli

ROOT = Path(__file__).parents[2]
MARKER = "    source_options: SourceOptions = Field(default_factory=SourceOptions)\n"
ADDED = """\
    added: Annotated[
        int, Field(ge=0), Option("Help of the added option.", on_resume="free")
    ] = 3
    pinned: Annotated[int, Option("Help of the pinned option.")] = 1
"""
PYTHON = """
import json, sys
import clearsight
from clearsight.errors import RequestError
try:
    clearsight.train("digits", added="x")
except RequestError as error:
    message = str(error)
sys.path.insert(0, sys.argv[1])
from make_cli_reference import reference
print(json.dumps({
    "file": clearsight.__file__,
    "documentation": clearsight.train.__doc__,
    "message": message,
    "reference": reference(),
}))
"""


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package, to whose training request two fields are added."""
    folder = tmp_path_factory.mktemp("changed")
    package = shutil.copytree(
        Path(clearsight.__file__).parent,
        folder / "clearsight",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    module = Path(package, "run", "request.py")
    text = module.read_text(encoding="utf-8")
    assert text.count(MARKER) == 1
    module.write_text(text.replace(MARKER, ADDED + MARKER), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_an_added_field_is_an_option_on_the_command_line(
    changed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def train(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_cli("train", *arguments, PYTHONPATH=str(changed))

    def record() -> dict[str, Any]:
        return json.loads((tmp_path / "r" / "run.json").read_text())

    words = " ".join(train("--help").stdout.split())
    assert "--added INTEGER Help of the added option. [default: 3]" in words
    assert_refused(train("digits", "--added", "-1"), "added = '-1'")

    done = train("digits", "--epochs", "1", "--added", "5", *BARE, "--out", "r")
    assert done.returncode == 0, done.stderr
    assert record()["given"]["added"] == record()["request"]["added"] == 5
    assert record()["request"]["pinned"] == 1

    assert_refused(train("--resume", "r", "--pinned", "2"), "pinned was given")
    done = train("--resume", "r", "--epochs", "2", "--added", "6")
    assert done.returncode == 0, done.stderr
    assert record()["request"]["added"] == 6


@pytest.mark.slow
def test_an_added_field_is_documented_and_checked_in_python(changed: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PYTHON, str(ROOT / "docs")],
        env={"PYTHONPATH": str(changed), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert Path(found["file"]).is_relative_to(changed)
    assert "added: Help of the added option. [3]" in found["documentation"]
    assert "added = 'x'" in found["message"]
    assert "--added INTEGER" in found["reference"]


def test_an_argument_is_given_once() -> None:
    assert parse_arguments(("dropout=0.3", "padding=same")) == {"dropout": 0.3, "padding": "same"}
    with pytest.raises(RequestError, match="dropout should be given once"):
        parse_arguments(("dropout=0.3", "dropout=0.5"))
