from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.domain.office_hours import OfficeHours
from app.errors import ConfigurationError

WEEK = "Mon-Fri 09:00-18:00 America/Sao_Paulo"
HOUR = 3_600.0


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end", "hours"),
    [
        (WEEK, "2026-11-25T13:00", "2026-11-25T15:00", 2),  # a Wednesday; São Paulo is three hours behind
        (WEEK, "2026-11-25T10:00", "2026-11-25T13:00", 1),
        (WEEK, "2026-11-27T20:30", "2026-11-30T12:15", 0.75),  # over a weekend
        (WEEK, "2026-11-28T00:00", "2026-11-29T23:00", 0),
        (WEEK, "2026-11-25T15:00", "2026-11-25T13:00", 0),
        ("Sat 00:00-24:00 UTC", "2026-11-27T00:00", "2026-11-30T00:00", 24),
        ("Sat-Mon 10:00-11:00 UTC", "2026-11-27T00:00", "2026-12-04T00:00", 3),
        ("Mon-Fri 09:00-18:00, Sat 09:00-13:00 UTC", "2026-11-27T17:00", "2026-11-30T09:30", 5.5),
        # On this night the clock goes back from 3 to 2, on the other it goes on from 2 to 3.
        ("Sun 00:00-06:00 Europe/Berlin", "2026-10-24T00:00", "2026-10-26T00:00", 7),
        ("Sun 00:00-06:00 Europe/Berlin", "2026-03-28T00:00", "2026-03-30T00:00", 5),
        ("Mon-Sun 00:00-24:00 UTC", "2020-01-01T00:00", "2026-11-25T00:00", 31 * 24),
    ],
)
def test_hours_are_counted(text: str, start: str, end: str, hours: float) -> None:
    assert OfficeHours.read(text).between(at(start), at(end)) == hours * HOUR


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'' is no span of days and hours"),
        ("Mon-Fri 09:00-18:00", "'Mon-Fri' is no span"),
        ("Mon-Fri 9-18 UTC", "'Mon-Fri 9-18' is no span"),
        ("Mo-Fr 09:00-18:00 UTC", "'Mo-Fr 09:00-18:00' is no span"),
        ("Mon-Fry 09:00-18:00 UTC", "'Fry' is none of Mon, Tue"),
        ("Mon 09:00-25:00 UTC", "'25:00' is no time of a day"),
        ("Mon 22:00-06:00 UTC", "ends before it begins"),
        ("Mon 09:00-18:00 America/Sao Paulo", "is no span"),
        ("Mon 09:00-18:00 America/Nowhere", "'America/Nowhere' is no time zone"),
        ("Mon 09:00-18:00 ../etc/passwd", "'../etc/passwd' is no time zone"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match="RELAY_OFFICE_HOURS") as caught:
        OfficeHours.read(text)
    assert says in str(caught.value)
