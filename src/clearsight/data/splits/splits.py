"""`Splits`: the training, validation and test sets of a source."""

import operator
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from clearsight.data.image_set import ImageSet
from clearsight.data.load_report import LoadReport
from clearsight.data.preparation.pixel_range import PixelRange, parse_pixel_range
from clearsight.display.html import element, output, table
from clearsight.errors import DataError, RequestError, describe_found


@dataclass(frozen=True)
class Splits:
    """The training, validation and test sets of a source.

    Attributes:
        train: the training set.
        test: the test set, or None if the source has none.
        validation: the validation set, or None to hold it out from `train`.
        load_report: what was left out of the source.
        pixel_range: the values that became 0 and 255 in deep images; None if all had 8 bits.

    Example:
        >>> from clearsight import load_data
        >>> (x, y), (x_test, y_test) = load_data("digits")
        >>> x.shape, y_test.shape
        ((1438, 8, 8, 1), (359,))
    """

    train: ImageSet
    test: ImageSet | None = None
    validation: ImageSet | None = None
    load_report: LoadReport = field(default_factory=LoadReport)
    pixel_range: PixelRange | None = None

    def __post_init__(self) -> None:
        for part in ("train", "validation", "test"):
            given = getattr(self, part)
            if not isinstance(given, ImageSet) and (part == "train" or given is not None):
                raise DataError(
                    f"{part} should be an ImageSet, but is {describe_found(given)}: make one with "
                    "ImageSet.from_arrays(images, labels)."
                )
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

    def __iter__(self) -> Iterator[ImageSet]:
        """Iterate over the training and the test set, so that they unpack as Keras's pairs do.

        Raises:
            DataError: when there is no test set.
        """
        if self.test is None:
            raise DataError(
                "The images should unpack into a training and a test set, but there is no test "
                "set: use `.train` alone, or hold one out with test_split=0.2."
            )
        return iter((self.train, self.test))

    def __getitem__(self, index: int) -> ImageSet:
        """Return the training set for 0 and the test set for 1."""
        position = operator.index(index)
        return tuple(self)[position] if position else self.train

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

        Raises:
            RequestError: when it is no range.
        """
        try:
            given = None if given is None else parse_pixel_range(given)
        except ValueError as error:
            raise RequestError(f"The pixel range {error}.") from error
        if given is None or self.pixel_range is not None:
            return self
        unused = f"The pixel range {given} was not used: all images have 8 bits, 0 to 255."
        report = replace(self.load_report, notes=(*self.load_report.notes, unused))
        return replace(self, pixel_range=given, load_report=report)
