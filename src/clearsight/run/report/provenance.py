"""What a run's report shows about its images, and about how the run was made."""

from typing import Any

from clearsight.report.page import DataHealth, Provenance
from clearsight.run.advise.command import check_command, repeat_command
from clearsight.run.store.record import RunRecord
from clearsight.run.store.results import Results

# How the validation images were chosen.
_CHOSEN = {
    "tail": ", the last of the training images",
    "stratified": ", the same fraction of each class",
    "own": ", the source's own",
}


def data_health(record: RunRecord) -> DataHealth:
    """Return what is known about a run's images."""
    parts: list[tuple[str, str]] = []
    for part, images in record.data.items():
        shape = "×".join(map(str, images.image_shape))
        parts.append((part, f"{images.num_images:,} images {shape}, {images.provenance}"))
    num_val, method = record.split.num_validation, record.split.method
    parts.append(("validation", f"{num_val:,} images{_CHOSEN.get(method, '')}"))
    parts.append(("classes", ", ".join(record.class_names)))
    return DataHealth(parts, record.notes, check_command(record))


def provenance_of(record: RunRecord, results: Results | None) -> Provenance:
    """Return how a run was made: options, versions, machine, and the command that repeats it."""
    request = record.request
    arguments = ", ".join(f"{key}={value}" for key, value in request.model_arguments.items())
    facts = [
        ("network", f"{request.model} {f'({arguments})' if arguments else ''}"),
        ("recipe", f"{request.recipe.name}: {request.recipe.summary}"),
        *_format_all(_settings(record)),
        ("seed", str(request.seed)),
        ("computed by", f"{request.engine}, in {request.precision}, on {request.device}"),
        ("started", record.started_at),
    ]
    if results is not None:
        seconds = (
            f"{results.fit_seconds:.1f} to fit, {results.epoch_seconds:.1f} per epoch, "
            f"{results.total_seconds:.1f} from the start to the results"
        )
        facts.append(("seconds", seconds))
    versions = ", ".join(f"{key} {value}" for key, value in record.versions.items())
    facts += [
        *_format_all({key: value for key, value in record.machine.items() if value is not None}),
        ("versions", versions),
        ("training images", f"SHA-256 {record.data['train'].sha256}"),
        *(("resumed", sentence) for sentence in record.resumptions),
        *(("changed", sentence) for sentence in record.changes),
    ]
    outcome = "gives the same weights" if record.reproducible else "may give other weights"
    reproducibility = (
        f"The same command with the same versions {outcome}: {record.reproducible_because}."
    )
    return Provenance(facts, repeat_command(record), reproducibility)


def _settings(record: RunRecord) -> dict[str, Any]:
    """Return the options that this run used; all others are off or belong to unused features."""
    values = record.request.recipe.options_in_use
    values["validation_method"] = record.split.method  # which may not be what was asked for
    if record.split.method == "own":
        del values["validation_method"], values["validation_split"]
    if record.given.epochs is not None:
        values.pop("min_steps", None)  # it only settles how many epochs there are
    for part in ("train", "test"):
        images = record.data.get(part)
        if images is None or images.num_images < values.get(f"{part}_limit", 0):
            values.pop(f"{part}_limit", None)  # there are fewer images anyway
    return values


def _format_all(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key.replace("_", " "), _format_value(value)) for key, value in values.items()]


def _format_value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
