"""The shape of the code: parts import upwards only, and starting is light."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import networkx
import pytest

import clearsight

PACKAGE = Path(clearsight.__file__).parent
# In the order that data flows; a file may import from its own part and from those before it.
PARTS = (
    "errors", "option_names", "options", "io", "display", "data", "models", "engine", "training",
    "evaluation", "report", "bundle", "run", "predict", "serving", "cli", "__main__",
)  # fmt: skip
PUBLIC_NAMES = {
    "Bundle", "ClearsightError", "FitError", "ImageSet", "Recipe", "Run", "SeedRuns", "Splits",
    "TrainRequest", "TrainingInterrupted",
    "__version__", "accelerate", "check_fit", "compare", "evaluate", "exercise", "load",
    "load_data", "read_images", "resume", "trace", "train",
}  # fmt: skip
# Functions that each row of a table has, and programs' entry points.
INTERFACES = {"build", "check", "load", "locate", "main", "matches", "open_model", "write"}


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


def test_runtimes_that_report_home_are_imported_in_one_place() -> None:
    """`bundle/formats/without_telemetry.py` imports them by name, after disabling that."""
    found = {
        (path.name, name)
        for path in source_files()
        for node in ast.walk(ast.parse(path.read_text()))
        for name in imported_modules(node)
        if name.partition(".")[0] in ("onnxruntime", "openvino")
    }
    assert found == set()


def imported_modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


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


def test_no_imports_form_a_cycle() -> None:
    files = {module_of(path): path for path in source_files()}
    graph = {name: modules_in(imports_of(path), set(files)) for name, path in files.items()}
    found = cycles_in(graph)
    assert not found, "files import each other:\n" + "\n".join(found)


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_in(imported: set[str], modules: set[str]) -> set[str]:
    """Return the modules that dotted names are, or are defined in."""
    return {name if name in modules else name.rpartition(".")[0] for name in imported} & modules


def cycles_in(graph: dict[str, set[str]]) -> list[str]:
    """Describe each set of modules that import each other, with one of its cycles."""
    imports = networkx.DiGraph({module: sorted(graph[module]) for module in sorted(graph)})
    described = []
    for component in networkx.strongly_connected_components(imports):
        if len(component) > 1 or imports.has_edge(*component, *component):
            first = min(component)
            following = sorted(component & set(imports[first]))
            ways = [networkx.shortest_path(imports, each, first) for each in following]
            cycle = " -> ".join([first, *min(ways, key=len)])
            described.append(f"{len(component)} files, for example {cycle}")
    return sorted(described)


def test_all_cycles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": {"f"}, "f": {"e"}, "g": {"g"}}
    assert cycles_in(graph) == [
        "1 files, for example g -> g",
        "2 files, for example e -> f -> e",
        "3 files, for example a -> b -> c -> a",
    ]
    assert cycles_in({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in source_files()}
    too_long = [f"{name} has {length} lines" for name, length in lengths.items() if length > 300]
    assert not too_long, "\n".join(too_long)


def test_every_file_says_what_it_is_for() -> None:
    docstrings = {
        name_of(path): ast.get_docstring(ast.parse(path.read_text())) or ""
        for path in source_files()
    }
    missing = [name for name, text in docstrings.items() if not text or text.startswith("TODO")]
    assert not missing, "files without a docstring:\n" + "\n".join(missing)


def test_no_two_public_classes_or_functions_share_a_name() -> None:
    files_of: dict[str, set[str]] = defaultdict(set)
    for path in source_files():
        for node in ast.parse(path.read_text()).body:
            is_public = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            if is_public and not node.name.startswith("_") and not is_verb(path, node.name):
                files_of[node.name].add(name_of(path))
    shared = [
        f"{name}: {', '.join(sorted(files))}"
        for name, files in sorted(files_of.items())
        if len(files) > 1 and name not in INTERFACES
    ]
    assert not shared, "several files define the same name:\n" + "\n".join(shared)


def is_verb(path: Path, name: str) -> bool:
    """Whether a function is a command of the command line, which may be called like Python's."""
    return path == PACKAGE / "cli" / f"{name}.py"


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize(
    ("statement", "noticed"),
    [
        ("from clearsight.run.store.run import Run", "clearsight.run.store.run.Run"),
        ("import clearsight.cli.main", "clearsight.cli.main"),
        ("import clearsight", "clearsight"),
        ("from clearsight import run", "clearsight.run"),
    ],
)
def test_an_import_from_a_later_part_is_found(tmp_path: Path, statement: str, noticed: str) -> None:
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
    for name in PUBLIC_NAMES - {"__version__"}:
        assert getattr(clearsight, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'fit'"):
        clearsight.fit  # noqa: B018


def test_keras_runs_on_torch_whatever_keras_json_says(tmp_path: Path) -> None:
    """Also after an ``import keras`` that failed because of it, as in a notebook."""
    if importlib.util.find_spec("tensorflow") is not None:
        pytest.skip("where TensorFlow is installed, the first import does not fail")
    config = tmp_path / "keras.json"
    config.write_text('{"backend": "tensorflow"}')
    program = (
        "try: import keras\n"
        "except ModuleNotFoundError: print('FAILED')\n"
        "import clearsight\n"
        "import keras\n"
        "keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])\n"
        "clearsight.accelerate\n"
        "print('BACKEND', keras.config.backend())"
    )
    environment = {"KERAS_HOME": str(tmp_path), "PATH": ""}
    lines = python_lines(program, environment)
    assert (lines[0], lines[-1]) == ("FAILED", "BACKEND torch")
    assert config.read_text() == '{"backend": "tensorflow"}'


def test_a_backend_that_the_environment_asks_for_is_kept_and_reported() -> None:
    program = (
        "import os, sys, clearsight\n"
        "try: clearsight.train('digits')\n"
        "except clearsight.ClearsightError as error: print(error)\n"
        "print(os.environ['KERAS_BACKEND'], 'keras' in sys.modules)"
    )
    sentence, kept = python_lines(program, {"KERAS_BACKEND": "jax"})
    assert sentence == (
        "Keras should run on the torch backend, but the environment variable KERAS_BACKEND asks "
        "for 'jax': unset it, or set KERAS_BACKEND=torch."
    )
    assert kept == "jax False"


@pytest.mark.slow
def test_the_command_line_runs_on_torch_whatever_the_environment_asks_for() -> None:
    program = "from clearsight.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "trace", "lesson"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )
    assert done.returncode == 0
    assert done.stderr in ("", "loading Keras ...\n")  # the latter on a busy machine


def python_lines(program: str, environment: dict[str, str]) -> list[str]:
    """Return what a program prints in a process with some environment variables of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"} | environment,
    )
    return done.stdout.splitlines()


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
