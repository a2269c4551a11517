"""Checks of what a connector says about itself."""

from __future__ import annotations

import re
from functools import partial

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from app.conformance.report import Check, Skipped, expect
from app.conformance.samples import Subject
from app.connectors.base import Connector
from app.domain.account import Credentials
from app.domain.capability import Capabilities
from app.domain.fit import fit
from app.domain.length import length
from app.domain.message import Attachment, Content
from app.domain.status import Status

_REPORTABLE = frozenset({Status.SENT, Status.DELIVERED, Status.READ, Status.FAILED})
_SECRET_NAMES = re.compile("token|secret|password|(^|_)key$")
#: Longer than any service takes, with characters of one to four bytes and of one and two UTF-16 units.
_LONG = "Words of many kinds: café, 漢字, 👩\u200d👧. " * 4000
_LONGEST_CHECKED = 100_000


def checks(subject: Subject) -> list[Check]:
    """Return the checks of the declarations."""
    named = {
        "has a name, a title and an address": _names,
        "has no state": _stateless,
        "declares its capabilities": _capabilities,
        "describes its credentials": _credentials,
        "hides its secrets": _secrets,
        "its capabilities cut texts that fit": _fit,
        "its capabilities keep attachments and replies": _fit_attachments,
    }
    return [Check(name, partial(check, subject)) for name, check in named.items()]


def _names(subject: Subject) -> None:
    connector = subject.connector
    expect(isinstance(connector, Connector), "it is no subclass of Connector")
    expect(re.fullmatch("[a-z][a-z0-9_]*", connector.name), "name: small letters, digits and _ only")
    expect(connector.title.strip(), "title is empty")
    address = re.fullmatch("(https?://.*[^/])?", connector.api_url)
    expect(address, "api_url: http or https, and no slash at the end")


def _stateless(subject: Subject) -> None:
    expect(not vars(subject.connector), "one instance serves every account and thread: keep nothing in it")


def _capabilities(subject: Subject) -> None:
    capabilities = subject.connector.capabilities
    expect(isinstance(capabilities, Capabilities), "capabilities is missing")
    expect(capabilities.text_length > 0, "text_length is not positive")
    expect(capabilities.identifiers, "identifiers is empty")
    expect(capabilities.receipts <= _REPORTABLE, "receipts holds a status that no service reports")
    expect(all(one.size > 0 for one in capabilities.attachments.values()), "the size of an attachment is not positive")
    expect(all(rate.count > 0 and rate.seconds > 0 for rate in capabilities.rates), "a rate is not positive")


def _credentials(subject: Subject) -> None:
    model = subject.connector.credentials
    expect(issubclass(model, Credentials), "credentials is no subclass of Credentials")
    for name, declared in model.model_fields.items():
        expect(declared.title and declared.description, f"the field {name} needs a title and a description")
        if _SECRET_NAMES.search(name) and not name.endswith(("_id", "_name")):
            expect(_is_secret(declared), f"the field {name} looks like a secret: make it a SecretStr")


def _is_secret(declared: FieldInfo) -> bool:
    return "SecretStr" in str(declared.annotation) or declared.annotation is SecretStr


def _secrets(subject: Subject) -> None:
    account = subject.account()
    shown = f"{account!r} {account.credentials!s} {account.credentials.model_dump_json()}"
    expect(not any(secret in shown for secret in subject.secrets()), "a secret can be read in the credentials' text")


def _fit(subject: Subject) -> None:
    capabilities = subject.connector.capabilities
    if capabilities.text_length > _LONGEST_CHECKED:
        raise Skipped("takes longer texts than anybody writes")
    parts = fit(Content(text=_LONG), capabilities)
    longest = max(length(part.text, capabilities.text_unit) for part in parts)
    expect(longest <= capabilities.text_length, f"a part of {longest} units is longer than text_length")
    kept = "".join("".join(part.text.split()) for part in parts)
    expect(kept == "".join(_LONG.split()), "cutting loses words")


def _fit_attachments(subject: Subject) -> None:
    capabilities = subject.connector.capabilities
    for kind, accepts in capabilities.attachments.items():
        attachment = Attachment(kind=kind, source="https://relay.example/a", name="a", size=accepts.size)
        parts = fit(Content(attachments=(attachment,)), capabilities)
        expect(parts[0].attachment == attachment, f"an attachment of the kind {kind.value} is not kept")
    quoted = fit(Content(text="Hello", reply_to="1"), capabilities)[0].reply_to
    expect(bool(quoted) == capabilities.replies, "replies and fit do not agree")
