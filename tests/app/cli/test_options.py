from __future__ import annotations

import time
from datetime import UTC, datetime

import click
import pytest

from app.cli.options import Pair, Time


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("2h", 7_200), ("3d", 259_200)])
def test_a_time_may_be_how_long_ago(text: str, seconds: int) -> None:
    assert Time().convert(text, None, None) == pytest.approx(time.time() - seconds, abs=2)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T10:30", datetime(2026, 11, 22, 10, 30, tzinfo=UTC)),
        ("2026-11-22T10:30:00+02:00", datetime(2026, 11, 22, 8, 30, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_utc(text: str, moment: datetime) -> None:
    assert Time().convert(text, None, None) == moment.timestamp()


@pytest.mark.parametrize("text", ["", "soon", "5", "5 m", "-5m", "2026-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="30m"):
        Time().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "pair"), [("a=b", ("a", "b")), ("token=a=b", ("token", "a=b")), ("empty=", ("empty", ""))]
)
def test_pairs(text: str, pair: tuple[str, str]) -> None:
    assert Pair().convert(text, None, None) == pair


@pytest.mark.parametrize("text", ["a", "=b", ""])
def test_half_a_pair_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="needs a value"):
        Pair().convert(text, None, None)
