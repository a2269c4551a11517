from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from app.domain.account import RunState
from app.domain.status import Status
from app.errors import ConfigurationError
from app.relay.reconcile import LEAST_PAUSE, reconcile, run_due
from app.relay.reconcile.comparison import Wish
from app.relay.reconcile.paced import Interrupted
from app.relay.reconcile.report import Reason, Report
from app.simulator import seed
from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from app.simulator.hubspot.state import StatusType
from app.simulator.server import SimulatorServer
from app.simulator.world import World
from app.storage import accounts, portals, reconciled
from app.storage.accounts import Side
from app.storage.tables import accounts as account_table
from app.storage.tables import messages, statuses
from app.storage.tables import reconciled as reconciled_table
from app.storage.tables import threads as thread_table
from tests.app.relay.world import RelayWorld, basic_settings, relay_world

PORTAL = int(seed.PORTAL_ID)
DAY = 86_400.0


def compare(relay: RelayWorld, **wish: Any) -> Report:
    """Compare the portal, and let what was filled arrive."""
    (report,) = reconcile(relay.services, Wish(**wish), portal_id=PORTAL)
    relay.settle()
    return report


def missed_answer(relay: RelayWorld, thread: str, text: str = "Hello Dana") -> str:
    """An agent's answer whose webhook is lost for good. Returns HubSpot's id."""
    relay.lose_webhooks()
    answer = relay.reply(thread, text)
    relay.world.faults.clear()
    relay.settle()
    assert text not in relay.heard()
    return answer


def lose(relay: RelayWorld, hubspot_id: str) -> None:
    """Let HubSpot lose a message that it has taken."""
    with relay.world.lock:
        message = relay.world.hubspot.messages.pop(hubspot_id)
        relay.world.hubspot.threads[message.thread_id].messages.remove(message)
        held = relay.world.hubspot.idempotency
        relay.world.hubspot.idempotency = {key: one for key, one in held.items() if one != hubspot_id}


def found(report: Report) -> tuple[int, int, int, int]:
    """What was missing: agents' messages, ours, verdicts; and what was filled."""
    return report.never_came, report.never_arrived, report.untold, report.filled


def left(report: Report) -> list[Reason]:
    return [one.reason for one in report.left]


def connected_long_ago(relay: RelayWorld) -> None:
    relay.execute(update(account_table).values(created_at=account_table.c.created_at - 10 * DAY))


def written_before(relay: RelayWorld, hubspot_id: str, seconds: float) -> None:
    """Let a message have been written so long ago."""
    with relay.world.lock:
        relay.world.hubspot.messages[hubspot_id].created_at -= seconds


def test_pitfall_15_an_answer_without_a_webhook_is_found_and_sent_once(relay: RelayWorld) -> None:
    """No delivery log for custom-channel webhooks."""
    answer = missed_answer(relay, relay.conversation())
    report = compare(relay)
    assert (found(report), report.left, report.trouble) == ((1, 0, 0, 1), [], "")
    assert relay.heard() == ["Hello Dana"]
    assert relay.status_of(answer) == ("SENT", "")
    assert found(compare(relay)) == (0, 0, 0, 0)
    assert relay.heard() == ["Hello Dana"]


@pytest.fixture
def unlucky_relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_sqlite_url: str) -> Iterator[RelayWorld]:
    """A relay beside a simulator whose chances are always the same ones."""
    with (
        SimulatorServer(basic_settings(tmp_path), world=World(seed=5)) as simulator,
        relay_world(tmp_path, monkeypatch, migrated_sqlite_url, shared=simulator, migrated=True) as relay,
    ):
        yield relay


