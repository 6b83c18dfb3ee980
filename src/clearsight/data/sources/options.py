"""`SourceOptions`: how the images of a source are to be read, checked where they come in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from clearsight.data.preparation.preparation import Preparation, ResizeMethod
from clearsight.errors import RequestError, format_validation_error

ChannelChoice = Literal["auto", 1, 3]


class SourceOptions(BaseModel):
    """How the images of a source are read; the defaults suit most.

    Attributes:
        data_dir: of a named source: the folder that holds its files; None looks in the usual
            places.
        image_size: height and width that every image is brought to; None chooses from the data.
        resize: "fit" keeps proportions and fills up, "crop" keeps them and cuts off, "stretch" does
            not keep them.
        channels: 1 (grey), 3 (colour), or "auto": grey when all images are.
        test_split: share of the images that is kept for the test where the source names no test
            images; 0 for none. It is always the same share, whatever the seed of the training.
        image_column: of a table: its column of image paths or of encoded images.
        label_column: of a table: its column of labels.
        split_column: of a table: its column that says train, validation or test.
        group_column: of a table: its column of what an image belongs to (a patient, a product);
            images of one group stay on one side of every split.
        class_names: a JSON or TXT file with the classes' names, in the order of their numbers.
        corrections: a CSV file of corrected labels, as `clearsight data check --labels-out` writes.
        allow_bad: whether to go on when more than 1% of the images cannot be read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path | None = None
    image_size: tuple[PositiveInt, PositiveInt] | None = None
    resize: ResizeMethod = "fit"
    channels: ChannelChoice = "auto"
    test_split: Annotated[float, Field(ge=0, lt=1)] = 0.2
    image_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    group_column: str | None = None
    class_names: Path | None = None
    corrections: Path | None = None
    allow_bad: bool = False

    def resolved(self) -> Self:
        """Return the options with whole paths, which hold from any folder."""
        paths = {name: getattr(self, name) for name in ("data_dir", "class_names", "corrections")}
        whole = {name: path.resolve() for name, path in paths.items() if path is not None}
        return self.model_copy(update=whole)

    def fitted_to(self, preparation: Preparation) -> Self:
        """Return options that bring the images of any source to a network's form."""
        changes = {
            "image_size": (preparation.height, preparation.width),
            "channels": preparation.channels if preparation.channels in (1, 3) else "auto",
            "resize": preparation.resize,
            "test_split": 0.0,
        }
        return self.model_copy(update=changes)


def source_options(**values: Any) -> SourceOptions:
    """Make `SourceOptions`, with all mistakes in one sentence.

    Raises:
        RequestError: when options are unknown or out of range.
    """
    try:
        return SourceOptions(**values)
    except ValidationError as error:
        raise RequestError(
            f"The images cannot be read so: {format_validation_error(error)}."
        ) from error
