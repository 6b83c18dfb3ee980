"""Images that are Python objects: arrays, torch datasets, iterables of batches."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from clearsight.data.arrays.checks import describe
from clearsight.data.arrays.image_stack import ImageStack
from clearsight.data.arrays.pairs import find_array_pairs
from clearsight.data.arrays.raw_arrays import RawArrays, collect_arrays
from clearsight.data.image_set import ImageSet
from clearsight.data.labels.class_names import ClassNames
from clearsight.data.listing import Part
from clearsight.data.sources.edits import edit_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.held_out_test import hold_out_test_set
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError, describe_found

_FORMS = (
    "(x, y), ((x, y), (x_test, y_test)), a dict of arrays such as x_train and y_train, an "
    "ImageSet, Splits, a torch Dataset, or an iterable of (image, label)"
)
_CHANNELS = (1, 3, 4)
# Options of tables and of folders.
_OF_FILES = (
    "image_column", "label_column", "split_column", "group_column", "header", "label_pattern",
    "nested_classes", "class_folders", "follow_links",
)  # fmt: skip


def splits_from_object(source: Any, options: SourceOptions | None = None) -> Splits:
    """Make `Splits` of Python objects.

    Args:
        source: an `ImageSet`, two of them, or `Splits`; arrays ``(x, y)``, or ``((x, y), (x_test,
            y_test))`` as from ``keras.datasets``; a dict of arrays named as in .npz files; a
            dataset like torch's (``len`` and items (image, label)); or an iterable of (image,
            label), single or in batches, as from tf.data. Images are PIL images, arrays or tensors,
            uint8 or floats 0..1, (H, W), (H, W, C) or (C, H, W).
        options: image size, channels, class names and the fraction to hold out as the test set;
            None for the defaults.

    Raises:
        DataError: when it is something else, or its images or labels are invalid.

    Example:
        >>> x, y = np.zeros((4, 8, 8), "uint8"), np.array(["cat", "dog", "cat", "dog"])
        >>> splits_from_object((x, y)).train.class_names
        ('cat', 'dog')
    """
    options = options or SourceOptions()
    # Users with arrays mostly have test images as arrays too, so none are held out by default.
    return hold_out_test_set(_splits_from_object(source, options), options.test_split, default=0.0)


def _splits_from_object(source: Any, options: SourceOptions) -> Splits:
    fields = SourceOptions.model_fields
    given = [name for name in _OF_FILES if getattr(options, name) != fields[name].default]
    if given:
        raise DataError(
            f"{', '.join(given)} should be given for files alone, but the images are Python "
            "objects: leave it out; groups are passed with ImageSet(images, labels, class_names, "
            "groups=...)."
        )
    return edit_splits(_read(source, options), options)


def _read(source: Any, options: SourceOptions) -> Splits:
    if isinstance(source, Splits | ImageSet):
        splits = source if isinstance(source, Splits) else Splits(source)
        return splits.with_pixel_range(options.pixel_range)
    if isinstance(source, Mapping):
        return _from_mapping(source, options)
    if isinstance(source, (tuple, list)) and len(source) == 2:
        if all(isinstance(part, ImageSet) for part in source):
            return Splits(*source).with_pixel_range(options.pixel_range)
        if _is_pair(source):
            return _from_arrays({"train": source}, options)
        if all(_is_pair(part) for part in source):
            return _from_arrays({"train": source[0], "test": source[1]}, options)
    is_one = isinstance(source, (str, bytes)) or getattr(source, "ndim", 1) == 0
    if is_one or not (hasattr(source, "__iter__") or _is_indexed(source)):
        raise DataError(f"The images should be {_FORMS}, but are {describe_found(source)}.")
    return _from_items(source, options)


def _is_pair(value: Any) -> bool:
    """Return whether a value is (x, y): many images and many labels."""
    if not (isinstance(value, (tuple, list)) and len(value) == 2):
        return False
    x, y = value
    is_list = isinstance(x, list) and bool(x) and not isinstance(x[0], (tuple, list))
    are_images = getattr(x, "ndim", 0) >= 2 or is_list
    are_labels = getattr(y, "ndim", 0) >= 1 or isinstance(y, (list, tuple))
    return are_images and are_labels


def _is_indexed(value: Any) -> bool:
    return hasattr(value, "__len__") and hasattr(value, "__getitem__")


def _to_numpy(value: Any) -> Any:
    """Return a tensor on any device as an array, and anything else unchanged."""
    try:
        for step in ("detach", "cpu", "numpy"):
            if not isinstance(value, np.ndarray) and hasattr(value, step):
                value = getattr(value, step)()
    except (TypeError, RuntimeError) as error:
        raise DataError(
            f"Images and labels should be what NumPy can hold, but {type(value).__name__} is not "
            f"({error})."
        ) from error
    return value


def _from_arrays(parts: Mapping[Part, Any], options: SourceOptions) -> Splits:
    images: dict[Part, Any] = {}
    labels: dict[Part, Any] = {}
    for part, (x, y) in parts.items():
        images[part], labels[part] = _to_numpy(x), _to_numpy(y)
        if isinstance(x, list):
            stack = ImageStack(options)
            for image in x:
                stack.add(_to_numpy(image))
            images[part] = stack
    return RawArrays(images, labels, "arrays").to_splits(options)


def _from_mapping(source: Mapping[Any, Any], options: SourceOptions) -> Splits:
    arrays = {str(name): _to_numpy(values) for name, values in source.items()}
    num_axes = {name: getattr(values, "ndim", 3) for name, values in arrays.items()}
    raw = collect_arrays(num_axes, arrays.__getitem__, "The dict")
    return replace(raw, provenance="arrays").to_splits(options)


def _from_items(source: Any, options: SourceOptions) -> Splits:
    stack = ImageStack(options)
    labels: list[Any] = []
    is_batched: bool | None = None
    for position, item in enumerate(_items(source)):
        image, label = _image_and_label(item, position)
        if is_batched is None:  # only from the first item: the last batch may have one image
            is_batched = _is_batch(image, label)
        if not is_batched:
            stack.add(image)
            labels.append(label)
            continue
        if np.shape(image)[:1] != np.shape(label)[:1]:
            raise DataError(
                f"Every batch should have one label per image, but batch {position} has images of "
                f"shape {np.shape(image)} and labels of shape {np.shape(label)}."
            )
        for one in image:
            stack.add(one)
        labels.extend(np.asarray(label))
    what, names = f"a {type(source).__name__}", _names_of(source)
    return RawArrays({"train": stack}, {"train": labels}, what, names).to_splits(options)


def _items(source: Any) -> Iterator[Any]:
    # A torch dataset need not raise IndexError at its end, so that `iter` might never stop.
    if _is_indexed(source) and not hasattr(source, "__iter__"):
        return (source[index] for index in range(len(source)))
    iterable: Iterable[Any] = source
    return iter(iterable)


def _image_and_label(item: Any, position: int) -> tuple[Any, Any]:
    if isinstance(item, Mapping):
        pairs = find_array_pairs([str(name) for name in item], (), f"Item {position}")
        image, label = pairs["train"]
        return _to_numpy(item[image]), _to_numpy(item[label])
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return _to_numpy(item[0]), _to_numpy(item[1])
    if isinstance(item, np.ndarray):
        found = describe(item)
    else:
        is_sequence = isinstance(item, (tuple, list))
        found = f"a {type(item).__name__}{f' of {len(item)}' if is_sequence else ''}"
    raise DataError(f"Every item should be a pair (image, label), but item {position} is {found}.")


def _is_batch(image: Any, label: Any) -> bool:
    num_axes = getattr(image, "ndim", 0)
    if num_axes != 3 or np.ndim(label) == 0:
        return num_axes == 4
    if np.ndim(label) == 2:
        return True
    shape = image.shape
    is_one_image = shape[0] in _CHANNELS or shape[2] in _CHANNELS  # whose label is one-hot
    return len(label) == shape[0] and not is_one_image


def _names_of(source: Any) -> ClassNames | None:
    for attribute in ("classes", "class_names"):
        names = getattr(source, attribute, None)
        if isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names):
            return ClassNames(tuple(names), tuple(range(len(names))))
    return None
