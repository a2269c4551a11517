from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.media.store import FolderStore, MediaStore
from app.storage import stored_media
from app.storage.database import Database
from app.storage.stored_media import CHUNK, DatabaseStore

CONTENT = bytes(range(256)) * 4096 + b"the end"


@pytest.fixture(params=["folder", "database"])
def store(request: pytest.FixtureRequest, tmp_path: Path, migrated_sqlite_url: str) -> MediaStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    return _with_room(Database(migrated_sqlite_url))


def _with_room(database: Database) -> DatabaseStore:
    """A store whose first three numbers may be written."""
    with database.write() as connection:
        for _ in range(3):
            stored_media.begin(connection)
    return DatabaseStore(database)


def read(store: MediaStore, *where: int) -> bytes:
    return b"".join(store.read(1, *where))


def test_what_was_written_is_read(store: MediaStore) -> None:
    store.write(1, io.BytesIO(CONTENT))
    store.write(2, io.BytesIO(b"other"))
    assert read(store) == CONTENT
    assert all(len(piece) <= CHUNK for piece in store.read(1))


@pytest.mark.parametrize(
    ("start", "length"), [(0, 1), (1, CHUNK), (CHUNK - 1, 2), (CHUNK, CHUNK), (len(CONTENT) - 3, 100), (10**9, 1)]
)
def test_a_piece_is_read_from_anywhere(store: MediaStore, start: int, length: int) -> None:
    store.write(1, io.BytesIO(CONTENT))
    assert read(store, start, length) == CONTENT[start : start + length]


def test_what_was_written_in_part_is_written_anew(store: MediaStore) -> None:
    store.write(1, io.BytesIO(CONTENT))
    store.write(1, io.BytesIO(b"short"))
    assert read(store) == b"short"


def test_what_was_deleted_is_not_there(store: MediaStore) -> None:
    store.write(1, io.BytesIO(CONTENT))
    store.delete(1)
    store.delete(1)
    assert read(store) == b""


class _Torn(io.BytesIO):
    def __init__(self, raises: Callable[[], Exception]) -> None:
        super().__init__(CONTENT)
        self._raises = raises

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > CHUNK:
            raise self._raises()
        return super().read(size)


def test_half_a_file_has_no_name_in_a_folder(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    with pytest.raises(OSError, match="torn"):
        store.write(1, _Torn(lambda: OSError("torn")))
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_with_its_number(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    (tmp_path / ".1.abc").write_bytes(b"half")
    (tmp_path / ".12.abc").write_bytes(b"another's")
    store.delete(1)
    assert [one.name for one in tmp_path.iterdir()] == [".12.abc"]


def test_a_folder_that_cannot_be_written_to_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ConfigurationError, match=r"RELAY_MEDIA_STORE names .*file/media, which cannot be written to"):
        FolderStore(tmp_path / "file" / "media")