def test_pitfall_16_after_webhooks_were_lost_both_sides_are_whole_again(unlucky_relay: RelayWorld) -> None:
    """Webhooks stopped for hours. Here 5 % are lost for ten minutes, pressed into moments, and 5 % of ours, too."""
    relay = unlucky_relay
    talks = {f"c{number}": f"c{number} begins" for number in range(4)}
    threads = _begin(relay, talks)
    relay.world.faults.add(_one_in_twenty(FaultKind.DROP, "/webhooks/hubspot"))
    relay.world.faults.add(_one_in_twenty(FaultKind.FORGET, "/messages$"))
    said, answered = _write(relay, threads, rounds=6)
    relay.world.faults.clear()
    never_came = len(answered) - sum(len(relay.heard(talk)) for talk in talks)
    never_arrived = len(talks) + len(said) + len(answered) - len(relay.texts())
    assert never_came > 0
    assert never_arrived > 0

    report = compare(relay)

    assert found(report) == (never_came, never_arrived, 0, never_came + never_arrived)
    assert (report.left, report.trouble) == ([], "")
    assert Counter(relay.texts()) == Counter([*talks.values(), *said, *answered])
    for talk in talks:
        assert sorted(relay.heard(talk)) == [one for one in answered if one.startswith(talk)]
    assert found(compare(relay)) == (0, 0, 0, 0)
    assert sum(len(relay.heard(talk)) for talk in talks) == len(answered)


def _one_in_twenty(kind: FaultKind, path: str) -> FaultRule:
    return FaultRule(api=Api.HUBSPOT, path=path, probability=0.05, fault=Fault(kind=kind))


def _begin(relay: RelayWorld, talks: Mapping[str, str]) -> dict[str, str]:
    """Begin conversations. Returns HubSpot's threads."""
    for talk, text in talks.items():
        relay.say(text, talk)
    relay.settle()
    first = {relay.agent_sees(one["id"])[0]["text"]: one["id"] for one in relay.threads()}
    return {talk: first[text] for talk, text in talks.items()}


def _write(relay: RelayWorld, threads: Mapping[str, str], *, rounds: int) -> tuple[list[str], list[str]]:
    """Let both sides write in turn. Returns what customers and what agents wrote, sorted."""
    said, answered = [], []
    for number in range(rounds):
        said += [f"{talk} asks {number}" for talk in threads]
        answered += [f"{talk} hears {number}" for talk in threads]
        for talk, thread in threads.items():
            relay.say(f"{talk} asks {number}", talk)
            relay.reply(thread, f"{talk} hears {number}")
        relay.settle()
    return sorted(said), sorted(answered)


def test_a_late_webhook_sends_nothing_twice(relay: RelayWorld) -> None:
    thread = relay.conversation()
    relay.fault(Api.HUBSPOT, FaultKind.DELAY, path="/webhooks/hubspot", seconds=3_600)
    relay.reply(thread, "Hello Dana")
    assert found(reconcile(relay.services, Wish())[0]) == (1, 0, 0, 1)
    relay.world.delivery.advance(3_600)
    relay.settle()
    assert relay.heard() == ["Hello Dana"]


def test_a_webhook_that_is_faster_is_not_counted_as_missing(relay: RelayWorld) -> None:
    relay.reply(relay.conversation(), "Hello Dana")
    relay.wait_for_webhooks()
    assert found(compare(relay)) == (0, 0, 0, 0)
    assert relay.heard() == ["Hello Dana"]


def test_what_hubspot_lost_is_published_again_with_the_same_key(relay: RelayWorld) -> None:
    relay.conversation()
    lose(relay, relay.inbox()[0]["id"])
    assert relay.texts() == []
    assert found(compare(relay)) == (0, 1, 0, 1)
    assert relay.texts() == ["Hello?"]
    assert relay.row(relay.rows()[0].id).status == Status.SENT
    assert found(compare(relay)) == (0, 0, 0, 0)


@pytest.mark.parametrize("policy", ["return_existing", "conflict"])
def test_a_message_whose_id_hubspot_did_not_tell_is_there_once(light_relay: RelayWorld, policy: str) -> None:
    light_relay.world.switch(duplicate_policy=policy)
    light_relay.conversation()
    light_relay.say("Anybody?")
    light_relay.settle()
    light_relay.execute(update(messages).values(hubspot_id=None))
    ids = {one["text"]: one["id"] for one in light_relay.inbox()}
    with light_relay.world.lock:
        light_relay.world.hubspot.messages[ids["Anybody?"]].text = "Changed by HubSpot"
    assert found(compare(light_relay)) == (0, 1, 0, 1)
    known = [one.hubspot_id for one in light_relay.rows()]
    assert known == [ids["Hello?"], ids["Anybody?"] if policy == "return_existing" else None]
    assert len(light_relay.inbox()) == 2


