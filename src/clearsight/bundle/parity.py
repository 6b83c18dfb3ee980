"""Parity: a bundle must give the trained network's probabilities and prepare images as it did."""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass

import numpy as np

from clearsight.bundle.bundle import Bundle
from clearsight.bundle.files import BundleFiles
from clearsight.bundle.spec import PARITY_FILE, BundleSpec
from clearsight.data.preparation.preparation import Preparation
from clearsight.errors import BundleError
from clearsight.io.small_archive import DAMAGED_ARCHIVE, SmallArchive

NUM_IMAGES = 64
# The largest allowed difference of a probability. Summing in another order changes it by 1e-6;
# 8-bit kernels differ between processors, since some saturate.
TOLERANCES = {"float32": 1e-4, "int8": 0.05}
_PIXEL_TOLERANCE = 2  # levels of 255: Pillow's versions round differently
# An array as numpy saves it (format 1.0 of numpy.lib.format), which evaluates the header as Python.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(..)\{'descr': '(\|u1|<f4)', 'fortran_order': (True|False), "
    rb"'shape': \(([0-9, ]{1,200})\), \} *\n",
    re.DOTALL,
)
_BEFORE_HEADER, _MAX_HEADER_BYTES = 10, 1000  # numpy writes 128 in all
_SAMPLE_SIZE = (37, 53)  # not square, and no network's size


@dataclass(frozen=True, eq=False)
class Parity:
    """What a bundle must reproduce, the content of ``parity.npz``.

    Attributes:
        images: uint8 (N, H, W, C), real images of the network's size.
        probabilities: float32 (N, K), the trained network's for these images.
        sample: uint8 (37, 53, 4), a synthetic image of another size, with alpha.
        fitted: uint8 (H, W, C), the sample after preparation.
    """

    images: np.ndarray
    probabilities: np.ndarray
    sample: np.ndarray
    fitted: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray, probabilities: np.ndarray, preparation: Preparation) -> Parity:
        """Add the sample to images, uint8 (N, H, W, C), and their probabilities, float32 (N, K)."""
        sample = _draw_sample()
        return cls(images, probabilities, sample, preparation.fit_image(sample))

    def to_bytes(self) -> bytes:
        """Return the content of ``parity.npz``."""
        file = io.BytesIO()
        np.savez_compressed(file, **vars(self))
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, spec: BundleSpec, bundle: str) -> Parity:
        """Read the output of `to_bytes`; nothing is unpickled.

        Raises:
            BundleError: if it is damaged, or does not have the shapes of the bundle.
        """
        try:
            with SmallArchive(io.BytesIO(content)) as archive:
                images = _read_array(archive, "images", (None, *spec.image_shape))
                return cls(
                    images,
                    _read_array(
                        archive, "probabilities", (len(images), len(spec.class_names)), np.float32
                    ),
                    _read_array(archive, "sample", (*_SAMPLE_SIZE, 4)),
                    _read_array(archive, "fitted", spec.image_shape),
                )
        except (*DAMAGED_ARCHIVE, KeyError, OSError) as error:
            raise BundleError(
                f"{bundle}'s {PARITY_FILE} should hold images and the trained network's "
                f"probabilities, but is damaged or of another form ({error}): export the run again."
            ) from error


@dataclass(frozen=True)
class ParityResult:
    """The result of replaying a bundle's images.

    Attributes:
        num_images: how many images were replayed.
        largest_difference: the largest difference of any probability.
        num_changed_predictions: images whose most probable class changed.
        precision: of the bundle.
    """

    num_images: int
    largest_difference: float
    num_changed_predictions: int
    precision: str

    @property
    def sentence(self) -> str:
        """The result in words."""
        reference = "the trained network's"
        if self.precision != "float32":
            reference = f"those computed in {self.precision} at export"
        return (
            f"{self.num_images} images replayed: probabilities differ from {reference} by at most "
            f"{self.largest_difference:.1g}; all predictions are the same."
        )


