"""`RawArrays`: the arrays of a source, converted to `Splits`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from clearsight.data.arrays.convert import to_four_axes, to_uint8_images
from clearsight.data.arrays.image_stack import ImageStack
from clearsight.data.arrays.pairs import CLASS_NAME_ARRAYS, find_array_pairs
from clearsight.data.image_set import ImageSet
from clearsight.data.labels.class_names import ClassNames, read_class_names
from clearsight.data.labels.encode import EncodedLabels, encode_labels, to_label_array
from clearsight.data.listing import PARTS, Part
from clearsight.data.load_report import LoadReport
from clearsight.data.preparation.pixel_range import PixelRange
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError


@dataclass(frozen=True, eq=False)
class RawArrays:
    """Arrays of images and labels, before they are checked and converted.

    Attributes:
        images: images by part, an `ImageStack` or any form that `to_four_axes` accepts.
        labels: labels by part, in any form that `encode_labels` accepts.
        provenance: where they come from, in words.
        class_names: the source's own class names, or None.
        groups: the group of each image by part, for parts that have them.
        skipped: number of skipped items by reason.
        notes: sentences for the user.
    """

    images: Mapping[Part, Any]
    labels: Mapping[Part, Any]
    provenance: str
    class_names: ClassNames | None = None
    groups: Mapping[Part, tuple[str, ...]] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_splits(self, options: SourceOptions) -> Splits:
        """Check and convert the arrays.

        Raises:
            DataError: when images or labels are invalid, do not fit together, or there is no
                training set.
        """
        if "train" not in self.images:
            found = ", ".join(part for part in PARTS if part in self.images) or "no"
            raise DataError(
                f"{self.provenance} should hold images to train on, but holds {found} images only."
            )
        names = choose_class_names(options, self.class_names)
        arrays, notes, pixel_range = self._convert_images(options.pixel_range)
        encoded = self._encode_labels(names)
        sets: dict[Part, ImageSet] = {}
        ends = np.cumsum([len(self.labels[part]) for part in self.images])
        for part, codes in zip(self.images, np.split(encoded.codes, ends[:-1]), strict=True):
            images = arrays[part]
            if len(images) != len(codes):
                raise DataError(
                    f"{self.provenance} should have one label per image, but its {part} part has "
                    f"{len(images):,} images and {len(codes):,} labels."
                )
            sets[part] = ImageSet(
                images, codes, encoded.class_names, self.provenance, groups=self.groups.get(part)
            )
        return Splits(
            train=sets["train"],
            test=sets.get("test"),
            validation=sets.get("validation"),
            load_report=LoadReport(
                skipped=self.skipped, notes=(*self.notes, *notes, *encoded.notes)
            ),
            pixel_range=pixel_range,
        )

    def _convert_images(
        self, given: PixelRange | None
    ) -> tuple[dict[Part, np.ndarray], list[str], PixelRange | None]:
        """Return the images of all parts, all converted in the same way, notes, and the range."""
        named: list[tuple[str, np.ndarray]] = []
        notes: list[str] = []
        for part, images in self.images.items():
            if isinstance(images, ImageStack):
                named += images.images
                continue
            name = f"{self.provenance} ({part} images)"
            array, changes = to_four_axes(images, name)
            named.append((name, array))
            notes += changes
        converted = to_uint8_images(named, given)
        left = iter(converted.images)
        arrays: dict[Part, np.ndarray] = {
            part: images.join(list(islice(left, len(images))))
            if isinstance(images, ImageStack)
            else next(left)
            for part, images in self.images.items()
        }
        return arrays, list(dict.fromkeys(notes)) + converted.notes, converted.pixel_range

    def _encode_labels(self, names: ClassNames | None) -> EncodedLabels:
        """Encode the labels of all parts in the same way."""
        what = f"The labels in {self.provenance}"
        arrays = [to_label_array(self.labels[part], what) for part in self.images]
        if len({(array.ndim, array.shape[1:]) for array in arrays}) > 1:
            found = " and ".join(str(array.shape) for array in arrays)
            raise DataError(
                f"{what} should have one shape in all parts, but have the shapes {found}."
            )
        if any(array.ndim == 0 for array in arrays):
            raise DataError(f"{what} should be one per image, but are one value.")
        if len({array.dtype.kind in "US" for array in arrays}) > 1:
            raise DataError(
                f"{what} should be all numbers or all text, but are text in some parts and "
                "numbers in others."
            )
        return encode_labels(np.concatenate(arrays), names, what)


def collect_arrays(
    num_axes: Mapping[str, int], load: Callable[[str], Any], what: str, others: Sequence[str] = ()
) -> RawArrays:
    """Collect images, labels and class names from arrays with usual names, given with their axes.

    `load` returns an array; `others` are the source's arrays that have no usual name.

    Raises:
        DataError: as `find_array_pairs`.
    """
    names = [name for name in num_axes if name not in CLASS_NAME_ARRAYS]
    pairs = find_array_pairs(names, [name for name in names if num_axes[name] < 3], what)
    class_names = None
    names_array = next((name for name in CLASS_NAME_ARRAYS if name in num_axes), None)
    if names_array is not None:
        listed = np.atleast_1d(load(names_array)).ravel().tolist()
        class_names = ClassNames.listed(listed, origin=f"{what}'s class names")
    used = {names_array, *(name for pair in pairs.values() for name in pair)}
    unused = [name for name in (*num_axes, *others) if name not in used]
    return RawArrays(
        images={part: load(pair[0]) for part, pair in pairs.items()},
        labels={part: load(pair[1]) for part, pair in pairs.items()},
        provenance=what,
        class_names=class_names,
        skipped={f"array '{name}' (neither images nor labels)": 1 for name in unused},
    )


def choose_class_names(options: SourceOptions, own: ClassNames | None) -> ClassNames | None:
    """Return the class names in the user's file, or else the source's own."""
    if options.class_names is not None:
        return read_class_names(options.class_names)
    return own
