"""A grid of images with their captions."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from clearsight.display.html import Html, element
from clearsight.display.thumbnail import thumbnail

MAX_IMAGES = 24  # of a grid
_SHOWN_SIDE = 96  # pixels


def image_grid(images: Iterable[tuple[np.ndarray, object, str]]) -> Html:
    """Return images side by side, as many in a row as fit.

    Args:
        images: for each image its pixels, uint8 (H, W, C), what is below it, and its name, which
            is shown when the pointer is on it.
    """
    return element("ul", *(_tile(*image) for image in images), class_="images")


def labelled_grid(
    images: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    name_of: Callable[[int], str],
) -> Html:
    """Return the first images of each class side by side, as many of each.

    Args:
        images: uint8 (N, H, W, C).
        labels: integers (N,).
        class_names: label k means ``class_names[k]``.
        name_of: returns the name of the image at an index.
    """
    present = np.unique(labels)[:MAX_IMAGES]
    each = MAX_IMAGES // len(present)
    shown = [int(i) for label in present for i in np.flatnonzero(labels == label)[:each]]
    return image_grid((images[i], class_names[int(labels[i])], name_of(i)) for i in shown)


def _tile(pixels: np.ndarray, caption: object, name: str) -> Html:
    small = thumbnail(pixels, shown_side=_SHOWN_SIDE)
    size = {"width": str(small.width), "height": str(small.height)}
    image = element("img", src=small.data, alt=name, **size)
    return element("li", element("span", image, class_="tile", title=name), caption)
