"""`TrainRequest`: the options of a training, validated on creation."""

import os
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, ConfigDict, Field, InstanceOf

from clearsight.data.sources.load import SOURCES, resolve_source
from clearsight.data.sources.options import SourceOptions
from clearsight.data.sources.python_objects import splits_from_object
from clearsight.data.splits.splits import Splits
from clearsight.engine.runtime.choices import (
    Device,
    DeviceChoice,
    Engine,
    Precision,
    PrecisionChoice,
)
from clearsight.io.readable_name import readable_name
from clearsight.models.object_names import model_name, recorded_model
from clearsight.options import Option, Request
from clearsight.training.recipe import Fraction, PositiveCount, PositiveFiniteFloat, Recipe

ARRAYS = "arrays"  # what a source of objects from Python is called


def _check_model(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if value is None or isinstance(value, str) or callable(value):
        return value
    raise ValueError(
        "should be a name, FILE.keras, FILE.py:FUNCTION, a keras.Model, or a function that takes "
        "input_shape and num_classes and returns one"
    )


class TrainRequest(Request):
    """The options of a training; None means: as the recipe says.

    The help of each field explains it; see `clearsight.options`. Fields that are also fields of
    `Recipe` replace the recipe's values.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)
    subject: ClassVar[str] = "The training request is"
    related_names: ClassVar[tuple[str, ...]] = tuple(SourceOptions.model_fields)

    source: str | InstanceOf[Splits]
    model: Annotated[
        Any,
        AfterValidator(_check_model),
        Option(
            "The network; by default the recipe's.",
            "NAME|FILE.keras|FILE.py:FUNCTION",
            accepts="str | Path | keras.Model | Callable[..., keras.Model] | None",
            names="clearsight.models.zoo:FAMILIES",
        ),
    ] = None
    model_arguments: Annotated[
        dict[str, Any],
        Option("An option of the model, e.g. strides=2; may be repeated."),
    ] = Field(default_factory=dict)
    recipe: Annotated[
        str | Recipe | None,
        Option(
            "How to train; by default the source's own.",
            "NAME",
            names="clearsight.training.recipes:RECIPES",
        ),
    ] = None
    recipe_arguments: Annotated[
        dict[str, Any],
        Option("An option of the recipe, e.g. patience=3; may be repeated."),
    ] = Field(default_factory=dict)
    epochs: Annotated[
        PositiveCount | None,
        Option("Number of passes over the training set.", on_resume="accepted"),
    ] = None
    batch_size: Annotated[
        PositiveCount | None, Option("Images per batch.", on_resume="accepted")
    ] = None
    learning_rate: Annotated[
        PositiveFiniteFloat | None, Option("Learning rate.", on_resume="accepted")
    ] = None
    validation_split: Annotated[
        Fraction | None, Option("Fraction of the training images held out for validation.")
    ] = None
    train_limit: Annotated[
        PositiveCount | None, Option("Use only the first N training images.", "N")
    ] = None
    test_limit: Annotated[
        PositiveCount | None, Option("Use only the first N test images.", "N")
    ] = None
    seed: Annotated[
        int, Field(ge=0, lt=2**32), Option("Random seed for initial weights and shuffling.")
    ] = 0
    engine: Annotated[
        Engine, Option("What runs the training steps; keras is slow, for comparison.")
    ] = "clearsight"
    precision: Annotated[PrecisionChoice, Option("Numeric precision.")] = "auto"
    device: Annotated[DeviceChoice, Option("Device.")] = "auto"
    out: Annotated[
        Path | None, Option("Folder of the run, which must be new; by default in runs/.", "DIR")
    ] = None
    checkpoint_minutes: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False),
        Option(
            "Minutes between checkpoints; one is always saved when an epoch ends.",
            on_resume="free",
        ),
    ] = 10.0
    no_test: Annotated[
        bool,
        Option(
            "Do not evaluate on the test set yet; `clearsight evaluate RUN` does it later.",
            on_resume="free",
        ),
    ] = False
    report: Annotated[bool, Option("Do not write report.html.", on_resume="free")] = True
    bundle: Annotated[
        bool,
        Option("Do not write bundle/, which predicts without Keras or torch.", on_resume="free"),
    ] = True
    source_options: SourceOptions = Field(default_factory=SourceOptions)

    @property
    def source_name(self) -> str:
        """What to call the source in messages and file names."""
        if not isinstance(self.source, str):
            return ARRAYS
        return (
            self.source if self.is_named_source else readable_name(Path(self.source).resolve().name)
        )

    @property
    def is_named_source(self) -> bool:
        """Whether the source is one of the built-in ones rather than the user's own."""
        return isinstance(self.source, str) and self.source in SOURCES

    @property
    def model_name(self) -> str:
        """What to call the model in file names and records."""
        return model_name(self.model)

    @property
    def code_to_run(self) -> str | None:
        """The FILE.py:FUNCTION that builds the network; None if there is none."""
        own = self.recipe.model if isinstance(self.recipe, Recipe) else None
        model = own if self.model is None else self.model
        is_code = isinstance(model, str) and model.rpartition(":")[0].endswith(".py")
        return model if is_code else None

    def portable(self) -> dict[str, Any]:
        """Return the options that were given, JSON-ready, with absolute paths.

        Objects from Python are replaced by what they are called: `ARRAYS` for a source, what
        `recorded_model` returns for a network.
        """
        update: dict[str, Any] = {
            "source": ARRAYS,
            "source_options": self.source_options.resolved(),
        }
        if isinstance(self.source, str) and self.source != ARRAYS:
            update["source"] = resolve_source(self.source)
        if self.model is not None:
            update["model"] = recorded_model(self.model)
        return self.model_copy(update=update).to_json()

    def to_json(self) -> dict[str, Any]:
        """Return the options that were given as JSON-ready values, except the run's folder."""
        return self.model_dump(mode="json", exclude_unset=True, exclude={"out"})

    def with_options(self, **changes: Any) -> Self:
        """Return the request with other values, of its own fields or of `SourceOptions`."""
        source_changes = {k: changes.pop(k) for k in SourceOptions.model_fields if k in changes}
        if source_changes:
            changes["source_options"] = self.source_options.model_copy(
                update=source_changes
            ).resolved()
        return self.model_copy(update=changes)


# Options of a request that replace a value of the recipe of the same name.
RECIPE_OPTIONS = tuple(
    name
    for name in TrainRequest.model_fields
    if name in Recipe.model_fields and name not in ("model", "model_arguments")
)


class ResolvedRequest(TrainRequest):
    """A request in which everything is settled, as ``run.json`` holds it.

    The recipe holds the values that were given in its place.

    Attributes:
        source: the source's name or absolute path, "arrays" when it came from Python.
        model: the network's name, as `recorded_model` returns it.
        recipe: with every value.
        precision: what is computed in.
        device: what is computed on.
    """

    source: str = Field()  # pyright: ignore
    model: str = Field()  # pyright: ignore
    recipe: Recipe = Field()  # pyright: ignore
    precision: Precision = Field()  # pyright: ignore
    device: Device = Field()  # pyright: ignore

    def with_options(self, **changes: Any) -> Self:
        """Return the request with other values, those of the recipe within the recipe."""
        recipe_changes = {name: changes.pop(name) for name in RECIPE_OPTIONS if name in changes}
        return super().with_options(recipe=self.recipe.replace(**recipe_changes), **changes)

    @classmethod
    def of(cls, request: TrainRequest, **settled: Any) -> Self:
        """Settle a request: its recipe values are in the recipe, and its paths are absolute.

        Args:
            request: with a model; objects from Python are replaced by what they are called.
            **settled: recipe, precision and device.
        """
        values = {name: getattr(request, name) for name in TrainRequest.model_fields}
        values |= dict.fromkeys(RECIPE_OPTIONS) | {"recipe_arguments": {}, "out": None}
        portable = request.portable()
        values |= {name: portable[name] for name in ("source", "model")} | settled
        values["source_options"] = request.source_options.resolved()
        return cls(**values)


def train_request(source: Any, **options: Any) -> TrainRequest:
    """Make a `TrainRequest`, reporting all mistakes in one sentence.

    Args:
        source: a name, a path, or any Python object that `splits_from_object` knows.
        **options: fields of `TrainRequest`, and of `SourceOptions` along with them.

    Raises:
        RequestError: when options are unknown or out of range.
        DataError: when the source is an object that holds no images with labels.
    """
    source_options = {k: options.pop(k) for k in SourceOptions.model_fields if k in options}
    if source_options:
        options["source_options"] = source_options
    source = os.fspath(source) if isinstance(source, os.PathLike) else source
    request = TrainRequest(source=source if isinstance(source, str) else "", **options)
    if isinstance(source, str):
        return request
    splits = splits_from_object(source, request.source_options)
    return request.model_copy(update={"source": splits})
