"""Damaged images of every format: a `DataError` or an image, no other decoder, bounded memory."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.read_image import FORMATS
from clearsight.errors import DataError
from support.damaged_images import mutate, seeds
from support.figures import ReportFigure

NUM_SLOW = int(os.environ.get("CLEARSIGHT_FUZZ_IMAGES", "65000"))
MAX_BYTES = 1_000_000_000
# Reads damaged images in its own process, and prints how many are images, how many are not, and the
# peak of its memory.
PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
from data.test_damaged_images import read_damaged
found = read_damaged(int(sys.argv[1]), seed=1)
peak_line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(found["image"], found["damaged"], int(peak_line.split()[1]) * 1024)
"""


def read_damaged(count: int, seed: int) -> Counter[str]:
    """Read damaged images with and without an image's usual draft, and count the results."""
    files, numbers, found = seeds(), random.Random(seed), Counter[str]()
    preparations = Preparation(20, 24, 3), Preparation(300, 300, 1)
    for number in range(count):
        content = mutate(files, numbers)
        try:
            image = preparations[number % 2].read(content)
        except DataError as error:
            found["damaged" if "\n" not in str(error) else "several lines"] += 1
        else:
            assert image.pixels.shape == ((20, 24, 3), (300, 300, 1))[number % 2]
            found["image"] += 1
    return found


def test_damaged_images_reach_no_other_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()
    tried: list[str] = []
    for name in set(Image.OPEN) - {*FORMATS, "MPO", "AVIF", "HEIF"}:
        monkeypatch.setitem(
            Image.OPEN, name, (lambda *_, name=name: tried.append(name), lambda _: True)
        )
    found = read_damaged(2_000, seed=0)
    assert found["image"] > 200
    assert found["damaged"] > 200
    assert not tried
    assert set(found) == {"image", "damaged"}


@pytest.mark.slow
def test_many_damaged_images_take_little_memory(report_figure: ReportFigure) -> None:
    program = PROGRAM.format(tests=str(Path(__file__).parents[1]))
    done = subprocess.run(
        [sys.executable, "-c", program, str(NUM_SLOW)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2_000:]
    num_images, num_damaged, peak_bytes = map(int, done.stdout.split())
    report_figure(
        f"{num_images:,} of {NUM_SLOW:,} are images, {num_damaged:,} are not; "
        f"at most {peak_bytes / 1e6:.0f} MB"
    )
    assert num_images + num_damaged == NUM_SLOW
    assert peak_bytes < MAX_BYTES
