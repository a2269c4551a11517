"""The documentation against the code: nothing is left out, and nothing is named that is not there."""

from __future__ import annotations

import ast
import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from app.cli import COMMANDS
from app.conformance import Samples
from app.connectors import base, registry
from app.connectors.base import Connector
from app.domain.capability import Capabilities
from app.doorbell import QUEUES, TASK_DRAIN_LANE, TASK_PREPARE_MEDIA
from app.hubspot.outcomes import TRANSIENT
from app.metrics import catalogue
from app.settings import Settings
from app.simulator.application import create_simulator
from app.simulator.faults import FaultKind
from tests.generated_docs import PROJECT, commands, error_classes, generate, pages, parts

README = (PROJECT / "README.md").read_text(encoding="utf-8")
DOCS = {page.relative_to(PROJECT).as_posix(): page.read_text(encoding="utf-8") for page in pages()}
EVERYTHING = "\n".join(DOCS.values())

_FENCE = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_TOP = {path.name for path in PROJECT.iterdir() if path.is_file()}
_PATH = re.compile(r"(?:app|workers|tests|docs|requirements|\.ci)(?:/[\w.-]+)+/?")


def prose(text: str) -> str:
    return _FENCE.sub("", text)


def code() -> Iterator[str]:
    """Every piece of inline code, and every line of a shell block with its continuation."""
    for text in DOCS.values():
        yield from (match.replace("\\|", "|") for match in _CODE.findall(prose(text)))
        for language, block in _FENCE.findall(text):
            if language == "sh":
                yield from (line.strip() for line in re.sub(r"\\\n\s*", "", block).splitlines())


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose(text))]
    return {heading.replace(" ", "-") for heading in plain}


def links() -> list[object]:
    found = {(page, target) for page, text in DOCS.items() for target in _LINK.findall(prose(text))}
    ours = sorted((page, target) for page, target in found if "://" not in target)
    return [pytest.param(page, target, id=f"{page} -> {target}") for page, target in ours]


def calls() -> list[list[str]]:
    """Every call of ``relay`` in the documentation, as words."""
    lines = {line for line in code() if re.match(r"relay [a-z]", line)}
    return [shlex.split(line, comments=True)[1:] for line in sorted(lines)]


def blocks() -> list[object]:
    return [pytest.param(page, name, id=name) for page in pages() for name in parts(page)]


@pytest.mark.parametrize(("page", "name"), blocks())
def test_generated_parts_are_up_to_date(page: Path, name: str) -> None:
    assert parts(page)[name] == generate(name), "`python -m tests.generated_docs` writes it anew"


def test_every_generated_part_has_its_place() -> None:
    names = {name for page in pages() for name in parts(page)}
    tables = {"commands", "errors", "metrics", "options", "switches"}
    assert names == tables | {"relay connectors --markdown", "relay settings --markdown"}


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"| `RELAY_{name.upper()}` |" in README


def test_what_the_example_sets_is_explained_first() -> None:
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    needed = re.findall(r"^(RELAY_\w+)=", example, re.MULTILINE)
    first = README.partition("## Configuration")[2].partition("<details>")[0]
    assert len(needed) == 6
    assert [name for name in needed if f"`{name}`" not in first] == []


def test_no_setting_is_named_that_is_not_there() -> None:
    known = {f"RELAY_{name.upper()}" for name in Settings.model_fields}
    known |= {f"RELAY_{name.upper()}_API_URL" for name in registry.names()}
    named = {one.removesuffix("_FILE") for one in re.findall(r"\bRELAY_[A-Z_]+[A-Z]\b(?!_?<|\.\.\.|_\.)", EVERYTHING)}
    assert named - known == set()


@pytest.mark.parametrize("name", [entry.name for entry in catalogue()])
def test_every_metric_is_in_the_readme(name: str) -> None:
    assert f"| `{name}` |" in README


def test_no_metric_is_named_that_is_not_there() -> None:
    named = set(re.findall(r"\brelay_[a-z]+(?:_[a-z]+)*\b", EVERYTHING)) - {"relay_error"}
    assert named - {entry.name for entry in catalogue()} == set()


@pytest.mark.parametrize("name", registry.names())
def test_every_connector_is_in_the_readme(name: str) -> None:
    assert f"| `{name}` | {registry.get(name).title} |" in README


@pytest.mark.parametrize("name", [one.__name__ for one in error_classes()])
def test_every_error_is_explained(name: str) -> None:
    assert f"| `{name}` |" in DOCS["docs/errors.md"]


def code_given(node: ast.AST) -> str:
    """The code in ``code="..."``, as an argument or in a class; empty for anything else."""
    match node:
        case ast.keyword(arg="code", value=ast.Constant(value=str(word))):
            return word
        case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(word))):
            return word
    return ""


