"""Limits on what a file may unpack to, so that a hostile one cannot exhaust the memory."""

from clearsight.errors import DataError

MAX_IMAGE_BYTES = 200_000_000  # a larger file is no image to train on
# Images are compressed already. What unpacks to far more than this, and takes more than a moment,
# has no images to train on: gzip reaches 1,000 times and xz 7,000.
MAX_RATIO = 100
_ALWAYS_ALLOWED_BYTES = 250_000_000


def max_unpacked_bytes(packed_bytes: int, always_allowed_bytes: int = _ALWAYS_ALLOWED_BYTES) -> int:
    """Return how many bytes a file of `packed_bytes` may unpack to."""
    return max(MAX_RATIO * packed_bytes, always_allowed_bytes)


def too_large(key: str, size_bytes: int) -> DataError:
    """Return the error for an image whose file is too large."""
    return DataError(
        f"{key} should be an image of at most {MAX_IMAGE_BYTES:,} bytes, but has "
        f"{size_bytes:,}: make it smaller first."
    )
