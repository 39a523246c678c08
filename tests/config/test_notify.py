"""[notify] and [web]: what is allowed, and that no secret is ever shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from photosync import config
from photosync.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from photosync.config import Settings

SECRET = "tgram://123456:hush-hush/789"
PING = "https://hc-ping.com/0c8d-hush"


def load(folder: Path, text: str, **environ: str) -> Settings:
    file = folder / "config.toml"
    file.write_text(text)
    return config.load(file, {"HOME": str(folder), **environ})


def test_what_is_written_is_taken(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        f'[notify]\nurls = ["{SECRET}"]\non = ["phone"]\nping = "{PING}"\nphone_unseen = ""\n'
        'nothing_new = "14d"\nnothing_done = "1d"\n[web]\nhost = "::1"\nport = 0\n',
    )
    assert settings.notify == config.NotifySettings((SECRET,), ("phone",), PING, None, 14, 1)
    assert settings.web == config.WebSettings(
        enabled=True, host="::1", port=0, restore_to=settings.web.restore_to
    )


def test_others_may_reach_the_page_once_it_asks_for_a_password(tmp_path: Path) -> None:
    text = '[web]\nhost = "0.0.0.0"\nnames = ["photos.example"]\npassword_file = "secret"\n'
    web = load(tmp_path, text).web
    assert (web.host, web.names) == ("0.0.0.0", ("photos.example",))  # noqa: S104 - as written
    assert web.password_file is not None
    assert web.password_file.name == "secret"


def test_the_environment_overrules_it(tmp_path: Path) -> None:
    environ = {
        "PHOTOSYNC_NOTIFY__URLS": json.dumps([SECRET]),
        "PHOTOSYNC_NOTIFY__ON": '["done"]',
        "PHOTOSYNC_WEB__ENABLED": "false",
    }
    settings = load(tmp_path, "", **environ)
    assert settings.notify.urls == (SECRET,)
    assert settings.notify.on == ("done",)
    assert not settings.web.enabled


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('[notify]\nurls = ["hush-hush"]', "notify.urls[1] = ***: that is not possible"),
        ('[notify]\nurls = "hush-hush"', "notify.urls = ***: that is not possible"),
        ('[notify]\nurls = [["hush-hush"]]', "notify.urls[1] = ***"),
        ('[notify]\nurls = ["a://hush hush"]', "notify.urls[1] = ***"),
        ('[notify]\nping = "ftp://hush"', "notify.ping = ***"),
        ('[notify]\nping = "http://[hush"', "notify.ping = ***"),
        ('[notify]\nping = "http://hush:99999"', "notify.ping = ***"),
        ('[notify]\nping = "http:///hush"', "notify.ping = ***"),
        ('[notify]\nping = ["hush"]', "notify.ping = ***"),
        ('[notify]\non = ["blockd"]', 'allowed: "blocked", "failed", "done" or "phone"'),
        ('[notify]\nphone_unseen = "soon"', 'notify.phone_unseen = "soon"'),
        ('[notify]\nnothing_done = "0d"', 'days like "30d"'),
        ('[notify]\nnothing_new = "99999d"', "up to 36500"),
        ('[web]\nhost = "0.0.0.0"', "set web.password_file"),
        ('[web]\nhost = "photos.example"', "others than this machine reach the web page"),
        ('[web]\nnames = ["photos.example"]', "set web.password_file"),
        ('[web]\nhost = "a b"', "a host's name or address"),
        ("[web]\nport = 65536", "a whole number from 0 to 65535"),
    ],
)
def test_what_is_not_possible_is_named_without_the_secret(
    tmp_path: Path, text: str, part: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)
    assert part in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PHOTOSYNC_NOTIFY__URLS", "tgram://hush"),
        ("PHOTOSYNC_NOTIFY", '["tgram://hush"]'),
        ("PHOTOSYNC_NOTIFY", '{"urls": ["hush"]}'),
        ("PHOTOSYNC_NOTIFY__PING", "hush"),
    ],
)
def test_nor_out_of_a_variable(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, "", **{name: value})
    assert name in str(caught.value)
    assert "hush" not in str(caught.value)


def test_config_show_says_that_there_is_one(tmp_path: Path) -> None:
    settings = load(tmp_path, f'[notify]\nurls = ["{SECRET}", "NTFY://x"]\nping = "{PING}"\n')
    shown = {one.key: one.value for one in config.shown(settings, {})}
    assert shown["notify.urls"] == '["tgram://***", "ntfy://***"]'
    assert shown["notify.ping"] == "https://***"
    assert (shown["notify.phone_unseen"], shown["notify.nothing_new"]) == ("30d", '""')
    assert {"notify.urls": "[]", "notify.ping": '""'}.items() <= {
        one.key: one.value for one in config.shown(load(tmp_path, ""), {})
    }.items()
