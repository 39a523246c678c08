"""What the settings say of each source."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from photosync import config
from photosync.app.selecting import first_state, of_folder, of_phones, rules_of
from photosync.domain.media import Source, SourceKind
from photosync.domain.shots import Rules
from photosync.domain.states import State

if TYPE_CHECKING:
    from pathlib import Path


def test_a_source_has_its_own_choice_and_else_that_of_select(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        """[select]
        mode = "manual"
        exclude = ["*.gif"]
        since = "2020-01-01"
        max_size = 1000
        raw_with_jpeg = "jpeg"
        [[folder]]
        path = "a"
        mode = "auto"
        exclude = []
        since = ""
        [[folder]]
        path = "b"
        since = "2021-01-01"
        [phone]
        types = ["photo"]
        [mirror]
        path = "b/copies"
        """
    )
    settings = config.load(file, {"HOME": str(tmp_path)})
    first, second, phones = of_folder(settings, 0), of_folder(settings, 1), of_phones(settings)
    assert (first.exclude, first.since, first.max_size, first.own) == ((), None, 1000, ())
    assert first.place == "folder[1]"
    assert first.said == {"exclude", "since"}
    assert (second.exclude, second.own) == (("*.gif",), ("copies",))
    assert second.since == time.mktime((2021, 1, 1, 0, 0, 0, 0, 0, -1))
    assert (phones.types, phones.exclude, phones.place) == (("photo",), ("*.gif",), "phone")
    assert phones.since == time.mktime((2020, 1, 1, 0, 0, 0, 0, 0, -1))
    assert rules_of(settings) == Rules(raw_with_jpeg="jpeg")

    state_of = first_state(settings)
    folder, phone = SourceKind.FOLDER, SourceKind.PHONE
    for kind, address, expected in (
        (folder, str(tmp_path / "a"), State.FOUND),
        (folder, str(tmp_path / "b"), State.HELD),
        (folder, str(tmp_path / "gone"), State.HELD),
        (phone, "SERIAL", State.HELD),
    ):
        source = Source(1, kind, address, "x", "", connected=True)
        assert state_of(source) is expected


def test_phones_may_wait_for_a_choice_while_folders_do_not(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[phone]\nmode = "manual"\n')
    settings = config.load(file, {"HOME": str(tmp_path)})
    source = Source(1, SourceKind.PHONE, "SERIAL", "x", "", connected=True)
    assert first_state(settings)(source) is State.HELD
