"""A student's browser in code: log in to a hub, start a server, compute in a kernel."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import requests
import websocket

from helpers.errors import HubError

# What the server and its kernels hold, shared pages by their part; runs in the kernel, whose parent is the server.
_MEMORY = """
import psutil as _p
_all = [_p.Process().parent(), *_p.Process().parent().children(recursive=True)]
print(sum(_one.memory_full_info().pss for _one in _all))
"""
_PEAK = "import resource as _r; print(_r.getrusage(_r.RUSAGE_SELF).ru_maxrss * 1024)"


class Person:
    """Somebody who uses a hub.

    Parameters
    ----------
    url : str
        The hub's address, such as ``http://127.0.0.1:8000``.
    name : str
        The name to log in with.
    """

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        self.session = requests.Session()
        self.token = ""

    def log_in(self, password: str) -> None:
        """Fill in the form of the log-in page.

        Parameters
        ----------
        password : str
            What is typed.

        Raises
        ------
        HubError
            If the hub does not let this person in; with what its page says.
        """
        self.session.get(f"{self.url}/hub/login", timeout=60)
        form = {"username": self.name, "password": password, "_xsrf": self.session.cookies.get("_xsrf", path="/hub/")}
        answer = self.session.post(f"{self.url}/hub/login", data=form, allow_redirects=False, timeout=60)
        if answer.status_code != 302:
            raise HubError(f"{self.name} cannot log in: {answer.status_code} {_words(answer.text)}")
        self.session.get(f"{self.url}/hub/home", timeout=60)
        made = self.hub("POST", f"users/{self.name}/tokens", json={"note": "client"})
        self.token = str(made.json()["token"])

    def hub(self, method: str, path: str, **request: Any) -> requests.Response:
        """Ask the hub's API as this person, with the session of the log-in.

        Parameters
        ----------
        method, path : str
            Such as ``GET`` and ``users/ada``.
        **request
            For :meth:`requests.Session.request`.

        Returns
        -------
        requests.Response
            The answer.

        Raises
        ------
        HubError
            If it is 400 or more.
        """
        headers = {"X-XSRFToken": self.session.cookies.get("_xsrf", path="/hub/") or ""}
        answer = self.session.request(method, f"{self.url}/hub/api/{path}", headers=headers, timeout=60, **request)
        if answer.status_code >= 400:
            raise HubError(f"{method} {path} as {self.name}: {answer.status_code} {_words(answer.text)}")
        return answer

    def start(self, limit: float = 180) -> float:
        """Start this person's server and wait until it answers.

        Parameters
        ----------
        limit : float
            Seconds.

        Returns
        -------
        float
            Seconds that it took.

        Raises
        ------
        HubError
            If it does not start in time.
        """
        started = time.monotonic()
        self.hub("POST", f"users/{self.name}/server")
        while time.monotonic() - started < limit:
            server = self.hub("GET", f"users/{self.name}").json()["servers"].get("")
            if server and server["ready"]:
                return time.monotonic() - started
            if server is None or not (server["ready"] or server["pending"]):
                raise HubError(f"the server of {self.name} did not start: the hub's log says why")
            time.sleep(0.3)
        raise HubError(f"the server of {self.name} did not start within {limit:.0f} s")

    def stop(self, limit: float = 60) -> None:
        """Stop this person's server and wait until it is gone.

        Parameters
        ----------
        limit : float
            Seconds.

        Raises
        ------
        HubError
            If it is still there then.
        """
        self.hub("DELETE", f"users/{self.name}/server")
        until = time.monotonic() + limit
        while self.hub("GET", f"users/{self.name}").json()["servers"]:
            if time.monotonic() > until:
                raise HubError(f"the server of {self.name} did not stop within {limit:.0f} s")
            time.sleep(0.3)

    def server(self, method: str, path: str, **request: Any) -> requests.Response:
        """Ask this person's own server, with their token.

        Parameters
        ----------
        method, path : str
            Such as ``GET`` and ``api/contents``.
        **request
            For :func:`requests.request`.

        Returns
        -------
        requests.Response
            The answer.

        Raises
        ------
        HubError
            If it is 400 or more.
        """
        url = f"{self.url}/user/{self.name}/{path}"
        request.setdefault("timeout", 60)
        answer = requests.request(method, url, headers={"Authorization": f"token {self.token}"}, **request)
        if answer.status_code >= 400:
            raise HubError(f"{method} {path} on the server of {self.name}: {answer.status_code} {_words(answer.text)}")
        return answer

    @contextlib.contextmanager
    def kernel(self) -> Iterator[Kernel]:
        """Keep a kernel on this person's server.

        Yields
        ------
        Kernel
            It runs cells; it is shut down at the end.
        """
        made = self.server("POST", "api/kernels", json={"name": "python3", "path": "course/notebooks"}).json()
        address = f"{self.url}/user/{self.name}/api/kernels/{made['id']}/channels".replace("http", "ws", 1)
        channel = websocket.create_connection(address, header=[f"Authorization: token {self.token}"], timeout=60)
        try:
            yield Kernel(channel)
        finally:
            channel.close()
            with contextlib.suppress(HubError, OSError):
                self.server("DELETE", f"api/kernels/{made['id']}")

    def run_notebook(self, path: str, limit: float = 600) -> tuple[float, float]:
        """Run every code cell of a notebook in this person's home, in order.

        Parameters
        ----------
        path : str
            From the home, such as ``course/notebooks/00_start_here.ipynb``.
        limit : float
            Seconds for one cell.

        Returns
        -------
        seconds : float
            For all cells.
        peak : float
            The most memory that the kernel held, with the server beside it, in bytes.

        Raises
        ------
        HubError
            If a cell raises; with its first line and the error.
        """
        cells = self.server("GET", f"api/contents/{path}").json()["content"]["cells"]
        started = time.monotonic()
        with self.kernel() as kernel:
            server = kernel.memory()
            idle = float(kernel.run(_PEAK))
            for cell in cells:
                if cell["cell_type"] == "code":
                    kernel.run(cell["source"], limit)
            return time.monotonic() - started, server + float(kernel.run(_PEAK)) - idle


class Kernel:
    """A running kernel, over its websocket.

    Parameters
    ----------
    channel : websocket.WebSocket
        The connection to its channels.
    """

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def run(self, code: str, limit: float = 60) -> str:
        """Run code and wait for its end.

        Parameters
        ----------
        code : str
            Python.
        limit : float
            Seconds.

        Returns
        -------
        str
            What it printed.

        Raises
        ------
        HubError
            If it raises or takes longer.
        """
        mine = uuid.uuid4().hex
        header = {"msg_id": mine, "msg_type": "execute_request", "session": mine, "username": "", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self._channel.send(json.dumps(message))
        printed, until = [], time.monotonic() + limit
        while True:
            self._channel.settimeout(max(until - time.monotonic(), 0.01))
            try:
                received = json.loads(self._channel.recv())
            except (websocket.WebSocketException, OSError) as error:
                raise HubError(f"no answer to {_first(code)!r} within {limit:.0f} s ({error})") from None
            if received.get("parent_header", {}).get("msg_id") != mine:
                continue
            content = received["content"]
            if received["msg_type"] == "stream":
                printed.append(content["text"])
            elif received["msg_type"] == "error":
                raise HubError(f"the cell {_first(code)!r} raised {content['ename']}: {content['evalue'][:300]}")
            elif received["msg_type"] == "status" and content["execution_state"] == "idle":
                return "".join(printed)

    def memory(self) -> float:
        """Measure the server and all of its kernels.

        Returns
        -------
        float
            Bytes, shared pages counted by their part (PSS).
        """
        return float(self.run(_MEMORY))


def _first(code: str) -> str:
    return next((line for line in code.splitlines() if line.strip()), "")[:80]


def _words(page: str) -> str:
    """Find what an error page says, without its markup."""
    import re

    with contextlib.suppress(ValueError, TypeError, KeyError):
        return str(json.loads(page)["message"])
    found = re.search(r'class="[^"]*(?:login_error|error)[^"]*"[^>]*>(.*?)</(?:div|p)>', page, flags=re.S)
    text = re.sub(r"<[^>]+>", " ", found.group(1) if found else "")
    return " ".join(text.split())[:500]
