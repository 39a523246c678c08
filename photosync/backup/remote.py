"""Storage elsewhere, through fsspec: S3, SFTP, WebDAV, and whatever else it knows.

Object stores take a file whole, or not at all, under its own name. All others get it under a
temporary name first.
"""

from __future__ import annotations

import io
import re
import shlex
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urlsplit

from photosync.backup.places import (
    BLOCK_BYTES,
    LARGEST_SMALL_BYTES,
    MARK,
    OWN,
    PARTS,
    options_for,
)
from photosync.backup.refusing import is_full, is_refused
from photosync.domain.media import readable
from photosync.errors import (
    BackupAway,
    BackupFull,
    BackupLost,
    BackupUnusable,
    PhotosyncError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from _typeshed import WriteableBuffer

OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci"})
REFUSES_FULL = frozenset({"sftp", "ssh", "ftp", "smb", "memory"})
"""Where removing a folder that is not empty fails. WebDAV removes it with all that is in it."""

EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "sftp": "sftp",
    "ssh": "sftp",
    "webdav": "webdav",
    "dav": "webdav",
}
LONGEST_TOLD = 200
ADDRESS = re.compile(r"(https?|socks[45]h?)://[^\s/]+")
"""A storage's, or a proxy's: of those among the options only the password is a secret."""
LARGEST_PORT = 65_535
"""Larger numbers among the options are passwords of digits; smaller ones ports and seconds."""
SCHEMES_OF_DAV = ("webdav", "dav")


class RemotePart:
    """A file under a temporary name, or one that an object store has not taken yet."""

    def __init__(self, place: RemotePlace, path: str, token: str) -> None:
        self._place = place
        self._is_whole = place.is_object_store
        self._path = path if self._is_whole else f"{PARTS}/{token}"
        self._is_given = False
        with place.told():
            fs = place.fs
            full = place.full(self._path)
            if self._is_whole:
                mode = "xb" if place.refuses_second else "wb"
                self._file = fs.open(full, mode, autocommit=False)
                fs.transaction.files.clear()  # fsspec would keep every file for ever
            else:
                fs.makedirs(place.full(PARTS), exist_ok=True)
                self._file = fs.open(full, "wb")

    def write(self, block: bytes, /) -> None:
        """Add the next bytes."""
        with self._place.told():
            self._file.write(block)

    def give(self, path: str, *, mtime_ns: int | None) -> bool:
        """Finish it and give it its name; no storage is told the time, the index has it."""
        del mtime_ns
        place = self._place
        with place.told():
            if self._is_whole:
                if path != self._path or place.exists(path):
                    return False
                self._file.close()
                self._file.commit()
            else:
                self._file.close()
                if place.exists(path):
                    return False
                full = place.full(path)
                place.fs.makedirs(full.rpartition("/")[0], exist_ok=True)
                place.fs.mv(place.full(self._path), full)
        self._is_given = True
        return True

    def close(self) -> None:
        """Away with what has no name yet; it costs room at worst."""
        if self._is_given:
            return
        with suppress(Exception):
            if self._is_whole:
                self._file.discard()
                self._file.closed = True
            else:
                self._file.close()
                self._place.fs.rm_file(self._place.full(self._path))


class RemoteFile(io.RawIOBase):
    """A file open for reading that tells in our words why it cannot be read any further."""

    def __init__(self, place: RemotePlace, file: Any, path: str) -> None:
        self._place = place
        self._file = file
        self._path = path

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """The next bytes; how many."""
        into = memoryview(buffer).cast("B")
        with self._place.told(self._path):
            some = self._file.read(len(into))
        into[: len(some)] = some
        return len(some)


