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
    IS_REDUCED,
    LOWEST,
    WIDTH,
    make_arrays,
    open_arrays,
    remove_rows,
)
from clearsight.data.decoding.cache import DecodedImages
from clearsight.data.decoding.deep_images import decode_deep_images
from clearsight.data.decoding.job import DecodeJob
from clearsight.data.decoding.row_order import RowOrder, order_rows
from clearsight.data.decoding.target_shape import TargetShape, choose_target_shape
from clearsight.data.decoding.workers import ShowProgress, decode_images, silent
from clearsight.data.image_set import ImageSet
from clearsight.data.listing import BadFile, Listing, Part
from clearsight.data.load_report import LoadReport, check_bad_files
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError, OutputError, list_some

DECODE_VERSION = 3  # of how images are read; a change invalidates the cache
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
    row_order = order_rows(listing, options.test_split)
    key = _digest(
        DECODE_VERSION,
        listing.signature,
        options.model_dump_json(include={"image_size", "resize", "channels", "pixel_range"}),
        row_order.order.tobytes(),
        "\0".join(listing.keys),
    )
    decoded = cache.find(key)
    if decoded is None:
        shape = choose_target_shape(listing, options)
        decoded = _decode(listing, row_order, shape, options, show_progress)
        arrays = open_arrays(decoded.folder)
        size = (decoded.height, decoded.width, decoded.channels)
        content = _digest(DECODE_VERSION, size, *(array.tobytes() for array in arrays[1:]))
        decoded = cache.save(decoded, key, content)
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
    with cache.new_folder() as folder:
        _check_disk_space(folder, len(listing) * int(np.prod(size)))
        make_arrays(folder, len(listing), size)
        rows = np.argsort(row_order.order)
        job = DecodeJob(listing.reader, preparation, listing.keys, rows, folder)
        problems = decode_images(job, show_progress)
        is_grey_by_guess = shape.channels == 1 and options.channels == "auto"
        if is_grey_by_guess and open_arrays(folder).facts[:, IS_COLOUR].any():
            shutil.rmtree(folder)
            grey, colour = "1 channel (all are grey", "3 channels (some are in colour"
            shape = replace(shape, channels=3, reason=shape.reason.replace(grey, colour))
            return _decode(listing, row_order, shape, options, show_progress)
        deep = decode_deep_images(job, show_progress)
        problems |= deep.problems
        warnings = _warnings(folder, [listing.keys[index] for index in row_order.order])
        remove_rows(folder, sorted(problems))
    problem_of = {listing.keys[row_order.order[row]]: problem for row, problem in problems.items()}
    notes = (*filter(None, [shape.reason]), *deep.notes, *warnings)
    return DecodedImages(folder, *size, problem_of, notes, deep.pixel_range)


def _warnings(folder: Path, keys: Sequence[str]) -> list[str]:
    """Return sentences about what was left out of images or may be wrong; row k is ``keys[k]``."""
    facts, warnings = open_arrays(folder).facts, []
    for column, sentence in (
        (HAS_MORE_FRAMES, "have several frames or pages, of which only the first was used"),
        (IS_DAMAGED, "may be damaged, although their decoders return an image"),
        (IS_REDUCED, "have 16 bits with alpha or ink, of which only the upper 8 were used"),
    ):
        rows = np.flatnonzero(facts[:, column]).tolist()
        if len(rows):
            names = list_some(keys[row] for row in rows)
            warnings.append(f"{len(rows):,} of {len(keys):,} images {sentence}: {names}.")
    return warnings


def _check_disk_space(folder: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if needed_bytes > free_bytes:
        raise OutputError(
            f"Decoded images need {needed_bytes / 1e9:.1f} GB in {folder.parent}, but only "
            f"{free_bytes / 1e9:.1f} GB are free: use a smaller --image-size, free disk space, or "
            "set the environment variable CLEARSIGHT_CACHE to another folder."
        )


def _make_splits(listing: Listing, row_order: RowOrder, decoded: DecodedImages) -> Splits:
    images, digests, facts, _ = open_arrays(decoded.folder)
    sizes = facts[:, : WIDTH + 1]  # and heights
    is_resized = bool((sizes != (decoded.height, decoded.width)).any())
    parts: dict[Part, ImageSet] = {}
    bad_files = [*listing.bad_rows]
    part_start, row_start = 0, 0
    for part, count in row_order.counts.items():
        indices = row_order.order[part_start : part_start + count]
        part_start += count
        if decoded.problems:
            bad_keys = {listing.keys[index] for index in indices} & decoded.problems.keys()
            bad_files += [BadFile(key, decoded.problems[key], part) for key in bad_keys]
            indices = indices[[listing.keys[index] not in bad_keys for index in indices]]
        if not len(indices):
            continue
        rows = slice(row_start, row_start + len(indices))
        row_start += len(indices)
        parts[part] = ImageSet(
            images[rows],
            listing.labels[indices],
            listing.class_names,
            f"{listing.provenance}, {part}",
            names=tuple(listing.keys[index] for index in indices),
            groups=tuple(listing.groups[index] for index in indices) if listing.groups else None,
            original_sizes=sizes[rows] if is_resized else None,
            known_digests=digests[rows],
            known_value_range=(int(facts[rows, LOWEST].min()), int(facts[rows, HIGHEST].max())),
        )
    if "train" not in parts:
        raise DataError(f"{listing.provenance} has no training image that can be read.")
    report = LoadReport(
        bad_files=tuple(sorted(bad_files, key=lambda bad: bad.name)),
        skipped=listing.skipped,
        empty_classes=listing.empty_classes,
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
