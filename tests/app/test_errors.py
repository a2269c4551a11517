from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from app import errors
from app.errors import ConfigurationError, RateLimited, RelayError, Transient, Unauthorized


def tree(root: type[RelayError] = RelayError) -> Iterator[type[RelayError]]:
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from tree(child)


def drawn() -> str:
    assert errors.__doc__ is not None
    return errors.__doc__


@pytest.mark.parametrize("error", list(tree()))
def test_every_error_is_drawn_has_a_code_and_keeps_its_sentence(error: type[RelayError]) -> None:
    assert re.search(rf"\b{error.__name__}\b", drawn())
    assert error("What to do.").hint == str(error("What to do.")) == "What to do."
    assert re.fullmatch(r"[a-z_]+", error.code)


def test_codes_tell_errors_apart() -> None:
    codes = [error.code for error in tree()]
    assert len(codes) == len(set(codes))


def test_a_finer_code_replaces_the_class_code_as_reason() -> None:
    assert RelayError("x").reason == "relay_error"
    assert RelayError("x", code="worker_lost", detail="id 7").reason == "worker_lost"
    assert RelayError("x", detail="id 7").detail == "id 7"


def test_what_may_be_tried_again_knows_when() -> None:
    assert RateLimited("x", retry_after=3).retry_after == 3
    assert issubclass(RateLimited, Transient)


def test_what_is_refused_knows_what_pauses() -> None:
    assert Unauthorized("x").scope == "account"
    assert Unauthorized("x", scope="portal").scope == "portal"


def test_nothing_that_catches_relay_errors_retries_a_configuration() -> None:
    assert not issubclass(ConfigurationError, RelayError)
