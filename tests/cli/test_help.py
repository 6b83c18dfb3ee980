"""The help of every command: one short line, which ``--help`` shows in full, and its examples."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from clearsight.cli.main import app
from support.terminal import run_on_terminal

MAX_CHARACTERS = 60


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Iterate over all commands, and what to type for each."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands(app))


def test_all_commands_are_found() -> None:
    assert {("train",), ("data", "check"), ("runs", "prune")} < set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_command_is_described_by_one_short_line(path: tuple[str, ...]) -> None:
    line = (COMMANDS[path].help or "").partition("\n\n")[0].replace("\n", " ")
    assert 0 < len(line) <= MAX_CHARACTERS, line
    assert line[0].isupper()
    assert line.endswith(".")
    shown = CliRunner().invoke(app, [*path[:-1], "--help"], env={"COLUMNS": "80"}).stdout
    assert [line.split() for line in shown.splitlines()].count([path[-1], *line.split()]) == 1


def examples(command: click.Command) -> list[str]:
    """Return the commands that its help ends with."""
    lines = (command.epilog or "").splitlines()
    return [line.strip() for line in lines if line.strip().startswith("clearsight ")]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_ends_with_examples_of_it(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    if command.name == "data":  # which only has others below it
        return
    found = examples(command)
    assert found
    assert all(line.startswith(" ".join(("clearsight", *path))) for line in found)
    shown = CliRunner().invoke(app, [*path, "--help"], terminal_width=80).output.splitlines()
    assert {f"    {line}" for line in found} <= set(shown), "an example is never wrapped"


@pytest.fixture(scope="module")
def folder_with_a_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a new user has it, after the first example of a small training."""
    folder = tmp_path_factory.mktemp("new user")
    for number in range(2):
        pasted = f"clearsight train digits --epochs 1 --seed {number} --no-report"
        assert paste(pasted, folder).returncode == 0
    return folder


def paste(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line as it is pasted into a shell."""
    program = Path(sys.executable).parent
    return subprocess.run(
        ["bash", "-c", f'PATH="{program}:$PATH"; HOME="{folder}"; SHELL=bash; {command}'],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_examples_work_when_they_are_pasted(
    path: tuple[str, ...], folder_with_a_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    shutil.copytree(folder_with_a_run, folder)
    for line in examples(COMMANDS[path]):
        words = line.split()[1:]
        monkeypatch.chdir(folder)
        if words[0] == "serve":
            served = run_on_terminal(*words, "--port", "0", stop_at="Ctrl-C stops it")
            assert served.returncode == 0, served.text
        elif words[0] == "exercise":
            asked = run_on_terminal(*words, stop_at="> ")
            assert "of each layer" in asked.text.replace("\r\n", " "), asked.text
        elif line != "clearsight train fashion-mnist":
            done = paste(line, folder)
            assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
