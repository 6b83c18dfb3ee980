"""`ResumeRequest`: how a run is resumed, and which options may change then."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, InstanceOf

from clearsight.data.sources.options import SourceOptions
from clearsight.data.sources.python_objects import splits_from_object
from clearsight.data.splits.splits import Splits
from clearsight.errors import RequestError, RunError
from clearsight.options import option_fields
from clearsight.run.request import RECIPE_OPTIONS, TrainRequest, train_request


class ResumeRequest(BaseModel):
    """How a run is resumed.

    Attributes:
        path: the run's folder.
        data: the images again, for a run on arrays from Python.
        accept_changes: whether to resume although something that matters has changed.
        changes: other values of the options that a resumed run may change, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    path: Path
    data: InstanceOf[Splits] | None = None
    accept_changes: bool = False
    changes: dict[str, Any] = Field(default_factory=dict)

    @property
    def images(self) -> Splits:
        """The images of a run on arrays.

        Raises:
            RunError: when they are not given.
        """
        if self.data is None:
            raise RunError(
                f"{self.path} was trained on arrays from Python, which are not saved: resume it in "
                "Python, clearsight.resume(path, data=...), with the same images."
            )
        return self.data

    @property
    def recipe_changes(self) -> dict[str, Any]:
        """The changes to the recipe."""
        return {name: self.changes[name] for name in RECIPE_OPTIONS if name in self.changes}

    @property
    def other_changes(self) -> dict[str, Any]:
        """The changes that the weights do not depend on."""
        return {k: v for k, v in self.changes.items() if k not in RECIPE_OPTIONS}


def resume_request(
    path: str | Path, *, data: Any = None, accept_changes: bool = False, **changes: Any
) -> ResumeRequest:
    """Make a `ResumeRequest`, reporting all mistakes in one sentence.

    Args:
        path: the run's folder.
        data: the images again, as any object that `train` takes, for a run on arrays.
        accept_changes: whether to resume although something that matters has changed.
        **changes: options that a resumed run may change; None leaves them as they were.

    Raises:
        RequestError: when options are unknown, out of range or fixed.
        DataError: when `data` holds no images with labels.
    """
    changes = {name: value for name, value in changes.items() if value is not None}
    options = option_fields(TrainRequest, SourceOptions)
    may_change = [each.name for each in options if each.option.on_resume != "fixed"]
    fixed = [name for name in changes if name not in may_change]
    if fixed:
        raise RequestError(
            f"A resumed run keeps its options, of which only {', '.join(may_change)} may change, "
            f"but {', '.join(fixed)} was given: leave it out, or train a new run."
        )
    checked = train_request("", **changes)  # the same types and ranges as for a new run
    sources = (checked, checked.source_options)
    return ResumeRequest(
        path=Path(path),
        data=None if data is None else splits_from_object(data),
        accept_changes=accept_changes,
        changes={
            name: next(getattr(each, name) for each in sources if hasattr(each, name))
            for name in changes
        },
    )
