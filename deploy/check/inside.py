"""What runs in the pods that ask: mounted beside ``helpers/serving/load.py``, run by the service's own image.

``ask URL`` tries an address again and again; ``load ADDRESS RATE SECONDS`` asks for a prediction until there is one,
then keeps asking at that rate: on the same connections for so many seconds, then on new ones. Each writes a line of
JSON for each try or stretch of time, and goes on until its pod is removed: who reads the log needs no way into the pod.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

_PATIENCE = 3.0  # seconds for one try
_PAUSE = 0.5
_CONNECTIONS = 8  # so many that the pod which is ended has some of them


def asked(url: str, body: bytes | None = None) -> dict[str, Any]:
    """Ask once.

    Parameters
    ----------
    url : str
        What.
    body : bytes, optional
        JSON to POST.

    Returns
    -------
    dict
        ``status`` (0 where nobody answered), ``seen`` (what went wrong) and ``answer`` (JSON, or None).
    """
    request = urllib.request.Request(url, body, {"content-type": "application/json"} if body else {})
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as response:
            return {"status": response.status, "seen": "answered", "answer": json.loads(response.read())}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "seen": error.read(400).decode(errors="replace"), "answer": None}
    except (OSError, ValueError) as error:  # no connection, no answer in time, or no JSON
        return {"status": 0, "seen": f"{type(error).__name__}: {error}", "answer": None}


def picture(contract: dict[str, Any]) -> bytes:
    """Make a grey picture of the size that the service's own contract asks for.

    Parameters
    ----------
    contract : dict
        What ``/openapi.json`` says.

    Returns
    -------
    bytes
        A body for ``/predict``.
    """
    sizes, inner = [], contract["components"]["schemas"]["Picture"]["properties"]["image"]
    while inner.get("type") == "array":
        sizes.append(inner["minItems"])
        inner = inner["items"]
    value: Any = 0.5
    for size in reversed(sizes):
        value = [value] * size
    return json.dumps({"image": value}).encode()


def ask(url: str) -> None:
    """Try an address for ever, a line each time.

    Parameters
    ----------
    url : str
        What is asked.
    """
    while True:
        _say({"try": asked(url)})
        time.sleep(_PAUSE)


def load(address: str, rate: float, seconds: float) -> None:
    """Ask for a prediction until there is one, then for ever at a steady rate.

    Parameters
    ----------
    address : str
        ``http://host:port``.
    rate : float
        Requests a second.
    seconds : float
        How long connections are kept; a line is written each time.
    """
    body = b""
    while True:
        first = asked(f"{address}/openapi.json")
        if first["status"] == 200:
            body = picture(first["answer"])
            first = asked(f"{address}/predict", body)
        _say({"try": first})
        if first["status"] == 200:
            break
        time.sleep(_PAUSE)
    while True:
        _say({"stretch": stretch(f"{address}/predict", body, rate, seconds)})


def stretch(url: str, body: bytes, rate: float, seconds: float) -> dict[str, Any]:
    """Put a steady load on an address for a while.

    Parameters
    ----------
    url : str
        What is asked.
    body : bytes
        What is POSTed.
    rate : float
        Requests a second.
    seconds : float
        For how long.

    Returns
    -------
    dict
        ``answered``, ``lost`` (no whole answer), ``statuses`` (as text, to how many) and ``slowest`` (seconds).
    """
    from helpers.errors import CourseError

    generator = importlib.import_module("load")  # the file beside this one: the image has none of its own
    try:
        came = generator.open_loop(url, body, rate=rate, seconds=seconds, connections=_CONNECTIONS)
    except CourseError:  # not even connected
        time.sleep(seconds)
        return {"answered": 0, "lost": max(1, round(rate * seconds)), "statuses": {}, "slowest": 0.0}
    statuses = {str(status): count for status, count in came.statuses.items()}
    slowest = max(came.latencies.tolist(), default=0.0)
    return {"answered": came.requests, "lost": came.errors, "statuses": statuses, "slowest": round(slowest, 3)}


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    if sys.argv[1] == "ask":
        ask(sys.argv[2])
    else:
        load(sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
