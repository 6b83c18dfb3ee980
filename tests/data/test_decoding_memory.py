"""The memory that large images take is what the documentation says, also side by side."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clearsight.data.preparation import decoding_memory
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.read_image import MAX_PIXELS, read_image
from support.figures import ReportFigure

# Reads an image as decoding and predicting do, and prints its peak of memory above that before.
PROGRAM = """
import json, sys
from pathlib import Path
from clearsight.data.preparation.pixel_range import find_extremes
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.read_image import read_image
def peak_bytes():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
before = peak_bytes()
content = Path(sys.argv[1]).read_bytes()
if sys.argv[2] == "measure":
    find_extremes(read_image(content).pixels[None])
else:
    Preparation(96, 96, int(sys.argv[3])).read(content)
print(json.dumps([peak_bytes() - before, len(content)]))
"""
BYTES_PER_PIXEL = 13  # of one large image of any form, besides its file
SPARE_BYTES = 30_000_000  # of libraries that are loaded, and of rows that are converted


def png(path: Path, side: int, depth: int, colour_type: int, orientation: int = 1) -> None:
    """Write a PNG file of a pattern, quickly."""
    samples = {0: 1, 2: 3, 6: 4}[colour_type]
    row = b"\0" + (bytes(range(250)) * (side * samples * depth // 2_000 + 1))
    row = row[: 1 + side * samples * depth // 8]
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    exif = Image.Exif()
    exif[0x0112] = orientation
    chunks = (
        b"IHDR" + struct.pack(">IIBBBBB", side, side, depth, colour_type, 0, 0, 0),
        b"eXIf" + exif.tobytes()[6:],
        b"IDAT" + data,
        b"IEND",
    )
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
            for chunk in chunks
        )
    )


def tiff(path: Path, side: int, dtype: str, **options: object) -> None:
    values = np.linspace(0, 60_000, side).astype(dtype)[None].repeat(side, 0)
    image = Image.fromarray(values)
    image.save(path, "TIFF", tiffinfo={278: side}, **options)  # rows per strip: all


LARGE: dict[str, Callable[[Path, int], None]] = {
    "PNG of 16 bits": lambda path, side: png(path, side, 16, 0),
    "PNG of 16 bits in colour": lambda path, side: png(path, side, 16, 2),
    "PNG of 16 bits in colour, turned": lambda path, side: png(path, side, 16, 2, 6),
    "PNG with alpha": lambda path, side: png(path, side, 8, 6),
    "TIFF of floats": lambda path, side: tiff(path, side, "float32"),
    "compressed TIFF of floats": lambda path, side: tiff(
        path, side, "float32", compression="tiff_adobe_deflate"
    ),
}


def measured(path: Path, *arguments: str) -> tuple[int, int]:
    """Return by how much reading an image raises the peak of memory, and its file's size."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    peak_bytes, file_bytes = json.loads(done.stdout)
    return peak_bytes, file_bytes


def assert_known_peak(path: Path, side: int, name: str) -> int:
    """Check how much memory reading an image takes; return the peak in bytes."""
    LARGE[name](path, side)
    peaks = []
    for arguments in (("measure",), ("prepare", "3")):
        peak_bytes, file_bytes = measured(path, *arguments)
        assert peak_bytes - file_bytes < BYTES_PER_PIXEL * side**2 + SPARE_BYTES
        peaks.append(peak_bytes)
    return max(peaks)


