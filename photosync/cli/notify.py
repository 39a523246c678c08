"""``notify``: does everybody who is to be told hear of it?"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import DONE, FAILED, USER_MUST_ACT, Result, end, printable

if TYPE_CHECKING:
    from photosync.config import Settings

NOBODY = """Nobody is told when something needs you.
Add an address to the settings:  [notify]  urls = ["ntfy://ntfy.sh/some-name-of-yours"]"""


def notify(
    *, config: ConfigOption = None, as_json: JsonOption = False, verbose: VerboseOption = False
) -> None:
    """Send a notice to every address of notify.urls and notify.ping, to try them."""
    settings = settings_of(config, verbose=verbose)
    answers = _answers(settings)
    lines = [f"{one}: {reason or 'took it'}" for one, reason in answers]
    failed = sum(bool(reason) for _, reason in answers)
    if failed:
        lines.append(f"{failed} of {len(answers)} did not take it.")
    document = {
        "version": 1,
        "addresses": [{"address": one, "reason": reason or None} for one, reason in answers],
    }
    code = FAILED if failed else DONE if answers else USER_MUST_ACT
    text = "\n".join(lines) if answers else NOBODY
    end(Result(printable(text), document, code), as_json=as_json)


def _answers(settings: Settings) -> list[tuple[str, str]]:
    """Each address, as far as it may be shown, and why it did not take the notice, or ""."""
    from photosync.config import masked
    from photosync.notify.pinging import ping
    from photosync.notify.sending import deliver

    rules = settings.notify
    title = f"photosync on {socket.gethostname()}"
    body = "This is how you will be told when something needs you."
    found = [(masked(one.url), one.reason) for one in deliver(rules.urls, title, body)]
    if rules.ping:
        reason = ping(rules.ping, is_well=True, text="Tried by: photosync notify")
        found.append((f"{masked(rules.ping)} (notify.ping)", reason))
    return found
