"""What is said while nobody has signed in: where to do it, by what is there."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from photosync import config
from photosync.app import report
from photosync.app.not_signed_in import not_signed_in
from photosync.app.signing_in import SigningIn
from photosync.app.state import WEB_PORT, opened
from photosync.daemon import lock
from photosync.store.control import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from photosync.config import Settings

NOW = 1_700_000_000
CLIENT = {
    "client_id": "x",
    "client_secret": "y",
    "auth_uri": "https://accounts.google.com/o/oauth2/auth",
    "token_uri": "https://oauth2.googleapis.com/token",
}
TOKEN = {
    "token_uri": "https://oauth2.googleapis.com/token",
    **dict.fromkeys(("refresh_token", "client_id", "client_secret"), "x"),
}
IN_A_TERMINAL = "Sign in: photosync auth"


def settings_in(folder: Path, *, web: str = "", has_client: bool = True) -> Settings:
    file = folder / "config.toml"
    file.write_text(
        f'state_dir = "state"\n[[folder]]\npath = "{folder}/Pictures"\n[phone]\nenabled = false\n'
        f"[web]\n{web}"
    )
    if has_client:
        (folder / "client_secret.json").write_text(json.dumps({"installed": CLIENT}))
    return config.load(file, {"HOME": str(folder)})


def test_before_anything_ran_the_terminal_is_named(tmp_path: Path) -> None:
    told = not_signed_in(settings_in(tmp_path), None)

    assert str(told) == f"photosync is not signed in to Google Photos. {IN_A_TERMINAL}"


@pytest.mark.parametrize(
    ("web", "runs", "port", "hint"),
    [
        ("", True, "8642", "Sign in at http://127.0.0.1:8642/signin, or: photosync auth"),
        ('host = "::1"', True, "7", "Sign in at http://[::1]:7/signin, or: photosync auth"),
        (
            'host = "localhost"',
            True,
            "7",
            "Sign in at http://localhost:7/signin, or: photosync auth",
        ),
        (
            'host = "0.0.0.0"\npassword_file = "p"',
            True,
            "7",
            "Sign in at http://127.0.0.1:7/signin, or: photosync auth",
        ),
        ('host = "192.168.1.5"\npassword_file = "p"', True, "7", IN_A_TERMINAL),
        ('host = "nas.example"\npassword_file = "p"', True, "7", IN_A_TERMINAL),
        ("enabled = false", True, "7", IN_A_TERMINAL),
        ("", True, None, IN_A_TERMINAL),
        ("", False, "7", IN_A_TERMINAL),
    ],
)
def test_the_page_is_named_where_it_is_up_and_of_use(
    tmp_path: Path, web: str, port: str | None, hint: str, *, runs: bool
) -> None:
    settings = settings_in(tmp_path, web=web)
    with opened(settings) as state, ExitStack() as stack:
        if port is not None:
            state.control.set_flag(WEB_PORT, port, now=NOW)
        if runs:
            stack.enter_context(lock.held(settings.state_dir, now=NOW))
        told = not_signed_in(settings, state)

    assert told.hint == hint
    assert ("photos are found and copied" in told.message) == runs


def test_without_a_client_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    told = not_signed_in(settings_in(tmp_path, has_client=False), None)

    assert told.hint.startswith(f"There is no OAuth client at {tmp_path}/client_secret.json.")
    assert told.hint.endswith("photosync auth --client-secret FILE")


def problem(message: str) -> Problem:
    return Problem(
        "auth_required", "", message, "old", "library", needs_user=True, since=5, until=None
    )


def test_status_says_it_as_it_is_now_and_once(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with opened(settings) as state:
        state.control.raise_problem(problem("The sign-in has expired or was revoked."))
        (told,) = report.status(settings, state, now=NOW)["problems"]

        assert told["message"] == "photosync is not signed in to Google Photos."
        assert told["hint"] == IN_A_TERMINAL
        assert told["since"].startswith("1970")


def token_of(settings: Settings, mode: int = 0o600, content: str = json.dumps(TOKEN)) -> None:
    """A token that is put there by hand."""
    settings.google.token_file.write_text(content)
    settings.google.token_file.chmod(mode)


@pytest.mark.parametrize(
    ("mode", "content", "message", "hint"),
    [
        (0o644, json.dumps(TOKEN), "is open to others on this computer", "chmod 600"),
        (0o600, json.dumps(TOKEN)[:50], "is damaged.", "photosync auth"),
        (0o600, "{}", "is not complete.", "photosync auth"),
    ],
)
def test_of_a_token_that_is_no_good_it_is_said_why(
    tmp_path: Path, mode: int, content: str, message: str, hint: str
) -> None:
    """Nothing is sent with it, so that nothing else could tell; and a click may give another."""
    settings = settings_in(tmp_path)
    with opened(settings) as state:
        state.control.raise_problem(problem("photosync is not signed in to Google Photos: x."))
        token_of(settings, mode, content)
        (told,) = report.status(settings, state, now=NOW)["problems"]
        assert message in told["message"]
        assert hint in told["hint"]
        assert SigningIn(settings, state, back=str).is_needed()
        token_of(settings)
        assert not SigningIn(settings, state, back=str).is_needed()


def test_a_token_that_came_by_any_way_puts_an_end_to_it_but_not_to_a_dead_one(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path)
    with opened(settings) as state:
        token_of(settings)
        state.control.raise_problem(problem("photosync is not signed in to Google Photos: x."))
        assert report.status(settings, state, now=NOW)["problems"] == []
        state.control.raise_problem(problem("The sign-in has expired or was revoked."))
        assert len(report.status(settings, state, now=NOW)["problems"]) == 1
