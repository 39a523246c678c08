from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from photosync.web.metrics import exposition

STATUS: dict[str, Any] = {
    "daemon": {"state": "blocked"},
    "items": {"held": 0, "done": 7, "failed": 2, "total": 9},
    "bytes": {"done": 700, "waiting": 20},
    "rate": {"bytes_per_second": 55},
    "quota": {
        "limit": 10_000,
        "spent": True,
        "resets_at": "2026-11-24T08:00:00Z",
        "by_kind": {"upload": 5, "create": 1},
    },
    "sources": [
        {
            "id": 1,
            "kind": "phone",
            "label": 'Pixel "4"\n{x="y"} 9',
            "connected": True,
            "items": 9,
            "waiting": 3,
            "last_seen_at": "2026-11-23T08:00:00Z",
        },
        {
            "id": 2,
            "kind": "phone",
            "label": 'Pixel "4"\n{x="y"} 9',
            "connected": False,
            "items": 0,
            "waiting": 0,
            "last_seen_at": None,
        },
    ],
    "problems": [
        {"code": "source_missing", "needs_user": True},
        {"code": "source_missing", "needs_user": True},
        {"code": "offline", "needs_user": False},
    ],
    "last_done_at": "2026-11-23T07:00:00Z",
    "sign_in_ends_at": None,
}


def told(status: dict[str, Any]) -> dict[tuple[str, tuple[str, ...]], float]:
    """Each metric of an answer, as Prometheus' own reader takes it."""
    text = exposition(status, {"upload-1": 0.5}, version="1.2.3").decode()
    return {
        (one.name.removeprefix("photosync_"), tuple(one.labels.values())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_everything_that_status_knows_can_be_read_by_prometheus() -> None:
    found = told(STATUS)
    name = 'Pixel "4"\n{x="y"} 9'
    assert (
        found.items()
        >= {
            ("build_info", ("1.2.3",)): 1,
            ("items", ("done",)): 7,
            ("items", ("failed",)): 2,
            ("bytes", ("waiting",)): 20,
            ("upload_bytes_per_second", ()): 55,
            ("last_done_timestamp_seconds", ()): 1_795_417_200,
            ("requests_today_total", ("upload",)): 5,
            ("requests_limit", ()): 10_000,
            ("requests_spent", ()): 1,
            ("requests_reset_timestamp_seconds", ()): 1_795_507_200,
            ("source_connected", ("phone", name)): 1,
            ("source_connected", ("phone", f"{name} (2)")): 0,
            ("source_waiting", ("phone", name)): 3,
            ("source_seen_timestamp_seconds", ("phone", name)): 1_795_420_800,
            ("state", ("blocked",)): 1,
            ("state", ("idle",)): 0,
            ("problems", ("source_missing",)): 2,
            ("problems_for_you", ()): 2,
            ("worker_silent_seconds", ("upload-1",)): 0.5,
        }.items()
    )
    assert ("items", ("total",)) not in found
    assert ("source_seen_timestamp_seconds", ("phone", f"{name} (2)")) not in found


def test_what_never_happened_is_left_out() -> None:
    found = {name for name, _ in told({**STATUS, "last_done_at": None})}
    assert "last_done_timestamp_seconds" not in found
    assert "sign_in_end_timestamp_seconds" not in found
    ends = {**STATUS, "sign_in_ends_at": "2026-11-24T08:00:00Z"}
    assert told(ends)["sign_in_end_timestamp_seconds", ()] == 1_795_507_200
