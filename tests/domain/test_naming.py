"""Names of copies: any disk takes them, none leads elsewhere, and no two become one."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.domain.naming import apart, local_path, plain_path, safe_name

NAMES = st.binary(min_size=1, max_size=255).filter(lambda name: not {0, 47} & set(name))


@pytest.mark.parametrize(
    "name", ["IMG_0001.jpg", "two words.jpg", "\u00e9\U0001f600.jpg", "it's $(x).jpg", "-rf.jpg"]
)
def test_ordinary_names_stay(name: str) -> None:
    assert safe_name(name) == name


@given(NAMES)
def test_a_safe_name_is_one_part_of_a_path_that_every_disk_takes(raw: bytes) -> None:
    name = safe_name(os.fsdecode(raw))
    encoded = name.encode()
    assert 0 < len(encoded) <= 255
    assert name not in (".", "..")
    assert not name.startswith(".")
    assert not name.endswith((" ", "."))
    assert not set(name) & set('/\\<>:"|?*\0\n')


@given(NAMES, NAMES)
def test_two_names_never_become_one(one: bytes, other: bytes) -> None:
    if one != other:
        assert safe_name(os.fsdecode(one)) != safe_name(os.fsdecode(other))


@pytest.mark.parametrize("name", ["..", ".", "con.jpg", "NUL", "a.", "a ", ".hidden.jpg", "a\nb"])
def test_names_that_some_disk_refuses_are_marked(name: str) -> None:
    assert safe_name(name) != name
    assert "~" in safe_name(name)


def test_nothing_leads_out_of_the_folder() -> None:
    assert ".." not in local_path("../../etc", "../../passwd").split("/")
    assert local_path("Pixel", "DCIM/Camera/a.jpg") == "Pixel/DCIM/Camera/a.jpg"
    assert local_path("Pixel", "sd:1A2B-3C4D/DCIM/a.jpg") == "Pixel/SD card 1A2B-3C4D/DCIM/a.jpg"


@given(NAMES, st.integers(1, 2**62))
def test_a_name_beside_it_keeps_its_extension_and_fits(raw: bytes, number: int) -> None:
    beside = apart(f"f/{safe_name(os.fsdecode(raw))}", number)
    assert beside.startswith("f/")
    assert len(beside.encode()) <= 2 + 255
    assert f"~{number}" in beside
    assert apart("f/a.jpg", 7) == "f/a~7.jpg"


@given(NAMES)
def test_a_plain_path_is_ascii_and_short(raw: bytes) -> None:
    path = plain_path(safe_name(os.fsdecode(raw)))
    assert path.isascii()
    assert len(path) <= 140
    assert plain_path("Pixel/DCIM/a.jpg") == "Pixel/DCIM/a.jpg"
