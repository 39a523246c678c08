"""Paths as the record has them, and as a phone does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.device.storage import absolute, relative


@pytest.mark.parametrize(
    ("shown", "path"),
    [
        ("/sdcard/DCIM/a.jpg", "DCIM/a.jpg"),
        ("/storage/emulated/0/DCIM/a.jpg", "DCIM/a.jpg"),
        ("/storage/self/primary//DCIM/a.jpg/", "DCIM/a.jpg"),
        ("/storage/1A2B-3C4D/DCIM/a.jpg", "sd:1A2B-3C4D/DCIM/a.jpg"),
        ("/sdcard", ""),
        ("/sdcardx/DCIM/a.jpg", None),
        ("/storage/emulated/10/a.jpg", None),
        ("DCIM/a.jpg", None),
        ("/etc/passwd", None),
    ],
)
def test_a_path_as_the_phone_shows_it(shown: str, path: str | None) -> None:
    assert relative(shown) == path


NAMES = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1).filter(
    lambda name: name not in {".", ".."}
)


@given(st.sampled_from(["", "sd:1A2B-3C4D/"]), st.lists(NAMES, min_size=1).map("/".join))
def test_both_ways_lead_to_the_same_file(top: str, path: str) -> None:
    if not path.startswith("sd:"):
        assert relative(absolute(top + path).decode()) == top + path
