"""Parity: whether a bundle still gives what the trained network gave, and prepares as it did."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np

from clearsight.bundle.loaded import Bundle
from clearsight.bundle.spec import PARITY_FILE, BundleSpec
from clearsight.data.preparation.preparation import Preparation
from clearsight.errors import BundleError

NUM_IMAGES = 64
# How far a probability may be off. Sums in another order differ by 1e-6; kernels that multiply
# 8-bit numbers differ from processor to processor, as far as some saturate.
TOLERANCES = {"float32": 1e-4, "int8": 0.05}
_PIXEL_TOLERANCE = 2  # levels of 255: Pillow's versions round differently
_MOST_BYTES = 2**30
_SAMPLE_SIZE = (37, 53)  # neither square nor of any network's size


@dataclass(frozen=True, eq=False)
class Parity:
    """What a bundle must reproduce.

    Attributes:
        images: uint8 (N, H, W, C), real images of the network's size.
        probabilities: float32 (N, K), what the trained network gave for them.
        sample: uint8 (37, 53, 4), a drawn image of another size, with alpha.
        fitted: uint8 (H, W, C), what it became when it was prepared.
    """

    images: np.ndarray
    probabilities: np.ndarray
    sample: np.ndarray
    fitted: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray, probabilities: np.ndarray, preparation: Preparation) -> Parity:
        """Gather what a bundle must reproduce; see the class."""
        sample = _drawn_sample()
        return cls(images, probabilities, sample, preparation.fit_image(sample))

    def to_bytes(self) -> bytes:
        """Return the content of ``parity.npz``."""
        file = io.BytesIO()
        np.savez_compressed(
            file,
            images=self.images,
            probabilities=self.probabilities,
            sample=self.sample,
            fitted=self.fitted,
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, spec: BundleSpec, place: str) -> Parity:
        """Read what `to_bytes` wrote; nothing is ever unpickled.

        Raises:
            BundleError: when it is not of that form, or of other shapes than the bundle's.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                if sum(info.file_size for info in archive.infolist()) > _MOST_BYTES:
                    raise ValueError("it is far too large")
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                parity = cls(*(arrays[name] for name in cls.__dataclass_fields__))
            wanted = [
                (np.uint8, (len(parity.images), *spec.image_shape)),
                (np.float32, (len(parity.images), len(spec.class_names))),
                (np.uint8, (*parity.sample.shape[:2], 4)),
                (np.uint8, spec.image_shape),
            ]
            found = [
                (array.dtype, array.shape)
                for array in (parity.images, parity.probabilities, parity.sample, parity.fitted)
            ]
            if found != wanted or not len(parity.images):
                raise ValueError(f"its arrays are {found}")
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise BundleError(
                f"{place}'s {PARITY_FILE} should hold images and what the trained network gave "
                f"for them, but is damaged or of another form ({error}): export the run again."
            ) from error
        return parity


@dataclass(frozen=True)
class ParityResult:
    """What came out of replaying the images of a bundle.

    Attributes:
        num_images: how many.
        largest_difference: of a probability, anywhere.
        num_named_otherwise: how many got another most probable class.
        precision: of the bundle.
    """

    num_images: int
    largest_difference: float
    num_named_otherwise: int
    precision: str

    @property
    def sentence(self) -> str:
        """Say it."""
        whose = "that the trained network gave"
        if self.precision != "float32":
            whose = f"that it gave in {self.precision} when it was made"
        return (
            f"{self.num_images} images replayed: the probabilities differ by "
            f"{self.largest_difference:.1g} at most from those {whose}, the names are the same."
        )


def check_parity(bundle: Bundle) -> ParityResult:
    """Replay a bundle's images, and prepare its sample, and compare.

    Raises:
        BundleError: when probabilities differ by more than the precision allows, an image is named
            otherwise, or the sample is prepared otherwise.
    """
    content = bundle.files.read(PARITY_FILE)
    parity = Parity.from_bytes(content, bundle.spec, str(bundle.path))
    fitted = bundle.preparation.fit_image(parity.sample).astype(np.int16)
    off = int(np.abs(fitted - parity.fitted).max())
    if off > _PIXEL_TOLERANCE:
        raise BundleError(
            f"{bundle.path} should prepare images as in training, but an image that is brought "
            f"to {'x'.join(map(str, bundle.spec.image_shape))} differs by {off} of 255 levels from "
            "what it was: the preparation was changed on one side; export the run again."
        )
    found = bundle.probabilities(parity.images)
    result = _compared(parity.probabilities, found, bundle.spec.precision)
    tolerance = TOLERANCES.get(bundle.spec.precision, TOLERANCES["float32"])
    # A comparison with a value that is no number is false, so it is asked this way round.
    if not result.largest_difference <= tolerance or result.num_named_otherwise:
        raise BundleError(
            f"{bundle.path} should give the trained network's probabilities within {tolerance:g}, "
            f"but they differ by up to {result.largest_difference:.2g}, and "
            f"{result.num_named_otherwise} of {result.num_images} images are named otherwise: "
            "the network or its preparation was changed on one side; export the run again."
        )
    return result


def _compared(expected: np.ndarray, found: np.ndarray, precision: str) -> ParityResult:
    is_other = found.argmax(axis=1) != expected.argmax(axis=1)
    if precision == "int8":
        # Within the tolerance two classes that are about as probable may change places.
        best = np.sort(expected, axis=1)
        is_other &= best[:, -1] - best[:, -2] > 2 * TOLERANCES["int8"]
    difference = float(np.abs(found - expected).max())
    return ParityResult(len(expected), difference, int(is_other.sum()), precision)


def _drawn_sample() -> np.ndarray:
    """Draw slopes, an edge and a hole: whatever is done to an image changes some of it."""
    rows, columns = np.mgrid[: _SAMPLE_SIZE[0], : _SAMPLE_SIZE[1]]
    sample = np.empty((*_SAMPLE_SIZE, 4), np.uint8)
    sample[..., 0] = rows * 6
    sample[..., 1] = columns * 4
    sample[..., 2] = np.where((rows // 5 + columns // 7) % 2, 230, 20)
    sample[..., 3] = np.where((rows - 18) ** 2 + (columns - 30) ** 2 < 100, 60, 255)
    return sample
