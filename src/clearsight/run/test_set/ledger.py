"""The ledger of test-set uses: which run was evaluated on which test set, and how well.

It lies in the user's data folder, one file per test set, named by the images' fingerprint (SHA-256
in hexadecimal), with one line per use. Each line is appended in a single write, so that concurrent
processes lose none.
"""

import base64
import json
import logging
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import platformdirs
from pydantic import Field, TypeAdapter, ValidationError

from clearsight.evaluation.comparison.optimism import optimism_of_best
from clearsight.io.readable_name import readable_name
from clearsight.io.regular_file import append_to_regular, read_regular
from clearsight.run.store.results import TestSetUses
from clearsight.training.recipe import PositiveCount

_logger = logging.getLogger(__name__)
# Above this many images a line would be long; only the accuracy is recorded.
_MAX_FLAGS = 100_000
_MAX_BYTES = 200_000_000  # 12,000 uses with the longest lines


@dataclass(frozen=True)
class TestSetUse:
    """One evaluation on a test set: a line of the ledger.

    Attributes:
        time: local, ISO 8601 with its offset.
        run: absolute path of the run's folder, as `readable_name`.
        command: the command that evaluated.
        accuracy: on the test images.
        val_accuracy: of the run on its validation images; None if it has no finished epoch.
        num_images: number of test images.
        correct: which predictions were correct, one bit each in base64; "" for very many images.
    """

    time: str
    run: str
    command: Literal["train", "evaluate"]
    accuracy: Annotated[float, Field(ge=0, le=1)]
    val_accuracy: float | None
    num_images: PositiveCount
    correct: str = ""

    @classmethod
    def now(
        cls,
        run: Path,
        command: Literal["train", "evaluate"],
        is_correct: np.ndarray,
        val_accuracy: float | None,
    ) -> Self:
        """Return a use at this moment; `is_correct`, bool (N,): which predictions are correct."""
        bits = np.packbits(is_correct).tobytes() if len(is_correct) <= _MAX_FLAGS else b""
        return cls(
            time=datetime.now().astimezone().isoformat(timespec="seconds"),
            run=_run_name(run),
            command=command,
            accuracy=float(np.mean(is_correct)),
            val_accuracy=val_accuracy,
            num_images=len(is_correct),
            correct=base64.b64encode(bits).decode(),
        )


_ADAPTER = TypeAdapter(TestSetUse)


def is_use_of(use: TestSetUse, run: Path) -> bool:
    """Return whether a use is one of the run in that folder."""
    return use.run == _run_name(run)


def _run_name(run: Path) -> str:
    """Return a run's absolute path as text that a line can hold."""
    return readable_name(str(run.resolve()))


def ledger_folder() -> Path:
    """Return the ledger's folder: in ``$CLEARSIGHT_DATA``, else in the user's data folder."""
    folder = os.environ.get("CLEARSIGHT_DATA")
    return (Path(folder) if folder else platformdirs.user_data_path("clearsight")) / "test_sets"


def record_use(fingerprint: str, use: TestSetUse) -> TestSetUses:
    """Record a use of the test set whose images have this fingerprint, and count all uses so far.

    A ledger that cannot be read or written never stops a run; a warning is logged.
    """
    path = ledger_folder() / f"{fingerprint}.jsonl"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The first newline ends a line that was half written when the machine lost power.
        line = f"\n{json.dumps(asdict(use), ensure_ascii=True)}\n".encode()
        append_to_regular(path, line)
    except OSError as error:
        _logger.warning(
            "This use of the test set should be recorded in %s, but cannot be: %s. Later runs will "
            "not count it; choose another folder with the environment variable CLEARSIGHT_DATA.",
            path,
            error.strerror or error,
        )
    uses = read_uses(fingerprint)
    return _summarize(uses if use in uses else (*uses, use))


def read_uses(fingerprint: str) -> tuple[TestSetUse, ...]:
    """Read all uses of a test set, oldest first; damaged lines are skipped with a warning."""
    path, uses, num_damaged = ledger_folder() / f"{fingerprint}.jsonl", [], 0
    try:
        lines = read_regular(path, _MAX_BYTES).splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        _logger.warning(
            "Earlier uses of this test set should be listed in %s, but it cannot be read: %s. They "
            "are not counted.",
            path,
            error.strerror,
        )
        return ()
    for line in filter(None, map(bytes.strip, lines)):
        try:
            uses.append(_ADAPTER.validate_json(line))
        except ValidationError:
            num_damaged += 1
    if num_damaged:
        _logger.warning(
            "%d of %d lines in %s are damaged: the uses of the test set that they recorded are not "
            "counted.",
            num_damaged,
            num_damaged + len(uses),
            path,
        )
    return tuple(uses)


def _summarize(uses: tuple[TestSetUse, ...]) -> TestSetUses:
    # Evaluating the same network again gives nothing more to choose from.
    networks = {(use.run, use.accuracy): use for use in uses}.values()
    flags = [_correct_flags(use) for use in networks]
    known = [row for row in flags if row is not None]
    num_images = uses[-1].num_images
    all_known = len(known) == len(networks) and all(len(row) == num_images for row in known)
    return TestSetUses(
        count=len(uses),
        num_runs=len({use.run for use in uses}),
        optimism=optimism_of_best(
            np.array([use.accuracy for use in networks]),
            num_images,
            np.stack(known) if all_known else None,
        ),
    )


def _correct_flags(use: TestSetUse) -> np.ndarray | None:
    """Return which predictions were correct, bool (N,), if the line records it."""
    try:
        packed = np.frombuffer(base64.b64decode(use.correct, validate=True), np.uint8)
    except ValueError:
        return None
    if len(packed) != -(-use.num_images // 8):
        return None
    return np.unpackbits(packed, count=use.num_images).astype(bool)
