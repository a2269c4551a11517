from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import vcard
from app.domain.message import Card

FULL = r"""BEGIN:VCARD
VERSION:3.0
N:Roe;Dana;M;Dr;
FN:Dr Dana Roe
ORG:Market\, Ltd;Sales
TITLE:Buyer
TEL;TYPE=CELL:+49 151 1
item1.TEL:tel:+49-30-5
EMAIL;TYPE=INTERNET:dana@example.org
URL:https://example.org/a?b=1;c
ADR;TYPE=WORK:;;1 Quay;Hamburg;;20457;Germany
NOTE:a note that
  goes on
END:VCARD
BEGIN:VCARD
FN:Somebody else
END:VCARD
"""


def test_everything_that_a_card_holds_is_read() -> None:
    assert vcard.read(FULL) == Card(
        name="Dr Dana Roe",
        organisation="Buyer, Market, Ltd, Sales",
        phones=("+49 151 1", "+49-30-5"),
        emails=("dana@example.org",),
        links=("https://example.org/a?b=1;c",),
        addresses=("1 Quay, Hamburg, 20457, Germany",),
    )


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ("N:Roe;Dana", "Dana Roe"),
        ("N:Roe;Dana;M;Dr;Jr", "Dr Dana M Roe Jr"),
        ("FN:Da\r\n na", "Dana"),
        ("FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCr=\r\ngen", "Jürgen"),
        (r"FN:a\; b\\c\nd", "a; b\\c\nd"),
        ("FN:", ""),
        ("fn:dana", "dana"),
        ("nothing", ""),
    ],
)
def test_names(lines: str, name: str) -> None:
    assert vcard.read(f"BEGIN:VCARD\r\n{lines}\r\nEND:VCARD").name == name


@given(st.text(alphabet=st.sampled_from("NFTELADRORG:;=\\,\n\r 123äQUOTED-PRINTABLE"), max_size=200))
def test_whatever_is_given_is_read_without_a_complaint(text: str) -> None:
    vcard.read(f"BEGIN:VCARD\n{text}")
