"""Read a folder of images through a PyTorch DataLoader of two workers; print the seconds."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

_NUM_WORKERS = 2
_BATCH_SIZE = 256


class Images(Dataset[tuple[torch.Tensor, int]]):
    def __init__(self, root: Path) -> None:
        self.paths = sorted(root.glob("*/*.jpg"))
        names = sorted({path.parent.name for path in self.paths})
        self.labels = {name: label for label, name in enumerate(names)}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path = self.paths[index]
        with Image.open(path) as image:
            pixels = np.array(image.convert("RGB"))
        return torch.from_numpy(pixels), self.labels[path.parent.name]


def main() -> None:
    started = time.perf_counter()
    loader = DataLoader(Images(Path(sys.argv[1])), _BATCH_SIZE, num_workers=_NUM_WORKERS)
    images = torch.cat([batch for batch, _ in loader])
    print(time.perf_counter() - started, len(images))


if __name__ == "__main__":
    main()
