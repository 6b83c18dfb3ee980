"""Check a property on drawn examples and count them, because none would prove nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st


def num_tried(profile: settings, holds: Callable[[Any], None]) -> int:
    """Check a property as often as a profile says; return on how many examples it held.

    Args:
        profile: how often.
        holds: checks the property with what draws its example.
    """
    count = 0

    def tried(data: st.DataObject) -> None:
        nonlocal count
        holds(data.draw)
        count += 1

    profile(given(st.data())(tried))()
    return count
