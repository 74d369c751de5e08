"""Ports that nothing else on this machine takes between being chosen and being listened on."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Container

# Below those that Linux (32768 up), macOS and Windows (49152 up) hand out by themselves. A kernel takes five of those
# and every connection one: with thirty servers starting at once, a port found free there is soon somebody else's.
PORTS = range(20000, 32768)


def free_port(besides: Container[int] = ()) -> int:
    """Choose a port of 127.0.0.1 that nobody listens on.

    Parameters
    ----------
    besides : container of int
        Ports that are promised to others.

    Returns
    -------
    int
        One of ``PORTS``.

    Raises
    ------
    OSError
        If there is none.
    """
    # The system's generator: whoever seeds Python's own would make two hubs choose the same ports in the same order.
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        if port not in besides:
            with contextlib.suppress(OSError):
                try_to_listen("127.0.0.1", port)
                return port
    raise OSError(f"no port of {PORTS.start} to {PORTS.stop - 1} on 127.0.0.1 is free: end what listens there")


def try_to_listen(address: str, port: int) -> None:
    """Take a port for a moment.

    Parameters
    ----------
    address : str
        A name or number of this machine.
    port : int
        1 to 65535.

    Raises
    ------
    OSError
        If it is taken, or not for this account.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))
