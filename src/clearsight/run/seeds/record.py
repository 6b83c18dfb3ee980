"""`SeedsRecord`: what was asked of trainings that differ only by their seed, and where they lie."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from clearsight.errors import RunError

RECORD_NAME = "seeds.json"


class SeedsRecord(BaseModel):
    """What ``seeds.json`` says besides the results.

    Attributes:
        format_version: of this file.
        source: the source's name or whole path, "arrays" when it came from Python.
        model: what was asked for.
        first_seed: of the first member; each further one has the next.
        num_seeds: how many members there shall be.
        same_validation: whether all members validate on the same images.
        started_at: local time, ISO 8601 with its offset.
        request: the `TrainRequest`, so that missing members can be trained later.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format_version: Literal[1] = 1
    source: str
    model: str
    first_seed: int
    num_seeds: PositiveInt
    same_validation: bool
    started_at: str
    request: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read ``seeds.json`` of a folder.

        Raises:
            RunError: when it is absent or damaged.
        """
        file = path / RECORD_NAME
        try:
            return cls.model_validate_json(file.read_bytes())
        except (OSError, ValidationError) as error:
            raise RunError(
                f"{file} should describe trainings with several seeds, but is absent, damaged or "
                "of another version."
            ) from error


def member_path(path: Path, index: int) -> Path:
    """Return the folder of a member, counted from 0, of the trainings in `path`."""
    return path / "seeds" / str(index)


def is_run(path: Path) -> bool:
    """Tell whether a folder holds one training."""
    return os.path.isfile(path / "run.json")


def is_seed_runs(path: Path) -> bool:
    """Tell whether a folder holds trainings with several seeds."""
    return os.path.isfile(path / RECORD_NAME)
