"""Facts as a terminal shows them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from photosync.cli.result import plural, printable
from photosync.domain.media import in_units
from photosync.domain.states import State
from photosync.errors import NO_PHOTO_HINT, EmptyFile, NotMedia

if TYPE_CHECKING:
    from rich.console import RenderableType

Json = dict[str, Any]

WORDS = {
    State.HELD: "waiting for your choice",
    State.FOUND: "found, to be read",
    State.MIRRORED: "to be uploaded",
    State.UPLOADED: "uploaded, to be put into the library",
    State.DONE: "in your library",
    State.DUPLICATE: "copies of others",
    State.SKIPPED: "left out",
    State.FAILED: "failed",
}
STYLES = {State.DONE: "green", State.FAILED: "red", State.HELD: "yellow"}
FAILED_HINT = "Once it is mended: photosync retry ITEM; to leave it out: photosync skip ITEM"
NO_PHOTOS = frozenset({EmptyFile.code, NotMedia.code})
DAEMON_WORDS = {
    "working": ("green", "working"),
    "idle": ("green", "running, nothing to do"),
    "paused": ("yellow", "paused (photosync resume)"),
    "blocked": ("red", "blocked: see below"),
    "waiting": ("yellow", "waiting: see below"),
    "stopped": ("yellow", "not running (photosync run)"),
}


def span(seconds: float | None) -> str:
    """``2 h 10 min``; ``unknown`` for None."""
    if seconds is None:
        return "unknown"
    minutes = math.ceil(seconds / 60)
    if minutes < 2:  # noqa: PLR2004 - under two minutes, seconds say more
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min"


def local(rfc3339: str | None) -> str:
    """A time of ours in the user's zone; "" for None."""
    if rfc3339 is None:
        return ""
    at = datetime.strptime(rfc3339, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def status_view(document: Json, *, is_live: bool = False) -> RenderableType:
    """What ``photosync status`` shows.

    ``is_live``: what does not fit onto the terminal is cut off below, so that trouble comes first.
    """
    trouble = [*map(_problem, document["problems"]), *_failures(document["failed"])]
    parts: list[RenderableType] = [_headline(document)]
    parts += [*trouble, _states(document)] if is_live else [_states(document)]
    if document["backup"] is not None:
        parts.append(_second_copy(document["backup"]))
    if document["sources"]:
        parts.append(_sources(document["sources"], is_running=document["daemon"]["running"]))
    return Group(*parts, *(() if is_live else trouble))


def items_view(lines: list[Json], *, limit: int, again: str) -> Text:
    """What ``photosync list`` shows; ``again`` is how it was asked, to ask for more.

    A line each, however long: a folded path cannot be copied, nor found with grep.
    """
    if not lines:
        return Text("No items.")
    text = Text()
    number_width = max(len(str(line["id"])) for line in lines)
    state_width = max(len(line["state"]) for line in lines)
    for line in lines:
        text.append(f"{line['id']:>{number_width}}  ")
        text.append(f"{line['state']:{state_width}}", style=STYLES.get(line["state"], ""))
        text.append(f"  {in_units(line['size_bytes']):>10}  ")
        text.append(f"{line['source']}: ", style="dim").append(line["path"] + "\n")
        why = printable(line["error"]["message"]) if line["error"] else _copy_of(line)
        if why:
            text.append(" " * (number_width + 2) + why + "\n", style="dim")
    if len(lines) == limit:
        words = f"There may be more: {printable(again)} --before {lines[-1]['id']}"
        text.append(words + "\n", style="dim")
    failed = [line for line in lines if line["state"] == State.FAILED]
    if any(line["error"] is None or line["error"]["code"] not in NO_PHOTOS for line in failed):
        text.append(FAILED_HINT, style="dim")
    elif failed:
        text.append(NO_PHOTO_HINT, style="dim")
    text.rstrip()
    return text


def _copy_of(line: Json) -> str:
    of = line["duplicate_of"]
    return "" if of is None else f"The same bytes as item {of}."


def item_view(page: Json) -> RenderableType:
    """What ``photosync show`` shows."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    facts = {
        "item": str(page["id"]),
        "file": page["path"],
        "source": page["source"],
        "state": _state_words(page["state"]),
        "size": f"{in_units(page['size_bytes'])} ({page['size_bytes']} bytes)",
        "type": page["mime_type"],
        "taken": local(page["taken_at"]),
        "modified": local(page["modified_at"]),
        "sha256": page["sha256"] or "",
        "album": printable(page["album"]),
        "Google's id": page["google_id"] or "",
        "copied to": copy_words(page),
        "second copy": second_copy_words(page),
        "sent dated": _dated_words(page["dated_copy"]),
        "copy of": "" if page["duplicate_of"] is None else f"item {page['duplicate_of']}",
        "why": printable(page["error"]["message"]) if page["error"] else "",
        "waits, as": printable(page["waits_for"]),
        "next try": local(page["next_try_at"]),
    }
    for name, value in facts.items():
        if value:
            table.add_row(name, Text(value))
    history = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("when", "became", "why"):
        history.add_column(heading)
    for event in page["history"]:
        to = f" to {event['to']}" if event["to"] else ""
        history.add_row(local(event["at"]), event["after"], printable((event["code"] or "") + to))
    return Group(table, history)


def copy_words(page: Json) -> str:
    """Where its copy in the mirror lies; "" if it needs none."""
    if page["mirror_path"] is None:
        return ""
    return f"{page['mirror_path']}{'' if page['mirror_there'] else ' (not there now)'}"


def second_copy_words(page: Json) -> str:
    """Where its second copy lies, and since when that is certain; "" if there is to be none."""
    copy = page["second_copy"]
    if copy is None:
        return ""
    if copy["path"] is None:
        return printable(f"not yet in {copy['to']}")
    sealed = ", sealed" if copy["sealed"] else ""
    return printable(f"{copy['path']} (read back {local(copy['verified_at'])}{sealed})")


def _dated_words(dated: Json | None) -> str:
    if dated is None:
        return ""
    whence = "its name" if dated["from"] == "name" else "its last change"
    return f"{local(dated['at'])}, from {whence}, in a copy that Google gets; the file is as it was"


def _state_words(state: str) -> str:
    words = WORDS[State(state)]
    return state if words == state else f"{state} ({words})"


def _headline(document: Json) -> Text:
    daemon, rate = document["daemon"], document["rate"]
    style, words = DAEMON_WORDS[daemon["state"]]
    if daemon["state"] == "idle" and any(one["waiting"] for one in document["sources"]):
        words = "running, nothing it can do now"
    line = Text("photosync: ").append(words, style=f"bold {style}")
    if daemon["running"] and daemon["pid"] is not None:
        line.append(f"   process {daemon['pid']} since {local(daemon['since'])}", style="dim")
    for copy in document["copies"]:
        copied, whole = in_units(copy["copied_bytes"]), in_units(copy["size_bytes"])
        line.append(f"\ncopying item {copy['id']} from a phone: {copied} of {whole}")
    if rate["bytes_per_second"] and document["bytes"]["waiting"]:
        speed = f"{in_units(rate['bytes_per_second'])}/s"
        if document["uploads"] or not document["copies"]:
            line.append(f"\n{speed}, {span(rate['eta_seconds'])} left")
    if document["paused"]:
        line.append(f"\nPaused: {printable(document['paused'])}")
    return line


def _second_copy(backup: Json) -> Text:
    line = Text("second copy: ").append(f"{backup['items']:,}", style="green")
    line.append(f" at {backup['to']}")
    if backup["waiting"]:
        line.append(f", {backup['waiting']:,} {plural(backup['waiting'], 'waits', 'wait')}")
    elif backup["last_at"]:
        line.append(f", the last at {local(backup['last_at'])}", style="dim")
    if backup["exposed"] is not None:
        told = f"{backup['exposed']['message']} {backup['exposed']['hint']}"
        line.append(f"\n  {printable(told)}", style="yellow")
    for one in backup["put_aside"]:
        line.append(f"\n  {one['items']} x {printable(one['example'])}", style="yellow")
    return line


def _states(document: Json) -> Table:
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column(justify="right")
    table.add_column()
    for state in State:
        count = document["items"][state]
        if count or state is State.DONE:
            words = WORDS[state]
            if state is State.SKIPPED and document["assumed"]:
                words += f", of which {document['assumed']:,} taken as uploaded (photosync import)"
            table.add_row(Text(f"{count:,}", style=STYLES.get(state, "")), words)
    table.add_row(f"{document['items']['total']:,}", "found in all")
    quota = document["quota"]
    table.add_row(
        f"{quota['used']:,}",
        f"of {quota['limit']:,} requests used today, anew at {local(quota['resets_at'])}",
    )
    aside = document["put_aside"]
    if aside["items"]:
        words = f"put aside for a while, next try at {local(aside['next_at'])}"
        table.add_row(f"{aside['items']:,}", words)
    return table


def _sources(sources: list[Json], *, is_running: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("source", "where", "items", ""):
        table.add_column(heading, overflow="fold")
    for source in sources:
        there = _there(source) if is_running else _was_there(source)
        if source["waiting"] and not source["connected"]:
            count = source["waiting"]
            there.append(f", {count:,} {plural(count, 'waits', 'wait')}", style="yellow")
        table.add_row(Text(source["label"]), Text(source["address"]), f"{source['items']:,}", there)
    return table


def _there(source: Json) -> Text:
    """A folder that is away is a trouble; a phone comes and goes."""
    if source["kind"] == "phone":
        words = "plugged in" if source["connected"] else "not plugged in"
        return Text(words, style="green" if source["connected"] else "dim")
    return Text("there", style="green") if source["connected"] else Text("away", style="red")


def _was_there(source: Json) -> Text:
    """Nobody has looked since photosync was stopped."""
    words = "was plugged in" if source["kind"] == "phone" else "was there"
    return Text(words if source["connected"] else "was away", style="dim")


def _problem(problem: Json) -> Text:
    style = "bold red" if problem["needs_user"] else "bold yellow"
    text = Text("! ", style=style).append(printable(problem["message"]), style="default")
    if problem["hint"]:
        text.append("\n  " + printable(problem["hint"]), style="bold")
    if problem["needs_user"] and problem["until"]:
        text.append(f"\n  The next try is at {local(problem['until'])}.", style="dim")
    return text


def _failures(failed: list[Json]) -> list[RenderableType]:
    if not failed:
        return []
    total = sum(one["items"] for one in failed)
    lines = Text(f"{total} {plural(total, 'item')} failed:", style="red")
    for one in failed:
        lines.append(f"\n  {one['items']} x {printable(one['example'])}", style="default")
    lines.append("\n  More: photosync list --state failed", style="dim")
    return [lines]
