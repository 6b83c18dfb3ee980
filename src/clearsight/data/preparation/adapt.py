"""Images that are arrays already, brought to what the options ask for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.split import stratified_split
from clearsight.data.splits.splits import Splits

# Fixed, as for images that are decoded: the test images are to be the same in every run.
_TEST_SEED = 0


def with_test_images(splits: Splits, test_split: float) -> Splits:
    """Keep a stratified share of the training images for the test where there are none.

    Images that the source divides, into training and validation, stay as they are.

    Args:
        splits: as the source has them.
        test_split: the share; 0 for none.
    """
    if splits.test is not None or splits.validation is not None or test_split == 0:
        return splits
    train = splits.train
    kept, test = stratified_split(train.labels, test_split, _TEST_SEED, train.groups)
    if not len(kept) or not len(test):
        return splits
    return replace(splits, train=train.take(kept), test=train.take(test))


def adapted(splits: Splits, options: SourceOptions) -> Splits:
    """Bring every part to the size and the channels that were asked for, if any were."""
    height, width, channels = splits.train.image_shape
    size = options.image_size or (height, width)
    wanted = channels if options.channels == "auto" else options.channels
    if (*size, wanted) == (height, width, channels):
        return splits
    preparation = Preparation(*size, wanted, resize=options.resize)
    parts = {name: _fitted(images, preparation) for name, images in splits.parts.items()}
    return replace(splits, **parts)


def _fitted(images: ImageSet, preparation: Preparation) -> ImageSet:
    shape = (len(images), preparation.height, preparation.width, preparation.channels)
    fitted = np.empty(shape, dtype=np.uint8)
    for image, place in zip(images.images, fitted, strict=True):
        place[:] = preparation.fit_image(image)
    return replace(images, images=fitted)
