"""A training's progress in a real notebook's kernel: one output, updated in place."""

from __future__ import annotations

from pathlib import Path

from clearsight.display.notebook import notebook_shell
from support.notebook import run_cells


def test_outside_of_a_notebook_there_is_none() -> None:
    assert notebook_shell() is None


def test_progress_is_one_output(tmp_path: Path) -> None:
    begin = """
        from clearsight.display.training_output import TrainingOutput
        shown = TrainingOutput()
        shown.say("<b>a note</b>")
        shown.begin(num_epochs=50, num_batches=188)
        for epoch in range(1, 31):
            shown.begin_epoch(epoch)
            for batch in range(188):
                if shown.is_due:
                    shown.advance(batch + 1, {"loss": 0.5})
            shown.end_epoch(epoch, {"loss": epoch / 100, "seconds": 0.01})
    """
    running, ended, counted = run_cells(
        tmp_path,
        begin,
        "shown.end()",
        """
        with TrainingOutput().phase("decoding <images>", 5_000) as show:
            show(2_500)
        """,
    )
    assert running.types == ["display_data"]
    assert running.messages["update_display_data"] < 10  # not one for each of 5,640 batches
    assert "&lt;b&gt;a note" in running.html()
    # The last state replaces the first, in the cell where it was shown.
    assert "<td" in running.html()
    assert "30/50" in running.html()
    assert "1/50" in running.text()
    assert ended.types == []
    assert counted.types == ["display_data"]
    assert "decoding &lt;images&gt;, 2,500/5,000" in counted.html()
