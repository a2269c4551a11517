"""Where bytes wait that messaging services are given: the database, or a folder that all machines share."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from app.errors import ConfigurationError

#: Bytes that are read at once.
_PIECE: Final = 262_144


class MediaStore(Protocol):
    """Keeps bytes by number. Every web and worker process of every machine has the same."""

    def write(self, stored_id: int, source: BinaryIO) -> None:
        """Keep all of a file, from its position on; one that was written in part is written anew."""

    def read(self, stored_id: int, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield ``length`` bytes from ``start`` on, all that follow where it is None; fewer where they end before."""

    def delete(self, stored_id: int) -> None:
        """Delete the bytes; those that are not there are deleted already."""


class FolderStore:
    """Keeps each file in a folder, by a temporary name until it is whole and on the disk."""

    def __init__(self, folder: Path) -> None:
        """Make the folder where it is missing, and try it.

        Raises:
            ConfigurationError: it cannot be written to.
        """
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise ConfigurationError(
                f"RELAY_MEDIA_STORE names {folder}, which cannot be written to ({error.strerror}): give it to the "
                "user of web and workers, or set `database`."
            ) from error

    def write(self, stored_id: int, source: BinaryIO) -> None:
        """See ``MediaStore``."""
        part = self._folder / f".{stored_id}.{uuid.uuid4().hex}"
        try:
            with part.open("xb") as target:
                shutil.copyfileobj(source, target, _PIECE)
                target.flush()
                os.fsync(target.fileno())
            part.replace(self._path(stored_id))
        finally:
            part.unlink(missing_ok=True)
        self._sync()

    def read(self, stored_id: int, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See ``MediaStore``."""
        try:
            file = self._path(stored_id).open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(start)
            left = length
            while piece := file.read(_PIECE if left is None else min(_PIECE, left)):
                yield piece
                left = None if left is None else left - len(piece)

    def delete(self, stored_id: int) -> None:
        """See ``MediaStore``. What a killed process left half written goes with it."""
        for path in (self._path(stored_id), *self._folder.glob(f".{stored_id}.*")):
            path.unlink(missing_ok=True)

    def _path(self, stored_id: int) -> Path:
        return self._folder / str(stored_id)

    def _sync(self) -> None:
        """Let the new name outlive a power cut."""
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
