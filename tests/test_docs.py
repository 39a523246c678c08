"""The README tells of every verb, setting and exit code, and of nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from photosync.cli import result
from photosync.cli.main import app
from photosync.config.model import Written
from photosync.domain.states import State

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def verbs() -> list[str]:
    """Every verb as it is typed."""
    found = []
    for name, command in sorted(get_command(app).commands.items()):  # type: ignore[attr-defined]  # a group has them
        inner = getattr(command, "commands", None)
        found += [f"{name} {one}" for one in inner] if inner else [name]
    return found


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_is_in_the_readme(verb: str) -> None:
    assert f"`photosync {verb}" in README


def test_the_readme_tells_of_no_other_verb() -> None:
    told = set(re.findall(r"^\| `photosync ((?:(?:config|service) )?[\w-]+)", README, re.MULTILINE))
    assert told == set(verbs())


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_takes_what_every_verb_takes(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from photosync.cli.main import outcome

    assert outcome([*verb.split(), "--help"]) == 0
    told = capsys.readouterr().out
    for option in ("--config", "--json", "--verbose"):
        assert option in told


def test_every_setting_is_in_the_readme() -> None:
    rows = re.findall(r"^\| `.*?\|", README, re.MULTILINE)
    for table, field in Written.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        for name in [f"{table}.{key}" for key in inner] if inner else [table]:
            assert any(f"`{name}`" in row or f"`[[{name}]]`" in row for row in rows), name


def test_every_exit_code_and_state_is_in_the_readme() -> None:
    for code in (result.DONE, result.FAILED, result.USAGE, result.USER_MUST_ACT, 4):
        assert f"\n| {code} | " in README
    for state in State:
        assert f"\n| `{state}` | " in README


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
