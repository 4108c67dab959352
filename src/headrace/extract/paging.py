"""How the next page is asked for. Each paginator is one small class in a table by `type`; its state is a JSON-able mapping."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias
from urllib.parse import parse_qsl, urljoin, urlsplit

from headrace.project.apis import (
    CursorPaging,
    HeaderCursor,
    HeaderLink,
    JsonLink,
    OffsetPaging,
    PageNumberPaging,
    SinglePage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.extract.http import Request
    from headrace.project.apis import Paginator

State: TypeAlias = "Mapping[str, Any]"


@dataclass(frozen=True, slots=True)
class Page:
    """A response as a paginator sees it: its URL and headers, how many records it has, and the JSON values at the asked paths.

    A path that is not in the body is not in `values`; one that holds null is there with None.
    """

    url: str
    headers: Mapping[str, str]
    body: str
    rows: int
    values: Mapping[str, Any] = field(default_factory=dict)
    ignored: bool = False
    reached: str | None = None
    """The highest cursor of its records, where each part has a cursor of its own."""


class Paging(Protocol):
    """A paginator: a state says which page; the first state is where reading begins."""

    paths: tuple[str, ...]
    """What it has to know of a body."""
    limit: int | None
    """How many records it asks for at once, where its states count them."""

    def first(self) -> State:
        """The state of the first page."""

    def apply(self, state: State, request: Request) -> Request:
        """The request for the page of that state."""

    def next(self, state: State, page: Page) -> State | None:
        """The state after a page, or None where it was the last."""

    def after(self, state: State) -> State | None:
        """The state after a page that nobody has seen, or None where only the page itself could tell."""

    def last(self, page: Page) -> State | None:
        """The first state that is beyond the known total, or None where there is none: then pages come one by one."""

    def doubted(self, page: Page, full: int) -> bool:
        """Whether a page that ends the reading by its total may have another one after it; `full` is the most records a page had."""


class _Linked:
    """What paginators have in common whose next page only the last one knows."""

    limit = None

    def first(self) -> State:
        return {}

    def after(self, state: State) -> State | None:  # noqa: ARG002 - the protocol's signature
        return None

    def last(self, page: Page) -> State | None:  # noqa: ARG002 - the protocol's signature
        return None

    def doubted(self, page: Page, full: int) -> bool:  # noqa: ARG002 - the protocol's signature
        return False


def _follow(state: State, request: Request) -> Request:
    # A link repeats the parameters it needs; those it leaves out go on.
    if "url" not in state:
        return request
    named = {name for name, _ in parse_qsl(urlsplit(state["url"]).query, keep_blank_values=True)}
    params = {name: value for name, value in request.params.items() if name not in named}
    return replace(request, url=state["url"], params=params)


def _link(page: Page, link: Any) -> State | None:
    return {"url": urljoin(page.url, link)} if isinstance(link, str) and link else None


class ByJsonLink(_Linked):
    """The next page's URL is in the body."""

    def __init__(self, spec: JsonLink) -> None:
        self.spec = spec
        self.paths: tuple[str, ...] = (spec.next_url_path,)

    def apply(self, state: State, request: Request) -> Request:
        """The link, with those parameters of the request that it does not name."""
        return _follow(state, request)

    def next(self, state: State, page: Page) -> State | None:  # noqa: ARG002 - the protocol's signature
        """The link, made absolute."""
        return _link(page, page.values.get(self.spec.next_url_path))


class ByHeaderLink(_Linked):
    """The next page's URL is in the Link header (RFC 8288)."""

    def __init__(self, spec: HeaderLink) -> None:
        self.spec = spec
        self.paths: tuple[str, ...] = ()

    def apply(self, state: State, request: Request) -> Request:
        """The link, with those parameters of the request that it does not name."""
        return _follow(state, request)

    def next(self, state: State, page: Page) -> State | None:  # noqa: ARG002 - the protocol's signature
        """The link of the wanted relation, made absolute."""
        return _link(page, header_links(page.headers.get("link", "")).get(self.spec.links_next_key))


def header_links(value: str) -> dict[str, str]:
    """The links of a Link header by relation."""
    found: dict[str, str] = {}
    for url, parameters in re.findall(r"<([^>]*)>((?:\s*;\s*[^;,\"]+(?:\"[^\"]*\")?)*)", value):
        relation = re.search(r'rel\s*=\s*(?:"([^"]*)"|([^\s;,]+))', parameters, re.IGNORECASE)
        for name in (relation[1] or relation[2] or "").split() if relation else ():
            found.setdefault(name, url)
    return found


