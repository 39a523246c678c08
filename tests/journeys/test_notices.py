"""Who is told what, by the real program, with apprise's JSON as the way to them."""

from __future__ import annotations

import errno
import re
import socket
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import World, jpeg, wait_for
from tests.notify.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.journey


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def tell(world: World, receiver: Receiver, more: str = "") -> None:
    world.configure(
        more=f'[notify]\nurls = ["{receiver.address()}"]\non = ["blocked", "failed", "done"]\n'
        f'ping = "{receiver.url}/ping/secret-word"\n{more}'
    )


def said(receiver: Receiver) -> list[str]:
    """The titles since the last time."""
    heard = [re.sub(r"^photosync on \S+ ", "", title) for title, _ in receiver.notices()]
    receiver.heard.clear()
    return heard


def pings(receiver: Receiver) -> list[tuple[str, str]]:
    return [(path, body.splitlines()[0]) for path, body in receiver.heard if "/ping" in path]


def test_cron_is_told_of_what_failed_and_what_it_needs(world: World, receiver: Receiver) -> None:
    tell(world, receiver)
    world.put("a.jpg", jpeg(1))
    world.once()
    assert pings(receiver) == [("/ping/secret-word", "All is well.")]
    assert said(receiver) == []  # what was there at the first look is no news

    world.put("b.jpg", jpeg(2))
    world.put("empty.jpg", b"")
    world.once(code=1)
    assert set(said(receiver)) == {
        "could not back up a photo",
        "put a photo into your library",
    }
    world.put("c.jpg", jpeg(3))
    (world.state / "token.json").unlink()
    refused = world.run("run", "--once")
    assert refused.returncode == 3
    ((path, text),) = pings(receiver)
    assert path == "/ping/secret-word/fail"
    assert text.startswith("photosync is not signed in to Google Photos")
    assert said(receiver) == ["needs you"]
    assert world.run("run", "--once").returncode == 3
    assert said(receiver) == []
    assert "secret-word" not in refused.stderr


def test_a_daemon_tells_what_failed_and_says_nothing_twice(
    world: World, receiver: Receiver
) -> None:
    tell(world, receiver)
    world.put("empty.jpg", b"")
    with world.daemon() as daemon:
        # one that ends between the sending and the record would tell it once more
        wait_for(lambda: "notice.remembered kind=failed" in daemon.log(), daemon)
        assert "secret-word" not in daemon.log()
    assert said(receiver) == ["could not back up a photo"]
    with world.daemon() as daemon:
        world.put("a.jpg", jpeg(1))
        wait_for(lambda: world.holds(jpeg(1)), daemon)
    assert said(receiver) == []


def test_one_that_does_not_take_it_is_a_problem_that_names_no_secret(
    world: World, receiver: Receiver
) -> None:
    receiver.answer = 403
    tell(world, receiver)
    world.put("empty.jpg", b"")
    document = world.once(code=1)
    told = {one["code"]: one["message"] for one in world.json("status")["problems"]}
    assert told.keys() == {"notify_failed", "ping_failed"}
    assert told["ping_failed"] == ("A sign of life to http://*** was not heard: it answered 403.")
    assert "secret-word" not in f"{told}{document}"

    tried = world.run("notify")
    assert tried.returncode == 1
    assert "json://***: " in tried.stdout
    assert "2 of 2 did not take it." in tried.stdout
    receiver.answer = 200
    tried = world.run("notify")
    assert (tried.returncode, tried.stdout) == (
        0,
        "json://***: took it\nhttp://*** (notify.ping): took it\n",
    )


def test_trying_where_nobody_is_to_be_told(world: World) -> None:
    tried = world.run("notify")
    assert tried.returncode == 3
    assert "Nobody is told when something needs you." in tried.stdout
    assert world.json("notify")["addresses"] == []


def test_the_metrics_of_a_daemon(noon_world: World) -> None:
    world = noon_world
    world.variables = {"PHOTOSYNC_WEB__ENABLED": "true", "PHOTOSYNC_WEB__PORT": "0"}
    world.put("a.jpg", jpeg(1))
    with world.daemon() as daemon:
        wait_for(lambda: world.holds(jpeg(1)), daemon)
        ready = re.compile(r"web\.ready address=http://127\.0\.0\.1:([0-9]+)/")
        wait_for(lambda: ready.search(daemon.log()), daemon)
        (port,) = ready.findall(daemon.log())

        def metrics() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=120) as answer:
                text: bytes = answer.read()
                return text.decode()

        wait_for(lambda: 'photosync_items{state="done"} 1.0' in metrics(), daemon)
        assert 'photosync_requests_today_total{kind="create"} 1.0' in metrics()
        assert 'photosync_worker_silent_seconds{worker="upload-1"}' in metrics()
    with socket.socket() as gone:
        assert gone.connect_ex(("127.0.0.1", int(port))) == errno.ECONNREFUSED


def test_a_port_that_is_taken_stops_nothing(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        world.variables = {"PHOTOSYNC_WEB__ENABLED": "true", "PHOTOSYNC_WEB__PORT": str(port)}
        world.put("a.jpg", jpeg(1))
        with world.daemon() as daemon:
            wait_for(lambda: world.holds(jpeg(1)), daemon)
            (problem,) = world.json("status")["problems"]
            assert problem["message"] == (f"The web server is off: 127.0.0.1 port {port} is taken.")
            assert world.run("status").returncode == 0