def check_parity(bundle: Bundle) -> ParityResult:
    """Replay a bundle's images, prepare its sample again, and compare.

    Raises:
        BundleError: if probabilities differ by more than the precision allows, a prediction
            changes, or the sample is prepared differently.
    """
    content = BundleFiles(bundle.path, bundle.spec).read(PARITY_FILE)
    parity = Parity.from_bytes(content, bundle.spec, str(bundle.path))
    fitted = bundle.preparation.fit_image(parity.sample).astype(np.int16)
    pixel_difference = int(np.abs(fitted - parity.fitted).max())
    if pixel_difference > _PIXEL_TOLERANCE:
        raise BundleError(
            f"{bundle.path} should prepare images as in training, but its sample image, resized "
            f"to {'x'.join(map(str, bundle.spec.image_shape))}, differs by {pixel_difference} of "
            "255 levels: the preparation changed in the bundle or in clearsight; export the run "
            "again."
        )
    found = bundle.probabilities(parity.images)
    result = _compare(parity.probabilities, found, bundle.spec.precision)
    tolerance = TOLERANCES[bundle.spec.precision]
    # Written with "not", because every comparison with NaN is false.
    if not result.largest_difference <= tolerance or result.num_changed_predictions:
        raise BundleError(
            f"{bundle.path} should give the trained network's probabilities within {tolerance:g}, "
            f"but they differ by up to {result.largest_difference:.2g} and "
            f"{result.num_changed_predictions} of {result.num_images} predictions change: the "
            "network or its preparation was changed; export the run again."
        )
    return result


def _compare(expected: np.ndarray, found: np.ndarray, precision: str) -> ParityResult:
    is_changed = found.argmax(axis=1) != expected.argmax(axis=1)
    if precision == "int8":
        # Two classes of nearly equal probability may swap within the tolerance.
        best = np.sort(expected, axis=1)
        is_changed &= best[:, -1] - best[:, -2] > 2 * TOLERANCES["int8"]
    difference = float(np.abs(found - expected).max())
    return ParityResult(len(expected), difference, int(is_changed.sum()), precision)


def _read_array(
    archive: SmallArchive,
    name: str,
    shape: tuple[int | None, ...],
    dtype: type[np.generic] = np.uint8,
) -> np.ndarray:
    """Read an array of a known type and shape, of which the first length may be None: up to 64.

    Raises:
        ValueError: if it is anything else, which is found before memory is taken for it.
    """
    lengths = [NUM_IMAGES if length is None else length for length in shape]
    most = math.prod(lengths) * np.dtype(dtype).itemsize
    content = archive.read_up_to(archive.getinfo(f"{name}.npy"), most + _MAX_HEADER_BYTES)
    header = _HEADER.match(content)
    if header is None or int.from_bytes(header[1], "little") != header.end() - _BEFORE_HEADER:
        raise ValueError(f"{name} is no array of its type")
    found = tuple(int(length) for length in header[4].split(b",") if length.strip())
    values = content[header.end() :]
    expected = (found[:1] if shape[0] is None else shape[:1]) + shape[1:]
    is_whole = len(values) == math.prod(found) * np.dtype(dtype).itemsize
    if found != expected or header[2].decode() != np.dtype(dtype).str or not is_whole:
        raise ValueError(f"{name} is {header[2].decode()} {found}")
    if not 0 < found[0] <= lengths[0]:
        raise ValueError(f"{name} has {found[0]} rows, not 1 to {lengths[0]}")
    array = np.frombuffer(values, dtype)
    return array.reshape(found[::-1]).T if header[3] == b"True" else array.reshape(found)


def _draw_sample() -> np.ndarray:
    """Draw gradients, a checkerboard and a hole, so that any change of preparation shows."""
    rows, columns = np.mgrid[: _SAMPLE_SIZE[0], : _SAMPLE_SIZE[1]]
    sample = np.empty((*_SAMPLE_SIZE, 4), np.uint8)
    sample[..., 0] = rows * 6
    sample[..., 1] = columns * 4
    sample[..., 2] = np.where((rows // 5 + columns // 7) % 2, 230, 20)
    sample[..., 3] = np.where((rows - 18) ** 2 + (columns - 30) ** 2 < 100, 60, 255)
    return sample
