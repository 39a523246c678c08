"""[select], and what a folder or phones have of their own."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from photosync import config
from photosync.config.model import TYPES
from photosync.config.settings import NO_DAY
from photosync.domain.media_types import BY_EXTENSION, TYPE_WORDS
from photosync.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from photosync.config import Settings


def load(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(text, "utf-8")
    return config.load(file, {"HOME": str(tmp_path)})


def test_the_types_are_those_that_google_takes() -> None:
    assert TYPE_WORDS | set(BY_EXTENSION) == TYPES


def test_everything_of_select_is_read(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """[select]
        min_size = "50 kB"
        max_size = "2 GiB"
        types = ["photo", ".MP4"]
        raw_with_jpeg = "jpeg"
        live_video = false
        bursts = "cover"
        screenshots = false
        """,
    )
    assert settings.select == config.SelectSettings(
        mode="auto",
        include=(),
        exclude=(),
        since=None,
        min_size=50_000,
        max_size=2 * 1024**3,
        types=("photo", "mp4"),
        raw_with_jpeg="jpeg",
        live_video=False,
        bursts="cover",
        screenshots=False,
    )
    shown = {one.key: one.value for one in config.shown(settings, {})}
    assert shown["select.max_size"] == "2 GiB"
    assert shown["select.types"] == '["photo", "mp4"]'


def test_no_size_is_no_limit(tmp_path: Path) -> None:
    settings = load(tmp_path, '[select]\nmin_size = ""\nmax_size = 0\n')
    assert (settings.select.min_size, settings.select.max_size) == (0, 0)
    shown = {one.key: one.value for one in config.shown(settings, {})}
    assert (shown["select.min_size"], shown["select.max_size"]) == ('""', '""')


def test_a_folder_and_phones_may_have_a_choice_of_their_own(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """[[folder]]
        path = "a"
        exclude = ["*.png"]
        mode = "manual"
        since = ""
        [[folder]]
        path = "b"
        include = []
        [phone]
        types = ["video"]
        since = "2020-01-01"
        """,
    )
    first, second = settings.folder
    assert (first.mode, first.exclude, first.since) == ("manual", ("*.png",), NO_DAY)
    assert (first.include, first.types) == (None, None)
    assert (second.include, second.exclude, second.since, second.mode) == ((), None, None, None)
    assert (settings.phone.types, settings.phone.since) == (("video",), date(2020, 1, 1))
    shown = {one.key: one.value for one in config.shown(settings, {})}
    assert shown["folder[1].since"] == '""'
    assert shown["folder[2].include"] == "[]"
    assert shown["phone.types"] == '["video"]'
    assert "phone.mode" not in shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[select]\ntypes = ["pdf"]', '"photo", "video", "raw", or an extension'),
        ('[select]\nmin_size = "5 MB"\nmax_size = "1 MB"', "no less than select.min_size"),
        ('[select]\nmin_size = "much"', 'a size like "16 MiB"'),
        ('[select]\nbursts = "first"', '"all" or "cover"'),
        ("[select]\nraw_with_jpeg = true", '"both", "jpeg" or "raw"'),
        ('[select]\nlive_video = "no"', "true or false"),
        ('[[folder]]\npath = "a"\nmode = "hand"', '"auto" or "manual"'),
        ('[phone]\nexclude = [""]', 'a glob like "*.png"'),
        ('[phone]\nbursts = "all"', "there is no such setting"),
    ],
)
def test_what_is_not_possible_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, text)
    assert told in refused.value.message
