"""Settings: where they are found, what wins, what they come to."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import date
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from photosync import config
from photosync.config import files, keys, model
from photosync.errors import SettingsError

if TYPE_CHECKING:
    from pydantic import BaseModel

MIB = 1024**2


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    return {"HOME": str(home)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    return tmp_path / "etc" / "config.toml"


def uncommented(example: str) -> str:
    """The example with every setting that it explains switched on."""
    lines = []
    for line in example.splitlines():
        bare = line.removeprefix("# ")
        is_setting = bare.startswith("[[") or (
            " = " in bare and bare.split(" = ")[0].isidentifier()
        )
        lines.append(bare if is_setting else line)
    return "\n".join(lines)


def test_without_a_file_the_defaults_are_those_of_the_interface(
    environ: dict[str, str], home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = config.load(None, environ)
    state = home / ".local/state/photosync"
    assert settings == config.Settings(
        state_dir=state,
        google=config.GoogleSettings(
            client_secret_file=tmp_path / "client_secret.json",
            token_file=state / "token.json",
            api_url="https://photoslibrary.googleapis.com",
            daily_requests=10_000,
            writes_per_minute=30,
        ),
        folder=(),
        phone=config.PhoneSettings(
            enabled=True,
            serials=(),
            folders=(
                "DCIM",
                "Pictures",
                "Movies",
                "Android/media/com.whatsapp/WhatsApp/Media/WhatsApp Images",
            ),
            new_folders="ask",
            album="",
            adb_host="127.0.0.1",
            adb_port=5037,
        ),
        mirror=config.MirrorSettings(home / "Pictures/photosync", None, 2 * 1024 * MIB),
        select=config.SelectSettings("auto", (), (), None),
        upload=config.UploadSettings(4, 16 * MIB, 16 * MIB),
        backup=config.BackupSettings(state / "backup-key.txt"),
        web=config.WebSettings(
            enabled=True, host="127.0.0.1", port=8642, restore_to=home / "photosync-restored"
        ),
        notify=config.NotifySettings((), ("blocked", "failed"), "", 30, None, 3),
        file=None,
    )


def test_a_whole_file(file: Path, environ: dict[str, str], home: Path) -> None:
    file.write_text(
        """
        state_dir = "state/../kept"
        [google]
        client_secret_file = "secret.json"
        token_file = "/elsewhere/token.json"
        api_url = "http://127.0.0.1:8080/"
        daily_requests = 500
        writes_per_minute = 7
        [[folder]]
        path = "~/Pictures"
        album = "{source} {year}"
        [[folder]]
        path = "scans"
        [phone]
        enabled = false
        serials = ["R58M"]
        folders = ["DCIM/Camera/", "sd:1A2B-3C4D/DCIM"]
        new_folders = "take"
        album = "{source}"
        adb_host = "nas"
        adb_port = 5038
        [mirror]
        path = "mirror"
        keep = "30d"
        min_free = "0"
        [select]
        mode = "manual"
        include = ["*.jpg", "Camera/**"]
        exclude = ["*.png"]
        since = 2020-02-29
        [upload]
        workers = 16
        resumable_above = "1.5 MB"
        chunk = 262144
        """
    )
    settings = config.load(file, environ)
    assert settings.state_dir == file.parent / "kept"
    assert settings.google == config.GoogleSettings(
        file.parent / "secret.json", Path("/elsewhere/token.json"), "http://127.0.0.1:8080", 500, 7
    )
    assert settings.folder == (
        config.FolderSettings(home / "Pictures", "{source} {year}"),
        config.FolderSettings(file.parent / "scans", ""),
    )
    assert settings.phone == config.PhoneSettings(
        enabled=False,
        serials=("R58M",),
        folders=("DCIM/Camera", "sd:1A2B-3C4D/DCIM"),
        new_folders="take",
        album="{source}",
        adb_host="nas",
        adb_port=5038,
    )
    assert settings.mirror == config.MirrorSettings(file.parent / "mirror", 30, 0)
    assert settings.select == config.SelectSettings(
        "manual", ("*.jpg", "Camera/**"), ("*.png",), date(2020, 2, 29)
    )
    assert settings.upload == config.UploadSettings(16, 1_500_000, 262_144, most_workers=16)
    assert settings.file == file


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(
    file: Path, environ: dict[str, str]
) -> None:
    file.write_text('[upload]\nworkers = 2\nchunk = "1 MiB"\n')
    environ["PHOTOSYNC_UPLOAD__WORKERS"] = "9"
    upload = config.load(file, environ).upload
    assert upload == config.UploadSettings(9, 16 * MIB, MIB, most_workers=9)


def test_a_good_variable_heals_a_bad_file(file: Path, environ: dict[str, str]) -> None:
    file.write_text("[upload]\nworkers = 99\n")
    assert config.load(file, {**environ, "PHOTOSYNC_UPLOAD__WORKERS": "3"}).upload.workers == 3


def test_every_kind_of_setting_comes_from_the_environment(environ: dict[str, str]) -> None:
    environ |= {
        "PHOTOSYNC_STATE_DIR": "/s",
        "PHOTOSYNC_FOLDER": json.dumps([{"path": "/a", "album": "{month}"}, {"path": "/b"}]),
        "PHOTOSYNC_GOOGLE__API_URL": "https://photos.example:8443",
        "PHOTOSYNC_GOOGLE__DAILY_REQUESTS": "20",
        "PHOTOSYNC_SELECT__INCLUDE": '["*.jpg"]',
        "PHOTOSYNC_SELECT__SINCE": "2026-01-31",
        "PHOTOSYNC_UPLOAD": '{"workers": 5, "chunk": "2 MiB"}',
        "PHOTOSYNC_UPLOAD__CHUNK": "500 kB",
    }
    settings = config.load(None, environ)
    assert settings.state_dir == Path("/s")
    assert settings.google.token_file == Path("/s/token.json")
    assert [(str(one.path), one.album) for one in settings.folder] == [
        ("/a", "{month}"),
        ("/b", ""),
    ]
    assert settings.google.api_url == "https://photos.example:8443"
    assert settings.google.daily_requests == 20
    assert settings.select.include == ("*.jpg",)
    assert settings.select.since == date(2026, 1, 31)
    assert settings.upload == config.UploadSettings(5, 16 * MIB, 500_000, most_workers=5)


def test_the_process_environment_is_not_read_behind_our_back(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOTOSYNC_UPLOAD__WORKERS", "11")
    assert config.load(None, environ).upload.workers == 4


def test_variables_of_others_are_left_alone(environ: dict[str, str]) -> None:
    environ |= {"PHOTOSYNC_CONFIG": "/x", "PHOTOSYNC_REQUIRE_ALL": "1", "PHOTOSYNC_BADGE": "blue"}
    assert config.load(None, environ).upload.workers == 4


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("16777216", 16 * MIB),
        ('"16777216"', 16 * MIB),
        ('"16 MiB"', 16 * MIB),
        ('"16MiB"', 16 * MIB),
        ('"16 mib"', 16 * MIB),
        ('"16 MB"', 16_000_000),
        ('"1 kB"', 1000),
        ('"0.5 GiB"', 512 * MIB),
        ('"0.3 kB"', 300),
        ('"1 B"', 1),
        ('"20 GiB"', 20 * 1024 * MIB),
    ],
)
def test_sizes_are_meant_as_written(
    file: Path, environ: dict[str, str], written: str, size: int
) -> None:
    file.write_text(f"[upload]\nresumable_above = {written}\n")
    assert config.load(file, environ).upload.resumable_above == size


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://[::1]:80", "http://127.9.9.9", "https://a.example/"]
)
def test_addresses_that_tokens_may_travel_to(file: Path, environ: dict[str, str], url: str) -> None:
    file.write_text(f'[google]\napi_url = "{url}"\n')
    assert config.load(file, environ).google.api_url == url.rstrip("/")


def test_a_byte_order_mark_is_no_mistake(file: Path, environ: dict[str, str]) -> None:
    file.write_bytes(b"\xef\xbb\xbf[upload]\nworkers = 2\n")
    assert config.load(file, environ).upload.workers == 2


def test_a_folder_that_is_not_there_is_no_mistake(file: Path, environ: dict[str, str]) -> None:
    file.write_text('[[folder]]\npath = "/media/not-mounted/photos"\n')
    assert config.load(file, environ).folder[0].path == Path("/media/not-mounted/photos")


def test_a_symlinked_folder_keeps_its_name(
    file: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    file.write_text(f'[[folder]]\npath = "{tmp_path}/link"\n')
    assert config.load(file, environ).folder[0].path == tmp_path / "link"


def test_state_lies_where_systemd_or_the_desktop_say(environ: dict[str, str], home: Path) -> None:
    def state_dir(**more: str) -> Path:
        return config.load(None, environ | more).state_dir

    assert state_dir(STATE_DIRECTORY="/var/lib/photosync:/var/lib/b") == Path("/var/lib/photosync")
    assert state_dir(XDG_STATE_HOME="/xdg") == Path("/xdg/photosync")
    assert state_dir(XDG_STATE_HOME="relative") == home / ".local/state/photosync"
    assert state_dir(STATE_DIRECTORY="/sd", XDG_STATE_HOME="/xdg") == Path("/sd")
    assert state_dir(STATE_DIRECTORY="/sd", PHOTOSYNC_STATE_DIR="/own") == Path("/own")


def test_files_are_looked_for_in_the_order_of_the_interface(
    home: Path, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "system.toml"
    monkeypatch.setattr(files, "SYSTEM_FILE", system)
    assert config.find_file(None, environ) is None
    system.touch()
    assert config.find_file(None, environ) == system
    users = home / ".config/photosync/config.toml"
    users.parent.mkdir(parents=True)
    users.touch()
    assert config.find_file(None, environ) == users
    xdg = tmp_path / "xdg/photosync/config.toml"
    xdg.parent.mkdir(parents=True)
    xdg.touch()
    environ["XDG_CONFIG_HOME"] = str(tmp_path / "xdg")
    assert config.find_file(None, environ) == xdg
    named = tmp_path / "named.toml"
    named.touch()
    environ["PHOTOSYNC_CONFIG"] = str(named)
    assert config.find_file(None, environ) == named
    assert config.find_file(users, environ) == users


def test_a_link_to_nowhere_is_not_passed_over(home: Path, environ: dict[str, str]) -> None:
    users = home / ".config/photosync/config.toml"
    users.parent.mkdir(parents=True)
    users.symlink_to(home / "gone.toml")
    assert config.find_file(None, environ) == users
    with pytest.raises(SettingsError, match="No such file"):
        config.load(users, environ)


def test_a_file_that_was_named_has_to_be_there(environ: dict[str, str], tmp_path: Path) -> None:
    gone = tmp_path / "gone.toml"
    with pytest.raises(SettingsError, match=f"no settings file {gone}") as told:
        config.find_file(gone, environ)
    assert f"config init --config {gone}" in told.value.hint
    with pytest.raises(SettingsError, match="PHOTOSYNC_CONFIG"):
        config.find_file(None, environ | {"PHOTOSYNC_CONFIG": str(gone)})


def test_where_init_writes(environ: dict[str, str], home: Path) -> None:
    assert config.default_file(environ) == home / ".config/photosync/config.toml"
    assert config.default_file(environ | {"XDG_CONFIG_HOME": "/x"}) == Path(
        "/x/photosync/config.toml"
    )
    assert config.default_file(environ | {"PHOTOSYNC_CONFIG": "/y.toml"}) == Path("/y.toml")


def test_a_nameless_user_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_001)  # in no passwd file
    for needs_home in (config.default_file, lambda environ: config.load(None, environ)):
        with pytest.raises(SettingsError, match="no home folder") as told:
            needs_home({})
        assert "HOME" in told.value.hint
    settings = config.load(None, {"PHOTOSYNC_STATE_DIR": "/s"})
    assert (settings.state_dir, settings.mirror.path) == (Path("/s"), Path("/s/mirror"))
    assert config.find_file(None, {}) in (None, files.SYSTEM_FILE)


def test_init_writes_a_file_that_loads_as_the_defaults(environ: dict[str, str], home: Path) -> None:
    file = home / "new/folder/config.toml"
    config.init(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    written, default = config.load(file, environ), config.load(None, environ)
    assert (written.upload, written.select, written.folder) == (
        default.upload,
        default.select,
        default.folder,
    )


def test_init_never_overwrites(file: Path) -> None:
    file.write_text("mine")
    with pytest.raises(SettingsError, match="already"):
        config.init(file)
    assert file.read_text() == "mine"


def test_init_in_a_place_that_cannot_be_written() -> None:
    with pytest.raises(SettingsError, match="cannot be written"):
        config.init(Path("/proc/photosync/config.toml"))


def test_init_on_a_full_disk_leaves_no_half_file(file: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))  # bytes: writing stops with EFBIG
    try:
        with pytest.raises(SettingsError, match="cannot be written: File too large"):
            config.init(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not file.exists()


def test_the_example_explains_every_setting_with_its_default(
    file: Path, environ: dict[str, str]
) -> None:
    whole = uncommented(config.example_text()) + "\n"
    file.write_text(whole)
    settings, default = config.load(file, environ), config.load(None, environ)
    assert settings.upload == replace(default.upload, most_workers=4)  # it names a number
    assert settings.select == default.select
    assert settings.google.api_url == default.google.api_url
    assert settings.google.daily_requests == default.google.daily_requests
    assert settings.google.writes_per_minute == default.google.writes_per_minute
    assert settings.google.client_secret_file == file.parent / "client_secret.json"
    assert settings.google.token_file == default.google.token_file
    assert settings.state_dir == default.state_dir
    assert [one.album for one in settings.folder] == [""]
    told = {one.key for one in config.shown(settings, environ) if one.origin == "file"}
    expected = {f"{table}.{key}" for table in keys.TABLES for key in keys.KEYS[table]}
    own = {f"phone.{name}" for name in keys.SELECTING}
    assert told == expected - own | {
        *("folder[1].path", "folder[1].album", "folder[1].exclude", "phone.types")
    }
    for name in keys.SELECTING:
        assert config.example_text().count(name) > 2, name


def test_the_example_is_found_in_a_checkout_and_in_a_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    checkout = Path(__file__).parents[1] / "config" / files.EXAMPLE
    assert config.example_text() == checkout.read_text("utf-8")
    (tmp_path / files.EXAMPLE).write_text("# as installed", "utf-8")
    monkeypatch.setattr(resources, "files", {"photosync": tmp_path}.__getitem__)
    assert config.example_text() == "# as installed"


def test_a_path_that_is_not_utf8_survives(environ: dict[str, str]) -> None:
    name = os.fsdecode(b"/photos/caf\xe9")
    assert os.fsencode(config.load(None, environ | {"PHOTOSYNC_STATE_DIR": name}).state_dir) == (
        b"/photos/caf\xe9"
    )


def test_the_second_copys_settings_and_what_is_shown_of_them(
    file: Path, environ: dict[str, str]
) -> None:
    file.write_text(
        """
        [backup]
        to = "sftp://lisa:hidden@host:2222/photos/"
        options = {key_filename = "/hidden/key", port = 1}
        encrypt = true
        recipients = ["age1qqq"]
        passphrase_file = "words"
        identity_file = "key.txt"
        """
    )
    backup = config.load(file, environ).backup
    assert backup.address == "sftp://lisa@host:2222/photos"
    assert backup.to == "sftp://lisa:hidden@host:2222/photos/"
    assert (backup.passphrase_file, backup.identity_file) == (
        file.parent / "words",
        file.parent / "key.txt",
    )
    told = {one.key: one.value for one in config.shown(config.load(file, environ), environ)}
    assert told["backup.to"] == "sftp://lisa@host:2222/photos"
    assert told["backup.options"] == "{key_filename = ***, port = ***}"
    assert "hidden" not in str(told)
    file.write_text('[backup]\nto = "local:///mnt/disk/"\n')
    assert config.load(file, environ).backup.to == "/mnt/disk"
    file.write_text('[backup]\nto = "beside"\n')
    assert config.load(file, environ).backup.address == str(file.parent / "beside")
    given = {**environ, "PHOTOSYNC_BACKUP__OPTIONS": '{"endpoint_url": "http://127.0.0.1:9"}'}
    assert config.load(file, given).backup.options == {"endpoint_url": "http://127.0.0.1:9"}


def test_keys_and_model_know_the_same_settings() -> None:
    tables: dict[str, type[BaseModel]] = {
        "": model.Written,
        "google": model.Google,
        "folder": model.Folder,
        "phone": model.Phone,
        "mirror": model.Mirror,
        "select": model.Select,
        "upload": model.Upload,
        "backup": model.Backup,
        "web": model.Web,
        "notify": model.Notify,
    }
    assert {name: set(table.model_fields) for name, table in tables.items()} == keys.KEYS


def test_shown_tells_each_value_and_where_it_comes_from(
    file: Path, environ: dict[str, str]
) -> None:
    file.write_text('[upload]\nworkers = 3\n[[folder]]\npath = "/photos"\n')
    environ |= {
        "PHOTOSYNC_SELECT__INCLUDE": '["*.jpg", "ü"]',
        "PHOTOSYNC_UPLOAD": '{"chunk": "1 MiB"}',
        "STATE_DIRECTORY": "/var/lib/photosync",
    }
    shown = {
        one.key: (one.value, one.origin)
        for one in config.shown(config.load(file, environ), environ)
    }
    assert shown["upload.workers"] == ("3", "file")
    assert shown["upload.chunk"] == ("1 MiB", "environment PHOTOSYNC_UPLOAD")
    assert shown["upload.resumable_above"] == ("16 MiB", "default")
    assert shown["select.include"] == ('["*.jpg", "ü"]', "environment PHOTOSYNC_SELECT__INCLUDE")
    assert shown["select.exclude"] == ("[]", "default")
    assert shown["select.since"] == ('""', "default")
    assert shown["folder[1].path"] == ("/photos", "file")
    assert shown["state_dir"] == ("/var/lib/photosync", "environment STATE_DIRECTORY")
    assert shown["google.token_file"] == ("/var/lib/photosync/token.json", "default")


def test_what_is_shown_can_be_set(environ: dict[str, str]) -> None:
    """And nothing that is reckoned from it."""
    settings = config.load(None, environ)
    told = {one.key for one in config.shown(settings, environ)}
    known = {f"{table}.{key}" for table, names in keys.KEYS.items() for key in names}
    assert told <= known | {"state_dir", "folder"}
    assert "web.restore_to" in told


def test_shown_without_a_file(environ: dict[str, str]) -> None:
    def origins(**more: str) -> dict[str, str]:
        every = environ | more
        return {one.key: one.origin for one in config.shown(config.load(None, every), every)}

    assert set(origins().values()) == {"default"}
    assert origins(PHOTOSYNC_FOLDER="[]")["folder"] == "environment PHOTOSYNC_FOLDER"
    assert origins(PHOTOSYNC_STATE_DIR="/s")["state_dir"] == "environment PHOTOSYNC_STATE_DIR"
    assert origins(XDG_STATE_HOME="/x")["state_dir"] == "environment XDG_STATE_HOME"


def test_importing_loads_no_pydantic() -> None:
    """``photosync --help`` need not wait for what only reading settings needs."""
    look = "import sys, photosync.config; print('pydantic' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("keep", "days"), [("forever", None), ("until-done", 0), ("1d", 1), ("36500d", 36_500)]
)
def test_how_long_a_copy_is_kept(environ: dict[str, str], keep: str, days: int | None) -> None:
    assert config.load(None, {**environ, "PHOTOSYNC_MIRROR__KEEP": keep}).mirror.keep == days


def test_phones_are_switched_off_in_the_environment(environ: dict[str, str]) -> None:
    assert not config.load(None, {**environ, "PHOTOSYNC_PHONE__ENABLED": "false"}).phone.enabled
    assert config.load(None, {**environ, "PHOTOSYNC_PHONE__ENABLED": "True"}).phone.enabled


def test_where_the_mirror_would_be_may_be_watched_if_there_is_none(
    file: Path, environ: dict[str, str]
) -> None:
    file.write_text('[phone]\nenabled = false\n[[folder]]\npath = "~/Pictures/photosync"\n')
    config.load(file, environ)
    file.write_text('[mirror]\npath = "m"\n[[folder]]\npath = "~/Pictures/photosync"\n')
    config.load(file, environ)


def test_the_mirror_may_lie_in_a_watched_folder(file: Path, environ: dict[str, str]) -> None:
    file.write_text('[mirror]\npath = "all/phones"\n[[folder]]\npath = "all"\n')
    assert config.load(file, environ).mirror.path == file.parent / "all/phones"


@pytest.mark.parametrize("keep", ["forever", "until-done", "30d"])
def test_shown_is_as_it_may_be_written(tmp_path: Path, keep: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[mirror]\nkeep = "{keep}"\nmin_free = "1500 MiB"\n')
    found = {one.key: one.value for one in config.shown(config.load(file, {}), {})}
    assert (found["mirror.keep"], found["mirror.min_free"]) == (keep, "1500 MiB")
    assert found["upload.chunk"] == "16 MiB"


def test_systemd_may_hand_over_the_oauth_client(environ: dict[str, str], tmp_path: Path) -> None:
    given = {**environ, "CREDENTIALS_DIRECTORY": str(tmp_path)}
    own = config.load(None, given).google.client_secret_file
    assert own.parent != tmp_path
    file = tmp_path / "client_secret.json"
    file.write_text("{}")
    settings = config.load(None, given)
    assert settings.google.client_secret_file == file
    found = {one.key: one.origin for one in config.shown(settings, given)}
    assert found["google.client_secret_file"] == "environment CREDENTIALS_DIRECTORY"
    named = {**given, "PHOTOSYNC_GOOGLE__CLIENT_SECRET_FILE": "/x.json"}
    assert config.load(None, named).google.client_secret_file == Path("/x.json")


@pytest.mark.parametrize(
    ("variables", "server", "origin"),
    [
        ({}, ("127.0.0.1", 5037), "default"),
        ({"ANDROID_ADB_SERVER_PORT": "6000"}, ("127.0.0.1", 6000), "ANDROID_ADB_SERVER_PORT"),
        ({"ANDROID_ADB_SERVER_PORT": "99999"}, ("127.0.0.1", 5037), "default"),
        (
            {"ANDROID_ADB_SERVER_PORT": "x", "ADB_SERVER_SOCKET": "?"},
            ("127.0.0.1", 5037),
            "default",
        ),
        ({"ANDROID_ADB_SERVER_ADDRESS": "10.0.0.1"}, ("10.0.0.1", 5037), "default"),
        ({"ADB_SERVER_SOCKET": "tcp:nas:6001"}, ("nas", 6001), "ADB_SERVER_SOCKET"),
        ({"ADB_SERVER_SOCKET": "tcp:6001"}, ("127.0.0.1", 6001), "ADB_SERVER_SOCKET"),
    ],
)
def test_the_adb_server_is_where_adb_itself_looks_for_it(
    environ: dict[str, str], variables: dict[str, str], server: tuple[str, int], origin: str
) -> None:
    settings = config.load(None, {**environ, **variables})
    assert (settings.phone.adb_host, settings.phone.adb_port) == server
    found = {one.key: one.origin for one in config.shown(settings, {**environ, **variables})}
    assert found["phone.adb_port"].removeprefix("environment ") == origin
    own = {**environ, **variables, "PHOTOSYNC_PHONE__ADB_PORT": "7000"}
    assert config.load(None, own).phone.adb_port == 7000


@pytest.mark.parametrize(
    ("rate", "size_bytes", "text"),
    [
        ("2 MiB/s", 2 * 1024 * 1024, "2 MiB/s"),
        ("500kB/s", 500_000, "500000/s"),
        ("4 KiB", 4096, "4 KiB/s"),
        ("1.5 MB / sec", 1_500_000, "1500000/s"),
        ("", 0, '""'),
    ],
)
def test_rates_and_hours(
    file: Path, environ: dict[str, str], rate: str, size_bytes: int, text: str
) -> None:
    file.write_text(f'[upload]\nmax_rate = "{rate}"\nhours = "22:00-6:00"\n')
    settings = config.load(file, environ)
    assert settings.upload.max_rate == size_bytes
    found = {one.key: one.value for one in config.shown(settings, environ)}
    assert (found["upload.max_rate"], found["upload.hours"]) == (text, "22:00-06:00")
