"""Signs of life to a service that tells when they stay out, healthchecks.io say."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import requests

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0
LONGEST_BODY = 10_000  # what healthchecks.io keeps of it


def ping(url: str, *, is_well: bool, text: str) -> str:
    """Say that all is well, or what is not; why that was not heard, or "".

    Where not, ``/fail`` is added to the path (healthchecks.io/docs/signaling_failures).
    """
    address = url if is_well else _failing(url)
    try:
        answer = requests.post(
            address,
            data=text[:LONGEST_BODY].encode(),
            headers={"Content-Type": "text/plain; charset=utf-8"},
            timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
            allow_redirects=False,
            stream=True,  # whatever it answers is not read
        )
    except requests.Timeout:
        return "it did not answer in time"
    except requests.ConnectionError:
        return "it cannot be reached"
    except requests.RequestException as error:
        return f"it cannot be asked ({type(error).__name__})"  # its text holds the address
    with answer:
        return "" if answer.ok and not answer.is_redirect else f"it answered {answer.status_code}"


def _failing(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))
