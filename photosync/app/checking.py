"""What ``config`` tells beyond the file itself: keys that are none, and choices made elsewhere."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

from photosync import config
from photosync.app.signing_in import client_file
from photosync.app.state import looked_at
from photosync.backup import keys as key_files
from photosync.config import Mistake, Shown, raise_all, whence
from photosync.domain.media import SourceKind, readable
from photosync.errors import PhotosyncError, SettingsError
from photosync.store.source_choices import SourceChoices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from photosync.app.state import State
    from photosync.config import Settings

OTHERS = 0o077
PAGE = "page"
AUTH = "auth"
CLIENT = "google.client_secret_file"
SWITCHED_OFF = "switched off: nothing new is taken"


def check_keys(settings: Settings, environ: Mapping[str, str]) -> None:
    """See to it that what is to seal the second copy can do so, and is kept to oneself.

    Raises:
        SettingsError: With every key and file that is no use.
    """
    raise_all(_mistakes(settings, environ))


def _mistakes(settings: Settings, environ: Mapping[str, str]) -> Iterator[Mistake]:
    place, key = whence(environ, settings.file, "backup.recipients", "backup", "recipients")
    for number, text in enumerate(settings.backup.recipients, start=1):
        try:
            key_files.read_recipients([text])
        except SettingsError:
            cure = "copy it anew, to its end: age1... from age-keygen, or ssh-ed25519 ... from SSH"
            yield Mistake(place, f"{key}[{number}]", "", "it is no public key", cure)
    file = settings.backup.passphrase_file
    if file is not None:
        names = ("backup", "passphrase_file")
        place, key = whence(environ, settings.file, "backup.passphrase_file", *names)
        wrong = _wrong_with(file)
        if wrong is not None:
            yield Mistake(place, key, f'"{readable(str(file))}"', *wrong)


def _wrong_with(file: Path) -> tuple[str, str] | None:
    """What is wrong with a file that holds a passphrase, and the cure; None if nothing is."""
    name = shlex.quote(readable(str(file)))
    try:
        mode = file.stat().st_mode
        key_files.read_passphrase(file)
    except PhotosyncError as error:
        wrong = error.message.rstrip(".").replace(readable(str(file)), "it", 1)
        return wrong, error.hint.rstrip(".").lower()
    except FileNotFoundError:
        return "there is no such file", f"write the passphrase into it, and: chmod 600 {name}"
    except OSError as error:
        return f"it cannot be read: {error.strerror}", "let the user that runs photosync read it"
    if mode & OTHERS:
        return "others on this computer may read it", f"chmod 600 {name}"
    return None


def in_force(
    settings: Settings, environ: Mapping[str, str], clock: Callable[[], float] = time.time
) -> list[Shown]:
    """Every setting with its origin, and what ``auth`` and the web page overrule of them."""
    found = [_with_kept_client(settings, one) for one in config.shown(settings, environ)]
    try:
        with looked_at(settings, clock) as state:
            return found if state is None else _overruled(settings, state, found)
    except PhotosyncError:
        return found  # doctor tells what is wrong with the state


def _with_kept_client(settings: Settings, one: Shown) -> Shown:
    """Where the client lies that ``auth --client-secret`` kept, if the one named is not there."""
    if one.key != CLIENT:
        return one
    try:
        client = client_file(settings)
    except OSError:  # a state folder of somebody else's
        return one
    if client == settings.google.client_secret_file:
        return one
    return Shown(CLIENT, str(client), AUTH)


def _overruled(settings: Settings, state: State, found: list[Shown]) -> list[Shown]:
    numbers = {str(one.path): at for at, one in enumerate(settings.folder, start=1)}
    choices = SourceChoices(state.database).all()
    for view in state.overview.sources():
        source, choice = view.source, choices.get(view.source.id)
        is_phone = source.kind == SourceKind.PHONE
        if choice is None or not (is_phone or source.address in numbers):
            continue
        above = "phone" if is_phone else f"folder[{numbers[source.address]}]"
        whose = f' of "{source.label}"' if is_phone else ""
        if choice.mode is not None:
            found = _with(found, above, Shown(f"{above}.mode{whose}", choice.mode, PAGE))
        if choice.is_left:
            found = _with(found, above, Shown(f"{above}{whose}", SWITCHED_OFF, PAGE))
    return found


def _with(found: list[Shown], above: str, one: Shown) -> list[Shown]:
    """With one more, after those of its table, or in place of the one that it overrules."""
    if any(each.key == one.key for each in found):
        return [one if each.key == one.key else each for each in found]
    last = max(at for at, each in enumerate(found) if each.key.startswith(f"{above}."))
    return [*found[: last + 1], one, *found[last + 1 :]]
