from __future__ import annotations

from typing import Self

import pytest
from pydantic import Field as Described
from pydantic import SecretStr, model_validator

from app.connectors import registry
from app.connectors.loopback import LoopbackConnector
from app.console import forms
from app.console.forms import LONGEST, LONGEST_NAME, NAME, Field, Form
from app.console.languages import languages
from app.domain.account import Credentials
from tests.app.console.visitor import BOT

EN, PT = languages()["en"], languages()["pt"]
TELEGRAM = registry.get("telegram")

#: How pydantic speaks; people must never read it.
PYDANTIC = ("Field required", "String should", "Value error", "Input should", "Extra inputs", "valid string")


class PlainCredentials(Credentials):
    code: str = Described(title="Code", description="Six digits.", pattern=r"^\d{6}$")
    port: int = Described(default=5, title="Port")
    word: SecretStr = Described(default=SecretStr("generated"), min_length=4)

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.code == "000000":
            raise ValueError("the code and the word do not belong together")
        return self


class Plain(LoopbackConnector):
    """Any connector, with fields that no real one has."""

    name = "plain"
    credentials = PlainCredentials  # type: ignore[assignment]  # it only lends its other parts


def field(form: Form, name: str) -> Field:
    return next(one for one in form.fields if one.name == name)


@pytest.mark.parametrize("name", registry.names())
def test_a_form_shows_every_field_with_its_words(name: str) -> None:
    connector = registry.get(name)
    form = forms.blank(connector, EN)
    assert {one.name for one in form.fields} == {NAME, *(f"c-{one}" for one in connector.credentials.model_fields)}
    for one, info in connector.credentials.model_fields.items():
        shown = field(form, f"c-{one}")
        assert (shown.title, shown.help) == (info.title, info.description)
        assert shown.required is info.is_required()
        assert shown.secret is (info.annotation is SecretStr)


def test_a_good_form_has_credentials() -> None:
    form = forms.read(TELEGRAM, EN, {"c-token": f"  {BOT}\n", NAME: " My   shop "})
    assert form.is_good
    assert form.credentials["token"] == BOT
    assert len(form.credentials["webhook_secret"]) > 30
    assert form.account_name == "My shop"
    assert BOT not in repr(form)


@pytest.mark.parametrize("language", [EN, PT], ids=["en", "pt"])
@pytest.mark.parametrize(
    "given", [{}, {"c-token": "x"}, {"c-token": BOT, "c-webhook_secret": "ä"}, {"c-token": "x" * (LONGEST + 1)}]
)
def test_what_is_wrong_is_said_in_our_words(language: object, given: dict[str, str]) -> None:
    form = forms.read(TELEGRAM, language, given)  # type: ignore[arg-type]
    assert not form.is_good
    sentences = [one.wrong for one in form.failures]
    assert len(sentences) == 1
    assert sentences[0].endswith(".")
    assert not any(word in sentences[0] for word in PYDANTIC)
    assert form.credentials == {}


@pytest.mark.parametrize(
    ("given", "name", "sentence"),
    [
        ({}, "c-code", "This is needed."),
        ({"c-code": "12"}, "c-code", "This does not look as described here."),
        ({"c-code": "123456", "c-port": "many"}, "c-port", "This does not look as described here."),
        ({"c-code": "123456", "c-word": "x"}, "c-word", "This is too short: copy all of it."),
        ({"c-code": "12\x0034"}, "c-code", "This holds characters that cannot be used: copy it again as plain text."),
        ({"c-code": "123456", NAME: "x" * (LONGEST_NAME + 1)}, NAME, "This is too long."),
    ],
)
def test_each_kind_of_mistake_has_a_sentence(given: dict[str, str], name: str, sentence: str) -> None:
    form = forms.read(Plain(), EN, given)
    assert {one.name: one.wrong for one in form.failures} == {name: sentence}


def test_what_concerns_no_single_field_stands_above() -> None:
    form = forms.read(Plain(), EN, {"c-code": "000000"})
    assert (form.wrong, form.is_good) == ("The code and the word do not belong together.", False)
    assert forms.read(Plain(), PT, {"c-code": "000000"}).wrong == "Não tem a forma descrita aqui."


def test_secrets_are_not_shown_and_defaults_are() -> None:
    form = forms.read(Plain(), EN, {"c-code": "12", "c-word": "my-secret"})
    assert [field(form, name).value for name in ("c-code", "c-port", "c-word")] == ["12", "5", ""]


def test_fields_of_nobody_are_passed_over() -> None:
    assert forms.read(TELEGRAM, EN, {"c-token": BOT, "c-admin": "1", "token": "x"}).is_good


def test_what_may_stay_as_it_is_stands_apart() -> None:
    form = forms.blank(TELEGRAM, EN)
    assert [one.name for one in form.plain] == ["c-token", NAME]
    assert [one.name for one in form.more] == ["c-webhook_secret"]
    assert not form.more_failed
    assert forms.read(TELEGRAM, EN, {"c-token": BOT, "c-webhook_secret": "ä"}).more_failed


def test_words_that_are_not_translated_are_marked() -> None:
    assert field(forms.blank(Plain(), PT), "c-code").foreign == "en"
    assert field(forms.blank(TELEGRAM, PT), "c-token").foreign == ""
