"""`ImagePool`: the images of all parts under one numbering, and values that several checks need.

An image's *number* counts through all parts. Its *role* is how training uses it: it differs from
the part where validation images are taken from the training part.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from clearsight.data.health.finding import (
    Case,
    Finding,
    ImageReference,
    Severity,
    count_images,
)
from clearsight.data.health.image_statistics import ImageStatistics, compute_statistics
from clearsight.data.health.joined_images import JoinedImages
from clearsight.data.health.similar_pairs import (
    MAX_IMAGES,
    NO_PAIRS,
    SimilarPairs,
    find_similar_pairs,
)
from clearsight.data.splits.splits import Splits

ROLES = ("train", "validation", "test")
ROLE_ADJECTIVES = {"train": "training", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class Flaw:
    """A flaw that single images have, in words.

    Attributes:
        id: the id of its finding.
        title: a heading.
        singular: what follows "1 image", e.g. "has no colour".
        plural: what follows "2 images", e.g. "have no colour".
        advice: what to do, in one sentence.
        severity: "problem", "warning" or "note".
        is_removed: whether the remedy is to leave these images out.
    """

    id: str
    title: str
    singular: str
    plural: str
    advice: str
    severity: Severity = "warning"
    is_removed: bool = False


@dataclass(frozen=True, eq=False)
class ImagePool:
    """The images of all parts, as the checks see them.

    Attributes:
        splits: the parts.
        validation: int64, which training images will be used for validation, if that is known
            and the source has no validation images of its own.
        searches_near_duplicates: whether to compare images with each other; takes seconds.
        lists_cases: whether findings list the images that they are about.
    """

    splits: Splits
    validation: np.ndarray | None = None
    searches_near_duplicates: bool = True
    lists_cases: bool = True

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def images(self) -> JoinedImages:
        """All images: uint8 (N, H, W, C)."""
        return JoinedImages(tuple(self.splits.parts.values()))

    @cached_property
    def labels(self) -> np.ndarray:
        """All labels: int64 (N,)."""
        return np.concatenate([images.labels for images in self.splits.parts.values()])

    @property
    def class_names(self) -> tuple[str, ...]:
        """Label k means ``class_names[k]``."""
        return self.splits.train.class_names

    @cached_property
    def roles(self) -> np.ndarray:
        """How training uses each image: int64 (N,), indices into `ROLES`."""
        roles = [
            np.full(len(images), ROLES.index(part)) for part, images in self.splits.parts.items()
        ]
        if self.validation is not None and self.splits.validation is None:
            roles[0][self.validation] = ROLES.index("validation")
        return np.concatenate(roles)

    @cached_property
    def role_counts(self) -> dict[str, np.ndarray]:
        """The number of images of each class, int64 (K,), for each role that has any image."""
        counts = {
            role: np.bincount(self.labels[self.roles == number], minlength=len(self.class_names))
            for number, role in enumerate(ROLES)
        }
        return {role: count for role, count in counts.items() if count.sum()}

    @cached_property
    def contents(self) -> np.ndarray:
        """A number for each image's content: int64 (N,), equal exactly when the images are."""
        digests = [images.digests for images in self.splits.parts.values()]
        halves = np.ascontiguousarray(np.concatenate(digests)).view(np.uint64)
        order = np.lexsort((halves[:, 1], halves[:, 0]))
        ordered = halves[order]
        is_new = np.concatenate([[False], (ordered[1:] != ordered[:-1]).any(axis=1)])
        contents = np.empty(len(halves), dtype=np.int64)
        contents[order] = np.cumsum(is_new)
        return contents

    @cached_property
    def similar(self) -> SimilarPairs:
        """Pairs of near-duplicates, by number; none if they are not searched for.

        Of each group of exact duplicates only the first image is compared.
        """
        if not self.searches_near_duplicates or len(self) > MAX_IMAGES:
            return NO_PAIRS
        _, firsts = np.unique(self.contents, return_index=True)
        return find_similar_pairs(self.images, np.sort(firsts))

    @cached_property
    def statistics(self) -> ImageStatistics:
        """Brightness, contrast, sharpness and borders of every image."""
        return compute_statistics(self.images)

    def reference(self, number: int) -> ImageReference:
        """Return the part, index, name and class of the image with this number."""
        index = int(number)
        for part, images in self.splits.parts.items():
            if index < len(images):
                label = self.class_names[images.labels[index]]
                return ImageReference(part, index, images.name_of(index), label)
            index -= len(images)
        raise IndexError(number)

    def cases(
        self, numbers: np.ndarray, caption: str = "", remove: int | None = None
    ) -> tuple[Case, ...]:
        """Return these images, captioned with their class and `caption`; see `Case.remove`."""
        suffix = f", {caption}" if caption else ""
        references = map(self.reference, numbers if self.lists_cases else ())
        return tuple(Case((each,), f"{each.label}{suffix}", remove) for each in references)

    def pairs(
        self, first: np.ndarray, second: np.ndarray, remove: int | None = None
    ) -> tuple[Case, ...]:
        """Return these pairs, captioned with roles and classes; see `Case.remove`."""
        if not self.lists_cases:
            return ()
        return tuple(
            Case(
                (self.reference(one), self.reference(other)), self._pair_caption(one, other), remove
            )
            for one, other in zip(first, second, strict=True)
        )

    def find_flaw(self, flaw: Flaw, is_flawed: np.ndarray, caption: str = "") -> Iterator[Finding]:
        """Report the images that have a flaw, bool (N,); no finding if there are none.

        `caption` is added to the captions of the cases.
        """
        numbers = np.flatnonzero(is_flawed)
        count = len(numbers)
        if count:
            message = f"{count_images(count)} {flaw.singular if count == 1 else flaw.plural}"
            cases = self.cases(numbers, caption, 0 if flaw.is_removed else None)
            yield Finding(
                flaw.id, flaw.title, flaw.severity, count, len(self), message, flaw.advice, cases
            )

    def _pair_caption(self, one: int, other: int) -> str:
        roles = [ROLE_ADJECTIVES[ROLES[self.roles[number]]] for number in (one, other)]
        classes = [self.class_names[self.labels[number]] for number in (one, other)]
        where = f"both {roles[0]}" if roles[0] == roles[1] else f"{roles[0]} and {roles[1]}"
        if classes[0] == classes[1]:
            return f"{classes[0]}, {where}"
        return f"{classes[0]} ({roles[0]}) and {classes[1]} ({roles[1]})"
