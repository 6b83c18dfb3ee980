"""The shape of the code: parts import upwards only, and starting is light."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import clearsight

PACKAGE = Path(clearsight.__file__).parent
# In the order that data flows; a file may import from its own part and from those before it.
PARTS = (
    "errors", "options", "io", "data", "models", "engine", "training", "evaluation", "report",
    "bundle", "run", "predict", "serving", "cli",
)  # fmt: skip
PUBLIC_NAMES = {
    "Bundle", "ClearsightError", "FitError", "ImageSet", "Recipe", "Run", "SeedRuns", "Splits",
    "TrainRequest", "TrainingInterrupted",
    "__version__", "accelerate", "check_fit", "load", "load_data", "read_images", "resume",
    "trace", "train",
}  # fmt: skip


def part_of(dotted: str) -> str:
    return dotted.split(".")[1] if "." in dotted else ""


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively: the part cannot be read off"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "clearsight"}


def downward_imports(path: Path, part: str) -> list[str]:
    allowed = set(PARTS[: PARTS.index(part) + 1])
    if part == "cli" or path.name == "workers.py":
        allowed.add("")  # the package itself, for its version and for where it lies
    return sorted(name for name in imports_of(path) if part_of(name) not in allowed)


def source_files() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_from_its_own_part_and_those_above(path: Path) -> None:
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert part in PARTS
    assert downward_imports(path, part) == []


def test_no_file_imports_itself_by_way_of_others() -> None:
    files = {module_of(path): path for path in source_files()}
    graph = {
        name: {known for found in imports_of(path) if (known := longest_known(found, files))}
        for name, path in files.items()
    }
    assert cycles_in(graph) == []


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def longest_known(name: str, known: dict[str, Path]) -> str | None:
    """Return the module that a dotted name is, or is defined in."""
    return (
        name
        if name in known
        else next((parent for parent in [name.rpartition(".")[0]] if parent in known), None)
    )


def cycles_in(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected sets of more than one module."""
    sorter, left = graphlib.TopologicalSorter(graph), []
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        left.append(error.args[1])
    return left


def test_a_cycle_is_noticed() -> None:
    assert cycles_in({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert not cycles_in({"a": {"b"}, "b": {"c"}, "c": set()})


@pytest.mark.parametrize(
    ("statement", "noticed"),
    [
        ("from clearsight.run.store.run import Run", "clearsight.run.store.run.Run"),
        ("import clearsight.cli.main", "clearsight.cli.main"),
        ("import clearsight", "clearsight"),
        ("from clearsight import run", "clearsight.run"),
    ],
)
def test_an_import_that_points_down_is_noticed(
    tmp_path: Path, statement: str, noticed: str
) -> None:
    path = tmp_path / "bad.py"
    path.write_text(f"def f():\n    {statement}\n")
    assert downward_imports(path, "models") == [noticed]


@pytest.mark.parametrize(
    "statement",
    [
        "import clearsight",
        "from clearsight.cli.main import app; app(['--help'], standalone_mode=False)",
        "from clearsight.cli.main import app; app(['train', '--help'], standalone_mode=False)",
        "from clearsight.cli.main import app; app(['data', 'list'], standalone_mode=False)",
        "from clearsight.cli.main import app; app(['serve', '--help'], standalone_mode=False)",
        "import clearsight.serving.server",
    ],
)
def test_starting_loads_neither_keras_nor_torch(statement: str) -> None:
    program = f"import sys; {statement}; print('LOADED', {{'keras', 'torch'}} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "LOADED set()"


def test_public_names_are_exactly_those_listed() -> None:
    assert set(clearsight.__all__) == PUBLIC_NAMES == set(dir(clearsight))
    for name in PUBLIC_NAMES:
        assert getattr(clearsight, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'fit'"):
        clearsight.fit  # noqa: B018


def test_keras_runs_on_torch_whatever_keras_json_says(tmp_path: Path) -> None:
    config = tmp_path / "keras.json"
    config.write_text('{"backend": "tensorflow"}')
    program = (
        "from clearsight.models.backend import keras; print('BACKEND', keras.config.backend())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "jax", "PATH": ""},
    )
    assert done.stdout.splitlines()[-1] == "BACKEND torch"
    assert config.read_text() == '{"backend": "tensorflow"}'


def test_keras_loaded_on_another_backend_is_one_sentence(tmp_path: Path) -> None:
    # No second backend is installed here, so a stand-in says what Keras would say on it.
    (tmp_path / "keras.py").write_text(
        "class config:\n    @staticmethod\n    def backend(): return 'tensorflow'\n"
    )
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import keras, clearsight\n"
        "try: clearsight.trace('lesson')\n"
        "except clearsight.ClearsightError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "should run on the torch backend, but was already loaded on 'tensorflow'" in done.stdout