def test_what_was_deleted_in_hubspot_stays_deleted(light_relay: RelayWorld) -> None:
    thread = light_relay.conversation()
    lose(light_relay, light_relay.inbox()[0]["id"])
    with light_relay.world.lock:
        light_relay.world.hubspot.threads[thread].archived = True
    report = compare(light_relay)
    assert (found(report), left(report)) == ((0, 1, 0, 0), [Reason.DELETED])
    with light_relay.world.lock:
        del light_relay.world.hubspot.threads[thread]
    assert left(compare(light_relay)) == [Reason.DELETED]
    assert light_relay.texts() == []


def test_a_verdict_that_hubspot_does_not_show_is_told_again(relay: RelayWorld) -> None:
    thread = relay.conversation()
    relay.call("POST", "/_sim/loopback/block", {"account": "demo", "conversation": "c1"})
    answer = relay.reply(thread, "Hello Dana")
    relay.settle()
    shown = relay.status_of(answer)
    assert shown[0] == "FAILED"
    with relay.world.lock:
        relay.world.hubspot.messages[answer].status = StatusType.SENT
    assert found(compare(relay)) == (0, 0, 1, 1)
    assert relay.status_of(answer) == shown
    assert found(compare(relay)) == (0, 0, 0, 0)


def test_a_status_that_nothing_would_have_told_is_told(light_relay: RelayWorld) -> None:
    answer = light_relay.answered()
    light_relay.execute(update(statuses).values(told=0))
    patches = light_relay.patches_of(answer)
    light_relay.settle()
    assert light_relay.patches_of(answer) == patches
    assert found(compare(light_relay)) == (0, 0, 1, 1)
    assert light_relay.patches_of(answer) == patches + 1


def test_answers_that_are_too_old_are_reported_and_sent_by_order(light_relay: RelayWorld) -> None:
    connected_long_ago(light_relay)
    answer = missed_answer(light_relay, light_relay.conversation())
    written_before(light_relay, answer, DAY + 60)
    report = compare(light_relay, since=light_relay.row(1).sent_at - 2 * DAY)
    assert (found(report), left(report)) == ((1, 0, 0, 0), [Reason.TOO_OLD])
    assert found(compare(light_relay)) == (0, 0, 0, 0)
    assert found(compare(light_relay, older=True)) == (1, 0, 0, 1)
    assert light_relay.heard() == ["Hello Dana"]
    assert light_relay.row(light_relay.rows("outbound")[0].id).status == Status.SENT


def test_answers_from_before_the_account_was_connected_are_not_sent(light_relay: RelayWorld) -> None:
    answer = missed_answer(light_relay, light_relay.conversation())
    written_before(light_relay, answer, 3_600)
    report = compare(light_relay)
    assert (found(report), left(report)) == ((1, 0, 0, 0), [Reason.BEFORE_ACCOUNT])


@pytest.mark.parametrize("verdict", [StatusType.FAILED, StatusType.READ])
def test_nothing_is_sent_after_hubspot_was_told_a_verdict(light_relay: RelayWorld, verdict: StatusType) -> None:
    answer = missed_answer(light_relay, light_relay.conversation())
    with light_relay.world.lock:
        light_relay.world.hubspot.messages[answer].status = verdict
    assert left(compare(light_relay)) == [Reason.JUDGED]
    assert light_relay.heard() == []


def test_the_account_that_is_paused_is_waited_for(light_relay: RelayWorld) -> None:
    compare(light_relay)
    missed_answer(light_relay, light_relay.conversation())
    with light_relay.services.database.write() as connection:
        accounts.pause_side(connection, light_relay.account.id, Side.SERVICE, hint="")
    since = compare(light_relay).since
    report = compare(light_relay)
    assert (left(report), report.since) == ([Reason.ACCOUNT_PAUSED], since)
    with light_relay.services.database.write() as connection:
        accounts.resume_side(connection, light_relay.account.id, Side.SERVICE)
    assert found(compare(light_relay)) == (1, 0, 0, 1)


def test_nothing_is_read_or_sent_for_an_account_that_was_removed(light_relay: RelayWorld) -> None:
    missed_answer(light_relay, light_relay.conversation())
    with light_relay.services.database.write() as connection:
        accounts.set_state(connection, light_relay.account.id, RunState.PURGED)
    report = compare(light_relay)
    assert (report.threads, found(report), report.trouble) == (0, (0, 0, 0, 0), "")


