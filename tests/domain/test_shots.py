"""What belongs to one shot, and which of its parts are taken."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from photosync.domain.media import NANOSECONDS
from photosync.domain.shots import (
    CLOSE_SECONDS,
    LARGEST_LIVE_BYTES,
    OTHER_PART,
    Part,
    Rules,
    left_out,
    name_of,
    places_of,
)
from photosync.domain.states import State

NUMBERS = count(1)


def part(path: str, state: State = State.FOUND, **more: object) -> Part:
    values: dict[str, object] = {"size_bytes": 1000, "mtime_ns": 0, **more}
    return Part(next(NUMBERS), path, state=state, **values)  # type: ignore[arg-type]


def out(rules: Rules, *parts: Part, first: State = State.FOUND) -> set[str]:
    found = left_out(parts, rules, first=first)
    return {one.path.rpartition("/")[2] for one in parts if one.id in found}


JPEG, RAW = Rules(raw_with_jpeg="jpeg"), Rules(raw_with_jpeg="raw")
STILL, COVER = Rules(live_video=False), Rules(bursts="cover")

TABLE = [
    # rules, files, those that are left out
    (Rules(), "IMG_1.CR2 IMG_1.JPG IMG_2.HEIC IMG_2.MOV a_BURST001_COVER.jpg a_BURST002.jpg", ""),
    (JPEG, "IMG_1.CR2 IMG_1.JPG", "IMG_1.CR2"),
    (JPEG, "IMG_1.DNG IMG_1.HEIC", "IMG_1.DNG"),
    (JPEG, "IMG_1.CR2 IMG_2.JPG", ""),
    (JPEG, "IMG_1.CR2 IMG_1~2.JPG", ""),
    (JPEG, "IMG_1.CR2 IMG_1-edited.jpg", ""),
    (JPEG, "IMG_1.CR2 IMG_1.PNG", ""),
    (JPEG, "a/IMG_1.CR2 b/IMG_1.JPG", ""),
    (
        JPEG,
        "PXL_20231207_032111247.RAW-02.ORIGINAL.dng PXL_20231207_032111247.RAW-01.COVER.jpg",
        "PXL_20231207_032111247.RAW-02.ORIGINAL.dng",
    ),
    (RAW, "IMG_1.CR2 IMG_1.JPG", "IMG_1.JPG"),
    (RAW, "IMG_1.JPG IMG_2.JPG", ""),
    (STILL, "IMG_1.HEIC IMG_1.MOV", "IMG_1.MOV"),
    (STILL, "IMG_1.HEIC IMG_1_HEVC.MOV", "IMG_1_HEVC.MOV"),
    (STILL, "IMG_1.JPG IMG_1.MP4", "IMG_1.MP4"),
    (STILL, "IMG_1.MOV IMG_E1.HEIC", ""),
    (STILL, "MVIMG_20190101_101010.jpg PXL_20230101_101010123.MP.jpg", ""),
    (STILL, "IMG_1.MOV IMG_2.MOV", ""),
    (
        COVER,
        "IMG_20150101_101010_BURST001_COVER.jpg IMG_20150101_101010_BURST002.jpg",
        "IMG_20150101_101010_BURST002.jpg",
    ),
    (COVER, "IMG_20150101_101010_BURST001_COVER.jpg IMG_20150101_101011_BURST002.jpg", ""),
    (COVER, "IMG_20150101_101010_BURST001.jpg IMG_20150101_101010_BURST002.jpg", ""),
    (
        COVER,
        "00000IMG_00000_BURST20170701123456789_COVER.jpg 00001IMG_00001_BURST20170701123456789.jpg",
        "00001IMG_00001_BURST20170701123456789.jpg",
    ),
    (
        COVER,
        "DSC_0001_BURST20230709220904977.JPG DSC_0035_BURST20230709220904977_COVER.JPG",
        "DSC_0001_BURST20230709220904977.JPG",
    ),
    (
        COVER,
        "PXL_20211118_091824512.BURST-01.COVER.jpg PXL_20211118_091824512.BURST-02.jpg",
        "PXL_20211118_091824512.BURST-02.jpg",
    ),
    (
        Rules("jpeg", live_video=False, bursts="cover"),
        "x_BURST001_COVER.jpg x_BURST001_COVER.dng x_BURST002.jpg x_BURST002.dng",
        "x_BURST001_COVER.dng x_BURST002.jpg x_BURST002.dng",
    ),
    (
        Rules("raw", live_video=False, bursts="cover"),
        "x_BURST001_COVER.jpg x_BURST001_COVER.dng x_BURST002.jpg",
        "x_BURST001_COVER.jpg x_BURST002.jpg",
    ),
]


@pytest.mark.parametrize(("rules", "files", "expected"), TABLE)
def test_which_parts_are_left_out(rules: Rules, files: str, expected: str) -> None:
    parts = [part(f"DCIM/{one}") for one in files.split()]
    assert out(rules, *parts) == set(expected.split())
    assert out(rules, *reversed(parts)) == set(expected.split())


@pytest.mark.parametrize(
    ("jpeg", "raw_is_left_out"),
    [
        (part("1.jpg", State.MIRRORED), True),
        (part("1.jpg", State.DONE), True),
        (part("1.jpg", State.DUPLICATE), True),
        (part("1.jpg", State.SKIPPED, code=OTHER_PART), True),  # it comes back
        (part("1.jpg", State.SKIPPED, code="by_user"), False),
        (part("1.jpg", State.SKIPPED, code="vanished"), False),
        (part("1.jpg", State.FAILED, code="not_media"), False),
        (part("1.jpg", State.HELD), False),
        (part("1.jpg", mtime_ns=CLOSE_SECONDS * NANOSECONDS), True),
        (part("1.jpg", mtime_ns=CLOSE_SECONDS * NANOSECONDS + 1), False),
    ],
)
def test_only_what_is_backed_up_stands_for_another(jpeg: Part, raw_is_left_out: bool) -> None:
    assert out(JPEG, part("1.nef"), jpeg) == ({"1.nef"} if raw_is_left_out else set())


def test_what_is_held_stands_for_what_is_held() -> None:
    parts = part("1.nef", State.HELD), part("1.jpg", State.HELD)
    assert out(JPEG, *parts, first=State.HELD) == {"1.nef"}


def test_what_the_user_chose_and_what_is_in_the_library_is_not_left_out() -> None:
    assert out(JPEG, part("1.nef", is_chosen=True), part("1.jpg")) == set()
    assert out(JPEG, part("1.nef", State.DONE), part("1.jpg")) == set()


def test_a_long_film_is_no_part_of_a_live_photo() -> None:
    film = part("IMG_1.MOV", size_bytes=LARGEST_LIVE_BYTES + 1)
    assert out(STILL, film, part("IMG_1.HEIC")) == set()


STEMS = st.sampled_from(
    [
        *("IMG_1", "IMG_2", "x_BURST001_COVER", "x_BURST002", "00000IMG_BURST20170701123456789"),
        *("00001IMG_BURST20170701123456789_COVER", "PXL_1_2.BURST-01.COVER"),
        "PXL_1_2.BURST-02.MP",
    ]
)
NAMES = st.builds(
    lambda folder, stem, extension: f"{folder}{stem}.{extension}",
    st.sampled_from(["", "DCIM/"]),
    STEMS,
    st.sampled_from(["jpg", "dng", "MOV", "heic", "png"]),
)
PARTS = st.lists(
    st.builds(
        lambda path, state, code, is_chosen, mtime: part(
            path, state, code=code, is_chosen=is_chosen, mtime_ns=mtime
        ),
        NAMES,
        st.sampled_from(State),
        st.sampled_from([OTHER_PART, "by_user", "excluded"]),
        st.sampled_from([False, False, False, True]),
        st.sampled_from([0, 1, 10**15]),
    ),
    max_size=8,
)
RULES = st.builds(
    Rules,
    st.sampled_from(["both", "jpeg", "raw"]),
    st.booleans(),
    st.sampled_from(["all", "cover"]),
)
FIRSTS = st.sampled_from([State.FOUND, State.HELD])


@given(PARTS, RULES, FIRSTS, st.randoms())
def test_the_order_does_not_matter_and_what_stands_for_others_is_taken(
    parts: list[Part], rules: Rules, first: State, random: object
) -> None:
    found = left_out(parts, rules, first=first)
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert left_out(shuffled, rules, first=first).keys() == found.keys()
    for number, why in found.items():
        assert why.part.id not in found
        assert why.part.state != State.FAILED
        assert why.part.state != State.SKIPPED or why.part.code == OTHER_PART
        (left,) = [one for one in parts if one.id == number]
        assert not left.is_chosen
        assert left.state not in (State.DONE, State.DUPLICATE)
        assert rules.may_leave_out(left.path)
    if rules.take_all:
        assert not found


@given(NAMES, NAMES)
@example("00IMG_BURST20170701123456789.jpg", "01IMG_BURST20170701123456789_COVER.jpg")
def test_every_part_of_a_shot_lies_where_it_is_sought(one: str, other: str) -> None:
    rules = (JPEG, RAW, STILL, COVER)
    found = [left_out([part(one), part(other)], each, first=State.FOUND) for each in rules]
    name = name_of(one)
    if any(found):
        assert name is not None
        places = places_of(name)
        assert places.holds in other
        assert other.startswith(places.prefixes)


@given(st.text())
def test_any_path_has_a_name_or_none(path: str) -> None:
    name = name_of(path)
    if name is not None:
        assert path.startswith(tuple(one[:1] for one in places_of(name).prefixes))
