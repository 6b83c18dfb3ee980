"""`ResumeRequest`: how a run is resumed, and which options may change then."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clearsight.data.sources.options import SourceOptions
from clearsight.data.sources.python_objects import splits_from_object
from clearsight.data.splits.splits import Splits
from clearsight.errors import RequestError, RunError
from clearsight.options import may_change_on_resume
from clearsight.run.request import TrainRequest, train_request


@dataclass(frozen=True)
class ResumeRequest:
    """How a run is resumed.

    Attributes:
        path: the run's folder.
        data: the images again, for a run on arrays from Python.
        accept_changes: whether to resume although something that matters has changed.
        changes: other values of the options that a resumed run may change, by name.
    """

    path: Path
    data: Splits | None = None
    accept_changes: bool = False
    changes: dict[str, Any] = field(default_factory=dict)

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
    may_change = [each.name for each in may_change_on_resume(TrainRequest, SourceOptions)]
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
