"""The house rules that a machine can check: who knows whom, how long things are, where things stand."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1]
LONGEST_FUNCTION = 60
LONGEST_MODULE = 400
VAGUE_NAMES = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}

#: The modules that may touch the environment, and why.
READS_ENVIRONMENT = {
    "app/settings.py": "reads every setting",
    "app/cli/playground.py": "starts the roles with settings of its own",
    "app/cli/roles.py": "hands the environment on to a worker",
    "app/cli/up.py": "hands the environment on to the roles",
    "app/metrics.py": "the metrics' library takes its folder from there",
}

#: Folders of tests that cross modules.
UNMIRRORED = ("bench", "e2e", "integration", "servers")

MODULES = sorted(path for package in ("app", "workers") for path in (PROJECT / package).rglob("*.py"))

#: Without the migrations: they are long lists by nature, and are never changed again.
WRITTEN = [path for path in MODULES if "migrations" not in path.parts]


def name(path: Path) -> str:
    """A file's path inside the project."""
    return path.relative_to(PROJECT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def names_environment(path: Path) -> bool:
    """Whether a module names ``os.environ`` or ``os.getenv``, in code and not in words."""
    words = {"environ", "environb", "getenv", "putenv"}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {each.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for each in node.names}
    named = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return bool(words & imported or {f"os.{word}" for word in words} & named)


def test_only_those_who_may_import_one_another() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)  # noqa: S603 - our own
    assert run.returncode == 0, run.stdout + run.stderr


def test_functions_are_short() -> None:
    lengths = {
        f"{name(path)}: {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in WRITTEN
        for node in functions(path)
    }
    assert {place: length for place, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_modules_are_short() -> None:
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in WRITTEN}
    assert {place: length for place, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_modules_are_named_for_what_they_are() -> None:
    assert [name(path) for path in MODULES if VAGUE_NAMES & {*path.stem.split("_"), path.parent.name}] == []


def test_only_the_settings_read_the_environment() -> None:
    found = {name(path) for path in MODULES if names_environment(path)}
    assert found <= set(READS_ENVIRONMENT)


def test_nothing_is_in_the_package_itself() -> None:
    assert (PROJECT / "app" / "__init__.py").read_text(encoding="utf-8") == ""


def test_a_test_stands_where_its_module_stands() -> None:
    paths = [path for folder in ("app", "workers") for path in (PROJECT / "tests" / folder).rglob("test_*.py")]
    assert [name(path) for path in paths if not has_module(path)] == []


def has_module(path: Path) -> bool:
    """Whether `app/x/y` is there for `tests/app/x/test_y.py` or `test_y_topic.py`, or `x` is what it tests."""
    folder = PROJECT / path.parent.relative_to(PROJECT / "tests")
    words = path.stem.removeprefix("test_").split("_")
    subjects = {"_".join(words[:count]) for count in range(1, len(words) + 1)}
    present = {entry.stem for entry in folder.glob("*") if entry.suffix == ".py" or entry.is_dir()}
    return bool(subjects & (present | {folder.name}))


def test_tests_stand_in_known_folders() -> None:
    folders = {path.name for path in (PROJECT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= {"app", "workers", *UNMIRRORED}