class ByHeaderCursor(_Linked):
    """A header holds a token that the next request sends back."""

    def __init__(self, spec: HeaderCursor) -> None:
        self.spec = spec
        self.paths: tuple[str, ...] = ()

    def apply(self, state: State, request: Request) -> Request:
        """The token as a parameter."""
        if "cursor" not in state:
            return request
        return replace(request, params={**request.params, self.spec.cursor_param: state["cursor"]})

    def next(self, state: State, page: Page) -> State | None:  # noqa: ARG002 - the protocol's signature
        """The token, as long as there is one."""
        token = page.headers.get(self.spec.cursor_key.lower())
        return {"cursor": token} if token else None


class ByCursor(_Linked):
    """The body holds a token that the next request sends back."""

    def __init__(self, spec: CursorPaging) -> None:
        self.spec = spec
        self.paths: tuple[str, ...] = tuple(path for path in (spec.cursor_path, spec.has_more_path) if path)

    def apply(self, state: State, request: Request) -> Request:
        """The token as a parameter, or at a path of the JSON body."""
        if "cursor" not in state:
            return request
        return _said(request, self.spec.cursor_param, self.spec.cursor_body_path, "cursor", state["cursor"])

    def next(self, state: State, page: Page) -> State | None:  # noqa: ARG002 - the protocol's signature
        """The token, unless the API says that there is no more."""
        token = page.values.get(self.spec.cursor_path)
        if token in (None, "", False) or _ends(self.spec.has_more_path, page):
            return None
        if self.spec.stop_after_empty_page and not page.rows:
            return None
        return {"cursor": token}


def _said(request: Request, param: str | None, body_path: str | None, usual: str, value: Any) -> Request:
    """The request with a value as a parameter, at a path of its JSON body, or both; by its usual name where neither is named."""
    if body_path:
        request = replace(request, json=_placed(request.json or {}, body_path, value))
    if param or not body_path:
        request = replace(request, params={**request.params, (param or usual): value})
    return request


