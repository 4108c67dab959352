"""What an API says of how much there is, held against what arrives: a total that is wrong loses no page in silence."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.counting import count
from headrace.events import Warned, emit
from headrace.extract.http import PageFailed
from headrace.extract.paging import Page

if TYPE_CHECKING:
    from headrace.errors import HeadraceError
    from headrace.extract.api import Api
    from headrace.extract.paging import State

_KNOWN = "known"
"""The key of a state that asks for a page behind the total: digests of pages that were there, which would not be a new one."""


@dataclass(slots=True)
class Told:
    """The totals that the pages of a part told, and what later pages are held against.

    The last page by the total that is as full as a page can be proves nothing: one more is asked for. What comes back for it is
    another page, and then the total was too low and reading goes on until nothing comes; or nothing, a refusal, or a page that was
    there before, and then the total was right.
    """

    api: Api
    end: State | None = None
    full: int = 0
    short: int | None = None
    first: str = ""

    def refused(self, state: State, failure: HeadraceError) -> Page | None:
        """An empty page in place of a failure, where a page was asked for that should not be there; None for all others."""
        if _KNOWN not in state:
            return None
        if isinstance(failure, PageFailed) and not 400 <= (failure.status or 0) < 500:
            self._say("more", f"it was read to its total, but whether that is right is not known: {failure.what}")
        return Page("", {}, "[]", 0, ignored=True)

    def accepted(self, state: State, page: Page) -> Page:
        """The page; an empty one in its place where it is behind the end and one of those that were there before."""
        if _KNOWN not in state or not page.rows:
            return page
        if self._digest(page) in state[_KNOWN]:
            return Page(page.url, page.headers, "[]", 0, ignored=True)
        self._say("low", "there are more pages than its total says; it is read until an empty page comes")
        return page

    def following(self, state: State, page: Page, following: State | None) -> State | None:
        """The state after a page: what its paginator says, and the page after it where the total is not to be trusted."""
        paging, end = self.api.paging, self.api.paging.last(page)
        if end is not None and self.end is not None and before(end, self.end):
            self._say("shrank", "its total fell while it was read: where records were removed, others may have been skipped; "
                      "read in the order of a key that stays, or by a cursor")  # fmt: skip
        self.end, self.first = end or self.end, self.first or page.body
        after = None if page.ignored else paging.after(state)
        if following is None and after is not None and end is not None:
            wrong = page.rows > 0 and (_KNOWN in state or not before(state, end))
            if wrong or paging.doubted(page, self.full):
                following = {**after, _KNOWN: sorted({self._digest(page), self._digest(page, self.first)})}
            elif not page.rows and before(after, end):
                self._say("empty", "an empty page came before the last one that its total knows of, and the reading ended "
                          "there; `stop_after_empty_page: false` reads on to the total")  # fmt: skip
        self._note(page)
        return following

    def _note(self, page: Page) -> None:
        if self.short is not None and page.rows:
            self._say("capped", f"a page of {count(self.short, 'record')} was followed by more, where `limit` asks for more at once: "
                      "if the API gives no more than that, records between are skipped; set `limit` to it")  # fmt: skip
        limit = self.api.paging.limit
        self.short = page.rows if limit and 0 < page.rows < limit else None
        self.full = max(self.full, page.rows)

    def _digest(self, page: Page, body: str | None = None) -> str:
        records = self.api.records(page.body if body is None else body)
        return hashlib.sha256(records.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def _say(self, key: str, what: str) -> None:
        if key not in self.api.said:
            self.api.said.add(key)
            emit(Warned(f"{self.api.label}: {what}"))


def before(state: State, end: State) -> bool:
    """Whether a page is one of those that lie before an end."""
    return all(state[key] < end[key] for key in end)
