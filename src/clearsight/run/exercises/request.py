"""`TrialRequest`: how the networks of an exercise are trained and compared."""

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from clearsight.errors import RequestError
from clearsight.option_names import option
from clearsight.options import Option, Request
from clearsight.run.exercises.exercise_names import TRAINED
from clearsight.run.store.location import check_free
from clearsight.training.recipe import PositiveCount


class TrialRequest(Request):
    """How the lesson's network and an exercise's are trained; None means: as the lesson's recipe.

    The help of each field explains it; see `clearsight.options`.
    """

    subject: ClassVar[str] = "The exercise's options are"

    seeds: Annotated[
        int, Field(ge=0), Option(f"{TRAINED}: runs of each network; 0 for none.", "N")
    ] = 3  # two minutes on two cores
    epochs: Annotated[PositiveCount | None, Option(f"{TRAINED}: number of epochs.")] = None
    train_limit: Annotated[
        PositiveCount | None, Option(f"{TRAINED}: use only the first N training images.", "N")
    ] = None
    out: Annotated[Path | None, Option(f"{TRAINED}: a new folder for the runs.", "DIR")] = None

    @property
    def training_options(self) -> dict[str, Any]:
        """The options of each training, of those of `TrainRequest`."""
        return {"epochs": self.epochs, "train_limit": self.train_limit}


def trial_request(exercise: str, **options: Any) -> TrialRequest:
    """Make the `TrialRequest` of an exercise, reporting all mistakes in one sentence.

    Raises:
        RequestError: when options are unknown or out of range, or the exercise trains nothing.
        RunError: when the folder for the runs exists.
    """
    request = TrialRequest(**options)
    if request.seeds == 1:
        raise RequestError(
            f"{option('seeds')} should be at least 2, because single runs show little, or 0 for "
            "none, but is 1."
        )
    if exercise != TRAINED and request != TrialRequest():
        names = ", ".join(option(name) for name in TrialRequest.model_fields)
        raise RequestError(
            f"{names} belong to the exercise {TRAINED}, but {exercise} trains nothing: leave them "
            "out."
        )
    if request.out is not None:
        check_free(request.out)
    return request
