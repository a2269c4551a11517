from __future__ import annotations

from collections.abc import Callable

import pytest

from app.media.links import Link
from app.vault import Vault

OLD, NEW = "an older key", "a newer key"
LINK = Link(7, 1_800_000_000)


def test_a_link_says_what_it_said_when_it_was_made() -> None:
    assert Link.read(LINK.write(Vault([OLD])), Vault([OLD])) == LINK


def test_links_outlive_a_rotation_for_as_long_as_the_older_key_is_there() -> None:
    token = LINK.write(Vault([OLD]))
    assert Link.read(token, Vault([NEW, OLD])) == LINK
    assert Link.read(token, Vault([NEW])) is None
    assert LINK.write(Vault([NEW, OLD])) != token


FORGERIES: dict[str, Callable[[str], str]] = {
    "another file": lambda token: token.replace("7-", "8-", 1),
    "a later end": lambda token: token.replace("-18", "-19", 1),
    "cut": lambda token: token[:-1],
    "longer": lambda token: token + "A",
    "a signature of nobody's": lambda token: f"{token[:-43]}{'A' * 43}",
    "other digits": lambda token: token.replace("7-", "\uff17-", 1),
    "empty": lambda _token: "",
}


@pytest.mark.parametrize("how", FORGERIES)
def test_a_changed_link_is_none_of_ours(how: str) -> None:
    assert Link.read(FORGERIES[how](LINK.write(Vault([OLD]))), Vault([OLD])) is None


def test_links_made_within_an_hour_are_the_same_and_none_is_too_short() -> None:
    ends = {Link.lasting(1, now=now, seconds=60.0).expires for now in (7200.5, 7300.0, 10_700.0)}
    assert ends == {10_800}
    assert Link.lasting(1, now=10_790.0, seconds=60.0).expires == 14_400
