"""`SourceOptions`: how the images of a source are read, validated on creation."""

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field

from clearsight.data.preparation.pixel_range import PixelRange, parse_pixel_range
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.resize import ResizeMethod
from clearsight.errors import DataError
from clearsight.option_names import for_reader, option, typed_words
from clearsight.options import Option, Request

TEST_FRACTION = 0.2  # held out by default
_Side = Annotated[int, Field(gt=0, le=65_535)]  # pixels


def parse_image_size(value: Any) -> Any:
    """Turn 64, "64" or "48,64" into height and width; leave the rest to pydantic."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value, value
    if not isinstance(value, str):
        return value
    parts = re.split("[,x]", value)
    if len(parts) <= 2 and all(re.fullmatch(r"\s*[1-9][0-9]{0,4}\s*", part) for part in parts):
        return int(parts[0]), int(parts[-1])
    raise ValueError("should be one number of pixels such as 64, or height,width such as 48,64")


def _check_label_pattern(pattern: str | None) -> str | None:
    try:
        names = re.compile(pattern or "").groupindex
    except re.error as error:
        raise ValueError(f"should be a regular expression, but {error}") from error
    if pattern is not None and "label" not in names:
        raise ValueError("should have a group called label, as in (?P<label>[a-z]+)")
    return pattern


def _parse_channels(value: Any) -> Any:
    return int(value) if value in ("1", "3") else value


class SourceOptions(Request):
    """How the images of a source are read; the defaults suit most.

    The help of each field explains it; see `clearsight.options`.
    """

    subject: ClassVar[str] = "The source options are"

    image_size: Annotated[
        tuple[_Side, _Side] | None,
        BeforeValidator(parse_image_size),
        Option(
            "Size of all images; by default chosen from the data.",
            metavar="N|H,W",
            accepts="int | str | tuple[int, int] | None",
        ),
    ] = None
    resize: Annotated[
        ResizeMethod, Option("Pad, crop or stretch images of another shape: fit, crop, stretch.")
    ] = "fit"
    channels: Annotated[
        Literal["auto", 1, 3],
        BeforeValidator(_parse_channels),
        Option("1 is grey, 3 colour; auto is grey if all images are."),
    ] = "auto"
    pixel_range: Annotated[
        PixelRange | None,
        BeforeValidator(lambda value: None if value is None else parse_pixel_range(value)),
        Option(
            "Values of deep (16-bit, 32-bit, float) images that become 0 and 255; by default "
            "chosen from the data.",
            metavar="LOW,HIGH",
            accepts="str | tuple[float, float] | None",
        ),
    ] = None
    test_split: Annotated[
        float | None,
        Field(ge=0, lt=1),
        Option("Fraction held out as the test set; by default 0.2 if the source has none."),
    ] = None
    data_dir: Annotated[
        Path | None,
        Option("Folder with the files of a named source.", metavar="DIR", on_resume="free"),
    ] = None
    image_column: Annotated[
        str | None, Option("Table: column of images or their paths.", metavar="NAME")
    ] = None
    label_column: Annotated[
        str | None, Option("Table: column of labels; A,B,... are one-hot.", metavar="NAME")
    ] = None
    split_column: Annotated[
        str | None,
        Option("Table: column that says train, validation or test.", metavar="NAME"),
    ] = None
    group_column: Annotated[
        str | None,
        Option("Table: column of groups (e.g. patient) that no split separates.", metavar="NAME"),
    ] = None
    header: Annotated[
        bool, Option("Table: the first line is data; columns are called 1, 2, ...")
    ] = True
    label_pattern: Annotated[
        str | None,
        AfterValidator(_check_label_pattern),
        Option(
            "Folders: find labels in file names, e.g. '(?P<label>[a-z]+)\\.' in cat.0.jpg.",
            metavar="REGEX",
        ),
    ] = None
    nested_classes: Annotated[
        bool, Option("Folders: folders inside class folders are classes of their own.")
    ] = False
    class_folders: Annotated[
        Literal["auto", "outer", "inner"],
        Option("Folders: which are the classes if all of them have the same folders inside."),
    ] = "auto"
    follow_links: Annotated[
        bool, Option("Folders and tables: follow links that lead out of the folder.")
    ] = False
    class_names: Annotated[
        Path | None, Option("JSON or TXT file of the class names, in order.", metavar="FILE")
    ] = None
    corrections: Annotated[
        Path | None,
        Option("Corrected labels; see `data check --labels-out`.", metavar="FILE.csv"),
    ] = None
    remove_list: Annotated[
        Path | None,
        Option("List of images to leave out; see `data check`.", metavar="FILE"),
    ] = None
    allow_bad: Annotated[
        bool, Option("Continue even if more than 1% of the images are unusable.")
    ] = False

    def resolved(self) -> Self:
        """Return the options with absolute paths, which are valid from any folder."""
        names = ("data_dir", "class_names", "corrections", "remove_list")
        paths = {name: getattr(self, name) for name in names}
        absolute = {name: path.resolve() for name, path in paths.items() if path is not None}
        return self.model_copy(update=absolute)

    def fitted_to(self, preparation: Preparation) -> Self:
        """Return options that bring the images of any source to a network's input.

        Raises:
            DataError: when they ask for another range of pixel values than that of its training.
        """
        trained = preparation.pixel_range
        if trained is not None and self.pixel_range not in (None, trained):
            given = (self.pixel_range.low, self.pixel_range.high)
            raise DataError(
                f"The network was trained on pixel values from {trained}, so that "
                f"{option('pixel_range', given)} cannot apply: leave it out."
            )
        changes = {
            "image_size": (preparation.height, preparation.width),
            "channels": preparation.channels if preparation.channels in (1, 3) else "auto",
            "resize": preparation.resize,
            "pixel_range": trained or self.pixel_range,
            "test_split": 0.0,
        }
        return self.model_copy(update=changes)

    @property
    def shown(self) -> str:
        """The options that are not the defaults, as a message's reader gives them."""
        return for_reader(" ", ", ").join(option(*each) for each in self._changed.items())

    @property
    def command_words(self) -> list[str]:
        """What to type to read a source in this way, e.g. ["--image-size", "48,64"]."""
        return [word for each in self._changed.items() for word in typed_words(*each)]

    @property
    def _changed(self) -> dict[str, Any]:
        """The options that are not the defaults."""
        return {
            name: value
            for name, field in SourceOptions.model_fields.items()
            if (value := getattr(self, name)) != field.default and value is not None
        }
