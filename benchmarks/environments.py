"""Environments for peers that the project itself does not depend on, made when first needed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from programs import Program

ENVIRONMENTS: dict[str, dict[str, str]] = {
    "tf": {"tensorflow-cpu": "2.21.0", "keras": "3.15.1"},
    "tf-serve": {
        "tensorflow-cpu": "2.21.0",
        "keras": "3.15.1",
        "fastapi": "0.165.0",
        "uvicorn": "0.54.0",
        "python-multipart": "0.0.34",
        "pillow": "13.0.0",
    },
    "lightning": {"torch": "2.13.0", "lightning": "2.6.6"},
}

_PRINT_VERSIONS = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


class InstallationError(Exception):
    """An environment could not be made; the message ends with pip's own last line."""


@dataclass(frozen=True)
class Environments:
    """The folder of the environments.

    Attributes:
        folder: holds one environment a row of `ENVIRONMENTS`, under its name.
    """

    folder: Path

    def python_for(self, program: Program) -> Path:
        """Return the interpreter that runs a program; an environment is made when it is absent.

        Raises:
            InstallationError: when it cannot be made.
        """
        if program.environment is None:
            return Path(sys.executable)
        environment = self.folder / program.environment
        python = environment.absolute() / "bin" / "python"
        pins = ENVIRONMENTS[program.environment]
        if _versions_in(python, tuple(pins)) != pins:
            wanted = [f"{name}=={number}" for name, number in pins.items()]
            print(f"making {environment} with {' '.join(wanted)}", file=sys.stderr)
            _run([sys.executable, "-m", "venv", str(environment)])
            _run([str(python), "-m", "pip", "install", "--quiet", *wanted])
        return python


def _versions_in(python: Path, packages: tuple[str, ...]) -> dict[str, str]:
    """Return the public versions, without a build's "+cpu", of the installed packages."""
    if not python.exists():
        return {}
    command = [str(python), "-c", _PRINT_VERSIONS, *packages]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        return {}
    found: dict[str, str] = json.loads(finished.stdout)
    return {name: number.split("+")[0] for name, number in found.items()}


def _run(command: list[str]) -> None:
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        lines = (finished.stderr.strip() or finished.stdout.strip()).splitlines()
        raise InstallationError(f"{' '.join(command)}: {lines[-1] if lines else 'no message'}")
