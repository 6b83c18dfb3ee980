"""Classes that the background of their images alone reveals.

If every image of a class was taken on the same background, a network learns the background. Only
the border of the images is looked at, and of each image only those quarter of its border that is
most like the borders of all images: an object that reaches the border covers some of it, but rarely
all. A classifier that recognizes a class almost perfectly from that has found a background of its
own.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from clearsight.data.health.finding import Finding
from clearsight.data.health.image_pool import ImagePool
from clearsight.errors import list_some, needs_extra

_MAX_IMAGES = 3000  # enough for stable scores, and a second's work
_MIN_IMAGES_PER_CLASS = 15
_NUM_FOLDS = 3
_NUM_TREES = 30
_NUM_CASES = 9  # images that illustrate the finding
_BORDER_FRACTION = 0.04  # of height and width
_CELLS = 8  # along each side
_NUM_TYPICAL = 8  # of the 32 cells of an image
_LEVELS = 16  # of grey or colour that cells are compared in
_MIN_F1 = 0.92  # score of a class
_ABOVE_CHANCE = 0.3  # by how much the F1 score must exceed that of shuffled labels


def check(pool: ImagePool) -> Iterator[Finding]:
    """Find classes that the border alone reveals.

    Raises:
        MissingExtraError: when scikit-learn is not installed.
    """
    train = pool.splits.train
    chosen = _sample(train.labels)
    labels = train.labels[chosen]
    classes = np.unique(labels)
    if min(train.image_shape[:2]) < 4 or len(classes) < 2:
        return
    features = background_features(train.images[chosen])
    scores = _scores(features, labels)
    by_chance = _scores(features, np.random.default_rng(0).permutation(labels))
    is_revealed = (scores >= _MIN_F1) & (scores >= by_chance + _ABOVE_CHANCE)
    if not is_revealed.any():
        return
    names = [train.class_names[label] for label in classes[is_revealed]]
    yield Finding(
        id="background-reveals-class",
        title="Backgrounds that reveal the class",
        severity="problem" if len(names) > len(classes) / 2 else "warning",
        count=len(names),
        total=len(classes),
        message=f"A classifier that sees only background at the border of the images recognizes "
        f"{list_some(names, 5)} with an F1 score of at least {scores[is_revealed].min():.2f} "
        f"(at most {by_chance[is_revealed].max():.2f} with shuffled labels)",
        advice="Photograph each class on several backgrounds, or crop, because a network would "
        "learn the background.",
        cases=pool.cases(chosen[np.isin(labels, classes[is_revealed])][:_NUM_CASES]),
        classes=tuple(names),
    )


def background_features(images: np.ndarray) -> np.ndarray:
    """Describe the background of images: float32 (N, F), in grey levels.

    Each side's border is divided into cells. Of the most typical cells of each image there are the
    mean of every channel, how much it differs between them, and the deviation within them.
    """
    means, deviations = border_cells(images)
    typical = np.argsort(-_typicality(means), axis=1, kind="stable")[:, :_NUM_TYPICAL, None]
    means = np.take_along_axis(means, typical, axis=1)
    deviations = np.take_along_axis(deviations, typical, axis=1)
    return np.concatenate([means.mean(axis=1), means.std(axis=1), deviations.mean(axis=1)], axis=1)


def border_cells(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation of each border cell: float32 (N, 32, C) each."""
    _, height, width, _ = images.shape
    tall = max(1, round(_BORDER_FRACTION * height))
    wide = max(1, round(_BORDER_FRACTION * width))
    # Each border with the axis along it last but one.
    sides = (
        images[:, :tall].swapaxes(1, 2),
        images[:, -tall:].swapaxes(1, 2),
        images[:, :, :wide],
        images[:, :, -wide:],
    )
    num_cells = min(_CELLS, height, width)
    cells = [
        cell.astype(np.float32)
        for side in sides
        for cell in np.array_split(side, num_cells, axis=1)
    ]
    return (
        np.stack([cell.mean(axis=(1, 2)) for cell in cells], axis=1),
        np.stack([cell.std(axis=(1, 2)) for cell in cells], axis=1),
    )


def _typicality(means: np.ndarray) -> np.ndarray:
    """Return how many border cells of all images are like each cell: int64 (N, cells)."""
    levels = (means * (_LEVELS / 256)).astype(np.int64)
    codes = (levels * _LEVELS ** np.arange(levels.shape[-1])).sum(axis=-1)
    _, positions, counts = np.unique(codes, return_inverse=True, return_counts=True)
    return counts[positions].reshape(codes.shape)


def _sample(labels: np.ndarray) -> np.ndarray:
    """Choose images of the classes that have enough of them: int64 (M,), ascending."""
    counts = np.bincount(labels)
    chosen = np.flatnonzero(counts[labels] >= _MIN_IMAGES_PER_CLASS)
    if len(chosen) > _MAX_IMAGES:
        chosen = np.random.default_rng(0).choice(chosen, _MAX_IMAGES, replace=False)
        counts = np.bincount(labels[chosen], minlength=len(counts))
        chosen = chosen[counts[labels[chosen]] >= _NUM_FOLDS]
    return np.sort(chosen)


def _scores(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each class's F1 score on images held out from the classifier: float64 (K,)."""
    with needs_extra("The background check", "report"):
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.metrics import f1_score
        from sklearn.model_selection import StratifiedKFold, cross_val_predict
    folds = StratifiedKFold(_NUM_FOLDS, shuffle=True, random_state=0)
    classifier = RandomForestClassifier(_NUM_TREES, min_samples_leaf=3, random_state=0)
    predicted = cross_val_predict(classifier, features, labels, cv=folds)
    options: Any = {"average": None, "zero_division": 0.0}
    return np.asarray(f1_score(labels, predicted, labels=np.unique(labels), **options))
