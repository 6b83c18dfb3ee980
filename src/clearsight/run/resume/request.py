"""`ResumeRequest`: how a run is resumed, and which options may change then."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clearsight.data.sources.load import resolve_source
from clearsight.data.sources.options import SourceOptions
from clearsight.data.sources.python_objects import splits_from_object
from clearsight.data.splits.splits import Splits
from clearsight.errors import RequestError, RunError
from clearsight.models.object_names import model_name, recorded_model
from clearsight.option_names import option
from clearsight.options import may_change_on_resume
from clearsight.run.request import ARRAYS, TrainRequest, train_request
from clearsight.run.store.find_run import find_run


@dataclass(frozen=True)
class ResumeRequest:
    """How a run is resumed.

    Attributes:
        path: the run's folder.
        data: the images again: the name or path of the source, if it is no longer the run's, or
            any object that `train` takes; None if they are still where the run found them.
        accept_changes: whether to resume although something that matters has changed.
        model: the run's network again, if the user gives it: its name, which `code_to_run` needs,
            or the function that builds it.
        changes: other values of the options that a resumed run may change, by name.
    """

    path: Path
    data: Any = None
    accept_changes: bool = False
    model: Any = None
    changes: dict[str, Any] = field(default_factory=dict)

    def check_model(self, before: str | None) -> None:
        """Check that the network is the run's own, if it is given.

        Raises:
            RequestError: when it is another one.
        """
        if self.model is not None and recorded_model(self.model) != before:
            raise RequestError(
                f"A resumed run keeps its network, {before or 'that of its recipe'}, but "
                f"{model_name(self.model)} was given: leave {option('model')} out, or train a new "
                "run."
            )

    def source(self, before: str, options: SourceOptions) -> str | Splits:
        """Return the name or path of the source now, or the images if they are Python objects.

        Args:
            before: the source that the run was trained on.
            options: how Python objects are read.

        Raises:
            DataError: when there is no such source, or the objects hold no images with labels.
            RunError: when they were objects, and are not given.
        """
        if isinstance(self.data, str):
            return resolve_source(self.data)
        if self.data is not None:
            return splits_from_object(self.data, options)
        if before == ARRAYS:
            raise RunError(
                f"{self.path} was trained on arrays from Python, which are not saved: resume it in "
                "Python, clearsight.resume(path, data=...), with the same images."
            )
        return before


def resume_request(
    path: str | Path,
    *,
    data: Any = None,
    accept_changes: bool = False,
    model: Any = None,
    **changes: Any,
) -> ResumeRequest:
    """Make a `ResumeRequest`, reporting all mistakes in one sentence.

    Args:
        path: the run's folder, or what `find_run` finds it by.
        data: where the images are now, or an object that holds them; see `ResumeRequest`.
        accept_changes: whether to resume although something that matters has changed.
        model: the run's own network again; see `ResumeRequest`.
        **changes: options that a resumed run may change; None leaves them as they were.

    Raises:
        RequestError: when options are unknown, out of range or fixed.
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
        path=find_run(path),
        data=os.fspath(data) if isinstance(data, os.PathLike) else data,
        accept_changes=accept_changes,
        model=recorded_model(model) if isinstance(model, str) else model,
        changes={
            name: next(getattr(each, name) for each in sources if hasattr(each, name))
            for name in changes
        },
    )
