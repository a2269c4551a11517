"""The conversations API: inboxes, actors, threads, their messages, and the few changes a relay makes there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import request

from app.simulator.hubspot import agent, threads
from app.simulator.hubspot.bodies import Body, read
from app.simulator.hubspot.errors import ApiError, not_found
from app.simulator.hubspot.paging import flag, page
from app.simulator.hubspot.routing import CONVERSATIONS, Call, Router
from app.simulator.hubspot.state import Actor, Message, Thread, ThreadStatus
from app.simulator.hubspot.views import account_view, inbox_view, message_view, present, thread_view

READERS = frozenset({"conversations.read"})
WRITERS = frozenset({"conversations.write"})

SORTS = ("id", "latestMessageTimestamp")
_NEVER = "1970-01-01T00:00:00Z"

# [D] Ids below belong to HubSpot's own channels.
BUILT_IN = {"1000": "Live chat", "1002": "Email"}


class ThreadPatch(Body):
    """What can be changed on a thread."""

    status: ThreadStatus | None = None
    archived: bool | None = None


class ActorIds(Body):
    """A batch."""

    inputs: list[str]


class NewMessage(Body):
    """A comment, or a message in an agent's name."""

    type: str
    text: str = ""
    richText: str | None = None  # noqa: N815 - HubSpot's word
    senderActorId: str | None = None  # noqa: N815 - likewise


def register(router: Router) -> None:
    """Add the endpoints."""
    for method, suffix, handler, scopes in (
        ("GET", "/inboxes", list_inboxes, READERS),
        ("GET", "/inboxes/<inbox_id>", get_inbox, READERS),
        ("GET", "/channels", list_channels, READERS),
        ("GET", "/channel-accounts", list_accounts, READERS),
        ("GET", "/channel-accounts/<account_id>", get_account, READERS),
        ("GET", "/actors/<actor_id>", get_actor, READERS),
        ("POST", "/actors/batch/read", read_actors, READERS),
        ("GET", "/threads", list_threads, READERS),
        ("GET", "/threads/<thread_id>", get_thread, READERS),
        ("PATCH", "/threads/<thread_id>", update_thread, WRITERS),
        ("GET", "/threads/<thread_id>/messages", list_messages, READERS),
        ("POST", "/threads/<thread_id>/messages", post_message, WRITERS),
        ("GET", "/threads/<thread_id>/messages/<message_id>", get_message, READERS),
        ("GET", "/threads/<thread_id>/messages/<message_id>/original-content", original_content, READERS),
    ):
        router.add(method, CONVERSATIONS, suffix, handler, scopes=scopes)


def list_inboxes(call: Call) -> dict[str, Any]:
    """Inboxes and help desks; none of the simulator's is ever archived."""
    found = [] if flag("archived") else call.portal.inboxes.values()
    return page([inbox_view(inbox, call.world.clock) for inbox in found])


def get_inbox(call: Call, inbox_id: str) -> dict[str, Any]:
    """One of them."""
    inbox = call.portal.inboxes.get(inbox_id)
    if inbox is None:
        raise not_found()
    return inbox_view(inbox, call.world.clock)


def list_channels(call: Call) -> dict[str, Any]:
    """HubSpot's own channels and those with an account in the portal."""
    used = {account.channel_id for account in call.state.accounts.values() if account.portal_id == call.portal_id}
    custom = {channel.id: channel.name for channel in call.state.channels.values() if channel.id in used}
    return page([{"id": key, "name": name} for key, name in (BUILT_IN | custom).items()])


def list_accounts(call: Call) -> dict[str, Any]:
    """The portal's channel accounts of every channel, by channel and inbox where asked."""
    channel_ids = request.args.getlist("channelId")
    inbox_ids = request.args.getlist("inboxId")
    return page(
        [
            account_view(account, call.world.clock)
            for account in call.state.accounts.values()
            if account.portal_id == call.portal_id
            and (account.archived_at is not None) == flag("archived")
            and (not channel_ids or account.channel_id in channel_ids)
            and (not inbox_ids or account.inbox_id in inbox_ids)
        ]
    )


def get_account(call: Call, account_id: str) -> dict[str, Any]:
    """One channel account."""
    account = call.state.accounts.get(account_id)
    if account is None or account.portal_id != call.portal_id:
        raise not_found()
    return account_view(account, call.world.clock)


def get_actor(call: Call, actor_id: str) -> dict[str, Any]:
    """One actor. [U] whether others than agents are told."""
    actor = call.portal.actors.get(actor_id)
    if actor is None or (actor.type != "AGENT" and call.world.switches.actor_lookup == "agents"):
        raise not_found()
    return _actor(actor)


def read_actors(call: Call) -> dict[str, Any]:
    """Several actors; unknown ids become errors beside the results."""
    wanted = read(ActorIds).inputs
    known = [_actor(call.portal.actors[key]) for key in wanted if key in call.portal.actors]
    now = call.world.clock.iso()
    body: dict[str, Any] = {"status": "COMPLETE", "results": known, "startedAt": now, "completedAt": now}
    if len(known) < len(wanted):
        body |= {"numErrors": len(wanted) - len(known), "errors": [{"message": "Some actors were not found"}]}
    return body


