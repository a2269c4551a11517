"""What is handed out: pinned requirements, a wheel that is complete, and files that name no machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[1]
LOCKS = ("base", "build", "dev", "synapse")

#: Folders of the machine that a change was written on, and what serves packages there.
FOREIGN = re.compile(
    r"(?<![\w.:/])/(?:work|root|opt/pypi|opt/wheels|home/\w+)/"
    r"|pypi\.org/simple|pythonhosted\.org|--(?:extra-)?index-url\s|--find-links\s"
)


def tracked() -> list[Path]:
    """The files that are, or would be, in a commit; without git, everything in the folders that are handed out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)  # noqa: S603 - our own
    if run.returncode == 0:
        return [PROJECT / line for line in run.stdout.splitlines() if (PROJECT / line).is_file()]
    folders = ("app", "workers", "tests", "requirements")
    return [path for folder in folders for path in (PROJECT / folder).rglob("*") if path.is_file()]


def locked(lock: str) -> dict[str, Requirement]:
    lines = (PROJECT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8").splitlines()
    parsed = [Requirement(line.rstrip(" \\")) for line in lines if re.match(r"[A-Za-z]", line)]
    return {requirement.name: requirement for requirement in parsed}


def project() -> dict[str, object]:
    with (PROJECT / "pyproject.toml").open("rb") as file:
        content: dict[str, object] = tomllib.load(file)
    return content


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_and_hashed(lock: str) -> None:
    text = (PROJECT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    blocks = [block for block in re.split(r"\n(?=[A-Za-z])", text) if not block.startswith("#")]
    assert blocks
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert [item for item in locked(lock).values() if not str(item.specifier).startswith("==")] == []


def test_the_locks_fulfil_the_project() -> None:
    content = project()["project"]
    assert isinstance(content, dict)
    pins = locked("base")
    for wanted in map(Requirement, content["dependencies"]):
        version = str(pins[wanted.name].specifier).removeprefix("==")
        assert wanted.specifier.contains(version), wanted


@pytest.mark.parametrize("lock", ["build", "dev"])
def test_the_locks_agree_with_one_another(lock: str) -> None:
    base, other = locked("base"), locked(lock)
    shared = set(base) & set(other)
    assert shared
    assert {name for name in shared if base[name].specifier != other[name].specifier} == set()


def test_no_file_names_a_machine_or_a_package_host() -> None:
    found = []
    for path in tracked():
        text = path.read_bytes().decode(errors="ignore")
        found += [f"{path.relative_to(PROJECT)}: {match[0]}" for match in FOREIGN.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    ("line", "foreign"),
    [
        ("path = '/" + "work/main'", True),
        ("--find" + "-links /somewhere", True),
        ("https://files.python" + "hosted.org/packages", True),
        ("docker run -v data:/var/lib/relay", False),
        ("https://example.com/work/", False),
    ],
)
def test_what_counts_as_foreign(line: str, *, foreign: bool) -> None:
    assert bool(FOREIGN.search(line)) == foreign


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files in a wheel built from this tree, without reaching for an index."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    command += ["--wheel-dir", str(folder), str(PROJECT)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own command
    (built,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(built).namelist())


def test_the_wheel_holds_every_file_of_both_packages(wheel_names: set[str]) -> None:
    files = {path.relative_to(PROJECT).as_posix() for path in tracked()}
    ours = {name for name in files if name.startswith(("app/", "workers/"))}
    assert ours
    assert ours - wheel_names == set()


def test_the_wheel_brings_nothing_else(wheel_names: set[str]) -> None:
    assert {name.split("/")[0].partition("-")[0] for name in wheel_names} == {"app", "workers", "hubspot_relay"}


def test_the_wheel_brings_the_command_and_the_licence(wheel_names: set[str]) -> None:
    information = {name.partition("dist-info/")[2] for name in wheel_names}
    assert {"entry_points.txt", "licenses/LICENSE"} <= information


def imported() -> set[str]:
    """The top-level names that the code imports."""
    paths = [path for package in ("app", "workers") for path in (PROJECT / package).rglob("*.py")]
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    names = {each.name for node in nodes if isinstance(node, ast.Import) for each in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"app", "workers"}


def test_what_the_code_imports_is_declared() -> None:
    """What comes along only because something else needs it may stay away one day."""
    content = project()["project"]
    assert isinstance(content, dict)
    declared = {Requirement(line).name for line in content["dependencies"]}
    providers = packages_distributions()
    undeclared = {
        name for name in imported() if not declared & {each.lower().replace("_", "-") for each in providers[name]}
    }
    assert undeclared == set()
