"""`compare`, as Python users call it."""

from pathlib import Path

from clearsight.io.argument_checks import check_switch
from clearsight.run.comparison import RunComparison, compare_runs
from clearsight.run.seeds.comparison import SeedComparison, compare_seed_runs
from clearsight.run.seeds.runs import SeedRuns
from clearsight.run.store.find_run import find_run
from clearsight.run.store.location import is_seed_runs
from clearsight.run.store.run import Run


def compare(
    *runs: Run | SeedRuns | str | Path, allow_download: bool = False
) -> RunComparison | SeedComparison:
    """Compare runs on the test images that all share and that none has trained on.

    Args:
        *runs: two or more, or what `Run.load` finds them by; the first is compared with each other
            one. Those of several seeds are compared over their paired seeds and the images.
        allow_download: download images that are not on this machine.

    Raises:
        RunError: when there are fewer, their classes or sizes differ, they share no test images,
            or only some of them are of several seeds.
        DataError: when a run has no test images.

    Example:
        >>> compare("runs/first")
        Traceback (most recent call last):
        ...
        clearsight.errors.RunError: At least two runs should be compared, but one was given: ...
    """
    allow_download = check_switch(allow_download, "allow_download")
    paths = tuple(run.path if isinstance(run, Run | SeedRuns) else find_run(run) for run in runs)
    if any(map(is_seed_runs, paths)):
        return compare_seed_runs(paths, allow_download=allow_download)
    return compare_runs(paths, allow_download=allow_download)