def test_comments_and_notes_about_the_thread_are_no_answers(light_relay: RelayWorld) -> None:
    thread = light_relay.conversation()
    light_relay.call("POST", f"/_sim/threads/{thread}/comment", {"text": "between us"})
    for what in ("close", "reopen"):
        light_relay.call("POST", f"/_sim/threads/{thread}/{what}")
    light_relay.settle()
    report = compare(light_relay)
    assert (report.messages, found(report)) == (1, (0, 0, 0, 0))


@pytest.mark.parametrize(("app", "sent"), [("", True), ("9999", True), (seed.APP_ID, False)])
def test_answers_of_other_apps_on_our_account_are_sent_our_own_are_not(
    light_relay: RelayWorld,
    app: str,
    *,
    sent: bool,
) -> None:
    answer = missed_answer(light_relay, light_relay.conversation())
    with light_relay.world.lock:
        light_relay.world.hubspot.messages[answer].integration_app_id = app
    assert found(compare(light_relay)) == ((1, 0, 0, 1) if sent else (0, 0, 0, 0))
    assert light_relay.heard() == (["Hello Dana"] if sent else [])


def test_answers_on_accounts_of_others_are_not_ours(light_relay: RelayWorld) -> None:
    answer = missed_answer(light_relay, light_relay.conversation())
    with light_relay.world.lock:
        light_relay.world.hubspot.messages[answer].account_id = seed.TELEGRAM_ACCOUNT_ID
    assert found(compare(light_relay)) == (0, 0, 0, 0)


def test_after_a_merge_each_answer_reaches_the_customer_that_it_was_written_to(light_relay: RelayWorld) -> None:
    for talk, name in (("c1", "Dana"), ("c2", "Robin")):
        light_relay.say(f"Hello from {name}", talk)
    light_relay.settle()
    threads = {light_relay.agent_sees(one["id"])[0]["text"]: one["id"] for one in light_relay.threads()}
    dana, robin = threads["Hello from Dana"], threads["Hello from Robin"]
    light_relay.reply(robin, "sent before")
    light_relay.settle()
    missed_answer(light_relay, dana, "to Dana")
    missed_answer(light_relay, robin, "to Robin")
    light_relay.call("POST", f"/_sim/threads/{dana}/merge", {"into": robin})
    assert found(compare(light_relay)) == (2, 0, 0, 2)
    assert light_relay.heard("c1") == ["to Dana"]
    assert light_relay.heard("c2") == ["sent before", "to Robin"]
    assert found(compare(light_relay)) == (0, 0, 0, 0)


def test_a_late_webhook_after_a_merge_names_other_threads_and_sends_nothing_twice(light_relay: RelayWorld) -> None:
    for talk in ("c1", "c2"):
        light_relay.say(f"{talk} begins", talk)
        light_relay.settle()
    first = {light_relay.agent_sees(one["id"])[0]["text"]: one["id"] for one in light_relay.threads()}
    light_relay.call("POST", f"/_sim/threads/{first['c1 begins']}/merge", {"into": first["c2 begins"]})
    light_relay.fault(Api.HUBSPOT, FaultKind.DELAY, path="/webhooks/hubspot", seconds=3_600)
    light_relay.reply(first["c2 begins"], "to c2")
    assert found(reconcile(light_relay.services, Wish())[0]) == (1, 0, 0, 1)
    light_relay.world.delivery.advance(3_600)
    light_relay.settle()
    assert (light_relay.heard("c1"), light_relay.heard("c2")) == ([], ["to c2"])


def test_an_answer_that_could_be_anybodys_is_left(light_relay: RelayWorld) -> None:
    for talk in ("c1", "c2"):
        light_relay.say(f"{talk} begins", talk)
    light_relay.settle()
    first, second = (one["id"] for one in light_relay.threads())
    answer = missed_answer(light_relay, first)
    light_relay.call("POST", f"/_sim/threads/{first}/merge", {"into": second})
    with light_relay.world.lock:
        light_relay.world.hubspot.messages[answer].recipients = []
    assert left(compare(light_relay)) == [Reason.THREAD_UNCLEAR]
    assert (light_relay.heard("c1"), light_relay.heard("c2")) == ([], [])


