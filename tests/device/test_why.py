"""Why a file on a phone is left out: what a look decides by, and what ``photosync why`` says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from photosync import config
from photosync.app.state import opened as opened_state
from photosync.app.why import why
from photosync.device.files import PhoneFiles
from photosync.domain.fates import Verdict
from photosync.domain.selection import Selection
from photosync.store.phone_folders import PhoneFolders
from photosync.store.sources import Sources
from tests.device.conftest import opened
from tests.lab import lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.lab import LabPhone

JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
FILES = {
    "DCIM/Camera/a.jpg": JPEG,
    "DCIM/Camera/noname": JPEG,
    "DCIM/Camera/words": b"only words" * 20,
    "DCIM/Camera/notes.txt": JPEG,
    "DCIM/Camera/.pending-1-a.jpg": JPEG,
    "DCIM/Camera/small.jpg": JPEG[:20],
    "DCIM/Camera/x.gif": JPEG,
    "DCIM/.thumbnails/a.jpg": JPEG,
    "DCIM/Screenshots/a.jpg": JPEG,
    "DCIM/marked/a.jpg": JPEG,
    "DCIM/marked/.nomedia": b"",
    "DCIM/marked/deeper/a.jpg": JPEG,
    "DCIM/left/a.jpg": JPEG,
    "DCIM/left/taken/a.jpg": JPEG,
    "DCIM/private/a.jpg": JPEG,
    "DCIM/film.mp4": JPEG,
    "Named/.nomedia": b"",
    "Named/a.jpg": JPEG,
    "Download/a.jpg": JPEG,
    "top.jpg": JPEG,
}
TAKEN = {
    *("DCIM/Camera/a.jpg", "DCIM/Camera/noname", "DCIM/left/taken/a.jpg", "Named/a.jpg"),
}
SELECTION = Selection(
    exclude=("*.gif", "DCIM/private/"), min_size=50, types=("photo",), screenshots=False
)


@pytest.fixture
def filled(own_phone: LabPhone) -> LabPhone:
    for name, content in FILES.items():
        file = own_phone.storage / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (1_600_000_000, 1_600_000_000))
    return own_phone


@pytest.fixture
def files(filled: LabPhone) -> Iterator[PhoneFiles]:
    with opened(filled) as phone:
        yield PhoneFiles(
            phone,
            ["DCIM", "Named"],
            lambda: (["DCIM/left/taken"], ["DCIM/left"]),
            selection=SELECTION,
        )


def test_why_agrees_with_what_a_look_takes(files: PhoneFiles) -> None:
    taken = {one.path for one in files.entries() if files.examine(one) is not None}
    assert taken == TAKEN
    reasons = {name: files.why_left_out(name) for name in FILES}
    assert {name for name, reason in reasons.items() if reason is None} == TAKEN
    codes = {name: reason.code for name, reason in reasons.items() if reason is not None}
    assert codes == {
        "DCIM/Camera/words": "no_media",
        "DCIM/Camera/notes.txt": "other_type",
        "DCIM/Camera/.pending-1-a.jpg": "junk",
        "DCIM/Camera/small.jpg": "excluded",
        "DCIM/Camera/x.gif": "excluded",
        "DCIM/.thumbnails/a.jpg": "junk",
        "DCIM/Screenshots/a.jpg": "excluded",
        "DCIM/marked/a.jpg": "no_media_folder",
        "DCIM/marked/.nomedia": "no_media_folder",
        "DCIM/marked/deeper/a.jpg": "no_media_folder",
        "DCIM/left/a.jpg": "folder_not_chosen",
        "DCIM/private/a.jpg": "excluded",
        "DCIM/film.mp4": "excluded",
        "Named/.nomedia": "junk",
        "Download/a.jpg": "folder_not_chosen",
        "top.jpg": "folder_not_chosen",
    }
    gone = files.why_left_out("DCIM/Camera/nothing.jpg")
    assert gone is not None
    assert gone.code == "gone"


def test_asking_about_a_phone_that_is_here_and_that_was_here(
    filled: LabPhone, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    lines = f'[phone]\nadb_port = {filled.host.port}\nserials = ["LAB0002"]\nexclude = ["*.gif"]\n'
    file.write_text(f'state_dir = "state"\n{lines}')
    settings = config.load(file, {"HOME": str(tmp_path)})
    with opened_state(settings) as state:
        source = Sources(state.database).register_phone("LAB0002", label="Lab")
        PhoneFolders(state.database).choose(source.id, ["DCIM/left"], choice="leave", now=1)

    def told(asked: str) -> tuple[Verdict, str, str]:
        (answer,) = why(settings, asked, folder=tmp_path)
        return answer.fate.verdict, answer.fate.code, answer.fate.cure

    act, left = Verdict.ACT, Verdict.LEFT_OUT
    lab.eventually(lambda: told("Lab:DCIM/Camera/a.jpg")[1] == "not_seen", "the phone")
    assert told("DCIM/Camera/a.jpg") == (act, "not_seen", "photosync run")
    assert told("LAB0002:DCIM/Camera") == (Verdict.TAKEN, "folder", "")
    assert told("Lab:DCIM/Camera/x.gif")[1:] == (
        "excluded",
        "Take *.gif out of phone.exclude. It is taken at the next start then.",
    )
    choose = "photosync folders --choose Download"
    assert told("Download/a.jpg") == (left, "folder_not_chosen", choose)
    assert told("DCIM/left/a.jpg")[2] == "photosync folders --choose DCIM/left"
    assert told("Lab:DCIM/Camera/nothing.jpg")[0] == Verdict.UNKNOWN
    assert told("Lab:../x")[0] == Verdict.UNKNOWN

    filled.unplug()
    lab.eventually(lambda: told("Lab:DCIM/Camera/a.jpg")[1] == "phone_gone", "the cable")
    assert told("Lab:Download/a.jpg") == (left, "folder_not_chosen", choose)
    assert told("DCIM/left/a.jpg")[1] == "folder_not_chosen"
    assert told("DCIM/Camera/x.gif")[1] == "excluded"
    assert told("DCIM/Camera/notes.txt")[1] == "other_type"
    assert told("DCIM/Camera/a.jpg")[0] == act
