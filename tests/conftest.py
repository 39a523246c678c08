"""What holds for every test."""

from __future__ import annotations

import logging
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Generator

LONG = ("crash", "journeys", "powercut", "soak", "backup", "store")
"""Folders whose files take minutes: they begin first, so that no worker ends long after another."""

# no test is about time: machines are shared and noisy
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    """A worker of pytest-xdist is a process like any other to what the tests start.

    It ignores Ctrl-C, which children inherit, and sets the width of its terminal.
    """
    if hasattr(config, "workerinput"):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.pop("COLUMNS", None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files first; the others keep their order."""
    tests = config.rootpath / "tests"

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(tests).parts[0] if item.path.is_relative_to(tests) else ""
        return LONG.index(folder) if folder in LONG else len(LONG)

    items.sort(key=place)


@pytest.fixture(autouse=True)
def _levels_of_logs() -> Generator[None, None, None]:
    """A verb that was run in this process leaves no level for the tests after it."""
    loggers = [logging.getLogger(name) for name in ("", "photosync", "photosync.device")]
    levels = [one.level for one in loggers]
    yield
    for one, level in zip(loggers, levels, strict=True):
        one.setLevel(level)


@pytest.fixture(autouse=True)
def _time_zone() -> Generator[None, None, None]:
    """One that a test has set for itself is not that of the tests after it."""
    yield
    time.tzset()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A report goes from process to process as UTF-8, and file names of ours are not always."""
    report = yield
    report.sections = [(name, _plain(text)) for name, text in report.sections]
    if report.longrepr is not None and not isinstance(report.longrepr, tuple):
        text = str(report.longrepr)
        report.longrepr = report.longrepr if text.isascii() else _plain(text)
    return report


def _plain(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