def list_threads(call: Call) -> dict[str, Any]:
    """Threads, always ascending. [D] which filters exclude each other."""
    _check_filters()
    wanted = {
        "inboxId": request.args.get("inboxId"),
        "associatedContactId": request.args.get("associatedContactId"),
        "status": request.args.get("threadStatus"),
        "associatedTicketId": request.args.get("associatedTicketId"),
    }
    views = [
        thread_view(thread, call.world.clock)
        for thread in call.state.threads.values()
        if thread.portal_id == call.portal_id and thread.archived == flag("archived")
    ]
    found = [view for view in views if _is_wanted(view, wanted)]
    if request.args.get("sort", "id") == "id":
        return page(sorted(found, key=lambda view: int(view["id"])), with_total=False)
    after = _moment(request.args["latestMessageTimestampAfter"])
    recent = [view for view in found if _moment(view.get("latestMessageTimestamp", _NEVER)) > after]
    return page(sorted(recent, key=lambda view: str(view["latestMessageTimestamp"])), with_total=False)


def get_thread(call: Call, thread_id: str) -> dict[str, Any]:
    """One thread."""
    return thread_view(_shown(call, thread_id), call.world.clock)


def update_thread(call: Call, thread_id: str) -> dict[str, Any]:
    """Close, reopen, restore."""
    thread = _thread(call, thread_id)
    patch = read(ThreadPatch)
    if patch.status is None and patch.archived is None:
        raise ApiError(400, "The body of the request is empty.")
    if patch.archived is not None:
        thread.archived = patch.archived
    if patch.status is ThreadStatus.CLOSED:
        threads.close(call.world, thread)
    elif patch.status is ThreadStatus.OPEN:
        threads.reopen(call.world, thread)
    return thread_view(thread, call.world.clock)


def list_messages(call: Call, thread_id: str) -> dict[str, Any]:
    """A thread's messages, comments and notes by time; [D] sort=-createdAt turns them around.

    No single message is ever archived here: `archived` speaks of those of an archived thread [U].
    """
    thread = _shown(call, thread_id)
    found = thread.messages if thread.archived or not flag("archived") else []
    newest_first = request.args.get("sort") == "-createdAt" and call.world.switches.message_sort == "honoured"
    ordered = sorted(found, key=lambda message: message.created_at, reverse=newest_first)
    return page([message_view(message, call.world.clock) for message in ordered], with_total=False)


def post_message(call: Call, thread_id: str) -> dict[str, Any]:
    """[D] A comment, or a message in an agent's name, which goes out through the channel [I]."""
    thread = _thread(call, thread_id)
    body = read(NewMessage)
    if body.type == "COMMENT":
        return message_view(agent.comment(call.world, thread, body.text, by=f"I-{call.app_id}"), call.world.clock)
    sender = call.portal.actors.get(body.senderActorId or "")
    if sender is None or sender.type != "AGENT":
        raise ApiError(
            400,
            "The sender must be an agent of this account",
            sub_category="ConversationsApiError.SENDER_AGENT_NOT_FOUND",
            context={"actorId": [str(body.senderActorId)]},
        )
    reply = agent.Reply(text=body.text, rich_text=body.richText, agent_id=sender.id)
    return message_view(agent.answer(call.world, thread, reply), call.world.clock)


def get_message(call: Call, thread_id: str, message_id: str) -> dict[str, Any]:
    """One message."""
    return message_view(_message(call, thread_id, message_id), call.world.clock)


def original_content(call: Call, thread_id: str, message_id: str) -> dict[str, Any]:
    """The whole text of a message that was cut."""
    message = _message(call, thread_id, message_id)
    return present({"text": message.original_text or message.text, "richText": message.rich_text})


def _actor(actor: Actor) -> dict[str, Any]:
    return present({"id": actor.id, "type": actor.type, "name": actor.name or None, "email": actor.email or None})


def _shown(call: Call, thread_id: str) -> Thread:
    """The thread, where the request may see it. [U] whether an archived one shows itself unasked: a switch."""
    thread = _thread(call, thread_id)
    if thread.archived and not flag("archived") and call.world.switches.archived_thread_answer == "404":
        raise not_found()
    return thread


def _is_wanted(view: dict[str, Any], wanted: dict[str, str | None]) -> bool:
    """Whether a thread passes the filters; [D] association=TICKET asks for those that have one."""
    fields = view | view.get("threadAssociations", {})
    if request.args.get("association") == "TICKET" and "associatedTicketId" not in fields:
        return False
    return all(value is None or fields.get(name) == value for name, value in wanted.items())


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(400, f"Unable to parse {text!r} as a time", category=None) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _thread(call: Call, thread_id: str) -> Thread:
    thread = call.state.threads.get(thread_id)
    if thread is None or thread.portal_id != call.portal_id:
        raise not_found()
    return thread


def _message(call: Call, thread_id: str, message_id: str) -> Message:
    for message in _thread(call, thread_id).messages:
        if message.id == message_id:
            return message
    raise not_found()


def _check_filters() -> None:
    arguments = request.args
    if len(arguments.getlist("inboxId")) > 1:
        raise ApiError(400, "Only one inboxId filter is allowed for this query")
    if "associatedContactId" in arguments:
        if "inboxId" in arguments:
            raise ApiError(400, "associatedContactId cannot be combined with inboxId")
        if "threadStatus" not in arguments:
            raise ApiError(400, "threadStatus is required with associatedContactId")
    if arguments.get("sort", "id") not in SORTS:
        raise ApiError(400, f"Threads are sorted by {' or '.join(SORTS)}")
    if arguments.get("sort") == "latestMessageTimestamp" and "latestMessageTimestampAfter" not in arguments:
        raise ApiError(400, "latestMessageTimestampAfter is required with this sort")
