"""Classes that can be told by the border of their images alone.

Where every image of a class was taken before the same ground, a network learns the ground. A
logistic regression that sees nothing but the outermost pixels, coarsely, should do little better
than chance; where it names a class nearly without a mistake, that class has a background of its
own.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from clearsight.data.health.examined import Examined
from clearsight.data.health.finding import Finding, listed
from clearsight.errors import MissingExtraError

_MOST_IMAGES = 3000  # enough to tell, and a second's work
_FEWEST_OF_A_CLASS = 15
_NUM_FOLDS = 3
_BORDER_SHARE = 0.04  # of height and width
_CELLS = 4  # along each side
# F1 of a class: harmonic mean of how much of it is found and how much of what is named so is right.
# Things that reach the border reveal their class too: of Fashion-MNIST's classes trousers reach
# 0.83 so, of digits the 7 reaches 0.82, and neither is a fault of the background.
_TOO_WELL = 0.92
_ABOVE_CHANCE = 0.3  # that F1 must exceed what shuffled labels give by this much


def check(examined: Examined) -> list[Finding]:
    """Find classes that the border alone gives away.

    Raises:
        MissingExtraError: when scikit-learn is not installed.
    """
    train = examined.splits.train
    chosen = _sample(train.labels)
    if min(train.image_shape[:2]) < 4 or len(np.unique(train.labels[chosen])) < 2:
        return []
    features, labels = border_features(train.images[chosen]), train.labels[chosen]
    scores = _scores(features, labels)
    by_chance = _scores(features, np.random.default_rng(0).permutation(labels))
    classes = np.unique(labels)
    told = (scores >= _TOO_WELL) & (scores >= by_chance + _ABOVE_CHANCE)
    if not told.any():
        return []
    names = [train.class_names[label] for label in classes[told]]
    shown = chosen[np.isin(labels, classes[told])]
    return [
        Finding(
            id="background-names-class",
            title="One background for one class",
            severity="problem" if len(names) > len(classes) / 2 else "warning",
            count=len(names),
            examined=len(classes),
            found=f"A classifier that sees only the border of the images recognizes "
            f"{listed(names)} with an F1 score of {scores[told].min():.2f} or more, where "
            f"shuffled labels give {by_chance[told].max():.2f} at most",
            advice="Take images of each class before several grounds, or cut the ground away, "
            "because a network would learn the ground.",
            examples=examined.examples(shown),
        )
    ]


def border_features(images: np.ndarray) -> np.ndarray:
    """Describe the border of images coarsely: float32 (N, F), each column of variance 1.

    Args:
        images: uint8 (N, H, W, C); each side's border is cut into four cells, and each cell gives
            the mean and the standard deviation of every channel.
    """
    _, height, width, _ = images.shape
    tall = max(1, round(_BORDER_SHARE * height))
    wide = max(1, round(_BORDER_SHARE * width))
    columns = []
    # Each border with the axis along it last but one.
    sides = (
        images[:, :tall].swapaxes(1, 2),
        images[:, -tall:].swapaxes(1, 2),
        images[:, :, :wide],
        images[:, :, -wide:],
    )
    for side in sides:
        for cell in np.array_split(side.astype(np.float32), _CELLS, axis=1):
            columns += [cell.mean(axis=(1, 2)), cell.std(axis=(1, 2))]
    features = np.concatenate(columns, axis=1)
    # A grey level is the least that may count.
    return (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1.0)


def _sample(labels: np.ndarray) -> np.ndarray:
    """Choose images of the classes that have enough of them: int64 (M,), ascending."""
    counts = np.bincount(labels)
    kept = np.flatnonzero(counts[labels] >= _FEWEST_OF_A_CLASS)
    if len(kept) > _MOST_IMAGES:
        kept = np.random.default_rng(0).choice(kept, _MOST_IMAGES, replace=False)
        counts = np.bincount(labels[kept], minlength=len(counts))
        kept = kept[counts[labels[kept]] >= _NUM_FOLDS]
    return np.sort(kept)


def _scores(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each class's F1 over images that the classifier has not seen: float64 (K,)."""
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import f1_score
        from sklearn.model_selection import StratifiedKFold, cross_val_predict
    except ImportError as error:
        raise MissingExtraError("Looking for backgrounds", extra="report") from error
    folds = StratifiedKFold(_NUM_FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        named = cross_val_predict(LogisticRegression(max_iter=200), features, labels, cv=folds)
    options: Any = {"average": None, "zero_division": 0.0}
    return np.asarray(f1_score(labels, named, labels=np.unique(labels), **options))
