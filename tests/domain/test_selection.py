"""What is junk by its name, and what the user's globs take and leave out."""

from __future__ import annotations

import time
import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from photosync.domain.media_types import BY_EXTENSION, Claim, claim
from photosync.domain.selection import (
    NANOSECONDS,
    Selection,
    is_plainly_media,
    is_screenshot,
    junk,
)

JUNK = """
    .hidden .trashed-1731234567-IMG_1.jpg .pending-1731234567-PXL_1.jpg .goutputstream-ABC123
    .IMG_1.jpg.Xy12Zq .syncthing.IMG_1.jpg.tmp ~syncthing~IMG_1.jpg.tmp ._IMG_1.jpg .DS_Store
    .thumbnails @eaDir #recycle $RECYCLE.BIN lost+found __MACOSX Thumbs.db THUMBS.DB desktop.ini
    4913 IMG_1.jpg~ ~$letter.docx .IMG_1.jpg.swp IMG_1.jpg.swp IMG_1.jpg.tmp IMG_1.jpg.part
    IMG_1.jpg.partial IMG_1.jpg.crdownload IMG_1.jpg.download IMG_1.mp4.aria2 IMG_1.jpg.tmpAbC123
    v.mp4.part-Frag12 movie.mp4.!qB #IMG_1.jpg# IMG_1.jpg.0a1b2c3d.partial @Recycle
"""
TAKEN = """
    IMG_1.jpg IMG.part.jpg tmp partial a.b.c part.png template.template Camera DCIM 100ANDRO
    4913.jpg recycle ~tilde.jpg PXL_20260101_120000.MP.jpg tmp.jpg eaDir
"""


@pytest.mark.parametrize("name", JUNK.split())
def test_junk_is_known_by_its_name(name: str) -> None:
    reason = junk(name)
    assert reason
    assert "\n" not in reason


@given(
    st.one_of(
        st.builds(
            "{}.{}".format,
            st.text(st.sampled_from("aZ09._-~#$! tmpar"), max_size=12)
            | st.sampled_from(JUNK.split()),
            st.sampled_from([*BY_EXTENSION, "JPG", "tmp", "part", "db", "xmp"]),
        ),
        st.sampled_from([*JUNK.split(), *TAKEN.split()]),
        st.text(),
    )
)
@example("IMG_1.jpg")
@example("x.tmp.jpeg")
def test_what_is_plainly_media_is_nothing_else(name: str) -> None:
    if is_plainly_media(name):
        assert junk(name) is None
        assert claim(name) is Claim.MEDIA


def test_what_cameras_and_phones_write_is_plainly_media() -> None:
    assert all(map(is_plainly_media, ["IMG_20260101_120000.jpg", "DSC-0001.MOV", "a.heic"]))
    assert not any(map(is_plainly_media, ["a.txt", ".jpg", "a.tmp.jpg", "a b.jpg", "a.jpg\n"]))


@pytest.mark.parametrize("name", [*TAKEN.split(), "two words.jpg", "\udcff.jpg", "new\nline.jpg"])
def test_other_names_are_no_junk(name: str) -> None:
    assert junk(name) is None


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("*.jpg", "a.JPG"),
        ("*.jpg", "deep/er/a.jpg"),
        ("*.JPG", "deep/a.jpg"),
        ("IMG_????.jpg", "IMG_0001.jpg"),
        ("Camera/*", "Camera/a.jpg"),
        ("/Camera/*", "Camera/a.jpg"),
        ("camera/**", "Camera/x/y/a.jpg"),
        ("**/Camera/**", "DCIM/Camera/a.jpg"),
        ("**/Camera/**", "Camera/a.jpg"),
        ("**", "anything/at/all"),
        ("Screenshots/", "Pictures/Screenshots/a.png"),
        ("a/**/z.jpg", "a/z.jpg"),
        ("a/**/z.jpg", "a/b/c/z.jpg"),
        ("[a-c]*.png", "B.png"),
        ("[!a]*.png", "x/b.png"),
        ("[]x]", "]"),
        ("[", "["),
        ("what.{is}(this)+", "what.{is}(this)+"),
        ("*\n*.jpg", "new\nline.jpg"),
        ("*.jpg", "\udcff\udcfe.jpg"),
    ],
)
def test_a_glob_matches(glob: str, path: str) -> None:
    assert Selection(include=(glob,)).left_out(path, 0) is None
    assert Selection(exclude=(glob,)).left_out(path, 0) is not None


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("*.jpg", "a.jpg.png"),
        ("*.jpg", "x.jpg/a.png"),
        ("Camera/*", "Camera/x/a.jpg"),
        ("Camera/*", "DCIM/Camera/a.jpg"),
        ("Camera/**", "DCIM/Camera/a.jpg"),
        ("a?c", "a/c"),
        ("a[!b]c", "a/c"),
        ("[z-a]", "m"),
        ("Screenshots/", "Screenshots"),
        ("a.jpg", "aXjpg"),
    ],
)
def test_a_glob_does_not_match(glob: str, path: str) -> None:
    assert Selection(exclude=(glob,)).left_out(path, 0) is None
    assert Selection(include=(glob,)).left_out(path, 0) is not None


