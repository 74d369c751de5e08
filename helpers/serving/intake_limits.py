"""What one worker of the service takes on, and how long it waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

_NUMBER_BYTES = 32  # of a number in JSON, comma and brackets included: Python writes at most 24 for a float
_ENVELOPE_BYTES = 16_384  # names, brackets, the parts of a form


@dataclass(frozen=True)
class Limits:
    """Limits of one worker. Whatever goes beyond one is answered with a problem, and nothing is buffered for it.

    Attributes
    ----------
    pictures : int
        Most pictures in one request of the Open Inference Protocol, and in one call of the engine.
    waiting : int
        Most requests that are being read or answered at once; one more gets 503 and ``Retry-After``.
    held_bytes : int
        Most bytes of bodies that are held at once, all requests together; beyond it, 503 and ``Retry-After``.
    connections : int
        Most open connections; more wait in the kernel's queue, or go to another worker.
    rate : float or None
        Requests a second that one client address may make of one worker, with as many in reserve; beyond it, 429. None
        where the service cannot tell clients apart (behind a proxy, all come from one address).
    head_bytes : int
        Most bytes of a request's line and headers.
    head_seconds, body_seconds : float
        How long a client may take to send the headers, and the body.
    idle_seconds : int
        How long a connection without a request stays open.
    linger_seconds : float
        How long a worker that was told to stop leaves idle connections open, for a request may be on its way there.
    stop_seconds : int
        How long a worker that was told to stop waits for what it has accepted.

    Raises
    ------
    ValueError
        If one of them is not above 0.
    """

    pictures: int = 32
    waiting: int = 256
    held_bytes: int = 64 * 2**20
    connections: int = 1024
    rate: float | None = None
    head_bytes: int = 32_768
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    idle_seconds: int = 30
    linger_seconds: float = 2.0
    stop_seconds: int = 20

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, got {value!r}")

    def body_bytes(self, shape: Sequence[int], pictures: int = 1) -> int:
        """Most bytes of a request's body: what so many pictures need in JSON, written as wide as Python writes them.

        Parameters
        ----------
        shape : sequence of int
            Height, width and channels of a picture.
        pictures : int
            How many there may be.

        Returns
        -------
        int
            Bytes.
        """
        return _ENVELOPE_BYTES + _NUMBER_BYTES * pictures * prod(shape)
