"""`RunRecord` and `SeedsRecord`: the contents of ``run.json`` and ``seeds.json``."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, PlainSerializer, PositiveInt

from clearsight.run.request import ResolvedRequest, TrainRequest
from clearsight.run.store.files import read_json
from clearsight.run.store.location import SEEDS_RECORD_NAME

Status = Literal["running", "finished", "interrupted", "failed"]


class RunRecord(BaseModel):
    """The options of a run, as given and as settled, and what it ran on.

    Attributes:
        format_version: of this file.
        status: how far the run came; "running" also when its process was killed.
        interrupted_at: where a signal came, in words, or None.
        failed_because: why the run failed, in words, or None.
        started_at: local time, ISO 8601 with its offset.
        given: the options that were given, JSON-ready; see `TrainRequest.portable`.
        request: the options with everything settled that was left open.
        class_names: label k means ``class_names[k]``.
        preparation: how images become the network's input.
        data: counts, provenance and SHA-256 of training and test images.
        split: how the validation images were chosen.
        notes: shown to the user before training.
        num_parameters: of the network.
        reproducible: whether the same seed on the same machine gives the same weights.
        reproducible_because: what breaks that, or why it holds.
        versions: of what computed the run.
        machine: what it computed on.
        resumptions: a sentence for each time that the run was resumed.
        changes: a sentence for each difference that was accepted on such an occasion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[2] = 2
    status: Status
    interrupted_at: str | None = None
    failed_because: str | None = None
    started_at: str
    given: dict[str, Any]
    request: ResolvedRequest
    class_names: tuple[str, ...]
    preparation: dict[str, Any]
    data: dict[str, Any]
    split: dict[str, Any]
    notes: tuple[str, ...]
    num_parameters: int
    reproducible: bool
    reproducible_because: str
    versions: dict[str, str]
    machine: dict[str, Any]
    resumptions: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def num_train(self) -> int:
        """How many images are trained on, without those held out for validation."""
        num_held_out = 0 if self.split["method"] == "own" else int(self.split["num_validation"])
        return int(self.data["train"]["num_images"]) - num_held_out

    @property
    def steps_per_epoch(self) -> int:
        """Batches per epoch."""
        return -(-self.num_train // self.request.recipe.batch_size)

    def with_status(self, status: Status, reason: str | None = None) -> Self:
        """Return the record with another status, and where it was interrupted or why it failed."""
        update = {
            "status": status,
            "interrupted_at": reason if status == "interrupted" else None,
            "failed_because": reason if status == "failed" else None,
        }
        return self.model_copy(update=update)

    def with_given(self, changes: dict[str, Any]) -> Self:
        """Return the record of a run that was resumed with other options."""
        given = TrainRequest(**self.given).with_options(**changes).portable()
        return self.model_copy(update={"given": given})

    def irreproducible(self, because: str) -> Self:
        """Return the record of a run whose weights another run would not get, with the reason."""
        update = {
            "reproducible": False,
            "reproducible_because": because,
            "changes": (*self.changes, because),
        }
        return self.model_copy(update=update)


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
        request: as it was given, so that missing runs can be trained later.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format_version: Literal[1] = 1
    source: str
    model: str
    first_seed: int
    num_seeds: PositiveInt
    same_validation: bool
    started_at: str
    request: Annotated[TrainRequest, PlainSerializer(TrainRequest.portable)]


def read_seeds_record(path: Path) -> SeedsRecord:
    """Read ``seeds.json`` in the folder `path`.

    Raises:
        RunError: when it is missing or damaged.
    """
    return read_json(path / SEEDS_RECORD_NAME, SeedsRecord, "runs with several seeds")
