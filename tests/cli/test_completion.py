"""Tab completion: what shells are answered, how quickly, and how it is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import CompletionItem, ShellComplete

from clearsight.cli.completion import COMPLETE_VARIABLE
from clearsight.cli.main import app
from support.command_line import assert_refused, run_cli

PROGRAM = Path(sys.executable).with_name("clearsight")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two runs, images and other files, which is the current one."""
    for name in ("2026-01-01_digits", "2026-01-02_digits"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").touch()
    (tmp_path / "runs" / "no-run").mkdir()
    (tmp_path / "different").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def completions(*words: str) -> list[CompletionItem]:
    """Return what the last word is completed to."""
    shell = ShellComplete(app, {}, "clearsight", COMPLETE_VARIABLE)
    return shell.get_completions(list(words[:-1]), words[-1])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("tr",), ["train", "trace"]),
        (("data", "c"), ["check"]),
        (("train", "--batch"), ["--batch-size"]),
        (("evaluate", "latest", "--label-c"), ["--label-column"]),
        (("serve", "--max-b"), ["--max-batch", "--max-body-mb"]),
        (("train", "dig"), ["digits"]),
        (("train", "di"), ["digits", "different"]),
        (("data", "show", "f"), ["fashion-mnist"]),
        (("evaluate", "latest", "--data", "dig"), ["digits"]),
        (("train", "digits", "--recipe", "s"), ["strong"]),
        (("train", "digits", "--model", "resid"), ["residual"]),
        (("train", "digits", "--device", "c"), ["cpu", "cuda"]),
        (("trace", "les"), ["lesson"]),
        (("exercise", "p"), ["padding"]),
        (("export", "latest", "--format", "k"), ["keras"]),
        *(
            ((*words, "2026"), ["2026-01-02_digits", "2026-01-01_digits"])
            for words in (
                ("predict",), ("evaluate",), ("report",), ("export",), ("serve",), ("compare",),
                ("compare", "latest"), ("train", "--resume"),
            )
        ),
        (("report", "l"), ["latest"]),
    ],
    ids=str,
)  # fmt: skip
def test_a_word_is_completed(folder: Path, words: tuple[str, ...], expected: list[str]) -> None:
    assert [item.value for item in completions(*words)] == expected


@pytest.mark.parametrize("words", [("train", "phot"), ("train", "x", "--class-names", "")], ids=str)
def test_what_is_no_name_is_completed_as_a_path(folder: Path, words: tuple[str, ...]) -> None:
    assert [item.type for item in completions(*words)] == ["file"]


def test_completing_imports_nothing_heavy(folder: Path) -> None:
    code = (
        "import sys; from clearsight.cli.main import app\n"
        f"try: app(complete_var={COMPLETE_VARIABLE!r})\n"
        "except SystemExit: pass\n"
        "sys.exit(', '.join({'keras', 'torch', 'scipy', 'rich'} & sys.modules.keys()) or 0)"
    )
    environment = {COMPLETE_VARIABLE: "bash_complete", "COMP_CWORD": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path), "COMP_WORDS": "clearsight train d --epo"}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "plain,--epochs"), done.stderr


def test_bash_completes_once_it_is_installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("SHELL", "/usr/local/bin/bash")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    (folder / ".bashrc").write_text("MINE=1")
    for _ in range(2):
        done = run_cli("completion")
        assert done.returncode == 0, done.stderr
    started = (folder / ".bashrc").read_text()
    assert started.startswith("MINE=1\n")
    assert started.count("completion.bash") == 2  # in one line
    script = (
        f'PATH="{PROGRAM.parent}:$PATH"; . ~/.bashrc; COMP_WORDS=(clearsight report 2026-01-01);'
        'COMP_CWORD=2; compopt() { :; }; _clearsight_completion clearsight; echo "${COMPREPLY[@]}"'
    )
    bash = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, text=True, check=False
    )
    assert bash.stdout == "2026-01-01_digits\n", bash.stderr


@pytest.mark.parametrize(
    ("shell", "script", "startup"),
    [
        ("zsh", ".local/share/clearsight/completion.zsh", ".zshrc"),
        ("fish", ".config/fish/completions/clearsight.fish", None),
    ],
)
def test_other_shells_load_what_is_installed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, shell: str, script: str, startup: str | None
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    assert run_cli("completion", shell).returncode == 0
    assert f"{COMPLETE_VARIABLE}={shell}_complete" in (folder / script).read_text()
    assert startup is None or str(folder / script) in (folder / startup).read_text()
    assert (folder / script).read_text() == run_cli("completion", shell, "--print").stdout


def test_an_unknown_shell_should_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert_refused(run_cli("completion"), "bash, zsh, fish", "yours is tcsh")


def test_each_command_has_the_option_help(folder: Path) -> None:
    for name in app.list_commands(click.Context(app)):
        assert "--help" in [item.value for item in completions(name, "--")]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_was_installed_is_removed_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    startup, linked = folder / f".{shell}rc", folder / "dotfiles"
    linked.write_text("MINE=1\n# and this\n")
    startup.symlink_to(linked)
    assert "nothing was removed" in run_cli("completion", shell, "--remove").stdout
    before = sorted(path for path in folder.rglob("*") if path.is_file())
    assert run_cli("completion", shell).returncode == 0
    with linked.open("a") as file:
        file.write("LATER=2\n")
    assert "is removed from" in run_cli("completion", shell, "--remove").stdout
    assert linked.read_text() == "MINE=1\n# and this\nLATER=2\n"
    assert startup.is_symlink()
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == before
    assert_refused(run_cli("completion", shell, "--remove", "--print"), "leave one out")
