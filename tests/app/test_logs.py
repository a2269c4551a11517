from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any, Literal, NoReturn

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as some

from app import logs
from app.settings import Settings

SECRET = 's3cr3t/+ value&ü"x'


class Lines:
    """What was logged since the start."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def configure(self, log_format: Literal["console", "json"] = "json", *, secrets: tuple[str, ...] = ()) -> None:
        settings = Settings(environment="test", log_format=log_format, log_level="INFO")
        logs.configure(settings, [SECRET, *secrets], stream=self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def last(self) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(self.text.splitlines()[-1])
        return line


@pytest.fixture
def lines() -> Iterator[Lines]:
    found = Lines()
    found.configure()
    yield found
    structlog.contextvars.clear_contextvars()


def fail(words: str) -> NoReturn:
    raise RuntimeError(words)


def test_a_line_is_json_with_name_level_time_and_fields(lines: Lines) -> None:
    logs.get_logger("app.x").info("lane_claimed", lane=3, wait=0.5, ok=True, nothing=None)
    line = lines.last
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "lane_claimed",
        "level": "info",
        "logger": "app.x",
        "lane": 3,
        "wait": 0.5,
        "ok": True,
        "nothing": None,
    }


def test_context_is_on_every_line_also_of_libraries(lines: Lines) -> None:
    with structlog.contextvars.bound_contextvars(request="r1"):
        logs.get_logger("app.x").info("one")
        assert lines.last["request"] == "r1"
        logging.getLogger("celery.worker").warning("two %s", 2)
        assert (lines.last["event"], lines.last["request"]) == ("two 2", "r1")


def test_libraries_with_handlers_of_their_own_come_through_here_once(lines: Lines) -> None:
    library = logging.getLogger("gunicorn.error")
    own = logging.StreamHandler(io.StringIO())
    library.addHandler(own)
    library.propagate = False
    lines.configure()
    library.error("worker died")
    assert lines.text.count("worker died") == 1
    assert own.stream.getvalue() == ""


def test_the_last_configuration_counts(lines: Lines) -> None:
    lines.configure("console")
    logs.get_logger("app.x").info("lane_claimed", lane=3)
    assert lines.text.count("lane_claimed") == 1
    assert "lane=3" in lines.text
    assert "\x1b" not in lines.text


def test_levels_below_the_setting_are_left_out(lines: Lines) -> None:
    logs.get_logger("app.x").debug("detail")
    logging.getLogger("httpx").info("HTTP Request: GET https://example.org/bot1:x")
    assert lines.text == ""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_known_secret_appears_nowhere(lines: Lines, log_format: Literal["console", "json"]) -> None:
    lines.configure(log_format)
    log = logs.get_logger("app.x")
    log.info("one", value=f"a{SECRET}b", nested={"list": [SECRET, {"deep": SECRET}]}, thing=ValueError(SECRET))
    log.info(SECRET)
    logging.getLogger("werkzeug").warning("three %s %r", SECRET, {"x": SECRET})
    try:
        fail(f"four {SECRET}")
    except RuntimeError:
        log.exception("four")
        logging.getLogger("alembic").exception("five")
    assert "s3cr3t" not in lines.text
    assert lines.text.count("RuntimeError") >= 2


@pytest.mark.parametrize(
    "form", ["s3cr3t%2F%2B%20value%26%C3%BC%22x", "s3cr3t%2F%2B+value%26%C3%BC%22x", 's3cr3t/+ value&\\u00fc\\"x']
)
def test_a_known_secret_is_found_in_addresses_and_json(lines: Lines, form: str) -> None:
    logs.get_logger("app.x").info("called", url=f"https://example.org/x/{form}/y")
    assert lines.last["url"] == "https://example.org/x/[redacted]/y"


def test_secrets_become_known_at_run_time(lines: Lines) -> None:
    logs.add_secrets(["zebra-crossing-17", "zeb", ""])
    logs.get_logger("app.x").info("zebra", value="zebra-crossing-17 and zebra")
    assert lines.last["value"] == "[redacted] and zebra"
    assert lines.last["event"] == "zebra"


def test_of_two_secrets_with_the_same_beginning_the_longer_is_taken() -> None:
    logs.add_secrets(["prefix-one", "prefix-one-longer"])
    assert logs.redact("prefix-one-longer.") == "[redacted]."


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("POST https://api.telegram.org/bot123456:AAE-x_yzAbcdefgh/sendMessage", "bot123456"),
        ("Authorization: Bearer CJHx4-_.abc==", "CJHx4"),
        ("authorization: basic dXNlcjpwYXNz", "dXNl"),
        ("https://api.hubapi.com/x?hapikey=abc-def&a=1", "abc-def"),
        ("refresh_token=na1-12ab-34cd&grant_type=refresh_token", "12ab"),
        ('{"access_token": "CMeh", "refresh_token":"x y"}', "CMeh"),
        ("{'client_secret': 'q1w2'}", "q1w2"),
        ("token na1-4f6b-ad1c-4b5c-9e0c-0f1e2d3c4b5a", "4f6b"),
        ("postgresql://relay:hunter2@db:5432/relay", "hunter2"),
        ("redis://:hunter2@cache/0", "hunter2"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, left: str) -> None:
    hidden = logs.redact(text)
    assert left not in hidden
    assert logs.MASK in hidden


@pytest.mark.parametrize(
    "text", ["lane 17 of account 3", "https://example.org/a?page=2", "2026-11-22T10:00:00Z", "tokens_refreshed"]
)
def test_ordinary_text_stays(text: str) -> None:
    assert logs.redact(text) == text


def test_fields_named_as_secrets_are_masked_whatever_they_hold(lines: Lines) -> None:
    logs.get_logger("app.x").info("x", token="1", refresh_token="2", api_key="3", tokens=4, token_age=5)
    line = lines.last
    assert [line["token"], line["refresh_token"], line["api_key"]] == [logs.MASK] * 3
    assert (line["tokens"], line["token_age"]) == (4, 5)


def test_long_values_are_cut_and_tracebacks_keep_their_end(lines: Lines) -> None:
    log = logs.get_logger("app.x")
    log.info("x", value="a" * 5000)
    assert lines.last["value"] == "a" * 2000 + "... (5,000 characters)"
    try:
        fail("b" * 9000 + "the end")
    except RuntimeError:
        log.exception("x")
    assert lines.last["exception"].endswith("the end")
    assert len(lines.last["exception"]) == 8000


@settings(deadline=None)  # the machine may be busy
@given(
    secret=some.text(min_size=4, max_size=12),
    before=some.text(alphabet="abc ", max_size=5),
    after=some.text(alphabet="abc ", max_size=5),
)
def test_any_secret_of_four_characters_is_found_in_any_text(secret: str, before: str, after: str) -> None:
    logs.add_secrets([secret])
    assert secret not in logs.redact(before + secret + after).replace(logs.MASK, "\0")
