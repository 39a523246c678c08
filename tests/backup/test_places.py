"""What every kind of storage does alike: a folder, fsspec's own in memory, and a server's."""

from __future__ import annotations

import errno
import itertools
import os
import resource
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paramiko
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from photosync.backup import places, remote
from photosync.backup.indexing import read_index, write_index
from photosync.backup.keys import Keys
from photosync.backup.local import LocalPlace, unwritable
from photosync.backup.places import place_of
from photosync.backup.remote import RemotePlace
from photosync.config import BackupSettings
from photosync.domain.backups import Record
from photosync.errors import BackupAway, BackupFull, BackupLost, FileTooLarge, PhotosyncError
from tests.backup.sftp import PASSWORD, USER, Files, server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photosync.backup.places import Place


def settings(tmp_path: Path, to: str, **options: object) -> BackupSettings:
    return BackupSettings(tmp_path / "key.txt", to, options)


@pytest.fixture(params=["folder", "memory", "sftp"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    (tmp_path / "root").mkdir()
    if request.param == "folder":
        yield LocalPlace(tmp_path / "root", "me")
    elif request.param == "memory":
        yield place_of(settings(tmp_path, f"memory://{secrets.token_hex(4)}/photos"))
    else:
        with server(tmp_path / "root") as (port, key):
            monkeypatch.setenv("HOME", str(tmp_path))
            know(tmp_path, port, key)
            found = place_of(settings(tmp_path, f"sftp://{USER}:{PASSWORD}@127.0.0.1:{port}/all"))
            yield found
            found.fs.client.close()  # type: ignore[attr-defined]


def know(home: Path, port: int, key: object) -> None:
    (home / ".ssh").mkdir(exist_ok=True)
    line = f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n"  # type: ignore[attr-defined]
    (home / ".ssh/known_hosts").write_text(line)


NUMBERS = itertools.count()


def send(place: Place, path: str, content: bytes) -> bool:
    with place.part(path, f"me-{next(NUMBERS)}") as part:
        for at in range(0, len(content), 1000):
            part.write(content[at : at + 1000])
        return part.give(path, mtime_ns=1_600_000_000_123_456_789)


def read(place: Place, path: str) -> bytes:
    with place.open(path) as file:
        return file.read()


def test_a_file_is_there_whole_under_its_name_or_not_at_all(place: Place) -> None:
    places.prepare(place, None)
    path = "Lisa's phone/2020/09/ä & b.jpg"
    assert not place.exists(path)
    assert send(place, path, b"one" * 5000)
    assert read(place, path) == b"one" * 5000
    assert not send(place, path, b"two"), "nothing is overwritten"
    assert read(place, path) == b"one" * 5000
    with place.part("x.jpg", "me-x") as part:
        part.write(b"half")  # and no more comes
    assert [*place.walk()] == [(path, 15_000)]
    assert place.names(places.PARTS) == []
    place.take_back(path)
    assert [*place.walk()] == []


def test_a_folder_goes_only_where_a_full_one_would_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = place_of(settings(tmp_path, f"memory://{secrets.token_hex(4)}/photos"))
    places.prepare(place, None)
    for name in ("one", "two"):
        assert send(place, f"{name}/2020/a.jpg", b"1")
    place.take_back("one/2020/a.jpg")
    assert not place.fs.exists(place.full("one"))  # type: ignore[attr-defined]
    monkeypatch.setattr(remote, "REFUSES_FULL", frozenset())
    place.take_back("two/2020/a.jpg")
    assert place.fs.exists(place.full("two/2020"))  # type: ignore[attr-defined]


class Told(Exception):
    """What a server's own library raises, with what it has besides the text."""

    def __init__(self, text: str = "", **more: Any) -> None:
        super().__init__(text)
        self.__dict__.update(more)


class InsufficientStorage(Exception):
    """Of webdav4."""


def of_s3(code: str) -> Exception:
    """As s3fs raises it: the text says no code, what it came from does."""
    error = OSError(errno.EIO, "no")
    error.__cause__ = Told(response={"Error": {"Code": code}})
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "no room"), BackupFull),
        (InsufficientStorage("Insufficient Storage on the server"), BackupFull),
        (Told("received 507", status_code=507), BackupFull),
        (of_s3("QuotaExceeded"), BackupFull),
        (of_s3("SlowDown"), BackupAway),
        (ConnectionError("Cannot connect to http://127.0.0.1:45071"), BackupAway),
        (OSError("IMG_5070.jpg cannot be written"), BackupAway),
        (OSError("QuotaExceeded.jpg cannot be written"), BackupAway),
        (Told("received 503", status_code=503, response=object()), BackupAway),
    ],
)
def test_a_full_storage_is_told_from_one_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type
) -> None:
    place = place_of(settings(tmp_path, f"memory://{secrets.token_hex(4)}/photos"))
    places.prepare(place, None)

    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(place.fs, "pipe_file", refuse)  # type: ignore[attr-defined]
    with pytest.raises(PhotosyncError) as told:
        place.put("index/1.tsv", b"x")
    assert type(told.value) is kind