class RemotePlace:
    """What ``to`` names. ``name``: the same without a password."""

    is_local = False

    def __init__(self, to: str, name: str, options: Mapping[str, Any]) -> None:
        self.name = readable(name)
        self._to = to
        self._scheme = urlsplit(to).scheme
        self._options = options
        self._opened: tuple[Any, str] | None = None
        self.is_object_store = self._scheme in OBJECT_STORES
        self.refuses_second = self._scheme in ("s3", "s3a")

    @property
    def fs(self) -> Any:
        """The file system of fsspec's, connected at its first use.

        Raises:
            BackupAway: It cannot be, or what it takes is not installed.
        """
        return self._open()[0]

    def full(self, path: str) -> str:
        """What fsspec calls ``path``."""
        return f"{self._open()[1].rstrip('/')}/{path}"

    def check(self) -> None:
        """See to it that the storage can be reached."""
        with self.told():
            self._is_there(self.full(MARK))

    def exists(self, path: str) -> bool:
        """Whether something has that name."""
        with self.told():
            self.fs.invalidate_cache()
            return self._is_there(self.full(path))

    def _is_there(self, full: str) -> bool:
        """Only the storage's own "no such file" is a no: fsspec's ``exists`` takes any error so."""
        try:
            self.fs.info(full)
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def part(self, path: str, token: str) -> Iterator[RemotePart]:
        """A new file that is to be called ``path``."""
        part = RemotePart(self, path, token)
        try:
            yield part
        finally:
            part.close()

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """The bytes as the storage gives them."""
        with self.told(path):
            file = self.fs.open(self.full(path), "rb")
        try:
            yield io.BufferedReader(RemoteFile(self, file, path), BLOCK_BYTES)
        finally:
            with suppress(Exception):
                if not isinstance(file, io.BytesIO):  # fsspec's memory:// would lose it
                    file.close()

    def vouches(self, path: str, md5: str, size_bytes: int) -> bool:
        """S3 tells the MD5 of what it took in one piece: read back for nothing, but at a price.

        Where the ETag is something else (large files, files that the store encrypts), it is not
        equal, and proves nothing.
        """
        if self._scheme not in ("s3", "s3a"):
            return False
        with self.told(path):
            info = self.fs.info(self.full(path))
        return info.get("size") == size_bytes and str(info.get("ETag", "")).strip('"') == md5

    def take_back(self, path: str) -> None:
        """Away with a file for good, and with the folders that it leaves empty.

        Folders stay where a file that comes into them at this moment would go with them.
        """
        with self.told(path), suppress(FileNotFoundError):
            self.fs.rm_file(self.full(path))
        folder = path.rpartition("/")[0]
        while folder and folder.partition("/")[0] != OWN and self._scheme in REFUSES_FULL:
            try:
                if self.fs.ls(self.full(folder), detail=False):
                    return
                self.fs.rmdir(self.full(folder))
            except Exception:  # noqa: BLE001 - an empty folder is nothing to fail for
                return
            folder = folder.rpartition("/")[0]

    def walk(self) -> Iterator[tuple[str, int]]:
        """Path and size of every file but ours.

        A folder that cannot be listed ends it: fsspec's own ``walk`` leaves such folders out, as
        if all that is in them were lost.
        """
        root = self._open()[1]
        with self.told():
            self.fs.invalidate_cache()
            waiting = [root]
            while waiting:
                folder = waiting.pop()
                for one in self._listed(folder):
                    name = str(one["name"])
                    path = name.strip("/").removeprefix(root.strip("/")).strip("/")
                    if path.partition("/")[0] == OWN or name.strip("/") == folder.strip("/"):
                        continue
                    if one["type"] == "directory":
                        waiting.append(name)
                    else:
                        yield path, int(one.get("size") or 0)

    def _listed(self, folder: str) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = self.fs.ls(folder, detail=True)
        except FileNotFoundError:
            return []  # it went meanwhile, or nothing was brought yet
        return found

    def put(self, path: str, content: bytes) -> None:
        """Write a small file of ours, at once or not at all (as far as the storage can)."""
        full = self.full(path)
        with self.told():
            if not self.is_object_store:
                self.fs.makedirs(full.rpartition("/")[0], exist_ok=True)
            self.fs.pipe_file(full, content)
            if self.fs.cat_file(full) != content:
                raise BackupAway(f"{self.name} gives other bytes back than were written there.")

    def get(self, path: str) -> bytes | None:
        """A small file of ours, None if there is none."""
        full = self.full(path)
        with self.told():
            try:
                if int(self.fs.info(full).get("size") or 0) > LARGEST_SMALL_BYTES:
                    return None
                content: bytes = self.fs.cat_file(full)
            except FileNotFoundError:
                return None
            return content

    def names(self, folder: str) -> list[str]:
        """The files in a folder of ours."""
        with self.told():
            self.fs.invalidate_cache()
            try:
                found = self.fs.ls(self.full(folder), detail=False)
            except FileNotFoundError:
                return []
            return sorted(str(one).rstrip("/").rpartition("/")[2] for one in found)

    def drop_parts(self, owner: str) -> None:
        """Away with unfinished files whose token begins with ``owner``."""
        if self.is_object_store:
            return
        for name in self.names(PARTS):
            if name.startswith(owner):
                with self.told():
                    self.fs.rm_file(self.full(f"{PARTS}/{name}"))

    def _open(self) -> tuple[Any, str]:
        if self._opened is None:
            with self.told():
                self._opened = self._connected()
        return self._opened

    def _connected(self) -> tuple[Any, str]:
        import fsspec
        from fsspec.core import url_to_fs

        options = options_for(self._scheme, self._options)
        try:
            if self._scheme in SCHEMES_OF_DAV:
                return self._dav(fsspec, options)
            if self._scheme in ("sftp", "ssh"):
                options = {**_sftp_options(self._to), **options}
                path = urlsplit(self._to).path
                return fsspec.filesystem("sftp", skip_instance_cache=True, **options), path
            self._require_known(fsspec)
            fs, root = url_to_fs(self._to, skip_instance_cache=True, **options)
        except ImportError as error:
            raise self._not_installed() from error
        return fs, root

    def _require_known(self, fsspec: Any) -> None:
        """Asked apart from the options, whose own ValueErrors may say anything."""
        try:
            fsspec.get_filesystem_class(self._scheme)
        except ValueError as error:
            raise BackupUnusable(
                f"fsspec knows no storage of the kind {self._scheme}://.",
                hint="Correct backup.to; kinds: filesystem-spec.readthedocs.io",
            ) from error

    def _dav(self, fsspec: Any, options: dict[str, Any]) -> tuple[Any, str]:
        """WebDAV's address stands apart from the path: ``base_url``, else https://HOST."""
        parts = urlsplit(self._to)
        host = parts.netloc.rpartition("@")[2]
        if parts.username and "auth" not in options:
            options["auth"] = (unquote(parts.username), unquote(parts.password or ""))
        elif isinstance(options.get("auth"), list):
            options["auth"] = tuple(options["auth"])
        options.setdefault("base_url", f"https://{host}")
        fs = fsspec.filesystem("webdav", skip_instance_cache=True, **options)
        return fs, parts.path.strip("/")

    def _not_installed(self) -> BackupUnusable:
        extra = EXTRAS.get(self._scheme)
        pip = f"{shlex.quote(sys.executable)} -m pip install"
        cure = f"In the folder that you cloned: {pip} -c constraints.txt '.[{extra}]'"
        if extra is None:
            cure = f"{pip} with what fsspec names for it: filesystem-spec.readthedocs.io"
        return BackupUnusable(
            f"What {self._scheme}:// takes is not installed beside photosync.", hint=cure
        )

    @contextmanager
    def told(self, path: str = "") -> Iterator[None]:
        """Whatever goes wrong, in our words. ``path``: what is missing if something is."""
        try:
            yield
        except PhotosyncError:
            raise
        except FileNotFoundError as error:
            if path:
                raise BackupLost(f"{readable(path)} is gone from the backup.") from error
            raise BackupUnusable(
                f"{self.name} is not there.", hint="Make the bucket or folder that backup.to names."
            ) from error
        except Exception as error:
            raise self._trouble(error) from error

    def _trouble(self, error: Exception) -> BackupAway | BackupFull:
        told = self._without_secrets(error)
        if is_full(error):
            return BackupFull(f"{self.name} takes nothing more: {told}.")
        if is_refused(error):
            return BackupUnusable(
                f"{self.name} does not let photosync in: {told}.",
                hint="Correct the user and password or keys: backup.to, [backup.options], or what"
                " that storage's own programs use.",
            )
        return BackupAway(f"{self.name} cannot be reached: {told}.")

    def _without_secrets(self, error: Exception) -> str:
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        text = text.replace(self._to, self.name)
        for secret in self._secrets():
            text = text.replace(secret, "***")
        return readable(text.split("\n")[0])[:LONGEST_TOLD].rstrip(". ")

    def _secrets(self) -> list[str]:
        found = _passwords(self._to)
        values = list(self._options.values())
        while values:
            value = values.pop()
            if isinstance(value, dict):
                values += value.values()
            elif isinstance(value, (list, tuple)):
                values += value
            elif isinstance(value, str) and ADDRESS.match(value):
                found += _passwords(value)
            elif isinstance(value, str) and value:
                found.append(value)
            elif isinstance(value, int) and value > LARGEST_PORT:
                found.append(str(value))
        return sorted(found, key=len, reverse=True)


def _passwords(address: str) -> list[str]:
    """The password in an address, as it stands there and as it is meant; all of what is none."""
    try:
        password = urlsplit(address).password
    except ValueError:
        return [address]
    return [password, unquote(password)] if password else []


def _sftp_options(to: str) -> dict[str, Any]:
    """The host is the one that SSH knows: its key stands in ~/.ssh/known_hosts."""
    from photosync.backup.known_hosts import policy

    parts = urlsplit(to)
    found: dict[str, Any] = {"host": parts.hostname or "", "host_key_policy": policy()}
    if parts.port:
        found["port"] = parts.port
    if parts.username:
        found["username"] = unquote(parts.username)
    if parts.password:
        found["password"] = unquote(parts.password)
    return {**found, "timeout": 20, "banner_timeout": 20, "auth_timeout": 20}
