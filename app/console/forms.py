"""A form made from a connector's credentials: its fields, what was entered, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from app.connectors.base import Connector
from app.console.languages import FALLBACK, Language
from app.domain.account import Credentials
from app.relay.credentials import plain

#: Stands before the names of a connector's fields: none of them can meet a field of ours.
PREFIX: Final = "c-"
#: The account's name, as HubSpot shows it.
NAME: Final = "account-name"

#: Longest value of a field; no service's credentials come near.
LONGEST: Final = 4_000
LONGEST_NAME: Final = 80

#: What is wrong, by pydantic's type of error. Its own words are for programmers.
_REASONS: Final = {
    "missing": "missing",
    "string_too_short": "too_short",
    "too_short": "too_short",
    "string_too_long": "too_long",
    "too_long": "too_long",
}


@dataclass(frozen=True)
class Field:
    """One field of a form, in the reader's language. ``foreign``: the language of words that are not translated."""

    name: str
    title: str
    help: str
    secret: bool
    required: bool
    value: str = ""
    wrong: str = ""
    longest: int = LONGEST
    foreign: str = ""

    @property
    def described_by(self) -> str:
        """The ids of what describes the field, for screen readers."""
        parts = [f"{self.name}-wrong" if self.wrong else "", f"{self.name}-help" if self.help else ""]
        return " ".join(filter(None, parts))


@dataclass(frozen=True)
class Form:
    """A connector's form. ``wrong``: what concerns no single field."""

    connector: Connector
    fields: tuple[Field, ...]
    wrong: str = ""
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    account_name: str = ""

    @property
    def is_good(self) -> bool:
        """Whether everything in it can be used."""
        return not self.wrong and not any(one.wrong for one in self.fields)

    @property
    def plain(self) -> list[Field]:
        """The fields that everybody looks at: what is required, and the name."""
        return [one for one in self.fields if one.required or one.name == NAME]

    @property
    def more(self) -> list[Field]:
        """The fields that may stay as they are; most people never look at them."""
        return [one for one in self.fields if one not in self.plain]

    @property
    def more_failed(self) -> bool:
        """Whether one of those has to be corrected."""
        return any(one.wrong for one in self.more)

    @property
    def failures(self) -> list[Field]:
        """The fields that have to be corrected."""
        return [one for one in (*self.plain, *self.more) if one.wrong]


def blank(connector: Connector, language: Language) -> Form:
    """Return the form as it is first seen."""
    return _form(connector, language, {}, {})


def read(connector: Connector, language: Language, given: Mapping[str, str]) -> Form:
    """Read what was entered. Secrets are not shown again; an empty field counts as one that was left out."""
    values = {name: given.get(PREFIX + name, "").strip() for name in connector.credentials.model_fields}
    values[NAME] = " ".join(given.get(NAME, "").split())
    wrong = {name: language.say("form.too_long") for name, one in values.items() if len(one) > _longest(name)}
    if not all(_is_text(one) for one in values.values()):
        wrong |= {name: language.say("form.unreadable") for name, one in values.items() if not _is_text(one)}
    entered = {name: one for name, one in values.items() if one and name != NAME}
    if wrong:
        return _form(connector, language, values, wrong)
    try:
        credentials = connector.credentials.model_validate(entered)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return _form(connector, language, values, {_field(one): _sentence(connector, language, one) for one in found})
    return _form(connector, language, values, {}, credentials=credentials)


def _form(
    connector: Connector,
    language: Language,
    values: Mapping[str, str],
    wrong: Mapping[str, str],
    *,
    credentials: Credentials | None = None,
) -> Form:
    fields = [
        _describe(connector, language, name, info, value=values.get(name, ""), wrong=wrong.get(name, ""))
        for name, info in connector.credentials.model_fields.items()
    ]
    known = {*connector.credentials.model_fields, NAME}
    others = [sentence for name, sentence in wrong.items() if name not in known]
    return Form(
        connector,
        (*fields, _name_field(language, values.get(NAME, ""), wrong.get(NAME, ""))),
        wrong=" ".join(others),
        credentials=plain(credentials) if credentials is not None else {},
        account_name=values.get(NAME, ""),
    )


def _describe(connector: Connector, language: Language, name: str, info: FieldInfo, *, value: str, wrong: str) -> Field:
    title = language.field(connector.name, name, "title")
    secret = info.annotation is SecretStr
    default = "" if info.is_required() or secret else str(info.get_default(call_default_factory=True) or "")
    return Field(
        name=PREFIX + name,
        title=title or info.title or name,
        help=language.field(connector.name, name, "help") or info.description or "",
        secret=secret,
        required=info.is_required(),
        value="" if secret else value or default,
        wrong=wrong,
        foreign="" if title or language.tag == FALLBACK else FALLBACK,
    )


def _name_field(language: Language, value: str, wrong: str) -> Field:
    title, explained = language.say("form.name"), language.say("form.name_help")
    return Field(NAME, title, explained, secret=False, required=False, value=value, wrong=wrong, longest=LONGEST_NAME)


def _longest(name: str) -> int:
    return LONGEST_NAME if name == NAME else LONGEST


def _is_text(value: str) -> bool:
    """Tell whether a value is text that can be stored and sent: no NUL, no half of a surrogate pair."""
    return value.isprintable() or all(one.isprintable() or one in "\t\n" for one in value)


def _field(error: Mapping[str, Any]) -> str:
    return str(error["loc"][0]) if error["loc"] else ""


def _sentence(connector: Connector, language: Language, error: Mapping[str, Any]) -> str:
    """Say what is wrong with a field: in the connector's own words where it has some in the reader's language."""
    if error["type"] in _REASONS:
        return language.say(f"form.{_REASONS[error['type']]}")
    told = language.field(connector.name, _field(error), "wrong")
    own: Any = error.get("ctx", {}).get("error") if error["type"] == "value_error" else None
    if told is None and own is not None and language.tag == FALLBACK:
        told = str(own)
        told = f"{told[:1].upper()}{told[1:].rstrip('.')}."
    return told or language.say("form.malformed")
