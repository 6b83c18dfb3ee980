"""Every format reads back what was written, in every valid layout."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from clearsight.data.formats import FORMATS, DataFormat
from clearsight.data.listing import Listing
from clearsight.data.splits.splits import Splits
from support.formats.content import Layout, found_in
from support.formats.layouts import LAYOUTS
from support.formats.property_examples import num_tried

QUICK = settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
THOROUGH = settings(QUICK, max_examples=300)
each_format = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)


def opened(path: Path, layout: Layout) -> tuple[DataFormat, Listing | Splits]:
    form = next(form for form in FORMATS if form.matches(path))
    return form, form.open(path, layout.options)


def by_reason(skipped: Mapping[str, int]) -> Counter[str]:
    """Count what was skipped by the reason alone, without suffixes and examples."""
    counts: Counter[str] = Counter()
    for text, count in skipped.items():
        found = re.search(r"\(([^;)]*)[^)]*\)$", text)
        counts[found[1] if found else text] += count
    return counts


def check(form: DataFormat, draw) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layout = LAYOUTS[form.name](draw, Path(folder).resolve())
        matched, result = opened(layout.path, layout)
        assert matched.name == form.name
        content = layout.content
        is_listing = isinstance(result, Listing)
        names = result.class_names if is_listing else result.train.class_names
        assert names == content.class_names
        expected = sorted(image.seen for image in content.images)
        assert sorted(found_in(result).elements(), key=str) == sorted(expected, key=str)
        skipped = result.skipped if is_listing else result.load_report.skipped
        assert by_reason(skipped) == layout.skipped
        if is_listing:
            assert result.empty_classes == layout.empty_classes
            assert result.groups == layout.groups
            assert result.signature == form.open(layout.path, layout.options).signature


@each_format
def test_what_is_written_is_read(form: DataFormat) -> None:
    assert form.name in LAYOUTS, f"tests/data/formats/layouts.py has no strategy for {form.name}"
    assert num_tried(QUICK, lambda draw: check(form, draw)) > 0


@pytest.mark.slow
@each_format
def test_what_is_written_is_read_in_many_forms(form: DataFormat) -> None:
    assert num_tried(THOROUGH, lambda draw: check(form, draw)) > 0
