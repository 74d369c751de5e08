"""A log that never costs a request: lines wait in a short queue, and what cannot be written is counted and dropped."""

from __future__ import annotations

import logging
import logging.handlers
import os
import queue
import threading
import time
from pathlib import Path

import orjson
from prometheus_client import Counter

_WAITING = 1_000  # lines; a disk or a pipe that takes none holds no more than these
_LINE = 16_384  # characters of a message or a trace


class ServiceLog(logging.handlers.QueueHandler):
    """Writes log records as JSON lines, from a thread of its own.

    A full disk, a pipe that nobody reads and a file that is gone are the same to it: the record is lost, and counted.

    Parameters
    ----------
    path : pathlib.Path or None
        The file to append to, or None for standard error.
    lost : prometheus_client.Counter
        Counts the records that were lost.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """

    def __init__(self, path: Path | None, lost: Counter) -> None:
        self._lines: queue.Queue[logging.LogRecord | None] = queue.Queue(_WAITING)
        super().__init__(self._lines)
        self._lost = lost
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = 2 if path is None else os.open(path, flags, 0o640)
        self._thread = threading.Thread(target=self._write_all, name="service-log", daemon=True)
        self._thread.start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Leave a record as it is: the thread formats it.

        Parameters
        ----------
        record : logging.LogRecord
            What was logged.

        Returns
        -------
        logging.LogRecord
            The same.
        """
        return record

    def handleError(self, record: logging.LogRecord) -> None:
        """Count a record that was lost.

        Parameters
        ----------
        record : logging.LogRecord
            Which.
        """
        self._lost.inc()

    def finish(self, seconds: float = 2.0) -> None:
        """Write what waits, but wait no longer than this for whoever reads.

        Parameters
        ----------
        seconds : float
            How long.
        """
        end = time.monotonic() + seconds
        while self._thread.is_alive() and time.monotonic() < end:
            try:
                self._lines.put(None, timeout=0.1)
            except queue.Full:
                continue
            self._thread.join(max(0.0, end - time.monotonic()))

    def _write_all(self) -> None:
        while (record := self._lines.get()) is not None:
            try:
                line = self._line(record)
                if os.write(self._file, line) < len(line):
                    self._lost.inc()
            except Exception:  # whatever a log line meets, the service goes on
                self._lost.inc()

    def _line(self, record: logging.LogRecord) -> bytes:
        told: dict[str, object] = {
            "time": round(record.created, 3),
            "level": record.levelname,
            "process": record.process,
            "message": record.getMessage()[:_LINE],
        }
        if record.exc_info:
            told["trace"] = logging.Formatter().formatException(record.exc_info)[-_LINE:]
        return orjson.dumps(told, default=str) + b"\n"
