"""`Recipe`: how to train, as data; every recipe goes through the same loop."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from clearsight.data.preparation.views import Views
from clearsight.data.splits.validation_split import SplitMethod
from clearsight.errors import RequestError, validation_sentences

PositiveFiniteFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Recipe(BaseModel):
    """How to train: frozen, and checked when it is made.

    Attributes:
        name: what the user types.
        summary: what it is for, in one line.
        model: the network of the zoo that it was found with, for when none is named.
        model_arguments: that network's options.
        optimizer: "adam", or "muon" for the kernels but the last layer's, with Adam for the rest.
        learning_rate: per step, at its highest; with Muon, Adam's is a fifth of it, which changes
            the weights by as much.
        momentum: Muon's.
        beta_2: Adam's, how slowly its estimate of the squared gradient changes.
        schedule: "constant", or "triangular": up to the learning rate, then straight down.
        warmup: share of the steps in which a triangular schedule rises.
        first_factor: what it begins with, as a share of the learning rate.
        last_factor: what it ends with.
        weight_decay: how much of each weight goes in a step, in units of the learning rate.
        label_smoothing: share of the target that is spread over all classes.
        flip: "none", or "alternating": each image is mirrored in every other epoch.
        translate_pixels: how far, at most, an image is moved each way in each epoch.
        cutout_pixels: side of a square that is blackened in each image in each epoch; 0 for none.
        flip_at_test: whether predictions are the mean of those for an image and its mirror image.
        shift_at_test: pixels by which images are moved for further predictions, of which that is
            the mean too; see `Views`.
        epochs: passes over the training images.
        patience: training ends early when validation accuracy has not been better for so many
            epochs, and either way the weights of the best epoch are kept; 0 trains to the end and
            keeps the last.
        least_steps: where few images make fewer steps than these, more epochs are done unless a
            number is asked for; 0 for no such care.
        batch_size: images a step.
        validation_split: share of the training images held out for validation.
        validation_method: "tail" holds out the last ones as Keras does, "stratified" the same
            share of each class.
        train_limit: how many of the source's first training images to use; None for all.
        test_limit: how many of the source's first test images to use; None for all.

    Raises:
        pydantic.ValidationError: when a value is out of range, naming all that are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    summary: str
    model: str = "lesson"
    model_arguments: dict[str, Any] = Field(default_factory=dict)
    optimizer: Literal["adam", "muon"] = "adam"
    learning_rate: PositiveFiniteFloat = 0.001
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta_2: Fraction = 0.999
    schedule: Literal["constant", "triangular"] = "constant"
    warmup: Fraction = 0.1
    first_factor: Annotated[float, Field(gt=0, le=1)] = 1.0
    last_factor: Annotated[float, Field(ge=0, le=1)] = 0.0
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    flip: Literal["none", "alternating"] = "none"
    translate_pixels: NonNegativeInt = 0
    cutout_pixels: NonNegativeInt = 0
    flip_at_test: bool = False
    shift_at_test: NonNegativeInt = 0
    epochs: PositiveInt = 10
    patience: NonNegativeInt = 0
    least_steps: NonNegativeInt = 0
    batch_size: PositiveInt = 64
    validation_split: Fraction = 0.2
    validation_method: SplitMethod = "tail"
    train_limit: PositiveInt | None = None
    test_limit: PositiveInt | None = None

    @property
    def views(self) -> Views:
        """In which forms an image is shown when it is to be named."""
        return Views(self.flip_at_test, self.shift_at_test)

    def changed_for_own_images(self) -> Self:
        """Return the recipe without its limits, which are meant for the source it belongs to."""
        return self.model_copy(update={"train_limit": None, "test_limit": None})

    def changed(self, **changes: Any) -> Self:
        """Return the recipe with those values that are not None in place of its own.

        Raises:
            RequestError: when a value is out of range, naming all that are.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        try:
            return type(self)(**{**self.model_dump(), **given})
        except ValidationError as error:
            raise RequestError(
                f"The recipe cannot be changed so: {validation_sentences(error)}. Its values are "
                f"{', '.join(type(self).model_fields)}."
            ) from error
