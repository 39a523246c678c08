"""Mistakes in settings: each is told, all at once, with its place and its cure."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from photosync import config
from photosync.config import keys
from photosync.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


class Told:
    """Loads settings that are wrong, and gives back what is told."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        self.file = tmp_path / "config.toml"

    def __call__(self, text: str, **environ: str) -> str:
        self.file.write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError) as caught:
            config.load(self.file, {"HOME": str(self.folder / "home"), **environ})
        assert caught.value.hint
        message = caught.value.message
        assert all(one.isprintable() or one == "\n" for one in message)
        return message


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


WHOLE = "a whole number from 1 to 16"
SIZE = 'a size like "16 MiB"'
URL = "an https:// address (http:// only to this machine itself)"
DAY = 'a day like "2026-11-23"'


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("upload.workers", "0", WHOLE),
        ("upload.workers", "17", WHOLE),
        ("upload.workers", "-1", WHOLE),
        ("upload.workers", "true", WHOLE),
        ("upload.workers", "4.0", WHOLE),
        ("upload.workers", '"many"', WHOLE),
        ("upload.workers", '"٤"', WHOLE),
        ("upload.workers", "[]", WHOLE),
        ("upload.resumable_above", "0", SIZE),
        ("upload.resumable_above", "-1", SIZE),
        ("upload.resumable_above", '"-1 MB"', SIZE),
        ("upload.resumable_above", '"16 M"', SIZE),
        ("upload.resumable_above", '"16 MiB/s"', SIZE),
        ("upload.resumable_above", '"1e9"', SIZE),
        ("upload.resumable_above", '""', SIZE),
        ("upload.resumable_above", "1.5", SIZE),
        ("upload.resumable_above", "true", SIZE),
        ("upload.resumable_above", '"21 GiB"', SIZE + ' or "500 kB", from 1 B to 20 GiB'),
        ("upload.chunk", "262143", SIZE + ' or "500 kB", from 256 KiB to 1 GiB'),
        ("upload.chunk", '"2 GiB"', SIZE + ' or "500 kB", from 256 KiB to 1 GiB'),
        ("google.daily_requests", "0", "a whole number from 1 to"),
        ("google.writes_per_minute", "0", "a whole number from 1 to"),
        ("google.api_url", '"http://photos.example"', URL),
        ("google.api_url", '"http://localhost.example"', URL),
        ("google.api_url", '"http://127.0.0.1.example"', URL),
        ("google.api_url", '"http://127.0.0.1:99999"', URL),
        ("google.api_url", '"http://127.0.0.1:port"', URL),
        ("google.api_url", '"http://[::1"', URL),
        ("google.api_url", '"ftp://127.0.0.1"', URL),
        ("google.api_url", '"photos.example"', URL),
        ("google.api_url", '""', URL),
        ("google.api_url", '"https://a.example/v1"', URL),
        ("google.api_url", '"https://a.example?x=1"', URL),
        ("google.api_url", '"https://a example"', URL),
        ("google.api_url", '"https://a.example:0"', URL),
        ("google.api_url", "7", 'a text in "quotes"'),
        ("google.client_secret_file", '""', "a path; it may not be empty"),
        ("google.client_secret_file", '" "', "a path"),
        ("google.token_file", "false", 'a text in "quotes"'),
        ("select.mode", '"automatic"', '"auto" or "manual"'),
        ("select.include", '"*.jpg"', 'a list like ["*.png"]'),
        ("select.since", '"2026-02-30"', DAY),
        ("select.since", '"30.1.2026"', DAY),
        ("select.since", '"2026-1-31"', DAY),
        ("select.since", '"1826-01-01"', DAY),
        ("select.since", "2026", DAY),
        ("select.since", "true", DAY),
    ],
)
def test_a_bad_value(told: Told, key: str, value: str, allowed: str) -> None:
    table, _, name = key.partition(".")
    message = told(f"[{table}]\n{name} = {value}\n")
    assert message.startswith(f"In {told.file}: {key} = {value}: ")
    assert f"allowed: {allowed}" in message
    assert message.count("\n") == 0


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ('to = "s3://"', "a path, or an address like"),
        ('to = "S3://bucket"', "a path, or an address like"),
        ('to = "sftp://host:0/x"', "a path, or an address like"),
        ('to = "s3://bucket/x?key=1"', "[backup.options]"),
        ('to = "simplecache::s3://bucket"', "a path, or an address like"),
        ('to = "a/photos"', 'this and folder[1].path ("a") lie one in the other'),
        ('to = "."', 'this and folder[1].path ("a") lie one in the other'),
        ('to = "mirror"', 'this and mirror.path ("mirror") lie one in the other'),
        ('to = "local://mirror/x"', 'this and mirror.path ("mirror") lie one in the other'),
        ('to = "state/x"', "photosync keeps its own state there"),
        ('recipients = ["AGE-SECRET-KEY-1QQQ"]', "a secret one"),
        ('recipients = ["hello"]', "a public key of age"),
        ("encrypt_names = true", "encrypt = true alone"),
        ("options = 5", "a table like"),
    ],
)
def test_a_second_copy_that_cannot_be(told: Told, line: str, part: str) -> None:
    message = told(
        'state_dir = "state"\n[[folder]]\npath = "a"\n[mirror]\npath = "mirror"\n'
        f"[backup]\n{line}\n"
    )
    assert "backup." in message
    assert part in message


