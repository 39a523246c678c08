"""``python -m tests.soak [--seconds N] [--hours N] [--seed N] [--json FILE]``: all at once.

Files appear, change, move and vanish; a phone comes and goes (if the lab is there), and is freed;
Google fails; the disks of the mirror and of the second copy fill up (if they can be mounted), the
second copy goes away and rots; verbs run beside the daemon and die; the daemon is killed, stopped,
paused, and started under a wrong clock. At the end an audit, file by file. The seed is printed and
replays the same plan; threads and processes meet as they like.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
from pathlib import Path

from tests.soak import holds
from tests.soak.audit import audit
from tests.soak.figures import figures, rows
from tests.soak.running import soaked


def main() -> int:
    """Run one soak; 0 if nothing was lost, doubled or left over."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--hours", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--json", type=Path, help="write figures and samples there")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # phones and disks are put away
    seconds = given.hours * 3600 or given.seconds
    folder = Path(tempfile.mkdtemp(prefix="photosync-soak-"))
    print(f"seed {given.seed}, {seconds:.0f} seconds, in {folder}", flush=True)
    with soaked(folder, seconds=seconds, seed=given.seed) as ground:
        wrong = audit(ground)
        found = figures(ground)
    for name, value in found.items():
        print(f"{name}: {value}")
    print(holds.table(rows(ground)))
    if given.json is not None:
        document = {"seed": given.seed, "seconds": seconds, "wrong": wrong, **found}
        given.json.write_text(json.dumps({**document, "samples": ground.meter.to_json()}))
    for fault in wrong:
        print(f"WRONG: {fault}")
    print(f"see {folder}" if wrong else "nothing lost, nothing doubled, nothing left over")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
