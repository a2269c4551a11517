"""The tasks. Each calls one function of ``app.relay`` and may run twice, late or never without harm."""

from __future__ import annotations

from app import logs
from app.doorbell import TASK_DRAIN_LANE, TASK_PREPARE_MEDIA
from app.relay.attachments.preparing import prepare
from app.relay.drain import drain
from app.storage.database import DatabaseAway
from workers.celery import Resident, app

log = logs.get_logger(__name__)


@app.task(name=TASK_DRAIN_LANE)
def drain_lane(lane_id: int) -> None:
    """Take a lane's messages in order."""
    try:
        drain(Resident.get(), lane_id)
    except DatabaseAway as error:
        log.warning("lane_left_to_the_scheduler", lane=lane_id, error=type(error).__name__)


@app.task(name=TASK_PREPARE_MEDIA)
def prepare_media(media_id: int) -> None:
    """Fetch an attachment, and put it where the other side gets it."""
    try:
        prepare(Resident.get(), media_id)
    except DatabaseAway as error:
        log.warning("media_left_to_the_scheduler", media=media_id, error=type(error).__name__)
