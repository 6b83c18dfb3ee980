"""``clearsight completion``: install Tab completion for a shell, or remove it."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from clearsight.cli.examples import examples
from clearsight.cli.output import console_for
from clearsight.errors import OutputError, RequestError

COMPLETE_VARIABLE = "_CLEARSIGHT_COMPLETE"  # in which a shell asks for completions
_SHELLS = ("bash", "zsh", "fish")
_COMMENT = "# Tab completion of clearsight"  # above the line in a startup file


@dataclass(frozen=True)
class _Installation:
    """Where a shell's completion is installed.

    Attributes:
        script: the file that is written.
        startup: the shell's startup file, in which `line` loads it; None if the shell does that.
        line: of the startup file.
    """

    script: Path
    startup: Path | None = None
    line: str = ""


@click.command(epilog=examples("completion", "completion --remove"))
@click.argument("shell", type=click.Choice(_SHELLS), required=False)
@click.option("--print", "is_printed", is_flag=True, help="Print the script; install nothing.")
@click.option("--remove", "is_removed", is_flag=True, help="Remove what was installed.")
@click.pass_context
def completion(
    context: click.Context, shell: str | None, is_printed: bool, is_removed: bool
) -> None:
    """Install Tab completion for bash, zsh or fish, or remove it.

    SHELL is by default the one that you use. Commands, options, sources, recipes, networks and
    runs are completed.
    """
    chosen = shell or Path(os.environ.get("SHELL", "")).name
    completer = get_completion_class(chosen) if chosen in _SHELLS else None
    if completer is None:
        raise RequestError(
            f"The shell should be one of {', '.join(_SHELLS)}, but "
            f"{f'yours is {chosen}' if chosen else 'yours is unknown'}: name it, e.g. `clearsight "
            "completion bash`."
        )
    if is_printed and is_removed:
        raise RequestError("--print installs nothing that --remove could remove: leave one out.")
    if is_removed:
        _show_removal(chosen, _remove(_installation(chosen)))
        return
    program = context.find_root()
    script = completer(program.command, {}, "clearsight", COMPLETE_VARIABLE).source()
    if is_printed:
        click.echo(script, nl=False)
        return
    found = _installation(chosen)
    _install(found, script)
    console = console_for(as_json=False)
    if found.startup is None:
        console.print(f"Tab completion for {chosen} is installed in {found.script}.")
        console.print("It works in every new terminal.")
        return
    console.print(f"Tab completion for {chosen} is installed; {found.startup} loads it.")
    console.print("It works in every new terminal, and in this one after")
    console.print(f"  source {shlex.quote(str(found.startup))}", soft_wrap=True)


def _installation(shell: str) -> _Installation:
    home = Path.home()
    if shell == "fish":
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
        return _Installation(folder / "fish" / "completions" / "clearsight.fish")
    folder = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    script = folder / "clearsight" / f"completion.{shell}"
    path = shlex.quote(str(script))
    if shell == "bash":
        return _Installation(script, home / ".bashrc", f"[ ! -r {path} ] || . {path}")
    load = f"[[ ! -r {path} ]] || {{ (( $+functions[compdef] )) || {{ autoload -Uz compinit && "
    load += f"compinit; }}; . {path}; }}"
    return _Installation(script, Path(os.environ.get("ZDOTDIR") or home) / ".zshrc", load)


def _install(found: _Installation, script: str) -> None:
    from clearsight.io.atomic import write_atomically

    with write_atomically(found.script) as temporary:
        temporary.write_text(script, "utf-8")
    startup = found.startup
    if startup is None:
        return
    try:
        before = startup.read_text("utf-8", "surrogateescape") if startup.exists() else ""
        if found.line not in before.splitlines():
            with startup.open("a", encoding="utf-8") as file:
                gap = "" if before.endswith("\n") or not before else "\n"
                file.write(f"{gap}{_COMMENT}\n{found.line}\n")
    except OSError as error:
        raise OutputError(
            f"{startup} should get the line that loads Tab completion, but cannot be changed: "
            f"{error.strerror}. Add it yourself: {found.line}"
        ) from error


def _remove(found: _Installation) -> list[Path]:
    """Undo `_install`, and return the files that were removed or changed."""
    from clearsight.io.atomic import write_atomically

    changed = []
    startup = found.startup
    try:
        if startup is not None and startup.exists():
            before = startup.read_text("utf-8", "surrogateescape")
            after = before.replace(f"{_COMMENT}\n{found.line}\n", "")
            after = "".join(line for line in after.splitlines(True) if line.strip() != found.line)
            if after != before:
                with write_atomically(startup.resolve()) as temporary:  # it may be a link
                    temporary.write_text(after, "utf-8", "surrogateescape")
                changed.append(startup)
        if found.script.exists():
            found.script.unlink()
            changed.append(found.script)
    except OSError as error:
        raise OutputError(
            f"Tab completion should be removed from {startup or found.script}, but that cannot be "
            f"changed: {error.strerror}. Remove it yourself: {found.line or found.script}"
        ) from error
    return changed


def _show_removal(shell: str, changed: list[Path]) -> None:
    console = console_for(as_json=False)
    if not changed:
        console.print(f"Tab completion for {shell} is not installed: nothing was removed.")
        return
    files = " and ".join(map(str, changed))
    console.print(f"Tab completion for {shell} is removed from {files}.")
    console.print("New terminals no longer have it.")
