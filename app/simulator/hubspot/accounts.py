"""Channel accounts and the staging tokens of the connection pop-up."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from app.simulator.hubspot import channels, webhooks, windows
from app.simulator.hubspot.bodies import Body, build, read, read_object
from app.simulator.hubspot.errors import ApiError, empty_update, not_found
from app.simulator.hubspot.identifiers import PublicDeliveryIdentifier, require_listed
from app.simulator.hubspot.paging import flag, page
from app.simulator.hubspot.routing import CHANNELS, EITHER, Call, Router, created
from app.simulator.hubspot.state import Account, Channel, HubSpotState, Identifier
from app.simulator.hubspot.views import account_view, present
from app.simulator.world import World


class ChannelAccountRequest(Body):
    """[D] inboxId and name are required; [D] authorized is true by default."""

    inboxId: str  # noqa: N815 - HubSpot's word
    name: str
    authorized: bool = True
    deliveryIdentifier: PublicDeliveryIdentifier | None = None  # noqa: N815 - likewise


class StagingUpdate(Body):
    """[D] Both optional since 2026; required before, which is a switch."""

    accountName: str | None = None  # noqa: N815 - HubSpot's word
    deliveryIdentifier: PublicDeliveryIdentifier | None = None  # noqa: N815 - likewise


def register(router: Router) -> None:
    """Add the endpoints."""
    accounts = "/<channel_id>/channel-accounts"
    for method, suffix, handler in (
        ("GET", accounts, list_accounts),
        ("POST", accounts, create_account),
        ("GET", f"{accounts}/<account_id>", get_account),
        ("PATCH", f"{accounts}/<account_id>", update_account),
        ("PATCH", "/<channel_id>/channel-account-staging-tokens/<token>", fill_staging_token),
    ):
        router.add(method, CHANNELS, suffix, handler, scopes=EITHER)


def list_accounts(call: Call, channel_id: str) -> dict[str, Any]:
    """The channel's accounts in this portal, by identifier type and value where asked."""
    channel = channels.find(call, channel_id)
    types = request.args.getlist("deliveryIdentifierType") + request.args.getlist("deliveryIdentifierType[]")
    values = request.args.getlist("deliveryIdentifierValue") + request.args.getlist("deliveryIdentifierValue[]")
    found = [
        account_view(account, call.world.clock)
        for account in call.state.accounts.values()
        if account.channel_id == channel.id
        and account.portal_id == call.portal_id
        and (account.archived_at is not None) == flag("archived")
        and (not types or (account.identifier is not None and account.identifier.type in types))
        and (not values or (account.identifier is not None and account.identifier.value in values))
    ]
    return page(found)


def create_account(call: Call, channel_id: str) -> Response:
    """Create an account in an inbox."""
    channel = channels.find(call, channel_id)
    body = read(ChannelAccountRequest)
    if body.inboxId not in call.portal.inboxes:
        # [U] code and words
        raise ApiError(int(call.world.switches.unknown_inbox_answer), f"Inbox {body.inboxId} not found")
    identifier = _checked(call.world, channel, body.deliveryIdentifier)
    location = f"{request.path.rstrip('/')}/"
    twin = same_identifier(call.state, channel.id, call.portal_id, identifier=identifier)
    if twin is not None:
        if call.world.switches.duplicate_account_answer == "409":
            raise _duplicate()
        return created(account_view(twin, call.world.clock), location + twin.id)
    account = Account(
        id=call.world.ids.number(),
        channel_id=channel.id,
        portal_id=call.portal_id,
        inbox_id=body.inboxId,
        name=body.name,
        identifier=identifier,
        created_at=call.world.clock.now(),
        authorized=body.authorized,
    )
    call.state.accounts[account.id] = account
    if call.world.switches.account_created_on_post:
        webhooks.fire_account(call.world, account, webhooks.AccountEvent.CREATED)
    return created(account_view(account, call.world.clock), location + account.id)


def get_account(call: Call, channel_id: str, account_id: str) -> dict[str, Any]:
    """One account; [I] a purged one is found with archived=true."""
    account = find(call, channels.find(call, channel_id), account_id)
    hidden = account.archived_at is not None and not flag("archived")
    if hidden and call.world.switches.purged_account_answer == "404":
        raise not_found()
    return account_view(account, call.world.clock)


def update_account(call: Call, channel_id: str, account_id: str) -> dict[str, Any]:
    """[D] Only name and authorized; [C] a body without them is called empty."""
    account = find(call, channels.find(call, channel_id), account_id)
    body = read_object()
    name, authorized = body.get("name"), body.get("authorized")
    if name is None and authorized is None:
        raise empty_update()
    merged = {"inboxId": account.inbox_id, "name": account.name, "authorized": account.authorized}
    checked = build(ChannelAccountRequest, merged | present({"name": name, "authorized": authorized}))
    account.name, account.authorized = checked.name, checked.authorized
    if call.world.switches.account_updated_on_patch:
        webhooks.fire_account(call.world, account, webhooks.AccountEvent.UPDATED)
    return account_view(account, call.world.clock)


def fill_staging_token(call: Call, channel_id: str, token: str) -> dict[str, Any]:
    """Store what the pop-up collected. [D] The answer holds no account id. [U] life of the token: a switch."""
    channel = channels.find(call, channel_id)
    staging = call.state.staging.get(token)
    known = staging is not None and (staging.channel_id, staging.portal_id) == (channel.id, call.portal_id)
    if staging is None or not known or not windows.is_alive(call.world, staging):
        raise not_found()
    body = read(StagingUpdate)
    if call.world.switches.staging_strict and (body.accountName is None or body.deliveryIdentifier is None):
        raise ApiError(400, "Cannot build StagingUpdate, some of required attributes are not set")
    identifier = _checked(call.world, channel, body.deliveryIdentifier)
    if same_identifier(call.state, channel.id, call.portal_id, identifier=identifier) is not None:
        raise _duplicate()
    staging.account_name = body.accountName
    staging.identifier = identifier
    call.world.events.publish("settings_changed", {"portal": call.portal_id})
    return present(
        {
            "accountToken": staging.token,
            "createdAt": call.world.clock.iso(staging.created_at),
            "genericChannelId": int(channel.id),
            "inboxId": int(staging.inbox_id),
            "userId": 101,
            "accountName": staging.account_name,
            "deliveryIdentifier": identifier.as_json() if identifier else None,
        }
    )


def find(call: Call, channel: Channel, account_id: str) -> Account:
    """The portal's account on the channel.

    Raises:
        ApiError: 404.
    """
    account = call.state.accounts.get(account_id)
    if account is None or account.channel_id != channel.id or account.portal_id != call.portal_id:
        raise not_found()
    return account


def same_identifier(
    state: HubSpotState, channel_id: str, portal_id: str, *, identifier: Identifier | None
) -> Account | None:
    """The live account that has this identifier already."""
    for account in state.accounts.values():
        at_home = account.channel_id == channel_id and account.portal_id == portal_id
        if identifier is not None and at_home and account.archived_at is None and account.identifier == identifier:
            return account
    return None


def _checked(world: World, channel: Channel, given: PublicDeliveryIdentifier | None) -> Identifier | None:
    if given is None:
        return None
    identifier = given.checked()
    if world.switches.identifier_type_strict:
        require_listed(identifier, channel.capabilities["deliveryIdentifierTypes"])
    return identifier


def _duplicate() -> ApiError:
    # [C] the code, [U] the body
    return ApiError(409, "A channel account with this delivery identifier already exists", category="CONFLICT")
