"""The status document as Prometheus' text (prometheus.io/docs/instrumenting/exposition_formats)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

Json = dict[str, Any]

STATES = ("working", "idle", "paused", "blocked", "waiting", "stopped")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(status: Json, silent: Mapping[str, float], *, version: str) -> bytes:
    """Every metric, for a scrape.

    ``status``: version 1 of the status document. ``silent``: seconds since each worker's last sign
    of life, by name.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Status(status, silent, version))
    return generate_latest(registry)


class _Status(Collector):
    def __init__(self, status: Json, silent: Mapping[str, float], version: str) -> None:
        self._status = status
        self._silent = silent
        self._version = version

    def collect(self) -> Iterable[Metric]:
        """What Prometheus asks for."""
        yield _labelled("build_info", "The version that runs.", "version", {self._version: 1})
        yield from self._queue()
        yield from self._google()
        yield from self._sources()
        yield from self._health()

    def _queue(self) -> Iterator[Metric]:
        status = self._status
        items = {name: number for name, number in status["items"].items() if name != "total"}
        yield _labelled("items", "Photos and videos by state.", "state", items)
        yield _labelled("bytes", "Bytes in the library, and waiting.", "state", status["bytes"])
        yield _gauge(
            "upload_bytes_per_second",
            "Bytes sent a second, lately.",
            status["rate"]["bytes_per_second"],
        )
        last = _seconds(status["last_done_at"])
        if last is not None:
            yield _gauge(
                "last_done_timestamp_seconds", "When a photo last reached the library.", last
            )

    def _google(self) -> Iterator[Metric]:
        quota = self._status["quota"]
        used = CounterMetricFamily(
            "photosync_requests_today", "Requests to Google this day.", labels=["kind"]
        )
        for kind, number in quota["by_kind"].items():
            used.add_metric([kind], number)
        yield used
        yield _gauge("requests_limit", "Requests that Google allows a day.", quota["limit"])
        yield _gauge("requests_spent", "Whether today's requests are used up.", int(quota["spent"]))
        resets = _seconds(quota["resets_at"])
        if resets is not None:
            yield _gauge("requests_reset_timestamp_seconds", "When Google's day ends.", resets)
        ends = _seconds(self._status["sign_in_ends_at"])
        if ends is not None:
            yield _gauge("sign_in_end_timestamp_seconds", "When the sign-in ends.", ends)

    def _sources(self) -> Iterator[Metric]:
        connected = _family("source_connected", "Whether it is there.", "kind", "source")
        items = _family("source_items", "Photos and videos of it.", "kind", "source")
        waiting = _family("source_waiting", "Those that wait on it.", "kind", "source")
        seen = _family("source_seen_timestamp_seconds", "When it was last there.", "kind", "source")
        names: set[tuple[str, str]] = set()
        for one in self._status["sources"]:
            name = (str(one["kind"]), str(one["label"]))
            if name in names:  # two lines of one name would spoil the whole answer
                name = (name[0], f"{one['label']} ({one['id']})")
            names.add(name)
            connected.add_metric(name, int(one["connected"]))
            items.add_metric(name, one["items"])
            waiting.add_metric(name, one["waiting"])
            at = _seconds(one["last_seen_at"])
            if at is not None:
                seen.add_metric(name, at)
        yield from (connected, items, waiting, seen)

    def _health(self) -> Iterator[Metric]:
        doing = self._status["daemon"]["state"]
        states = {one: int(one == doing) for one in STATES}
        yield _labelled("state", "1 for what the daemon does now.", "state", states)
        codes = {str(one["code"]): 0 for one in self._status["problems"]}
        for one in self._status["problems"]:
            codes[one["code"]] += 1
        yield _labelled("problems", "What stands in the way, by code.", "code", codes)
        needs_user = sum(one["needs_user"] for one in self._status["problems"])
        yield _gauge("problems_for_you", "Those that need you.", needs_user)
        yield _labelled(
            "worker_silent_seconds",
            "How long ago a worker last gave a sign of life.",
            "worker",
            self._silent,
        )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"photosync_{name}", text, value=value)


def _labelled(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = _family(name, text, label)
    for one, value in values.items():
        family.add_metric([one], value)
    return family


def _family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"photosync_{name}", text, labels=labels)


def _seconds(at: str | None) -> float | None:
    return None if at is None else datetime.fromisoformat(at).timestamp()
