from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from photosync.cli.main import outcome
from photosync.daemon import lock
from photosync.domain.media import Finding
from photosync.domain.states import State
from photosync.store.control import Problem
from photosync.store.database import Database
from photosync.store.intake import Intake
from photosync.store.source_choices import SourceChoices
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Home


def test_status_before_anything_ran(home: Home) -> None:
    said = home.say("status", "--json")
    assert said.code == 3
    document = said.json
    assert document["version"] == 1
    assert document["daemon"] == {
        "running": False,
        "pid": None,
        "since": None,
        "state": "stopped",
    }
    assert document["items"]["total"] == 0
    assert [one["code"] for one in document["problems"]] == ["auth_required"]
    assert not home.state_dir.exists()  # looking leaves nothing behind


def test_status_without_settings_says_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not how to sign in, with a client beside a file that is not there."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    assert outcome(["status", "--json"]) == 3
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["hint"] == "Write one: photosync config init"


def test_status_accounts_for_every_item(home: Home) -> None:
    home.fill()
    home.sign_in()
    document = home.say("status", "--json").json
    items = dict(document["items"])
    assert items.pop("total") == 8 == sum(items.values())
    assert set(items.values()) == {1}
    assert document["bytes"] == {"done": 1000, "waiting": 2000}
    assert document["sources"][0]["items"] == 8
    assert document["sources"][0]["connected"]
    assert document["last_done_at"] == "2027-01-15T08:00:00Z"
    assert document["failed"][0]["code"] == "refused"


def test_status_in_words(home: Home) -> None:
    home.fill()
    home.sign_in()
    said = home.say("status")
    assert said.code == 4  # work waits and no daemon runs
    for words in ("not running", "in your library", "1 item failed", "Google says", "8"):
        assert words in said.out
    assert "\x1b" not in said.out


def test_status_keeps_its_promised_fields(home: Home) -> None:
    home.fill()
    document = home.say("status", "--json").json
    promised = {
        "version": None,
        "daemon": {"running", "pid", "since", "state"},
        "items": {*map(str, State), "total"},
        "bytes": {"done", "waiting"},
        "rate": {"bytes_per_second", "eta_seconds"},
        "quota": {"used", "limit", "resets_at"},
        "sources": {"kind", "address", "label", "connected", "last_seen_at", "items"},
        "problems": {"code", "message", "hint", "since"},
        "last_done_at": None,
    }
    for key, inner in promised.items():
        value = document[key]
        if inner is not None:
            value = value[0] if isinstance(value, list) else value
            assert inner <= value.keys(), key


@pytest.mark.parametrize(
    ("problem", "code", "state"),
    [
        (("storage_full", "library", True), 3, "blocked"),
        (("quota_exhausted", "library", False), 1, "waiting"),
        (("source_missing", "source", True), 3, "working"),
        (("watch_unavailable", "", False), 1, "working"),
    ],
)
def test_problems_show_in_status_and_exit_code(
    home: Home, problem: tuple[str, str, bool], code: int, state: str
) -> None:
    home.fill()
    home.sign_in()
    name, gate, needs_user = problem
    home.control().raise_problem(
        Problem(name, "", "Something is wrong.", "Do this.", gate, needs_user, 5, None)
    )
    with lock.held(home.state_dir, now=1):
        said = home.say("status", "--json")
        shown = home.say("status").out
    assert said.code == code
    assert said.json["daemon"]["state"] == state
    assert "Something is wrong." in shown
    assert "Do this." in shown


@pytest.mark.parametrize(("until", "words"), [(4_000_000_000, 1), (None, 0)])
def test_what_needs_you_says_when_it_is_tried_again(
    home: Home, until: int | None, words: int
) -> None:
    """Who has freed space, and sees that nothing happens, need not wonder for an hour."""
    home.fill()
    home.sign_in()
    home.control().raise_problem(
        Problem("storage_full", "", "No room.", "Free space.", "library", True, 5, until)
    )
    shown = home.say("status").out
    assert shown.count("The next try is at 2096-10-0") == words
    assert "No room." in shown


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        *(("phone_unauthorized", False), ("mirror_away", True), ("source_missing", False)),
        *(("bug", True), ("source_unknown", True)),
    ],
)
def test_what_the_last_run_met_is_looked_at_again_once_it_is_over(
    home: Home, name: str, stays: bool
) -> None:
    home.fill()
    home.sign_in()
    (home.pictures / "a.jpg").write_bytes(b"x")
    problem = Problem(name, "1", "Something is wrong.", "Do this.", "", True, 5, None)
    home.control().raise_problem(problem)
    with lock.held(home.state_dir, now=1):
        assert home.say("status").code == 3
    said = home.say("status", "--json")
    assert [one["code"] for one in said.json["problems"]] == [name] * stays
    assert said.code == (3 if stays else 4)


