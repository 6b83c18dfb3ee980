"""`Recipe`: how to train, as data; every recipe goes through the same loop."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from clearsight.data.split import SplitMethod
from clearsight.errors import RequestError, validation_sentences

PositiveFiniteFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Recipe(BaseModel):
    """How to train: frozen, and checked when it is made.

    Attributes:
        name: what the user types.
        summary: what it is for, in one line.
        optimizer: Keras's name of it.
        learning_rate: per step.
        epochs: passes over the training pictures.
        batch_size: pictures a step.
        validation_split: share of the training pictures held out for validation.
        validation_method: "tail" holds out the last ones as Keras does, "stratified" the same
            share of each class.
        train_limit: how many of the source's first training pictures to use; None for all.
        test_limit: how many of the source's first test pictures to use; None for all.

    Raises:
        pydantic.ValidationError: when a value is out of range, naming all that are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    summary: str
    optimizer: Literal["adam"] = "adam"
    learning_rate: PositiveFiniteFloat = 0.001
    epochs: PositiveInt = 10
    batch_size: PositiveInt = 64
    validation_split: Fraction = 0.2
    validation_method: SplitMethod = "tail"
    train_limit: PositiveInt | None = None
    test_limit: PositiveInt | None = None

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
                f"The recipe cannot be changed so: {validation_sentences(error)}."
            ) from error
