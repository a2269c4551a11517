from __future__ import annotations

import io
import json
import socket
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from app.errors import HubSpotUnavailable, MessageInvalid, OutcomeUnknown, ResponseUnexpected, ServiceUnavailable
from app.http import AddressRefused, Http, TooLarge
from tests.app.http.scripted import ScriptedServer, Visit, certificate, echo

#: A call may end so much after its deadline (seconds): the machine has other things to do. Without one it takes 20 s.
GRACE = 1.5


def slow_headers(visit: Visit) -> None:
    visit.read()
    visit.drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000, 0.02)


def slow_body(visit: Visit) -> None:
    visit.read()
    visit.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    visit.drip(b"x" * 1000, 0.02)


def silence(visit: Visit) -> None:
    visit.read()
    visit.ending.wait(20)


def never_reads(visit: Visit) -> None:
    visit.ending.wait(20)


def reset_after_reading(visit: Visit) -> None:
    visit.read()
    visit.reset()


def close_after_reading(visit: Visit) -> None:
    visit.read()


def half_an_answer(visit: Visit) -> None:
    visit.read()
    visit.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")


def not_http(visit: Visit) -> None:
    visit.read()
    visit.sock.sendall(b"-ERR what?\r\n\r\n")


@pytest.mark.parametrize("script", [slow_headers, slow_body, silence])
def test_one_deadline_bounds_a_whole_call(http: Http, script: object) -> None:
    with ScriptedServer(script) as server:  # type: ignore[arg-type]  # pytest hands functions as objects
        started = time.monotonic()
        with pytest.raises(OutcomeUnknown, match=r"127\.0\.0\.1 did not finish its answer in time"):
            http.request("POST", server.url, json={}, timeout=0.4)
    assert 0.4 <= time.monotonic() - started < 0.4 + GRACE


def test_the_deadline_bounds_writing_too(http: Http) -> None:
    with ScriptedServer(never_reads) as server:
        started = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            http.request("POST", server.url, content=b"x" * 20_000_000, timeout=0.4)
    assert time.monotonic() - started < 0.4 + GRACE


def slow_at_first(visit: Visit) -> None:
    visit.read()
    visit.ending.wait(0.6)
    visit.answer(b"late")
    echo(visit)


def test_the_same_client_may_wait_longer_for_a_large_file(http: Http) -> None:
    hasty = http.lasting(0.2)
    with ScriptedServer(slow_at_first) as server:
        with pytest.raises(OutcomeUnknown):
            hasty.request("POST", server.url, json={})
        patient = hasty.lasting(10)
        assert patient.request("POST", server.url, json={}).text == "late"
        assert http.request("POST", server.url, json={}).status == 200, "the connection is kept for all of them"
        assert server.connections == 2


@pytest.mark.parametrize("script", [reset_after_reading, close_after_reading, half_an_answer, not_http])
def test_a_request_that_was_written_may_have_arrived(http: Http, script: object) -> None:
    with ScriptedServer(script) as server, pytest.raises(OutcomeUnknown, match="may have arrived"):  # type: ignore[arg-type]
        http.request("POST", f"{server.url}/secret-path", json={})


def test_a_refused_connection_is_of_the_class_that_the_caller_names(http: Http) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(HubSpotUnavailable, match="Connection refused"):
        http.request("GET", f"http://127.0.0.1:{port}/", unavailable=HubSpotUnavailable)


def test_hints_never_name_the_path(http: Http) -> None:
    with ScriptedServer(reset_after_reading) as server, pytest.raises(OutcomeUnknown) as caught:
        http.request("POST", f"{server.url}/bot123:token/send")
    assert "token" not in caught.value.hint + str(caught.value.detail)


def test_a_certificate_that_is_not_trusted_is_transient(http: Http, tmp_path: Path) -> None:
    served, _ = certificate(tmp_path)
    refusal = pytest.raises(ServiceUnavailable, match="certificate that is not accepted")
    with ScriptedServer(echo, tls=served) as server, refusal:
        http.request("POST", server.url)


def test_a_tls_handshake_that_is_not_answered_ends_in_time(http: Http) -> None:
    with ScriptedServer(never_reads) as server:
        started = time.monotonic()
        with pytest.raises(ServiceUnavailable, match="TLS handshake in time"):
            http.request("POST", server.url.replace("http:", "https:"), timeout=0.4)
    assert time.monotonic() - started < 0.4 + GRACE


