"""The ledger of test sets: who has looked at which, and how much choosing among them flatters.

It lies in the user's data folder, one file a test set, named by the images' fingerprint, one line
a look. A line is appended in one write, so that processes at the same time lose nothing.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import platformdirs

from clearsight.evaluation.comparison.optimism import optimism_of_best

_MOST_ANSWERS = 100_000  # of more images a line would be long; then only the accuracy is kept


@dataclass(frozen=True)
class Look:
    """One opening of a test set: a line of the ledger.

    Attributes:
        time: local, ISO 8601 with its offset.
        run: the whole path of the run's folder.
        what: "train" or "evaluate".
        accuracy: on the test images.
        val_accuracy: of the run, on its validation images; None when it has no epoch.
        num_images: how many test images.
        correct: which were named rightly, one bit each in base64; "" of very many images.
    """

    time: str
    run: str
    what: Literal["train", "evaluate"]
    accuracy: float
    val_accuracy: float | None
    num_images: int
    correct: str = ""

    @classmethod
    def at(
        cls,
        run: Path,
        what: Literal["train", "evaluate"],
        is_right: np.ndarray,
        val_accuracy: float | None,
    ) -> Look:
        """Return a look of this moment.

        Args:
            run: the run's folder.
            what: which verb looks.
            is_right: bool (N,), which images are named rightly.
            val_accuracy: of the run.
        """
        bits = np.packbits(is_right).tobytes() if len(is_right) <= _MOST_ANSWERS else b""
        return cls(
            time=datetime.now().astimezone().isoformat(timespec="seconds"),
            run=str(run.resolve()),
            what=what,
            accuracy=float(np.mean(is_right)),
            val_accuracy=val_accuracy,
            num_images=len(is_right),
            correct=base64.b64encode(bits).decode(),
        )


@dataclass(frozen=True)
class Looks:
    """What the ledger says of a test set, the look just made included.

    Attributes:
        count: how many looks.
        num_runs: by how many runs.
        optimism: by how much the best of the scores is too high, at most about, as a share.
        note: why this look could not be recorded, or "".
    """

    count: int
    num_runs: int
    optimism: float
    note: str = ""

    @property
    def sentence(self) -> str:
        """What the user should know; "" where there is nothing to choose among."""
        if self.optimism == 0:
            return ""
        runs = "1 run" if self.num_runs == 1 else f"{self.num_runs:,} runs"
        return (
            f"This test set has been looked at {self.count:,} times by {runs}; choosing the best "
            f"of them makes its score optimistic by up to about {100 * self.optimism:.1f} points."
        )


def ledger_folder() -> Path:
    """Where the ledger lies: in ``$CLEARSIGHT_DATA``, else in the user's data folder."""
    named = os.environ.get("CLEARSIGHT_DATA")
    return (Path(named) if named else platformdirs.user_data_path("clearsight")) / "test_sets"


def record_look(fingerprint: str, look: Look) -> Looks:
    """Record a look at a test set, and say how many there have been.

    A ledger that cannot be written or read never stops a run; `Looks.note` says so.

    Args:
        fingerprint: the test images' SHA-256 in hexadecimal.
        look: this one.
    """
    path = ledger_folder() / f"{fingerprint}.jsonl"
    note = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _append(path, look)
    except OSError as error:
        note = (
            f"This look at the test set should be recorded in {path}, but cannot be: "
            f"{error.strerror or error}. Later runs will not count it; name another folder in the "
            "environment variable CLEARSIGHT_DATA."
        )
    looks = read_looks(fingerprint)
    return _summary(looks if look in looks else (*looks, look), note)


def read_looks(fingerprint: str) -> tuple[Look, ...]:
    """Read all looks at a test set, the oldest first; a damaged line is skipped.

    Args:
        fingerprint: the test images' SHA-256 in hexadecimal.
    """
    try:
        text = (ledger_folder() / f"{fingerprint}.jsonl").read_text("utf-8", "replace")
    except OSError:
        return ()
    return tuple(look for line in text.splitlines() if (look := _look_of(line)) is not None)


def _append(path: Path, look: Look) -> None:
    # A line that a killed machine left half written must not swallow this one.
    line = f"\n{json.dumps(asdict(look), ensure_ascii=True)}\n".encode()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def _look_of(line: str) -> Look | None:
    try:
        values: dict[str, Any] = json.loads(line)
        look = Look(**values)
        is_sound = 0 <= look.accuracy <= 1 and look.num_images >= 1 and isinstance(look.run, str)
    except (ValueError, TypeError):
        return None
    return look if is_sound else None


def _summary(looks: tuple[Look, ...], note: str) -> Looks:
    # Who looks again at the same network has nothing more to choose among.
    networks = {(look.run, look.accuracy): look for look in looks}.values()
    answers = [_answers(look) for look in networks]
    known = [row for row in answers if row is not None]
    num_images = looks[-1].num_images
    is_known = len(known) == len(networks) and all(len(row) == num_images for row in known)
    return Looks(
        count=len(looks),
        num_runs=len({look.run for look in looks}),
        optimism=optimism_of_best(
            np.array([look.accuracy for look in networks]),
            num_images,
            np.stack(known) if is_known else None,
        ),
        note=note,
    )


def _answers(look: Look) -> np.ndarray | None:
    """Return which images were named rightly, bool (N,), where the line tells it."""
    try:
        packed = np.frombuffer(base64.b64decode(look.correct, validate=True), np.uint8)
        bits = np.unpackbits(packed, count=look.num_images)
    except (ValueError, TypeError):
        return None
    return bits.astype(bool) if len(packed) == -(-look.num_images // 8) else None
