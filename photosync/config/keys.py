"""Which keys there are, and what somebody may have meant."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

PREFIX = "PHOTOSYNC_"

SELECTING = frozenset({"mode", "include", "exclude", "since", "types"})
"""What a folder, and phones, may have of their own instead of what [select] says."""

KEYS: dict[str, frozenset[str]] = {
    "": frozenset(
        {"state_dir", "google", "folder", "phone", "mirror", "select", "upload", "backup", "web"}
        | {"notify"}
    ),
    "google": frozenset(
        {"client_secret_file", "token_file", "api_url", "daily_requests", "writes_per_minute"}
    ),
    "select": frozenset(
        {*SELECTING, "min_size", "max_size", "raw_with_jpeg", "live_video", "bursts", "screenshots"}
    ),
    "folder": frozenset({"path", "album", *SELECTING}),
    "phone": frozenset(
        {"enabled", "serials", "folders", "new_folders", "album", "adb_host", "adb_port"}
        | SELECTING
    ),
    "mirror": frozenset({"path", "keep", "min_free"}),
    "upload": frozenset(
        {"workers", "resumable_above", "chunk", "max_rate", "hours", "metered", "fix_dates"}
    ),
    "web": frozenset({"enabled", "host", "port", "names", "password_file", "restore_to"}),
    "backup": frozenset(
        {"to", "options", "encrypt", "encrypt_names", "recipients", "passphrase_file"}
        | {"identity_file"}
    ),
    "notify": frozenset({"urls", "on", "ping", "phone_unseen", "nothing_new", "nothing_done"}),
}
"""Every setting that this version knows; a test holds it and the model together."""

TABLES = ("google", "phone", "mirror", "select", "upload", "backup", "web", "notify")
LISTS = frozenset(
    {
        "folder",
        "phone.serials",
        "phone.folders",
        "phone.include",
        "phone.exclude",
        "phone.types",
        "select.include",
        "select.exclude",
        "web.names",
        "select.types",
        "backup.recipients",
        "notify.urls",
        "notify.on",
    }
)
FREE_TABLES = frozenset({"backup.options"})
"""Tables whose keys are other programs' own."""

SECRETS = ("notify.urls", "notify.ping", "backup.to", "backup.options")
"""What these hold may let others in: it is never shown as it is."""

UNTOLD = (*SECRETS, "backup.recipients")
"""Where a mistake may be a secret: a secret key, say, in the place of a public one."""

NEARLY = 0.75  # how much of a variable's name has to be right to be taken for one of ours
OWN_VARIABLES = frozenset({"PHOTOSYNC_CONFIG", "PHOTOSYNC_REQUIRE_ALL"})


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why a key leads nowhere, and what to do about it."""

    wrong: str
    cure: str


def unknown_key(table: str, key: str) -> Unknown:
    """What is wrong with ``key``, which the model does not know, in ``table`` ("" at the top)."""
    known = KEYS[table]
    close = difflib.get_close_matches(key, known, 1)
    meant = close[0] if close else _elsewhere(key)
    cure = f"did you mean {meant}?" if meant else f"there are: {', '.join(sorted(known))}"
    return Unknown("there is no such setting", cure)


def unknown_variable(name: str) -> Unknown | None:
    """What is wrong with the variable ``name``; None if it is a setting, or not our business.

    Anything with "__" is meant as a setting of ours. Of the rest only what is nearly one is
    told: other programs may have variables that begin like ours.
    """
    if name in OWN_VARIABLES or name in VARIABLES:
        return None
    table, nested, _ = name.removeprefix(PREFIX).lower().partition("__")
    close = difflib.get_close_matches(name.upper(), VARIABLES, 1, cutoff=0.8)
    if table == "folder":
        return (
            Unknown("folders are one list in the environment", FOLDER_EXAMPLE) if nested else None
        )
    meant = name.upper().removeprefix(PREFIX)
    ours = [one.removeprefix(PREFIX) for one in VARIABLES]
    close = difflib.get_close_matches(meant, ours, 1, cutoff=NEARLY)
    if close:
        return Unknown("there is no such setting", f"did you mean {PREFIX}{close[0]}?")
    if not nested:
        return None
    known = ", ".join(sorted(KEYS[table] if table in TABLES else KEYS[""]))
    return Unknown("there is no such setting", f"there are: {known}")


def variable(*keys: str) -> str:
    """The name of the variable that overrules a setting."""
    return PREFIX + "__".join(keys).upper()


def _elsewhere(key: str) -> str:
    found = [f"{table}.{key}" for table, keys in KEYS.items() if table and key in keys]
    return found[0] if found else ""


VARIABLES: dict[str, tuple[str, ...]] = {
    **{variable(key): (key,) for key in sorted(KEYS[""])},
    **{variable(table, key): (table, key) for table in TABLES for key in sorted(KEYS[table])},
}
"""Every variable that is a setting, and the key that it overrules."""

FOLDER_EXAMPLE = 'as JSON: PHOTOSYNC_FOLDER=[{"path": "/photos", "album": ""}]'
