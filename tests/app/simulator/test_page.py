from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typing_extensions import override

from app.simulator import page
from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from app.simulator.page import FAULTS
from tests.app.simulator.messengers import Simulator, running_simulator

HANDLES = {
    "customer-input",
    "customer-send",
    "customer-bubble",
    "agent-input",
    "agent-send",
    "agent-bubble",
    "agent-status",
    "thread-item",
    "fault-switch",
    "block-toggle",
    "account-switch",
}

#: Elements that have no end tag.
VOID = {"meta", "link", "input", "img", "br", "path", "circle", "rect", "use"}


#: The page's modules.
SCRIPTS = sorted((Path(page.__file__).parent / "static").glob("*.js"))


def script() -> str:
    return "\n".join(path.read_text() for path in SCRIPTS)


class Elements(HTMLParser):
    """Every element's attributes, and whether what was opened was closed."""

    def __init__(self) -> None:
        """Nothing read yet."""
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running_simulator() as running:
        yield running


@pytest.fixture
def elements(simulator: Simulator) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(simulator.client.get("/").text)
    assert not parser.open
    return parser.found


def test_the_page_needs_nothing_from_other_hosts(simulator: Simulator) -> None:
    texts = [simulator.client.get("/").text]
    linked = set(re.findall(r'(?:src|href)="(/[^"]+)"', texts[0])) - {"/settings"}
    linked |= {f"/_sim/static/{path.name}" for path in SCRIPTS}
    assert {path.rpartition(".")[2] for path in linked} == {"css", "js", "svg"}
    for path in linked:
        answer = simulator.client.get(path)
        assert answer.status_code == 200
        texts.append(answer.text)
    # The map is a link that people may follow.
    names = {"http://www.w3.org/2000/svg", "https://www.openstreetmap.org/"}
    assert set(re.findall(r"https?://[\w./-]+", " ".join(texts))) == names


def test_ids_are_unique_and_references_lead_somewhere(elements: list[tuple[str, dict[str, str | None]]]) -> None:
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = {attributes.get(name) for _, attributes in elements for name in ("aria-labelledby", "aria-controls")}
    drawn = {(attributes.get("href") or "#").lstrip("#") for tag, attributes in elements if tag == "use"}
    assert (named - {None}) | drawn <= set(ids)


def test_every_control_has_a_name(simulator: Simulator, elements: list[tuple[str, dict[str, str | None]]]) -> None:
    for tag, attributes in elements:
        if tag in {"textarea", "dialog", "nav", "section"}:
            assert attributes.get("aria-label") or attributes.get("aria-labelledby"), (tag, attributes)
        if "icon" in (attributes.get("class") or "").split():
            assert attributes.get("aria-label"), attributes
    assert '<html lang="en">' in simulator.client.get("/").text


def test_the_script_finds_everything_it_asks_for(elements: list[tuple[str, dict[str, str | None]]]) -> None:
    ids = {attributes.get("id") for _, attributes in elements}
    assert set(re.findall(r'\$\("([\w-]+)"\)', script())) <= ids


def test_modules_import_what_their_neighbours_export() -> None:
    exported = {
        path.name: set(re.findall(r"^export (?:async )?(?:function|const) ([$\w]+)", path.read_text(), re.MULTILINE))
        for path in SCRIPTS
    }
    for path in SCRIPTS:
        for names, source in re.findall(r'import \{([^}]+)\} from "\./([\w.]+)";', path.read_text()):
            wanted = {name.strip() for name in names.split(",") if name.strip()}
            assert wanted <= exported[source], (path.name, source)
            rest = path.read_text().split(f'from "./{source}";')[1]
            assert {
                name for name in wanted if not re.search(rf"(?<![$\w]){re.escape(name)}(?![$\w])", rest)
            } == set(), path.name


def test_tests_find_their_handles(simulator: Simulator) -> None:
    both = simulator.client.get("/").text + script()
    assert {handle for handle in HANDLES if f'"{handle}"' in both} == HANDLES


def test_the_switchboard_offers_every_fault_at_every_api(elements: list[tuple[str, dict[str, str | None]]]) -> None:
    switches = [attributes for _, attributes in elements if "data-fault" in attributes]
    assert {(one["data-api"], one["data-fault"]) for one in switches} == {
        (api.value, fault.name) for api in Api for fault in FAULTS
    }
    rules = {one["data-rule"] for one in switches}
    assert {Fault.model_validate_json(rule or "").kind for rule in rules} >= {
        FaultKind.SLOW,
        FaultKind.STATUS,
        FaultKind.RESET_AFTER,
        FaultKind.DUPLICATE,
    }


def test_a_fault_does_not_strike_the_page_itself(simulator: Simulator) -> None:
    for api in Api:
        simulator.world.faults.add(FaultRule(api=api, fault=Fault(kind=FaultKind.STATUS)))
    assert simulator.client.get("/").status_code == 200
    assert simulator.get("messengers") == []


def test_messengers_are_listed_with_their_customers(simulator: Simulator) -> None:
    simulator.post("loopback/accounts", token="t", id="shop", name="Shop")
    simulator.post("loopback/say", account="shop", conversation="c1", name="Dana", text="hello")
    simulator.post("telegram/bots", token="7:x", username="harbour_bot", name="Harbour")
    simulator.post("telegram/chats", bot=7, chat_id=5, user={"first_name": "Milo", "last_name": "F"})
    simulator.post("telegram/block", bot=7, chat_id=5)
    shop, bot = simulator.get("messengers")
    assert (shop["service"], shop["account"], shop["name"], shop["connected"]) == ("loopback", "shop", "Shop", False)
    assert shop["conversations"][0]["last"]["text"] == "hello"
    chat = bot["conversations"][0]
    assert (bot["service"], chat["conversation"], chat["name"], chat["blocked"]) == ("telegram", "5", "Milo F", True)
