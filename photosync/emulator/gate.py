"""What happens to every request before and after its own rule: sign-in, quotas, faults, answers."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.routing import Route

from photosync.emulator import bodies, troubles, wire
from photosync.emulator.call import Call
from photosync.emulator.requestlog import Record, RequestLog
from photosync.emulator.transport import ClientGone, HangUp, HungUp

if TYPE_CHECKING:
    from starlette.requests import Request

    from photosync.emulator.faults import FaultPlan
    from photosync.emulator.meters import Meters
    from photosync.emulator.options import Options
    from photosync.emulator.people import People

logger = logging.getLogger(__name__)

#: A handler answers with JSON, with a status and JSON, or with a response of its own.
Handler = Callable[[Call], Awaitable[dict[str, Any] | tuple[int, dict[str, Any]] | Response]]

#: Query parameters that every method takes (discovery document, "parameters").
_GLOBAL: Final = frozenset(
    (
        *("alt", "prettyPrint", "fields", "access_token", "oauth_token", "key", "quotaUser"),
        *("userIp", "callback", "uploadType", "upload_protocol", "$.xgafv"),
        *("$alt", "$prettyPrint", "$fields"),
    )
)


@dataclass(frozen=True, slots=True)
class Rule:
    """How one method is treated.

    Attributes:
        kind: Its name in the request log, or how to tell it from the request.
        handler: What it does.
        scopes: One of them is needed; None for methods outside the API.
        sessions: Whether a call without Authorization may pass (upload sessions, §2.3).
        write: Whether it is a write in the sense of the quotas.
        metered: Whether it counts towards the daily quota.
        streamed: Whether the handler reads the body itself.
        params: The query parameters it takes; None means any.
        schema: What the answer looks like, for ``fields``.
    """

    kind: str | Callable[[Request], str]
    handler: Handler
    scopes: tuple[str, ...] | None = None
    sessions: bool = False
    write: bool = False
    metered: bool = True
    streamed: bool = False
    params: frozenset[str] | None = frozenset()
    schema: wire.Schema = None


class Gate:
    """Leads each request through the same doors in the same order (§10.6)."""

    def __init__(
        self,
        *,
        options: Options,
        faults: FaultPlan,
        requests: Callable[[], RequestLog],
        meters: Meters,
        people: People,
        clock: Callable[[], float],
    ) -> None:
        self._options = options
        self._faults = faults
        self._requests = requests
        self._meters = meters
        self._people = people
        self._clock = clock

    def route(self, path: str, method: str, rule: Rule) -> Route:
        """A route under which ``rule`` is served."""

        async def endpoint(request: Request) -> Response:
            return await self._answer(request, rule)

        return Route(path, endpoint, methods=[method])

    async def _answer(self, request: Request, rule: Rule) -> Response:
        kind = rule.kind if isinstance(rule.kind, str) else rule.kind(request)
        path = request.url.path
        record = Record(kind, request.method, path, began_at=self._clock())
        call = Call(request, record, self._options)
        self._requests().begin(record)
        self._meters.note(kind)
        try:
            response = await self._outcome(call, rule)
            record.status = response.status_code
        finally:
            record.user, record.ended_at = call.user, self._clock()
        return response

    async def _outcome(self, call: Call, rule: Rule) -> Response:
        try:
            return await self._admitted(call, rule)
        except bodies.Refusal as refusal:
            return await self._refuse(call, refusal)
        except HangUp as end:
            return HungUp(reset=end.reset)
        except ClientGone:
            return HungUp(reset=False)
        except Exception:
            # The emulator's own bug must be seen, in the log and by the client.
            logger.exception("emulator.bug kind=%s", call.kind)
            return _plain(bodies.refused(call.kind, 500, bodies.INTERNAL))

    async def _refuse(self, call: Call, refusal: bodies.Refusal) -> Response:
        try:
            await call.drain()
        except ClientGone:
            return HungUp(reset=False)
        return _plain(refusal)

    async def _admitted(self, call: Call, rule: Rule) -> Response:
        self._sign_in(call, rule)
        if not rule.write:
            return await self._metered(call, rule)
        # The place is given back before the answer leaves: the client's next write is no overlap.
        others = self._requests().begin_write(call.user)
        try:
            return await self._metered(call, rule, others=others)
        finally:
            self._requests().end_write(call.user)

    def _sign_in(self, call: Call, rule: Rule) -> None:
        if rule.scopes is None:
            return
        token = _bearer(call)
        if token is None and rule.sessions and call.kind in troubles.SESSION_KINDS:
            logger.info("upload.unsigned kind=%s", call.kind)
            return
        admission = self._people.admit(token or "")
        if admission is None:
            raise bodies.unauthenticated(call.kind)
        call.user = admission.user
        if admission.scopes.isdisjoint(rule.scopes):
            raise bodies.scope_missing(call.kind)

    async def _metered(self, call: Call, rule: Rule, *, others: int = 0) -> Response:
        if rule.scopes is not None and rule.metered:
            self._meters.spend(call.kind)
        if call.kind.startswith(bodies.UPLOAD_PREFIX):
            self._meters.upload(call.user)
        if rule.write:
            self._meters.write(call.user, call.kind)
        if others:
            advice = self._options.retry_after_seconds
            raise bodies.concurrent(call.kind, self._options.concurrent_status, advice)
        return await self._troubled(call, rule)

    async def _troubled(self, call: Call, rule: Rule) -> Response:
        call.fault = self._faults.take(call.kind)
        if call.fault:
            logger.info("fault.strikes fault=%s kind=%s", call.fault.fault, call.kind)
            troubles.before(call.fault, call.kind, self._options)
        if not rule.streamed:
            await call.read()
        await asyncio.sleep(self._options.latency_seconds + troubles.pause(call.fault))
        response = await self._handled(call, rule)
        return troubles.after(call.fault, response)

    async def _handled(self, call: Call, rule: Rule) -> Response:
        fields = _check_query(call, rule)
        if rule.schema is not None:
            wire.masked({}, fields, rule.schema)
        answer = await rule.handler(call)
        if isinstance(answer, Response):
            return answer
        status, value = answer if isinstance(answer, tuple) else (200, answer)
        shown = wire.masked(value, fields, rule.schema) if rule.schema is not None else value
        pretty = call.request.query_params.get("prettyPrint", "true") != "false"
        return Response(bodies.dump(shown, pretty=pretty), status, media_type=bodies.JSON_TYPE)


def _plain(refusal: bodies.Refusal) -> Response:
    return Response(refusal.body, refusal.status, headers=refusal.headers)


def _bearer(call: Call) -> str | None:
    """The access token from the header or the ``access_token`` parameter (§1.2)."""
    header = call.request.headers.get("authorization")
    if header is not None:
        match = re.fullmatch(r"(?i)bearer\s+(\S+)", header.strip())
        return match[1] if match else ""
    return call.request.query_params.get("access_token")


def _check_query(call: Call, rule: Rule) -> str:
    """The ``fields`` parameter, once all parameters are known to be good."""
    given = call.request.query_params
    if rule.params is not None:
        for name in given:
            if name not in _GLOBAL and name not in rule.params:
                message = (
                    f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query '
                    f"parameter. Field '{name}' could not be found in request message."
                )
                raise bodies.invalid_field("", message)
    if rule.schema is not None and given.get("alt", given.get("$alt", "json")) != "json":
        raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)
    return given.get("fields", given.get("$fields", ""))