class NoCredentialsError(Exception):
    """Of botocore."""


AWAY, REFUSED = "cannot be reached", "does not let photosync in"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError("Access Denied"), REFUSED),
        (NoCredentialsError("Unable to locate"), REFUSED),
        (paramiko.PasswordRequiredException("Private key file is encrypted"), REFUSED),
        (paramiko.SSHException("No authentication methods available"), REFUSED),
        (Told("received 401 (Unauthorized)", status_code=401), REFUSED),
        (Told("received 403 (Forbidden)", status_code=403), REFUSED),
        (Told("received 503 (Unauthentic)", status_code=503), AWAY),
        (ConnectionError("Cannot connect to http://authentic-films.example:80"), AWAY),
        (OSError("Credentials.jpg cannot be written"), AWAY),
        (paramiko.SSHException("Invalid SSH banner: Authentication is near"), AWAY),
    ],
)
def test_who_is_not_let_in_is_told_from_who_does_not_get_there(
    monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    options = {"user": "Auth", "key": "Credential"}  # names that are blotted out of what is told
    place = RemotePlace("memory://photos", "memory://photos", options)
    monkeypatch.setattr(place, "_opened", (MemoryFileSystem(), "/photos"))

    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(place.fs, "pipe_file", refuse)
    with pytest.raises(BackupAway, match=words):
        place.put("index/1.tsv", b"x")


def test_no_secret_of_the_options_stands_in_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {
        "secret": "s3cr3t-value",
        "token": "with://slashes",
        "password": 314159265,
        "proxy": "http://[pr0xy-word",
        "endpoint_url": "http://storage.example:9000",
        "client_kwargs": {"proxies": ["http://user:pr%C3%B6xy-word@proxy.example:3128"]},
    }
    to = f"memory://{secrets.token_hex(4)}/photos"
    place = place_of(settings(tmp_path, to, **options))
    said = (
        "http://[pr0xy-word s3cr3t-value with://slashes 314159265 pr%C3%B6xy-word pröxy-word"
        " http://storage.example:9000 proxy.example:3128"
    )

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(said)

    monkeypatch.setattr(place.fs, "info", refuse)  # type: ignore[attr-defined]
    with pytest.raises(BackupAway) as told:
        place.exists("a.jpg")
    left = "*** *** *** *** *** *** http://storage.example:9000 proxy.example:3128"
    assert left in told.value.message


def test_what_is_not_there_is_lost_and_an_empty_file_is_one(place: Place) -> None:
    places.prepare(place, None)
    with pytest.raises(BackupLost, match="is gone from the backup"):
        read(place, "2020/none.jpg")
    assert send(place, "empty.jpg", b"")
    assert read(place, "empty.jpg") == b""


def test_what_cannot_be_looked_at_is_not_taken_for_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with server(root) as (port, key):
        monkeypatch.setenv("HOME", str(tmp_path))
        know(tmp_path, port, key)
        place = place_of(settings(tmp_path, f"sftp://{USER}:{PASSWORD}@127.0.0.1:{port}/all"))
        assert [*place.walk()] == [], "nothing was brought yet"
        places.prepare(place, None)
        assert send(place, "2020/a.jpg", b"a")
        assert send(place, "2021/05/b.jpg", b"bb")
        assert sorted(place.walk()) == [("2020/a.jpg", 1), ("2021/05/b.jpg", 2)]
        assert not place.exists("2021/05/c.jpg")
        with monkeypatch.context() as patched:
            refuse(patched, "/2021/05")
            with pytest.raises(BackupAway, match="does not let photosync in"):
                [*place.walk()]
            with pytest.raises(BackupAway, match="does not let photosync in"):
                place.exists("2021/05/b.jpg")
        place.fs.client.close()  # type: ignore[attr-defined]
        for look in (place.check, lambda: place.exists("2020/a.jpg"), lambda: [*place.walk()]):
            with pytest.raises(BackupAway, match="cannot be reached"):
                look()


def refuse(patched: pytest.MonkeyPatch, part: str) -> None:
    """The server says "permission denied" to whoever asks after what has ``part`` in its path."""
    for name in ("list_folder", "stat", "lstat"):
        real = getattr(Files, name)

        def answer(self: object, path: str, real: Any = real) -> Any:
            return paramiko.SFTP_PERMISSION_DENIED if part in path else real(self, path)

        patched.setattr(Files, name, answer)


def test_a_place_is_known_by_its_mark(place: Place) -> None:
    mark, was_there = places.prepare(place, None)
    assert not was_there
    assert places.prepare(place, mark) == (mark, True)
    assert places.prepare(place, None) == (mark, True)
    with pytest.raises(BackupAway, match="another backup"):
        places.prepare(place, "someone else's")
    assert b"age -d" in (place.get(places.README) or b"")


def test_an_index_comes_back_as_it_was_written(place: Place) -> None:
    places.prepare(place, None)
    digest = "0123456789abcdef" * 4
    some = [
        Record(digest, "a/ä.jpg", "a/ä.jpg", 5, 5, digest, False, -1_500_000_000, 7),
        Record(
            digest, "0f/0f00.age", "b/2.jpg", 5, 200, digest, True, 1_700_000_000_000_000_001, 8
        ),
    ]
    write_index(place, Keys(), some, now=5)
    place.put(f"{places.INDEX}/6-x.tsv", b"\xff\t\n../../x\ty\tz\n" + b"\t".join([b"/etc/x"] * 8))
    assert [*read_index(place, list)] == [[], some], "the newest first"


def test_a_server_that_nobody_knows_gets_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with server(tmp_path) as (port, key):
        to = f"sftp://{USER}:{PASSWORD}@127.0.0.1:{port}/all"
        with pytest.raises(BackupAway, match="is not known") as told:
            place_of(settings(tmp_path, to)).check()
        assert PASSWORD not in str(told.value)
        know(tmp_path, port, key)
        wrong = to.replace(PASSWORD, "wrong-password")
        with pytest.raises(BackupAway, match="does not let photosync in") as told:
            place_of(settings(tmp_path, wrong)).check()
        assert "wrong-password" not in str(told.value)


@pytest.mark.parametrize(
    ("to", "cure"),
    [
        ("nonsense://x/y", "Correct backup.to"),
        ("dropbox://photos", "pip install"),
        ("gs://bucket/photos", "pip install"),
    ],
)
def test_storage_that_is_not_to_be_had(tmp_path: Path, to: str, cure: str) -> None:
    with pytest.raises(BackupAway) as told:
        place_of(settings(tmp_path, to)).check()
    assert cure in told.value.hint


def test_an_option_that_is_refused_is_no_unknown_kind_of_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("the region is not known")

    monkeypatch.setattr(MemoryFileSystem, "__init__", refuse)
    with pytest.raises(BackupAway, match="the region is not known"):
        place_of(settings(tmp_path, "memory://photos", region="none")).check()


@pytest.mark.parametrize("scheme", ["dav", "webdav"])
def test_webdav_has_two_names(scheme: str) -> None:
    place = RemotePlace(f"{scheme}://127.0.0.1/photos", "there", {})
    assert place.full("2020/a.jpg") == "photos/2020/a.jpg"


def test_what_is_to_be_installed_is_told_as_readme_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)  # as if it were not installed
    with pytest.raises(BackupAway) as told:
        place_of(settings(tmp_path, "s3://photos/all")).check()
    command = told.value.hint.partition(f"{sys.executable} -m ")[2]
    assert command == "pip install -c constraints.txt '.[s3]'"
    assert command in Path("README.md").read_text("utf-8")
    assert command in Path("config/photosync.example.toml").read_text("utf-8")


