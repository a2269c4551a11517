"""The process that converts one file, and ends: ``python -m app.media.workshop.child JOB SOURCE TARGET REPORT``.

The last three are descriptors of open files, which have no names: whatever happens, nothing stays behind. Before it
looks at the file the process gives up what it does not need: memory and time beyond the caps, opening files and
sockets, and its place before others at the processor. A file that makes a library crash ends this process and no other.
"""

from __future__ import annotations

import math
import os
import resource
import sys
from typing import BinaryIO

from app.media.workshop import roads
from app.media.workshop.job import Caps, Job, Outcome, Refused, Report

#: Behind everything that answers somebody.
_NICE = 10
#: An interim result may be larger than the last one by this much.
_SLACK = 4


def main(arguments: list[str]) -> None:
    """Do the job and write the report."""
    job = Job.read(arguments[0])
    source, target, report = (int(one) for one in arguments[1:])
    _cap(job.caps, 8192 + _SLACK * job.bounds.bytes)
    answer = Report(Outcome.BROKEN)
    try:
        answer = _convert(job, os.fdopen(source, "rb"), os.fdopen(target, "r+b", buffering=0))
    except Refused as refused:
        answer = Report(refused.outcome, refused.hint, type(refused.__cause__ or refused).__name__)
    except MemoryError:
        answer = Report(Outcome.BOMB)
    except Exception as error:  # noqa: BLE001 - whatever a library says about a file it cannot read
        answer = Report(Outcome.BROKEN, detail=type(error).__name__)
    os.write(report, answer.write())


def _cap(caps: Caps, largest: int) -> None:
    """Limit this process for good. Native code that runs out of memory may abort it; that is meant."""
    seconds = math.ceil(caps.seconds)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (caps.memory, caps.memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    os.nice(_NICE)


def _convert(job: Job, source: BinaryIO, target: BinaryIO) -> Report:
    road = roads.find(job)
    # What is open stays open; nothing else can be opened, whatever a file talks a library into.
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    source.seek(0)
    done = road(job, source, target)
    if os.fstat(target.fileno()).st_size > job.bounds.bytes:
        raise Refused(Outcome.MISFIT)
    return done


if __name__ == "__main__":
    main(sys.argv[1:])
