"""What to do with a file that has none of the formats, by its suffix."""

from pathlib import Path

from clearsight.data.image_suffixes import is_image
from clearsight.errors import DataError
from clearsight.io.path_state import what_is_at

_ADVICE = {
    **dict.fromkeys(
        (".xlsx", ".xls", ".ods", ".json", ".jsonl", ".ndjson", ".txt", ".lst"),
        "save it as CSV, with a column of paths and one of labels",
    ),
    **dict.fromkeys(
        (".mat", ".h5", ".hdf5", ".pkl", ".pickle", ".pt", ".pth", ".tfrecord", ".arrow"),
        "save its arrays with numpy.savez as x and y, or its images into one folder for each class",
    ),
    **dict.fromkeys(
        (".rar", ".7z", ".zst", ".001", ".z01", ".part1", ".gz", ".bz2", ".xz"),
        "unpack it and give the folder",
    ),
}


def unknown_file(path: Path) -> DataError:
    """Return the error for a file that has none of the formats."""
    found = f"is a file of another type ({path.suffix or 'no suffix'})"
    advice = _ADVICE.get(path.suffix.lower(), "`clearsight data list` describes what can be read")
    if is_image(path.name):
        found = "is a single image"
        advice = "give a folder of images, or classify it with `clearsight predict`"
    if not path.is_file():
        found, advice = what_is_at(path), "copy what it gives into a file"
    return DataError(
        f"{path} should be a folder or archive of images, a table, or arrays, but {found}: "
        f"{advice}."
    )
