"""The network goes and comes back, in a network namespace of the test's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from photosync.emulator.server import Emulator
from tests.journeys.conftest import PATIENCE, PROGRAM, World, jpeg, sha256, wait_for
from tests.lab import lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.journey


class Namespace:
    """A network of one machine, which can be lost as wireless ones are: with the address."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._ip("netns", "add", name)
        self._ip("-n", name, "link", "set", "lo", "up")  # which gives it its address

    def _ip(self, *arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    def lose(self) -> None:
        self._ip("-n", self.name, "address", "delete", "127.0.0.1/8", "dev", "lo")

    def come_back(self) -> None:
        self._ip("-n", self.name, "address", "add", "127.0.0.1/8", "dev", "lo")

    def inside(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *command]

    def close(self) -> None:
        self._ip("netns", "delete", self.name)


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    lab.want(None if shutil.which("ip") else "needs ip: sudo apt install iproute2")
    name = f"photosync-{os.getpid()}"
    try:
        made = Namespace(name)
    except subprocess.CalledProcessError:
        lab.want("network namespaces need root")
        raise
    yield made
    made.close()


@contextmanager
def google(world: World, namespace: Namespace, folder: Path) -> Iterator[str]:
    """An emulator that only that network reaches; its address."""
    command = [*PROGRAM, "emulate", "--port", "0", "--json", "--directory", str(folder)]
    with subprocess.Popen(
        namespace.inside(*command), stdout=subprocess.PIPE, text=True, env=world.environ()
    ) as process:
        assert process.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            text += process.stdout.readline()
        try:
            yield json.loads(text)["url"]
        finally:
            process.terminate()
            process.wait(PATIENCE)


def said(log_file: Path) -> str:
    """The log so far: its last letter may be half written."""
    return log_file.read_text("utf-8", "replace")


def status_if_waiting(world: World) -> Any:
    """What status says; None unless the daemon waits."""
    status = world.json("status")
    return status if status["daemon"]["state"] == "waiting" else None


def test_no_network_is_waited_for_without_an_error(tmp_path: Path, namespace: Namespace) -> None:
    folder = tmp_path / "google"
    with Emulator(folder) as emulator:
        world = World(tmp_path / "home", emulator)
        token = json.loads((world.state / "token.json").read_text())
    with google(world, namespace, folder) as url:
        file = world.state / "token.json"
        file.write_text(json.dumps({**token, "token_uri": f"{url}/token"}))
        # one worker: the second photo meets the connection of the first
        world.configure(more="[upload]\nworkers = 1")
        world.config.write_text(world.config.read_text().replace(emulator.url, url))
        world.put("a.jpg", jpeg(1))
        log_file = tmp_path / "log"
        log = log_file.open("wb")
        daemon = subprocess.Popen(
            namespace.inside(*PROGRAM, "run", "--verbose", "--config", str(world.config)),
            stdout=log,
            stderr=log,
            env=world.environ(),
        )
        try:
            wait_for(lambda: world.json("status")["items"]["done"] == 1)
            namespace.lose()
            wait_for(lambda: "network.lost" in said(log_file))
            world.put("b.jpg", jpeg(2))
            status = wait_for(lambda: status_if_waiting(world))
            assert status["items"]["failed"] == 0
            (problem,) = status["problems"]
            assert problem["code"] == "offline"
            assert world.run("status").returncode == 0
            (late,) = (one for one in world.json("list")["items"] if one["path"] == "b.jpg")
            assert world.json("show", str(late["id"]))["item"]["attempts"] == 0

            namespace.come_back()
            wait_for(lambda: world.json("status")["items"]["done"] == 2)
            wait_for(lambda: world.json("status")["problems"] == [])
            wait_for(lambda: "network.changed" in said(log_file))
        finally:
            daemon.terminate()
            daemon.wait(PATIENCE)
            log.close()
    with Emulator(folder) as emulator:
        held = sorted(one.sha256 for one in emulator.library.items())
    assert held == sorted([sha256(jpeg(1)), sha256(jpeg(2))])
