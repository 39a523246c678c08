"""A browser of few words: ``python browser.py ADDRESS [allow|deny|less]`` answers the consent page.

Follows the way back to the loopback address, or with ``--stay`` prints where it leads.
"""

from __future__ import annotations

import html
import re
import sys
from urllib.parse import urlsplit

import requests


def answer(address: str, decision: str) -> str:
    """The address that the consent page leads back to."""
    page = requests.get(address, timeout=60)
    page.raise_for_status()
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    scopes = re.findall(r'name="ticked" value="([^"]+)"', page.text)
    if decision == "less":
        scopes = [one for one in scopes if "appendonly" not in one]
    parts = urlsplit(address)
    back = requests.post(
        f"{parts.scheme}://{parts.netloc}{parts.path}",
        data=[
            *((name, html.unescape(value)) for name, value in hidden),
            *(("ticked", scope) for scope in scopes),
            ("user", "you@example.com"),
            ("decision", "deny" if decision == "deny" else "allow"),
        ],
        allow_redirects=False,
        timeout=60,
    )
    return str(back.headers["location"])


if __name__ == "__main__":
    where = answer(sys.argv[1], sys.argv[2])
    requests.get(where, timeout=60)
