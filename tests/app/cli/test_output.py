from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from app.cli import output
from app.cli.output import Moment
from app.errors import ConfigurationError, Unauthorized

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


def test_a_moment_is_told_both_ways() -> None:
    moment = Moment(NOON - 0.25, NOON + 180)
    assert str(moment) == "2026-11-22 11:59:59Z (3 min ago)"
    assert moment.iso == "2026-11-22T11:59:59.750Z"


def test_columns_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, object]] = [
        {"id": 1, "long_name": "a"},
        {"id": 100, "long_name": None},
        {"id": 20, "long_name": True},
    ]
    output.print_rows(rows, ("id", "long_name"), as_json=False, empty="none")
    assert capsys.readouterr().out == "ID   LONG NAME\n1    a\n100  -\n20   yes\n"


def test_json_holds_more_than_the_columns(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_rows([{"id": 1, "at": Moment(NOON, NOON)}], ("id",), as_json=True, empty="none")
    assert '"at": "2026-11-22T12:00:00.000Z"' in capsys.readouterr().out


def test_cells_of_markdown_stay_cells(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_markdown(["a"], [["x|y"]])
    assert capsys.readouterr().out.splitlines()[-1] == "| x\\|y |"


@pytest.mark.parametrize("text", ["\x1b[31m", "a\nb", "a\x00b", "\u202eabc", "\x9b2J"])
def test_nothing_steers_the_terminal(text: str) -> None:
    assert output.printable(text).isprintable()


def test_an_error_is_told_with_the_other_sides_words() -> None:
    assert output.sentence(Unauthorized("No.", detail="401 revoked")) == "No. (401 revoked)"
    assert output.sentence(ConfigurationError("Set it.")) == "Set it."


def test_a_value_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"word\n")
    assert output.given(f"@{tmp_path / 'secret'}") == "word"
    assert output.given("word") == "word"
    (tmp_path / "secret").write_bytes(b"\xff")
    for name in ("secret", "nothing"):
        with pytest.raises(click.UsageError, match="cannot be read"):
            output.given(f"@{tmp_path / name}")
