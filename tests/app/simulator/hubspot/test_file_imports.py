from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.app.simulator.receiver import Receiver, eventually
from tests.app.simulator.scene import Scene

FILES = "/files/2026-03/files"
IMPORT = f"{FILES}/import-from-url/async"
PICTURE = b"\x89PNG picture"


@pytest.fixture
def host(scene: Scene, receiver: Receiver) -> Receiver:
    """A file host from which HubSpot may import."""
    receiver.files = {"/cat.png": PICTURE}
    scene.sim("PUT", "/imports", {"hosts": [urlsplit(receiver.url).netloc]})
    return receiver


def order(scene: Scene, address: str, **changes: Any) -> Any:
    """The body of an order; None takes a field away."""
    body = {
        "url": address,
        "access": "PRIVATE",
        "folderPath": "/relay",
        "overwrite": False,
        "duplicateValidationScope": "EXACT_FOLDER",
        "duplicateValidationStrategy": "NONE",
        **changes,
    }
    return scene.call("POST", IMPORT, {name: value for name, value in body.items() if value is not None})


def ended(scene: Scene, answer: Any) -> Any:
    """What the task says once it is over."""
    assert answer.status_code == 202, answer.text
    status = urlsplit(answer.json()["links"]["status"]).path
    assert scene.call("GET", status).json()["status"] == "PENDING"
    over = {"COMPLETE", "CANCELED"}
    eventually(lambda: scene.call("GET", status).json()["status"] in over)
    return scene.call("GET", status).json()


def test_a_file_is_imported_from_its_address(scene: Scene, host: Receiver) -> None:
    task = ended(scene, order(scene, f"{host.url}/cat.png"))
    assert task["status"] == "COMPLETE"
    assert (task["result"]["name"], task["result"]["size"]) == ("cat", len(PICTURE))
    assert scene.call("GET", f"{FILES}/{task['result']['id']}").status_code == 200


@pytest.mark.parametrize("what", ["/missing.png", "elsewhere", "canceled", "errors"])
def test_a_task_may_be_over_without_a_file(scene: Scene, host: Receiver, what: str) -> None:
    if what in {"canceled", "errors"}:
        scene.world.switch(import_outcome=what)
    url = "http://127.0.0.1:9/cat.png" if what == "elsewhere" else host.url + (what if what[0] == "/" else "/cat.png")
    task = ended(scene, order(scene, url))
    assert task["status"] == ("CANCELED" if what == "canceled" else "COMPLETE")
    assert "result" not in task
    assert ("errors" in task) is (what != "canceled")
    assert scene.world.hubspot.files == {}


@pytest.mark.parametrize(
    ("change", "files", "result"),
    [
        ({"duplicateValidationStrategy": "NONE"}, 2, "another"),
        ({"duplicateValidationStrategy": "RETURN_EXISTING"}, 1, "first"),
        ({"duplicateValidationStrategy": "REJECT"}, 1, "none"),
        ({"overwrite": True}, 1, "another"),
    ],
)
def test_what_becomes_of_a_duplicate(
    scene: Scene, host: Receiver, change: dict[str, Any], files: int, result: str
) -> None:
    first = ended(scene, order(scene, f"{host.url}/cat.png"))["result"]["id"]
    second = ended(scene, order(scene, f"{host.url}/cat.png", **change))
    assert len(scene.world.hubspot.files) == files
    found = second.get("result", {}).get("id")
    assert {first: "first", None: "none"}.get(found, "another") == result
    assert bool(second.get("errors")) is (result == "none")


def test_the_document_asks_for_more_than_the_reference(scene: Scene, host: Receiver) -> None:
    assert order(scene, f"{host.url}/cat.png", overwrite=None).status_code == 202
    scene.world.switch(import_strict=True)
    refused = order(scene, f"{host.url}/cat.png", overwrite=None)
    assert refused.status_code == 400
    assert "[overwrite]" in refused.json()["message"]


@pytest.mark.parametrize("change", [{"url": None}, {"access": None}, {"folderPath": None}, {"ttl": "PT1H"}])
def test_orders_that_are_refused(scene: Scene, host: Receiver, change: dict[str, Any]) -> None:
    assert order(scene, f"{host.url}/cat.png", **change).status_code == 400


def test_a_task_belongs_to_its_portal(scene: Scene, host: Receiver) -> None:
    status = urlsplit(order(scene, f"{host.url}/cat.png").json()["links"]["status"]).path
    scene.sim("POST", "/portals", {"id": "47"})
    scene.token = scene.sim("POST", "/tokens", {"portal": "47"})["accessToken"]
    assert scene.call("GET", status).status_code == 404
