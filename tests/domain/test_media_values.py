"""Names and paths for Google, for people and for JSON."""

from __future__ import annotations

import base64
import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from photosync.domain.media import MAX_NAME_CHARACTERS, path_base64, readable, text_name

PATHS = st.binary(max_size=300).map(os.fsdecode)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a.jpg"),
        ("é ü.jpg", "é ü.jpg"),
        (os.fsdecode(b"caf\xe9.jpg"), "caf\ufffd.jpg"),
        ("a\nb\tc\x7f.jpg", "a b c .jpg"),
        ("\u202egnp.exe", " gnp.exe"),
        ("half \ud83d.jpg", "half \ufffd.jpg"),
        ("", ""),
    ],
)
def test_names_for_people(name: str, expected: str) -> None:
    assert readable(name) == text_name(name) == expected


def test_a_long_name_keeps_its_extension() -> None:
    assert text_name("a" * 300 + ".jpeg") == "a" * 250 + ".jpeg"
    assert text_name("a" * 300) == "a" * 255
    assert text_name("a." + "b" * 300) == "a." + "b" * 253
    assert text_name("a" * 251 + ".jpg") == "a" * 251 + ".jpg"


@given(PATHS)
@example("\udcc3\udca9")
def test_any_name_is_one_that_google_takes(name: str) -> None:
    got = text_name(name)

    assert len(got) <= MAX_NAME_CHARACTERS
    assert got.isprintable()
    assert got.encode().decode() == got


@given(PATHS)
def test_the_exact_bytes_are_told_when_the_text_cannot(path: str) -> None:
    told = path_base64(path)

    if told is None:
        assert readable(path) == path
    else:
        assert base64.b64decode(told) == os.fsencode(path)


@given(st.text(st.characters(codec=None)))
def test_any_text_at_all_is_made_readable(text: str) -> None:
    assert readable(text).isprintable()
    assert readable(text).encode().decode() == readable(text)
    assert readable(readable(text)) == readable(text)
