"""A line for each step: passed, failed or not tried, what was seen, and what to do."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from helpers.errors import CourseError

State = Literal["passed", "FAILED", "not tried"]


class Failed(Exception):
    """A step saw something that must not be."""

    def __init__(self, seen: str, todo: str) -> None:
        super().__init__(f"{seen} To do: {todo}")


class NotTried(Exception):
    """A step cannot be tried on this cluster."""


@dataclass(frozen=True)
class Line:
    """What came of a step.

    Attributes
    ----------
    step : str
        Its title.
    state : {"passed", "FAILED", "not tried"}
        How it went.
    said : str
        What was seen, and what to do; or why it was not tried.
    """

    step: str
    state: State
    said: str

    def __str__(self) -> str:
        return f"{self.state:>9}  {self.step}: {self.said}"


@dataclass
class Report:
    """All lines so far; each is handed on at once.

    Attributes
    ----------
    show : callable
        Takes each line as text.
    lines : list of Line
        In order.
    """

    show: Callable[[str], None] = print
    lines: list[Line] = field(default_factory=list)

    def add(self, step: str, state: State, said: str) -> None:
        """Write a line.

        Parameters
        ----------
        step, state, said
            As in :class:`Line`.
        """
        self.lines.append(Line(step, state, said))
        self.show(str(self.lines[-1]))

    def passed(self, *steps: str) -> bool:
        """Ask whether all of these steps have passed.

        Parameters
        ----------
        *steps : str
            Titles.

        Returns
        -------
        bool
            False where one failed or was not tried.
        """
        good = {each.step for each in self.lines if each.state == "passed"}
        return set(steps) <= good

    def run(self, step: str, function: Callable[[], str], needs: tuple[str, ...] = ()) -> None:
        """Run a step and write its line.

        Parameters
        ----------
        step : str
            Its title.
        function : callable
            Gives back what was seen, or raises :class:`Failed`, :class:`NotTried` or a CourseError.
        needs : tuple of str
            Steps without which this one means nothing.
        """
        lacking = [each for each in needs if not self.passed(each)]
        if lacking:
            self.add(step, "not tried", f"it needs '{lacking[0]}', which did not pass")
            return
        try:
            self.add(step, "passed", function())
        except NotTried as why:
            self.add(step, "not tried", str(why))
        except (Failed, CourseError) as error:
            self.add(step, "FAILED", str(error))
        except Exception as error:  # a cluster that answers in a way nobody thought of: the other steps still count
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            self.add(step, "FAILED", f"{type(error).__name__}: {error} ({where}). To do: mend the check, or tell us.")

    @property
    def status(self) -> int:
        """The exit status: 0 all passed, 1 something failed, 3 nothing failed and something was not tried."""
        states = {each.state for each in self.lines}
        return 1 if "FAILED" in states or not states else 3 if "not tried" in states else 0


@dataclass(frozen=True)
class Patience:
    """How long things are waited for.

    Attributes
    ----------
    timeout : float
        Seconds, for each thing.
    pause : float
        Seconds between two looks.
    """

    timeout: float = 300.0
    pause: float = 1.0

    def until(self, look: Callable[[], str | None], late: Callable[[], Exception]) -> str:
        """Look until there is something to tell. A look that the cluster refuses is one that was too early.

        Parameters
        ----------
        look : callable
            Gives back what was seen, or None as long as it is not yet so.
        late : callable
            Makes what is raised when time is up.

        Returns
        -------
        str
            What was seen.

        Raises
        ------
        Exception
            What `late` makes, or the last refusal.
        """
        end = time.monotonic() + self.timeout
        while True:
            is_late = time.monotonic() > end
            try:
                if (seen := look()) is not None:
                    return seen
            except CourseError:
                if is_late:
                    raise
            if is_late:
                raise late()
            time.sleep(self.pause)
