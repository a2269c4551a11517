from __future__ import annotations

import pytest

from app.hubspot.addresses import Addresses, addresses, join
from tests.app.hubspot.conftest import settings

ROOT = "https://api.example.com"


def test_the_old_version_stands_in_front_of_the_name() -> None:
    versions = {f"hubspot_{api}_version": "v3" for api in ("channels", "conversations", "crm", "files", "oauth")}
    assert addresses(settings(ROOT, **versions)) == Addresses(
        channels=f"{ROOT}/conversations/v3/custom-channels",
        conversations=f"{ROOT}/conversations/v3/conversations",
        contacts=f"{ROOT}/crm/v3/objects/contacts",
        files=f"{ROOT}/files/v3/files",
        token=f"{ROOT}/oauth/v3/token",
    )


@pytest.mark.parametrize("version", ["2025-09", "2026-03", "2026-09", "2026-09-beta"])
def test_dated_versions_stand_behind_the_name(version: str) -> None:
    versions = {f"hubspot_{api}_version": version for api in ("channels", "conversations", "crm", "files", "oauth")}
    assert addresses(settings(ROOT, **versions)) == Addresses(
        channels=f"{ROOT}/conversations/custom-channels/{version}",
        conversations=f"{ROOT}/conversations/conversations/{version}",
        contacts=f"{ROOT}/crm/objects/{version}/contacts",
        files=f"{ROOT}/files/{version}/files",
        token=f"{ROOT}/oauth/{version}/token",
    )


def test_ids_cannot_leave_their_place_in_the_path() -> None:
    assert join(ROOT, "a/b", "?c", "..#", "ü") == f"{ROOT}/a%2Fb/%3Fc/..%23/%C3%BC"
