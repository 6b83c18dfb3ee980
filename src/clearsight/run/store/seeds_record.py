"""`SeedsRecord`: what was requested of runs that differ only by their seed."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, PositiveInt

from clearsight.run.store.json_file import read_json
from clearsight.run.store.location import SEEDS_RECORD_NAME


class SeedsRecord(BaseModel):
    """What ``seeds.json`` holds besides the results.

    Attributes:
        format_version: of this file.
        source: the source's name or absolute path, "arrays" if it was a Python object.
        model: as requested.
        first_seed: seed of the first run; each further run has the next.
        num_seeds: number of runs requested.
        same_validation: whether all runs have the same validation images.
        started_at: local time, ISO 8601 with its offset.
        request: the `TrainRequest`, so that missing runs can be trained later.
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


def read_seeds_record(path: Path) -> SeedsRecord:
    """Read ``seeds.json`` in the folder `path`.

    Raises:
        RunError: when it is missing or damaged.
    """
    return read_json(path / SEEDS_RECORD_NAME, SeedsRecord, "runs with several seeds")
