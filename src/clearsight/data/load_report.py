"""`LoadReport`: what was left out when a source was loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clearsight.data.listing import BadFile
from clearsight.data.skipped_files import skipped_sentence
from clearsight.errors import DataError
from clearsight.option_names import name_options, option

_NUM_SHOWN = 3  # bad files in a sentence; `clearsight data check` lists all
_MAX_BAD_FRACTION = 0.01  # of images that are left out without --allow-bad


@dataclass(frozen=True)
class LoadReport:
    """What was left out of a source, and why.

    Attributes:
        bad_files: images that cannot be read, or have no valid label.
        skipped: number of skipped items by reason, e.g. {"notes.txt (not an image)": 1}.
        empty_classes: classes without images.
        decisions: sentences about what was decided for the user, e.g. the images' size, and why.
        notes: other sentences for the user.
        num_listed: number of images in the source, bad ones included; 0 if none was decoded.
    """

    bad_files: tuple[BadFile, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    empty_classes: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    num_listed: int = 0

    def __post_init__(self) -> None:
        for name in ("decisions", "notes"):  # some are kept with the decoded images
            object.__setattr__(self, name, tuple(map(name_options, getattr(self, name))))

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was decided, the notes, and what was left out."""
        return (*self.decisions, *self.remarks)

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notes, and what was left out."""
        sentences = list(self.notes)
        if self.skipped:
            sentences.append(skipped_sentence(self.skipped))
        if self.empty_classes:
            names = ", ".join(f"'{name}'" for name in self.empty_classes)
            sentences.append(f"These classes have no image and are left out: {names}.")
        if self.bad_files:
            first = "; ".join(bad.problem.rstrip(".") for bad in self.bad_files[:_NUM_SHOWN])
            more = len(self.bad_files) - _NUM_SHOWN
            sentences.append(
                f"{len(self.bad_files):,} of {self.num_listed:,} images cannot be used and are "
                f"left out: {first}{f'; and {more:,} more' if more > 0 else ''}."
            )
        return tuple(sentences)


def check_bad_files(
    bad: Sequence[BadFile], num_listed: int, source: str, *, allow_bad: bool
) -> None:
    """Check that no more than a few images of a source are bad.

    Raises:
        DataError: when more than 1% (and more than one) are, unless `allow_bad`, or all.
    """
    if bad and len(bad) == num_listed:
        raise DataError(
            f"{source} should hold images that can be read, but none of {num_listed:,} can: "
            f"{bad[0].problem}"
        )
    if len(bad) > max(num_listed * _MAX_BAD_FRACTION, 1) and not allow_bad:
        raise DataError(
            f"At most {_MAX_BAD_FRACTION:.0%} of the images in {source} may be unusable, but "
            f"{len(bad):,} of {num_listed:,} are: fix or remove them, or leave them out with "
            f"{option('allow_bad', True)}. The first ones: "
            f"{' '.join(each.problem for each in bad[:_NUM_SHOWN])}"
        )
