"""Parity: a bundle must give the trained network's probabilities and prepare images as it did."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np

from clearsight.bundle.bundle import Bundle
from clearsight.bundle.files import BundleFiles
from clearsight.bundle.spec import PARITY_FILE, BundleSpec
from clearsight.data.preparation.preparation import Preparation
from clearsight.errors import BundleError

NUM_IMAGES = 64
# The largest allowed difference of a probability. Summing in another order changes it by 1e-6;
# 8-bit kernels differ between processors, since some saturate.
TOLERANCES = {"float32": 1e-4, "int8": 0.05}
_PIXEL_TOLERANCE = 2  # levels of 255: Pillow's versions round differently
_MAX_BYTES = 2**30
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
        """Add the sample to images and their probabilities; see the class."""
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
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                if sum(info.file_size for info in archive.infolist()) > _MAX_BYTES:
                    raise ValueError("it is far too large")
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                parity = cls(*(arrays[name] for name in cls.__dataclass_fields__))
            expected = [
                (np.uint8, (len(parity.images), *spec.image_shape)),
                (np.float32, (len(parity.images), len(spec.class_names))),
                (np.uint8, (*parity.sample.shape[:2], 4)),
                (np.uint8, spec.image_shape),
            ]
            found = [(array.dtype, array.shape) for array in vars(parity).values()]
            if found != expected or not len(parity.images):
                raise ValueError(f"its arrays are {found}")
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise BundleError(
                f"{bundle}'s {PARITY_FILE} should hold images and the trained network's "
                f"probabilities, but is damaged or of another form ({error}): export the run again."
            ) from error
        return parity


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
    tolerance = TOLERANCES.get(bundle.spec.precision, TOLERANCES["float32"])
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


def _draw_sample() -> np.ndarray:
    """Draw gradients, a checkerboard and a hole, so that any change of preparation shows."""
    rows, columns = np.mgrid[: _SAMPLE_SIZE[0], : _SAMPLE_SIZE[1]]
    sample = np.empty((*_SAMPLE_SIZE, 4), np.uint8)
    sample[..., 0] = rows * 6
    sample[..., 1] = columns * 4
    sample[..., 2] = np.where((rows // 5 + columns // 7) % 2, 230, 20)
    sample[..., 3] = np.where((rows - 18) ** 2 + (columns - 30) ** 2 < 100, 60, 255)
    return sample