@pytest.mark.parametrize(
    "line",
    [
        'to = "sftp://lisa:hidden-word@host:0/x"',
        'to = "sftp://lisa:hidden word@host/x"',
        'options = ["hidden-word"]',
        'recipients = ["AGE-SECRET-KEY-1HIDDEN-WORD"]',
    ],
)
def test_no_secret_of_the_second_copy_is_told(told: Told, line: str) -> None:
    assert "hidden" not in told(f"[backup]\n{line}\n").lower()
    name, _, value = line.partition(" = ")
    assert "hidden" not in told("", **{f"PHOTOSYNC_BACKUP__{name.upper()}": value}).lower()


@pytest.mark.parametrize("glob", ["", "/", "a\\u0000"])
def test_a_glob_that_matches_nothing(told: Told, glob: str) -> None:
    message = told(f'[select]\nexclude = ["*.png", "{glob}"]\n')
    assert "select.exclude[2] = " in message
    assert "a glob like" in message


@pytest.mark.parametrize(
    "album", ["{mont}", "{", "}", "{}", "{{year}}", "{year", "a\\nb", "x" * 501]
)
def test_an_album_with_what_is_not_filled_in(told: Told, album: str) -> None:
    message = told(f'[[folder]]\npath = "/a"\n[[folder]]\npath = "/b"\nalbum = "{album}"\n')
    assert "folder[2].album = " in message
    assert "{folder}, {source}, {year} and {month}" in message


def test_tables_and_lists_in_each_others_place(told: Told) -> None:
    message = told('upload = 3\nselect = []\nfolder = "/photos"\n')
    assert "upload = 3: that is not possible (allowed: a table, [upload])" in message
    assert "select = []: that is not possible (allowed: a table, [select])" in message
    assert 'folder = "/photos": that is not possible (allowed: folders, each under' in message
    assert "[[folder]]" in told('[folder]\npath = "/photos"\n')
    assert 'folder[1] = "/photos"' in told('folder = ["/photos"]\n')


def test_a_folder_without_a_path(told: Told) -> None:
    assert "folder[1].path: it is missing (add it)" in told('[[folder]]\nalbum = "x"\n')


TABLES = "there are: backup, folder, google, mirror, notify, phone, select, state_dir, upload, web"


@pytest.mark.parametrize(
    ("text", "key", "meant"),
    [
        ("[upload]\nworkerz = 1\n", "upload.workerz", "did you mean workers?"),
        ("[uplaod]\nworkers = 1\n", "uplaod", "did you mean upload?"),
        ("workers = 1\n", "workers", "did you mean upload.workers?"),
        ("[[folder]]\npath = '/a'\nalbums = ''\n", "folder[1].albums", "did you mean album?"),
        ("[select.mode2]\n", "select.mode2", "did you mean mode?"),
        ("[xyz]\n", "xyz", TABLES),
        ("[mirror]\nxyz = 1\n", "mirror.xyz", "there are: keep, min_free, path"),
    ],
)
def test_an_unknown_key_and_what_was_meant(told: Told, text: str, key: str, meant: str) -> None:
    assert told(text) == f"In {told.file}: {key}: there is no such setting ({meant})."


