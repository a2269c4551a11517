from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.simulator.hubspot.state import Access
from tests.app.simulator.scene import MESSAGES, Scene, message

BASES = ["/files/v3/files", "/files/2026-03/files"]
FILES = "/files/2026-03/files"


def upload(
    scene: Scene, path: str = FILES, *, options: Any = None, name: str = "cat.png", **form: str
) -> httpx.Response:
    fields = {"options": json.dumps(options or {"access": "PRIVATE"}), "folderPath": "/relay", **form}
    return scene.call(
        "POST",
        path,
        files={"file": (name, b"\x89PNG", "image/png")},
        data={key: value for key, value in fields.items() if value},
    )


@pytest.mark.parametrize("base", BASES)
def test_an_upload_can_be_read_and_deleted(scene: Scene, base: str) -> None:
    made = upload(scene, base)
    assert made.status_code == 201
    body = made.json()
    assert (body["name"], body["extension"], body["size"], body["type"]) == ("cat", "png", 4, "IMG")
    assert (body["access"], body["path"]) == ("PRIVATE", "/relay/cat.png")
    one = f"{base}/{body['id']}"
    assert scene.call("GET", one).json() == body
    assert scene.call("DELETE", one).status_code == 204
    assert scene.call("GET", one).status_code == 404


def test_a_private_file_opens_only_by_a_signed_address(scene: Scene) -> None:
    body = upload(scene).json()
    assert scene.client.get(body["url"]).status_code == 404
    signed = scene.call("GET", f"{FILES}/{body['id']}/signed-url", params={"expirationSeconds": 60}).json()
    opened = scene.client.get(signed["url"])
    assert (opened.content, opened.headers["Content-Type"]) == (b"\x89PNG", "image/png")
    scene.world.advance(61)
    assert scene.client.get(signed["url"]).status_code == 404


def test_a_public_file_opens_by_an_address_that_cannot_be_guessed(scene: Scene) -> None:
    body = upload(scene, options={"access": "PUBLIC_NOT_INDEXABLE"}).json()
    assert scene.client.get(body["url"]).content == b"\x89PNG"
    *front, secret, name = body["url"].split("/")
    assert scene.client.get("/".join([*front, "0" * len(secret), name])).status_code == 404


def test_a_bearer_at_the_file_host_is_noticed(scene: Scene) -> None:
    body = upload(scene, options={"access": Access.PUBLIC_INDEXABLE}).json()
    scene.client.get(body["url"])
    assert scene.sim("GET", "/assertions")["bearer_at_file_host"] == 0
    scene.call("GET", body["url"])
    assert scene.sim("GET", "/assertions")["bearer_at_file_host"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"folderPath": ""},
        {"folderId": "7"},
        {"options": {"access": "SECRET"}},
        {"options": {"ttl": "P1D"}},
        {"options": {"access": "PRIVATE", "ttl": "PT1H"}},
        {"options": {"access": "PRIVATE", "ttl": "P2Y"}},
        {"options": ["PRIVATE"]},
    ],
)
def test_uploads_that_are_refused(scene: Scene, change: dict[str, Any]) -> None:
    assert upload(scene, **change).status_code == 400
    assert scene.world.hubspot.files == {}


def test_an_upload_needs_its_parts(scene: Scene) -> None:
    assert scene.call("POST", FILES, data={"options": "{}"}).status_code == 400
    two = [("file", ("a", b"1")), ("file", ("b", b"2"))]
    assert scene.call("POST", FILES, files=two, data={"options": "{}"}).status_code == 400
    one = {"file": ("a", b"1")}
    assert scene.call("POST", FILES, files=one, data={"options": "{", "folderPath": "/"}).status_code == 400


def test_a_file_that_is_too_large(scene: Scene) -> None:
    scene.world.switch(file_size_limit=3)
    assert upload(scene).status_code == 413


def test_a_file_dies_with_its_ttl(scene: Scene) -> None:
    file_id = upload(scene, options={"access": "PRIVATE", "ttl": "P1D"}).json()["id"]
    scene.world.advance(86_401)
    scene.token = scene.issue()
    assert scene.call("GET", f"{FILES}/{file_id}").status_code == 404


@pytest.mark.parametrize(("file_id", "status"), [("0", 400), ("x", 400), ("99", 404)])
def test_ids_of_no_file(scene: Scene, file_id: str, status: int) -> None:
    assert scene.call("GET", f"{FILES}/{file_id}").status_code == status


def test_messages_carry_uploaded_files(scene: Scene) -> None:
    file_id = upload(scene).json()["id"]
    attachment = {"type": "FILE", "fileId": file_id, "fileUsageType": "IMAGE"}
    published = scene.publish("", attachments=[attachment])
    assert published["attachments"] == [{**attachment, "name": "cat.png"}]


def test_files_belong_to_their_portal(scene: Scene) -> None:
    file_id = upload(scene).json()["id"]
    scene.sim("POST", "/portals", {"id": "4700002"})
    scene.token = scene.issue("4700002")
    assert scene.call("GET", f"{FILES}/{file_id}").status_code == 404


@pytest.mark.parametrize(
    ("usage", "status"), [("IMAGE", 400), ("OTHER", 400), ("STICKER", 201), ("VOICE_RECORDING", 201), (None, 201)]
)
def test_the_usage_type_fault_of_2024(scene: Scene, usage: str | None, status: int) -> None:
    scene.world.switch(file_usage_types="voice_and_sticker")
    file_id = upload(scene).json()["id"]
    attachment = {"type": "FILE", "fileId": file_id, **({"fileUsageType": usage} if usage else {})}
    answer = scene.call("POST", MESSAGES, message(attachments=[attachment]))
    assert answer.status_code == status
    if status == 400:
        assert "allowed types are" in answer.json()["message"]


def test_incoming_files_can_be_held_to_the_channels_limits(scene: Scene) -> None:
    scene.world.switch(attachment_limits_strict=True)
    attachments = [{"type": "FILE", "fileId": upload(scene).json()["id"]} for _ in range(11)]
    assert scene.call("POST", MESSAGES, message(attachments=attachments)).status_code == 400
    scene.publish(attachments=attachments[:10])


def test_files_are_found_by_name_and_by_path(scene: Scene) -> None:
    body = upload(scene).json()
    found = scene.call("GET", "/files/2026-09/files/search", params={"name": "cat"}).json()
    assert [one["id"] for one in found["results"]] == [body["id"]]
    assert scene.call("GET", f"{FILES}/search", params={"name": "dog"}).json()["total"] == 0
    assert scene.call("GET", f"{FILES}/stat/relay/cat.png").json() == {"file": body}
    missing = scene.call("GET", f"{FILES}/stat/relay/dog.png")
    assert (missing.status_code, missing.json()["message"]) == (404, "No file or folder exists at path")


def test_the_download_is_published_in_some_versions_only(scene: Scene) -> None:
    file = upload(scene).json()["id"]
    assert scene.call("GET", f"/files/v3/files/{file}/download").content == b"\x89PNG"
    assert scene.call("GET", f"{FILES}/{file}/download").status_code == 404
