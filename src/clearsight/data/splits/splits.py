"""`Splits`: the training, validation and test sets of a source."""

from dataclasses import dataclass, field, replace

from clearsight.data.image_set import ImageSet
from clearsight.data.load_report import LoadReport
from clearsight.data.preparation.pixel_range import PixelRange
from clearsight.display.html import element, output, table
from clearsight.errors import DataError


@dataclass(frozen=True)
class Splits:
    """The training, validation and test sets of a source.

    Attributes:
        train: the training set.
        test: the test set, or None if the source has none.
        validation: the validation set, or None to hold it out from `train`.
        load_report: what was left out of the source.
        pixel_range: the values that became 0 and 255 in deep images; None if all had 8 bits.
    """

    train: ImageSet
    test: ImageSet | None = None
    validation: ImageSet | None = None
    load_report: LoadReport = field(default_factory=LoadReport)
    pixel_range: PixelRange | None = None

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
        """The sets that exist, by name: "train", "validation", "test"."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: images for name, images in parts.items() if images is not None}

    def __repr__(self) -> str:
        parts = ", ".join(f"{name} {len(images):,}" for name, images in self.parts.items())
        shape = "x".join(map(str, self.train.image_shape))
        return f"Splits({parts} images {shape}, {self.train.num_classes} classes)"

    def _repr_html_(self) -> str:
        rows = (
            (part, f"{len(images):,}", images.provenance) for part, images in self.parts.items()
        )
        shape = "x".join(map(str, self.train.image_shape))
        return output(
            element("p", f"{self.train.num_classes} classes, images {shape}"),
            table(("set", "images", "from"), rows, num_left=3),
            element("h4", "Training images"),
            self.train.markup,
            *(element("p", note) for note in self.load_report.sentences),
        )

    def with_pixel_range(self, given: PixelRange | None) -> "Splits":
        """Return the splits with the range that the user gives, for images to be predicted.

        A note says so if no image of these has needed it.
        """
        if given is None or self.pixel_range is not None:
            return self
        unused = f"The pixel range {given} was not used: all images have 8 bits, 0 to 255."
        report = replace(self.load_report, notes=(*self.load_report.notes, unused))
        return replace(self, pixel_range=given, load_report=report)
