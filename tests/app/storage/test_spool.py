from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.storage.spool import ASIDE, DAMAGED, PROGRESS, Spool, SpoolClosed, progress
from app.storage.spool_survey import journals

#: Appends in four threads and says so after each; ends only by being killed.
APPENDER = """
import sys, threading
from pathlib import Path
from app.storage.spool import Spool
spool = Spool.create(Path(sys.argv[1]))
def loop(name):
    number = 0
    while True:
        content = f"{name}-{number}-" + "x" * (number * 37 % 5000)
        spool.append(content)
        sys.stdout.write(f"{name}-{number}\\n")
        sys.stdout.flush()
        number += 1
for name in "abcd":
    threading.Thread(target=loop, args=(name,)).start()
"""

#: Appends until the file may not grow any more, says what happened, makes room and appends again.
LIMITED = """
import resource, sys
from pathlib import Path
from app.storage.spool import Spool
spool = Spool.create(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
number = 0
try:
    while True:
        spool.append(f"{number}-" + "x" * 900)
        number += 1
except OSError as error:
    print(number, error.errno, spool.path.stat().st_size)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
spool.append("after")
"""


def start(program: str, folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603 - our own


@contextmanager
def adopted(folder: Path) -> Iterator[Spool]:
    """The only file of a folder, as whoever comes next takes it."""
    [path] = journals(folder)
    spool = Spool.adopt(path)
    assert spool is not None
    try:
        yield spool
    finally:
        spool.close()


def contents(spool: Spool) -> list[str]:
    """Everything that is not done, marked as done."""
    found = []
    while (record := spool.read()) is not None:
        found.append(record.content)
        spool.done(record)
    return found


def written(folder: Path, *records: str) -> Path:
    """A file that its process has left behind."""
    spool = Spool.create(folder)
    for one in records:
        spool.append(one)
    spool.close()
    return spool.path


def test_records_come_back_once_and_in_their_order(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path)
    spool.append("one")
    spool.append("two")
    assert contents(spool) == ["one", "two"]
    spool.append("three")
    assert contents(spool) == ["three"]
    assert spool.retire()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", [0, 1, 16_364, 16_365, 16_366, 131_072, 3_000_000])
def test_a_record_may_have_any_length(tmp_path: Path, length: int) -> None:
    written(tmp_path, "before", "x" * length, "after")
    with adopted(tmp_path) as spool:
        assert contents(spool) == ["before", "x" * length, "after"]


def test_a_record_that_is_not_done_is_read_again(tmp_path: Path) -> None:
    written(tmp_path, "one", "two", "three")
    with adopted(tmp_path) as spool:
        record = spool.read()
        assert record is not None
        spool.done(record)
        assert spool.read() == spool.read()
    with adopted(tmp_path) as spool:
        assert contents(spool) == ["two", "three"]


@pytest.mark.parametrize("nonsense", [b"", b"much", b"-1", b"99999999999999999999"])
def test_a_progress_that_cannot_be_read_costs_only_a_repetition(tmp_path: Path, nonsense: bytes) -> None:
    path = written(tmp_path, "one", "two")
    path.with_suffix(PROGRESS).write_bytes(nonsense)
    assert progress(path) == 0
    with adopted(tmp_path) as spool:
        assert contents(spool) == ["one", "two"]


def test_files_sort_by_the_time_of_their_making(tmp_path: Path) -> None:
    made = [written(tmp_path, "x") for _ in range(5)]
    assert journals(tmp_path) == made


def test_a_torn_record_is_recognised_wherever_it_was_torn(tmp_path: Path) -> None:
    path = written(tmp_path, "one", "two", "three")
    whole = path.read_bytes()
    last = len(whole) - len(whole.splitlines(keepends=True)[-1])
    for end in range(last, len(whole)):
        path.write_bytes(whole[:end])
        path.with_suffix(PROGRESS).unlink(missing_ok=True)
        with adopted(tmp_path) as spool:
            assert contents(spool) == ["one", "two"]
    adopt = Spool.adopt(path)
    assert adopt is not None
    assert contents(adopt) == []
    assert adopt.retire()
    assert list(tmp_path.iterdir()) == []


def test_every_damaged_byte_is_noticed_and_the_others_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, "one", "two", "three")
    whole = path.read_bytes()
    first, second, _ = whole.splitlines(keepends=True)
    for at in range(len(first), len(first) + len(second) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x01]) + whole[at + 1 :])
        path.with_suffix(PROGRESS).unlink(missing_ok=True)
        with adopted(tmp_path) as spool:
            assert contents(spool) == ["one", "three"]