def _placed(body: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    key, _, rest = path.removeprefix("$.").partition(".")
    return {**body, key: _placed(body.get(key) or {}, rest, value) if rest else value}


class ByOffset:
    """Requests say how many records to skip."""

    def __init__(self, spec: OffsetPaging) -> None:
        self.spec = spec
        self.limit: int | None = spec.limit
        self.paths: tuple[str, ...] = tuple(path for path in (spec.total_path, spec.has_more_path) if path)

    def first(self) -> State:
        """The offset the spec starts at."""
        return {"offset": self.spec.offset}

    def apply(self, state: State, request: Request) -> Request:
        """Offset and limit as parameters, or at paths of the JSON body."""
        spec = self.spec
        request = _said(request, spec.offset_param, spec.offset_body_path, "offset", state["offset"])
        if spec.offset_body_path and not (spec.limit_param or spec.limit_body_path):
            return request  # a body that holds its own limit
        return _said(request, spec.limit_param, spec.limit_body_path, "limit", spec.limit)

    def next(self, state: State, page: Page) -> State | None:
        """The next offset, while the total, the flag and the records say that there is more."""
        following = self.after(state)
        if following is None or _stops(self.spec, page):
            return None
        total = _count(self.spec.total_path, page)
        return None if total is not None and following["offset"] >= total else following

    def after(self, state: State) -> State | None:
        """The next offset, below the maximum."""
        offset = state["offset"] + self.spec.limit
        return (
            None if self.spec.maximum_offset is not None and offset >= self.spec.maximum_offset else {"offset": offset}
        )

    def last(self, page: Page) -> State | None:
        """The total, as an offset."""
        total = _count(self.spec.total_path, page)
        return None if total is None else {"offset": total}

    def doubted(self, page: Page, full: int) -> bool:  # noqa: ARG002 - the protocol's signature
        """Where the page has as many records as were asked for."""
        return _may_go_on(self.spec, page, self.spec.limit)


class ByPageNumber:
    """Requests say which page they want."""

    limit = None

    def __init__(self, spec: PageNumberPaging) -> None:
        self.spec = spec
        self.paths: tuple[str, ...] = tuple(path for path in (spec.total_path, spec.has_more_path) if path)

    def first(self) -> State:
        """The page the spec starts at."""
        return {"page": self.spec.base_page if self.spec.page is None else self.spec.page}

    def apply(self, state: State, request: Request) -> Request:
        """The number as a parameter, or at a path of the JSON body."""
        return _said(request, self.spec.page_param, self.spec.page_body_path, "page", state["page"])

    def next(self, state: State, page: Page) -> State | None:
        """The next number, while the total, the flag and the records say that there is more."""
        following = self.after(state)
        if following is None or _stops(self.spec, page):
            return None
        beyond = self.last(page)
        return None if beyond is not None and following["page"] >= beyond["page"] else following

    def after(self, state: State) -> State | None:
        """The next number, below the maximum."""
        number, most = state["page"] + 1, self.spec.maximum_page
        return None if most is not None and number >= most + self.spec.base_page else {"page": number}

    def last(self, page: Page) -> State | None:
        """The number after the last page's."""
        total = _count(self.spec.total_path, page)
        return None if total is None else {"page": total + self.spec.base_page}

    def doubted(self, page: Page, full: int) -> bool:
        """Where the page has as many records as those before it."""
        return _may_go_on(self.spec, page, full)


def _stops(spec: OffsetPaging | PageNumberPaging, page: Page) -> bool:
    # Without a total, an empty page is all there is to tell the end by, whatever `stop_after_empty_page` says.
    blind = _count(spec.total_path, page) is None and not (spec.has_more_path and spec.has_more_path in page.values)
    return _ends(spec.has_more_path, page) or (not page.rows and (spec.stop_after_empty_page or blind))


def _may_go_on(spec: OffsetPaging | PageNumberPaging, page: Page, full: int) -> bool:
    """Whether the total alone says that a page with records is the last: a flag is believed before it."""
    if not page.rows or _count(spec.total_path, page) is None:
        return False
    if spec.has_more_path and spec.has_more_path in page.values:
        return not _ends(spec.has_more_path, page)
    return page.rows >= full > 0


def _ends(path: str | None, page: Page) -> bool:
    return path is not None and page.values.get(path) in (None, False, 0, "", "false", "False", "0")


def _count(path: str | None, page: Page) -> int | None:
    value = page.values.get(path) if path else None
    return int(value) if isinstance(value, (int, str)) and str(value).isdigit() else None


class BySinglePage(_Linked):
    """There is one page."""

    def __init__(self, spec: SinglePage) -> None:  # noqa: ARG002 - all in the table are made alike
        self.paths: tuple[str, ...] = ()

    def apply(self, state: State, request: Request) -> Request:  # noqa: ARG002 - the protocol's signature
        """The request as it is."""
        return request

    def next(self, state: State, page: Page) -> State | None:  # noqa: ARG002 - the protocol's signature
        """Nothing follows."""
        return None


KINDS: Mapping[str, Any] = {
    "json_link": ByJsonLink,
    "header_link": ByHeaderLink,
    "header_cursor": ByHeaderCursor,
    "cursor": ByCursor,
    "offset": ByOffset,
    "page_number": ByPageNumber,
    "single_page": BySinglePage,
}
"""Each `paginator: {type: …}` but `auto`, which becomes one of these with the first response."""


def paging(spec: Paginator) -> Paging:
    """The paginator of a spec that is not `auto`."""
    made: Paging = KINDS[spec.type](spec)
    return made


_LINKS = ("next", "next_url", "nextUrl", "links.next", "_links.next.href", "paging.next", "pagination.next", "meta.next",
          "pagination.next_url", "next_page_url", "info.next", "@odata.nextLink")  # fmt: skip
_TOKENS = {"cursors.next": "cursor", "next_cursor": "cursor", "nextCursor": "cursor", "meta.next_cursor": "cursor",
           "pagination.next_cursor": "cursor", "response_metadata.next_cursor": "cursor", "nextPageToken": "pageToken",
           "next_page_token": "page_token", "cursors.after": "after", "paging.cursors.after": "after"}  # fmt: skip
_PLACES = ("", "meta.", "pagination.", "paging.", "page.", "page_info.")
_TOTALS = tuple(place + name for place in _PLACES for name in ("total_pages", "totalPages", "page_count", "pages"))
_NUMBERS = tuple(place + name for place in _PLACES for name in ("page", "current_page", "currentPage", "number"))
AUTO_PATHS = (*_LINKS, *_TOKENS, *_TOTALS, *_NUMBERS)
"""What `auto` looks for in a first body."""


def detected(page: Page) -> Paginator | None:
    """The paginator that a first response shows: a Link header, a link, a token, or numbered pages. None where there is no sign."""
    if "next" in header_links(page.headers.get("link", "")):
        return HeaderLink(type="header_link")
    for path in _LINKS:
        link = page.values.get(path)
        if isinstance(link, str) and re.match(r"https?://|/|\?", link):
            return JsonLink(type="json_link", next_url_path=path)
    for path, parameter in _TOKENS.items():
        if isinstance(page.values.get(path), (str, int)) and page.values[path]:
            return CursorPaging(type="cursor", cursor_path=path, cursor_param=parameter)
    numbers = [page.values[path] for path in _NUMBERS if isinstance(page.values.get(path), int)]
    for path in _TOTALS:
        if _count(path, page) is not None:
            base = numbers[0] if numbers and numbers[0] in (0, 1) else 1
            return PageNumberPaging(type="page_number", base_page=base, total_path=path)
    ended = any(path in page.values for path in (*_LINKS, *_TOKENS)) or "link" in page.headers
    return SinglePage(type="single_page") if ended else None


def fingerprint(state: State) -> str:
    """The state as a text, to see whether it was met before."""
    return json.dumps(state, sort_keys=True, default=str)