def test_a_conversation_that_moved_to_another_inbox_is_compared(light_relay: RelayWorld) -> None:
    thread = light_relay.conversation()
    with light_relay.world.lock:
        light_relay.world.hubspot.threads[thread].inbox_id = seed.HELP_DESK_ID
    missed_answer(light_relay, thread)
    assert found(compare(light_relay)) == (1, 0, 0, 1)


@pytest.mark.parametrize("answer", ["404", "shown"])
def test_an_answer_in_a_conversation_that_was_archived_since_is_sent(light_relay: RelayWorld, answer: str) -> None:
    light_relay.world.switch(archived_thread_answer=answer)
    thread = light_relay.conversation()
    missed_answer(light_relay, thread)
    with light_relay.world.lock:
        light_relay.world.hubspot.threads[thread].archived = True
    assert found(compare(light_relay)) == (1, 0, 0, 1)
    assert light_relay.heard() == ["Hello Dana"]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_conversation_that_began_elsewhere_is_read_where_it_is_known(
    light_relay: RelayWorld, *, is_known: bool
) -> None:
    thread = light_relay.conversation()
    missed_answer(light_relay, thread)
    with light_relay.world.lock:
        light_relay.world.hubspot.threads[thread].account_id = "77"
    if not is_known:
        light_relay.execute(update(thread_table).values(hubspot_thread_id=None))
    report = compare(light_relay)
    assert (report.threads, report.never_came) == ((1, 1) if is_known else (0, 0))
    assert light_relay.heard() == (["Hello Dana"] if is_known else [])


def test_a_webhook_that_was_not_understood_is_left_to_its_envelope(light_relay: RelayWorld) -> None:
    thread = light_relay.conversation()
    light_relay.execute(update(account_table).values(hubspot_id="77"))
    light_relay.reply(thread, "Hello Dana")
    light_relay.settle()
    light_relay.execute(update(account_table).values(hubspot_id=light_relay.account.hubspot_id))
    assert left(compare(light_relay)) == [Reason.NOT_UNDERSTOOD]


def test_dead_letters_of_customers_are_only_reported(light_relay: RelayWorld) -> None:
    light_relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/messages$", status=400)
    light_relay.say("Hello?")
    light_relay.settle()
    report = compare(light_relay)
    assert [one.message for one in report.left if one.reason is Reason.DEAD_LETTER] == [str(light_relay.rows()[0].id)]
    assert report.filled == 0


def test_a_dry_run_says_what_is_missing_and_changes_nothing(light_relay: RelayWorld) -> None:
    thread = light_relay.conversation()
    missed_answer(light_relay, thread)
    lose(light_relay, light_relay.agent_sees(thread)[0]["id"])
    assert found(compare(light_relay, dry_run=True)) == (1, 1, 0, 0)
    assert (light_relay.heard(), light_relay.count(reconciled_table)) == ([], 0)
    assert found(compare(light_relay)) == (1, 1, 0, 2)


def test_a_missing_scope_is_a_sentence(light_relay: RelayWorld) -> None:
    missed_answer(light_relay, light_relay.conversation())
    with light_relay.world.lock:
        for token in light_relay.world.hubspot.access_tokens.values():
            token.scopes = token.scopes - {"conversations.read"}
    report = compare(light_relay)
    assert "conversations.read" in report.trouble
    assert "install it in this portal again" in report.trouble
    with light_relay.services.database.read() as connection:
        assert reconciled.mark(connection, PORTAL).until is None


def test_a_portal_that_is_paused_cannot_be_compared(light_relay: RelayWorld) -> None:
    with light_relay.services.database.write() as connection:
        portals.pause(connection, PORTAL, hint="Its token is refused.")
    assert "Its token is refused." in compare(light_relay).trouble


def test_a_portal_that_is_not_there_is_named(light_relay: RelayWorld) -> None:
    with pytest.raises(ConfigurationError, match="no portal 77"):
        reconcile(light_relay.services, Wish(), portal_id=77)


def test_one_at_a_time_compares_a_portal(relay: RelayWorld) -> None:
    missed_answer(relay, relay.conversation())
    with relay.services.database.write() as connection:
        assert reconciled.take(connection, PORTAL, owner="another machine", lease=60)
    assert "right now" in compare(relay).trouble
    relay.pass_time(61)
    assert found(compare(relay)) == (1, 0, 0, 1)


