"""The web server of a daemon, if its port can be had."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from photosync.app import report
from photosync.app.not_signed_in import page_address
from photosync.app.state import WEB_PORT, looked_at
from photosync.errors import PasswordUnusable, PortTaken
from photosync.store.control import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from photosync.app.site import DaemonSide
    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.daemon.supervisor import Supervisor
    from photosync.web.site import Site

log = logging.getLogger(__name__)


@contextmanager
def answering(
    settings: Settings, state: State, supervisor: Supervisor, side: Callable[[], DaemonSide]
) -> Iterator[None]:
    """Pages and numbers while it lasts; a port that is taken is told of, and no reason to end."""
    from photosync.web.server import Web  # 10 MB, for those alone who want it

    def status() -> dict[str, Any]:
        with looked_at(settings) as now:  # a connection for the thread that asks
            return report.status(settings, now, now=int(state.clock()))

    def site() -> Site:
        from photosync.app.site import site_of  # when the first page is asked for

        return site_of(settings, state, side(), status=status)

    with ExitStack() as stack:
        try:
            place = settings.web
            web = Web(
                host=place.host,
                port=place.port,
                status=status,
                silent=supervisor.silent_seconds,
                site=site,
                names=place.names,
                password_file=place.password_file,
            )
            stack.enter_context(web)
            state.control.set_flag(WEB_PORT, str(web.port), now=state.now())
            log.info("web.ready address=%s", page_address(settings, state))
        except (PortTaken, PasswordUnusable) as error:
            log.warning("web.off reason=%s", error)
            state.control.raise_problem(
                Problem(
                    code=error.code,
                    subject="web",
                    message=error.message,
                    hint=error.hint,
                    gate="",
                    needs_user=error.needs_user,
                    since=state.now(),
                    until=None,
                )
            )
        yield
