"""A service on this machine for as long as the one who started it lives: for notebooks."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING

from helpers.errors import CourseError
from helpers.serving.__main__ import PREFIX, serve

if TYPE_CHECKING:
    import psutil

_PATIENCE = 120.0  # seconds to open a bundle, on a machine that does much else
_LONGEST_GOODBYE = 40.0
_DESPITE = f"{PREFIX}DESPITE_VERDICT"
_LONGEST_WORD = 2000  # characters of what it said before it ended


class LocalService:
    """The service of a bundle, in processes of its own, at a free port of 127.0.0.1.

    Parameters
    ----------
    path, trusted_key : path-like
        As for :func:`helpers.serving.open_bundle`.
    workers : int
        How many processes answer, each with one thread of ONNX Runtime.
    despite_verdict : str, optional
        ``"no-go"`` or ``"cannot decide"``: the verdict in spite of which the bundle is served.

    Attributes
    ----------
    url : str
        Such as ``http://127.0.0.1:40123``.

    Raises
    ------
    CourseError
        If the bundle is refused, its verdict is neither *go* nor the one that was named, or the service does not come
        up; the message is the service's own.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        trusted_key: str | os.PathLike[str],
        *,
        workers: int = 2,
        despite_verdict: str | None = None,
    ) -> None:
        root = str(Path(__file__).parents[2])
        typed = [str(Path(path).absolute()), "--key", str(Path(trusted_key).absolute()), "--workers", str(workers)]
        typed += [] if despite_verdict is None else ["--despite-verdict", despite_verdict]
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *typed, "--port", "0", "--least-serial", "1"],
            stdin=subprocess.PIPE,  # closed when this process is gone, whatever ended it
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=_environment(root),
            start_new_session=True,  # Ctrl-C in a notebook does not end it
        )
        self._end = weakref.finalize(self, _end, self._process, self._log)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip().rpartition(" ")[2]
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + _PATIENCE
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine is behind no proxy
        while self.url and self._process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(urllib.error.URLError, OSError), direct.open(f"{self.url}/readyz", timeout=10):
                return
            time.sleep(0.05)
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LONGEST_GOODBYE)
        self._log.seek(0)
        said = self._log.read().strip()[-_LONGEST_WORD:]
        self._end()
        raise CourseError(f"the service did not start: {said or 'it said nothing'}")

    def processes(self) -> list[psutil.Process]:
        """Every process of the service.

        Returns
        -------
        list of psutil.Process
            The runner, then its workers and what they start from.
        """
        import psutil

        runner = psutil.Process(self._process.pid)
        return [runner, *runner.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Processor seconds that the service has taken so far, those of living processes.

        Returns
        -------
        float
            User and system time, in steps of 0.01 for each process on Linux.
        """
        return sum(sum(process.cpu_times()[:2]) for process in self.processes())

    def stop(self) -> int:
        """Let the service finish what it has accepted, and end it.

        Returns
        -------
        int
            Its exit status: 0 where all went well.
        """
        self._end()
        return int(self._process.returncode)


def _environment(root: str) -> dict[str, str]:
    """Ours, but for the verdict: in spite of which a notebook serves, it says itself."""
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return {name: value for name, value in os.environ.items() if name != _DESPITE} | {"PYTHONPATH": path}


def _end(process: subprocess.Popen[str], log: IO[str]) -> None:
    process.terminate()
    try:
        process.wait(_LONGEST_GOODBYE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout, log):
        if stream is not None:
            stream.close()


def _watch_starter() -> None:
    """Stop as by a signal when nobody holds the other end of standard input any more."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_watch_starter, daemon=True).start()
    sys.exit(serve())
