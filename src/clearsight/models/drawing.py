"""A drawing of a network: its layers as blocks with their sizes, one below the other, as SVG.

A block is a box whose height follows the rows of the layer's output, and its depth the channels;
a vector is a thin column. Consecutive blocks are joined by an arrow, and all other connections run
along lanes on the left, so that any network can be drawn at the width of a phone.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from textwrap import wrap

from clearsight.io.atomic import write_atomically
from clearsight.io.displayed_text import displayed
from clearsight.models.table import format_shape

WIDTH = 340  # pixels
_LANE, _MARGIN = 9, 6
_BOX_WIDTH = 74  # of the column that the boxes are centered in
_LINE_HEIGHT, _GAP = 17, 22
# The widest that a letter is on average, in pixels; bold letters are wider by a factor.
_LETTER, _BOLD = 6.7, 1.2
_CONVOLUTION, _POOLING, _DENSE, _OTHER = "#3f87c6", "#d9772b", "#4f9d69", "#868e97"


@dataclass(frozen=True)
class Block:
    """One layer of the drawing, with those that only follow it.

    Attributes:
        name: the layer's name.
        layer_type: written next to it; "" for none.
        lines: what is written below, wrapped where necessary.
        shape: of its output, without the batch axis.
        inputs: indices of the blocks whose outputs it takes.
        color: of the box.
    """

    name: str
    layer_type: str
    lines: tuple[str, ...]
    shape: tuple[int, ...]
    inputs: tuple[int, ...]
    color: str = _OTHER


@dataclass(frozen=True)
class Drawing:
    """A drawing that a notebook shows by itself.

    Attributes:
        svg: one SVG element; its text has the colour of the text around it.
    """

    svg: str = field(repr=False)

    def save(self, path: str | Path) -> Path:
        """Write an SVG file and return its path.

        Raises:
            OutputError: if it cannot be written.
        """
        path = Path(path)
        with write_atomically(path) as temporary:
            temporary.write_text(self.svg, encoding="utf-8")
        return path

    def _repr_html_(self) -> str:
        return f'<div style="max-width: {WIDTH}px">{self.svg}</div>'


def color_of(layer_type: str) -> str:
    """Return the colour of a layer's box: convolutions, poolings, dense layers, all others."""
    if "Conv" in layer_type:
        return _CONVOLUTION
    if "Pooling" in layer_type:
        return _POOLING
    return _DENSE if "Dense" in layer_type else _OTHER


def draw_blocks(title: str, blocks: Sequence[Block]) -> Drawing:
    """Draw blocks in the order given.

    Args:
        title: what the drawing shows, for readers who cannot see it.
        blocks: at least one.
    """
    lanes = _lanes(blocks)
    num_lanes = max(lanes.values(), default=-1) + 1
    lane_width = min(_LANE, 60 / max(num_lanes, 1))
    left = _MARGIN + lane_width * num_lanes
    center = left + _BOX_WIDTH / 2
    largest = max((max(block.shape[:2]) for block in blocks if len(block.shape) > 1), default=1)
    boxes = [_Box.of(block.shape, largest) for block in blocks]
    text_left = left + _BOX_WIDTH + 8
    parts, top = [], 4.0
    middles: list[float] = []
    spans: list[tuple[float, float]] = []  # each box's upper and lower end
    for block, box in zip(blocks, boxes, strict=True):
        lines = _text_lines(block, int((WIDTH - text_left) / _LETTER))
        text_height = _LINE_HEIGHT * len(lines)
        height = max(box.total_height, text_height)
        middle = top + height / 2
        middles.append(middle)
        spans.append((middle - box.total_height / 2, middle + box.total_height / 2))
        parts.append(box.draw(center, middle, block.color))
        parts += [
            f'<text x="{text_left:.1f}" y="{middle - text_height / 2 + y:.1f}">{line}</text>'
            for y, line in zip(itertools.count(13, _LINE_HEIGHT), lines, strict=False)
        ]
        top += height + _GAP
    for (source, target), lane in lanes.items():
        x = left - lane_width * (lane + 0.5)
        start, end = middles[source] + 4, middles[target] - 4
        start_x, end_x = (center - boxes[index].total_width / 2 - 1 for index in (source, target))
        parts.append(_path(f"M{start_x:.1f} {start:.1f}H{x:.1f}V{end:.1f}H{end_x - 1:.1f}"))
        parts.append(_head(end_x, end, "M-6 -3L0 0L-6 3"))
    for index, block in enumerate(blocks):
        if index - 1 in block.inputs:
            start, end = spans[index - 1][1] + 2, spans[index][0] - 2
            parts.append(_path(f"M{center:.1f} {start:.1f}V{end - 1:.1f}"))
            parts.append(_head(center, end, "M-3.5 -6L0 0L3.5 -6"))
    height = top - _GAP + 6
    return Drawing(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" style="max-width: 100%; height: auto" role="img" '
        f'fill="currentColor" font-family="system-ui, sans-serif" font-size="12.5" '
        f'aria-label="{escape(_description(title, blocks))}">' + "".join(parts) + "</svg>"
    )


