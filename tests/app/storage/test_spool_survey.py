from __future__ import annotations

from pathlib import Path

from app.storage.spool import Spool
from app.storage.spool_survey import Survey, survey, waiting_bytes


def test_where_there_is_no_folder_nothing_lies(tmp_path: Path) -> None:
    assert survey(tmp_path / "journal") == Survey(0, 0, 0, 0)


def test_what_is_done_waits_no_more_and_a_torn_record_is_none(tmp_path: Path) -> None:
    spools = [Spool.create(tmp_path) for _ in range(2)]
    for spool in spools:
        for content in ("one", "two", "six"):
            spool.append(content)
    line = 8 + 1 + 8 + 1 + 3 + 1
    first = spools[0].read()
    assert first is not None
    spools[0].set_aside(first)
    spools[0].done(first)
    with spools[1].path.open("ab") as file:
        file.write(b"torn")
    assert survey(tmp_path) == Survey(records=5, size=2 * line + 3 * line + 4, aside=1, damaged=0)
    assert waiting_bytes(tmp_path) == survey(tmp_path).size
    for spool in spools:
        spool.close()


def test_a_damaged_file_is_counted_once_it_is_put_away(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path)
    spool.append("one")
    spool.path.write_bytes(spool.path.read_bytes().replace(b"one", b"eno"))
    assert spool.read() is None
    assert spool.retire()
    assert survey(tmp_path) == Survey(records=0, size=0, aside=0, damaged=1)
