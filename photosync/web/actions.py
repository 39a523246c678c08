"""Everything that a click changes. Each form has brought the token of our own pages.

A verb over items (``VERBS``) says what it is called, what it applies to and what it does: another
is one more line there. Putting items back asks where to first: see ``restoring``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, RedirectResponse, Response

from photosync.domain.states import State
from photosync.store.choices import Choices
from photosync.web import words
from photosync.web.asked import Nonsense, asked, folder_of, number
from photosync.web.notes import safe_back

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request

    from photosync.store.choices import Answer
    from photosync.store.gallery import Sought
    from photosync.web.assets import Assets
    from photosync.web.notes import Form, Notes
    from photosync.web.site import Site, Threads

AT_ONCE = 1000
MOST_NAMED = 10_000
MOST_STATES_TOLD = 1000
MODES = {"auto": "auto", "manual": "manual", "settings": None}
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Verb:
    """What may be done with items. ``states``: to which it applies if all are meant.

    ``became``: what is said of them afterwards; ``asks``: what is asked before it is done to all.
    """

    label: str
    states: tuple[State, ...]
    do: Callable[..., Answer]
    became: str
    asks: str


VERBS: dict[str, Verb] = {
    "choose": Verb(
        "Back up", (State.HELD,), Choices.choose, "to be backed up", "Back up {things}?"
    ),
    "retry": Verb(
        "Try again", (State.FAILED,), Choices.retry, "to be tried again", "Try {things} again?"
    ),
    "skip": Verb(
        "Leave out",
        (State.HELD, State.FOUND, State.MIRRORED, State.FAILED),
        Choices.skip,
        "left out",
        "Leave {things} out? Nothing is removed anywhere; Back up takes it back.",
    ),
}


class Actions:
    """Changes through the database, as the verbs of the command line do."""

    def __init__(self, site: Site, threads: Threads, assets: Assets, notes: Notes) -> None:
        self._site = site
        self._threads = threads
        self._assets = assets
        self._notes = notes

    async def items(self, request: Request, form: Form) -> Response:
        """A verb over items: those that are named, or all that a filter shows."""
        verb = VERBS.get(request.path_params["verb"])
        if verb is None:
            raise Nonsense("There is no such verb.")
        if form.one("all"):
            return await self._all(request, form, verb)
        ids = self.named(form)
        if not ids:
            return self.said(request, form, "Nothing is selected.")
        answer = await self._threads.read(lambda: self._do(verb, ids))
        return self._answered(request, form, verb, answer)

    def named(self, form: Form) -> list[int]:
        """The numbers of items in a form, each once."""
        named = [one for some in form.values.get("item", []) for one in some.split(",") if one]
        if len(named) > MOST_NAMED:
            raise Nonsense("Those are too many; select all that a filter shows.")
        return list(dict.fromkeys(number(one) for one in named))

    async def _all(self, request: Request, form: Form, verb: Verb) -> Response:
        wanted = asked(form.flat())
        sought = _applied(wanted.sought(), verb)
        if sought is None:
            return self.said(request, form, f"There is nothing here to {verb.label.lower()}.")
        if not form.one("sure"):
            count = await self._threads.read(
                lambda: sum(items for _, items in self._site.gallery.days(sought))
            )
            return self._ask(request, form, verb, count)
        answer = await self._threads.read(lambda: self._do_all(verb, sought))
        return self._answered(request, form, verb, answer)

    def _do(self, verb: Verb, ids: Sequence[int]) -> Answer:
        answer = verb.do(self._site.choices, ids, now=self._site.now())
        self._site.control.ring(now=self._site.now())
        return answer

    def _do_all(self, verb: Verb, sought: Sought) -> Answer:
        """A thousand at a time, so that the workers are never held up."""
        whole = self._do(verb, [])
        for ids in self._site.gallery.pages(sought, limit=AT_ONCE):
            answer = self._do(verb, ids)
            whole.changed.extend(answer.changed)
            whole.refused.update(answer.refused)
            whole.alike.update(answer.alike)
        return whole

    def _ask(self, request: Request, form: Form, verb: Verb, count: int) -> Response:
        question = verb.asks.format(things=words.things(count))
        if not count:
            return self.said(request, form, f"There is nothing here to {verb.label.lower()}.")
        if _wants_json(request):
            return JSONResponse({"question": question, "label": verb.label})
        return self._assets.page(
            "sure.html",
            here="photos",
            **self._notes.around(request),
            address="",
            question=question,
            label=verb.label,
            action=request.url.path,
            back=safe_back(form.one("back", "/photos")),
            fields=[*asked(form.flat()).fields(), ("all", "1"), ("sure", "1")],
        )

    def _answered(self, request: Request, form: Form, verb: Verb, answer: Answer) -> Response:
        parts = []
        if answer.changed or not answer.refused:
            is_are = "is" if len(answer.changed) == 1 else "are"
            parts.append(f"{words.things(len(answer.changed))} {is_are} {verb.became}.")
        if answer.alike:
            parts.append(f"{len(answer.alike):,} more with the same bytes too.")
        if answer.refused:
            reason = next(iter(answer.refused.values()))[:LONGEST_REASON]
            parts.append(f"Not {words.things(len(answer.refused))}: {reason}.")
        return self.said(
            request,
            form,
            " ".join(parts),
            changed=[*answer.changed, *answer.alike][:MOST_STATES_TOLD],
        )

    async def hurry(self, request: Request, form: Form) -> Response:
        """What was put aside for a while is tried at once, and what failed again.

        But for what is left out since it failed: nobody who asks Google again means that.
        """

        def do() -> Answer:
            choices = self._site.choices
            ids = [*self._site.failed(), *choices.ids_waiting(now=self._site.now())]
            self._site.control.ask_again(now=self._site.now())
            return self._do(VERBS["retry"], ids)

        answer = await self._threads.read(do)
        return self._answered(request, form, VERBS["retry"], answer)

    async def pause(self, request: Request, form: Form) -> Response:
        """Nothing more is taken in hand."""
        await self._threads.read(lambda: self._site.control.pause("", now=self._site.now()))
        return self.said(request, form, "Paused.")

    async def resume(self, request: Request, form: Form) -> Response:
        """It goes on."""
        await self._threads.read(lambda: self._site.control.resume(now=self._site.now()))
        return self.said(request, form, "Going on.")

    async def take(self, request: Request, form: Form) -> Response:
        """A folder is taken from now on, or left."""
        source_id, folder = number(form.one("source")), folder_of(form.one("folder"))
        take = form.one("take") == "1"
        await self._threads.read(lambda: self._site.sources.take(source_id, folder, take=take))
        return self.said(request, form, "It is backed up." if take else "It is left out.")

    async def mode(self, request: Request, form: Form) -> Response:
        """What is new on a source is backed up by itself, or held until it is chosen."""
        source_id, mode = number(form.one("source")), form.one("mode")
        if mode not in MODES:
            raise Nonsense("There is no such way.")
        await self._threads.read(
            lambda: self._site.sources.set_mode(source_id, MODES[mode])  # type: ignore[arg-type]  # just checked
        )
        return self.said(request, form, "That is remembered.")

    def said(self, request: Request, form: Form, text: str, **more: Any) -> Response:
        """A sentence: as JSON for our own script, else on the page that comes next."""
        if _wants_json(request):
            return JSONResponse({"said": text, **more})
        back = safe_back(form.one("back", "/"))
        if not text:
            return RedirectResponse(back, 303)
        joint = "&" if "?" in back else "?"
        return RedirectResponse(f"{back}{joint}said={self._notes.keep(text)}", 303)


def _applied(sought: Sought, verb: Verb) -> Sought | None:
    """What of that the verb is for, if all of it is meant; None: nothing."""
    if not sought.states:
        return replace(sought, states=verb.states)
    is_plain_choice = verb.do is Choices.choose and sought.states == (State.SKIPPED,)
    states = tuple(one for one in sought.states if one in verb.states)
    if is_plain_choice:
        states = (State.SKIPPED,)
    return replace(sought, states=states) if states else None


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")
