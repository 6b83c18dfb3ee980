"""`Splits`: the parts that a source gives."""

from __future__ import annotations

from dataclasses import dataclass, field

from clearsight.data.image_set import ImageSet
from clearsight.data.load_report import LoadReport
from clearsight.errors import DataError


@dataclass(frozen=True)
class Splits:
    """What a source gives: images to learn from and images kept for the final score.

    Attributes:
        train: the images that training (and its validation part) may see.
        test: the images for the test score, or None where the source has none.
        validation: the images to validate on, or None where they are taken from `train`.
        load_report: what was left out of the source.
    """

    train: ImageSet
    test: ImageSet | None = None
    validation: ImageSet | None = None
    load_report: LoadReport = field(default_factory=LoadReport)

    def __post_init__(self) -> None:
        for part, images in self.parts.items():
            for what, expected, found in (
                ("classes", self.train.class_names, images.class_names),
                ("image shape", self.train.image_shape, images.image_shape),
            ):
                if expected != found:
                    raise DataError(
                        f"Training and {part} images should have the same {what}, but have "
                        f"{expected} and {found}."
                    )

    @property
    def parts(self) -> dict[str, ImageSet]:
        """The parts there are, by name: "train", "validation", "test"."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: images for name, images in parts.items() if images is not None}
