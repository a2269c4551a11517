from __future__ import annotations

from app.domain.message import Direction, Kind
from app.storage import ids, messages
from tests.app.storage.rows import Rows


def test_a_quoted_message_of_the_customer_is_known_on_both_sides(rows: Rows) -> None:
    inbound = rows.message(
        rows.lane(), direction=Direction.INBOUND, service_id="tg-1", thread_id=rows.thread("c1"), conversation="c1"
    )
    assert rows.read(ids.hubspot_id_of, rows.account, "c1", "tg-1") is None
    rows.write(messages.published_as, inbound, "hs-1")
    assert rows.read(ids.service_id_of, rows.account, "c1", "hs-1") == "tg-1"
    assert rows.read(ids.service_id_of, rows.account, "c2", "hs-1") is None
    assert rows.read(ids.hubspot_id_of, rows.account, "c1", "tg-1") == "hs-1"
    assert rows.read(ids.hubspot_id_of, rows.account, "c2", "tg-1") is None


def test_a_quoted_answer_of_an_agent_is_known_on_both_sides(rows: Rows) -> None:
    message = rows.message(rows.lane(), service_id="hs-1")
    rows.parts(message, "one", "two")
    head = rows.head(message)
    for part, names in zip(head.parts, (["tg-10"], ["tg-3", "tg-4"]), strict=True):
        rows.write(ids.remember, head, part, conversation="c1", ids=names)
        rows.write(ids.remember, head, part, conversation="c1", ids=names)
    assert rows.read(ids.service_id_of, rows.account, "c1", "hs-1") == "tg-10"
    assert rows.read(ids.service_id_of, rows.account, "c2", "hs-1") is None
    assert {rows.read(ids.hubspot_id_of, rows.account, "c1", one) for one in ("tg-10", "tg-3", "tg-4")} == {"hs-1"}
    assert rows.read(ids.of_message, message) == ["tg-10", "tg-3", "tg-4"]


def test_an_edit_is_not_the_message_that_is_quoted(rows: Rows) -> None:
    thread, lane = rows.thread("c1"), rows.lane()
    edit = rows.message(lane, direction=Direction.INBOUND, kind=Kind.EDIT, service_id="tg-1", thread_id=thread)
    rows.write(messages.published_as, edit, "hs-edit")
    assert rows.read(ids.hubspot_id_of, rows.account, "c1", "tg-1") is None


def test_what_we_sent_is_recognised_in_its_conversation_and_account_only(rows: Rows) -> None:
    message = rows.message(rows.lane())
    (part,) = rows.parts(message)
    rows.write(ids.remember, rows.head(message), part, conversation="c1", ids=["tg-1"])
    assert rows.read(ids.is_ours, rows.account, "c1", "tg-1")
    assert not rows.read(ids.is_ours, rows.account, "c2", "tg-1")
    assert not rows.read(ids.is_ours, rows.account, "c1", "tg-2")
    assert not rows.read(ids.is_ours, rows.new_account(), "c1", "tg-1")
