"""What a run's network looks at, as its report shows it."""

from __future__ import annotations

from clearsight.report.sections.saliency import LookedImage, Looks
from clearsight.run.report.saliency import Eye, LookedAt


def looks_of(eye: Eye) -> Looks:
    """Put what was found into the report's words."""
    names = eye.class_names
    source = None
    if eye.method is not None and eye.heat_map_grid is not None:
        rows, columns = eye.heat_map_grid
        source = (
            f"Heat maps by {eye.method}, read from {eye.heat_map_layer}: a grid of {rows}×{columns}"
            " values, so that they are no finer than that. Yellow is the strongest "
            "evidence for the named class; of a mistake the second map is for the true class."
        )
    return Looks(
        right=tuple(_looked(each, names) for each in eye.right),
        mistakes=tuple(_looked(each, names) for each in eye.mistakes),
        heat_map_source=source,
        deletion=eye.deletion,
        filters=eye.filters,
        feature_maps=eye.feature_maps,
        feature_map_image=_looked(eye.feature_map_image, names),
        worked_pixel=eye.worked_pixel,
        missing=eye.missing,
    )


def _looked(image: LookedAt, class_names: tuple[str, ...]) -> LookedImage:
    return LookedImage(
        name=image.name,
        image=image.image,
        truth=class_names[image.label],
        predicted=class_names[image.predicted],
        probability=image.probability,
        heat_map=image.heat_map,
        truth_heat_map=image.label_heat_map,
    )
