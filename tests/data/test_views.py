"""The forms in which an image is shown to a network."""

from __future__ import annotations

import pytest
import torch

from clearsight.data.preparation.views import Views

IMAGES = torch.arange(24.0).reshape(1, 4, 3, 2) + 1


def test_each_form_counts_as_it_should() -> None:
    for views, count in ((Views(), 1), (Views(True), 2), (Views(False, 1), 3), (Views(True, 1), 6)):
        shown = views.of(IMAGES)
        assert len(shown) == count
        assert sum(weight for weight, _ in shown) == 1
        assert all(view.shape == IMAGES.shape for _, view in shown)
        assert torch.equal(shown[0][1], IMAGES)


def test_images_move_both_ways_and_zeros_come_in() -> None:
    (_, _), (_, down), (_, up) = Views(shift_pixels=1).of(IMAGES)
    assert torch.equal(down[:, 1:, 1:], IMAGES[:, :-1, :-1])
    assert torch.equal(up[:, :-1, :-1], IMAGES[:, 1:, 1:])
    assert not down[:, 0].any()
    assert not down[:, :, 0].any()
    assert not up[:, -1].any()
    assert not up[:, :, -1].any()


@pytest.mark.parametrize(
    ("views", "words"),
    [
        (Views(), ""),
        (Views(True), "the mean over each image and its mirror image"),
        (Views(False, 2), "the mean over each image and the same moved by 2"),
        (Views(True, 1), "the mean over each image, its mirror image and the same moved by 1"),
    ],
)
def test_it_says_what_the_answer_is_a_mean_over(views: Views, words: str) -> None:
    assert views.words == words


def test_images_moved_further_than_their_size_are_gone_and_take_no_memory() -> None:
    images = IMAGES[:, :1]
    (_, _), (_, down), (_, up) = Views(shift_pixels=65_535).of(images)
    assert down.shape == up.shape == images.shape
    assert not down.any()
    assert not up.any()
