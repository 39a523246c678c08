"""What people and workers tell each other through the database: flags, problems, heartbeats."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from photosync.store.database import Database

GET_FLAG = "SELECT value FROM flags WHERE name = :name"

FLAGS = "SELECT name FROM flags WHERE substr(name, 1, length(:prefix)) = :prefix ORDER BY name"

GET_RATE = "SELECT value, at FROM flags WHERE name = 'rate'"

SET_FLAG = """
    INSERT INTO flags (name, value, at) VALUES (:name, :value, :now)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at
"""

DROP_FLAG = "DELETE FROM flags WHERE name = :name"

RING = """
    INSERT INTO flags (name, value, at) VALUES ('rung', '1', :now)
    ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1, at = excluded.at
"""

RAISE_PROBLEM = """
    INSERT INTO problems (code, subject, message, hint, gate, needs_user, since, until)
    VALUES (:code, :subject, :message, :hint, :gate, :needs_user, :now, :until)
    ON CONFLICT (code, subject) DO UPDATE SET message = excluded.message, hint = excluded.hint,
        gate = excluded.gate, needs_user = excluded.needs_user, until = excluded.until
"""

CLEAR_PROBLEM = "DELETE FROM problems WHERE code = :code AND subject = :subject"

CLEAR_OTHERS = "DELETE FROM problems WHERE gate <> 'library'"

CLEAR_GATE = "DELETE FROM problems WHERE gate = 'library' AND code = :code"

LIBRARY_GATES = "SELECT code FROM problems WHERE gate = 'library'"

PROBLEMS = "SELECT * FROM problems ORDER BY needs_user DESC, since, code"

GATES = "SELECT * FROM problems WHERE gate = 'library' ORDER BY needs_user DESC, since"

BEAT = """
    INSERT INTO heartbeats (worker, at, doing, item_id, sent_bytes, size_bytes)
    VALUES (:worker, :at, :doing, :item_id, :sent_bytes, :size_bytes)
    ON CONFLICT (worker) DO UPDATE SET at = excluded.at, doing = excluded.doing,
        item_id = excluded.item_id, sent_bytes = excluded.sent_bytes,
        size_bytes = excluded.size_bytes
"""

HEARTBEATS = "SELECT * FROM heartbeats ORDER BY worker"

# what needs the user alone: the requests of the day are spent whatever he says
ASK_AGAIN = """
    UPDATE problems SET until = :now WHERE gate = 'library' AND needs_user AND until > :now
"""

FORGET_HEARTBEATS = "DELETE FROM heartbeats"

FRESH_SECONDS = 10
SIGN_IN_ENDS = "sign_in_ends"
ROUGHLY_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that stands in the way. ``subject`` names what of ("" for everything)."""

    code: str
    subject: str
    message: str
    hint: str
    gate: str
    needs_user: bool
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Beat:
    """What one worker says of itself."""

    worker: str
    at: int
    doing: str
    item_id: int | None = None
    sent_bytes: int = 0
    size_bytes: int = 0


