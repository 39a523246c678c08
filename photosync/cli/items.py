"""``list``, ``show``, ``choose``, ``skip``, ``retry``: items, and the user's say over them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import DONE, FAILED, Result, end, plural
from photosync.domain.states import State
from photosync.errors import SettingsError, UnknownItem
from photosync.store.choices import Choices

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.app.state import State as OpenState
    from photosync.config import Settings
    from photosync.store.choices import Answer

LARGEST = 2**63 - 1  # no item has a larger number

StateOption = Annotated[
    State | None, typer.Option("--state", help="Only items in this state.", show_default=False)
]
ItemsArgument = Annotated[
    list[int] | None,
    typer.Argument(metavar="ITEM...", max=LARGEST, help="Numbers.", show_default=False),
]
AllOption = Annotated[bool, typer.Option("--all", help="Every item that it applies to.")]

MOST_LISTED = 100_000


def list_items(
    *,
    state: StateOption = None,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="S", help="Label, address or number of a source."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST_LISTED, help="At most.")] = 50,
    before: Annotated[
        int | None,
        typer.Option("--before", min=1, max=LARGEST, help="Only items with smaller numbers."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """List items, the newest first."""
    from photosync.app.report import item_line
    from photosync.app.state import looked_at, source_named
    from photosync.cli.views import items_view

    lines = []
    with looked_at(settings_of(config, verbose=verbose)) as opened_state:
        if opened_state is not None:
            labels = _labels(opened_state)
            lines = [
                item_line(item, labels[item.source_id])
                for item in opened_state.overview.items(
                    state=state,
                    source_id=None if source is None else source_named(opened_state, source).id,
                    limit=limit,
                    **({} if before is None else {"before": before}),
                )
            ]
    document = {"version": 1, "items": lines, "more": len(lines) == limit}
    chosen = {"--state": state, "--source": source}
    words = [f"{name} {shlex.quote(one)}" for name, one in chosen.items() if one is not None]
    text = items_view(lines, limit=limit, again=" ".join(["photosync list", *words]))
    end(Result(text, document), as_json=as_json)


def show(
    *,
    item: Annotated[
        int, typer.Argument(metavar="ITEM", max=LARGEST, help="Its number.", show_default=False)
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show one item and its history."""
    from photosync.app.report import item_page
    from photosync.app.state import looked_at
    from photosync.cli.views import item_view
    from photosync.daemon import lock

    settings = settings_of(config, verbose=verbose)
    with looked_at(settings) as state:
        if state is None:
            raise UnknownItem(
                f"There is no item {item}: photosync has not found any yet.",
                hint="Start it: photosync run",
            )
        found = state.overview.item(item)
        running = lock.holder(settings.state_dir) is not None
        page = item_page(settings, state, found, running=running)
    end(Result(item_view(page), {"version": 1, "item": page}), as_json=as_json)


def choose(
    *,
    items: ItemsArgument = None,
    everything: AllOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Back up items that were held or skipped."""
    wanted = _Wanted(items, everything, state, all_states=(State.HELD,))
    settings = settings_of(config, verbose=verbose)
    end(_change(settings, wanted, Choices.choose, "to be backed up"), as_json=as_json)


def skip(
    *,
    items: ItemsArgument = None,
    everything: AllOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Leave items out. Nothing is removed anywhere; choose takes it back."""
    wanted = _Wanted(
        items, everything, state, all_states=(State.HELD, State.FOUND, State.MIRRORED, State.FAILED)
    )
    settings = settings_of(config, verbose=verbose)
    end(_change(settings, wanted, Choices.skip, "left out"), as_json=as_json)


def retry(
    *,
    items: ItemsArgument = None,
    everything: AllOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Try failed items again, and items that were put aside for a while at once."""
    wanted = _Wanted(items, everything, state, all_states=(State.FAILED,), put_aside=True)
    settings = settings_of(config, verbose=verbose)
    end(_change(settings, wanted, Choices.retry, "to be tried again"), as_json=as_json)


def _left_out_since(settings: Settings, state: OpenState, ids: list[int]) -> set[int]:
    """Those of failed items that are left out by now: nobody who retries all means them."""
    from photosync.app.leaving import TakenToday
    from photosync.store.second_chances import SecondChances

    taken = SecondChances(state.database, TakenToday(settings, state)).failed()
    return set(state.choices.ids(State.FAILED)).intersection(ids).difference(taken)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which items the user means: their numbers, or all, or those in one state."""

    items: list[int] | None
    everything: bool
    state: State | None
    all_states: tuple[State, ...]
    put_aside: bool = False

    def __post_init__(self) -> None:
        given = [bool(self.items), self.everything, self.state is not None]
        if sum(given) != 1:
            raise SettingsError(
                "Say which items, in one way: their numbers, or --all, or --state.",
                hint="photosync list shows items and their numbers.",
            )

    def ids(self, state: OpenState) -> list[int]:
        """Their numbers."""
        if self.items:
            return list(dict.fromkeys(self.items))
        states = (self.state,) if self.state is not None else self.all_states
        ids = [one for wanted in states for one in state.choices.ids(wanted)]
        if self.everything and self.put_aside:
            ids += state.choices.ids_waiting(now=state.now())
        return ids


def _change(
    settings: Settings,
    wanted: _Wanted,
    verb: Callable[..., Answer],
    became: str,
) -> Result:
    """Let ``verb`` take effect, wake the daemon, and say what happened to each item."""
    from photosync.app.state import opened

    left: set[int] = set()
    with opened(settings) as state:
        ids = wanted.ids(state)
        if verb is Choices.retry:
            if wanted.items is None:
                left = _left_out_since(settings, state, ids)
            state.control.ask_again(now=state.now())
        answer = verb(state.choices, [one for one in ids if one not in left], now=state.now())
        state.control.ring(now=state.now())
    lines = [f"{len(answer.changed)} {plural(len(answer.changed), 'item')} {became}."]
    if answer.alike:
        count = len(answer.alike)
        lines.append(f"{count} {plural(count, 'item')} more with the same bytes {became} too.")
    if left:
        lines.append(
            f"{len(left)} failed {plural(len(left), 'item')} {plural(len(left), 'is', 'are')} left"
            " out by now, as photosync why tells: whoever wants one all the same names it."
        )
    refused = {} if wanted.items is None else answer.refused
    lines += [f"Item {item}: {why}." for item, why in refused.items()]
    document = {
        "version": 1,
        "changed": answer.changed,
        "alike": sorted(answer.alike),
        "left_out": sorted(left),
        "refused": {str(item): why for item, why in refused.items()},
    }
    return Result("\n".join(lines), document, FAILED if refused else DONE)


def _labels(state: OpenState) -> dict[int, str]:
    return {view.source.id: view.source.label for view in state.overview.sources()}
