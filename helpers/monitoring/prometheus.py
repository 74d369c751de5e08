"""A real Prometheus beside a notebook or a test, for as long as the one who started it lives."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from helpers.errors import CourseError

JOB = "vigilant-service"
"""The job's name in ``deploy/monitoring``: alerts and panels ask for it."""

_PATIENCE = 120.0
# The shell ends what it started when its standard input is closed, and so when its parent is gone, whatever ended that.
_WHILE_INPUT = '"$@" </dev/null & child=$!; trap "kill $child" TERM; read -r nothing; kill $child; wait $child'


def prometheus_program() -> str | None:
    """Where Prometheus is installed.

    Returns
    -------
    str or None
        The program's path; None where there is none (Debian and Ubuntu: the package ``prometheus``).
    """
    return shutil.which("prometheus")


class LocalPrometheus:
    """A Prometheus that scrapes one service each second, at a free port of 127.0.0.1, with a store of its own.

    Parameters
    ----------
    target : str
        Where the counters are: ``host:port``, or a URL.
    rules : mapping, optional
        Groups of alerts and recording rules, as in a rule file: ``{"groups": [...]}``.

    Raises
    ------
    CourseError
        If it is not installed, refuses the rules, or does not come up; the message holds its own last words.
    """

    def __init__(self, target: str, rules: Mapping[str, Any] | None = None) -> None:
        program = prometheus_program()
        if program is None:
            raise CourseError(
                "Prometheus is not installed. Debian has it as the package prometheus, and so does Ubuntu."
            )
        self._folder = tempfile.TemporaryDirectory(prefix="prometheus-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        settings = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [target.rpartition("/")[2]]}]}],
        }
        for name, content in (("rules", dict(rules or {})), ("prometheus", settings)):
            (folder / f"{name}.yaml").write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        command = [
            program,
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
        ]
        with (folder / "log").open("w") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", _WHILE_INPUT, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, "GOMAXPROCS": "1"},
                start_new_session=True,  # Ctrl-C in a notebook does not end it
            )
        self._end = weakref.finalize(self, _end, self._process, self._folder)
        until = time.monotonic() + _PATIENCE
        while not self._answers():
            wrong = [line for line in (folder / "log").read_text(errors="replace").splitlines() if "err=" in line]
            if wrong or time.monotonic() > until:
                self._end()
                raise CourseError("Prometheus did not start: " + ("\n".join(wrong) or "it says nothing of why"))
            time.sleep(0.1)

    def __enter__(self) -> LocalPrometheus:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it and remove what it stored; again does no harm."""
        self._end()

    def numbers(self, query: str) -> list[float]:
        """What a query gives now.

        Parameters
        ----------
        query : str
            PromQL.

        Returns
        -------
        list of float
            One for each series, without what is no number; empty where no series fits, which is no error.
        """
        found = self._get("query", query=query)
        of_one = found["resultType"] == "scalar"
        read = [float(value) for _, value in ([found["result"]] if of_one else [e["value"] for e in found["result"]])]
        return [number for number in read if number == number]

    def ringing(self) -> set[str]:
        """Which alerts ring.

        Returns
        -------
        set of str
            Their names.
        """
        return {each["labels"]["alertname"] for each in self._get("alerts")["alerts"] if each["state"] == "firing"}

    def _answers(self) -> bool:
        try:
            return bool(self._get("status/buildinfo"))
        except OSError:
            return False

    def _get(self, path: str, **parameters: str) -> Any:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine is behind no proxy
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with direct.open(url, timeout=60) as answer:
            return json.load(answer)["data"]


def _end(process: subprocess.Popen[bytes], folder: tempfile.TemporaryDirectory[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.wait()
    folder.cleanup()