def test_a_folder_that_is_not_there_is_never_made(tmp_path: Path) -> None:
    place = LocalPlace(tmp_path / "mnt")
    with pytest.raises(BackupAway, match="is not there"):
        places.prepare(place, None)
    with pytest.raises(BackupAway), place.part("x", "t"):
        pass
    assert not (tmp_path / "mnt").exists()


def test_a_disk_that_goes_in_between_leaves_a_bare_folder_bare(tmp_path: Path) -> None:
    root, away = tmp_path / "root", tmp_path / "away"
    root.mkdir()
    place = LocalPlace(root, "me")
    places.prepare(place, None)
    with place.part("2020/09/one.jpg", "me-1") as part:
        part.write(b"one")
        root.rename(away)
        root.mkdir()
        with pytest.raises(BackupAway):
            part.give("2020/09/one.jpg", mtime_ns=None)
    with pytest.raises(BackupAway), place.part("2020/09/two.jpg", "me-2"):
        pass
    with pytest.raises(BackupAway):
        write_index(place, Keys(), [], now=1)
    assert list(root.iterdir()) == []


def test_a_folder_swapped_for_a_link_leads_nowhere(tmp_path: Path) -> None:
    place = LocalPlace(tmp_path / "root")
    for name in ("root", "elsewhere"):
        (tmp_path / name).mkdir()
    places.prepare(place, None)
    (tmp_path / "elsewhere/x.jpg").write_bytes(b"x")
    (tmp_path / "root/2020").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/y.jpg").symlink_to(tmp_path / "elsewhere/x.jpg")
    for path in ("2020/x.jpg", "y.jpg"):
        with pytest.raises(BackupLost):
            read(place, path)
    with pytest.raises(BackupLost):
        send(place, "2020/new.jpg", b"x")
    assert [one.name for one in (tmp_path / "elsewhere").iterdir()] == ["x.jpg"]


def test_a_file_in_the_place_of_a_folder_is_a_name_that_is_taken(tmp_path: Path) -> None:
    place = LocalPlace(tmp_path)
    places.prepare(place, None)
    (tmp_path / "2020").write_bytes(b"mine")
    assert not send(place, "2020/new.jpg", b"x")


def test_a_disk_that_takes_no_large_files(tmp_path: Path) -> None:
    place = LocalPlace(tmp_path)
    places.prepare(place, None)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(FileTooLarge):
            send(place, "x.jpg", bytes(20_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [*place.walk()] == []


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, BackupFull), (errno.EDQUOT, BackupFull), (errno.EROFS, BackupAway)],
)
def test_what_the_system_says_in_our_words(tmp_path: Path, number: int, kind: type) -> None:
    assert type(unwritable(tmp_path, OSError(number, os.strerror(number)))) is kind