def test_the_sentence_names_the_rule() -> None:
    selection = Selection(include=("*.jpg",), exclude=("no/**",), since=1_700_000_000.0)
    assert selection.left_out("a.jpg", 1_700_000_000 * NANOSECONDS) is None
    assert "select.include" in str(selection.left_out("a.png", 0))
    assert "no/**" in str(selection.left_out("no/a.jpg", 1_700_000_000 * NANOSECONDS))
    older = str(selection.left_out("a.jpg", 1_700_000_000 * NANOSECONDS - 1))
    assert "select.since (2023-11-1" in older


@pytest.mark.parametrize(
    ("selection", "path", "size_bytes", "mime", "rule"),
    [
        (Selection(min_size=100), "a.jpg", 99, "", "select.min_size"),
        (Selection(min_size=100), "a.jpg", 100, "", ""),
        (Selection(min_size=100), "a.jpg", None, "", ""),  # a phone that does not tell it yet
        (Selection(max_size=100), "a.jpg", 101, "", "select.max_size"),
        (Selection(max_size=100), "a.jpg", 100, "", ""),
        (Selection(types=("photo",)), "a.JPG", 1, "", ""),
        (Selection(types=("photo",)), "a.cr2", 1, "", ""),
        (Selection(types=("photo",)), "a.mov", 1, "", "select.types"),
        (Selection(types=("raw",)), "a.jpg", 1, "", "select.types"),
        (Selection(types=("raw", "gif")), "a.gif", 1, "", ""),
        (Selection(types=("jpg",)), "a.jpeg", 1, "", ""),
        (Selection(types=("heic",)), "a.heif", 1, "", ""),
        (Selection(types=("video",)), "noname", 1, "", ""),  # nobody knows yet
        (Selection(types=("video",)), "noname", 1, "image/jpeg", "select.types"),
        (Selection(types=("video",)), "noname", 1, "video/mp4", ""),
        (Selection(types=("video",)), "noname", 1, "application/octet-stream", ""),
        (Selection(screenshots=False), "Pictures/Screenshots/a.png", 1, "", "select.screenshots"),
        (Selection(screenshots=False), "Screenshot_20200101-1.png", 1, "", "select.screenshots"),
        (Selection(screenshots=False), "Screen Recording 2020.mov", 1, "", "select.screenshots"),
        (Selection(screenshots=False), "screenrecorder/a.mp4", 1, "", "select.screenshots"),
        (
            Selection(screenshots=False),
            "Bildschirmfoto 2020.png",
            1,
            "",
            "select.screenshots",
        ),
        (Selection(screenshots=False), "Screenshotted.png", 1, "", ""),
        (Selection(screenshots=False), "My Screenshot.png", 1, "", ""),
        (
            Selection(exclude=("*.png",), place="phone", said=frozenset({"exclude"})),
            *("a.png", 1, "", "phone.exclude"),
        ),
        (
            Selection(min_size=5, place="phone", said=frozenset({"exclude"})),
            *("a.png", 1, "", "select.min_size"),
        ),
    ],
)
def test_which_rule_decides(
    selection: Selection, path: str, size_bytes: int | None, mime: str, rule: str
) -> None:
    reason = selection.why_not(path, 0, size_bytes, mime)
    assert ("" if reason is None else reason.rule) == rule
    if reason is not None:
        assert reason.message
        assert rule in reason.cure


