"""How HubSpot's API is called: what is repeatable, how answers are parsed, how listings are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from app.errors import HubSpotUnavailable, OutcomeUnknown
from app.http import Response
from app.hubspot.answers import read_page
from app.hubspot.outcomes import is_success, read_json
from app.hubspot.payloads import Payload
from app.logs import MASK

#: The most that one page of a listing may hold, and the most pages that are read.
PAGE_SIZE: Final = 100
MOST_PAGES: Final = 100

Answer = TypeVar("Answer", bound=Payload)
Read = Callable[[str, Mapping[str, str]], Response]


def repeatable(call: Callable[[], Response]) -> Response:
    """Make a call whose repetition does no harm: an unknown outcome is then a failure like any other."""
    try:
        return call()
    except OutcomeUnknown as error:
        raise HubSpotUnavailable(error.hint, detail=error.detail) from error


def hidden(response: Response, *secrets: str) -> Response:
    """Return an answer as it may be told: what it repeats of these secrets is masked, where it is a refusal.

    Tokens change every half hour, so the logs' list of secrets does not know them.
    """
    body = response.body
    for secret in () if is_success(response) else filter(None, secrets):
        body = body.replace(secret.encode(), MASK.encode())
    return response if body is response.body else replace(response, body=body)


def parse(model: type[Answer], response: Response) -> Answer:
    """Read a successful answer.

    Raises:
        HubSpotUnavailable: it is empty, HTML, cut off, or lacks what it has to hold.
    """
    try:
        return model.model_validate(read_body(response))
    except ValidationError:
        raise _unreadable() from None


def read_body(response: Response) -> dict[str, Any]:
    """Return a successful answer's JSON object.

    Raises:
        HubSpotUnavailable: there is none.
    """
    body = read_json(response)
    if body is None:
        raise _unreadable()
    return body


def parse_each(model: type[Answer], items: Iterable[Mapping[str, Any]]) -> list[Answer]:
    """Read the items of a listing; one that cannot be read is left out and spoils no other."""
    found = []
    for item in items:
        try:
            found.append(model.model_validate(item))
        except ValidationError:
            continue
    return found


def pages(read: Read, url: str, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the results of a listing, page by page; a cursor that repeats ends it."""
    after, seen = "", set[str]()
    while after not in seen and len(seen) < MOST_PAGES:
        seen.add(after)
        cursor = {"after": after} if after else {}
        page = read_page(read_body(read(url, {"limit": str(PAGE_SIZE), **params, **cursor})))
        yield from page.results
        if not page.after:
            return
        after = page.after


def _unreadable() -> HubSpotUnavailable:
    return HubSpotUnavailable("HubSpot's answer cannot be read.", code="unreadable_answer")
