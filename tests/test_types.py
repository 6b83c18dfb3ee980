"""A user's type checker knows the options, and the examples of the documentation are typed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "docs"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Each line's mistake, and nothing else, is to be found.
USER = """
import clearsight
import keras

def network(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    return keras.Sequential([keras.layers.Dense(num_classes)])

run = clearsight.train("digits", epochs=2, image_size=28, model=network, out="here")
runs = clearsight.train("digits", seeds=3, model="lesson", model_arguments={"filters": [8, 8]})
clearsight.train((run, run), model=lambda input_shape, num_classes: run.model, resize="crop")
clearsight.resume("latest", epochs=3, data_dir="there")
(x, y), (x_test, y_test) = clearsight.load_data("digits", channels=3)
print(x.mean() + y_test.mean() + run.results.train_accuracy + runs[0].results.train_accuracy)
print(clearsight.trace(network, (8, 8, 1)).layers)
print(clearsight.trace("lesson", against=run.model, num_blocks=3).changes)
print(clearsight.exercise("third-block", [(28, 28, 1), 10, "7x7x1"], seeds=0).num_correct)

clearsight.train("digits", epoch=2)  # No overloads for "train" match
clearsight.train("digits", epochs="two")  # "Literal['two']" is not assignable to type "int | None"
clearsight.train("digits", seeds=3, lr=0.1)  # No overloads for "train" match
clearsight.train("digits", model=3)  # "Literal[3]" is not assignable
clearsight.train("digits", precision="half")  # "Literal['half']" is not assignable
clearsight.resume("latest", seed=3)  # No parameter named "seed"
clearsight.load_data("digits", size=3)  # No parameter named "size"
clearsight.load_data("digits", resize="zoom")  # "Literal['zoom']" is not assignable
clearsight.exercise("shapes", epoch=3)  # No parameter named "epoch"
clearsight.trace("lesson", against=3)  # No overloads for "trace" match
"""


def test_the_types_of_options_are_fresh() -> None:
    from make_option_types import generated_files

    for path, text in generated_files().items():
        assert path.read_text("utf-8") == text, f"{path} is stale: run `make docs`"


@pytest.mark.slow
def test_mistakes_in_options_are_found(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(USER)
    expected = {
        number: line.partition("  # ")[2]
        for number, line in enumerate(USER.splitlines())
        if "  # " in line
    }
    found: dict[int, str] = {}
    for mistake in mistakes_in(tmp_path):
        line = mistake["range"]["start"]["line"]
        found[line] = found.get(line, "") + mistake["message"]
    assert {line: expected.get(line, "nothing") in text for line, text in found.items()} == (
        dict.fromkeys(expected, True)
    ), found


@pytest.mark.slow
def test_the_examples_of_the_documentation_are_typed(tmp_path: Path) -> None:
    for page in PAGES:
        blocks = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL)
        if blocks:
            name = "_".join(page.relative_to(ROOT).with_suffix(".py").parts)
            (tmp_path / name).write_text("\n".join(blocks))
    assert len(list(tmp_path.iterdir())) >= 3
    for path in (ROOT / "examples").glob("*.py"):
        (tmp_path / path.name).write_text(path.read_text("utf-8"))
    messages = [
        f"{Path(each['file']).name}:{each['range']['start']['line'] + 1}: {each['message']}"
        for each in mistakes_in(tmp_path)
        if 'parameter "verbose" of type "str"' not in each["message"]  # Keras documents numbers
    ]
    assert messages == []


def mistakes_in(folder: Path) -> list[dict]:
    """Return what pyright finds in the files of a folder, with the packages that tests see."""
    paths = [path for path in sys.path if path and Path(path).is_dir()]
    settings = {"include": ["."], "extraPaths": paths, "typeCheckingMode": "standard"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout)["generalDiagnostics"]