def test_without_a_choice_everything_is_taken() -> None:
    assert Selection().left_out("any/thing", 0) is None
    assert not Selection().excludes_folder("any")


@pytest.mark.parametrize(
    ("glob", "folder", "excluded"),
    [
        ("Screenshots/", "Pictures/Screenshots", True),
        ("Camera/**", "Camera", True),
        ("Camera/**", "camera", True),
        ("Camera/**", "DCIM/Camera", False),
        ("**/Camera/**", "DCIM/Camera", True),
        ("**", "x", True),
        ("Camera/*", "Camera", False),
        ("[!I]*", "Camera", False),
        ("?", "x", False),
        ("/", "x", False),
    ],
)
def test_only_folders_that_are_excluded_wholly_need_not_be_read(
    glob: str, folder: str, excluded: bool
) -> None:
    assert Selection(exclude=(glob,)).excludes_folder(folder) is excluded


parts = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=8)
paths = st.lists(parts, min_size=1, max_size=4).map("/".join)
globs = st.text(st.sampled_from("ab/*?[]!-^.~&|\\\n{}()x"), max_size=12)


@given(globs, paths)
@example("[a--b]", "a")
@example("[[:alpha:]]", "a")
@example("[\\]", "\\")
def test_any_glob_and_any_path_give_an_answer(glob: str, path: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        excluded = Selection(exclude=(glob,)).left_out(path, 0)
        included = Selection(include=(glob,)).left_out(path, 0)
    assert (excluded is None) is (included is not None)


few = st.lists(st.sampled_from(["a", "b", "ab", "I", "x.jpg"]), min_size=1, max_size=3).map(
    "/".join
)


@given(globs, few, few)
def test_nothing_below_an_excluded_folder_would_be_taken(
    glob: str, folder: str, below: str
) -> None:
    for selection in (Selection(exclude=(glob,)), Selection(include=(glob,))):
        if selection.excludes_folder(folder):
            assert selection.left_out(f"{folder}/{below}", 0) is not None
    for selection in (Selection(screenshots=False), Selection(screenshots=False, include=(glob,))):
        shots = f"{folder}/screenShots"
        assert selection.excludes_folder(shots)
        assert selection.left_out(f"{shots}/{below}", 0) is not None


@pytest.mark.parametrize(
    ("glob", "folder", "excluded"),
    [
        ("Camera/**", "Other", True),
        ("Camera/**", "camera/a", False),
        ("Camera/", "Camera", False),
        ("Camera/", "Else", False),  # without another "/" it is about a name anywhere
        ("a/b/*.jpg", "a", False),
        ("a/b/*.jpg", "a/b", False),
        ("a/b/*.jpg", "a/c", True),
        ("a/b/*.jpg", "a/b/c", True),
        ("a/*/c/*.jpg", "a/b", False),
        ("**/c/*.jpg", "a/b", False),
        ("*.jpg", "a/b", False),
        ("[ab/c]/*.jpg", "d", False),  # brackets are not looked into
    ],
)
def test_a_folder_in_which_nothing_can_be_included_is_not_read(
    glob: str, folder: str, excluded: bool
) -> None:
    assert Selection(include=(glob,)).excludes_folder(folder) is excluded
    assert not Selection(include=(glob, "*.png")).excludes_folder(folder)


@given(st.text(st.sampled_from("screenshot_ -0captured'"), max_size=400))
def test_telling_screenshots_takes_no_time(name: str) -> None:
    began = time.perf_counter()
    is_screenshot(f"{name}/{name}.png")
    assert time.perf_counter() - began < 10


@given(paths)
def test_a_name_is_its_own_glob_if_it_holds_nothing_special(path: str) -> None:
    if not set(path) & set("*?["):
        assert Selection(include=(f"/{path}",)).left_out(path, 0) is None