def test_a_folder_that_is_still_away_is_told(home: Home) -> None:
    home.fill()
    home.sign_in()
    problem = Problem("source_missing", "1", "Away.", "Mount it.", "source", True, 5, None)
    home.control().raise_problem(problem)
    assert home.say("status").code == 3, "it is as empty as a mount point"
    home.pictures.rmdir()
    assert home.say("status").code == 3


def test_what_waits_on_a_phone_that_is_away_is_no_work_for_a_daemon(home: Home) -> None:
    home.sign_in()
    with Database(home.state_dir) as database:
        database.migrate()
        source = Sources(database).register_phone("R58M", label="Pixel")
        found = [Finding("DCIM/a.jpg", 5, 5, "image/jpeg")]
        Intake(database).add(source.id, found, first=State.FOUND, now=1)
        for connected, code in ((False, 0), (True, 4)):
            Sources(database).set_connected(source.id, connected=connected, now=1)
            assert home.say("status").code == code
            page = home.say("show", "1").out
            assert ("Pixel is not plugged in." in page) is not connected
            assert ("photosync is not running" in page) is connected


def test_a_rest_that_is_over_is_told_only_while_something_waits(home: Home) -> None:
    home.fill()
    home.sign_in()
    over = Problem("server_trouble", "", "Trouble.", "", "library", False, 5, 6)
    home.control().raise_problem(over)
    assert [one["code"] for one in home.say("status", "--json").json["problems"]] == [over.code]

    assert home.say("skip", "--state", "uploaded").code == 0
    assert home.say("skip", "--all").code == 0
    assert home.say("status", "--json").json["problems"] == []


def test_pause_and_resume(home: Home) -> None:
    home.fill()
    home.sign_in()
    assert home.say("pause", "the line is slow").code == 0
    with lock.held(home.state_dir, now=1):
        assert home.say("status", "--json").json["daemon"]["state"] == "paused"
        assert "the line is slow" in home.say("status").out
    assert home.say("resume", "--json").json == {
        "version": 1,
        "paused": False,
        "was_paused": True,
    }
    assert "It was not paused." in home.say("resume").out


def test_list_shows_names_that_are_no_text(home: Home) -> None:
    numbers = home.fill()
    said = home.say("list", "--json")
    assert said.code == 0
    by_id = {one["id"]: one for one in said.json["items"]}
    found = by_id[numbers[State.FOUND]]
    assert found["path"] == "found \ufffd .jpg"
    assert found["path_base64"] == "Zm91bmQg/wouanBn"
    assert "path_base64" not in by_id[numbers[State.DONE]]
    assert "secret-token" not in said.out


def test_list_filters(home: Home) -> None:
    numbers = home.fill()
    assert [one["id"] for one in home.say("list", "--state", "failed", "--json").json["items"]] == [
        numbers[State.FAILED]
    ]
    for source in ("pictures", "1", str(home.pictures)):
        assert len(home.say("list", "--source", source, "--json").json["items"]) == 8
    assert home.say("list", "--source", "nobody").code == 2
    page = home.say("list", "--limit", "3", "--json").json
    assert page["more"]
    assert len(page["items"]) == 3
    last = page["items"][-1]["id"]
    rest = home.say("list", "--before", str(last), "--json").json["items"]
    assert len(rest) == 5
    assert f"--before {last}" in home.say("list", "--limit", "3").out
    assert "No items." in home.say("list", "--before", "1").out


def test_show_tells_the_history(home: Home) -> None:
    numbers = home.fill()
    page = home.say("show", str(numbers[State.DONE]), "--json").json["item"]
    assert [one["after"] for one in page["history"]] == ["found", "mirrored", "uploaded", "done"]
    assert page["google_id"] == "google-1"
    for state, number in numbers.items():
        said = home.say("show", str(number))
        assert said.code == 0
        assert str(state) in said.out
        assert "secret-token" not in said.out
        assert "\x1b" not in said.out


def test_an_unknown_item(home: Home) -> None:
    assert home.say("show", "7").code == 2
    home.fill()
    said = home.say("show", "999")
    assert (said.code, "There is no item 999." in said.err) == (2, True)


def test_retry_skip_and_choose(home: Home) -> None:
    numbers = home.fill()

    def state_of(state: State) -> str:
        page = home.say("show", str(numbers[state]), "--json").json
        return str(page["item"]["state"])

    assert home.say("retry", str(numbers[State.FAILED])).code == 0
    assert state_of(State.FAILED) == "mirrored"
    assert home.say("skip", str(numbers[State.FOUND]), str(numbers[State.HELD])).code == 0
    assert state_of(State.FOUND) == state_of(State.HELD) == "skipped"
    assert home.say("choose", "--state", "skipped").code == 0
    assert state_of(State.FOUND) == state_of(State.HELD) == "found"


def test_a_choice_that_cannot_be_made_says_why(home: Home) -> None:
    numbers = home.fill()
    said = home.say("skip", str(numbers[State.DONE]), str(numbers[State.HELD]), "--json")
    assert said.code == 1
    assert said.json["changed"] == [numbers[State.HELD]]
    assert "done" in said.json["refused"][str(numbers[State.DONE])]


