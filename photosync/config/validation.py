"""Holds the merged settings against the model, and says in our words what does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from photosync.config.environment import whence
from photosync.config.keys import KEYS, UNTOLD, unknown_key
from photosync.config.mistakes import Mistake, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from photosync.config.model import Written


HIDDEN = "***"
PLAIN = {
    "string_type": 'a text in "quotes"',
    "dict_type": 'a table like {endpoint_url = "https://s3.example"}',
}


def validated(
    content: Mapping[str, Any],
    file: Path | None,
    environ: Mapping[str, str],
    mistakes: list[Mistake],
) -> Written | None:
    """The settings, or None with what is wrong added to ``mistakes``.

    Keys like ``_env_prefix`` are kept from pydantic-settings, which would obey them. They can
    only stand in the file.
    """
    from pydantic import ValidationError

    from photosync.config.model import Written

    private = [key for key in content if key.startswith("_")]
    mistakes += [_unknown(str(file), key, "", key) for key in private]
    try:
        return Written.model_validate({key: content[key] for key in content if key not in private})
    except ValidationError as error:
        mistakes += _in_our_words(error, file, environ)
    return None


def _in_our_words(
    error: ValidationError, file: Path | None, environ: Mapping[str, str]
) -> Iterator[Mistake]:
    for detail in error.errors():
        location = [*detail["loc"]]
        names = [one for one in location[:2] if isinstance(one, str)]
        yield _mistake(*whence(environ, file, _key(location), *names), location, detail)


def _mistake(place: str, key: str, location: list[str | int], detail: ErrorDetails) -> Mistake:
    if detail["type"] == "extra_forbidden":
        names = [one for one in location if isinstance(one, str)]
        table = names[0] if len(names) > 1 else ""
        return _unknown(place, key, table if table in KEYS else "", names[-1])
    if detail["type"] == "missing":
        return Mistake(place, key, "", "it is missing", "add it")
    setting = ".".join(one for one in location[:2] if isinstance(one, str))
    value = HIDDEN if setting in UNTOLD else written(detail["input"])
    return Mistake(place, key, value, "that is not possible", f"allowed: {_allowed(key, detail)}")


def _unknown(place: str, key: str, table: str, name: str) -> Mistake:
    unknown = unknown_key(table, name)
    return Mistake(place, key, "", unknown.wrong, unknown.cure)


def _key(location: list[str | int]) -> str:
    """``folder[2].path``: people count from one."""
    text = ""
    for part in location:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _allowed(key: str, detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "literal_error":
        return str(detail["ctx"]["expected"]).replace("'", '"')
    if kind in PLAIN:
        return PLAIN[kind]
    if kind == "list_type":
        return (
            "folders, each under a [[folder]] of its own"
            if key == "folder"
            else 'a list like ["*.png"]'
        )
    if kind in {"model_type", "model_attributes_type"}:
        return f"a table, [{key}]" if key in KEYS else 'a table like {path = "/photos"}'
    return detail["msg"]