def test_a_server_without_tls_is_transient(http: Http) -> None:
    def hello(visit: Visit) -> None:
        visit.sock.sendall(b"220 mail.example\r\n")

    with ScriptedServer(hello) as server, pytest.raises(ServiceUnavailable, match="TLS"):
        http.request("POST", server.url.replace("http:", "https:"))


def test_tls_checks_the_name_although_the_address_is_pinned(tmp_path: Path) -> None:
    served, trusted = certificate(tmp_path, "media.example")
    http = Http(tls=trusted, resolver=lambda _host, _port: ["127.0.0.1"], allowed_private_hosts=["Media.Example"])
    with ScriptedServer(echo, tls=served) as server:
        answer = http.request("GET", f"https://media.example:{server.port}/x", public_only=True)
        with pytest.raises(ServiceUnavailable, match="certificate"):
            http.request("GET", f"https://other.example:{server.port}/x")
    http.close()
    assert f"Host: media.example:{server.port}".encode() in answer.body


def test_an_answer_is_frozen_with_lower_case_headers(http: Http) -> None:
    with ScriptedServer(echo) as server:
        answer = http.request("post", f"{server.url}/a?x=1", params={"y": "2 3"}, json={"k": "ö"})
    head, _, body = answer.body.partition(b"\r\n\r\n")
    assert answer.status == 200
    assert answer.headers["x-answer"] == "One, two"
    assert head.startswith((b"POST /a?x=1&y=2+3 HTTP/1.1\r\n", b"POST /a?x=1&y=2%203 HTTP/1.1\r\n"))
    assert json.loads(body) == {"k": "ö"}
    assert 0 < answer.elapsed < 5


def test_forms_and_open_files_are_sent(http: Http, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8" + b"p" * 300_000)
    with ScriptedServer(echo) as server:
        form = http.request("POST", server.url, data={"grant_type": "refresh_token", "a": "b c"})
        with path.open("rb") as file:
            upload = http.request(
                "POST", server.url, data={"folder": "/relay"}, files={"file": ("fötö.jpg", file, "image/jpeg")}
            )
    assert form.body.endswith(b"grant_type=refresh_token&a=b+c")
    assert path.read_bytes() in upload.body
    assert b"image/jpeg" in upload.body
    assert b'name="folder"' in upload.body


def test_own_headers_replace_ours(http: Http) -> None:
    with ScriptedServer(echo) as server:
        answer = http.request("GET", server.url, headers={"User-Agent": "other", "Authorization": "Bearer x"})
    assert answer.body.lower().count(b"user-agent") == 1
    assert b"Bearer x" in answer.body


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "tökenå\u2603"])
def test_a_header_that_cannot_be_written_is_final(http: Http, value: str) -> None:
    with ScriptedServer(echo) as server, pytest.raises(MessageInvalid):
        http.request("GET", server.url, headers={"Authorization": value})


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "file:///etc/passwd", "//nowhere", "http://", "http://[::1", ""])
def test_only_http_addresses_are_called(http: Http, url: str) -> None:
    with pytest.raises(AddressRefused):
        http.request("GET", url)


