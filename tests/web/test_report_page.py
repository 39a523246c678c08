"""The page of ``report --html`` shows every name as it is, and obeys none."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import Finding, SourceKind, readable
from photosync.domain.states import State
from photosync.store.database import Database
from photosync.store.intake import Intake
from photosync.store.media import MediaItems
from photosync.store.sources import Sources
from tests.cli.conftest import NOW, Home
from tests.cli.conftest import home as home  # noqa: PLC0414 - a fixture

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "</style><style>body{display:none}",
    "&lt;b&gt;",
    "--><!-- \u202e",
]


class Tags(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("evil", HOSTILE)
def test_names_of_files_folders_phones_albums_and_errors_are_words(
    home: Home, tmp_path: Path, evil: str
) -> None:
    home.fill()
    name = evil.replace("/", "_")
    with Database(home.state_dir) as database:
        phone = Sources(database).register(SourceKind.PHONE, "R58", label=evil, album=evil)
        Sources(database).set_connected(phone.id, connected=True, now=NOW)
        paths = [f"{name}/{name}.jpg", f"DCIM/{name}.png"]
        intake, items = Intake(database), MediaItems(database)
        found = [Finding(path, 1000, NOW * 10**9, "image/jpeg") for path in paths]
        intake.add(phone.id, found, first=State.FOUND, now=NOW)
        claimed = items.claim(State.FOUND, worker="w", now=NOW, kind=SourceKind.PHONE)
        items.fail(claimed[0], code="refused", message=evil, now=NOW)
    target = tmp_path / "page.html"

    assert home.say("report", "--html", str(target)).code == 0

    page = Tags()
    page.feed(target.read_text("utf-8"))
    assert "script" not in page.names
    assert page.names.count("style") == 1
    assert all(value.startswith("data:") for key, value in page.attributes if key == "src")
    assert [key for key, _ in page.attributes if key.startswith("on")] == []
    assert readable(name).strip() in page.text, "files and folders are named as they are"
    assert readable(evil).strip() in page.text, "and so are phones"
