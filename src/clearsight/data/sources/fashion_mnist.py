"""Fashion-MNIST: 70,000 images of clothing in ten classes, 28x28, grey.

Source: Xiao, Rasul and Vollgraf 2017, https://arxiv.org/abs/1708.07747, MIT licence.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from clearsight.data.formats.idx import parse_idx, read_content
from clearsight.data.image_set import ImageSet
from clearsight.data.sources import apt_package
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError
from clearsight.io.cache_folder import save_to_cache
from clearsight.io.download import download

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

# SHA-256 of each file's *decompressed* content: mirrors compress the same content differently.
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}

MIRRORS = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
)
DEBIAN_PACKAGE = "dataset-fashion-mnist"


def _keras_home() -> Path:
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))


@dataclass(frozen=True)
class Places:
    """Where the four files are looked for, in this order, and where they are put once fetched.

    Attributes:
        data_dir: a folder that the user names; when given, only this is looked at.
        cache: this tool's own folder; what is fetched goes here.
        keras_cache: where ``keras.datasets.fashion_mnist.load_data()`` keeps them.
        debian_folder: where Debian's package puts them.
        mirrors: addresses ending in "/" that serve ``NAME.gz``.
        use_apt: whether to fetch Debian's package when nothing else worked.
    """

    data_dir: Path | None = None
    cache: Path = field(
        default_factory=lambda: platformdirs.user_cache_path("clearsight") / "fashion-mnist"
    )
    keras_cache: Path = field(default_factory=lambda: _keras_home() / "datasets" / "fashion-mnist")
    debian_folder: Path = Path("/usr/share/datasets/fashion-mnist")
    mirrors: tuple[str, ...] = MIRRORS
    use_apt: bool = True

    @property
    def folders(self) -> dict[str, Path]:
        """The folders to look in, by what they are, best first."""
        if self.data_dir is not None:
            return {"--data-dir": self.data_dir}
        return {
            "clearsight's cache": self.cache,
            "Keras's cache": self.keras_cache,
            "Debian's package": self.debian_folder,
        }


def locate(data_dir: Path | None = None) -> str | None:
    """Say which folder holds all four files already, or None when they are to be fetched."""
    for folder in Places(data_dir=data_dir).folders.values():
        if _files_in(folder) is not None:
            return str(folder)
    return None


def load(data_dir: Path | None = None) -> Splits:
    """Load Fashion-MNIST from the first place that has it, or fetch it.

    Args:
        data_dir: a folder with the four IDX files (plain or .gz); None looks everywhere.

    Returns:
        Splits of 60,000 and 10,000 images, uint8 (N, 28, 28, 1), 0..255, light on dark.

    Raises:
        DataError: when a file in the chosen place is not the published one, or when no place has
            the files; the message names each place tried.
    """
    return load_from(Places(data_dir=data_dir))


def load_from(places: Places) -> Splits:
    """Load Fashion-MNIST from these `places`; see `load`."""
    problems: list[str] = []
    for name, folder in places.folders.items():
        files = _files_in(folder)
        if files is None:
            problems.append(f"{name} ({folder}): the four files are not there")
            continue
        try:
            return _splits({stem: _checked(stem, read_content(files[stem])) for stem in SHA256})
        except DataError as error:
            if places.data_dir is not None:
                raise
            problems.append(f"{name} ({folder}): {error}")
    if places.data_dir is None:
        for name, fetch in _ways_to_fetch(places):
            try:
                contents = {stem: _checked(stem, content) for stem, content in fetch()}
            except DataError as error:
                problems.append(f"{name}: {error}")
            else:
                save_to_cache(contents, places.cache, "Fashion-MNIST")
                return _splits(contents)
    raise DataError(
        "Fashion-MNIST was expected in one of these places, but found in none: "
        + "; ".join(problem.rstrip(".") for problem in problems)
        + ". Connect to the internet once, or put the four IDX files into a folder and pass it "
        "with --data-dir."
    )


def _files_in(folder: Path) -> dict[str, Path] | None:
    """Return the path of each of the four files, plain before .gz, or None if one is absent."""
    found = {}
    for stem in SHA256:
        for path in (folder / stem, folder / f"{stem}.gz"):
            if path.is_file():
                found[stem] = path
                break
        else:
            return None
    return found


def _checked(stem: str, content: bytes) -> bytes:
    if hashlib.sha256(content).hexdigest() != SHA256[stem]:
        raise DataError(
            f"{stem} should have the published content (SHA-256 {SHA256[stem][:12]}...), but has "
            "another: it is damaged or another data set, remove it and try again."
        )
    return content


def _ways_to_fetch(places: Places) -> Iterator[tuple[str, Callable[[], list[tuple[str, bytes]]]]]:
    for mirror in places.mirrors:
        yield (
            f"download from {mirror}",
            lambda mirror=mirror: [(stem, download(f"{mirror}{stem}.gz")) for stem in SHA256],
        )
    if places.use_apt:
        yield (
            f"Debian's package {DEBIAN_PACKAGE} through apt",
            lambda: apt_package.read_files(
                DEBIAN_PACKAGE,
                {stem: f"usr/share/datasets/fashion-mnist/{stem}.gz" for stem in SHA256},
            ),
        )


def _splits(contents: dict[str, bytes]) -> Splits:
    def image_set(part: str, words: str) -> ImageSet:
        images = parse_idx(contents[f"{part}-images-idx3-ubyte"], 3, f"{part}-images")
        labels = parse_idx(contents[f"{part}-labels-idx1-ubyte"], 1, f"{part}-labels")
        return ImageSet(images[..., None], labels, CLASS_NAMES, f"Fashion-MNIST {words}")

    return Splits(image_set("train", "training"), image_set("t10k", "test"))
