"""A real browser, driven by Playwright: ``with chromium() as page``."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.lab import lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@contextmanager
def chromium() -> Iterator[Page]:
    """An empty page in a browser without a window. Skips where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    lab.want(None if found else "needs a browser: sudo apt install chromium")
    from playwright.sync_api import sync_playwright

    switches = [*SWITCHES, *["--no-sandbox"] * (os.getuid() == 0)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=switches)
        try:
            yield browser.new_page()
        finally:
            browser.close()
