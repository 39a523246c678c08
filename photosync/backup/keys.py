"""Keys of the age format: made, read from files, and held against each other.

A passphrase does not seal the files themselves: that would cost a second and a gigabyte of memory
for each. It seals one key, ``.photosync/key.age`` in the target, and that opens the files.
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from photosync.backup.local import sync_folder
from photosync.domain.media import readable
from photosync.errors import KeyMissing, KeyWrong, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

LARGEST_KEY_BYTES = 1 << 20
SSH_KEY = b"-----BEGIN"
DIGEST_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Keys:
    """Who can open what is sealed, and with what we can. None of both: nothing is sealed.

    ``sealed_for``: a digest of who can; see ``digest_of``.
    """

    recipients: Sequence[Any] = ()
    identities: Sequence[Any] = ()
    sealed_for: str = ""

    @property
    def seals(self) -> bool:
        """Whether files are sealed."""
        return bool(self.recipients)


def digest_of(publics: Iterable[str]) -> str:
    """The same for the same public keys, in whatever order and with whatever comment they stand."""
    known = sorted({" ".join(one.split()[:2]) for one in publics})
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:DIGEST_DIGITS]


def new_identity(file: Path, *, now: float) -> str:
    """Write a new secret key to ``file``, for its owner alone, as age-keygen does; its public key.

    Raises:
        SettingsError: There is one already, or it cannot be written.
    """
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    public = str(identity.to_public())
    made = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = f"# created: {made}\n# public key: {public}\n{identity}\n"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        sync_folder(file.parent)  # what a key sealed would open no more without its name
    except FileExistsError as error:
        raise SettingsError(
            f"There is a key {readable(str(file))} already; it stays as it is.",
            hint="What it sealed, it alone opens. For another: backup.identity_file.",
        ) from error
    except OSError as error:
        raise SettingsError(
            f"The key {readable(str(file))} cannot be written: {error.strerror}.",
            hint="Name another place: backup.identity_file.",
        ) from error
    return public


def write_new(file: Path, content: bytes) -> None:
    """A file for its owner alone, on the disk for good.

    Raises:
        KeyMissing: It cannot be written.
    """
    fresh = file.with_name(f".{file.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
        sync_folder(file.parent)  # what a key sealed would open no more without its name
    except OSError as error:
        raise KeyMissing(
            f"The key {readable(str(file))} cannot be written: {error.strerror}.",
            hint="Free space there, or let the user that runs photosync write there.",
        ) from error


def read_identities(file: Path) -> list[Any]:
    """The secret keys in ``file``: those of age, a line each, or one of SSH.

    Raises:
        KeyMissing: There is no such file, or it may not be read.
        KeyWrong: What stands there is no secret key.
    """
    import pyrage

    content = _content(file)
    name = readable(str(file))
    try:
        if content.startswith(SSH_KEY):
            return [pyrage.ssh.Identity.from_buffer(content)]
        lines = [line.strip() for line in content.decode("ascii").splitlines()]
        found = [
            pyrage.x25519.Identity.from_str(line)
            for line in lines
            if line and not line.startswith("#")
        ]
    except (pyrage.IdentityError, UnicodeDecodeError) as error:
        raise KeyWrong(
            f"{name} holds no secret key of age's.",
            hint="It has to hold a line AGE-SECRET-KEY-1..., or a private key of SSH's without a"
            " passphrase.",
        ) from error
    if not found:
        raise KeyWrong(f"{name} holds no secret key.", hint="Bring back the file as it was made.")
    return found


def public_of(identities: Sequence[Any]) -> list[Any]:
    """The public keys of secret ones; an SSH key does not tell its own."""
    return [one.to_public() for one in identities if hasattr(one, "to_public")]


def read_recipients(texts: Sequence[str]) -> list[Any]:
    """Public keys, as age or SSH writes them.

    Raises:
        SettingsError: One is none.
    """
    import pyrage

    found = []
    for text in texts:
        kind = pyrage.ssh if text.startswith("ssh-") else pyrage.x25519
        try:
            found.append(kind.Recipient.from_str(text))
        except pyrage.RecipientError as error:
            raise SettingsError(
                f"backup.recipients: {readable(text)[:80]} is no public key.",
                hint="Copy it anew: age1... from age-keygen, or ssh-ed25519 ... from SSH.",
            ) from error
    return found


def require_match(keys: Keys) -> None:
    """See to it that what is sealed today can be opened with the key that is here.

    Raises:
        KeyWrong: It could not be.
    """
    import pyrage

    if not keys.recipients or not keys.identities:
        return
    try:
        pyrage.decrypt(pyrage.encrypt(b"", keys.recipients), keys.identities)
    except pyrage.DecryptError as error:
        raise KeyWrong(
            "The secret key in backup.identity_file belongs to none of backup.recipients.",
            hint="Add its public key to backup.recipients, or name the right file.",
        ) from error


def read_passphrase(file: Path) -> str:
    """The first line of ``file``.

    Raises:
        KeyMissing: There is no such file, or it may not be read, or the line is empty.
    """
    if not file.exists():
        raise no_passphrase(file)
    lines = _content(file).decode("utf-8", "surrogateescape").splitlines()
    if not lines or not lines[0]:
        raise KeyMissing(
            f"{readable(str(file))} is empty.", hint="Write the passphrase into its first line."
        )
    return lines[0]


def no_passphrase(file: Path) -> KeyMissing:
    """``file``, where the passphrase should be, is not there."""
    name = readable(str(file))
    return KeyMissing(
        f"There is no {name}, where the passphrase of the second copy should be.",
        hint=f"Write it into the first line of that file, and: chmod 600 {name}",
    )


def lock_new(passphrase: str) -> tuple[bytes, Any]:
    """A new secret key: sealed with the passphrase, and as it is. Takes a second and 1 GiB."""
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    text = f"# public key: {identity.to_public()}\n{identity}\n"
    return pyrage.passphrase.encrypt(text.encode(), passphrase), identity


def unlock(sealed: bytes, passphrase: str) -> Any:
    """The secret key that ``lock_new`` sealed. Takes as long.

    Raises:
        KeyWrong: With another passphrase, or it was changed.
    """
    import pyrage

    try:
        lines = pyrage.passphrase.decrypt(sealed, passphrase).decode().splitlines()
        return pyrage.x25519.Identity.from_str(lines[-1])
    except (pyrage.DecryptError, pyrage.IdentityError, OSError, ValueError, IndexError) as error:
        raise KeyWrong(
            "The passphrase does not open the second copy's key, .photosync/key.age.",
            hint="Write the one that it was made with into backup.passphrase_file.",
        ) from error


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as source:
            return source.read(LARGEST_KEY_BYTES)
    except FileNotFoundError as error:
        raise KeyMissing(f"There is no {readable(str(file))}.") from error
    except OSError as error:
        raise KeyMissing(
            f"{readable(str(file))} cannot be read: {error.strerror}.",
            hint="Let the user that runs photosync read it.",
        ) from error


def sealed_bytes(content: bytes, recipients: Sequence[Any]) -> bytes:
    """Something small, sealed."""
    import pyrage

    sealed: bytes = pyrage.encrypt(content, recipients)
    return sealed


def opened_bytes(sealed: bytes, identities: Sequence[Any]) -> bytes:
    """Something small, opened; errors as in ``sealing.unseal``."""
    from photosync.backup.sealing import unseal

    out = io.BytesIO()

    def write(block: bytes) -> None:
        out.write(block)

    unseal(io.BytesIO(sealed).read, write, identities)
    return out.getvalue()