class Control:
    """Flags, problems and heartbeats. ``now`` is in seconds UTC."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def be_brief(self) -> None:
        """What this thread writes from now on may as well be left out: see Database."""
        self._database.be_brief()

    def hurry(self) -> None:
        """The program ends: see Database."""
        self._database.hurry()

    def flag(self, name: str) -> str | None:
        """The value of a flag, or None."""
        row = self._database.row(GET_FLAG, {"name": name})
        return None if row is None else str(row["value"])

    def flags(self, prefix: str) -> list[str]:
        """The names of the flags that begin with ``prefix``."""
        rows = self._database.rows(FLAGS, {"prefix": prefix})
        return [str(row["name"]) for row in rows]

    def set_flag(self, name: str, value: str, *, now: int) -> None:
        """Set a flag."""
        self._database.run(SET_FLAG, {"name": name, "value": value, "now": now})

    def sign_in_ends(self, at: int | None, *, now: int) -> None:
        """Note when Google ends the sign-in, in seconds UTC; None: it does not say."""
        known = self.sign_in_ends_at()
        if at is None:
            if known is not None:
                self.drop_flag(SIGN_IN_ENDS)
        elif known is None or abs(known - at) > ROUGHLY_SECONDS:
            self.set_flag(SIGN_IN_ENDS, str(at), now=now)

    def sign_in_ends_at(self) -> int | None:
        """When Google ends the sign-in, in seconds UTC; None if it did not say."""
        value = self.flag(SIGN_IN_ENDS)
        return None if value is None else int(value)

    def drop_flag(self, name: str) -> None:
        """Take a flag away."""
        self._database.run(DROP_FLAG, {"name": name})

    def pause(self, reason: str, *, now: int) -> None:
        """Nothing is claimed from now on."""
        self.set_flag("paused", reason, now=now)
        self.ring(now=now)

    def resume(self, *, now: int) -> bool:
        """Claims go on, and Google is asked again. Whether it was paused."""
        was = self.flag("paused") is not None
        self.drop_flag("paused")
        self.ask_again(now=now)
        self.ring(now=now)
        return was

    def ask_again(self, *, now: int) -> bool:
        """The user has done what was needed: one request asks at once whether all may go on.

        Whether there was anything that would have waited for longer.
        """
        with self._database.write() as connection:
            return connection.execute(ASK_AGAIN, {"now": now}).rowcount > 0

    def ring(self, *, now: int) -> None:
        """Tell the daemon that something changed."""
        self._database.run(RING, {"now": now})

    def rung(self) -> str:
        """Changes whenever somebody rings."""
        return self.flag("rung") or "0"

    def raise_problem(self, problem: Problem) -> None:
        """Put a problem on record, or renew its words; ``since`` stays that of the first time."""
        values = {
            "code": problem.code,
            "subject": problem.subject,
            "message": problem.message,
            "hint": problem.hint,
            "gate": problem.gate,
            "needs_user": problem.needs_user,
            "now": problem.since,
            "until": problem.until,
        }
        self._database.run(RAISE_PROBLEM, values)

    def clear_problem(self, code: str, subject: str = "") -> None:
        """It is over."""
        self._database.run(CLEAR_PROBLEM, {"code": code, "subject": subject})

    def start_afresh(self) -> None:
        """At start: what keeps us from the library stays on record, the rest is seen anew."""
        self._database.run(CLEAR_OTHERS)
        self._database.run(FORGET_HEARTBEATS)

    def open_library_gate(self, *, but: Sequence[str] = ()) -> bool:
        """Google took a request: what stood in its way is over, ``but`` for some codes.

        Whether anything did.
        """
        codes = {row["code"] for row in self._database.rows(LIBRARY_GATES)} - set(but)
        for code in codes:
            self._database.run(CLEAR_GATE, {"code": code})
        return bool(codes)

    def library_gates(self) -> list[Problem]:
        """All that keeps everything from Google, or did until its ``until``."""
        return [_to_problem(row) for row in self._database.rows(GATES)]

    def problems(self) -> list[Problem]:
        """Everything that stands in the way, what needs the user first."""
        return [_to_problem(row) for row in self._database.rows(PROBLEMS)]

    def tell(self, beats: list[Beat], *, rate: int, now: int) -> None:
        """Write what the workers are doing, and the rate in bytes a second, at once."""
        with self._database.write() as connection:
            connection.execute(FORGET_HEARTBEATS)
            for one in beats:
                connection.execute(BEAT, asdict(one))
            connection.execute(SET_FLAG, {"name": "rate", "value": str(rate), "now": now})

    def rate(self, *, now: int) -> int:
        """Bytes a second, as last told; 0 if that was a while ago."""
        row = self._database.row(GET_RATE)
        return int(row["value"]) if row is not None and now - row["at"] <= FRESH_SECONDS else 0

    def heartbeats(self) -> list[Beat]:
        """What the workers last said."""
        return [Beat(*row) for row in self._database.rows(HEARTBEATS)]

    def forget_heartbeats(self) -> None:
        """At start and at the end: nobody is doing anything."""
        self._database.run(FORGET_HEARTBEATS)


class DeadTokens:
    """Refresh tokens that Google declared dead, by fingerprint: none is asked about twice."""

    def __init__(self, control: Control, *, clock: Callable[[], float]) -> None:
        self._control = control
        self._clock = clock

    def is_dead(self, fingerprint: str) -> bool:
        """Whether that token is known to be dead."""
        return self._control.flag(f"dead_token:{fingerprint}") is not None

    def bury(self, fingerprint: str) -> None:
        """Remember it as dead."""
        self._control.set_flag(f"dead_token:{fingerprint}", "", now=int(self._clock()))

    def ends(self, at: int | None) -> None:
        """Google ends the sign-in at that time, in seconds UTC; None: it says no such thing."""
        self._control.sign_in_ends(at, now=int(self._clock()))


def _to_problem(row: sqlite3.Row) -> Problem:
    return Problem(
        code=row["code"],
        subject=row["subject"],
        message=row["message"],
        hint=row["hint"],
        gate=row["gate"],
        needs_user=bool(row["needs_user"]),
        since=row["since"],
        until=row["until"],
    )
