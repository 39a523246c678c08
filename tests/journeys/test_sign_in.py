"""Signing in as people do: a real browser, a terminal into which an address is pasted."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from photosync.emulator.options import CONSENT_REFUSALS
from tests.journeys.browser import answer
from tests.journeys.chromium import chromium
from tests.journeys.conftest import PATIENCE, PROGRAM, jpeg, wait_for
from tests.lab import lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from tests.journeys.conftest import World

pytestmark = pytest.mark.journey

WORDS_OF = {
    "access_denied": "press 'Publish app'",
    "admin_policy_enforced": "The administrator of that Google account",
    "deleted_client": "The OAuth client was deleted",
    "disabled_client": "is switched off",
    "disallowed_useragent": "in an ordinary browser",
    "org_internal": "Make it 'External'",
}


def client(world: World) -> None:
    (world.home / "client_secret.json").write_text(json.dumps(world.emulator.client_secret()))
    (world.state / "token.json").unlink()


class Auth:
    """``photosync auth`` waiting for a browser that the test plays. ``url``: what it shows."""

    def __init__(self, world: World, *more: str) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, "auth", *more, "--config", str(world.config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**world.environ(), "BROWSER": "true"},
        )
        assert self.process.stderr is not None
        self.url = next(line for line in self.process.stderr if line.startswith("http")).strip()

    def end(self) -> tuple[int, str]:
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out + err


class Tmux:
    """A terminal of its own, 80 columns wide, into which one can paste."""

    def __init__(self, world: World) -> None:
        lab.want(None if shutil.which("tmux") else "needs tmux: sudo apt install tmux")
        self._world = world
        self._socket = str(world.home / "tmux.socket")

    def __call__(self, *arguments: str, text: str | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=True,
            env=self._world.environ(),
        )
        return done.stdout

    def run(self, *arguments: str) -> None:
        command = [*PROGRAM, *arguments, "--config", str(self._world.config)]
        self("new-session", "-d", "-x", "80", "-y", "50", *command)
        self("set-option", "-g", "remain-on-exit", "on")

    def screen(self) -> str:
        return self("capture-pane", "-p", "-J", "-S", "-100")

    def paste(self, text: str) -> None:
        """And Enter, in one go: lines that come later are another answer."""
        self("load-buffer", "-", text=f"{text}\n")
        self("paste-buffer", "-p")

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], check=False)


@pytest.fixture
def terminal(world: World) -> Iterator[Tmux]:
    opened = Tmux(world)
    yield opened
    opened.close()


def test_the_whole_flow_in_a_real_browser(world: World) -> None:
    client(world)
    with chromium() as page:
        auth = Auth(world)
        page.goto(auth.url)
        assert page.locator("input[name=ticked]").count() == 2
        page.get_by_role("button", name="Continue").click()
        page.get_by_text("photosync is signed in").wait_for()
        code, said = auth.end()
    assert code == 0, said
    assert "Now start it" in said
    world.put("a.jpg", jpeg(1))
    world.once()
    assert world.holds(jpeg(1))


def _cancel(page: Page) -> None:
    page.get_by_role("button", name="Cancel").click()


def _untick_adding(page: Page) -> None:
    page.locator("input[value$=appendonly]").uncheck()
    page.get_by_role("button", name="Continue").click()


@pytest.mark.parametrize(
    ("does", "words"),
    [
        (_cancel, "The consent was not given."),
        (_untick_adding, "You did not let photosync add photos."),
    ],
)
def test_what_people_press_instead(world: World, does: Callable[[Page], None], words: str) -> None:
    client(world)
    with chromium() as page:
        auth = Auth(world)
        page.goto(auth.url)
        does(page)
        code, said = auth.end()
    assert code == 3
    assert words in said
    assert "photosync auth" in said
    assert not (world.state / "token.json").exists()


def test_each_refusal_of_googles_page_is_explained(world: World, terminal: Tmux) -> None:
    """The page leads back to nobody; its address, pasted into the waiting program, says why."""
    client(world)
    assert WORDS_OF.keys() == set(CONSENT_REFUSALS)
    with chromium() as page:
        terminal.run("auth")
        wait_for(lambda: "paste the address" in terminal.screen())
        url = _url(terminal)
        for word, words in WORDS_OF.items():
            world.emulator.options.consent_refusal = word
            page.goto(url)
            assert "Access blocked" in page.inner_text("body")
            terminal.paste(page.url)
            wait_for(partial(_shows, terminal, words))
        world.emulator.options.consent_refusal = ""
        page.goto(url)
        page.get_by_role("button", name="Continue").click()
        wait_for(lambda: "Signed in." in terminal.screen())


def _url(terminal: Tmux) -> str:
    found = re.search(r"http://\S+", terminal.screen())
    assert found is not None
    return found.group()


def _shows(terminal: Tmux, words: str) -> bool:
    return words in _joined(terminal.screen())


def _joined(text: str) -> str:
    return " ".join(text.split())


def test_an_address_pasted_at_once_in_several_lines(world: World, terminal: Tmux) -> None:
    """Mail programs and terminals break long lines."""
    client(world)
    terminal.run("auth", "--no-browser")
    wait_for(lambda: "then Enter" in terminal.screen())
    address = answer(_url(terminal), "allow")
    terminal.paste("nonsense")
    wait_for(lambda: "holds no answer" in _joined(terminal.screen()))
    terminal.paste(address[:100])  # cut in the middle of the code: Google does not know it
    wait_for(lambda: "it is incomplete" in _joined(terminal.screen()))
    terminal.paste("\n".join(address[at : at + 40] for at in range(0, len(address), 40)))
    wait_for(lambda: "Signed in." in terminal.screen())
    assert world.run("auth", "--check").returncode == 0


def test_an_address_can_also_be_brought_from_another_machine(world: World, terminal: Tmux) -> None:
    client(world)
    terminal.run("auth")
    wait_for(lambda: "paste the address" in terminal.screen())
    terminal.paste(answer(_url(terminal), "allow"))
    wait_for(lambda: "Signed in." in terminal.screen())


def test_a_consent_screen_in_testing_is_told_wherever_one_looks(world: World) -> None:
    client(world)
    world.emulator.options.testing_mode = True
    browser = {"BROWSER": f"{sys.executable} {answer.__code__.co_filename} %s allow"}
    done = _auth(world, browser)
    assert done.returncode == 0, done.stderr
    for said in (done.stdout, world.run("auth", "--check").stdout, world.run("status").stdout):
        assert "consent screen is in 'Testing'" in _joined(said)
        assert "Publish app" in said
    document = world.json("status")
    ends = [document["sign_in_ends_at"], world.json("auth", "--check")["ends_at"]]
    first, second = (datetime.strptime(one, "%Y-%m-%dT%H:%M:%S%z") for one in ends)
    assert abs(first - second) < timedelta(minutes=1)
    assert world.run("status").returncode == 0, "it is told early, but nothing is wrong yet"

    world.emulator.options.testing_mode = False
    assert _auth(world, browser).returncode == 0
    assert world.json("status")["sign_in_ends_at"] is None


def _auth(world: World, more: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, "auth", "--config", str(world.config)],
        capture_output=True,
        text=True,
        env={**world.environ(), **more},
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
        check=False,
    )


def test_a_daemon_learns_when_the_sign_in_ends(world: World) -> None:
    world.emulator.options.testing_mode = True
    world.emulator.options.access_token_seconds = 1
    world.sign_in()
    assert world.json("status")["sign_in_ends_at"] is None
    with world.daemon() as daemon:
        world.put("a.jpg", jpeg(1))
        wait_for(lambda: world.holds(jpeg(1)), daemon)
        wait_for(lambda: world.json("status").get("sign_in_ends_at"), daemon)


def test_an_api_that_is_switched_off_is_told_at_once(world: World) -> None:
    client(world)
    world.emulator.faults.add({"fault": "api-not-enabled", "on": "mediaItems.batchGet"})
    browser = {"BROWSER": f"{sys.executable} {answer.__code__.co_filename} %s allow"}
    done = _auth(world, browser)
    assert done.returncode == 3
    assert "The Photos Library API is not switched on" in done.stdout
    assert "https://console." in done.stdout
    assert (world.state / "token.json").exists()


def test_a_blocked_daemon_goes_on_within_seconds_of_a_new_sign_in(world: World) -> None:
    world.emulator.people.revoke(json.loads((world.state / "token.json").read_text())["token"])
    (world.home / "client_secret.json").write_text(json.dumps(world.emulator.client_secret()))
    world.put("a.jpg", jpeg(1))
    with world.daemon() as daemon:
        wait_for(lambda: world.json("status")["daemon"]["state"] == "blocked", daemon)
        browser = {"BROWSER": f"{sys.executable} {answer.__code__.co_filename} %s allow"}
        assert _auth(world, browser).returncode == 0
        wait_for(lambda: world.holds(jpeg(1)), daemon)
        wait_for(lambda: world.json("status")["problems"] == [], daemon)