def test_all_mistakes_are_told_at_once(told: Told) -> None:
    message = told(
        """
        state_dir = 4
        foldr = 1
        [backup]
        encrypt_names = true
        [google]
        api_url = "http://a.example"
        [[folder]]
        path = "/photos"
        album = "{day}"
        [[folder]]
        path = "/photos/2026"
        [select]
        since = "soon"
        [upload]
        workers = 99
        """,
        PHOTOSYNC_UPLOAD__CHUNK="large",
        PHOTOSYNC_SELECT__INCLUDE="*.jpg",
        PHOTOSYNC_SELECT__MOOD="auto",
    )
    lines = message.splitlines()
    assert lines[0] == "There are 11 mistakes in the settings:"
    assert len(lines) == 12
    assert not message.endswith("\n")
    for line in lines[1:]:
        assert line.startswith((f"  {told.file}: ", "  the environment: "))
        assert line.endswith(").")
    for part in (
        "state_dir = 4",
        "foldr: there is no such setting (did you mean folder?)",
        "backup.encrypt_names = true: that is not possible",
        'google.api_url = "http://a.example"',
        'folder[1].album = "{day}"',
        'folder[2].path = "/photos/2026"',
        'select.since = "soon"',
        "upload.workers = 99",
        'environment: PHOTOSYNC_UPLOAD__CHUNK = "large"',
        '(as JSON: PHOTOSYNC_SELECT__INCLUDE=["*.png"])',
        "PHOTOSYNC_SELECT__MOOD: there is no such setting (did you mean PHOTOSYNC_SELECT__MODE?)",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("PHOTOSYNC_UPLOAD__WORKERS", "x", 'PHOTOSYNC_UPLOAD__WORKERS = "x"'),
        ("PHOTOSYNC_UPLOAD__WORKERS", "", 'PHOTOSYNC_UPLOAD__WORKERS = ""'),
        ("PHOTOSYNC_UPLOAD__WORKER", "1", "did you mean PHOTOSYNC_UPLOAD__WORKERS?"),
        ("PHOTOSYNC_UPLOAD_WORKERS", "1", "did you mean PHOTOSYNC_UPLOAD__WORKERS?"),
        ("PHOTOSYNC_Upload__Workers", "1", "did you mean PHOTOSYNC_UPLOAD__WORKERS?"),
        ("PHOTOSYNC_UPLOAD__WORKERS__X", "1", "did you mean PHOTOSYNC_UPLOAD__WORKERS?"),
        ("PHOTOSYNC_STATEDIR", "/s", "did you mean PHOTOSYNC_STATE_DIR?"),
        ("PHOTOSYNC_XYZ__ABC", "1", "there are: backup, folder, google"),
        (
            "PHOTOSYNC_UPLOAD__QQQQQQQQ",
            "1",
            "there are: chunk, fix_dates, hours, max_rate, metered, resumable_above, workers",
        ),
        ("PHOTOSYNC_BACKUP", "1", "PHOTOSYNC_BACKUP__... for one"),
        ("PHOTOSYNC_FOLDER__0__PATH", "/a", 'PHOTOSYNC_FOLDER=[{"path": '),
        ("PHOTOSYNC_FOLDER", "/a", 'PHOTOSYNC_FOLDER = "/a"'),
        ("PHOTOSYNC_FOLDER", "", 'PHOTOSYNC_FOLDER = ""'),
        ("PHOTOSYNC_FOLDER", "{}", 'PHOTOSYNC_FOLDER=[{"path": '),
        ("PHOTOSYNC_FOLDER", "[" * 100_000, "as JSON"),
        ("PHOTOSYNC_FOLDER", '[{"path": "\\ud800"}]', "(allowed: a path)"),
        ("PHOTOSYNC_FOLDER", '["/a"]', 'folder[1] in PHOTOSYNC_FOLDER = "/a"'),
        ("PHOTOSYNC_FOLDER", '[{"pth": 1, "path": "/a"}]', "folder[1].pth in PHOTOSYNC_FOLDER"),
        ("PHOTOSYNC_FOLDER", '[{"path": "/a", "album": "{x}"}]', "folder[1].album in PHOTOSYNC"),
        ("PHOTOSYNC_UPLOAD", "4", "PHOTOSYNC_UPLOAD__... for one"),
        ("PHOTOSYNC_UPLOAD", "null", "allowed: JSON like"),
        ("PHOTOSYNC_UPLOAD", '{"workers": 40}', "upload.workers in PHOTOSYNC_UPLOAD = 40"),
        ("PHOTOSYNC_UPLOAD", '{"workerz": 4}', "did you mean workers?"),
    ],
)
def test_a_bad_variable_is_named(told: Told, name: str, value: str, part: str) -> None:
    message = told("", **{name: value})
    assert message.startswith("In the environment: ")
    assert name in message
    assert part in message


def test_without_a_file_the_environment_is_to_blame() -> None:
    with pytest.raises(SettingsError, match="In the environment: PHOTOSYNC_SELECT__MODE"):
        config.load(None, {"HOME": "/h", "PHOTOSYNC_SELECT__MODE": "x"})