@pytest.mark.parametrize("name", LARGE)
def test_a_large_image_takes_a_known_amount_of_memory(tmp_path: Path, name: str) -> None:
    assert_known_peak(tmp_path / "image", 2_500, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_the_largest_image_takes_a_known_amount_of_memory(
    tmp_path: Path, name: str, report_figure: ReportFigure
) -> None:
    peak_bytes = assert_known_peak(tmp_path / "image", int(MAX_PIXELS**0.5), name)
    report_figure(f"{name}: {peak_bytes / 1e6:.0f} MB")


def test_rows_at_a_time_give_the_same_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preparations = [
        Preparation(40, 60, channels, resize=resize)
        for channels in (1, 3, 4)
        for resize in ("fit", "crop", "stretch")
    ]
    for name, write in LARGE.items():
        path = tmp_path / name
        write(path, 150)
        whole = read_image(path).pixels
        prepared = [preparation.read(path) for preparation in preparations]
        inverted = [preparation.read(path, invert=True) for preparation in preparations]
        with monkeypatch.context() as patch:
            for module in ("image_array", "resize", "colour"):
                patch.setattr(f"clearsight.data.preparation.{module}._PIXELS_AT_ONCE", 1_000)
            patch.setattr("clearsight.data.preparation.pixel_range._VALUES_AT_ONCE", 1_000)
            assert np.array_equal(read_image(path).pixels, whole)
            for preparation, expected, opposite in zip(
                preparations, prepared, inverted, strict=True
            ):
                found = preparation.read(path)
                assert np.array_equal(found.pixels, expected.pixels)
                assert found.warnings == expected.warnings
                found = preparation.read(path, invert=True)
                assert np.array_equal(found.pixels, opposite.pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_is_applied_rows_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orientation: int
) -> None:
    from PIL import ImageOps

    png(tmp_path / "a.png", 60, 8, 2, orientation)
    with Image.open(tmp_path / "a.png") as opened:
        cut = opened.crop((0, 0, 60, 50))
        exif = opened.getexif()
    cut.save(tmp_path / "b.png", exif=exif)
    with Image.open(tmp_path / "b.png") as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened))
    for at_once in (10**6, 500):
        monkeypatch.setattr("clearsight.data.preparation.image_array._PIXELS_AT_ONCE", at_once)
        assert np.array_equal(read_image(tmp_path / "b.png").pixels, expected)


def test_threads_have_one_large_image_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding_memory, "bytes_per_decoder", lambda: 1_000)
    running: dict[str, int] = {"small": 0, "large": 0}
    most = dict(running)

    def decode(kind: str, size_bytes: int) -> None:
        for _ in range(5):
            with decoding_memory.decoding_memory() as reserve:
                reserve(size_bytes)
                running[kind] += 1
                most[kind] = max(most[kind], running[kind])
                time.sleep(0.005)
                running[kind] -= 1

    threads = [
        threading.Thread(target=decode, args=kind)
        for kind in 4 * [("large", 1_001)] + 4 * [("small", 1_000)]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most["large"] == 1
    assert most["small"] > 1


PROCESS = """
import sys, time
from pathlib import Path
from clearsight.data.preparation import decoding_memory
decoding_memory.bytes_per_decoder = lambda: 0
for _ in range(5):
    with decoding_memory.decoding_memory(Path(sys.argv[1])) as reserve:
        reserve(1)
        begin = time.monotonic()
        time.sleep(0.02)
        print(begin, time.monotonic(), flush=True)
"""


def test_processes_have_one_large_image_among_them(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "lock")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = [process.communicate()[0] for process in processes]
    times = sorted(tuple(map(float, line.split())) for out in outputs for line in out.splitlines())
    assert len(times) == 15
    assert all(end <= begin for (_, end), (begin, _) in pairwise(times))


def test_a_lock_that_cannot_be_made_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding_memory, "bytes_per_decoder", lambda: 0)
    (tmp_path / "file").touch()
    lock = tmp_path / "file" / "lock"
    with decoding_memory.decoding_memory(lock) as reserve:
        reserve(1)
        assert not lock.exists()


def test_reading_reserves_what_an_image_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    for mode, least in (("L", 3), ("RGB", 12), ("F", 12)):
        buffer = io.BytesIO()
        Image.new(mode, (100, 50)).save(buffer, "TIFF")
        read_image(buffer.getvalue(), reserve=asked.append)
        assert asked.pop() == 100 * 50 * least + len(buffer.getvalue())
    buffer = io.BytesIO()
    Image.new("RGB", (1600, 800)).save(buffer, "JPEG", progressive=True)
    read_image(buffer.getvalue(), fit_for=(10, 10), reserve=asked.append)
    assert asked.pop() > 8 * 1600 * 800
    assert not asked
