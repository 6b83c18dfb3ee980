"""Decoding the deep images of a data set, once all of them have been measured."""

from dataclasses import dataclass, field, replace

import numpy as np

from clearsight.data.decoding.arrays import (
    HEIGHT,
    IS_COLOUR,
    IS_DEEP,
    NUM_OUTSIDE,
    WIDTH,
    open_arrays,
)
from clearsight.data.decoding.job import DecodeJob
from clearsight.data.decoding.workers import ShowProgress, decode_images
from clearsight.data.preparation.pixel_range import (
    Converted,
    PixelRange,
    choose_pixel_range,
    count_flat,
)


@dataclass(frozen=True)
class DeepImages:
    """How the deep images of a data set were decoded.

    Attributes:
        pixel_range: the values that became 0 and 255; None if there are no deep images.
        notes: sentences for the user.
        problems: the problem of each image that could not be read again, by row.
    """

    pixel_range: PixelRange | None = None
    notes: list[str] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)


def decode_deep_images(job: DecodeJob, show_progress: ShowProgress) -> DeepImages:
    """Choose the range of deep images that were only measured, and decode them.

    `job` is that of all images, which has been run.

    Raises:
        DataError: when no range suits all images.
    """
    _, digests, facts, extremes, _ = open_arrays(job.folder, "r+")
    is_decoded = digests.any(axis=1)
    is_deep = is_decoded & (facts[:, IS_DEEP] > 0)
    if not is_deep.any():
        return DeepImages()
    pixel_range, reason, problems = job.preparation.pixel_range, "", {}
    if pixel_range is None:
        num_channels = np.where(facts[:, IS_COLOUR], 3, 1)
        num_values = facts[:, HEIGHT].astype(np.int64) * facts[:, WIDTH] * num_channels
        pixel_range, reason = choose_pixel_range(extremes[is_deep], int(num_values[is_deep].sum()))
        digests[is_deep] = 0  # marks them as not decoded
        preparation = replace(job.preparation, pixel_range=pixel_range)
        rest = replace(job, preparation=preparation).take(np.flatnonzero(is_deep[job.rows]))
        problems = decode_images(rest, show_progress)
    num_outside = facts[is_deep, NUM_OUTSIDE]
    converted = Converted(
        num_images=int(is_decoded.sum()),
        num_deep=int(is_deep.sum()),
        num_outside=int(num_outside.sum()),
        num_outside_images=int(np.count_nonzero(num_outside)),
        num_flat=count_flat(extremes[is_deep], pixel_range),
    )
    return DeepImages(pixel_range, converted.notes(pixel_range, reason), problems)
