"""`RunRecord`: what a run was asked for and what it ran on, as ``run.json`` holds it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from clearsight.data.sources.options import SourceOptions
from clearsight.training.recipe import Recipe

Status = Literal["running", "finished", "interrupted", "failed"]


class RunRecord(BaseModel):
    """``run.json``: the whole request resolved, and what it ran on.

    Attributes:
        format_version: of this file.
        status: how far the run came; "running" also when its process was killed.
        interrupted_at: where a signal came, in words, or None.
        failed_because: why the run failed, in words, or None.
        started_at: local time, ISO 8601 with its offset.
        source: the source's name or whole path, "arrays" when it came from Python.
        source_options: how its images are read.
        model: what was asked for.
        model_arguments: its options.
        recipe: resolved, with everything that was asked for by hand.
        seed: see `TrainRequest`.
        engine: "clearsight" or "keras".
        precision: settled.
        device: settled.
        class_names: label k means ``class_names[k]``.
        preparation: how images become the network's input.
        data: counts, provenance and SHA-256 of training and test images.
        split: how the validation images were chosen.
        notes: what the user was told before it started.
        num_parameters: of the network.
        reproducible: whether the same seed on the same machine gives the same weights.
        reproducible_because: what breaks that, or why it holds.
        versions: of what computed the run.
        machine: what it computed on.
        checkpoint_minutes: between checkpoints within an epoch.
        resumptions: a sentence for each time that the run was gone on with.
        changes: a sentence for each difference that was accepted on such an occasion.
        no_test: whether the test images stay sealed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[2] = 2
    status: Status
    interrupted_at: str | None = None
    failed_because: str | None = None
    started_at: str
    source: str
    source_options: SourceOptions = Field(default_factory=SourceOptions)
    model: str
    model_arguments: dict[str, Any]
    recipe: Recipe
    seed: int
    engine: Literal["clearsight", "keras"] = "keras"
    precision: Literal["float32", "bfloat16"]
    device: Literal["cpu", "cuda"]
    class_names: tuple[str, ...]
    preparation: dict[str, Any]
    data: dict[str, Any]
    split: dict[str, Any]
    notes: tuple[str, ...]
    num_parameters: int
    reproducible: bool
    reproducible_because: str
    versions: dict[str, str]
    machine: dict[str, Any]
    checkpoint_minutes: float = 10.0
    resumptions: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    no_test: bool = False