def test_proxies_of_the_environment_are_not_used(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with ScriptedServer(echo) as server:
        assert http.request("GET", server.url).status == 200


def test_a_body_over_the_limit_is_refused(http: Http) -> None:
    def chunked(visit: Visit) -> None:
        visit.read()
        visit.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not visit.ending.is_set():
            visit.sock.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    with ScriptedServer(chunked) as server, pytest.raises(TooLarge, match=r"more than 100,000 bytes"):
        http.request("GET", server.url, limit=100_000)


def test_a_head_request_may_announce_more_than_the_limit(http: Http) -> None:
    def head(visit: Visit) -> None:
        visit.read()
        visit.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")

    with ScriptedServer(head) as server:
        assert http.request("HEAD", server.url, limit=10).headers["content-length"] == "1000000"


# Downloads


def test_a_download_goes_to_its_target(http: Http) -> None:
    target = io.BytesIO()
    with ScriptedServer(lambda visit: visit.answer(b"x" * visit.read().count(b"\r\n") * 100_000)) as server:
        answer = http.download(server.url, target, limit=10_000_000)
    assert answer.body == b""
    assert len(target.getvalue()) == int(answer.headers["content-length"]) > 0


def test_a_download_into_a_spooled_file_is_never_in_memory_whole(http: Http) -> None:
    def give(visit: Visit) -> None:
        visit.read()
        visit.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n")
        for _ in range(128):
            visit.sock.sendall(bytes(262_144))

    with ScriptedServer(give) as server, tempfile.SpooledTemporaryFile(1_000_000) as target:
        tracemalloc.start()
        try:
            http.download(server.url, cast("BinaryIO", target), limit=2**26)
            assert tracemalloc.get_traced_memory()[1] < 6_000_000
        finally:
            tracemalloc.stop()
        assert target.tell() == 2**25


def test_a_download_over_its_limit_writes_nothing_where_the_size_is_told(http: Http) -> None:
    target = io.BytesIO()
    script = lambda visit: visit.answer(b"x" * 2000 * bool(visit.read()))  # noqa: E731 - read once
    with ScriptedServer(script) as server, pytest.raises(TooLarge):
        http.download(server.url, target, limit=1000)
    assert target.getvalue() == b""


def test_a_refused_download_returns_its_reason_and_writes_nothing(http: Http) -> None:
    def refuse(visit: Visit) -> None:
        visit.read()
        visit.answer(b"x" * 100_000, status="404 Not Found")

    target = io.BytesIO()
    with ScriptedServer(refuse) as server:
        answer = http.download(server.url, target, limit=10)
    assert (answer.status, len(answer.body), target.getvalue()) == (404, 64_000, b"")


@pytest.mark.parametrize("script", [half_an_answer, reset_after_reading])
def test_a_download_that_breaks_is_transient(http: Http, script: object) -> None:
    with ScriptedServer(script) as server, pytest.raises(ServiceUnavailable):  # type: ignore[arg-type]
        http.download(server.url, io.BytesIO(), limit=10_000)


# Redirects


def redirecting(*locations: str) -> ScriptedServer:
    """Redirect to each location in turn, then echo."""
    left = list(locations)

    def script(visit: Visit) -> None:
        while request := visit.read():
            if left:
                visit.answer(status="302 Found", headers=(f"Location: {left.pop(0)}",))
            else:
                visit.answer(request)

    return ScriptedServer(script)


def test_redirects_are_answers_unless_they_are_to_be_followed(http: Http) -> None:
    with redirecting("/next") as server:
        answer = http.request("GET", server.url)
    assert (answer.status, answer.headers["location"]) == (302, "/next")


def test_redirects_are_followed_and_keep_the_headers_at_home(http: Http) -> None:
    with redirecting("/one", "two?x=1") as server:
        answer = http.request("GET", server.url, headers={"Authorization": "Bearer x"}, follow=2)
    assert answer.body.startswith(b"GET /two?x=1 ")
    assert b"Bearer x" in answer.body


def test_another_origin_gets_no_headers(http: Http) -> None:
    with ScriptedServer(echo) as other, redirecting(f"{other.url}/x") as server:
        answer = http.request("GET", server.url, headers={"Authorization": "Bearer x", "X-Key": "y"}, follow=1)
    assert answer.status == 200
    assert b"Bearer x" not in answer.body
    assert b"X-Key" not in answer.body.replace(b"x-key", b"X-Key")


def test_too_many_redirects_are_final(http: Http) -> None:
    with redirecting("/1", "/2", "/3") as server, pytest.raises(ResponseUnexpected, match="more often than 2 times"):
        http.request("GET", server.url, follow=2)


def test_only_reading_calls_follow(http: Http) -> None:
    with redirecting("/next") as server:
        assert http.request("POST", server.url, json={}, follow=3).status == 302


# Public addresses only


def test_private_addresses_are_refused_before_anything_is_sent() -> None:
    asked: list[str] = []

    def resolver(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    http = Http(resolver=resolver)
    with ScriptedServer(echo) as server:
        for host in ("media.example", "127.0.0.1"):
            with pytest.raises(AddressRefused, match="RELAY_ALLOWED_PRIVATE_HOSTS"):
                http.request("GET", f"http://{host}:{server.port}/", public_only=True)
        assert server.connections == 0
    http.close()
    assert asked == ["media.example"]


def test_a_redirect_to_a_private_address_is_refused() -> None:
    http = Http(allowed_private_hosts=["127.0.0.1"], resolver=lambda _host, _port: ["127.0.0.1"])
    with ScriptedServer(echo) as inner, redirecting(f"http://inner.example:{inner.port}/") as server:
        with pytest.raises(AddressRefused, match=r"inner\.example is not a public address"):
            http.download(server.url, io.BytesIO(), limit=1000, follow=3, public_only=True)
        assert inner.connections == 0
    http.close()


def test_a_connection_made_without_the_check_is_not_used_with_it(http: Http) -> None:
    with ScriptedServer(echo) as server:
        assert http.request("GET", server.url).status == 200
        with pytest.raises(AddressRefused):
            http.request("GET", server.url, public_only=True)
