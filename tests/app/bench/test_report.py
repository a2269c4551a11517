from __future__ import annotations

import json

import pytest

from app.bench.report import BREACH, Bar, Figure, Report, count, show


def test_the_median_is_held_against_the_bar() -> None:
    assert not Figure("rate", [1.0, 9.0, 5.0], bar=Bar.AT_LEAST, limit=5.0).is_breach
    assert Figure("rate", [1.0, 9.0, 4.9], bar=Bar.AT_LEAST, limit=5.0).is_breach
    assert Figure("share", [0.2, 1.3, 1.4], bar=Bar.AT_MOST, limit=1.0).is_breach
    assert not Figure("told", [0.2]).is_breach


@pytest.mark.parametrize(("lost", "status"), [(0, 0), (1, BREACH)])
def test_a_breach_ends_with_status_1(capsys: pytest.CaptureFixture[str], lost: int, status: int) -> None:
    assert show([Report("Kills", [count("lost", lost, must_be=0)])], as_json=False) == status
    assert ("BREACH" in capsys.readouterr().out) is bool(status)


def test_the_table_is_aligned_and_tells_the_spread(capsys: pytest.CaptureFixture[str]) -> None:
    figures = [Figure("requests", [1200.0, 1000.0, 1100.0], "/s"), Figure("ratio", [0.4], "x", Bar.AT_LEAST, 0.35)]
    show([Report("Receiver", figures, ["one note"])], as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Receiver",
        "  requests  1,100 /s  (1,000 to 1,200)",
        "  ratio        0.4 x                    >= 0.35  ok",
        "  one note",
    ]


def test_json_has_what_the_table_has(capsys: pytest.CaptureFixture[str]) -> None:
    show([Report("Receiver", [Figure("ratio", [0.4, 0.2, 0.3], "x", Bar.AT_LEAST, 0.35)])], as_json=True)
    [report] = json.loads(capsys.readouterr().out)
    assert report["breach"] is True
    assert report["figures"][0]["median"] == 0.3
    assert report["figures"][0]["values"] == [0.4, 0.2, 0.3]


def test_what_never_came_is_told_in_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    show([Report("Outage", [Figure("all arrived", [float("inf")], "s", Bar.AT_MOST, 2.0)])], as_json=False)
    assert capsys.readouterr().out.splitlines()[-1] == "  all arrived  never s    <= 2  BREACH"
