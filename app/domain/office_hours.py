"""When people are at work: days and hours in their own time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from app.errors import ConfigurationError

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SPAN: Final = re.compile(r"(\w{3})(?:-(\w{3}))? (\d{2}:\d{2})-(\d{2}:\d{2})")
_END_OF_DAY: Final = "24:00"
#: A span is not followed farther back than this: whoever was silent so long has been silent long enough.
_LONGEST: Final = timedelta(days=31)


@dataclass(frozen=True)
class Shift:
    """Hours of one day of the week (0: Monday), in local time. ``end`` None: midnight."""

    weekday: int
    start: time
    end: time | None


@dataclass(frozen=True)
class OfficeHours:
    """The shifts of a week in a time zone."""

    shifts: tuple[Shift, ...]
    zone: tzinfo

    @classmethod
    def read(cls, text: str) -> OfficeHours:
        """Read words such as ``Mon-Fri 09:00-18:00, Sat 09:00-13:00 America/Sao_Paulo``.

        Raises:
            ConfigurationError: they are not of this form; says what is wrong.
        """
        spans, _, zone = text.strip().rpartition(" ")
        shifts = [shift for span in spans.split(",") for shift in _shifts(span.strip())]
        return cls(tuple(shifts), _zone(zone))

    def between(self, start: datetime, end: datetime) -> float:
        """Return the seconds of office hours between two moments, of the last 31 days at most."""
        start = max(start, end - _LONGEST)
        overlaps = (min(end, until) - max(start, since) for since, until in self._shifts_around(start, end))
        return sum((one.total_seconds() for one in overlaps if one > timedelta()), 0.0)

    def _shifts_around(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        day, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        while day <= last:
            for shift in self.shifts:
                if shift.weekday == day.weekday():
                    yield self._at(day, shift.start), self._at(day, shift.end)
            day += timedelta(days=1)

    def _at(self, day: date, local: time | None) -> datetime:
        """Return a local time as a moment: hours are counted in UTC, where days that change the clock have no trick."""
        local_day, local = (day + timedelta(days=1), time()) if local is None else (day, local)
        return datetime.combine(local_day, local, self.zone).astimezone(UTC)


def _shifts(text: str) -> list[Shift]:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise _wrong(f"{text!r} is no span of days and hours")
    first, last = _weekday(match[1]), _weekday(match[2] or match[1])
    start, end = _time(match[3]), None if match[4] == _END_OF_DAY else _time(match[4])
    if end is not None and end <= start:
        raise _wrong(f"{text!r} ends before it begins: write what is after midnight as a span of the next day")
    days = range(first, last + 1) if first <= last else [*range(first, len(_DAYS)), *range(last + 1)]
    return [Shift(day, start, end) for day in days]


def _weekday(word: str) -> int:
    if word not in _DAYS:
        raise _wrong(f"{word!r} is none of {', '.join(_DAYS)}")
    return _DAYS.index(word)


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise _wrong(f"{text!r} is no time of a day") from None


def _zone(name: str) -> tzinfo:
    """Return a time zone. UTC needs no database of them, which small containers may lack."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise _wrong(f"{name!r} is no time zone that this machine knows (package tzdata)") from None


def _wrong(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"RELAY_OFFICE_HOURS is not valid: {what}. Write it as in `Mon-Fri 09:00-18:00 America/Sao_Paulo`."
    )
