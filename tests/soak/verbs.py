"""What the user does with the program's verbs, beside the daemon; now and then one is killed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.soak.ground import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.soak.ground import Ground
    from tests.soak.sources import Action

    Judge = Callable[[Any], list[str]]

ANSWERS = {0, 1, 3}
"""Done, something is left to do, and the user has to act first."""

PATIENCE_SECONDS = 300
AT_A_TIME = 2
PAGES = ("/", "/photos", "/photos/days", "/folders", "/settings", "/metrics")


@dataclass
class Running:
    """A verb under way. ``ends_at``: when it is killed."""

    words: tuple[str, ...]
    process: subprocess.Popen[bytes]
    out: Path
    judge: Judge
    answers: set[int]
    began: float
    ends_at: float | None


def _fine(_document: Any) -> list[str]:
    return []


class Verbs:
    """They run beside each other and beside what else happens; each answer is judged."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._chance = ground.chance
        self._running: list[Running] = []
        self._count = 0

    def actions(self) -> list[Action]:
        choose = 4 if self._ground.plan.mode == "manual" else 1
        found: list[Action] = [
            (3, self.verify),
            (1, self.back_up),
            (2, self.restore),
            (1, self.foresee),
            (1, self.report),
            (3, self.skip),
            (choose, self.choose),
            (1, self.look),
            (3, self.browse),
            (1, self.pause),
        ]
        if self._ground.phone is not None:
            found += [(2, self.free_space), (1, self.put_back)]
        return found

    def begin(
        self, *words: str, judge: Judge = _fine, more: tuple[int, ...] = (), may_die: bool = False
    ) -> None:
        """Start a verb; what it says is judged when it has ended."""
        while len(self._running) >= AT_A_TIME:
            time.sleep(0.05)
            self.reap()
        self._count += 1
        out = self._ground.world.home / f"verb-{self._count}"
        began = time.monotonic()
        dies = may_die and self._chance.random() < 0.2
        ends_at = began + 0.3 + 1.5 * self._chance.random() if dies else None
        with out.open("wb") as told, out.with_suffix(".err").open("wb") as said:
            process = subprocess.Popen(
                [*PROGRAM, *words, "--json", "--config", str(self._ground.world.config)],
                env=self._ground.world.environ(),
                stdout=told,
                stderr=said,
                stdin=subprocess.DEVNULL,
            )
        self._running.append(
            Running(words, process, out, judge, ANSWERS | set(more), began, ends_at)
        )

    def reap(self) -> None:
        """Judge what has ended; kill what is to be killed, or takes for ever."""
        for one in list(self._running):
            now = time.monotonic()
            if one.process.poll() is None:
                if one.ends_at is not None and now >= one.ends_at:
                    one.process.kill()
                    one.process.wait()
                    self._ground.kills["verb killed"] += 1
                elif now - one.began > PATIENCE_SECONDS:
                    one.process.send_signal(signal.SIGABRT)
                    one.process.wait()
                else:
                    continue
            self._running.remove(one)
            self._ground.wrong += self._judged(one)

    def _judged(self, one: Running) -> list[str]:
        said = one.out.with_suffix(".err").read_text("utf-8", "replace")
        told = one.out.read_text("utf-8", "replace")
        code, what = one.process.returncode, " ".join(one.words)
        if code == -signal.SIGKILL and one.ends_at is not None:
            wrong = []
        elif code not in one.answers or "Traceback" in said or not told:
            wrong = [f"{what}: code {code}: {told[-500:]} {said[-2000:]}"]
        elif set(document := json.loads(told)) == {"version", "error"}:
            wrong = []  # it could not even begin, and says so
        elif code in (0, 1):
            wrong = [f"{what}: {each}" for each in one.judge(document)]
        else:
            wrong = []
        if not wrong:
            one.out.unlink()
            one.out.with_suffix(".err").unlink()
        return wrong

    def wait(self) -> None:
        """Until none is under way."""
        while self._running:
            time.sleep(0.05)
            self.reap()

    def verify(self) -> None:
        how = self._chance.choice([(), ("--all",), ("--library",), ("--backup",)])
        self.begin("verify", *how, judge=self._verified, may_die=True)

    def _verified(self, document: Any) -> list[str]:
        """Nobody took anything out of the library, and the soak knows what it spoilt."""
        differences = (document["backup"] or {}).get("differences", [])
        strange = [one for one in differences if one["path"] not in self._ground.spoilt]
        return [f"missing: {one}" for one in document.get("missing", [])] + [
            f"never spoilt: {one}" for one in strange
        ]

    def back_up(self) -> None:
        self.begin("backup", may_die=True)

    def _some(self, *how: str) -> list[str]:
        ids = self._ground.ids("--limit", "500", *how)
        return [str(one) for one in self._chance.sample(ids, min(len(ids), 10))]

    def restore(self) -> None:
        """Into a folder of the user's."""
        if ids := self._some():
            folder = str(self._ground.world.restored)
            self.begin("restore", *ids, "--to-folder", folder, may_die=True)

    def foresee(self) -> None:
        self.begin("restore", "--all", "--dry-run", more=(2,))

    def put_back(self) -> None:
        """Onto the phone, what was freed, too; a phone that is away is said with code 2 or 3."""
        if ids := self._some("--state", "done", "--source", "SOAK1"):
            self.begin("restore", *ids, more=(2,), may_die=True)

    def free_space(self) -> None:
        """Whatever its age."""
        words = ("free-space", "--older-than", "0d")
        if self._chance.random() < 0.3:
            self.begin(*words, "--dry-run", more=(2,))
        else:
            self.begin(*words, "--yes", more=(2,), judge=self._freed, may_die=True)

    def _freed(self, document: Any) -> list[str]:
        self._ground.done["freed"] += (document["removed"] or {"items": 0})["items"]
        return []

    def report(self) -> None:
        page = str(self._ground.world.home / "report.html")
        how = self._chance.choice([(), ("--check",), ("--missing",), ("--html", page)])
        self.begin("report", *how, judge=self._reported)

    def _reported(self, document: Any) -> list[str]:
        if "damaged" in document and document["damaged"]["items"]:
            return [f"damaged: {document['damaged']}"]
        return []

    def skip(self) -> None:
        """A few of what is not sent yet; what went up meanwhile is refused with code 1."""
        for state in ("held", "mirrored", "found"):
            if ids := self._some("--state", state):
                self.begin("skip", *ids[:3])
                return

    def choose(self) -> None:
        if self._chance.random() < 0.3:
            if ids := self._some("--state", "skipped"):
                self.begin("choose", *ids[:5])
        else:
            self.begin("choose", "--all")

    def look(self) -> None:
        """Status has codes of its own for a daemon that is just away."""
        words = self._chance.choice([("status",), ("list",), ("doctor", "--offline"), ("folders",)])
        self.begin(*words, more=(2, 4))

    def pause(self) -> None:
        """And on."""
        self.wait()
        for verb in ("pause", "resume"):
            told = self._ground.world.run(verb)
            if told.returncode:
                self._ground.wrong.append(f"{verb}: {told.stdout} {told.stderr}")

    def browse(self) -> None:
        """Somebody looks at the web page; a daemon that is just starting has none yet."""
        told = self._ground.world.run("web", "--json")
        address = json.loads(told.stdout)["address"] if told.returncode == 0 else None
        if not address:
            return
        pages = [self._get(address, one) for one in PAGES]
        names = re.findall(r'src="(/thumbnails/[^"]+)"', "".join(pages))
        for name in self._chance.sample(names, min(len(names), 12)):
            self._get(address, name.replace("&amp;", "&"))

    def _get(self, address: str, path: str) -> str:
        """The page; "" if there is none."""
        try:
            with urllib.request.urlopen(f"{address.rstrip('/')}{path}", timeout=60) as answer:
                self._ground.done["pages"] += 1
                return str(answer.read().decode("utf-8", "replace"))
        except urllib.error.HTTPError as error:
            if error.code >= 500 and error.code != 503:
                self._ground.wrong.append(f"web {path}: {error.code}")
        except OSError:
            pass  # it was killed just now, and would be missed by alive()
        return ""
