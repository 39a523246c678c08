"""A phone of the lab for every test that wants one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from photosync.device.identity import identify
from photosync.device.phone import Phone
from photosync.device.server import AdbServer
from tests.lab import lab
from tests.lab.server import FakeServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.lab import AdbHost, LabPhone


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdbHost]:
    with lab.host(tmp_path_factory.mktemp("adb-home"), with_phones=False) as made:
        yield made


@pytest.fixture(scope="session")
def built() -> None:
    lab.want(lab.missing_lab())


@pytest.fixture(scope="module")
def lab_phone(
    built: None, host: AdbHost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LabPhone]:
    with lab.phone(host, tmp_path_factory.mktemp("phone"), "LAB0001") as made:
        yield made


@pytest.fixture
def own_phone(built: None, host: AdbHost, tmp_path: Path) -> Iterator[LabPhone]:
    """A phone that the test may break."""
    card = tmp_path / "card"
    card.mkdir()
    with lab.phone(host, tmp_path / "phone", "LAB0002", card=card) as made:
        yield made


def opened(made: LabPhone, *, timeout_seconds: float = 15.0) -> Phone:
    """The phone, as photosync uses it."""
    server = AdbServer("127.0.0.1", made.host.port, timeout_seconds=timeout_seconds)
    lab.eventually(lambda: _ready(server, made), "the phone")
    return Phone(server, made.transport, identify(server, made.transport, clock=time.time))


def _ready(server: AdbServer, made: LabPhone) -> bool:
    from photosync.errors import PhotosyncError

    try:
        return bool(server.features(made.transport))
    except PhotosyncError:
        return False


@pytest.fixture
def phone(lab_phone: LabPhone) -> Iterator[Phone]:
    found = opened(lab_phone)
    yield found
    found.close()


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with FakeServer() as made:
        yield made
