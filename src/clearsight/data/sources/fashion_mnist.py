"""Fashion-MNIST: 70,000 images of clothing in ten classes, 28x28, grey.

Source: Xiao, Rasul and Vollgraf 2017, https://arxiv.org/abs/1708.07747, MIT licence.
"""

import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from clearsight.data.formats.compression import read_unpacked
from clearsight.data.formats.idx import parse_idx
from clearsight.data.image_set import ImageSet
from clearsight.data.sources import apt_package
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError
from clearsight.io.cache_folder import cache_folder, save_to_cache, user_cache_folder
from clearsight.io.download import download
from clearsight.io.scratch import scratch_folder
from clearsight.option_names import option

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
_MAX_DOWNLOAD_BYTES = 50_000_000  # the largest of the files has 26,421,880 bytes

_log = logging.getLogger(__name__)


def _keras_cache() -> Path:
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    return home / "datasets" / "fashion-mnist"


@dataclass(frozen=True)
class FashionMnistLocations:
    """Where the four files are looked for, in this order.

    Attributes:
        data_dir: the user's folder; if given, only this one is used.
        cache: our own folder; downloads are saved here.
        user_cache: our own folder when ``$CLEARSIGHT_CACHE`` is not set; it is only read.
        keras_cache: where ``keras.datasets.fashion_mnist.load_data()`` saves them.
        debian_folder: where Debian's package installs them.
        mirrors: URLs ending in "/" that serve ``NAME.gz``.
        use_apt: whether to download Debian's package if nothing else worked.
    """

    data_dir: Path | None = None
    cache: Path = field(default_factory=lambda: cache_folder("fashion-mnist"))
    user_cache: Path = field(default_factory=lambda: user_cache_folder("fashion-mnist"))
    keras_cache: Path = field(default_factory=_keras_cache)
    debian_folder: Path = Path("/usr/share/datasets/fashion-mnist")
    mirrors: tuple[str, ...] = MIRRORS
    use_apt: bool = True

    @property
    def folders(self) -> dict[str, Path]:
        """The folders to look in by name, best first."""
        if self.data_dir is not None:
            return {option("data_dir"): self.data_dir}
        return {
            "clearsight's cache": self.cache,
            "the user's cache": self.user_cache,
            "Keras's cache": self.keras_cache,
            "Debian's package": self.debian_folder,
        }

    @property
    def downloads(self) -> dict[str, Callable[[], dict[str, bytes]]]:
        """The functions that download the four files' content by name, best first."""
        if self.data_dir is not None:
            return {}
        downloads: dict[str, Callable[[], dict[str, bytes]]] = {
            f"download from {url}": lambda url=url: _download_files(url) for url in self.mirrors
        }
        if self.use_apt:
            files = {name: f"usr/share/datasets/fashion-mnist/{name}.gz" for name in SHA256}
            downloads[f"Debian's package {DEBIAN_PACKAGE} through apt"] = lambda: (
                apt_package.read_files(DEBIAN_PACKAGE, files)
            )
        return downloads


def locate(data_dir: Path | None = None) -> str | None:
    """Return the folder that has all four files already, or None if they must be downloaded."""
    for folder in FashionMnistLocations(data_dir).folders.values():
        if _find_files(folder) is not None:
            return str(folder)
    return None


def load(data_dir: Path | None = None) -> Splits:
    """Load Fashion-MNIST from a folder with the four IDX files (plain or .gz), or from anywhere.

    The 60,000 and 10,000 images are uint8 (N, 28, 28, 1), 0..255, light on dark.

    Raises:
        DataError: when a file in `data_dir` is not the published one, or no location has the files;
            the message lists every location.
    """
    return load_from(FashionMnistLocations(data_dir))


def load_from(locations: FashionMnistLocations) -> Splits:
    """Load Fashion-MNIST from these locations; see `load`."""
    problems: list[str] = []
    for name, folder in locations.folders.items():
        files = _find_files(folder)
        try:
            if files is not None:
                return _splits({stem: read_unpacked(path) for stem, path in files.items()})
            problems.append(f"{name} ({folder}): the four files are not there")
        except DataError as error:
            if locations.data_dir is not None:
                raise
            _log.warning("%s in %s is not used: %s", name, folder, error)
            problems.append(f"{name} ({folder}): {error}")
    for name, fetch in locations.downloads.items():
        try:
            contents = fetch()
            splits = _splits(contents)
        except DataError as error:
            problems.append(f"{name}: {error}")
        else:
            save_to_cache(contents, locations.cache, "Fashion-MNIST")
            return splits
    raise DataError(
        "Fashion-MNIST should be in one of these locations, but is in none: "
        + "; ".join(problem.rstrip(".") for problem in problems)
        + ". Connect to the internet once, or put the four IDX files into a folder and pass it "
        f"with {option('data_dir')}."
    )


def _find_files(folder: Path) -> dict[str, Path] | None:
    """Return the path of each of the four files, plain before .gz, or None if one is missing."""
    files = {
        name: path
        for name in SHA256
        for path in (folder / f"{name}.gz", folder / name)
        if path.is_file()
    }
    return files if len(files) == len(SHA256) else None


def _download_files(url: str) -> dict[str, bytes]:
    with scratch_folder() as folder:
        return {
            name: read_unpacked(download(f"{url}{name}.gz", folder, _MAX_DOWNLOAD_BYTES))
            for name in SHA256
        }


def _splits(contents: dict[str, bytes]) -> Splits:
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != SHA256[name]:
            raise DataError(
                f"{name} should have the published content (SHA-256 {SHA256[name][:12]}...), but "
                "does not: it is damaged or another data set; remove it and try again."
            )

    def image_set(part: str, words: str) -> ImageSet:
        images = parse_idx(contents[f"{part}-images-idx3-ubyte"], 3, f"{part}-images")
        labels = parse_idx(contents[f"{part}-labels-idx1-ubyte"], 1, f"{part}-labels")
        return ImageSet(images[..., None], labels, CLASS_NAMES, f"Fashion-MNIST {words}")

    return Splits(image_set("train", "training"), image_set("t10k", "test"))