def _lanes(blocks: Sequence[Block]) -> dict[tuple[int, int], int]:
    """Give each connection of blocks that do not follow each other the innermost free lane."""
    edges = [
        (source, target)
        for target, block in enumerate(blocks)
        for source in block.inputs
        if source not in (target, target - 1)
    ]
    ends: list[list[tuple[int, int]]] = []  # of the connections in each lane
    lanes = {}
    for edge in sorted(edges, key=lambda edge: (abs(edge[1] - edge[0]), edge)):
        low, high = min(edge), max(edge)
        free = next(
            (
                lane
                for lane, taken in enumerate(ends)
                if all(high <= first or low >= last for first, last in taken)
            ),
            len(ends),
        )
        if free == len(ends):
            ends.append([])
        ends[free].append((low, high))
        lanes[edge] = free
    return lanes


@dataclass(frozen=True)
class _Box:
    """A box in pixels: the front's width and height, and how far it reaches back."""

    width: float
    height: float
    depth: float

    @classmethod
    def of(cls, shape: tuple[int, ...], largest: int) -> "_Box":
        """Return the box of a shape; `largest` is the longest side of all maps."""
        if len(shape) < 2:
            return cls(8, 14 + 4 * math.log2(max(math.prod(shape), 1)), 3)

        def side(size: int) -> float:  # a root, so that small maps can be seen next to large ones
            return 6 + 36 * math.sqrt(size / largest)

        rows, columns = shape[:2]
        depth = 2 + 2.6 * math.log2(max(math.prod(shape[2:]), 1)) if len(shape) > 2 else 2
        return cls(side(columns), side(rows), min(depth, 28))

    @property
    def total_width(self) -> float:
        """The width of the box, its visible side included."""
        return self.width + self.depth

    @property
    def total_height(self) -> float:
        """The height of the box, its visible top included."""
        return self.height + self.depth / 2

    def draw(self, center: float, middle: float, color: str) -> str:
        """Return its three visible sides, centered at a point."""
        x, y = center - self.total_width / 2, middle - self.total_height / 2 + self.depth / 2
        width, height, depth, rise = self.width, self.height, self.depth, self.depth / 2
        sides = (
            (0.85, f"M{x:.1f} {y:.1f}h{width:.1f}v{height:.1f}h{-width:.1f}z"),
            (0.5, f"M{x:.1f} {y:.1f}l{depth:.1f} {-rise:.1f}h{width:.1f}l{-depth:.1f} {rise:.1f}z"),
            (
                0.65,
                f"M{x + width:.1f} {y:.1f}l{depth:.1f} {-rise:.1f}v{height:.1f}l{-depth:.1f} "
                f"{rise:.1f}z",
            ),
        )
        return "".join(
            f'<path d="{path}" fill="{color}" fill-opacity="{opacity}" stroke="{color}"/>'
            for opacity, path in sides
        )


def _text_lines(block: Block, most: int) -> list[str]:
    """Return the lines of a block's text as SVG, of at most that many letters each."""
    name, layer_type = displayed(block.name), displayed(block.layer_type)
    title = f'<tspan font-weight="600">{escape(_shortened(name, int(most / _BOLD)))}</tspan>'
    below = list(block.lines)
    if _BOLD * len(name) + len(layer_type) < most:
        title += f' <tspan opacity="0.8">{escape(layer_type)}</tspan>'
    else:
        below.insert(0, layer_type)
    rows = (row for line in below for row in wrap(displayed(line), most))
    return [title, *(f'<tspan opacity="0.8">{escape(row)}</tspan>' for row in rows)]


def _shortened(text: str, most: int) -> str:
    """Leave out the middle of a text that is too long: the end tells similar names apart."""
    if len(text) <= most:
        return text
    start = most // 3
    return f"{text[:start]}…{text[start + 1 - most :]}"


def _path(path: str) -> str:
    return f'<path d="{path}" fill="none" stroke="currentColor" stroke-opacity="0.55"/>'


def _head(x: float, y: float, path: str) -> str:
    return (
        f'<path d="{path}" transform="translate({x:.1f} {y:.1f})" fill="none" '
        'stroke="currentColor" stroke-opacity="0.7"/>'
    )


def _description(title: str, blocks: Sequence[Block]) -> str:
    rows = (f"{block.name} {format_shape(block.shape)}" for block in blocks)
    return displayed(f"{title}, layer by layer: {', '.join(rows)}")
