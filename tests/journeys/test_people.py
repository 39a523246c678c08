"""What somebody sits in front of: signing in, the demo, the emulator, a bar, a watched status."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from tests.journeys.browser import answer
from tests.journeys.conftest import PATIENCE, PROGRAM, jpeg, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.journeys.conftest import World

pytestmark = pytest.mark.journey

BROWSER = Path(__file__).with_name("browser.py")


class Terminal:
    """A program on a terminal of its own, 100 columns wide."""

    def __init__(self, world: World, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        environ = {**world.environ(), "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
        self.process = subprocess.Popen(
            [*PROGRAM, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environ,
            start_new_session=True,
        )
        os.close(slave)
        os.set_blocking(self._master, False)
        self._said = b""
        self.text = ""

    def read(self) -> str:
        """All it said so far, without colours."""
        while True:
            try:
                block = os.read(self._master, 65536)
            except (BlockingIOError, OSError):
                break
            if not block:
                break
            self._said += block  # which may end within a letter, or within a colour
        text = self._said.decode("utf-8", "replace")
        self.text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
        return self.text

    def until(self, words: str) -> None:
        """Wait until it says ``words``."""
        ends = time.monotonic() + PATIENCE
        while words not in self.read():
            assert time.monotonic() < ends, self.text[-3000:]
            assert self.process.poll() is None or words in self.read(), self.text[-3000:]
            time.sleep(0.02)

    def interrupt(self) -> int:
        """Ctrl-C; its exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.end()

    def end(self) -> int:
        """Read to its end; its exit code."""
        ends = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            self.read()
            assert time.monotonic() < ends, self.text[-3000:]
            time.sleep(0.02)
        self.read()
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for one in opened:
        one.close()


@pytest.fixture
def demos(world: World) -> Iterator[Path]:
    """Where the demos of this test alone put what they make; its name is short, for a line."""
    with tempfile.TemporaryDirectory(prefix="demos-") as folder:
        world.variables["TMPDIR"] = folder
        yield Path(folder)


def client(world: World) -> None:
    (world.home / "client_secret.json").write_text(json.dumps(world.emulator.client_secret()))
    (world.state / "token.json").unlink()


