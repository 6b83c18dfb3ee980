"""`PlanDisplay`: shows a plan before it runs."""

from dataclasses import dataclass, field, replace
from typing import Self

from clearsight.models.trace import trace_model
from clearsight.run.plan.plan import Plan
from clearsight.run.plan.summary import summarize
from clearsight.training.progress import TrainingProgress


@dataclass(frozen=True)
class PlanDisplay:
    """Shows what a training is going to do, and what the user should know about its data.

    Attributes:
        progress: where it is shown.
        has_trace: whether the network is shown layer by layer too.
        has_summary: whether the six lines are shown, too.
        shown: the notes that were shown, which are not repeated.
    """

    progress: TrainingProgress
    has_trace: bool = False
    has_summary: bool = True
    shown: set[str] = field(default_factory=set)

    def for_next_seed(self) -> Self:
        """Return a display of plans that differ from the last one by their seed alone."""
        return replace(self, has_trace=False, has_summary=False)

    def show(self, plan: Plan) -> None:
        """Show a plan, and those of its notes that have not been shown yet."""
        if self.has_trace:
            for line in str(trace_model(plan.model)).split("\n"):
                self.progress.announce(line)
            self.progress.announce("")
        if self.has_summary:
            self.progress.summarize(summarize(plan))
        for note in plan.notes:
            if note not in self.shown:
                self.progress.warn(f"Note: {note}")
                self.shown.add(note)
        if self.has_summary:
            self.progress.announce("")
