"""Strategies that write NumPy's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from clearsight.data.sources.options import SourceOptions
from support.formats.class_labels import Draw, names_file, numbers
from support.formats.content import Content, Layout, contents

ARRAY_NAMES = {
    "x_{part}": "y_{part}",
    "X_{part}": "Y_{part}",
    "{part}_images": "{part}_labels",
    "images_{part}": "labels_{part}",
    "{part}_data": "{part}_targets",
}
UNDIVIDED_NAMES = {
    "x": "y", "X": "Y", "images": "labels", "image": "label", "data": "target", "imgs": "targets",
}  # fmt: skip


def arrays(draw: Draw, root: Path) -> Layout:
    content = draw(contents(same_size=True, undivided="train"))
    is_divided = len(content.parts) > 1 or draw(st.booleans())
    names = draw(st.sampled_from(sorted((ARRAY_NAMES if is_divided else UNDIVIDED_NAMES).items())))
    values = draw(st.sampled_from(("uint8", "unit", "int64", "whole", "uint16")))
    axes = draw(st.sampled_from(("NHWC", "NCHW", "NHW")))
    labels, class_names, content, options = _array_labels(draw, content, root)
    saved: dict[str, np.ndarray] = dict(class_names)
    for part in content.parts:
        chosen_images = content.of(part)
        images = np.stack([image.pixels for image in chosen_images])
        if axes == "NCHW" and images.shape[3] in (1, 3, 4):
            images = np.moveaxis(images, 3, 1)
        elif axes == "NHW" and images.shape[3] == 1:
            images = images[..., 0]
        word = {"validation": draw(st.sampled_from(("val", "valid")))}.get(part, part)
        saved[names[0].format(part=word)] = _as_values(images, values)
        chosen = [place for place, p in enumerate(content.images) if p.part == part]
        saved[names[1].format(part=word)] = labels[chosen]
    if draw(st.booleans()):
        path = root / "data.npz"
        extra = draw(st.booleans())
        savez = np.savez_compressed if draw(st.booleans()) else np.savez
        savez(path, **saved, **({"weights_of": np.zeros(3)} if extra else {}))
        skipped = {"neither images nor labels": 1} if extra else {}
        return Layout(path, content, options, skipped)
    for name, array in saved.items():
        np.save(root / f"{name}.npy", array, allow_pickle=False)
    image_file = names[0].format(part="train") + ".npy"
    return Layout(root / image_file if draw(st.booleans()) else root, content, options)


def _as_values(images: np.ndarray, values: str) -> np.ndarray:
    if values == "unit":
        return images.astype(np.float32) / 255
    if values == "uint16":
        return images.astype(np.uint16) * 257
    return images.astype({"whole": np.float64}.get(values, values))


def _array_labels(
    draw: Draw, content: Content, root: Path
) -> tuple[np.ndarray, dict[str, np.ndarray], Content, SourceOptions]:
    kinds = ("codes", "text", "one-hot", "column", "float", "from 1", "gaps", "named", "file")
    kind = draw(st.sampled_from(kinds))
    codes = np.array(content.codes)
    texts = [image.label for image in content.images]
    num_classes = len(content.class_names)
    plain = SourceOptions()
    if kind == "text":
        return np.array(texts), {}, content, plain
    if kind in ("from 1", "gaps"):
        step = 1 if kind == "from 1" else 7
        shown = tuple(str(1 + step * code) for code in range(num_classes))
        return 1 + step * codes, {}, content.renamed(shown), plain
    if kind == "named":
        return codes, {"class_names": np.array(content.class_names)}, content, plain
    if kind == "file":
        return codes, {}, content, SourceOptions(class_names=names_file(draw, content, root))
    forms = {
        "codes": codes.astype(draw(st.sampled_from((np.uint8, np.int64)))),
        "one-hot": np.eye(num_classes)[codes],
        "column": codes[:, None],
        "float": codes.astype(np.float32),
    }
    return forms[kind], {}, content.renamed(numbers(content)), plain
