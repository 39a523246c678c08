"""What ``report`` says, and what it does not say twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosync.store.database import Database

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Home


def test_what_failed_is_told_of_once(home: Home) -> None:
    home.fill()

    said = home.say("report").out

    assert said.count("Google says") == 1
    assert "Not on its way to the library" not in said, "all of it lies in one place, or none"
    found = home.say("report", "--json").json
    assert {one["fate"] for one in found["stopped"]} == {"failed", "held"}


def test_with_a_page_its_place_and_what_it_comes_to_are_all(home: Home, tmp_path: Path) -> None:
    home.fill()
    page = tmp_path / "where.html"

    lines = home.say("report", "--html", str(page)).out.splitlines()

    assert lines[0] == f"Written: {page}"
    assert lines[1].startswith("8 photos and videos: ")
    assert lines[1].endswith(" 2 not on their way to the library.")
    assert len(lines) == 2
    assert "Google says" in page.read_text("utf-8")


def test_without_anything_known_there_is_no_empty_table(home: Home) -> None:
    home.state_dir.mkdir(mode=0o700)
    with Database(home.state_dir) as database:
        database.migrate()

    nothing = "photosync has not found anything yet. Start it: photosync run"
    assert home.say("report").out == f"{nothing}\n"
    page = home.folder / "where.html"
    assert home.say("report", "--html", str(page)).out == f"Written: {page}\n{nothing}\n"
