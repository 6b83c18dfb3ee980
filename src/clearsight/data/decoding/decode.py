"""`decode_listing`: a `Listing` made into `Splits`, from what is kept on disk or anew."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np

from clearsight.data.decoding import cache
from clearsight.data.decoding.cache import Decoded
from clearsight.data.decoding.job import HIGHEST, IS_COLOUR, LOWEST, make_arrays, open_arrays
from clearsight.data.decoding.row_order import RowOrder, order_rows
from clearsight.data.decoding.target_shape import TargetShape, choose_target_shape
from clearsight.data.decoding.workers import Work, decode
from clearsight.data.image_set import ImageSet
from clearsight.data.listing import PARTS, Listing, Part
from clearsight.data.load_report import BadFile, LoadReport
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError, OutputError

DECODE_VERSION = 1  # of how images are read; another one makes what was kept void
ALPHA_GROUND = 255  # most images with alpha are drawn for white pages
_MOST_BAD = 0.01  # share of images that may be left out unasked

# Shows how far decoding is: called with the number of images, gives something to call with how
# many are done.
ShowProgress = Callable[[int], AbstractContextManager[Callable[[int], None]]]


def silent(num_images: int) -> AbstractContextManager[Callable[[int], None]]:
    """Show nothing; a `ShowProgress`."""
    del num_images
    return nullcontext(lambda _: None)


def decode_listing(
    listing: Listing, options: SourceOptions, show_progress: ShowProgress = silent
) -> Splits:
    """Decode the images of a listing, all cores at work, or take what was kept of them.

    Images that cannot be read are named and left out.

    Args:
        listing: which images.
        options: how they are to be read.
        show_progress: see `ShowProgress`.

    Returns:
        Splits whose images are mapped from disk, read-only.

    Raises:
        DataError: when more than 1% (and more than one) cannot be read, unless the options allow
            it, or none can.
        OutputError: when there is no room to keep them.
    """
    row_order = order_rows(listing, options.test_split)
    look = _digest(
        DECODE_VERSION,
        listing.signature,
        options.model_dump_json(include={"image_size", "resize", "channels"}),
        row_order.order.tobytes(),
        "\0".join(listing.keys),
    )
    found = cache.find(look)
    if found is None:
        form = choose_target_shape(listing, options)
        found = _decode(listing, row_order, form, options, show_progress)
        found = cache.keep(found, look, _content(found))
    _check_bad(found, listing, options)
    return _splits(listing, row_order, found)


def _decode(
    listing: Listing,
    row_order: RowOrder,
    form: TargetShape,
    options: SourceOptions,
    show_progress: ShowProgress,
) -> Decoded:
    folder = cache.new_folder()
    try:
        _check_room(folder, len(listing), form)
        make_arrays(folder, len(listing), (form.height, form.width, form.channels))
        rows = np.empty(len(listing), dtype=np.int64)
        rows[row_order.order] = np.arange(len(listing))
        preparation = Preparation(
            form.height,
            form.width,
            form.channels,
            resize=options.resize,
            alpha_ground=ALPHA_GROUND,
        )
        work = Work(listing.reader, preparation, listing.keys, rows, folder)
        with show_progress(len(listing)) as report:
            problems = decode(work, report)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise OutputError(
                f"Decoded images should be kept in {folder.parent}, but cannot be: "
                f"{error.strerror or error}."
            ) from error
        raise
    if form.channels == 1 and options.channels == "auto":
        facts = open_arrays(folder, "r")[2]
        if facts[:, IS_COLOUR].any():  # those whose headers were looked at were all grey
            shutil.rmtree(folder)
            reason = form.reason.replace(
                "1 channel (all are grey", "3 channels (some are in colour"
            )
            form = TargetShape(form.height, form.width, 3, reason)
            return _decode(listing, row_order, form, options, show_progress)
    _close_gaps(folder, sorted(problems))
    key_of = (
        {int(row): key for key, row in zip(listing.keys, rows, strict=True)} if problems else {}
    )
    named = {key_of[row]: problem for row, problem in problems.items()}
    return Decoded(folder, form.height, form.width, form.channels, form.reason, named)


def _check_room(folder: Path, num_images: int, form: TargetShape) -> None:
    needed = num_images * form.height * form.width * form.channels
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OutputError(
            f"Decoded images need {needed / 1e9:.1f} GB in {folder.parent}, but only "
            f"{free / 1e9:.1f} GB are free: take a smaller --image-size, make room, or name "
            "another folder in the environment variable CLEARSIGHT_CACHE."
        )


def _close_gaps(folder: Path, bad_rows: list[int]) -> None:
    """Move rows up over those that were left out, block by block, and cut the files short."""
    if not bad_rows:
        return
    for path in (folder / f"{name}.npy" for name in ("images", "digests", "facts")):
        array = np.load(path, "r+")
        kept = len(array) - len(bad_rows)
        for place, first in enumerate(bad_rows):
            last = bad_rows[place + 1] if place + 1 < len(bad_rows) else len(array)
            for start in range(first + 1, last, 1024):
                stop = min(start + 1024, last)
                array[start - place - 1 : stop - place - 1] = array[start:stop].copy()
        header_bytes = path.stat().st_size - array.nbytes
        row_bytes, dtype, shape = array[:1].nbytes, array.dtype, (kept, *array.shape[1:])
        array.flush()
        del array
        with path.open("rb+") as file:
            file.truncate(header_bytes + kept * row_bytes)
            np.lib.format.write_array_header_1_0(  # of the same length: it is padded
                file, {"descr": dtype.str, "fortran_order": False, "shape": shape}
            )


def _content(found: Decoded) -> str:
    """Return a digest of what was decoded: the images in their order, and their facts."""
    _, digests, facts = found.arrays()
    form = (found.height, found.width, found.channels)
    return _digest(DECODE_VERSION, form, digests.tobytes(), facts.tobytes())


def _check_bad(found: Decoded, listing: Listing, options: SourceOptions) -> None:
    bad, total = len(found.problems), len(listing)
    if bad == total:
        raise DataError(
            f"{listing.provenance} should hold images that can be read, but none of {total:,} "
            f"can: {next(iter(found.problems.values()))}"
        )
    if bad > max(total * _MOST_BAD, 1) and not options.allow_bad:
        first = " ".join(list(found.problems.values())[:3])
        raise DataError(
            f"At most {_MOST_BAD:.0%} of the images in {listing.provenance} may be unreadable, "
            f"but {bad:,} of {total:,} are: mend or remove them, or leave them out with "
            f"--allow-bad. The first ones: {first}"
        )


def _splits(listing: Listing, row_order: RowOrder, found: Decoded) -> Splits:
    images, digests, facts = found.arrays()
    bad = found.problems
    order = row_order.order
    part_of_row = np.repeat(np.arange(len(PARTS)), list(row_order.counts.values()))
    if bad:
        is_good = np.array([listing.keys[index] not in bad for index in order])
        order, part_of_row = order[is_good], part_of_row[is_good]
    sizes = facts[:, :2]
    is_resized = bool((sizes != (found.height, found.width)).any())
    parts: dict[Part, ImageSet] = {}
    for number, part in enumerate(PARTS):
        rows = np.flatnonzero(part_of_row == number)
        if not len(rows):
            continue
        block = slice(int(rows[0]), int(rows[-1]) + 1)
        chosen = order[block]
        parts[part] = ImageSet(
            images[block],
            listing.labels[chosen],
            listing.class_names,
            f"{listing.provenance}, {part}",
            names=tuple(listing.keys[index] for index in chosen),
            groups=tuple(listing.groups[index] for index in chosen) if listing.groups else None,
            original_sizes=sizes[block] if is_resized else None,
        )
        parts[part].know(
            digests=digests[block],
            value_range=(int(facts[block, LOWEST].min()), int(facts[block, HIGHEST].max())),
        )
    if "train" not in parts:
        raise DataError(f"{listing.provenance} has no training image that can be read.")
    return Splits(
        parts["train"],
        parts.get("test"),
        parts.get("validation"),
        _intake(listing, row_order, found),
    )


def _intake(listing: Listing, row_order: RowOrder, found: Decoded) -> LoadReport:
    part_of_row = np.repeat(np.arange(len(PARTS)), list(row_order.counts.values()))
    part_of = {
        listing.keys[index]: PARTS[part]
        for index, part in zip(row_order.order, part_of_row, strict=True)
        if listing.keys[index] in found.problems
    } if found.problems else {}  # fmt: skip
    return LoadReport(
        bad_files=tuple(
            BadFile(key, problem, part_of[key]) for key, problem in sorted(found.problems.items())
        ),
        skipped=listing.skipped,
        empty_classes=listing.empty_classes,
        notes=(*listing.notes, *([found.reason] if found.reason else [])),
        num_listed=len(listing),
    )


def _digest(*values: object) -> str:
    digest = hashlib.sha256()
    for value in values:
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()
