"""Classes that the border of their images alone reveals.

If every image of a class was taken on the same background, a network learns the background. A
logistic regression on nothing but the outermost pixels should do little better than chance; if it
recognizes a class almost perfectly, that class has a background of its own.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from clearsight.data.health.finding import Finding
from clearsight.data.health.image_pool import ImagePool
from clearsight.errors import list_some, needs_extra

_MAX_IMAGES = 3000  # enough for stable scores, and a second's work
_MIN_IMAGES_PER_CLASS = 15
_NUM_FOLDS = 3
_NUM_CASES = 9  # images that illustrate the finding
_BORDER_FRACTION = 0.04  # of height and width
_CELLS = 4  # along each side
# F1 score of a class. Objects that reach the border reveal their class too: among Fashion-MNIST's
# classes trousers reach 0.83, among digits the 7 reaches 0.82, both without any background.
_MIN_F1 = 0.92
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
    features = border_features(train.images[chosen])
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
        message=f"A classifier that sees only the border of the images recognizes "
        f"{list_some(names, 5)} with an F1 score of at least {scores[is_revealed].min():.2f} "
        f"(at most {by_chance[is_revealed].max():.2f} with shuffled labels)",
        advice="Photograph each class on several backgrounds, or crop, because a network would "
        "learn the background.",
        cases=pool.cases(chosen[np.isin(labels, classes[is_revealed])][:_NUM_CASES]),
        classes=tuple(names),
    )


def border_features(images: np.ndarray) -> np.ndarray:
    """Describe the border of images coarsely: float32 (N, F), each column of variance 1.

    Each side's border is divided into four cells, and each cell gives the mean and the standard
    deviation of every channel.
    """
    _, height, width, _ = images.shape
    tall = max(1, round(_BORDER_FRACTION * height))
    wide = max(1, round(_BORDER_FRACTION * width))
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
    # Differences below one grey level do not count.
    return (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1.0)


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
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import f1_score
        from sklearn.model_selection import StratifiedKFold, cross_val_predict
    folds = StratifiedKFold(_NUM_FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        predicted = cross_val_predict(LogisticRegression(max_iter=200), features, labels, cv=folds)
    options: Any = {"average": None, "zero_division": 0.0}
    return np.asarray(f1_score(labels, predicted, labels=np.unique(labels), **options))
