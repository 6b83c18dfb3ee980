"""Where a run comes from, as its report shows it: its images, and how to make it again."""

from __future__ import annotations

from typing import Any

from clearsight.report.page import DataHealth, Provenance
from clearsight.run.advise.command import check_command, repeat_command
from clearsight.run.store.record import RunRecord
from clearsight.run.store.results import Results


def health_of(record: RunRecord) -> DataHealth:
    """Return what is known of a run's images."""
    parts = []
    for part, described in record.data.items():
        if described is not None:
            shape = "×".join(map(str, described["image_shape"]))
            parts.append(
                (part, f"{described['num_images']:,} images {shape}, {described['provenance']}")
            )
    num_val = int(record.split["num_validation"])
    parts.append(("validation", f"{num_val:,} images, chosen: {record.split['method']}"))
    parts.append(("classes", ", ".join(record.class_names)))
    return DataHealth(parts, record.notes, check_command(record))


def provenance_of(record: RunRecord, results: Results | None) -> Provenance:
    """Return how a run was made: options, versions, machine, and the command that repeats it."""
    # The run's own network counts, not the one that the recipe was found with.
    elsewhere = {"name", "summary", "model", "model_arguments"}
    given = record.request.recipe.model_dump(exclude=elsewhere)
    arguments = ", ".join(f"{key}={value}" for key, value in record.request.model_arguments.items())
    facts = [
        ("network", f"{record.request.model} {f'({arguments})' if arguments else ''}"),
        ("recipe", f"{record.request.recipe.name}: {record.request.recipe.summary}"),
        *((key.replace("_", " "), _in_words(value)) for key, value in given.items()),
        ("seed", str(record.request.seed)),
        (
            "computed by",
            f"{record.request.engine}, in {record.request.precision}, on {record.request.device}",
        ),
        ("started", record.started_at),
    ]
    if results is not None:
        facts.append(
            (
                "seconds",
                f"{results.fit_seconds:.1f} to fit, {results.epoch_seconds:.1f} an epoch, "
                f"{results.total_seconds:.1f} in all",
            )
        )
    facts += [(key.replace("_", " "), _in_words(value)) for key, value in record.machine.items()]
    facts.append(
        ("versions", ", ".join(f"{key} {value}" for key, value in record.versions.items()))
    )
    facts.append(("training images", f"SHA-256 {record.data['train']['sha256']}"))
    facts += [("gone on with", sentence) for sentence in record.resumptions]
    facts += [("changed", sentence) for sentence in record.changes]
    again = "gives the same weights" if record.reproducible else "may give other weights"
    promise = f"The same command with the same versions {again}: {record.reproducible_because}."
    return Provenance(facts, repeat_command(record), promise)


def _in_words(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
