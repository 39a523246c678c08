"""Mistakes in settings, each as one sentence with its place, value and cure."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from photosync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

PREFIX = "PHOTOSYNC_"
OWN_VARIABLES = frozenset({"PHOTOSYNC_CONFIG", "PHOTOSYNC_REQUIRE_ALL"})

KEYS: dict[str, frozenset[str]] = {
    "": frozenset({"state_dir", "google", "folder", "select", "upload"}),
    "google": frozenset(
        {"client_secret_file", "token_file", "api_url", "daily_requests", "writes_per_minute"}
    ),
    "folder": frozenset({"path", "album"}),
    "select": frozenset({"mode", "include", "exclude", "since"}),
    "upload": frozenset({"workers", "resumable_above", "chunk"}),
}
"""Every setting that this version knows; a test holds it and the model together."""

TO_COME: dict[str, frozenset[str]] = {
    "": frozenset({"phone", "mirror", "backup", "web", "notify"}),
    "upload": frozenset({"max_rate", "hours", "fix_dates"}),
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with the value of one key (or variable), and what is allowed."""

    key: str
    value: str
    wrong: str
    cure: str

    def __str__(self) -> str:
        value = f" = {self.value}" if self.value else ""
        return f"{self.key}{value}: {self.wrong} ({self.cure})"


def raise_all(mistakes: list[Mistake], file: Path | None) -> None:
    """Nothing, if there are none.

    Raises:
        SettingsError: With all of them.
    """
    if not mistakes:
        return
    where = "the environment" if file is None else str(file)
    lines = [f"{one}." for one in dict.fromkeys(map(str, mistakes))]
    if len(lines) == 1:
        raise SettingsError(
            f"In {where}: {lines[0]}", hint="See all settings: photosync config init"
        )
    listed = "\n".join(f"  {line}" for line in lines)
    raise SettingsError(
        f"In {where} there are {len(lines)} mistakes:\n{listed}",
        hint="photosync config init writes a file in which every setting is explained.",
    )


def unknown_keys(content: Mapping[str, Any]) -> Iterator[Mistake]:
    """Keys of a settings file that this version does not know."""
    for key, value in content.items():
        mistake = _unknown("", key)
        if mistake is not None:
            yield mistake
        for table in _tables(value) if key in KEYS else ():
            yield from filter(None, (_unknown(key, inner) for inner in table))


def of_environment(environ: Mapping[str, str]) -> Iterator[Mistake]:
    """Variables that begin like ours and lead to no setting."""
    for name in environ:
        if not name.startswith(PREFIX) or name in OWN_VARIABLES:
            continue
        table, _, key = name.removeprefix(PREFIX).lower().partition("__")
        mistake = _unknown(table, key) if key and table in KEYS else _unknown("", table)
        if mistake is not None:
            yield Mistake(name, "", mistake.wrong, mistake.cure)


def of_validation(error: ValidationError, environ: Mapping[str, str]) -> Iterator[Mistake]:
    """What pydantic found, in our words."""
    for detail in error.errors():
        if detail["type"] == "extra_forbidden":
            continue  # told by unknown_keys, with a suggestion
        location = [part for part in detail["loc"] if not str(part).startswith("function-")]
        key = _key(location)
        variable = PREFIX + "__".join(str(part) for part in location).upper()
        shown = variable if variable in environ else key
        yield Mistake(shown, _value(detail), _wrong(detail), _allowed(detail))


def _tables(value: Any) -> Iterable[Mapping[str, Any]]:
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, dict)]


def _unknown(table: str, key: str) -> Mistake | None:
    known = KEYS[table]
    if key in known:
        return None
    name = f"{table}.{key}" if table else key
    if key in TO_COME.get(table, ()):
        return Mistake(name, "", "not in this version yet", "remove it")
    close = difflib.get_close_matches(key, known, 1) or _elsewhere(key)
    cure = f"did you mean {close[0]}?" if close else f"known: {', '.join(sorted(known))}"
    return Mistake(name, "", "there is no such setting", cure)


def _elsewhere(key: str) -> list[str]:
    return [f"{table}.{key}" for table, keys in KEYS.items() if table and key in keys]


def _key(location: list[Any]) -> str:
    text = ""
    for part in location:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _value(detail: ErrorDetails) -> str:
    value = detail.get("input")
    if detail["type"] == "missing":
        return ""
    return f'"{value}"' if isinstance(value, str) else str(value)


def _wrong(detail: ErrorDetails) -> str:
    return "it is missing" if detail["type"] == "missing" else "that is not possible"


def _allowed(detail: ErrorDetails) -> str:
    """What may stand there."""
    kind, context = detail["type"], detail.get("ctx", {})
    told: dict[str, Callable[[], str]] = {
        "value_error": lambda: f"allowed: {context['error']}",
        "literal_error": lambda: f"allowed: {context['expected']}",
        "greater_than_equal": lambda: f"allowed: {context['ge']} or more",
        "less_than_equal": lambda: f"allowed: {context['le']} or less",
        "string_too_short": lambda: "it may not be empty",
        "string_too_long": lambda: f"allowed: {context['max_length']} characters at most",
        "missing": lambda: "add it",
        "list_type": lambda: "allowed: a list; folders are written as [[folder]]",
        "bool_type": lambda: "allowed: true or false",
        "string_type": lambda: 'allowed: a text in "quotes"',
        "model_type": lambda: "allowed: a table of settings",
    }
    if kind in told:
        return told[kind]()
    if kind.startswith("int"):
        return "allowed: a whole number"
    if kind.startswith("date"):
        return 'allowed: a date like "2026-11-23"'
    return f"allowed: {detail['msg']}"
