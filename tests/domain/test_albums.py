"""Album titles: what the template says, whatever folders are called."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from photosync.domain.albums import LONGEST_TITLE, PLACEHOLDERS, album_title

if TYPE_CHECKING:
    from collections.abc import Iterator

JULY = 1_783_000_000.0  # 2026-07-02 in every zone


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def title(
    template: str, path: str = "DCIM/Sea/a.jpg", label: str = "phone", at: float = JULY
) -> str:
    return album_title(template, source_label=label, source_path=path, at=at)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("Holidays", "Holidays"),
        ("{folder}", "Sea"),
        ("{source}", "phone"),
        ("{year}-{month}", "2026-07"),
        ("{source}/{folder} {year}", "phone/Sea 2026"),
        ("{unknown} {", "{unknown} {"),
        ("  {folder}\n", "Sea"),
        (" ", ""),
    ],
)
def test_templates(template: str, expected: str) -> None:
    assert title(template) == expected


def test_files_at_the_top_belong_to_the_source() -> None:
    assert title("{folder}", path="a.jpg") == "phone"


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_a_folder_called_like_a_placeholder_is_a_folder(name: str) -> None:
    braced = "{" + name + "}"

    assert title("{folder}", path=f"{braced}/a.jpg") == braced
    assert title("{source}", label=braced) == braced


def test_the_year_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    new_year = 1_798_761_599.0  # 2026-12-31T23:59:59Z
    assert title("{year}{month}", at=new_year) == "202612"
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    assert title("{year}{month}", at=new_year) == "202701"


PIECES = st.sampled_from([*("{" + name + "}" for name in PLACEHOLDERS), "{", "}", " ", "\x00", "é"])
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=8).map("".join)


@given(
    TEXTS,
    st.binary(max_size=600).map(os.fsdecode),
    st.text(st.characters(), max_size=20),
    st.integers(-(2**63), 2**64 - 1),
)
@example("{folder}", "\udcff" * 700 + "/a.jpg", "\ud800", 0)
@example("{folder}", "a" * 499 + " b/a.jpg", "", 0)
def test_a_title_is_always_one_that_google_takes(
    template: str, path: str, label: str, mtime_ns: int
) -> None:
    got = title(template, path, label, mtime_ns / 1e9)

    assert got.isprintable()
    assert got == got.strip()
    assert len(got) <= LONGEST_TITLE
    assert got.encode().decode() == got
