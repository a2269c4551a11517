"""Whether and how customers see who answers them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.connectors.loopback import LoopbackConnector
from app.domain.capability import Capabilities, RichTextDialect
from app.relay import actors
from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.simulator.hubspot.state import Actor
from app.storage import actors as rows
from app.storage.tables import messages, parts
from tests.app.relay.crm import portal
from tests.app.relay.world import RelayWorld, outgoing

_PARTS = select(parts.c.content).join(messages).where(messages.c.direction == "outbound")
SAM = f"{seed.AGENT_NAME}: "


def show(relay: RelayWorld) -> None:
    actors.show_names(relay.services, relay.account.id, shown=True)


def answer(relay: RelayWorld, text: str = "Yes", **more: object) -> str:
    """Let an agent answer; returns what the customer reads last."""
    threads = relay.threads()
    relay.reply(threads[0]["id"] if threads else relay.conversation(), text, **more)
    relay.settle()
    return relay.heard()[-1]


def test_customers_do_not_see_names_unless_the_account_shows_them(light_relay: RelayWorld) -> None:
    assert answer(light_relay) == "Yes"


@pytest.mark.parametrize("named", [True, False])
def test_the_name_stands_before_the_text_wherever_it_comes_from(relay: RelayWorld, *, named: bool) -> None:
    relay.world.switch(webhook_sender_name=named)
    show(relay)
    assert answer(relay) == f"{SAM}Yes"


def test_only_the_first_part_of_a_long_text_is_signed(light_relay: RelayWorld) -> None:
    show(light_relay)
    answer(light_relay, "word " * 1_000)
    first, second = light_relay.heard()
    assert first.startswith(SAM)
    assert second.startswith("word")


def test_a_name_is_kept_for_a_day(light_relay: RelayWorld) -> None:
    light_relay.world.switch(webhook_sender_name=False)
    show(light_relay)
    answer(light_relay)
    portal(light_relay).actors[seed.AGENT_ID].name = "Samantha"
    assert answer(light_relay, "again") == f"{SAM}again"
    light_relay.pass_time(86_401)
    assert answer(light_relay, "tomorrow") == "Samantha: tomorrow"


@pytest.mark.parametrize(
    ("actor", "kind", "known", "seen"),
    [
        ("A-102", "AGENT", "every", "Kim: Yes"),
        ("B-7", "BOT", "every", "Kim: Yes"),
        ("B-7", "BOT", "agents", "Yes"),
        ("L-9", "LLM", "every", "Kim: Yes"),
        ("S-hubspot", "SYSTEM", "every", "Yes"),
        ("I-3001", "INTEGRATOR", "every", "Yes"),
        ("X-1", "SOMETHING_NEW", "every", "Yes"),
    ],
)
def test_whoever_writes_the_message_arrives(
    light_relay: RelayWorld, actor: str, kind: str, known: str, seen: str
) -> None:
    light_relay.world.switch(webhook_sender_name=False, actor_lookup=known)
    portal(light_relay).actors[actor] = Actor(actor, kind, "Kim")
    show(light_relay)
    assert answer(light_relay, agent=actor) == seen


def test_a_message_without_any_sender_arrives(light_relay: RelayWorld) -> None:
    show(light_relay)
    light_relay.conversation()
    light_relay.from_hubspot(outgoing("From nobody"))
    light_relay.settle()
    assert light_relay.heard() == ["From nobody"]


def test_a_name_that_cannot_be_had_keeps_no_answer_back(light_relay: RelayWorld) -> None:
    light_relay.world.switch(webhook_sender_name=False)
    show(light_relay)
    light_relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/actors/", status=503)
    assert answer(light_relay) == "Yes"
    assert answer(light_relay, "soon") == "soon"
    light_relay.pass_time(61)
    assert answer(light_relay, "later") == f"{SAM}later"


def test_a_name_that_was_known_is_better_than_none(light_relay: RelayWorld) -> None:
    light_relay.world.switch(webhook_sender_name=False)
    show(light_relay)
    answer(light_relay)
    light_relay.pass_time(86_401)
    light_relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/actors/", status=503)
    assert answer(light_relay, "again") == f"{SAM}again"


def test_one_look_up_of_an_actor_at_a_time_and_nobody_waits_long_for_it(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.world.switch(webhook_sender_name=False)
    show(relay)
    thread = relay.conversation()
    with relay.services.database.write() as connection:
        assert rows.claim(connection, relay.account.portal_id, seed.AGENT_ID, lease=600)
        assert not rows.claim(connection, relay.account.portal_id, seed.AGENT_ID, lease=600)
    relay.reply(thread, "Yes")
    relay.wait_for_webhooks()
    relay.work_once()
    assert relay.heard() == []
    relay.pass_time(6)
    relay.settle()
    assert relay.heard() == ["Yes"]


def test_formatted_text_is_signed_where_it_begins(light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    reads_html = Capabilities(text_length=4_000, rich_text=RichTextDialect.MATRIX)
    monkeypatch.setattr(LoopbackConnector, "capabilities", reads_html)
    show(light_relay)
    light_relay.conversation()
    portal(light_relay).actors[seed.AGENT_ID].name = "Sam <3"
    light_relay.reply(light_relay.threads()[0]["id"], "Yes", richText="<div><p>Y<b>es</b></p></div>")
    light_relay.settle()
    [part] = light_relay.execute(_PARTS).scalars()
    assert part["html"] == "<p>Sam &lt;3: Y<strong>es</strong></p>"
    assert part["text"] == "Sam <3: Yes"
