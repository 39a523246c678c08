"""A sign-in that Google refuses is not asked about again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photosync.errors import ScopeMissing
from photosync.google.auth import PROBE_SECONDS, Authorization
from photosync.google.http import Api, Call
from tests.google.conftest import http, stranger

if TYPE_CHECKING:
    from tests.google.conftest import Google

OLD = "2000-01-01T00:00:00Z"
DENIED = b'{"code":16,"message":"Authentication session is not defined."}'


def test_a_refused_sign_in_is_not_asked_about_again_for_an_hour(google: Google) -> None:
    now = [1_000_000.0]
    authorization = Authorization(
        google.token_file, wire=google.wire(), dead_tokens=google.dead, clock=lambda: now[0]
    )
    api = Api(google.wire(), authorization, google.ledger.spend)
    with stranger(http("401 Unauthorized", DENIED)) as server:
        api.send(Call("POST", f"{server.url}/v1/uploads"), "upload")
    assert google.ledger.spent == ["upload", "upload"]
    assert not authorization.signed_in()
    now[0] += PROBE_SECONDS
    assert authorization.signed_in()
    now[0] -= PROBE_SECONDS
    google.sign_in()
    assert authorization.signed_in()  # somebody signed in anew


def test_a_refresh_that_lacks_the_scope_closes_the_gate(google: Google) -> None:
    with stranger(http("400 Bad Request", b'{"error": "invalid_scope"}')) as server:
        google.sign_in(token_uri=f"{server.url}/token", expiry=OLD)
        authorization = google.authorization()
        with pytest.raises(ScopeMissing):
            authorization.header()
        assert not authorization.signed_in()
