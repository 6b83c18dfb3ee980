"""Near-duplicates among real images: planted ones are found, and hardly any others."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from clearsight.data.health.similar_pairs import find_similar_pairs
from clearsight.data.image_set import ImageSet
from support.image_copies import COPIES, brighten, compress, shift_image

# Thresholds were chosen on the first 20,000 training images; these are others.
FIRST, COUNT, NUM_COPIES = 30_000, 3_000, 600


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found_and_hardly_anything_else(
    fashion: tuple[ImageSet, ImageSet], kind: str
) -> None:
    train, _ = fashion
    originals = train.images[FIRST : FIRST + COUNT]
    copies = np.stack([COPIES[kind](image) for image in originals[:NUM_COPIES]])
    pairs = find_similar_pairs(np.concatenate([originals, copies]))
    is_planted = pairs.second - pairs.first == COUNT
    assert is_planted.sum() >= 0.95 * NUM_COPIES
    # At most 0.1% of the 3,600 images in pairs that were not planted; some of those really are the
    # same photograph, of which Fashion-MNIST contains a few.
    assert (~is_planted).sum() <= 3


@pytest.mark.parametrize(
    ("height", "width", "least"),
    # A black row of 24 hides more of an image.
    [(32, 32, 0.93), (64, 64, 0.93), (96, 70, 0.93), (24, 300, 0.7)],
)
def test_pieces_of_colour_photographs_are_recognized(height: int, width: int, least: float) -> None:
    """Shifted by a pixel within the photograph, by a pixel onto black, compressed, brightened."""
    photographs = load_sample_images().images
    corners = [
        (photograph, top, left)
        for photograph in photographs
        for top in range(1, 427 - height, height)
        for left in range(1, 640 - width, width)
    ]

    def cut(down: int) -> np.ndarray:
        return np.stack([one[top + down :, left:][:height, :width] for one, top, left in corners])

    pieces = cut(0)
    shows = pieces.std(axis=(1, 2)).mean(axis=1) > 20  # not even sky
    pieces = pieces[shows]
    copies = {
        "within": cut(1)[shows],
        "onto black": np.stack([shift_image(piece, 1, 0) for piece in pieces]),
        "brighter": np.stack([brighten(piece, 1.05) for piece in pieces]),
    }
    if height >= 64:  # on smaller ones JPEG's noise in leaves and petals is too strong
        copies["compressed"] = np.stack([compress(piece) for piece in pieces])
    for kind, copied in copies.items():
        pairs = find_similar_pairs(np.concatenate([pieces, copied]))
        is_copy = pairs.second - pairs.first == len(pieces)
        assert is_copy.sum() >= least * len(pieces), kind
        assert is_copy.all(), kind


def test_another_colour_is_another_image(fashion: tuple[ImageSet, ImageSet]) -> None:
    """The same shape in red and in blue of about one brightness."""
    grey = fashion[0].images[:20].astype(float)
    red = (grey * [0.9, 0.2, 0.2]).astype(np.uint8)
    blue = (grey * [0.1, 0.25, 0.9]).astype(np.uint8)
    assert len(find_similar_pairs(np.concatenate([red, blue]))) == 0
    assert len(find_similar_pairs(np.concatenate([red, red]))) == 20


def test_blank_and_tiny_images_never_match(fashion: tuple[ImageSet, ImageSet]) -> None:
    generator = np.random.default_rng(0)
    blank = generator.integers(100, 103, (50, 28, 28, 1), dtype=np.uint8)
    assert len(find_similar_pairs(blank)) == 0
    tiny = np.repeat(fashion[0].images[:5, :4, :4], 2, axis=0)
    assert len(find_similar_pairs(tiny)) == 0


def test_only_the_images_asked_for_are_compared(fashion: tuple[ImageSet, ImageSet]) -> None:
    images = np.repeat(fashion[0].images[:10], 2, axis=0)
    assert len(find_similar_pairs(images)) == 10
    assert len(find_similar_pairs(images, np.arange(0, 20, 2))) == 0
    found = find_similar_pairs(images, np.array([4, 5, 9]))
    assert (found.first.tolist(), found.second.tolist()) == ([4], [5])


def test_the_cost_of_a_long_burst_stays_linear(fashion: tuple[ImageSet, ImageSet]) -> None:
    """400 times one image with faint noise: each is paired, but not with all others."""
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 3, (400, 28, 28, 1), dtype=np.uint8)
    pairs = find_similar_pairs(np.minimum(fashion[0].images[:1], 250) + noise)
    assert set(pairs.first) | set(pairs.second) == set(range(400))
    assert len(pairs) <= 50 * 400
