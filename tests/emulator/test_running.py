from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from photosync.emulator.__main__ import main
from photosync.emulator.options import Options
from photosync.emulator.running import Server, configuration, listen
from photosync.emulator.server import Emulator, PortTaken, serve
from tests.emulator.conftest import Client, Clock, picture

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024**2


@contextmanager
def program(directory: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``python -m photosync.emulator`` and its address."""
    command = [sys.executable, "-m", "photosync.emulator", "--directory", str(directory)]
    with subprocess.Popen(
        [*command, "--port", "0", *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def signed_in(url: str) -> Client:
    token = requests.post(url + "/emulator/grant", timeout=60).json()["token"]
    return Client(url, token)


def test_a_server_that_has_ended_can_be_told_to_end() -> None:
    """A tick may see the order before the loop is woken."""
    server = Server(configuration(None, None))
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        assert server.ready.wait(60)
        server.should_exit = True
        thread.join(60)
    assert not thread.is_alive()
    server.stop()


def test_a_restart_forgets_nothing(tmp_path: Path, clock: Clock) -> None:
    options = Options(granularity_bytes=256, daily_limit=5)
    content = bytes(range(250)) * 4
    with Emulator(tmp_path, clock=clock, options=options) as first, requests.Session() as http:
        held = first.grant()
        client = Client(first.url, held["token"], http)
        token = client.upload(picture())
        client.make_album()
        path = client.session(1000).removeprefix(first.url)
        assert client.send(first.url + path, content[:512], last=False).status_code == 200
        secret = first.client_secret()["installed"]["client_secret"]
    with Emulator(tmp_path, clock=clock, options=options) as second, requests.Session() as http:
        assert second.client_secret()["installed"]["client_secret"] == secret
        client = Client(second.url, held["token"], http)
        last = client.send(second.url + path, content[512:], 512)
        assert last.status_code == 200
        assert [album.title for album in second.library.albums()] == ["Holiday"]
        assert client.get("/v1/albums").status_code == 429, "the day's counter goes on"
        options.daily_limit = 100
        assert client.create(token, last.text).json()["newMediaItemResults"][1]["status"] == {
            "code": 3,
            "message": "Failed: There was an error while trying to create this media item.",
        }
        (item,) = second.library.items()
        assert item.file.read_bytes() == picture()


def test_a_kill_in_the_middle_of_a_chunk(tmp_path: Path) -> None:
    content = picture(1) + bytes(range(256)) * 4096
    with program(tmp_path) as (process, url):
        client = signed_in(url)
        path = client.session(len(content)).removeprefix(url)
        host, port = url.removeprefix("http://").split(":")
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n"
            "X-Goog-Upload-Command: upload, finalize\r\nX-Goog-Upload-Offset: 0\r\n\r\n"
        )
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(head.encode() + content[:600_000])
            (partial,) = (tmp_path / "uploading").iterdir()
            ends_at = time.monotonic() + 60
            while partial.stat().st_size < 600_000:
                assert time.monotonic() < ends_at
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.wait(60)
        token = client.token
        client.http.close()
    with program(tmp_path) as (_, url), requests.Session() as http:
        client = Client(url, token, http)
        query = client.command(url + path, "query")
        offset = int(query.headers["X-Goog-Upload-Size-Received"])
        assert offset == 600_000
        upload = client.send(url + path, content[offset:], offset)
        assert upload.status_code == 200
        assert client.create(upload.text).status_code == 200
        (item,) = client.get("/emulator/library.json").json()["items"]
        assert Path(item["file"]).read_bytes() == content


def test_a_restart_sweeps_what_nobody_can_use(tmp_path: Path, clock: Clock) -> None:
    with Emulator(tmp_path, clock=clock) as emulator, requests.Session() as http:
        client = Client(emulator.url, emulator.grant()["token"], http)
        client.make_item(picture(1))
        client.upload(picture(2))
        client.session(10)
    (tmp_path / "uploading" / "raw-left-by-a-kill").write_bytes(b"x")
    clock.pass_(7 * 86_400)
    with Emulator(tmp_path, clock=clock) as emulator:
        (item,) = emulator.library.items()
        assert list((tmp_path / "blobs").iterdir()) == [item.file]
        assert list((tmp_path / "uploading").iterdir()) == []


def peak_memory(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def test_large_uploads_take_no_memory(tmp_path: Path) -> None:
    size = 300 * MIB
    block = os.urandom(MIB)

    def blocks(head: bytes) -> Iterator[bytes]:
        yield head + block[len(head) :]
        for _ in range(size // MIB - 1):
            yield block

    with program(tmp_path) as (process, url):
        client = signed_in(url)
        with client.http:
            before = peak_memory(process.pid)
            raw = client.raw(blocks(b""))
            session = client.session(size)
            headers = {
                "X-Goog-Upload-Command": "upload, finalize",
                "X-Goog-Upload-Offset": "0",
                **client.auth,
            }
            head = b"\0\0\0\x18ftypmp42"
            resumable = client.http.post(session, data=blocks(head), headers=headers, timeout=120)
            assert (raw.status_code, resumable.status_code) == (200, 200)
            assert client.create(resumable.text).status_code == 200
            assert peak_memory(process.pid) - before < 30 * MIB
            (item,) = client.get("/emulator/library.json").json()["items"]
            assert item["size_bytes"] == size


def test_it_stops_although_requests_hang(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path)
    failures: list[Exception] = []

    def ask(token: str) -> None:
        headers = {"Authorization": "Bearer " + token}
        try:
            requests.get(emulator.url + "/v1/albums", headers=headers, timeout=120)
        except requests.ConnectionError as error:
            failures.append(error)

    with emulator:
        emulator.faults.add({"fault": "hang", "seconds": 3600, "times": 3})
        token = emulator.grant()["token"]
        threads = [threading.Thread(target=ask, args=(token,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        ends_at = time.monotonic() + 60
        while emulator.faults.remaining():
            assert time.monotonic() < ends_at
            time.sleep(0.005)
    for thread in threads:
        thread.join(60)
    assert len(failures) == 3


def test_the_port_is_taken(emulator: Emulator, tmp_path: Path) -> None:
    port = int(emulator.url.rsplit(":", 1)[1])
    with pytest.raises(PortTaken) as caught, Emulator(tmp_path, port=port):
        pass
    assert (caught.value.host, caught.value.port) == ("127.0.0.1", port)
    assert main(["--directory", str(tmp_path), "--port", str(port)]) == 1


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="assign"), Emulator(tmp_path, host="192.0.2.1"):
        pass


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 -- for the length of one request
        ("localhost", "localhost"),
        ("::1", "[::1]"),
    ],
)
def test_addresses(tmp_path: Path, host: str, shown: str) -> None:
    with Emulator(tmp_path, host=host) as emulator:
        assert emulator.url.startswith(f"http://{shown}:")
        assert requests.get(emulator.url + "/emulator/healthz", timeout=60).json() == {
            "status": "ok"
        }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_until_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    handlers = (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
    told: list[str] = []

    def announce(url: str) -> None:
        told.append(url)
        headers = {"Authorization": "Bearer " + signed_in_token(url)}
        assert requests.get(url + "/v1/albums", headers=headers, timeout=60).status_code == 503
        os.kill(os.getpid(), number)

    serve(
        tmp_path,
        port=0,
        host="127.0.0.1",
        faults=[{"fault": "503", "on": "albums.list"}],
        announce=announce,
    )
    assert told[0].startswith("http://127.0.0.1:")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def signed_in_token(url: str) -> str:
    return str(requests.post(url + "/emulator/grant", timeout=60).json()["token"])


def test_the_program_takes_options_and_faults(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps([{"fault": "hang", "seconds": 3}]))
    options = json.dumps({"granularity_bytes": 8_388_608})
    with program(tmp_path / "d", "--options", options, "--faults", f"@{file}") as (process, url):
        shown = requests.get(url + "/emulator/options", timeout=60).json()
        assert shown["granularity_bytes"] == 8_388_608
        faults = requests.get(url + "/emulator/faults", timeout=60).json()
        assert (faults[0]["fault"], faults[0]["seconds"]) == ("hang", 3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--options", '{"x": 1}'],
        ["--options", "{"],
        ["--faults", '[{"fault": "x"}]'],
        ["--faults", "@/nonexistent"],
        ["--tls-cert", "x"],
    ],
)
def test_wrong_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_the_log_of_a_long_run_is_bounded() -> None:
    from photosync.emulator.requestlog import Record, RequestLog

    log = RequestLog(limit=10)
    for number in range(1000):
        log.begin(Record("token", "POST", "/token", began_at=number))
    assert (len(log.all()), log.count("token"), log.count()) == (10, 1000, 1000)
    assert log.all()[-1].began_at == 999
    log.clear()
    assert (log.all(), log.count()) == ([], 0)


@pytest.mark.parametrize(
    "values",
    [
        {"unknown": 1},
        {"daily_limit": -1},
        {"daily_limit": "5"},
        {"daily_limit": True},
        {"daily_limit": 1.5},
        {"granularity_bytes": 0},
        {"latency_seconds": float("nan")},
        {"latency_seconds": float("inf")},
        {"wrong_offset_status": 404},
        {"keep_prefix": "all"},
        {"testing_mode": 1},
    ],
)
def test_options_are_checked(values: dict[str, Any]) -> None:
    options = Options()
    with pytest.raises(ValueError, match=next(iter(values))):
        options.update({"count_uploads": False, **values})
    assert options == Options(), "none or all"


def test_every_option_is_documented() -> None:
    assert Options.__doc__ is not None
    for name in Options().to_mapping():
        assert f"        {name}: " in Options.__doc__
