"""Globs against a matcher that is too simple to be wrong, and against time."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from photosync.domain.selection import Selection


def matches(glob: str, path: str) -> bool:
    return Selection(include=(glob,)).left_out(path, 0) is None


def plainly(glob: str, path: str) -> bool:
    """Whether the rest of a glob matches the rest of a path, by trying everything."""
    if not glob:
        return not path
    if glob.startswith("**/"):
        starts = [path, *(path[at + 1 :] for at, one in enumerate(path) if one == "/")]
        return any(plainly(glob[3:], rest) for rest in starts)
    if glob.startswith("**"):
        return any(plainly(glob[2:], path[at:]) for at in range(len(path) + 1))
    if glob.startswith("*"):
        name = path.partition("/")[0]
        return any(plainly(glob[1:], path[at:]) for at in range(len(name) + 1))
    if not path or (glob[0] != path[0] and (glob[0] != "?" or path[0] == "/")):
        return False
    return plainly(glob[1:], path[1:])


def expected(glob: str, path: str) -> bool:
    anywhere = "/" not in glob.rstrip("/")
    glob = glob.removeprefix("/")
    glob += "**" if glob.endswith("/") else ""
    return plainly(f"**/{glob}" if anywhere else glob, path)


@given(st.text("ab*?/", max_size=9), st.text("ab/", max_size=9))
@example("*a*b", "aab")
@example("*a**/b", "aab")
@example("**a*b", "a/ab")
@example("*a/*b*", "xa/ab")
@example("*a/b*a", "a/a/ba")
@example("*ab*b", "aabbb")
def test_a_glob_matches_what_a_simple_matcher_says(glob: str, path: str) -> None:
    assert matches(glob, path) == expected(glob, path)


@given(st.text("abAB[]!-^\\", max_size=8), st.text("abAB/", max_size=6))
def test_brackets_stand_for_one_character_that_is_no_slash(inner: str, path: str) -> None:
    glob = f"x[a{inner}]y"
    if matches(glob, f"x{path}y"):
        assert not path.startswith("/")


@pytest.mark.parametrize(
    "glob",
    [
        "*_*_*_*_*_*_*_*_*_*.jpg",
        "**/*_*_*_*_*_*_*_*.jpg",
        "**/**/*_*_*.jpg",
        "**_**_*.jpg",
        "*?*?*?*?*?*.jpg",
        "*[_]*[_]*[_]*[_]*[_]*.jpg",
        "/**/_*/_*/_*/_*/**/*.jpg",
    ],
)
def test_no_name_holds_up_a_glob(glob: str) -> None:
    began = time.monotonic()
    matches(glob, "/".join(["_" * 255] * 15))
    assert time.monotonic() - began < 30
