"""Paths in the settings: made absolute, and checked against each other.

Works on what is written, before the model has seen it, so that these mistakes are told together
with all others. A folder that is not there is no mistake: its disk may not be mounted.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosync.config.environment import whence
from photosync.config.files import can_be_path, default_state_dir
from photosync.config.mistakes import Mistake, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STATE = "state_dir"
MIRROR = "mirror.path"
USUAL_MIRROR = "~/Pictures/photosync"
RESTORED = "web.restore_to"
USUAL_RESTORED = "~/photosync-restored"
NO = frozenset({"0", "off", "f", "false", "n", "no"})
"""What pydantic takes for false."""

BACKUP = "backup.to"
KEY_FILES = ("passphrase_file", "identity_file")
GOOGLE_FILES = ("client_secret_file", "token_file")


@dataclass(frozen=True, slots=True)
class _Named:
    """A path that somebody wrote. ``real``: where it leads, through all symlinks."""

    place: str
    key: str
    text: str
    real: Path

    def mistake(self, wrong: str, cure: str) -> Mistake:
        return Mistake(self.place, self.key, written(self.text), wrong, cure)


def absolute(text: str, file: Path | None, environ: Mapping[str, str]) -> Path:
    """``text`` below the home folder for ``~``, else beside the settings file.

    "." and ".." are gone by their spelling; symlinks stay as they are written.

    Raises:
        RuntimeError: ``~`` or ``~name`` leads to nobody's home.
    """
    home = environ.get("HOME", "")
    if home.startswith("/") and (text == "~" or text.startswith("~/")):
        path = Path(home) / text[2:]
    else:
        path = Path(text).expanduser()
    beside = Path.cwd() if file is None else file.absolute().parent
    return Path(os.path.abspath(beside / path))  # noqa: PTH100 - resolve() would follow symlinks


def path_mistakes(
    content: Mapping[str, Any], file: Path | None, environ: Mapping[str, str]
) -> list[Mistake]:
    """What is wrong with the paths, by themselves and among each other.

    Raises:
        SettingsError: No ``state_dir`` is named, and there is no home folder for one.
    """
    mistakes: list[Mistake] = []
    named: dict[str, _Named] = {}
    for key, keys, text in _texts(content):
        place, shown = whence(environ, file, key, *keys)
        try:
            real = Path(os.path.realpath(absolute(text, file, environ)))
        except RuntimeError:
            wrong, cure = "nobody's home folder is there", "write the whole path"
            mistakes.append(Mistake(place, shown, written(text), wrong, cure))
        else:
            named[key] = _Named(place, shown, text, real)
    folders = [one for key, one in named.items() if key.startswith("folder")]
    return [
        *mistakes,
        *_among_folders(folders),
        *_with_state(folders, named.get(STATE), content, environ),
        *_with_mirror(folders, named.get(MIRROR) or _usual_mirror(content, environ)),
        *_with_backup(folders, named, content, environ),
        *_mirror_in_state(named.get(MIRROR), named.get(STATE), environ),
        *_with_restored(named, content, environ),
    ]


def _texts(content: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """(key, its names, text) of every path that is written as a text at all."""
    table = content.get("google")
    google = table if isinstance(table, dict) else {}
    found: list[tuple[str, tuple[str, ...], Any]] = [(STATE, (STATE,), content.get(STATE))]
    found += [(f"google.{key}", ("google", key), google.get(key)) for key in GOOGLE_FILES]
    table = content.get("mirror")
    if isinstance(table, dict):
        found.append((MIRROR, ("mirror", "path"), table.get("path")))
    table = content.get("web")
    if isinstance(table, dict):
        found.append((RESTORED, ("web", "restore_to"), table.get("restore_to")))
    folders = content.get("folder")
    table = content.get("backup")
    if isinstance(table, dict):
        found += [(f"backup.{key}", ("backup", key), table.get(key)) for key in KEY_FILES]
        to = table.get("to")
        if isinstance(to, str):
            found.append((BACKUP, ("backup", "to"), local_part(to)))
    for number, folder in enumerate(folders if isinstance(folders, list) else (), start=1):
        if isinstance(folder, dict):
            found.append((f"folder[{number}].path", ("folder",), folder.get("path")))
    for key, keys, text in found:
        if isinstance(text, str) and text.strip() and can_be_path(text):
            yield key, keys, text


def _among_folders(folders: list[_Named]) -> Iterator[Mistake]:
    for number, one in enumerate(folders):
        yield from _no_folder(one)
        for other in folders[:number]:
            if one.real == other.real:
                yield one.mistake(f"the same folder is {other.key}", "remove one of them")
            elif one.real in other.real.parents or other.real in one.real.parents:
                words = f"this and {other.key} ({written(other.text)}) lie one in the other"
                yield one.mistake(words, "keep the outer one")


def _with_state(
    folders: list[_Named],
    named: _Named | None,
    content: Mapping[str, Any],
    environ: Mapping[str, str],
) -> Iterator[Mistake]:
    if named is not None:
        yield from _no_folder(named)
    elif content.get(STATE, "") != "":
        return  # what stands there is no path: the model says so
    state_dir = named.real if named else Path(os.path.realpath(default_state_dir(environ)))
    for one in folders:
        if one.real == state_dir or state_dir in one.real.parents:
            words = "photosync keeps its own state there (state_dir)"
            yield one.mistake(words, "name another folder, or set state_dir")
        elif one.real in state_dir.parents and not _is_hidden(one.real, state_dir):
            words = f"photosync's own state_dir lies in it: {written(str(state_dir))}"
            yield one.mistake(words, "name a folder that holds only photos, or set state_dir")


def _with_mirror(folders: list[_Named], mirror: _Named | None) -> Iterator[Mistake]:
    """The mirror may lie in a watched folder, which leaves it out then; not the other way."""
    if mirror is None:
        return
    if mirror.place:  # else nobody wrote it
        yield from _no_folder(mirror)
    for one in folders:
        if mirror.real == one.real or mirror.real in one.real.parents:
            words = "copies of phones go there (mirror.path)"
            yield one.mistake(words, "name another folder, or set mirror.path")


def local_part(to: str) -> str:
    """The path in ``backup.to`` if it is on this machine, else ""."""
    scheme, url, rest = to.partition("://")
    if not url:
        return to
    return rest if scheme in ("file", "local") else ""


def backup_path(to: str, file: Path | None, environ: Mapping[str, str]) -> str:
    """``backup.to`` made absolute if it is a path, else ""."""
    text = local_part(to)
    return str(absolute(text, file, environ)) if text else ""


def _with_backup(
    folders: list[_Named],
    named: Mapping[str, _Named],
    content: Mapping[str, Any],
    environ: Mapping[str, str],
) -> Iterator[Mistake]:
    """The second copy lies apart: else it would be backed up itself, or die with the first."""
    backup, state = named.get(BACKUP), named.get(STATE)
    if backup is None:
        return
    yield from _no_folder(backup)
    mirror = named.get(MIRROR) or _usual_mirror(content, environ)
    state_dir = state.real if state else Path(os.path.realpath(default_state_dir(environ)))
    others = [(one.real, f"{one.key} ({written(one.text)})") for one in folders]
    if mirror is not None:
        others.append((mirror.real, f"{MIRROR} ({written(mirror.text)})"))
    for real, words in others:
        if backup.real == real or _one_in_the_other(backup.real, real):
            yield backup.mistake(f"this and {words} lie one in the other", "name another folder")
    if backup.real == state_dir or state_dir in backup.real.parents:
        words = "photosync keeps its own state there (state_dir)"
        yield backup.mistake(words, "name another folder")


def _with_restored(
    named: Mapping[str, _Named], content: Mapping[str, Any], environ: Mapping[str, str]
) -> Iterator[Mistake]:
    """What the web page puts back never lies among what photosync keeps for itself."""
    restored = named.get(RESTORED)
    if restored is None:
        return
    yield from _no_folder(restored)
    mirror = named.get(MIRROR) or _usual_mirror(content, environ)
    state = named.get(STATE)
    state_dir = state.real if state else Path(os.path.realpath(default_state_dir(environ)))
    kept = [(state_dir, "photosync keeps its own state there (state_dir)")]
    if mirror is not None:
        kept.append((mirror.real, "copies of phones go there (mirror.path)"))
    if BACKUP in named:
        kept.append((named[BACKUP].real, "the second copy lies there (backup.to)"))
    for real, words in kept:
        if restored.real == real or real in restored.real.parents:
            yield restored.mistake(words, "name another folder")


def _one_in_the_other(one: Path, other: Path) -> bool:
    return one in other.parents or other in one.parents


def _usual_mirror(content: Mapping[str, Any], environ: Mapping[str, str]) -> _Named | None:
    """Where copies go if nobody says so; None if there are none, or nobody knows where."""
    table = content.get("mirror")
    if isinstance(table, dict) and table.get("path") is not None:
        return None  # what stands there is no path: the model says so
    phone = content.get("phone")
    enabled = phone.get("enabled", True) if isinstance(phone, dict) else True
    if str(enabled).strip().lower() in NO:
        return None
    try:
        real = Path(os.path.realpath(absolute(USUAL_MIRROR, None, environ)))
    except RuntimeError:
        return None
    return _Named("", MIRROR, USUAL_MIRROR, real)


def _mirror_in_state(
    mirror: _Named | None, state: _Named | None, environ: Mapping[str, str]
) -> Iterator[Mistake]:
    if mirror is None:
        return
    state_dir = state.real if state else Path(os.path.realpath(default_state_dir(environ)))
    if mirror.real == state_dir or state_dir in mirror.real.parents:
        words = "photosync keeps its own state there (state_dir)"
        yield mirror.mistake(words, "name another folder")


def _is_hidden(above: Path, below: Path) -> bool:
    """Whether a folder on the way is hidden, so that nothing in it is ever looked at."""
    return any(part.startswith(".") for part in below.relative_to(above).parts)


def _no_folder(one: _Named) -> Iterator[Mistake]:
    # os.path's never raise: a folder that may not be looked at is told when it is read
    if os.path.exists(one.real) and not os.path.isdir(one.real):  # noqa: PTH110, PTH112 - see above
        yield one.mistake("that is no folder", "name a folder")
