"""Every rule of HubSpot's that nobody could confirm, and every oddity that a client must survive, as a named switch.

Labels: D documented, C seen in real code or answers, I inferred, U unknown. A first contact with the real API changes
a default here and not the code.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo


def _switch(label: str, description: str, *, default: Any, **bounds: Any) -> Any:
    return Field(default, description=description, json_schema_extra={"confidence": label}, **bounds)


class Switches(BaseModel):
    """How the simulated HubSpot behaves where the real one is not known. Times are seconds, sizes bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Publishing
    duplicate_policy: Literal["return_existing", "conflict"] = _switch(
        "U",
        "Answer to an idempotency id that the account has seen: 201 with the first, or 409.",
        default="return_existing",
    )
    closed_thread_policy: Literal["reopen", "new_thread"] = _switch(
        "U", "What an incoming message does to a closed thread.", default="reopen"
    )
    publish_strict: bool = _switch(
        "C", "Refuse a message that lacks attachments, recipients or timestamp.", default=False
    )
    empty_text: Literal["reject", "accept"] = _switch("U", "Empty text without an attachment.", default="reject")
    rich_text_tags: Literal["keep", "strip"] = _switch(
        "U", "What becomes of tags in richText that the composer has no button for.", default="keep"
    )
    text_limit: int = _switch("U", "Longest text in characters; 0: no limit.", default=0, ge=0)
    inactive_account_answer: Literal["400", "404", "accept"] = _switch(
        "U", "Publishing on an inactive or unauthorised account.", default="400"
    )
    identifier_type_strict: bool = _switch(
        "U",
        "Refuse identifiers of a type that the channel does not list; senders were seen to be accepted.",
        default=False,
    )
    integration_thread_id_limit: int = _switch("U", "Longest integration thread id; 0: no limit.", default=0, ge=0)
    integration_thread_scope: Literal["account", "channel"] = _switch(
        "U", "Within what an integration thread id names one thread.", default="account"
    )
    foreign_thread_id: Literal["ignore", "400"] = _switch(
        "U", "An integrationThreadId that HubSpot did not make, where identifiers make threads.", default="ignore"
    )
    short_thread_ids_split: bool = _switch(
        "C", "A numeric integration thread id opens a new thread every time, as reported once.", default=False
    )
    attachment_limits_strict: bool = _switch(
        "U", "Hold incoming attachments to the channel's limits, which are described for the composer.", default=False
    )
    file_usage_types: Literal["all", "voice_and_sticker"] = _switch(
        "C", "Accepted fileUsageType values; for a time only two were.", default="all"
    )
    unknown_contact_answer: Literal["404", "400", "ignore"] = _switch(
        "U", "associateWithContactId names nobody.", default="404"
    )
    contact_link: Literal["identifier", "conversation"] = _switch(
        "U",
        "What associateWithContactId links: the sender's identifier for good, or this conversation alone.",
        default="identifier",
    )
    contact_search_delay: float = _switch("D", "A new contact is found by searches so much later.", default=0, ge=0)
    search_limit: int = _switch("D", "CRM searches of one portal in a second.", default=5, ge=1)
    unknown_reply_answer: Literal["ignore", "400"] = _switch("U", "inReplyToId names no message.", default="ignore")
    unknown_actor_answer: Literal["400", "ignore"] = _switch("U", "senderActorId names no agent.", default="400")
    echo_outgoing: bool = _switch("U", "Publishing an OUTGOING message fires the webhook at ourselves.", default=False)

    # Statuses
    incoming_status_answer: Literal["400", "accept"] = _switch(
        "U", "Status PATCH of an incoming message.", default="400"
    )
    status_regression: Literal["ignore", "400"] = _switch(
        "U", "Status PATCH that goes backwards, from READ for instance: 200 without change, or 400.", default="ignore"
    )
    error_message_limit: int = _switch("U", "Longest errorMessage of a FAILED status; 0: no limit.", default=0, ge=0)

    # Channels and accounts
    capabilities_patch: Literal["replace", "merge"] = _switch(
        "U", "PATCH of a channel's capabilities.", default="replace"
    )
    unknown_capabilities: Literal["accept", "reject"] = _switch(
        "U", "Capability keys nobody documented.", default="accept"
    )
    channel_visibility_delay: float = _switch("C", "Time until a new channel can be used and listed.", default=0, ge=0)
    misleading_json_error: bool = _switch(
        "C", "Malformed JSON at registration is answered as a wrong key.", default=False
    )
    unknown_inbox_answer: Literal["404", "400"] = _switch(
        "U", "Creating an account in an unknown inbox.", default="404"
    )
    duplicate_account_answer: Literal["409", "return_existing"] = _switch(
        "C", "Second account with one identifier; the code 409 was seen, its body was not.", default="409"
    )
    account_created_on_post: bool = _switch(
        "U", "Creating an account by POST fires CHANNEL_ACCOUNT_CREATED.", default=False
    )
    account_updated_on_patch: bool = _switch("I", "Our own account PATCH fires CHANNEL_ACCOUNT_UPDATED.", default=True)
    account_move: Literal["updated", "purged_created"] = _switch(
        "U",
        "Moving an account to another inbox: the same account is UPDATED, or it is PURGED and another one CREATED.",
        default="updated",
    )
    purged_account_answer: Literal["404", "archived"] = _switch(
        "U", "GET of a purged account without archived=true.", default="404"
    )
    staging_strict: bool = _switch("D", "Staging PATCH needs both fields, as the older documents say.", default=False)
    closed_window_token: Literal["lives", "gone"] = _switch(
        "U", "A staging token whose pop-up the admin closed half way.", default="lives"
    )
    staging_token_seconds: float = _switch("U", "Life of a staging token.", default=1800, ge=0)

    # Webhooks
    webhook_retries: int = _switch("U", "Most retries of a webhook; 0: none at all.", default=10, ge=0, le=10)
    webhook_timeout: float = _switch("U", "How long a webhook waits for an answer.", default=5.0, gt=0)
    webhook_time_scale: float = _switch("D", "Factor on the delays between retries.", default=1.0, ge=0)
    webhook_array: bool = _switch("C", "The body is an array with one event; objects were seen.", default=False)
    webhook_status_form: Literal["object", "string"] = _switch("U", "Form of message.status.", default="object")
    webhook_identifier_form: Literal["object", "string"] = _switch("C", "Form of deliveryIdentifier.", default="object")
    webhook_account_identifier_form: Literal["object", "string", "absent"] = _switch(
        "U", "Form of channelAccountDeliveryIdentifier.", default="object"
    )
    webhook_attachments: Literal["always", "when_any", "never"] = _switch(
        "U", "When message.attachments is present.", default="always"
    )
    webhook_sender_name: bool = _switch("C", "Senders carry the agent's name.", default=True)
    actor_lookup: Literal["every", "agents"] = _switch(
        "U", "Which actors can be looked up; others are answered 404.", default="every"
    )
    webhook_client: bool = _switch("I", "message.client names the app that created a message.", default=True)
    webhook_unknown_fields: bool = _switch("I", "Objects carry fields that nobody documented.", default=False)
    webhook_legacy_signature: Literal["none", "v1", "v2"] = _switch(
        "U", "Older signature header beside v3 on channel webhooks.", default="none"
    )
    attachment_url: Literal["public", "private", "missing"] = _switch(
        "U", "The url of agents' attachments: opens, answers 404, or is absent.", default="public"
    )
    agent_places: bool = _switch(
        "U",
        "Agents can send places and contact cards, which are documented, though no capability names them.",
        default=True,
    )
    merged_thread_ids: Literal["all", "newest", "none"] = _switch(
        "U", "What channelIntegrationThreadIds holds after a merge.", default="all"
    )
    conversation_events: bool = _switch(
        "D", "Send the app's conversation subscriptions to its events address, as arrays.", default=False
    )

    # Loopback
    loopback_echo: Literal["none", "before", "after"] = _switch(
        "C",
        "Loopback's webhook tells of what the relay itself sent, before or after the answer to the call.",
        default="none",
    )

    # Reading conversations
    archived_thread_answer: Literal["404", "shown"] = _switch(
        "U", "GET of an archived thread, or of its messages, without archived=true.", default="404"
    )
    message_sort: Literal["honoured", "ignored"] = _switch(
        "I", "sort=-createdAt of a thread's messages; ignored: the oldest come first.", default="honoured"
    )

    # OAuth and limits
    portal_plan: Literal["professional", "starter"] = _switch(
        "U",
        "Below Professional the consent page stops with a text (seen), and calls are forbidden as without scopes.",
        default="professional",
    )
    access_token_seconds: int = _switch("D", "Life of an access token.", default=1800, ge=1)
    code_seconds: int = _switch("U", "Life of an authorization code.", default=60, ge=0)
    rotate_refresh_tokens: bool = _switch("D", "Each refresh returns another refresh token.", default=False)
    v1_token_names_portal: bool = _switch("D", "Version 1's token answer holds the portal's id.", default=False)
    introspection_thin: bool = _switch(
        "D", "Introspection by 2026-09 tells nothing but whether a token is active.", default=True
    )
    rate_limit: int = _switch("D", "Calls of one app and portal in the window.", default=110, ge=1)
    rate_window: float = _switch("D", "The rolling window.", default=10.0, gt=0)
    rate_retry_after: bool = _switch("U", "429 answers carry Retry-After.", default=False)
    daily_limit: int = _switch("D", "Calls of one portal between two midnights (UTC); 0: no limit.", default=0, ge=0)
    file_size_limit: int = _switch("U", "Largest upload.", default=20_000_000, ge=1)
    signed_url_seconds: int = _switch("U", "Life of a signed URL when the caller names none.", default=300, ge=1)
    import_strict: bool = _switch(
        "D", "An import from an address needs the duplicate fields and overwrite, as the document says.", default=False
    )
    import_outcome: Literal["complete", "errors", "canceled"] = _switch(
        "I",
        "How an import from an address ends: complete with the file, complete with errors only, or canceled.",
        default="complete",
    )
    sparse_errors: bool = _switch("D", "Error bodies lack every optional field.", default=False)
    patchy_errors: bool = _switch("D", "Error bodies lack some of their fields, at random.", default=False)


def describe() -> list[dict[str, Any]]:
    """Every switch with its default, allowed values (empty: a number or yes/no), label and one-line description."""
    return [_describe(name, info) for name, info in Switches.model_fields.items()]


def _describe(name: str, info: FieldInfo) -> dict[str, Any]:
    extra = info.json_schema_extra
    return {
        "name": name,
        "default": info.default,
        "values": list(get_args(info.annotation)),
        "confidence": extra["confidence"] if isinstance(extra, dict) else "",
        "about": info.description,
    }