def test_a_damaged_file_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path, "one", "two")
    damaged = path.read_bytes().replace(b"one", b"eno")
    path.write_bytes(damaged)
    spool = Spool.adopt(path)
    assert spool is not None
    assert contents(spool) == ["two"]
    assert spool.retire()
    [kept] = tmp_path.iterdir()
    assert (kept.suffix, kept.read_bytes()) == (DAMAGED, damaged)


def test_a_file_belongs_to_one_process_until_that_is_killed(tmp_path: Path) -> None:
    appender = start(APPENDER, tmp_path)
    try:
        assert appender.stdout is not None
        appender.stdout.readline()
        [path] = journals(tmp_path)
        assert Spool.adopt(path) is None
    finally:
        appender.kill()
        appender.communicate()
    with adopted(tmp_path) as spool:
        assert Spool.adopt(path) is None
        assert contents(spool)
    assert Spool.adopt(tmp_path / "gone.journal") is None


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 40, 300])
def test_what_was_reported_as_durable_survives_kill_9_of_its_process(tmp_path: Path, count: int) -> None:
    appender = start(APPENDER, tmp_path)
    assert appender.stdout is not None
    reported = [appender.stdout.readline().strip() for _ in range(count)]
    appender.send_signal(signal.SIGKILL)
    rest, _ = appender.communicate()
    reported += rest.splitlines() if rest.endswith("\n") else rest.splitlines()[:-1]
    with adopted(tmp_path) as spool:
        found = ["-".join(one.split("-")[:2]) for one in contents(spool)]
    assert len(found) == len(set(found))
    assert set(reported) <= set(found)
    for name in "abcd":
        mine = [one for one in found if one.startswith(name)]
        assert mine == [f"{name}-{number}" for number in range(len(mine))]


def test_a_full_disk_refuses_a_record_and_leaves_the_others_readable(tmp_path: Path) -> None:
    limited = start(LIMITED, tmp_path)
    said, _ = limited.communicate(timeout=30)
    assert limited.returncode == 0
    number, code, size = (int(word) for word in said.split())
    assert (code, size) == (errno.EFBIG, number * 921)
    with adopted(tmp_path) as spool:
        assert [one.split("-")[0] for one in contents(spool)] == [*map(str, range(number)), "after"]


def test_threads_that_wait_share_one_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, first, go, synced = Spool.create(tmp_path), threading.Event(), threading.Event(), []
    real = os.fsync

    def slow(descriptor: int) -> None:
        synced.append(descriptor)
        first.set()
        assert go.wait(10)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    threads = [threading.Thread(target=spool.append, args=(str(number),)) for number in range(20)]
    threads[0].start()
    assert first.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(spool._pending) < len(threads) - 1:  # noqa: SLF001 - nothing else tells that all wait
        assert threads[0].is_alive()
    go.set()
    for thread in threads:
        thread.join()
    assert len(synced) == 2
    found = contents(spool)
    assert (found[0], sorted(found, key=int)) == ("0", [str(number) for number in range(20)])
    assert spool.retire()


def test_after_a_failed_fsync_the_file_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.create(tmp_path)
    spool.append("one")

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Input/output"):
            spool.append("two")
    with pytest.raises(SpoolClosed):
        spool.append("three")
    assert contents(spool) == ["one"]
    assert spool.retire()


def test_where_a_half_written_record_cannot_be_removed_the_file_takes_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, write = Spool.create(tmp_path), os.write
    spool.append("one")

    def half(descriptor: int, data: memoryview) -> int:
        if len(data) < 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:-5])

    def fail(*_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "write", half)
        broken.setattr(os, "ftruncate", fail)
        with pytest.raises(OSError, match="No space"):
            spool.append("two")
    with pytest.raises(SpoolClosed):
        spool.append("three")
    spool.close()
    with adopted(tmp_path) as again:
        assert contents(again) == ["one"]


def test_a_file_with_something_left_is_not_removed(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path)
    spool.append("one")
    assert not spool.retire()
    assert contents(spool) == ["one"]
    assert spool.retire()
    with pytest.raises(SpoolClosed):
        spool.append("two")


def test_what_nobody_can_use_is_set_aside_in_the_same_form(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path)
    for one in ("good", "bad"):
        spool.append(one)
    good = spool.read()
    assert good is not None
    spool.done(good)
    bad = spool.read()
    assert bad is not None
    aside = spool.set_aside(bad)
    spool.done(bad)
    assert spool.retire()
    assert aside.suffix == ASIDE
    aside.rename(aside.with_suffix(".journal"))
    with adopted(tmp_path) as again:
        assert contents(again) == ["bad"]


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    path = written(tmp_path, "one")
    assert path.stat().st_mode & 0o077 == 0
