"""Exporting a run as a bundle, which predicts without Keras or torch."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.bundle.files import BundleFiles, bundle_path, is_bundle
from clearsight.bundle.network import TrainedNetwork
from clearsight.bundle.parity import NUM_IMAGES, Parity, ParityResult
from clearsight.bundle.spec import PARITY_FILE, BundleSpec
from clearsight.bundle.write import write_bundle
from clearsight.data.image_set import ImageSet
from clearsight.data.splits.evenly_spaced import evenly_spaced
from clearsight.engine.runtime.device import on_device
from clearsight.errors import RunError
from clearsight.io.readable_name import readable_name
from clearsight.models.build import ModelRequest, build_model
from clearsight.run.request import ARRAYS
from clearsight.run.store.run import Run
from clearsight.run.store.source_images import check_stored, load_run_splits, used_images

_RESULTS = ("test_accuracy", "test_count", "val_accuracy", "val_count")


def export_run(
    run: Run,
    path: Path | None = None,
    *,
    model_format: str = "onnx",
    images: ImageSet | None = None,
) -> tuple[Path, ParityResult]:
    """Write a run's bundle.

    Args:
        run: a finished one.
        path: the folder or .zip; None for ``bundle/`` in the run's folder, or ``bundle-FORMAT/``.
        model_format: a row of `bundle.formats.FORMATS`.
        images: validation images of the run, if they are loaded already.

    Returns:
        The bundle's path, and how well its predictions match the trained network's.

    Raises:
        RunError: when the run has not finished, its training diverged, or its images are gone.
        BundleError: as `write_bundle`.
        MissingExtraError: when what the format needs is not installed.
    """
    path = path or bundle_path(run.path, model_format)
    return path, write_bundle(*bundle_parts(run, model_format, images), path)


def bundle_parts(
    run: Run, model_format: str, images: ImageSet | None
) -> tuple[TrainedNetwork, BundleSpec, Parity]:
    """Return what a run's bundle is written from; see `export_run`."""
    if run.record.status != "finished":
        raise RunError(
            f"A bundle should be made from a finished run, but {run.path} is not finished; "
            f"{run.how_to_finish}"
        )
    spec = describe_bundle(run, model_format)
    samples = _parity_images(run, images)
    parity = Parity.of(samples, run.predict(samples).probabilities, spec.preparation)
    network = TrainedNetwork(_on_cpu(run), spec.preparation, spec.views)
    return network, spec, parity


def describe_bundle(run: Run, model_format: str, precision: str = "float32") -> BundleSpec:
    """Return the specification of a run's bundle, still without its files."""
    scores = run.folder.read_scores()
    tempered = scores.temperature_scaling if scores is not None else None
    return BundleSpec(
        name=run.path.resolve().name,
        format=model_format,
        precision=precision,
        class_names=run.class_names,
        preparation=run.preparation,
        views=run.record.request.recipe.views,
        temperature=tempered.temperature if tempered is not None else None,
        provenance=_provenance(run),
        files={},
    )


def _provenance(run: Run) -> dict[str, Any]:
    """Return where the network comes from, without paths of this machine."""
    record, request, results = run.record, run.record.request, run.folder.read_results()
    return {
        # A source need not be a path.
        "source": readable_name(os.path.basename(request.source)),  # noqa: PTH119
        "model": os.path.basename(request.model),  # noqa: PTH119 - nor a model
        "num_parameters": record.num_parameters,
        "recipe": request.recipe.name,
        "epochs": request.recipe.epochs,
        "seed": request.seed,
        "started_at": record.started_at,
        "training_images": record.data["train"].num_images,
        "training_images_sha256": record.data["train"].sha256,
        **{name: getattr(results, name, None) for name in _RESULTS},
        "versions": record.versions,
    }


def _parity_images(run: Run, images: ImageSet | None) -> np.ndarray:
    """Return the images of the parity check: uint8 (64, H, W, C), or fewer if there are fewer.

    They are validation images, so that making a bundle is no use of the test set.
    """
    if images is None:
        path = bundle_path(run.path)
        if run.record.request.source == ARRAYS and is_bundle(path):
            files = BundleFiles.open(path)
            return Parity.from_bytes(files.read(PARITY_FILE), files.spec, str(path)).images
        needed = "A bundle should hold some of the run's validation images"
        check_stored(run, needed, "train again, which writes the bundle")
        images = used_images(run, load_run_splits(run), "validation", NUM_IMAGES)
    return np.ascontiguousarray(images.images[evenly_spaced(len(images), NUM_IMAGES)])


def _on_cpu(run: Run) -> Any:
    """Return the run's network with its weights on the CPU, from which formats are written."""
    model = run.model
    if all(variable.value.device.type == "cpu" for variable in model.variables):
        return model
    with on_device("cpu"):
        return build_model(ModelRequest(str(run.folder.model_path)))