@pytest.mark.parametrize(
    ("decision", "code", "words"),
    [
        ("allow", 0, "Signed in"),
        ("deny", 3, "The consent was not given"),
        ("less", 3, "did not let photosync add photos"),
    ],
)
def test_signing_in_with_a_browser(world: World, decision: str, code: int, words: str) -> None:
    client(world)
    done = subprocess.run(
        [*PROGRAM, "auth", "--config", str(world.config)],
        capture_output=True,
        text=True,
        env={**world.environ(), "BROWSER": f"{sys.executable} {BROWSER} %s {decision}"},
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert (world.state / "token.json").exists() == (code == 0)
    if code == 0:
        assert (world.state / "token.json").stat().st_mode & 0o777 == 0o600
        world.put("a.jpg", jpeg(1))
        world.once()
        assert world.holds(jpeg(1))
        assert "Google accepts it" in world.run("auth", "--check").stdout
        assert world.run("auth", "--revoke").returncode == 0
        assert world.run("auth", "--check").returncode == 3


def test_the_client_need_be_named_once(world: World) -> None:
    client(world)
    named = world.home / "client_secret.json"
    elsewhere = named.rename(world.home / "download.json")
    browser = {**world.environ(), "BROWSER": f"{sys.executable} {BROWSER} %s allow"}
    for more in (["--client-secret", str(elsewhere)], []):
        done = subprocess.run(
            [*PROGRAM, "auth", *more, "--config", str(world.config)],
            capture_output=True,
            text=True,
            env=browser,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        elsewhere.unlink(missing_ok=True)
    kept = world.state / "client_secret.json"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_signing_in_without_a_browser(world: World) -> None:
    client(world)
    with subprocess.Popen(
        [*PROGRAM, "auth", "--no-browser", "--config", str(world.config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=world.environ(),
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("http"):
                break
        out, err = process.communicate(answer(line.strip(), "allow") + "\n", timeout=PATIENCE)
    assert process.returncode == 0, err
    assert "Signed in" in out
    assert world.run("auth", "--check").returncode == 0


def test_a_pasted_address_that_is_none(world: World) -> None:
    client(world)
    done = subprocess.run(
        [*PROGRAM, "auth", "--no-browser", "--config", str(world.config)],
        input="what?\n",
        capture_output=True,
        text=True,
        env=world.environ(),
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 3
    assert "holds no answer of Google's" in done.stderr


def test_the_demo_ends_by_itself_without_a_terminal(world: World) -> None:
    document = world.json_without_settings("demo")
    assert document["in_library"] == 42
    assert document["requests"] <= 50


def test_the_demo_on_a_terminal_shows_a_page_until_ctrl_c(
    world: World, terminals: list[Terminal], demos: Path
) -> None:
    terminal = Terminal(world, "demo")
    terminals.append(terminal)
    terminal.until("Ctrl-C ends the demo")
    page = re.search(r"http://\S+/emulator/", terminal.read())
    assert page is not None
    held = requests.get(page.group() + "library.json", timeout=PATIENCE).json()
    assert len(held["items"]) == 42
    assert "in your library" in terminal.text
    folder = re.search(r"Copy a picture into (\S+/Pictures)", terminal.text)
    assert folder is not None
    assert Path(folder.group(1)).is_relative_to(demos)

    assert terminal.interrupt() == 0, terminal.text

    assert not Path(folder.group(1)).exists()
    assert _running(demos) == 0
    assert list(demos.iterdir()) == []


def test_ctrl_c_in_the_middle_of_the_demo_leaves_nothing(
    world: World, terminals: list[Terminal], demos: Path
) -> None:
    terminal = Terminal(world, "demo")
    terminals.append(terminal)
    terminal.until("Starting photosync")
    terminal.interrupt()
    assert "Traceback" not in terminal.text
    assert _running(demos) == 0
    assert list(demos.iterdir()) == []


def test_a_run_on_a_terminal_shows_a_bar_and_one_line_at_the_end(
    world: World, terminals: list[Terminal]
) -> None:
    world.emulator.options.latency_seconds = 0.1
    for number in range(20):
        world.put(f"{number}.jpg", jpeg(number))
    terminal = Terminal(world, "run", "--once", "--config", str(world.config))
    terminals.append(terminal)
    assert terminal.end() == 0, terminal.text
    assert "to go" in terminal.text
    assert "20 photos and videos put into your library" in terminal.text


def test_status_can_be_watched(world: World, terminals: list[Terminal]) -> None:
    terminal = Terminal(world, "status", "--watch", "--config", str(world.config))
    terminals.append(terminal)
    terminal.until("not running")
    with world.daemon() as daemon:
        world.put("a.jpg", jpeg(1))
        wait_for(lambda: world.holds(jpeg(1)), daemon)
        terminal.until("nothing to do")
    assert terminal.interrupt() == 0


def test_the_emulator_alone(world: World) -> None:
    with subprocess.Popen(
        [*PROGRAM, "emulate", "--port", "0", "--json", "--directory", str(world.home / "google")],
        stdout=subprocess.PIPE,
        text=True,
        env=world.environ(),
    ) as process:
        assert process.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            text += process.stdout.readline()
        url = json.loads(text)["url"]
        assert requests.get(f"{url}/emulator/library.json", timeout=PATIENCE).json()["items"] == []
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("plan", ["no json", "{}", '[{"fault": "unheard of", "on": "*"}]'])
def test_a_fault_plan_that_is_none(world: World, plan: str) -> None:
    (world.home / "plan.json").write_text(plan)
    done = world.run("emulate", "--port", "0", "--faults", str(world.home / "plan.json"))
    assert done.returncode == 2
    assert "plan.json" in done.stderr
    assert "Traceback" not in done.stderr


def _running(demos: Path) -> int:
    """How many daemons of photosync run for a demo there."""
    found = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue  # it has just ended
            found += os.fsencode(demos / "photosync-demo-") in command
    return found


def test_the_shell_completes_verbs(world: World) -> None:
    told = subprocess.run(
        [str(Path(sys.executable).with_name("photosync"))],
        env={
            **world.environ(),
            "_PHOTOSYNC_COMPLETE": "complete_bash",
            "COMP_WORDS": "photosync sta",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    assert told.stdout.split() == ["status"]


def test_the_version_is_the_distributions() -> None:
    told = subprocess.check_output([*PROGRAM, "--version"], text=True)
    assert told == f"photosync {version('photosync-daemon')}\n"