@pytest.mark.parametrize("arguments", [[], ["--all", "1"], ["--all", "--state", "failed"]])
def test_which_items_has_to_be_said_once(home: Home, arguments: list[str]) -> None:
    home.fill()
    said = home.say("retry", *arguments)
    assert said.code == 2
    assert "Say which items" in said.err


def test_what_is_left_out_since_it_failed_is_tried_only_by_its_number(home: Home) -> None:
    numbers = home.fill()
    failed = numbers[State.FAILED]
    with Database(home.state_dir) as database:
        (source,) = Sources(database).all()
        SourceChoices(database).set_left(source.id, is_left=True)
    for how in (["--all"], ["--state", "failed"]):
        said = home.say("retry", *how, "--json").json
        assert (said["changed"], said["left_out"]) == ([], [failed])
    assert "1 failed item is left out by now" in home.say("retry", "--all").out
    assert home.say("retry", str(failed), "--json").json["changed"] == [failed]


def test_all_means_what_it_applies_to(home: Home) -> None:
    numbers = home.fill()
    assert home.say("retry", "--all", "--json").json["changed"] == [numbers[State.FAILED]]
    assert home.say("choose", "--all", "--json").json["changed"] == [numbers[State.HELD]]


def test_config_verbs(home: Home) -> None:
    fresh = home.folder / "new" / "config.toml"
    home.config.rename(home.folder / "old.toml")
    home.config = fresh
    assert str(fresh) in home.say("config", "init").out
    again = home.say("config", "init")
    assert (again.code, "stays as it is" in again.err) == (2, True)
    assert home.say("config", "path").out.strip() == str(fresh)
    checked = home.say("config", "check")
    assert (checked.code, "No folder is watched" in checked.out) == (0, True)
    settings = home.say("config", "show", "--json").json["settings"]
    assert {"key": "upload.workers", "value": "4", "origin": "default"} in settings
    assert "upload.workers" in home.say("config", "show").out
    fresh.write_text('[[folder]]\npath = "/not/there"\n')
    assert "/not/there is not there" in home.say("config", "check").out


def test_a_mistake_in_the_settings_is_json_too(home: Home) -> None:
    home.config.write_text("nonsense = 1")
    said = home.say("status", "--json")
    assert said.code == 2
    assert json.loads(said.out)["error"]["code"] == "settings"


def test_a_bug_is_owned_up_to(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.fill()

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("photosync.app.report.status", broken)
    said = home.say("status")
    assert said.code == 1
    assert "that is a bug" in said.err


def test_run_needs_a_folder(home: Home) -> None:
    home.config.write_text(f'state_dir = "{home.state_dir}"\n[phone]\nenabled = false\n')
    said = home.say("run")
    assert said.code == 2
    assert "names no folder" in said.err


def test_numbers_that_no_item_can_have_are_no_bug(home: Home) -> None:
    for words in (["show"], ["skip"], ["retry"], ["choose"], ["list", "--before"]):
        said = home.say(*words, str(2**63))
        assert said.code == 2
        assert "Traceback" not in said.err


def test_a_place_that_cannot_be_is_the_commands_and_no_setting(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOTOSYNC_BACKUP__TO", "")  # put back afterwards
    said = home.say("backup", "--to", str(home.pictures))
    assert said.code == 2
    assert said.err.startswith(f'photosync: --to = "{home.pictures}"')
    assert "PHOTOSYNC_" not in said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("report", "--by", "year"),
            '--by "year": that is not possible (allowed: folder or month).',
        ),
        (("restore", "3", "abc"), 'ITEM "abc": that is not possible (allowed: a whole number).'),
        (("show", "abc"), 'ITEM "abc": that is not possible (allowed: a whole number).'),
        (
            ("list", "--limit", "0"),
            '--limit "0": that is not possible (allowed: a whole number from 1',
        ),
        (("list", "--limit", "1" + "0" * 80), "that is not possible (allowed: a whole number"),
        (("auth", "--port", "99999"), "(allowed: a whole number up to 65,535)"),
        (("list", "--state", "a\x1b[31mb"), "(allowed: held, found, mirrored, uploaded, done, "),
    ],
)
def test_a_value_that_cannot_be_is_told_in_plain_words(
    home: Home, arguments: tuple[str, ...], words: str
) -> None:
    """What is wrong and what is allowed, and no word of the libraries that looked at it."""
    said = home.say(*arguments)

    assert said.code == 2
    assert words in said.err
    assert f"{arguments[0]} --help explains it." in said.err
    assert not any(word in said.err for word in ("Value error", "Input should", "parse", "\x1b"))
    assert max(map(len, said.err.splitlines())) < 160
    told = home.say(*arguments, "--json").json["error"]
    assert told["code"] == "settings"
    assert words in told["message"]
