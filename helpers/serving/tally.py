"""How many connections each worker has, seen by all: so that a new one goes to the worker that has the fewest."""

from __future__ import annotations

import mmap
from pathlib import Path

_BYTES = 4  # of a count
_NAME = "connections"


class Tally:
    """Counts in a file that all workers have in their memory; each writes its own.

    Parameters
    ----------
    folder : pathlib.Path
        Where :meth:`make` made the file.
    place : int
        Whose count this process writes.
    """

    def __init__(self, folder: Path, place: int) -> None:
        with (folder / _NAME).open("r+b") as file:
            self._counts = memoryview(mmap.mmap(file.fileno(), 0)).cast("i")
        self._place = place
        self._counts[place] = 0

    @staticmethod
    def make(folder: Path, workers: int) -> None:
        """Make the file, before the first worker is started.

        Parameters
        ----------
        folder : pathlib.Path
            Where.
        workers : int
            How many places there are.
        """
        (folder / _NAME).write_bytes(bytes(_BYTES * workers))

    def write(self, connections: int) -> None:
        """Say how many connections this worker has.

        Parameters
        ----------
        connections : int
            At least 0.
        """
        self._counts[self._place] = connections

    def another_has_fewer(self) -> bool:
        """Whether some other worker has fewer than this one.

        Returns
        -------
        bool
            As far as the others have said; one that has just died has said something, too.
        """
        return min(self._counts) < self._counts[self._place]
