"""A training from its request to a finished run, step by step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from clearsight.data.decoding.workers import ShowProgress, silent
from clearsight.data.splits.splits import Splits
from clearsight.run.execute.execute import execute
from clearsight.run.execute.session import open_run_folder, recorded_training, run_session
from clearsight.run.finish.evaluate import evaluate_run
from clearsight.run.finish.final_weights import settle_weights
from clearsight.run.finish.write import write_artifacts, write_results
from clearsight.run.plan.data import read_data
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
        decoding: shows how far the decoding of images is.
        plan: shows the plan before it runs.
        result: shows what came of it.
    """

    progress: TrainingProgress
    decoding: ShowProgress = silent
    plan: Callable[[Plan], object] = lambda _: None
    result: Callable[[Any], object] = lambda _: None


def plan_request(request: TrainRequest, display: Display, loaded: Splits | None = None) -> Plan:
    """Settle and check everything that a request leaves open; nothing is written yet.

    The source's images are read unless they are `loaded` already.

    Raises:
        ClearsightError: of the kind that fits, when the source, the model, an option or their
            combination is wrong.
    """
    resolved = resolve_request(request)
    data = read_data(resolved, display.decoding, loaded)
    return plan_training(resolved, data)


def run_plan(plan: Plan, display: Display) -> Run:
    """Train as planned, evaluate what was learned, and write the run's files."""
    with run_held(plan, display) as run:
        return run


@contextmanager
def run_held(plan: Plan, display: Display) -> Iterator[Run]:
    """Do as `run_plan`, and hold the finished run's lock until the block ends.

    So nobody deletes the run, or trains it further, while the block reads it.
    """
    display.plan(plan)
    with open_run_folder(plan, display.progress) as folder:
        with run_session(plan, folder, display.progress) as session:
            with recorded_training(plan, session) as writer:
                history = execute(plan, session, writer)
                weights = settle_weights(plan, folder, history)
                save_finished_model(plan.model, folder)
                evaluated = evaluate_run(plan, folder.path, history, weights)
                session.stopper.stop_if_requested()
                write_results(plan, session, history, evaluated)
            run = write_artifacts(plan, session)
        yield run
