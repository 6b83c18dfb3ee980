"""Masks among the images that they belong to, such as cat_mask.png next to cat.png."""

import re
from collections.abc import Sequence

from clearsight.io.readable_name import readable_name

_END = re.compile(r"[ _-]+(?:masks?|seg|segmentation|gt|label)(?:[ _-]*\d+)?$", re.IGNORECASE)


def mask_files_note(paths: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence about images that are named like a mask of an image next to them.

    Example:
        >>> mask_files_note(["a/1.png", "a/1_mask.png", "a/2.png"])[0][:46]
        '1 of 3 images are named like the mask of anoth'
    """
    stems = {path.rpartition(".")[0] for path in paths}
    own = [(path, path.rpartition(".")[0]) for path in paths]
    masks = [
        path for path, stem in own if (end := _END.search(stem)) and stem[: end.start()] in stems
    ]
    if not masks:
        return ()
    return (
        f"{len(masks):,} of {len(paths):,} images are named like the mask of another one (such as "
        f"{readable_name(masks[0])}), and are used as images nevertheless: move them elsewhere if "
        "they are masks.",
    )
