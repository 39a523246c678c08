"""What it costs when Google says no, or has it all already: requests and bytes, not seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.bench import rclone
from tests.bench.measuring import Figure
from tests.bench.place import MB, UNLIMITED, google, once, put_photos, user
from tests.bench.results import Check, Growth, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.bench.place import Place

COUNT, SIZE = 100, 300_000
REFUSED, TOO_LARGE = 10, 400_000
BATCH = 50
RCLONE_SECONDS = 30.0
"""With the day's quota spent it tries on; it is stopped then."""


class Cost(NamedTuple):
    """Requests, and bytes of photos that arrived; ``again``: of one more run."""

    asked: int
    sent: int
    asked_again: int
    sent_again: int


def troubles(place: Place) -> Iterator[Row | Growth]:
    """A second run with nothing new; refused photos; a full account; a day that is spent."""
    with place.passing("photos") as folder:
        plain = put_photos(folder / "plain", [SIZE] * COUNT)
        mixed = put_photos(folder / "mixed", [SIZE] * (COUNT - REFUSED) + [TOO_LARGE] * REFUSED)
        full = int(SIZE * COUNT * 0.3)
        cases: dict[str, tuple[Path, dict[str, object]]] = {
            "nothing new": (plain, {}),
            "refused": (mixed, {"max_photo_bytes": TOO_LARGE - 1}),
            "full": (plain, {"storage_bytes": full}),
            "spent": (plain, {"daily_limit": 40}),
        }
        ours = {name: _ours(place, *case) for name, case in cases.items()}
        theirs = {} if rclone.missing() else {n: _theirs(place, *c) for n, c in cases.items()}
        bytes_of = {one: sum(f.stat().st_size for f in one.iterdir()) for one in (plain, mixed)}
    yield Row(
        f"a second run with nothing new; {REFUSED} of {COUNT} refused; full account; daily limit",
        _told(theirs),
        "0 requests; no byte twice; ≤ 1 batch; 0 further requests",
        (
            Check("nothing new: requests", _exactly(ours["nothing new"].asked_again), 0),
            Check(
                "refused: bytes by those of the photos",
                Figure(((ours["refused"].sent + ours["refused"].sent_again) / bytes_of[mixed],)),
                1.01,  # the requests around the bytes are counted too
            ),
            Check(
                "full: photos sent beyond the room",
                _exactly(max(0, (ours["full"].sent + ours["full"].sent_again - full) // SIZE)),
                BATCH,
            ),
            Check("spent: further requests", _exactly(ours["spent"].asked_again), 0),
        ),
        note=f"{COUNT} photos of 0.3 MB, as in the comparison that rclone was met in before."
        " Each is run twice; what counts is both runs together, or the second (nothing new, daily"
        f" limit). The account has room for {full // SIZE} of them; the day for 40 requests."
        f" rclone is stopped after {RCLONE_SECONDS:.0f} s.",
        short="when Google says no",
    )


def _exactly(count: float) -> Figure:
    return Figure((float(count),))


def _ours(place: Place, photos: Path, options: dict[str, object]) -> Cost:
    with google(place, UNLIMITED | options) as at, place.passing("home") as home:
        world = user(home / "user", at, photos)
        once(world, timeout=120.0)
        asked, sent = at.asked(), at.took_bytes()
        once(world, timeout=120.0)
        return Cost(asked, sent, at.asked() - asked, at.took_bytes() - sent)


def _theirs(place: Place, photos: Path, options: dict[str, object]) -> Cost:
    with google(place, UNLIMITED | options) as at, place.passing("home") as home:
        rclone.copy(at, photos, home, timeout=RCLONE_SECONDS)
        asked, sent = at.asked(), at.took_bytes()
        rclone.copy(at, photos, home, timeout=RCLONE_SECONDS)
        return Cost(asked, sent, at.asked() - asked, at.took_bytes() - sent)


def _told(theirs: Mapping[str, Cost]) -> str:
    if not theirs:
        return rclone.missing()
    both = {name: one.sent + one.sent_again for name, one in theirs.items()}
    return (
        f"rclone: {theirs['nothing new'].asked_again} requests;"
        f" {both['refused'] / MB:.0f} MB of {COUNT * SIZE / MB:.0f};"
        f" {both['full'] // SIZE} photos;"
        f" {theirs['spent'].asked_again} requests"
    )