def test_a_folder_listed_twice(told: Told) -> None:
    message = told('[[folder]]\npath = "/a"\n[[folder]]\npath = "/b/../a/"\n')
    assert 'folder[2].path = "/b/../a/": the same folder is folder[1].path' in message


def test_a_folder_listed_twice_through_a_symlink(told: Told) -> None:
    (told.folder / "disk").mkdir()
    (told.folder / "link").symlink_to("disk")
    message = told('[[folder]]\npath = "disk"\n[[folder]]\npath = "link"\n')
    assert "the same folder is folder[1].path (remove one of them)" in message


@pytest.mark.parametrize(("one", "other"), [("/a", "/a/b/c"), ("/a/b", "/a"), ("/a", "/")])
def test_one_folder_in_another(told: Told, one: str, other: str) -> None:
    message = told(f'[[folder]]\npath = "{one}"\n[[folder]]\npath = "{other}"\n')
    assert f'folder[1].path ("{one}") lie one in the other (keep the outer one)' in message


def test_neighbours_with_like_names_are_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[[folder]]\npath = "/a"\n[[folder]]\npath = "/ab"\n')
    assert len(config.load(file, {"HOME": "/h"}).folder) == 2


@pytest.mark.parametrize("path", ["/s", "/s/below"])
def test_a_folder_in_our_own_state(told: Told, path: str) -> None:
    message = told(f'state_dir = "/s"\n[[folder]]\npath = "{path}"\n')
    assert "photosync keeps its own state there (state_dir)" in message


def test_a_folder_around_our_own_state(told: Told) -> None:
    assert "own state_dir lies in it" in told('state_dir = "/a/s"\n[[folder]]\npath = "/a"\n')


def test_a_folder_around_our_own_state_where_it_is_never_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[[folder]]\npath = "~"\n')
    settings = config.load(file, {"HOME": str(tmp_path)})
    assert settings.state_dir == tmp_path / ".local/state/photosync"


def test_a_file_where_a_folder_belongs(told: Told) -> None:
    (told.folder / "photo.jpg").touch()
    os.mkfifo(told.folder / "pipe")
    for name in ("photo.jpg", "pipe"):
        message = told(f'[[folder]]\npath = "{name}"\n')
        assert f'folder[1].path = "{name}": that is no folder (name a folder)' in message
    assert 'state_dir = "photo.jpg": that is no folder' in told('state_dir = "photo.jpg"\n')


def test_the_home_of_nobody(told: Told) -> None:
    message = told('state_dir = "~nobody-of-that-name/x"\n[[folder]]\npath = "~nobody-either"\n')
    assert 'state_dir = "~nobody-of-that-name/x": nobody\'s home folder is there' in message
    assert 'folder[1].path = "~nobody-either"' in message


@pytest.mark.parametrize("text", ['state_dir = "a\\u0000b"\n', '[[folder]]\npath = "\\u0000"\n'])
def test_a_path_with_nul(told: Told, text: str) -> None:
    assert "(allowed: a path)" in told(text)


def test_a_path_from_the_environment_is_told_by_its_variable(told: Told) -> None:
    message = told("", PHOTOSYNC_STATE_DIR="~nobody-of-that-name")
    assert message.startswith("In the environment: PHOTOSYNC_STATE_DIR = ")
    message = told("", PHOTOSYNC_FOLDER='[{"path": "/a"}, {"path": "/a"}]')
    assert "In the environment: folder[2].path in PHOTOSYNC_FOLDER = " in message


def test_broken_toml_names_the_line(told: Told) -> None:
    message = told("[upload]\nworkers = 4\nchunk = 16 MiB\n")
    assert str(told.file) in message
    assert "line 3" in message


def test_a_bottomless_file(told: Told) -> None:
    assert "nested too deep" in told("x = " + "[" * 100_000)


def test_a_file_that_is_no_text(told: Told) -> None:
    told.file.write_bytes(b"[upload]\n\xff\xfe")
    with pytest.raises(SettingsError, match=r"not UTF-8 text \(byte 10\)"):
        config.load(told.file, {})


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is a folder"):
        config.load(tmp_path, {})


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    file.touch(mode=0)
    if os.access(file, os.R_OK):  # root may read everything: let the kernel's answer be played

        def refused(self: Path) -> bytes:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(type(file), "read_bytes", refused)
    with pytest.raises(SettingsError, match="cannot be read: Permission denied"):
        config.load(file, {})


def test_long_values_are_cut_and_passwords_left_out(told: Told) -> None:
    assert len(told(f'[select]\nmode = "{"y" * 5000}"\n')) < 400 + len(str(told.file))
    message = told('[google]\napi_url = "https://me:hunter2@a.example"\n')
    assert "hunter2" not in message
    assert "https://***@a.example" in message


