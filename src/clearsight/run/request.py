"""`TrainRequest`: everything a training is asked for, checked where it comes in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, PositiveInt, ValidationError

from clearsight.data.sources.load import SOURCES
from clearsight.data.sources.options import SourceOptions
from clearsight.data.sources.python_objects import splits_from_object
from clearsight.data.splits.splits import Splits
from clearsight.engine.accelerate import Engine
from clearsight.engine.runtime.device import DeviceChoice
from clearsight.engine.runtime.precision import PrecisionChoice
from clearsight.errors import RequestError, format_validation_error
from clearsight.models.backend import keras
from clearsight.training.recipe import Fraction, PositiveFiniteFloat, Recipe

OVERRIDES = (
    "epochs", "batch_size", "learning_rate", "validation_split", "train_limit", "test_limit",
)  # fmt: skip
CheckpointMinutes = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class TrainRequest(BaseModel):
    """What a training is asked for; None means: as the recipe says.

    Attributes:
        source: a source's name or path, or `Splits`.
        model: a zoo name, "FILE.keras", "FILE.py:FUNCTION", or a built `keras.Model`, which is
            then compiled anew and trained in place; None takes the recipe's.
        model_arguments: options of the named model.
        recipe: a recipe's name or a `Recipe`; None takes the source's own, "strong" for arrays.
        recipe_arguments: any other value of `Recipe` in place of the recipe's, by its name.
        epochs, batch_size, learning_rate, validation_split, train_limit, test_limit: in place of
            the recipe's.
        seed: of the first weights, the order of images and a stratified split.
        engine: "clearsight", which is fast, or "keras" for Keras's own steps, to compare with.
        precision: "auto", "float32" or "bfloat16".
        device: "auto", "cpu" or "cuda".
        out: the run's folder, which must not exist yet; None makes one in ``runs/``.
        source_options: how the source's images are read.
        checkpoint_minutes: between checkpoints within an epoch; each epoch's end has one anyway.
        report: whether ``report.html`` is written when the run has finished.
        bundle: whether ``bundle/`` is.
        no_test: whether the test images stay sealed: not predicted, and no look recorded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    source: str | InstanceOf[Splits]
    model: str | InstanceOf[keras.Model] | None = None
    model_arguments: dict[str, Any] = Field(default_factory=dict)
    recipe: str | Recipe | None = None
    recipe_arguments: dict[str, Any] = Field(default_factory=dict)
    epochs: PositiveInt | None = None
    batch_size: PositiveInt | None = None
    learning_rate: PositiveFiniteFloat | None = None
    validation_split: Fraction | None = None
    train_limit: PositiveInt | None = None
    test_limit: PositiveInt | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    engine: Engine = "clearsight"
    precision: PrecisionChoice = "auto"
    device: DeviceChoice = "auto"
    out: Path | None = None
    source_options: SourceOptions = Field(default_factory=SourceOptions)
    checkpoint_minutes: CheckpointMinutes = 10.0
    no_test: bool = False
    report: bool = True
    bundle: bool = True

    @property
    def overrides(self) -> dict[str, Any]:
        """The recipe values that were asked for by hand."""
        named = {name: getattr(self, name) for name in OVERRIDES}
        given = {name: value for name, value in named.items() if value is not None}
        return {**self.recipe_arguments, **given}

    @property
    def source_name(self) -> str:
        """What to call the source in sentences and file names."""
        if not isinstance(self.source, str):
            return "arrays"
        return self.source if self.is_named_source else Path(self.source).resolve().name

    @property
    def is_named_source(self) -> bool:
        """Whether the source is one of the table's, not the user's own."""
        return isinstance(self.source, str) and self.source in SOURCES

    @property
    def model_name(self) -> str:
        """What to call the model in file names and records."""
        return self.model.name if isinstance(self.model, keras.Model) else str(self.model)


def train_request(source: Any, **options: Any) -> TrainRequest:
    """Make a `TrainRequest`, with all mistakes in one sentence.

    Args:
        source: a name, a path, or any Python object that `splits_from_object` knows.
        **options: fields of `TrainRequest`, and of `SourceOptions` beside them.

    Raises:
        RequestError: when options are unknown or out of range.
        DataError: when the source is an object that holds no images with labels.
    """
    of_source = {name: options.pop(name) for name in SourceOptions.model_fields if name in options}
    if of_source:
        options["source_options"] = of_source
    source = str(source) if isinstance(source, Path) else source
    try:
        request = TrainRequest(source=source if isinstance(source, str) else "", **options)
    except ValidationError as error:
        raise RequestError(
            f"The training request is not valid: {format_validation_error(error)}."
        ) from error
    if isinstance(source, str):
        return request
    splits = splits_from_object(source, request.source_options)
    return request.model_copy(update={"source": splits})
