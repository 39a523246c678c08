"""The daemon before anybody has signed in: it copies and reads, and its page signs in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.browser import answer
from tests.journeys.chromium import chromium
from tests.journeys.conftest import PROGRAM, jpeg, wait_for
from tests.journeys.test_service import managed
from tests.journeys.test_web import (
    AXE,
    LOOKS,
    PATIENCE,
    SERIOUS,
    is_too_wide,
    served,
    sign_in_by_clicks,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.journeys.conftest import World
    from tests.lab.lab import AdbHost, LabPhone

pytestmark = pytest.mark.journey

NEEDS = "photosync is not signed in to Google Photos"


@pytest.fixture
def fresh(world: World) -> World:
    """One with a client, of which nobody has made use yet."""
    (world.home / "client_secret.json").write_text(json.dumps(world.emulator.client_secret()))
    (world.state / "token.json").unlink()
    return world


def problem(world: World) -> dict[str, Any]:
    """The one that there is."""
    (found,) = world.json("status")["problems"]
    assert isinstance(found, dict)
    return found


def copied(world: World, *contents: bytes) -> bool:
    """Whether all of them lie in the mirror of phones."""
    return sorted(one.read_bytes() for one in (world.home / "mirror").rglob("*.jpg")) == sorted(
        contents
    )


def test_the_page_signs_in_a_daemon_that_never_was_and_it_goes_on(
    fresh: World, host: AdbHost, phone: LabPhone
) -> None:
    """What comes before is read and copied, and Google is not asked for anything."""
    fresh.configure(
        phone=f"adb_port = {host.port}",
        more=f'[mirror]\npath = "{fresh.home}/mirror"\nmin_free = 0\n',
    )
    camera = phone.storage / "DCIM/Camera"
    camera.mkdir(parents=True, exist_ok=True)
    for number in (1, 2):
        (camera / f"{number}.jpg").write_bytes(jpeg(number))
        os.utime(camera / f"{number}.jpg", (1_700_000_000, 1_700_000_000))
    fresh.put("3.jpg", jpeg(3))
    with served(fresh) as (daemon, address), chromium() as page:
        wait_for(lambda: fresh.json("status")["items"]["mirrored"] == 3, daemon)
        assert copied(fresh, jpeg(1), jpeg(2))
        told = problem(fresh)
        assert told["code"] == "auth_required"
        assert told["message"].startswith(NEEDS)
        assert told["hint"] == f"Sign in at {address}signin, or: photosync auth"
        assert f"sign_in.needed reason={told['message']} {told['hint']}" in daemon.log()
        status = fresh.run("status")
        assert status.returncode == 3
        assert f"{address}signin" in " ".join(status.stdout.split())
        assert fresh.emulator.requests.count() == 0
        sign_in(page, address, fresh)
        wait_for(lambda: fresh.holds(jpeg(1), jpeg(2), jpeg(3)), daemon)
        page.get_by_role("link", name="Back to photosync").click()
        page.get_by_role("heading", name="Everything is in the library").wait_for()
        assert page.url == address
        assert fresh.json("status")["problems"] == []


def sign_in(page: Page, address: str, world: World) -> None:
    """By clicks, from the overview on."""
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    assert NEEDS in page.inner_text("main")
    assert "photosync auth" not in page.inner_text("main")
    sign_in_by_clicks(page, world)


def auth(world: World) -> subprocess.CompletedProcess[str]:
    """``photosync auth`` in another terminal, with somebody who consents."""
    browser = f"{sys.executable} {answer.__code__.co_filename} %s allow"
    return subprocess.run(
        [*PROGRAM, "auth", "--config", str(world.config)],
        capture_output=True,
        text=True,
        env={**world.environ(), "BROWSER": browser},
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


def test_a_sign_in_in_a_terminal_is_noticed_too(fresh: World) -> None:
    fresh.put("a.jpg", jpeg(1))
    with served(fresh) as (daemon, _):
        wait_for(lambda: fresh.json("status")["items"]["mirrored"] == 1, daemon)
        assert auth(fresh).returncode == 0
        wait_for(lambda: fresh.holds(jpeg(1)), daemon)
        wait_for(lambda: fresh.json("status")["problems"] == [], daemon)


def test_a_token_that_is_put_there_by_hand_counts_as_well(fresh: World) -> None:
    with served(fresh) as (daemon, _):
        wait_for(lambda: fresh.json("status")["problems"], daemon)
        assert problem(fresh)["code"] == "auth_required"
        fresh.sign_in()
        assert fresh.json("status")["problems"] == []  # with nothing to send that could prove it
        fresh.put("a.jpg", jpeg(1))
        wait_for(lambda: fresh.holds(jpeg(1)), daemon)


def test_a_daemon_that_was_never_signed_in_starts_again_ends_well_and_is_told_of(
    fresh: World,
) -> None:
    """Stopped, it knows no page to sign in by; started anew, it says once more what it needs."""
    fresh.put("a.jpg", jpeg(1))
    for _ in range(2):
        with served(fresh) as (daemon, address):
            wait_for(lambda: fresh.json("status")["items"]["mirrored"] == 1, daemon)
            # the second time it was copied before: the page is there a moment before the words are
            wait_for(lambda: "sign_in.needed" in daemon.log(), daemon)
            wait_for(lambda: f"{address}signin" in problem(fresh)["hint"], daemon)
            told = fresh.json("doctor", "--offline")
            assert f"{address}signin" in json.dumps(told)
        stopped = problem(fresh)
        assert (stopped["message"], stopped["hint"]) == (f"{NEEDS}.", "Sign in: photosync auth")
    fresh.sign_in()
    assert fresh.once()["done"] == 1


@pytest.mark.parametrize("arguments", [("run",), ("run", "--once")])
def test_without_a_page_it_ends_and_says_why(fresh: World, arguments: tuple[str, ...]) -> None:
    """``--once`` has no page whatever the settings say."""
    enabled = "true" if "--once" in arguments else "false"
    fresh.variables |= {"PHOTOSYNC_WEB__ENABLED": enabled, "PHOTOSYNC_WEB__PORT": "0"}
    done = fresh.run(*arguments)
    assert done.returncode == 3
    assert NEEDS in done.stderr
    assert "photosync auth" in done.stderr


def test_a_page_that_cannot_be_had_leaves_the_terminal_to_sign_in_by(fresh: World) -> None:
    """Its port is taken: what is found is copied all the same."""
    port = fresh.emulator.url.rpartition(":")[2].strip("/")
    fresh.variables |= {"PHOTOSYNC_WEB__ENABLED": "true", "PHOTOSYNC_WEB__PORT": port}
    fresh.put("a.jpg", jpeg(1))
    with fresh.daemon() as daemon:
        wait_for(lambda: fresh.json("status")["items"]["mirrored"] == 1, daemon)
        hints = {one["code"]: one["hint"] for one in fresh.json("status")["problems"]}
        assert hints["auth_required"] == "Sign in: photosync auth"
        assert "port_taken" in hints
        assert auth(fresh).returncode == 0
        wait_for(lambda: fresh.holds(jpeg(1)), daemon)


def test_without_a_client_it_is_said_how_to_get_one_and_then_it_goes_on(fresh: World) -> None:
    file = fresh.home / "client_secret.json"
    kept = file.read_text()
    file.unlink()
    fresh.put("a.jpg", jpeg(1))
    with served(fresh) as (daemon, address), chromium() as page:
        page.set_default_timeout(PATIENCE)
        wait_for(lambda: fresh.json("status")["items"]["mirrored"] == 1, daemon)
        hint = problem(fresh)["hint"]
        assert hint.startswith(f"There is no OAuth client at {file}.")
        assert hint.endswith("photosync auth --client-secret FILE")
        page.goto(address)
        assert "photosync auth --client-secret FILE" in page.inner_text("main")
        page.get_by_role("link", name="Sign in").click()
        page.get_by_role("link", name="Clients").wait_for()
        assert page.locator("main").get_by_role("button", name="Sign in").count() == 0
        file.write_text(kept)
        sign_in(page, address, fresh)
        wait_for(lambda: fresh.holds(jpeg(1)), daemon)


def test_under_systemd_it_stays_up_says_what_it_needs_and_is_reloaded(fresh: World) -> None:
    """Exit code 3 would keep it from being started again."""
    fresh.variables |= {"PHOTOSYNC_WEB__ENABLED": "true", "PHOTOSYNC_WEB__PORT": "0"}
    fresh.put("a.jpg", jpeg(1))
    with managed(fresh) as manager:
        manager.until("READY=1")
        manager.until(f"STATUS={NEEDS}")
        fresh.config.write_text(fresh.config.read_text() + '[notify]\nnothing_done = "9d"\n')
        manager.process.send_signal(signal.SIGHUP)
        manager.until("READY=1", times=2)
        assert auth(fresh).returncode == 0
        wait_for(lambda: fresh.holds(jpeg(1)))
        manager.until("STATUS=1 in the library, nothing to do")
        assert manager.starts == 1


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as page:
        assert page.context.browser is not None
        yield page.context.browser


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_serious_stands_in_the_way_of_a_first_start(
    fresh: World, browser: Browser, look: str
) -> None:
    """Nothing found, nobody signed in, and no client to do it with."""
    (fresh.home / "client_secret.json").unlink()
    found: list[Any] = []
    with served(fresh) as (_, address):
        context = browser.new_context(base_url=address, **LOOKS[look])
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        for path in ("/", "/photos", "/folders", "/settings", "/signin"):
            page.goto(path)
            page.wait_for_timeout(300)  # what it looks like is judged once it stands still
            page.evaluate(AXE.read_text("utf-8"))
            told = page.evaluate("axe.run()")["violations"]
            found += [(path, one["id"]) for one in told if one["impact"] in SERIOUS]
            found += [(path, "wide")] * is_too_wide(page, look)
        context.close()
    assert found == []