def test_control_characters_do_not_reach_the_terminal(told: Told) -> None:
    message = told('"\\u001b[31m" = 1\n[select]\nmode = "\\u001b]0;x\\u0007\\u202e"\n')
    assert "\x1b" not in message  # and Told asserts that every character is printable


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from(["~", "~x/y", "/", "16 MiB", "https://[", "{year}", "2026-01-01"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["path", "album", "workers", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@how(deadline=None, max_examples=150)
@given(
    st.dictionaries(
        st.sampled_from([*keys.VARIABLES, "PHOTOSYNC_X__Y", "PHOTOSYNC_WEB__PORT"]),
        VALUES.map(lambda value: value if isinstance(value, str) else json.dumps(value)),
        max_size=4,
    )
)
@example({"PHOTOSYNC_FOLDER": '[{"path": "\\ud800"}]'})
def test_whatever_the_environment_holds_it_loads_or_is_a_settings_error(
    environ: dict[str, str],
) -> None:
    with suppress(SettingsError):
        config.load(None, {"HOME": "/h", **environ})


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[phone]\nenabled = 1\n", "phone.enabled = 1: that is not possible (allowed: true or"),
        ('[phone]\nfolders = ["../x"]\n', "allowed: a folder below the phone's storage, like \"D"),
        ('[phone]\nfolders = ["/sdcard/DCIM"]\n', "allowed: a folder below the phone's storage"),
        ('[phone]\nfolders = [""]\n', "allowed: a folder below the phone's storage"),
        ('[phone]\nnew_folders = "maybe"\n', 'allowed: "ask", "take" or "leave"'),
        ('[phone]\nserials = ["a b"]\n', "allowed: a serial number, as photosync phones shows it"),
        ('[phone]\nadb_host = "a b"\n', "allowed: a host's name or address"),
        ("[phone]\nadb_port = 0\n", "allowed: a whole number from 1 to 65535"),
        ('[upload]\nmax_rate = "fast"\n', 'allowed: a rate like "2 MiB/s"'),
        ('[upload]\nmax_rate = "10 B/s"\n', 'allowed: a rate like "2 MiB/s"'),
        ('[upload]\nhours = "at night"\n', 'allowed: hours like "01:00-07:00"'),
        ('[mirror]\nkeep = "30"\n', 'allowed: "forever", "until-done", or days like "30d"'),
        ('[mirror]\nkeep = "0d"\n', 'allowed: "forever", "until-done", or days like "30d"'),
        ('[mirror]\nmin_free = "2 TB"\n', 'allowed: a size like "16 MiB"'),
        ('[mirror]\npath = "~nobody-here/x"\n', "nobody's home folder is there"),
        ('[mirror]\npath = "m"\n[[folder]]\npath = "m"\n', "copies of phones go there"),
        ('[mirror]\npath = "m"\n[[folder]]\npath = "m/in"\n', "copies of phones go there"),
        ('[[folder]]\npath = "~/Pictures/photosync"\n', "copies of phones go there"),
        ('[[folder]]\npath = "~/Pictures/photosync/Pixel 8"\n', "copies of phones go there"),
        ('state_dir = "s"\n[mirror]\npath = "s/m"\n', "photosync keeps its own state there"),
        ('state_dir = "s"\n[web]\nrestore_to = "s/r"\n', "photosync keeps its own state there"),
        ('[mirror]\npath = "m"\n[web]\nrestore_to = "m"\n', "copies of phones go there"),
        ('[backup]\nto = "b"\n[web]\nrestore_to = "b/r"\n', "the second copy lies there"),
    ],
)
def test_mistakes_about_phones_and_the_mirror(told: Told, text: str, part: str) -> None:
    assert part in told(text)


@pytest.mark.parametrize(
    "text",
    [
        "[web]\nport = 1\nport = 2\n",
        "[web]\n[google]\n[web]\n",
        '[folder]\npath = "a"\n[folder]\npath = "b"\n',
        "web = {port = 1, port = 2}\n",
        "web = {port = 1}\n[web]\n",
    ],
)
def test_what_stands_twice_is_told_from_what_lacks_quotes(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        config.load(file, {"HOME": str(tmp_path)})
    assert "is no valid TOML" in caught.value.message
    assert "only once" in caught.value.hint
    assert "quotes" not in caught.value.hint
    file.write_text("state_dir = ~/state\n")
    with pytest.raises(SettingsError) as caught:
        config.load(file, {"HOME": str(tmp_path)})
    assert "quotes" in caught.value.hint
