"""What students answer: for each exercise five wrong answers and three unusual right ones, one file a notebook.

Every file holds EXERCISES, a list of :class:`Exercise`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Exercise:
    """An exercise of a notebook and what its check must say.

    Attributes
    ----------
    notebook, number : str
        Such as ``"02_uncertainty"`` and ``"2.1"``.
    test : str
        Name of the function in the notebook that its check cell calls.
    right : sequence
        Answers that must pass: another algorithm, another type, another order.
    wrong : sequence of (object, str)
        Answers that must not, and words that the message must hold, because they say what is wrong.
    around : callable
        Makes the names that the test takes from the notebook.
    """

    notebook: str
    number: str
    test: str
    right: Sequence[Any]
    wrong: Sequence[tuple[Any, str]]
    around: Callable[[], dict[str, Any]] = field(default=dict)
