"""A training from its request to a finished run, step by step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from clearsight.data.decoding.workers import DECODING, ShowProgress
from clearsight.data.splits.splits import Splits
from clearsight.report.vega import vega_script_in_advance
from clearsight.run.execute.execute import execute
from clearsight.run.execute.session import open_run_folder, recorded_training, run_session
from clearsight.run.finish.evaluate import evaluate_run
from clearsight.run.finish.final_weights import settle_weights
from clearsight.run.finish.write import write_artifacts, write_results
from clearsight.run.plan.data import read_data
from clearsight.run.plan.display import PlanDisplay
from clearsight.run.plan.plan import Plan, plan_training
from clearsight.run.plan.resolve import resolve_request
from clearsight.run.request import TrainRequest
from clearsight.run.store.run import Run, save_finished_model
from clearsight.training.progress import TrainingProgress


@dataclass(frozen=True)
class Display:
    """Where a training is shown.

    Attributes:
        progress: shows the training.
        plans: shows each plan before it runs.
        result: shows what came of it.
    """

    progress: TrainingProgress
    plans: PlanDisplay
    result: Callable[[Any], object] = lambda _: None

    @classmethod
    def of(
        cls,
        progress: TrainingProgress,
        *,
        has_trace: bool = False,
        result: Callable[[Any], object] = lambda _: None,
    ) -> Self:
        """Return a display that shows everything where `progress` shows the training.

        Args:
            progress: shows the training.
            has_trace: whether the network is shown layer by layer first.
            result: shows what came of it.
        """
        return cls(progress, PlanDisplay(progress, has_trace=has_trace), result)

    @property
    def decoding(self) -> ShowProgress:
        """Shows how far the decoding of images is."""
        return partial(self.progress.phase, DECODING)


def plan_request(request: TrainRequest, display: Display, loaded: Splits | None = None) -> Plan:
    """Settle and check everything that a request leaves open; nothing is written yet.

    The source's images are read unless they are `loaded` already.

    Raises:
        ClearsightError: a subclass, when the source, the model, an option or their combination is
            wrong.
    """
    resolved = resolve_request(request)
    phase = display.progress.phase
    with phase("reading the images"):
        data = read_data(resolved, display.decoding, loaded)
    with phase("building the network and checking the images"):
        return plan_training(resolved, data)


def run_plan(plan: Plan, display: Display) -> Run:
    """Train as planned, evaluate what was learned, and write the run's files."""
    with run_held(plan, display) as run:
        return run


@contextmanager
def run_held(plan: Plan, display: Display) -> Iterator[Run]:
    """Do as `run_plan`, and hold the finished run's lock until the block ends.

    So no other process deletes the run, or trains it further, while the block reads it.
    """
    display.plans.show(plan)
    phase = display.progress.phase
    in_advance = vega_script_in_advance() if plan.record.request.report else nullcontext()
    with open_run_folder(plan) as folder, in_advance:
        with run_session(plan, folder, display.progress) as session:
            with recorded_training(plan, session) as writer:
                history = execute(plan, session, writer)
                with phase("evaluating on the training and validation images"):
                    weights = settle_weights(plan, folder, history)
                    save_finished_model(plan.model, folder)
                with phase("evaluating on the test images"):
                    evaluated = evaluate_run(plan, folder.path, history, weights)
                session.stopper.stop_if_requested()
                with phase("writing the results"):
                    write_results(plan, session, history, evaluated)
            run = write_artifacts(plan, session)
        yield run
