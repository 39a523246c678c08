"""The disk is full at every write that needs room, and the next run ends well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crash.staging import Border, Stage, age, crossed_by, side_by_side, unfinished

if TYPE_CHECKING:
    from tests.crash.staging import Program

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1500)]


NEVER_FULL = frozenset({"request", "body", "phone"})


def _fill_at(border: Border, stage: Stage, program: Program) -> tuple[bool, list[str]]:
    """Whether the disk was full there, and what is wrong after the next run."""
    with stage.world() as world:
        code, told = program.run(world, "run", "--once", die=border)
        world.let_google_finish()
        for left in unfinished(world):
            age(left)
        log = (world.home / "log").read_text()
        faults = ["a bug"] * ("Traceback" in log) + [f"exit code {code}"] * (code not in range(4))
        code, _ = program.run(world, "run", "--once")
        faults += stage.faults(world)
        if code not in (0, 1):
            faults.append(f"then exit code {code}")
    was_full = told is None or told["was_full"]
    return was_full, [*faults, log[-3000:]] if faults else []


@pytest.mark.parametrize("way", ["folder", "phone", "dated"])
def test_a_disk_that_is_full_at_any_write(
    request: pytest.FixtureRequest, programs: list[Program], way: str
) -> None:
    stage = request.getfixturevalue(f"{way}_stage")
    crossed = [one for one in crossed_by(stage, programs[0]) if one[0] not in NEVER_FULL]
    matrix = [
        (kind, site, "full", nth) for kind, site, times in crossed for nth in sorted({1, times})
    ]
    wrong: list[str] = []
    full: set[tuple[str, str]] = set()

    def fill(border: Border, program: Program) -> None:
        was_full, faults = _fill_at(border, stage, program)
        if was_full:
            full.add(border[:2])
        if faults:
            wrong.append(f"{border}: " + "\n".join(faults))

    side_by_side(fill, matrix, programs)
    assert not wrong, "\n\n".join(wrong)
    assert len(full) > 20