def test_two_machines_at_once_send_nothing_twice(relay: RelayWorld) -> None:
    thread = relay.conversation()
    for number in range(3):
        missed_answer(relay, thread, f"answer {number}")
    reports: list[Report] = []

    def work() -> None:
        reports.extend(reconcile(relay.services, Wish()))

    both = [threading.Thread(target=work) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    relay.settle()
    assert relay.heard() == ["answer 0", "answer 1", "answer 2"]
    assert sum(one.filled for one in reports) == 3


def test_hubspot_that_stumbles_is_asked_again(light_relay: RelayWorld) -> None:
    missed_answer(light_relay, light_relay.conversation())
    light_relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/threads$", status=429, retry_after=0)
    light_relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/threads$", status=503, retry_after=0)
    assert found(compare(light_relay)) == (1, 0, 0, 1)


def mark_of(relay: RelayWorld) -> float | None:
    with relay.services.database.read() as connection:
        return reconciled.mark(connection, PORTAL).until


def test_the_next_comparison_begins_where_the_last_whole_one_ended(light_relay: RelayWorld) -> None:
    compare(light_relay)
    first = mark_of(light_relay)
    assert first is not None
    assert compare(light_relay).since == first - 600
    assert (mark_of(light_relay) or 0) > first


def test_a_comparison_that_came_to_nothing_leaves_the_mark(light_relay: RelayWorld) -> None:
    compare(light_relay)
    before = mark_of(light_relay)
    light_relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/threads$", times=None, status=503, retry_after=3_600)
    assert "503" in compare(light_relay).trouble
    assert mark_of(light_relay) == before


def test_a_comparison_of_the_last_minutes_alone_leaves_the_mark_before_the_hole(light_relay: RelayWorld) -> None:
    compare(light_relay)
    light_relay.pass_time(7_200)
    before = mark_of(light_relay)
    assert before is not None
    assert compare(light_relay, since=before + 3_600).trouble == ""
    assert mark_of(light_relay) == before
    compare(light_relay, since=before - 1)
    assert (mark_of(light_relay) or 0) > before + 3_600


def test_what_retention_may_have_forgotten_is_not_taken_for_missing(light_relay: RelayWorld) -> None:
    connected_long_ago(light_relay)
    settings = light_relay.services.settings.model_copy(update={"retention_days": 2.0})
    answer = missed_answer(light_relay, light_relay.conversation())
    written_before(light_relay, answer, 2 * DAY)
    (report,) = reconcile(replace(light_relay.services, settings=settings), Wish(since=0.0, older=True))
    assert report.since > light_relay.rows()[0].accepted_at - 2 * DAY
    assert found(report) == (0, 0, 0, 0)


def test_it_ends_when_its_process_does(light_relay: RelayWorld) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        reconcile(light_relay.services, Wish(), stop=stop)
    assert compare(light_relay).trouble == ""


def test_what_was_asked_for_is_done_by_itself_at_most_every_five_minutes(relay: RelayWorld) -> None:
    stop = threading.Event()
    assert run_due(relay.services, stop) == []
    missed_answer(relay, relay.conversation())
    _ask(relay)
    assert [one.filled for one in run_due(relay.services, stop)] == [1]
    _ask(relay)
    assert run_due(relay.services, stop) == []
    relay.pass_time(LEAST_PAUSE + 1)
    assert len(run_due(relay.services, stop)) == 1
    relay.pass_time(LEAST_PAUSE + 1)
    assert run_due(relay.services, stop) == []


def _ask(relay: RelayWorld) -> None:
    with relay.services.database.write() as connection:
        reconciled.want(connection, reason="a test")


def test_it_does_nothing_by_itself_where_it_is_switched_off(light_relay: RelayWorld) -> None:
    _ask(light_relay)
    off = replace(light_relay.services, settings=light_relay.services.settings.model_copy(update={"reconcile": False}))
    assert run_due(off, threading.Event()) == []


def test_a_routine_compares_without_any_outage(light_relay: RelayWorld) -> None:
    settings = light_relay.services.settings.model_copy(update={"reconcile_every": 3_600.0})
    routine = replace(light_relay.services, settings=settings)
    assert len(run_due(routine, threading.Event())) == 1
    light_relay.pass_time(1_800)
    assert run_due(routine, threading.Event()) == []
    light_relay.pass_time(1_801)
    assert len(run_due(routine, threading.Event())) == 1
