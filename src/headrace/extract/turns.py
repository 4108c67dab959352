"""The pages of a stream in order: those ahead are fetched while the ones before them are read."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headrace.cursor import Cursor
from headrace.errors import PagingStuck, RecordsNotFound, RequestFailed
from headrace.events import Warned, emit
from headrace.extract.http import PageFailed, PagingReset
from headrace.extract.paging import detected, fingerprint
from headrace.extract.parts import Part
from headrace.extract.totals import Told, before
from headrace.extract.windows import values_of
from headrace.project.apis import SinglePage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from concurrent.futures import Future

    from headrace.extract.api import Api
    from headrace.extract.paging import Page, State
    from headrace.project.apis import Paginator

_DEAD_IN_A_ROW = 3
_EQUAL_IN_A_ROW = 10
_EMPTY_IN_A_ROW = 1000
_FORBIDDEN = (401, 403)


@dataclass(slots=True)
class Turn:
    """A page that arrived, or the failure that stands for it, and the state after it; None after the last of its part."""

    part: Part
    state: State
    following: State | None
    page: Page | None = None
    failure: PageFailed | None = None


def turns(api: Api, parts: Iterable[Part], resume: Mapping[str, Any]) -> Iterator[Turn]:
    """The pages of all parts, one part after the other; the first pages of the parts ahead are on their way already.

    Raises RequestFailed, RecordsNotFound or PagingStuck.
    """
    coming = iter(parts)
    ahead: deque[tuple[Part, State, Future[Page]]] = deque()
    state = resume.get("state")
    arrived = bool(resume.get("page"))
    while True:
        while len(ahead) < api.width and (part := next(coming, None)) is not None:
            first = state or api.paging.first()
            state = None
            ahead.append((part, first, api.submit(part, first)))
            if api.paginator is None:
                break
        if not ahead:
            return
        part, first, future = ahead.popleft()
        for turn in _resetting(api, part, first, future, arrived=arrived):
            yield turn
            arrived = arrived or turn.page is not None


def _resetting(api: Api, part: Part, first: State, future: Future[Page], *, arrived: bool) -> Iterator[Turn]:
    """The pages of a part; where a response action says so, once more from the first, past the highest cursor that was read."""
    while True:
        highest = Cursor("", part.window.start_value)
        try:
            for turn in _pages(api, part, first, future, arrived=arrived):
                highest = highest.past(turn.page.reached if turn.page else None)
                yield turn
        except PagingReset as reset:
            if highest.value is None or highest.value == part.window.start_value:
                hint = "it needs an `incremental:` with a `start_param:`, and records in the order of their cursor"
                raise PagingStuck(f"{reset.what}, but no cursor says from where", hint=hint) from None
            window = replace(part.window, start_value=highest.value)
            part = Part(part.slot, window, {**part.values, **values_of(api.spec.incremental, window)}, part.added)
            first = api.paging.first()
            future = api.submit(part, first)
        else:
            return


def _pages(api: Api, part: Part, first: State, future: Future[Page], *, arrived: bool) -> Iterator[Turn]:
    seen, same, dead_in_a_row = {fingerprint(first)}, _Same(), 0
    ahead: deque[tuple[State, Future[Page]]] = deque([(first, future)])
    end: State | None = None
    told = Told(api)
    while ahead:
        state, future = ahead.popleft()
        got = _result(future, state, told)
        if isinstance(got, PageFailed):
            turn = Turn(part, state, api.paging.after(state), failure=got)
            dead_in_a_row += 1
            _raise_unless_kept(api, turn, arrived=arrived, too_many=dead_in_a_row > _DEAD_IN_A_ROW and end is None)
        else:
            page = got
            turn = _arrived(api, part, state, page, told)
            _raise_if_repeated(api, turn, same)
            dead_in_a_row, arrived = 0, True
            end = end or _end(api, page)
        if turn.failure and end is not None and turn.following and not before(turn.following, end):
            turn.following = None
        if turn.following is None:
            for _, one in ahead:
                one.cancel()
            ahead.clear()
        elif not ahead:
            _raise_if_seen(api, part, turn.following, seen)
            ahead.append((turn.following, api.submit(part, turn.following)))
        _fill(api, part, ahead, end, seen)
        yield turn


def _result(future: Future[Page], state: State, told: Told) -> Page | PageFailed:
    """A page, or the failure that stands for it; behind the end that a total told, a failure only says that it was the end."""
    try:
        return told.accepted(state, future.result())
    except (PageFailed, RecordsNotFound) as failure:
        nothing = told.refused(state, failure)
        if nothing is not None:
            return nothing
        if isinstance(failure, PageFailed):
            return failure
        raise


def _arrived(api: Api, part: Part, state: State, page: Page, told: Told) -> Turn:
    if api.paginator is None:
        api.paginator = _chosen(api, part, page)
        state = state or api.paging.first()
    try:
        following = told.following(state, page, None if page.ignored else api.paging.next(state, page))
        if following and "url" in following:
            following = {**following, "url": api.http.bare(following["url"])}
    except ValueError:
        raise RequestFailed(f"{api.label}: the link to the page after {api.origin(part, state)} is no URL") from None
    return Turn(part, state, following, page)


def _chosen(api: Api, part: Part, page: Page) -> Paginator:
    found = detected(page)
    if found is None and page.rows > 1:
        emit(
            Warned(
                f"{api.label}: no paginator fits the first response, so it is read as the only page",
                api.http.shown_url(api.base(part)),
            )
        )
    return found or SinglePage(type="single_page")


def _end(api: Api, page: Page) -> State | None:
    return api.paging.last(page) if getattr(api.paginator, "parallel", 1) > 1 else None


def _fill(api: Api, part: Part, ahead: deque[tuple[State, Future[Page]]], end: State | None, seen: set[str]) -> None:
    """Have as many pages on their way as the paginator and the source allow, where the end is known."""
    width = min(getattr(api.paginator, "parallel", 1), api.width)
    while end is not None and ahead and len(ahead) < width:
        following = api.paging.after(ahead[-1][0])
        if following is None or not before(following, end):
            return
        seen.add(fingerprint(following))
        ahead.append((following, api.submit(part, following)))


def _raise_unless_kept(api: Api, turn: Turn, *, arrived: bool, too_many: bool) -> None:
    """A page may be done without if the next is known, others came through, and the server did not refuse us altogether."""
    failure = turn.failure
    if failure is None or failure.kept:
        return
    wanted = api.spec.on_page_error == "quarantine" and failure.status not in _FORBIDDEN and failure.kept is None
    if not (wanted and arrived and turn.following is not None) or too_many:
        raise failure


def _raise_if_seen(api: Api, part: Part, state: State, seen: set[str]) -> None:
    mark = fingerprint(state)
    if mark in seen:
        raise PagingStuck(f"{api.label}: the paginator was led to the same page twice, {api.origin(part, state)}")
    seen.add(mark)


@dataclass(slots=True)
class _Same:
    """What the last page said beside its link or cursor, and how often in a row."""

    said: str = ""
    times: int = 0
    seen: set[int] = field(default_factory=set)
    again: int = 0
    """How many pages in a row, up to the last, were there before."""

    def note(self, turn: Turn, page: Page) -> int:
        """How often a page has been there in a row, this one included."""
        said = page.body
        for value in (turn.following or {}).values():
            said = said.replace(str(value), "") if isinstance(value, str) and value else said
        self.times = self.times + 1 if said == self.said else 1
        self.said = said
        mark = hash(said)
        self.again = self.again + 1 if page.rows and mark in self.seen else 0
        self.seen.add(mark)
        return self.times


def _raise_if_repeated(api: Api, turn: Turn, same: _Same) -> None:
    """A page that can be asked for by its number is never the one before it; cursors may lead to equal ones, but not for ever."""
    page = turn.page
    if page is None or turn.following is None:
        return
    times, numbered = same.note(turn, page), api.paging.after(turn.state) is not None
    if times > (_EMPTY_IN_A_ROW if not page.rows else 1 if numbered else _EQUAL_IN_A_ROW):
        raise PagingStuck(
            f"{api.label}: {api.origin(turn.part, turn.state)} is the page before it once more"
            + (f", for the {times}th time" if times > 2 else ""),
            hint="does the API know the paginator's parameter?",
        )
    if same.again > _EQUAL_IN_A_ROW:
        raise PagingStuck(
            f"{api.label}: the pages go in a circle: {api.origin(turn.part, turn.state)} and the {_EQUAL_IN_A_ROW} before it "
            "had been read already",
            hint="is there a `total_path:` or a `has_more_path:` that says where the pages end?",
        )
