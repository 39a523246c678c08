"""Where an item goes that is put back."""

from __future__ import annotations

import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.domain.media import SourceKind
from photosync.domain.restoring import (
    Restorable,
    Span,
    Target,
    TargetKind,
    path_at,
    plan,
    span_of,
)

HOME = Target(TargetKind.PHONE, "ONE")
OTHER = Target(TargetKind.PHONE, "TWO")
FOLDER = Target(TargetKind.FOLDER, "/out")


def item(path: str, number: int = 1, sha256: str = "a", **more: object) -> Restorable:
    values = {"kind": SourceKind.PHONE, "address": "ONE", "label": "Pixel", **more}
    return Restorable(number, path=path, sha256=sha256, size_bytes=1, **values)  # type: ignore[arg-type]


def test_home_is_the_same_place_and_elsewhere_the_same_folders() -> None:
    card = item("sd:1A2B-3C4D/DCIM/a.jpg")
    assert path_at(item("DCIM/a.jpg"), HOME) == "DCIM/a.jpg"
    assert path_at(card, HOME) == "sd:1A2B-3C4D/DCIM/a.jpg"
    assert path_at(card, OTHER) == "DCIM/a.jpg"
    assert path_at(card, OTHER, ["", "sd:1A2B-3C4D"]) == "sd:1A2B-3C4D/DCIM/a.jpg"
    assert path_at(card, FOLDER) == "Pixel/SD card 1A2B-3C4D/DCIM/a.jpg"
    assert path_at(item('DCIM/a"b.jpg'), FOLDER).startswith("Pixel/DCIM/a_b~")


def test_a_watched_folders_files() -> None:
    own = Target(TargetKind.FOLDER, "/pictures", is_own=True)
    one = item("trip/..a:b.jpg", kind=SourceKind.FOLDER, address="/pictures", label="pictures")
    assert path_at(one, own) == "trip/..a:b.jpg"
    assert path_at(one, HOME).startswith("Pictures/pictures/trip/_")
    assert path_at(one, FOLDER).startswith("pictures/trip/_")


def test_names_that_differ_only_in_case_are_kept_apart() -> None:
    items = [item("DCIM/a.jpg", 1, "a"), item("dcim/A.JPG", 2, "b"), item("dcim/A.JPG", 3, "a")]
    paths = [path for _, path in plan(items, OTHER)]
    assert paths == ["DCIM/a.jpg", "dcim/A~2.JPG", "dcim/A.JPG"]
    at_home = [path for _, path in plan(items, HOME)]
    assert at_home == ["DCIM/a.jpg", "dcim/A.JPG", "dcim/A.JPG"], "each has its one place"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a.jpg", "A.jpg", "b/a.jpg", "sd:1A2B-3C4D/a.jpg"]),
            st.sampled_from("xyz"),
            st.sampled_from(["ONE", "THREE"]),
        ),
        max_size=20,
    )
)
def test_two_contents_never_get_one_path(wanted: list[tuple[str, str, str]]) -> None:
    items = [
        item(path, number, sha256, address=address)
        for number, (path, sha256, address) in enumerate(wanted, 1)
    ]
    for target in (OTHER, FOLDER):
        found: dict[str, str] = {}
        for one, path in plan(items, target):
            assert found.setdefault(path.casefold(), one.sha256) == one.sha256
            assert not path.startswith("/")
            assert ".." not in path.split("/")


def test_days_are_local_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        span = span_of("2024-03-10")  # an hour short, for summer begins
        assert (span.ends_at - span.begins_at) / 3600 == 23
        assert time.localtime(span.begins_at)[:5] == (2024, 3, 10, 0, 0)
        month = span_of("2024-02-01..2024-02-29")
        assert month == Span(date(2024, 2, 1), date(2024, 2, 29))
        assert month.ends_at == span_of("2024-03-01").begins_at
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "text", ["", "..", "2024", "2024-02-30", "2024-02-02..2024-02-01", "1700-01-01", "x..y"]
)
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        span_of(text)
