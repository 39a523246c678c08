"""What ``photosync report`` found, as a document for text, JSON and the page alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from photosync.app.times import rfc3339
from photosync.domain.media import SourceKind, path_base64, readable
from photosync.domain.places import Place, advice
from photosync.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from photosync.app.reconciling import Report
    from photosync.domain.reckoning import Heap, Sample, Sum

Json = dict[str, Any]

TOP = "(the top)"
"""What the files are under that lie in no folder of their source."""

NO_DATE = "(no date)"


def document(report: Report) -> Json:
    """Everything, with ``version`` 1. Numbers of items add up to those of ``photosync status``."""
    reckoning = report.reckoning
    states = {str(state): reckoning.states[state] for state in State}
    return {
        "version": 1,
        "made_at": rfc3339(report.made_at),
        "checked": report.checked,
        "mirror": {"path": readable(str(report.mirror)), "there": report.mirror_there},
        "backup": {"there": report.has_backup},
        "items": {**states, "total": sum(states.values())},
        "in_all": _sum(reckoning.in_all()),
        "sources": [_source(report, number) for number in report.places],
        "folders": [
            {"source": _label(report, source), "folder": readable(folder) or TOP, **_sum(one)}
            for (source, folder), one in sorted(
                reckoning.folders.items(), key=lambda item: (item[0][0], item[0][1])
            )
        ],
        "months": [
            {"source": _label(report, source), "month": month or NO_DATE, **_sum(one)}
            for (source, month), one in sorted(
                reckoning.months.items(), key=lambda item: item[0][1], reverse=True
            )
        ],
        "one_place": [_heap(report, heap) for heap in reckoning.in_one_place()],
        "nowhere": [_heap(report, heap) for heap in reckoning.nowhere()],
        "stopped": [_heap(report, heap) for heap in reckoning.stopped()],
        "damaged": {
            "items": report.damaged_items,
            "examples": sample_lines(report, report.damaged),
        },
    }


def endangered(found: Json) -> int:
    """How many items are lost if one place is: those in one place, and damaged ones.

    Versions of files that were gone before anything could be done are past.
    """
    lost = sum(one["items"] for one in found["nowhere"] if not one["is_past"])
    return int(sum(one["items"] for one in found["one_place"]) + lost + found["damaged"]["items"])


def _source(report: Report, number: int) -> Json:
    place = report.places[number]
    source = place.view.source
    return {
        "id": number,
        "kind": source.kind,
        "label": readable(source.label),
        "address": readable(source.address),
        "there": place.is_there,
        "last_seen_at": rfc3339(place.view.last_seen_at),
        "looked_at": rfc3339(place.looked_at),
        "seen": "now" if source.kind == SourceKind.FOLDER and place.is_there else "last look",
        **_sum(report.reckoning.of_source(number)),
    }


def _label(report: Report, number: int) -> str:
    return readable(report.places[number].view.source.label)


def _sum(one: Sum) -> Json:
    return {
        "items": one.items,
        "bytes": one.size_bytes,
        "at_source": one.in_source,
        "mirror": one.in_mirror,
        "backup": one.in_backup,
        "library": one.in_library,
        "assumed": one.assumed,
        "one_place": one.in_one_place,
        "nowhere": one.nowhere,
    }


def _heap(report: Report, heap: Heap) -> Json:
    standing = heap.standing
    told = advice(standing)
    places: tuple[Place, ...] = standing.places
    return {
        "places": [str(one) for one in places],
        "state": str(standing.state),
        "fate": str(standing.fate),
        "code": standing.fate_code or None,
        "items": heap.items,
        "bytes": heap.size_bytes,
        "why": _why(report, heap, told.why),
        "cure": told.cure,
        "is_past": standing.is_past,
        "examples": sample_lines(report, heap.samples),
    }


def _why(report: Report, heap: Heap, why: str) -> str:
    """What failed says more of itself than that it did."""
    standing = heap.standing
    if standing.fate != State.FAILED or standing.fate_code not in report.reasons:
        return why
    example = "" if heap.items == 1 else " For example:"
    return f"{why}{example} {readable(report.reasons[standing.fate_code])}"


def sample_lines(report: Report, samples: Iterable[Sample]) -> list[Json]:
    """Items to show, as lines of the document."""
    return [_sample(report, one) for one in samples]


def _sample(report: Report, one: Sample) -> Json:
    found: Json = {
        "id": one.id,
        "source": _label(report, one.source_id),
        "path": readable(one.path),
        "bytes": one.size_bytes,
    }
    exact = path_base64(one.path)
    return found if exact is None else {**found, "path_base64": exact}
