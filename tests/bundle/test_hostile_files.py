"""The files of a stranger's bundle: each is what it should be, or the bundle is not opened."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import socket
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clearsight
from clearsight.bundle.parity import check_parity
from clearsight.errors import BundleError
from support.command_line import assert_refused, run_cli
from support.limited_memory import limited_memory
from support.tampering import change_spec, update_hashes

FILES = ("model.onnx", "parity.npz", "README.md", "bundle.json")


@pytest.fixture(autouse=True)
def a_gigabyte() -> Iterator[None]:
    with limited_memory(2**30):
        yield


def open_and_check(bundle: Path) -> None:
    check_parity(clearsight.load(bundle))


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_link_out(path: Path) -> None:
    outside = path.parent.parent / "outside"
    outside.write_bytes(b"somebody else's")
    path.symlink_to(outside)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_socket(path: Path) -> None:
    shorter = os.path.relpath(path)  # a socket's path may have 107 characters
    with socket.socket(socket.AF_UNIX) as it:
        it.bind(shorter if len(shorter) < 100 else str(path))


@pytest.mark.parametrize("make", [a_pipe, a_device, a_link_out, a_folder, a_socket])
@pytest.mark.parametrize("name", FILES)
def test_only_files_of_its_own_folder_are_read(
    copied: Path, name: str, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copied)
    (copied / name).unlink()
    make(copied / name)
    with pytest.raises(BundleError, match=r"is not read|cannot be read: |has no bundle\.json"):
        clearsight.load(copied)


def test_a_command_does_not_wait_for_a_pipe(copied: Path) -> None:
    (copied / "README.md").unlink()
    os.mkfifo(copied / "README.md")
    done = run_cli("export", str(copied), "--check")
    assert_refused(done, "README.md in", "cannot be read: it is a named pipe")
    assert done.stderr.count("\n") == 1


def test_links_within_the_folder_are_followed(copied: Path, tmp_path: Path) -> None:
    """As in a mounted Kubernetes volume; the folder itself may be a link too."""
    images = np.zeros((2, 28, 28, 1), np.uint8)
    expected = clearsight.load(copied).probabilities(images)
    inner = copied / "..2026"
    inner.mkdir()
    for name in FILES:
        (copied / name).rename(inner / name)
        (copied / name).symlink_to(Path("..2026") / name)
    (tmp_path / "link").symlink_to(copied)
    assert check_parity(clearsight.load(tmp_path / "link")).num_changed_predictions == 0
    assert np.array_equal(clearsight.load(tmp_path / "link").probabilities(images), expected)


def write_zip(
    copied: Path, path: Path, changes: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED
) -> None:
    """Pack a bundle with other files; all hashes match."""
    contents = {file.name: file.read_bytes() for file in copied.iterdir()} | changes
    spec = json.loads(contents.pop("bundle.json"))
    spec["files"] = {
        name: {"sha256": hashlib.sha256(each).hexdigest(), "size_bytes": len(each)}
        for name, each in contents.items()
    }
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, each in (contents | {"bundle.json": json.dumps(spec).encode()}).items():
            archive.writestr(name, each)


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("README.md", 2 * 2**20, "README.md should have at most 1,048,576 bytes"),
        ("model.onnx", 150 * 2**20, "model.onnx would unpack from"),
        ("parity.npz", 150 * 2**20, "parity.npz would unpack from"),
    ],
)
def test_a_bomb_is_not_unpacked(
    copied: Path, tmp_path: Path, name: str, size: int, expected: str
) -> None:
    path = tmp_path / "bomb.zip"
    write_zip(copied, path, {name: bytes(size)})
    with pytest.raises(BundleError, match=expected):
        clearsight.load(path)


@pytest.mark.parametrize("name", ["README.md", "parity.npz", "model.onnx"])
def test_a_size_that_no_such_file_has_is_refused_unread(copied: Path, name: str) -> None:
    files = json.loads((copied / "bundle.json").read_text())["files"]
    files[name]["size_bytes"] = 2**40
    change_spec(copied, files=files)
    (copied / name).unlink()  # as nothing is read, nothing is missed
    with pytest.raises(BundleError, match=f"{name} should have at most .* 1,099,511,627,776"):
        clearsight.load(copied)


def test_other_files_are_not_read(copied: Path) -> None:
    files = json.loads((copied / "bundle.json").read_text())["files"]
    files["more.bin"] = {"sha256": "", "size_bytes": 2**31}
    change_spec(copied, files=files)
    with pytest.raises(BundleError, match=r"its bundle\.json also lists 'more\.bin'"):
        clearsight.load(copied)


def test_a_zip_with_a_huge_directory_is_not_opened(copied: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    write_zip(copied, path, {})
    with zipfile.ZipFile(path, "a") as archive:
        for index in range(3_000):
            archive.writestr(f"{index}", b"")
    with pytest.raises(BundleError, match="it has far too many files"):
        clearsight.load(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_packed_by_an_unusual_method_is_not_unpacked(
    copied: Path, tmp_path: Path, method: int
) -> None:
    write_zip(copied, tmp_path / "packed.zip", {}, method)
    with pytest.raises(BundleError, match="packed with another method than deflate"):
        clearsight.load(tmp_path / "packed.zip")


def npy(descr: str, shape: str, values: bytes = b"", *, evaluated: str = "False") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': {evaluated}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + values


def packed(**arrays: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in arrays.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def saved(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=True, **arrays)
    return file.getvalue()


def parity(**changes: np.ndarray) -> Callable[[dict[str, np.ndarray]], bytes]:
    return lambda good: saved(**(good | changes))


def with_images(content: bytes) -> Callable[[dict[str, np.ndarray]], bytes]:
    def change(good: dict[str, np.ndarray]) -> bytes:
        with zipfile.ZipFile(io.BytesIO(saved(**good))) as archive:
            arrays = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
        return packed(**(arrays | {"images": content}))

    return change


PARITY: dict[str, Callable[[dict[str, np.ndarray]], bytes]] = {
    "a header of 640 TB": with_images(npy("|u1", "(10000000000000, 28, 28, 1)")),
    "64 images without values": with_images(npy("|u1", "(64, 28, 28, 1)")),
    "a header with a negative length": with_images(npy("|u1", "(-1, 28, 28, 1)")),
    "a header that is evaluated": with_images(npy("|u1", "(64, 28, 28, 1)", evaluated="1and 0")),
    "a header that is nested": with_images(npy("|u1", "(" * 5_000)),
    "a header that is cut short": with_images(npy("|u1", "(64, 28, 28, 1)")[:20]),
    "values behind the array": with_images(npy("|u1", "(1, 28, 28, 1)", bytes(785))),
    "a bomb": with_images(npy("|u1", "(64, 28, 28, 1)", bytes(200 * 2**20))),
    "a pickle": parity(images=np.array([open], dtype=object)),
    "more than 64 images": parity(
        images=np.zeros((65, 28, 28, 1), np.uint8), probabilities=np.zeros((65, 10), np.float32)
    ),
    "no images": parity(
        images=np.zeros((0, 28, 28, 1), np.uint8), probabilities=np.zeros((0, 10), np.float32)
    ),
    "images of another size": parity(images=np.zeros((64, 28, 29, 1), np.uint8)),
    "images of another type": parity(images=np.zeros((64, 28, 28, 1), np.float32)),
    "fewer probabilities": parity(probabilities=np.zeros((63, 10), np.float32)),
    "probabilities of other classes": parity(probabilities=np.zeros((64, 11), np.float32)),
    "probabilities in double precision": parity(probabilities=np.zeros((64, 10))),
    "no sample": lambda good: saved(**{k: v for k, v in good.items() if k != "sample"}),
    "text": lambda _: b"not arrays",
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("name", PARITY)
def test_parity_images_of_another_form_are_rejected(copied: Path, name: str) -> None:
    path = copied / "parity.npz"
    with np.load(path, allow_pickle=False) as arrays:
        good = dict(arrays)
    path.write_bytes(PARITY[name](good))
    update_hashes(copied)
    with pytest.raises(BundleError, match=r"parity\.npz should hold images"):
        open_and_check(copied)


def test_probabilities_that_are_not_numbers_fail_the_check(copied: Path) -> None:
    path = copied / "parity.npz"
    with np.load(path, allow_pickle=False) as arrays:
        good = dict(arrays)
    path.write_bytes(saved(**(good | {"probabilities": np.full((64, 10), np.nan, np.float32)})))
    update_hashes(copied)
    with pytest.raises(BundleError, match="should give the trained network's probabilities"):
        open_and_check(copied)


def prepared(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda spec: spec | {"preparation": spec["preparation"] | changes}


def spec_with(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda spec: spec | changes


HUGE = 10**4000
SPECS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a list": lambda spec: [spec],
    "a number": lambda _: 1,
    "deep": spec_with(provenance={"a": json.loads("[" * 900 + "]" * 900)}),
    "not finite": spec_with(provenance={"a": float("nan")}),
    "infinite temperature": spec_with(temperature=float("inf")),
    "a huge temperature": spec_with(temperature=HUGE),
    "half of a character": spec_with(name="\ud800"),
    "half of a character in a class": lambda spec: (
        spec | {"class_names": ["\udfff", *spec["class_names"][1:]]}
    ),
    "a long name": spec_with(name="x" * 100_000),
    "no classes": spec_with(class_names=[]),
    "classes in an object": spec_with(class_names={str(k): k for k in range(10)}),
    "a class twice": lambda spec: spec | {"class_names": ["a"] * 10},
    "too few classes": lambda spec: spec | {"class_names": spec["class_names"][:9]},
    "a class that is a number": lambda spec: spec | {"class_names": list(range(10))},
    "a precision": spec_with(precision="float1"),
    "a version that is text": spec_with(format_version="1" * 100_000),
    "provenance that is a list": spec_with(provenance=[["a", 1]]),
    "a height of 1e9": prepared(height=10**9),
    "an image of 4e9 values": prepared(height=65_000, width=65_000),
    "a height of 0": prepared(height=0),
    "a height that is a fraction": prepared(height=28.0),
    "2 channels": prepared(channels=2),
    "a divisor of 0": prepared(divisor=0),
    "a divisor of NaN": prepared(divisor=float("nan")),
    "a huge divisor": prepared(divisor=HUGE),
    "a divisor that is true": prepared(divisor=True),
    "a polarity": prepared(polarity=["mixed"]),
    "a way to resize": prepared(resize={"fit": 1}),
    "a background": prepared(alpha_background=1e9),
    "a background that is text": prepared(alpha_background="white"),
    "a range": prepared(pixel_range=[1, 0]),
    "a huge range": prepared(pixel_range=[-HUGE, HUGE]),
    "an infinite range": prepared(pixel_range=[-1e308, 1e308]),
    "a version of the preparation": prepared(version=[1] * 100_000),
    "an unknown entry": prepared(code="import os"),
    "a far shift": spec_with(views={"mirrored": True, "shift_pixels": 60_000}),
    "mirrored by a number": spec_with(views={"mirrored": 1, "shift_pixels": 0}),
    "a size that is a fraction": spec_with(files={"README.md": {"sha256": "", "size_bytes": 1.5}}),
    "a size below 0": spec_with(files={"README.md": {"sha256": "", "size_bytes": -1}}),
    "a hash that is a number": spec_with(files={"README.md": {"sha256": 1, "size_bytes": 1}}),
    "files in a list": spec_with(files=["README.md"]),
    "a file elsewhere": spec_with(files={"../x": {"sha256": "", "size_bytes": 1}}),
    "a torch program": spec_with(format="pt2"),
    "a long format": spec_with(format="onnx" * 100_000),
    "a format with control characters": spec_with(format="\x1b[2J"),
}


@pytest.mark.parametrize("name", SPECS)
def test_a_specification_of_another_form_is_rejected(copied: Path, name: str) -> None:
    path = copied / "bundle.json"
    path.write_text(json.dumps(SPECS[name](json.loads(path.read_text()))))
    with pytest.raises(BundleError) as caught:
        clearsight.load(copied)
    message = str(caught.value)
    assert len(message) < 1500
    assert "\x1b" not in message
    message.encode()


TEXTS = {
    "deep": b"[" * 8_000_000,
    "nested objects": b'{"a":' * 1_000_000,
    "many lists": b"[" + b"[]," * 2_700_000 + b"[]]",
    "too long": b" " * (8 * 2**20 + 1),
    "a key twice": b'{"format_version": 1, "format_version": 1}',
    "not UTF-8": b'{"name": "\xff"}',
    "UTF-16": '{"format_version": 1}'.encode("utf-16"),
    "nothing": b"",
    "a number of 5,000 digits": b"9" * 5_000,
    "a fraction without an end": b"1e999999999",
    "NUL": b"\0" * 1000,
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_that_is_no_specification_is_rejected(copied: Path, name: str) -> None:
    (copied / "bundle.json").write_bytes(TEXTS[name])
    started = time.monotonic()
    with pytest.raises(BundleError, match=r"bundle\.json should"):
        clearsight.load(copied)
    assert time.monotonic() - started < 5


def test_a_torch_program_is_not_opened(copied: Path) -> None:
    change_spec(copied, format="pt2")
    for words in (["export", str(copied), "--check"], ["predict", str(copied), "x.png"]):
        done = run_cli(*words)
        assert_refused(
            done,
            "should be one of onnx, keras, openvino, litert, but is 'pt2', a torch program, which "
            "could run any code of its author",
            "export its run again in another format",
        )
        assert done.stderr.count("\n") == 1


def test_a_page_is_not_made_of_other_files(copied: Path, tmp_path: Path) -> None:
    from clearsight.bundle.web.web_page import write_web_page

    shutil.copy(copied / "README.md", copied / "extra.html")
    files = json.loads((copied / "bundle.json").read_text())["files"]
    change_spec(copied, files=files | {"extra.html": files["README.md"]})
    with pytest.raises(BundleError, match=r"also lists 'extra\.html'"):
        write_web_page(copied, tmp_path / "page")
