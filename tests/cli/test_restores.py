"""What ``restore`` says it would do."""

from __future__ import annotations

from photosync.app.restoring import Part
from photosync.cli.restore import MOST_SHOWN, _lines
from photosync.domain.restoring import Target, TargetKind


def foreseen(*what: str) -> list[str]:
    part = Part(Target(TargetKind.PHONE, "R58"), "Pixel")
    part.foreseen = [(number, f"{number}.jpg", one) for number, one in enumerate(what, start=1)]
    return list(_lines(part, dry_run=True))


def test_what_lies_there_already_is_counted_in_one_line() -> None:
    assert foreseen(*["there"] * 70, "mirror", "exists") == [
        "Pixel: 1 photo or video would be put back.",
        "  70 photos and videos lie there already.",
        "      71  71.jpg: from the mirror",
        "      72  72.jpg: another file lies there: it stays",
    ]
    assert foreseen("there")[1:] == ["  1 photo or video lies there already."]


def test_what_would_be_put_back_is_named_up_to_a_limit() -> None:
    lines = foreseen(*["backup"] * (MOST_SHOWN + 3), "there")
    assert len(lines) == 2 + MOST_SHOWN + 1
    assert lines[-1] == "  and 3 more, see --json"