def error_codes() -> set[str]:
    """Every code that the relay's own modules give an error, a verdict or a class of errors."""
    paths = [path for path in (PROJECT / "app").rglob("*.py") if not {"simulator", "conformance"} & set(path.parts)]
    nodes = (node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return ({code_given(node) for node in nodes} | {word for word, _ in TRANSIENT.values()}) - {""}


@pytest.mark.parametrize("name", sorted(error_codes()))
def test_every_code_is_explained(name: str) -> None:
    assert re.search(rf"^\|.*`{name}`.*\|", DOCS["docs/errors.md"], re.MULTILINE)


@pytest.mark.parametrize("words", sorted(commands()))
def test_every_command_is_listed(words: str) -> None:
    assert re.search(rf"^\| `relay {words}[ `]", DOCS["docs/operations.md"], re.MULTILINE)


def test_every_group_of_commands_is_listed() -> None:
    assert {words.split()[0] for words in commands()} == set(COMMANDS)


@pytest.mark.parametrize("words", calls(), ids=" ".join)
def test_commands_are_called_as_they_are(words: list[str]) -> None:
    known = commands()
    names = [word for word in words if not word.startswith("-")]
    found = next((known[" ".join(names[:length])] for length in (2, 1) if " ".join(names[:length]) in known), None)
    if found is None:
        assert len(names) == 1
        assert names[0] in COMMANDS, f"there is no command {names[0]}"
        return
    options = {option for one in found.params if isinstance(one, click.Option) for option in one.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} - options == set()


def checks() -> set[str]:
    """The name of every check of the doctor's, where it is made or kept; what is put into it counts as N."""
    nodes = (node for path in (PROJECT / "app/relay").rglob("*.py") for node in ast.walk(ast.parse(path.read_text())))
    named = {node.args[0] for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding"}
    words = {ast.unparse(one) for one in named if isinstance(one, (ast.Constant, ast.JoinedStr))}
    texts = (path.read_text(encoding="utf-8") for path in (PROJECT / "app/relay").rglob("*_health.py"))
    words |= {word for text in texts for word in re.findall(r"\b(?:name|_CHECK)\b[^=\n]* = (f?\"[^\"]+\")", text)}
    return {re.sub(r"\{.*?\}", "N", word.removeprefix("f").strip("\"'")) for word in words}


def test_every_check_of_the_doctor_is_listed() -> None:
    (table,) = re.findall(r"^\| check \|.*\n\|[-| ]+\n((?:\|.*\n)+)", DOCS["docs/operations.md"], re.MULTILINE)
    listed = {check for line in table.splitlines() for check in _CODE.findall(line.split("|")[1])}
    assert len(checks()) > 10
    assert checks() - listed == set()


def test_every_queue_and_task_is_listed() -> None:
    text = DOCS["docs/operations.md"]
    assert [queue for queue in QUEUES if f"| `{queue}` |" not in text] == []
    assert [task for task in (TASK_DRAIN_LANE, TASK_PREPARE_MEDIA) if f"`{task}`" not in text] == []


def test_every_make_target_is_there() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    named = {line.split()[1] for line in code() if re.match(r"make [a-z]", line)}
    assert named
    assert {name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)} == set()


def test_every_log_event_is_logged() -> None:
    (table,) = re.findall(r"^\| event \|.*\n\|[-| ]+\n((?:\|.*\n)+)", DOCS["docs/operations.md"], re.MULTILINE)
    events = {event for line in table.splitlines() for event in _CODE.findall(line.split("|")[1])}
    sources = [path.read_text(encoding="utf-8") for top in ("app", "workers") for path in (PROJECT / top).rglob("*.py")]
    logged = set(re.findall(r"log\.\w+\(\s*\"(\w+)\"", "\n".join(sources)))
    assert events
    assert events - logged == set()


@pytest.mark.parametrize(("page", "target"), links())
def test_links_lead_somewhere(page: str, target: str) -> None:
    file, _, anchor = unquote(target).partition("#")
    place = (PROJECT / page).parent / file if file else PROJECT / page
    assert place.exists()
    if anchor:
        assert anchor in anchors(place.read_text(encoding="utf-8"))


def test_paths_are_there() -> None:
    named = {one for one in code() if _PATH.fullmatch(one)}
    assert named
    assert {one for one in named if not (PROJECT / one).exists()} == set()


def test_every_page_is_linked_from_the_readme_or_from_one_that_is() -> None:
    linked = {Path(target.partition("#")[0]).name for text in DOCS.values() for target in _LINK.findall(text)}
    assert {Path(page).name for page in DOCS} - linked - {"README.md"} == set()


def test_the_contract_of_connectors_is_whole() -> None:
    text = DOCS["docs/connectors.md"]
    protocols = {name for name, one in vars(base).items() if getattr(one, "_is_protocol", False) and name != "Protocol"}
    members = {name for name in {*vars(Connector), *Connector.__annotations__} if not name.startswith("_")}
    fields = {*Capabilities.__dataclass_fields__}
    required = {one.name for one in dataclasses.fields(Samples) if one.default is one.default_factory}
    named = set(re.findall(r"\w+", " ".join(_CODE.findall(prose(text)))))
    assert protocols
    assert (protocols | members | fields) - named == set()
    assert {name for name in required if name not in text} == set()


def test_every_control_of_the_simulator_is_listed() -> None:
    rules = create_simulator(Settings(environment="test")).url_map.iter_rules()
    there = {
        f"{method} {rule.rule}"
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/_sim/") and not rule.rule.startswith("/_sim/static")
    }
    named = {one for one in _CODE.findall(DOCS["docs/simulator.md"]) if re.match(r"[A-Z]+ /_sim/", one)}
    assert named == there


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_fault_is_explained(kind: FaultKind) -> None:
    assert re.search(rf"^\|[^|]*`{kind.value}`", DOCS["docs/simulator.md"], re.MULTILINE)


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("# Webhooks refused (signature)", "webhooks-refused-signature"),
        ("## What `parse` returns", "what-parse-returns"),
        ("```sh\n# no heading\n```", None),
    ],
)
def test_what_counts_as_an_anchor(heading: str, anchor: str | None) -> None:
    assert anchors(heading) == ({anchor} if anchor else set())
