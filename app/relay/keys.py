"""The keys that seal what is stored: which are in use, and sealing everything anew with the newest.

Works while everything runs, text by text, as long as every process has both keys. Afterwards the older ones can go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from app import logs
from app.errors import ConfigurationError
from app.relay.journal import FOLDER
from app.relay.services import Services
from app.storage import sealed
from app.storage.sealed import Sealed
from app.storage.spool_survey import survey as survey_journal

#: Rows may change while they are sealed anew; so often everything is looked through again.
_MOST_ROUNDS = 10

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class Survey:
    """What the keys seal now.

    ``newest`` is the id of the newest key, ``counts`` how many texts each key seals, ``closed`` why some cannot be
    opened, ``journal`` how many requests wait in this machine's journal, which an older key may have sealed.
    """

    newest: str
    counts: Mapping[str, int]
    closed: tuple[str, ...]
    journal: int

    @property
    def total(self) -> int:
        """How many sealed texts there are."""
        return sum(self.counts.values())

    @property
    def old(self) -> int:
        """How many of them another key than the newest has sealed."""
        return self.total - self.counts.get(self.newest, 0)

    @property
    def is_done(self) -> bool:
        """Whether the newest key alone opens everything."""
        return not (self.old or self.closed or self.journal)


def survey(services: Services) -> Survey:
    """Look at every sealed text."""
    with services.database.read() as connection:
        found = sealed.every(connection)
    closed = [f"{one.whose}: {trouble}" for one in found if (trouble := _trouble(services, one))]
    return Survey(
        newest=services.vault.ids[0],
        counts=Counter(services.vault.key_of(one.text) for one in found),
        closed=tuple(closed),
        journal=survey_journal(services.settings.data_dir / FOLDER).records,
    )


def rotate(services: Services) -> int:
    """Seal everything anew that an older key has sealed. Returns how many texts; what no key opens stays as it is.

    A text that changes meanwhile, because a token is refreshed, is left alone and looked at again.
    """
    done = 0
    for _ in range(_MOST_ROUNDS):
        with services.database.read() as connection:
            old = [one for one in sealed.every(connection) if services.vault.needs_resealing(one.text)]
        openable = [one for one in old if not _trouble(services, one)]
        if not openable:
            break
        done += sum(_seal_anew(services, one) for one in openable)
    log.info("secrets_sealed_anew", count=done)
    return done


def _seal_anew(services: Services, one: Sealed) -> bool:
    text = services.vault.seal(services.vault.open_sealed(one.text))
    with services.database.write() as connection:
        return sealed.replace(connection, one, text)


def _trouble(services: Services, one: Sealed) -> str:
    try:
        services.vault.open_sealed(one.text)
    except ConfigurationError as error:
        return str(error)
    return ""
