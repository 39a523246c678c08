"""``photosync web``, while nothing runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from photosync.cli.main import app
from photosync.web.door import Door

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "correct horse battery"


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(
        f'state_dir = "{tmp_path}/state"\n[phone]\nenabled = false\n'
        '[web]\npassword_file = "web-password"\n'
    )
    return file


def run(*arguments: str, said: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(app, ["web", *arguments], input=said)
    return done.exit_code, done.stdout


def test_a_password_is_asked_for_twice_and_written(settings_file: Path) -> None:
    code, text = run("--password", "--config", str(settings_file), said=f"{PASSWORD}\n{PASSWORD}\n")
    assert code == 0
    assert PASSWORD not in text
    file = settings_file.with_name("web-password")
    assert file.stat().st_mode & 0o777 == 0o600
    assert Door(file).sign_in(PASSWORD)


def test_a_password_needs_a_place(settings_file: Path) -> None:
    settings_file.write_text(settings_file.read_text().replace("password_file", "# "))
    code, text = run("--password", "--config", str(settings_file))
    assert code == 2
    assert "password_file" in text


def test_a_daemon_that_does_not_run_has_no_page(settings_file: Path) -> None:
    code, text = run("--json", "--config", str(settings_file))
    told = json.loads(text)
    assert (code, told["address"]) == (1, None)
    assert "photosync run" in told["reason"]
