"""`RunRecord` and `SeedsRecord`: the contents of ``run.json`` and ``seeds.json``."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    model_validator,
)

from clearsight.data.listing import PARTS, Part
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError
from clearsight.run.request import ResolvedRequest, TrainRequest
from clearsight.run.store.files import read_json
from clearsight.run.store.location import SEEDS_RECORD_NAME
from clearsight.training.recipe import Count, PositiveCount

Status = Literal["running", "finished", "interrupted", "failed"]
MAX_SEEDS = 10_000


def local_time(text: str) -> datetime:
    """Return the local time that a record's ISO 8601 text means.

    Raises:
        ValueError: when it is no such time.
    """
    try:
        return datetime.fromisoformat(text).astimezone()
    except OverflowError as error:  # in the years 1 and 9999
        raise ValueError(str(error)) from error


def _check_time(text: str) -> str:
    local_time(text)
    return text


def _read_preparation(value: Any) -> Any:
    try:
        return value if isinstance(value, Preparation) else Preparation.from_json(value)
    except DataError as error:
        raise ValueError(str(error)) from error


_Time = Annotated[str, AfterValidator(_check_time)]
_Pixel = Annotated[int, Field(ge=0, le=255)]
_Request = Annotated[TrainRequest, PlainSerializer(TrainRequest.to_json)]
_Preparation = Annotated[
    InstanceOf[Preparation],
    BeforeValidator(_read_preparation),
    PlainSerializer(Preparation.to_json),
]


class ImagesRecord(BaseModel):
    """One part of a run's images, as `ImageSet.summary` describes it.

    Attributes:
        num_images: how many there are.
        image_shape: height, width and channels.
        lowest_value: of all pixels.
        highest_value: of all pixels.
        class_counts: number of images of each class, by its name.
        provenance: where they come from, in words.
        sha256: their fingerprint, in hexadecimal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_images: PositiveCount
    image_shape: tuple[PositiveCount, PositiveCount, PositiveCount]
    lowest_value: _Pixel
    highest_value: _Pixel
    class_counts: dict[str, Count]
    provenance: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]  # it becomes a file's name


def describe_parts(splits: Splits) -> dict[Part, ImagesRecord]:
    """Return what a record holds about each part of a source."""
    found = splits.parts
    return {part: ImagesRecord(**found[part].summary()) for part in PARTS if part in found}


class SplitRecord(BaseModel):
    """How the validation images of a run were chosen.

    Attributes:
        method: as `ValidationSplit.method`.
        num_validation: how many there are.
        train_guessing_accuracy: of always predicting the most common class, on the images that are
            trained on; None in records of earlier versions.
        val_guessing_accuracy: the same on the validation images.
        guessing_loss: the training loss, in nats, of always predicting the frequencies of the
            classes; None if the network adds a penalty to its loss.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["tail", "stratified", "own"]
    num_validation: PositiveCount
    train_guessing_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    val_guessing_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    guessing_loss: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class RunRecord(BaseModel):
    """The options of a run, as given and as settled, and what it ran on.

    Attributes:
        format_version: of this file.
        status: how far the run came; "running" also when its process was killed.
        interrupted_at: where a signal came, in words, or None.
        failed_because: why the run failed, in words, or None.
        started_at: local time, ISO 8601 with its offset.
        given: the options that were given; see `TrainRequest.portable`.
        request: the options with everything settled that was left open.
        class_names: label k means ``class_names[k]``.
        preparation: how images become the network's input.
        data: what is known about the images of each part; there is always one called train.
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
    started_at: _Time
    given: _Request
    request: ResolvedRequest
    class_names: Annotated[tuple[str, ...], Field(min_length=2)]
    preparation: _Preparation
    data: dict[Part, ImagesRecord]
    split: SplitRecord
    notes: tuple[str, ...]
    num_parameters: Count
    reproducible: bool
    reproducible_because: str
    versions: dict[str, str]
    machine: dict[str, str | int | float | None]
    resumptions: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check_consistent(self) -> Self:
        if len(set(self.class_names)) < len(self.class_names):
            raise ValueError("class_names should differ from each other, but some repeat")
        if "train" not in self.data:
            raise ValueError("data should describe the training images, but does not")
        for part, images in self.data.items():
            if images.image_shape != self.preparation.image_shape:
                raise ValueError(
                    f"the images called {part} should have the preparation's shape "
                    f"{self.preparation.image_shape}, but have {images.image_shape}"
                )
        if self.num_train < 1:
            raise ValueError("there should be images to train on, but all are held out")
        return self

    @property
    def num_train(self) -> int:
        """How many images are trained on, without those held out for validation."""
        num_held_out = 0 if self.split.method == "own" else self.split.num_validation
        return self.data["train"].num_images - num_held_out

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
        return self.model_copy(update={"given": self.given.with_options(**changes)})

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
    first_seed: Annotated[int, Field(ge=0, lt=2**32)]
    num_seeds: Annotated[int, Field(ge=1, le=MAX_SEEDS)]
    same_validation: bool
    started_at: _Time
    request: _Request

    @model_validator(mode="after")
    def _check_last_seed(self) -> Self:
        if self.first_seed + self.num_seeds > 2**32:
            raise ValueError("the last seed should be below 2**32, but is not")
        return self


def read_seeds_record(path: Path) -> SeedsRecord:
    """Read ``seeds.json`` in the folder `path`.

    Raises:
        RunError: when it is missing or damaged.
    """
    return read_json(path / SEEDS_RECORD_NAME, SeedsRecord, "runs with several seeds")
