"""Trainings in a real notebook's kernel, and results as a notebook displays them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from matplotlib.figure import Figure

import clearsight
from clearsight.errors import RequestError, RunError
from clearsight.run.comparison import RunComparison
from clearsight.run.seeds.runs import SeedRuns
from clearsight.run.store.run import Run
from support.notebook import run_cells


def _without_style(html: str) -> str:
    return re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)


def test_a_run_displays_its_scores_chart_reading_and_links(
    digits_run_of_two_epochs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(digits_run_of_two_epochs.parent)
    run = Run.load(digits_run_of_two_epochs.name)
    results = run.results
    html = run._repr_html_()
    low, high = results.test_accuracy_interval or (0, 0)
    assert f"<b>{results.test_accuracy:.3f}</b>" in html
    assert f"95% interval {low:.3f} to {high:.3f}" in html
    assert html.count("<svg") == 2  # accuracy and loss
    for finding in results.findings:
        assert finding.sentence.split("(")[0] in html
    assert f'href="{digits_run_of_two_epochs.name}"' in html
    assert "prefers-color-scheme" not in html  # a notebook's theme need not be the system's
    for shown in (run, results, run.history, run.plot()):
        assert len(repr(shown).splitlines()) == 1
        assert "<script" not in shown._repr_html_()
    assert f"{results.test_accuracy:.3f}" in repr(run)


def test_a_run_that_has_not_finished_or_is_damaged_displays_that(
    digits_run_of_two_epochs: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "<i>run</i>"
    shutil.copytree(digits_run_of_two_epochs, folder)
    (folder / "results.json").unlink()
    run = Run.load(folder)
    assert "validation accuracy" in run._repr_html_()
    assert "<i>run" not in run._repr_html_()
    (folder / "history.csv").unlink()
    assert "clearsight train --resume" in re.sub("<.*?>", "", run._repr_html_())
    with pytest.raises(RunError, match="at least one finished epoch"):
        run.plot()
    (folder / "results.json").write_text("{")
    assert "results.json" in run._repr_html_()
    assert repr(run).startswith("Run(")


def test_a_chart_is_drawn_on_matplotlibs_axes(
    digits_run_of_two_epochs: Path, tmp_path: Path
) -> None:
    run = Run.load(digits_run_of_two_epochs)
    both = Figure().subplots(1, 2)
    assert run.plot(ax=both) is both
    for ax, metric in zip(both, ("accuracy", "loss"), strict=True):
        training, validation, *_marks = ax.get_lines()
        assert list(training.get_ydata()) == run.history[metric]
        assert list(validation.get_ydata()) == run.history[f"val_{metric}"]
        assert ax.get_ylabel() == metric
        guesses = {
            line.get_label(): line for line in ax.get_lines() if line.get_linestyle() == "--"
        }
        ((label, line),) = guesses.items()
        assert label.startswith("guessing 0." if metric == "accuracy" else "guessing 2.3")
        # Only where it squeezes nothing: these axes have no break.
        assert ("off the axis" in label) == (len(line.get_ydata()) == 0)
    one = Figure().subplots()
    assert run.plot(ax=one) is one
    assert one.get_ylabel() == "accuracy"
    for wrong in (3, "axes", [], [one] * 3):
        with pytest.raises(RequestError, match="one of matplotlib's axes"):
            run.plot(ax=wrong)
    run.plot().save(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(RequestError, match=r"named FILE\.png"):
        run.plot().save(tmp_path / "curves.jpg")


def test_a_comparison_displays_both_runs(digits_run: Path, digits_run_of_two_epochs: Path) -> None:
    found = clearsight.compare(digits_run, Run.load(digits_run_of_two_epochs))
    assert isinstance(found, RunComparison)
    html = found._repr_html_()
    assert all(f">{value:.3f}</td>" in html for value in found.accuracies)
    assert html.count('class="interval"') == 2
    assert html.count("<svg") == 2
    assert len(repr(found).splitlines()) == 1


def test_a_trace_displays_its_table() -> None:
    trace = clearsight.trace("lesson")
    html = trace._repr_html_()
    assert "421,642" in html
    assert "(28, 28, 32)" in html
    assert repr(trace).startswith("Trace(lesson for (28, 28, 1): 7 layers, 421,642 parameters")


@pytest.mark.slow
def test_training_is_one_output_that_ends_with_the_result(tmp_path: Path) -> None:
    start, assigned, shown, seeds, silent = run_cells(
        tmp_path,
        "import clearsight; clearsight.train;",
        "run = clearsight.train('digits', epochs=4, batch_size=8, out='a')",
        "clearsight.train('digits', epochs=2, out='b', report=False, bundle=False)",
        "clearsight.train('digits', epochs=1, seeds=2, out='c', report=False, bundle=False)",
        "d = clearsight.train('digits', epochs=1, out='d', verbose=False)",
    )
    assert start.types == []
    assert assigned.types == ["display_data"], assigned.text(1)  # and not 4 times 144 batches
    assert assigned.messages["update_display_data"] > 4  # within an epoch too
    html = _without_style(assigned.html())
    assert "test accuracy" in html
    assert html.count("<svg") == 2
    assert 'href="a/report.html"' in html
    assert "4/4" in html  # the table of epochs is still there
    assert "<dt>network</dt>" in html
    assert re.findall(r"^\d/4", assigned.text(), re.MULTILINE) == ["1/4", "2/4", "3/4", "4/4"]
    assert shown.types == ["display_data", "execute_result"]
    assert "test accuracy" not in shown.html(0)  # once is enough
    assert "2/2" in shown.html(0)
    assert "test accuracy" in shown.html(1)
    assert shown.text(1).startswith("Run('b'")
    assert seeds.types == ["display_data", "execute_result"]
    assert "Seed 1, 2 of 2" in seeds.html(0)
    assert "standard deviation" in seeds.html(1)
    assert silent.types == []
    assert SeedRuns.load(tmp_path / "c").is_finished


@pytest.mark.slow
def test_an_accelerated_fit_is_one_output(tmp_path: Path) -> None:
    make = """
        import clearsight, numpy as np
        clearsight.trace
        import keras
        x = np.random.default_rng(0).random((2000, 8, 8, 1), dtype="float32")
        y = np.arange(2000) % 10
        def build():
            keras.utils.set_random_seed(0)
            model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(),
                                      keras.layers.Dense(10, activation="softmax")])
            model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
            return model
        model = clearsight.accelerate(build())
        def batches():
            while True:
                yield x[:20], y[:20]
    """
    _, fit, generator, lines, nothing, own, predict, plain = run_cells(
        tmp_path,
        make,
        "h = model.fit(x, y, epochs=4, batch_size=8, validation_split=0.2)",
        "h = model.fit(batches(), steps_per_epoch=20, epochs=2, shuffle=False)",
        "h = model.fit(x, y, epochs=2, verbose=2)",
        "h = model.fit(x, y, epochs=2, verbose=0)",
        "h = model.fit(x, y, epochs=2, callbacks=[keras.callbacks.ProgbarLogger()])",
        "p = model.predict(x, verbose=0); p.shape",
        """
        plain = build().fit(x, y, epochs=2, batch_size=50, verbose=0)
        shown = clearsight.accelerate(build()).fit(x, y, epochs=2, batch_size=50)
        np.allclose(plain.history["loss"], shown.history["loss"], rtol=1e-6)
        """,
    )
    for cell, last in ((fit, "4/4"), (generator, "2/2")):
        assert cell.types == ["display_data"]
        assert last in cell.html()
        assert "<progress" not in cell.html()
    assert "val_accuracy" in fit.html()
    assert fit.messages["update_display_data"] < 60  # of 800 batches
    assert set(lines.types) == {"stream"}
    assert nothing.types == []
    assert set(own.types) == {"stream"}
    assert predict.types == ["execute_result"]
    assert plain.text(1) == "True"
