"""Decoding a `Listing` into `Splits`, or finding them in the cache."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from clearsight.data.decoding import cache
from clearsight.data.decoding.arrays import (
    HAS_MORE_FRAMES,
    HIGHEST,
    IS_COLOUR,
    IS_DAMAGED,
    IS_DEEP,
    IS_REDUCED,
    LOSES_COLOUR,
    LOWEST,
    WIDTH,
    make_arrays,
    open_arrays,
    remove_rows,
    swap_rows,
)
from clearsight.data.decoding.cache import DecodedImages
from clearsight.data.decoding.deep_images import decode_deep_images
from clearsight.data.decoding.job import DecodeJob
from clearsight.data.decoding.row_order import RowOrder, order_rows
from clearsight.data.decoding.target_shape import TargetShape, choose_target_shape
from clearsight.data.decoding.workers import ShowProgress, decode_images, silent
from clearsight.data.image_set import ImageSet
from clearsight.data.listing import PARTS, BadFile, Listing, Part
from clearsight.data.load_report import LoadReport, check_bad_files
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.sources.options import TEST_FRACTION, SourceOptions
from clearsight.data.splits.held_out_test import (
    check_no_own_part,
    choose_test_images,
    held_out_note,
)
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError, OutputError, list_some
from clearsight.io.cache_folder import ANOTHER_CACHE
from clearsight.io.readable_name import readable_name
from clearsight.option_names import option

DECODE_VERSION = 5  # of how images are read; a change invalidates the cache
ALPHA_BACKGROUND = 255  # most images with alpha are drawn for white pages


def decode_listing(
    listing: Listing, options: SourceOptions, show_progress: ShowProgress = silent
) -> Splits:
    """Decode the images of a listing on all cores, or load them from the cache.

    The images of the splits are mapped from disk, read-only. Those that cannot be read are reported
    and left out.

    Raises:
        DataError: when more than 1% (and more than one) cannot be read, unless the options allow
            it, or none can.
        OutputError: when the cache cannot be written, or its disk is full.
    """
    num_test = listing.parts.count("test")
    check_no_own_part("test", num_test, options.test_split, listing.provenance)
    wanted = TEST_FRACTION if options.test_split is None else options.test_split
    fraction = 0.0 if num_test else wanted
    row_order = order_rows(listing)
    key = _digest(
        DECODE_VERSION,
        listing.signature,
        options.model_dump_json(include={"image_size", "resize", "channels", "pixel_range"}),
        row_order.order.tobytes(),
        row_order.parts.tobytes(),
        "\0".join(listing.keys),
        # What the choice of test images depends on.
        [fraction, listing.labels.tolist(), listing.groups] if fraction else 0,
    )
    decoded = cache.find(key)
    if decoded is None:
        shape = choose_target_shape(listing, options)
        with cache.new_folder() as folder:
            decoded = _decode(listing, row_order, shape, folder, options, show_progress)
            decoded = _hold_out(listing, row_order, decoded, fraction)
            decoded = cache.save(decoded, key)
    bad = [BadFile(key, problem) for key, problem in decoded.problems.items()]
    num_listed = len(listing) + len(listing.bad_rows)
    check_bad_files(
        [*listing.bad_rows, *bad], num_listed, listing.provenance, allow_bad=options.allow_bad
    )
    return _make_splits(listing, row_order, decoded)


def _decode(
    listing: Listing,
    row_order: RowOrder,
    shape: TargetShape,
    folder: Path,
    options: SourceOptions,
    show_progress: ShowProgress,
) -> DecodedImages:
    size = (shape.height, shape.width, shape.channels)
    preparation = Preparation(
        *size,
        resize=options.resize,
        alpha_background=ALPHA_BACKGROUND,
        pixel_range=options.pixel_range,
    )
    _check_disk_space(folder, len(listing) * int(np.prod(size)))
    make_arrays(folder, len(listing), size)
    rows = np.argsort(row_order.order)
    job = DecodeJob(listing.reader, preparation, listing.keys, rows, folder)
    problems = decode_images(job, show_progress)
    is_grey_by_guess = shape.channels == 1 and options.channels == "auto"
    facts = open_arrays(folder).facts
    is_in_colour = facts[:, LOSES_COLOUR] | (facts[:, IS_DEEP] & facts[:, IS_COLOUR])
    if is_grey_by_guess and is_in_colour.any():
        for path in folder.iterdir():
            path.unlink()
        grey, colour = "1 channel, as all are grey", "3 channels, as some are in colour"
        shape = replace(shape, channels=3, reason=shape.reason.replace(grey, colour))
        return _decode(listing, row_order, shape, folder, options, show_progress)
    deep = decode_deep_images(job, show_progress)
    problems |= deep.problems
    warnings = _warnings(folder, [listing.keys[index] for index in row_order.order])
    remove_rows(folder, sorted(problems))
    problem_of = {listing.keys[row_order.order[row]]: problem for row, problem in problems.items()}
    notes, decisions = (*deep.notes, *warnings), tuple(filter(None, [shape.reason]))
    decoded = DecodedImages(folder, *size, problem_of, notes, deep.pixel_range)
    return replace(decoded, decisions=decisions)


def _warnings(folder: Path, keys: Sequence[str]) -> list[str]:
    """Return sentences about what was left out of images or may be wrong; row k is ``keys[k]``."""
    facts, warnings = open_arrays(folder).facts, []
    for column, sentence in (
        (HAS_MORE_FRAMES, "have several frames or pages, of which only the first was used"),
        (IS_DAMAGED, "may be damaged, although their decoders return an image"),
        (IS_REDUCED, "have 16 bits with alpha or in CMYK, of which only the upper 8 were used"),
        (LOSES_COLOUR, "are in colour, of which only the brightness was used"),
    ):
        rows = np.flatnonzero(facts[:, column]).tolist()
        if len(rows):
            names = list_some(keys[row] for row in rows)
            warnings.append(f"{len(rows):,} of {len(keys):,} images {sentence}: {names}.")
    return warnings


def _hold_out(
    listing: Listing, row_order: RowOrder, decoded: DecodedImages, fraction: float
) -> DecodedImages:
    """Choose the test images among the training images, and move them after the others."""
    row_order = _readable(listing, row_order, decoded)
    rows = row_order.rows("train")
    indices = row_order.order[rows]
    if fraction == 0 or not len(indices):
        return decoded
    groups = None if listing.groups is None else [listing.groups[index] for index in indices]
    contents = open_arrays(decoded.folder).contents[rows]
    is_test = choose_test_images(contents, listing.labels[indices], fraction, groups)
    note = held_out_note(is_test, contents, fraction, groups)
    swap_rows(decoded.folder, *row_order.swaps(is_test))
    return replace(
        decoded,
        test_rows=tuple(np.flatnonzero(is_test).tolist()),
        notes=(*decoded.notes, *filter(None, [note])),
    )


def _readable(listing: Listing, row_order: RowOrder, decoded: DecodedImages) -> RowOrder:
    """Return the order of the images that can be decoded."""
    if not decoded.problems:
        return row_order
    keys = [listing.keys[index] for index in row_order.order]
    return row_order.without([row for row, key in enumerate(keys) if key in decoded.problems])


def _check_disk_space(folder: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if needed_bytes > free_bytes:
        raise OutputError(
            f"Decoded images need {needed_bytes / 1e6:,.1f} MB in {folder.parent}, but only "
            f"{free_bytes / 1e6:,.1f} MB are free: use a smaller {option('image_size')}, "
            f"free disk space, or "
            f"{ANOTHER_CACHE}."
        )


def _make_splits(listing: Listing, row_order: RowOrder, decoded: DecodedImages) -> Splits:
    arrays = open_arrays(decoded.folder)
    sizes = arrays.facts[:, : WIDTH + 1]  # and heights
    is_resized = bool((sizes != (decoded.height, decoded.width)).any())
    bad_files = [
        BadFile(readable_name(key), readable_name(decoded.problems[key]), part or "train")
        for key, part in zip(listing.keys, listing.parts, strict=True)
        if key in decoded.problems
    ]
    row_order = _readable(listing, row_order, decoded)
    if decoded.test_rows:
        is_test = np.zeros((row_order.parts == PARTS.index("train")).sum(), dtype=bool)
        is_test[list(decoded.test_rows)] = True
        row_order = row_order.hold_out(is_test)
    parts: dict[Part, ImageSet] = {}
    for part in PARTS:
        rows = row_order.rows(part)
        indices, facts = row_order.order[rows], arrays.facts[rows]
        if not len(indices):
            continue
        parts[part] = ImageSet(
            arrays.images[rows],
            listing.labels[indices],
            listing.class_names,
            readable_name(f"{listing.provenance}, {part}"),
            names=tuple(readable_name(listing.keys[index]) for index in indices),
            groups=tuple(listing.groups[index] for index in indices) if listing.groups else None,
            original_sizes=sizes[rows] if is_resized else None,
            known_digests=arrays.digests[rows],
            known_value_range=(int(facts[:, LOWEST].min()), int(facts[:, HIGHEST].max())),
        )
    if "train" not in parts:
        raise DataError(f"{listing.provenance} has no training image that can be read.")
    report = LoadReport(
        bad_files=tuple(sorted([*listing.bad_rows, *bad_files], key=lambda bad: bad.name)),
        skipped=listing.skipped,
        empty_classes=listing.empty_classes,
        decisions=(*listing.decisions, *decoded.decisions),
        notes=(*listing.notes, *decoded.notes),
        num_listed=len(listing) + len(listing.bad_rows),
    )
    return Splits(
        parts["train"], parts.get("test"), parts.get("validation"), report, decoded.pixel_range
    )


def _digest(*values: object) -> str:
    digest = hashlib.sha256()
    for value in values:
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()
