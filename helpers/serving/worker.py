"""One worker process: opens the engine, then takes connections from the socket that all workers share."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from types import FrameType

import uvicorn

from helpers.errors import CourseError
from helpers.serving.app import Service, create_app
from helpers.serving.connections import Connection
from helpers.serving.engine_protocol import Engine
from helpers.serving.intake_limits import Limits
from helpers.serving.logs import ServiceLog
from helpers.serving.metrics import Metrics, count_in_files
from helpers.serving.runner import LONGEST_REASON, READY, REFUSED
from helpers.serving.tally import Tally

_ALLOCATIONS = 20_000  # lists and the like between two looks for garbage; one picture in JSON makes a thousand
_PAUSE = 0.001  # seconds in which a worker with fewer connections may take the next one
_PAUSES = 10  # after so many nobody has: it may be stuck, or dead

log = logging.getLogger("vigilant.serving")


class Server(uvicorn.Server):
    """uvicorn's server, which takes connections one by one from a shared socket and stops without losing a request.

    A worker that was told to stop takes no more connections, for another takes them. Each answer from then on says
    ``Connection: close``, so that clients leave by themselves; closing a connection in use would lose the request that
    is on its way.

    Parameters
    ----------
    config : uvicorn.Config
        Of the application.
    service : Service
        The application's state.
    shared : socket.socket
        Listening; the same in all workers, so that what one has not accepted is not lost with it.
    runner : multiprocessing.connection.Connection
        To tell that this worker is ready, and to notice that there is no runner any more.
    tally : Tally
        Of all workers' connections.
    """

    def __init__(
        self, config: uvicorn.Config, service: Service, shared: socket.socket, runner: Pipe, tally: Tally
    ) -> None:
        super().__init__(config)
        self._service, self._shared, self._runner, self._tally = service, shared, runner, tally
        self._pauses = 0
        self._accepting: set[asyncio.Task[object]] = set()
        self._listening = False
        self._stop_at = float("inf")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the engine, and only then take connections.

        Parameters
        ----------
        sockets : list of socket.socket, optional
            None: the shared socket is taken.
        """
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(REFUSED)
        self.servers = []
        self._shared.setblocking(False)
        self._listen(True)
        asyncio.get_running_loop().add_reader(self._runner.fileno(), self.stop)  # readable: the runner is gone
        # What there is now stays: not to look through it again and again for garbage takes a tenth of the time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_ALLOCATIONS)
        self.started = True
        self._runner.send_bytes(READY)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to stop.

        Parameters
        ----------
        sig : int
            SIGTERM or SIGINT.
        frame : frame or None
            Where it came.
        """
        if self.started:
            asyncio.get_running_loop().call_soon_threadsafe(self.stop)
        else:
            sys.exit(0)

    def stop(self) -> None:
        """Take what has arrived, and no more."""
        if self._service.stopping:
            return
        while self._listening and self._accept():
            pass
        self._service.stopping = True
        self._listen(False)
        asyncio.get_running_loop().remove_reader(self._runner.fileno())
        self._shared.close()
        self._stop_at = time.monotonic() + self._service.limits.linger_seconds

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to end now.

        Parameters
        ----------
        counter : int
            Uvicorn's.

        Returns
        -------
        bool
            Whether this worker is done.
        """
        await super().on_tick(counter)
        if self._service.stopping:
            idle = not self.server_state.connections and not self._accepting
            return idle or time.monotonic() > self._stop_at
        self._resume()
        return False

    def _listen(self, wanted: bool) -> None:
        loop = asyncio.get_running_loop()
        if wanted and not self._listening:
            loop.add_reader(self._shared.fileno(), self._arrived)
        elif not wanted and self._listening:
            loop.remove_reader(self._shared.fileno())
        self._listening = wanted

    def _resume(self) -> None:
        if not self._service.stopping:
            self._listen(self._connections() < self._service.limits.connections)

    def _connections(self) -> int:
        return len(self.server_state.connections) + len(self._accepting)

    def _count(self) -> None:
        self._tally.write(self._connections())

    def _arrived(self) -> None:
        if self._pauses < _PAUSES and self._tally.another_has_fewer():
            self._pauses += 1
            self._listen(False)
            asyncio.get_running_loop().call_later(_PAUSE, self._resume)
        else:
            self._pauses = 0
            self._accept()

    def _accept(self) -> bool:
        # One at a time, so that workers share what arrives in a burst; asyncio's own server would take all of it.
        try:
            taken, _ = self._shared.accept()
        except (BlockingIOError, ConnectionAbortedError, InterruptedError):
            return False
        except OSError:
            log.exception("no connection can be accepted")
            return False
        loop = asyncio.get_running_loop()
        making = loop.create_task(loop.connect_accepted_socket(self._connection, taken))
        self._accepting.add(making)
        making.add_done_callback(self._accepted)
        self._count()
        if self._connections() >= self._service.limits.connections:
            self._listen(False)
        return True

    def _accepted(self, making: asyncio.Task[object]) -> None:
        self._accepting.discard(making)
        with contextlib.suppress(asyncio.CancelledError, OSError):  # a client that was gone already
            making.result()
        self._count()

    def _connection(self) -> Connection:
        return Connection(
            self._service.limits,
            self._count,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            _loop=asyncio.get_running_loop(),
        )


def work(
    place: int,
    open_engine: Callable[[], Engine],
    shared: socket.socket,
    limits: Limits,
    folder: Path,
    log_path: Path | None,
    runner: Pipe,
) -> None:
    """What a worker process does, from its first line to its last.

    Parameters
    ----------
    place : int
        Which worker this is, from 0.
    open_engine : callable
        Opens the engine; what it raises goes to the runner, and the process ends with status :data:`REFUSED`.
    shared : socket.socket
        Listening.
    limits : Limits
        Of this worker.
    folder : pathlib.Path
        Where all workers count.
    log_path : pathlib.Path or None
        The log; None for standard error.
    runner : multiprocessing.connection.Connection
        Of the runner's pipe.
    """
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)
    count_in_files(folder, place)
    metrics = Metrics()
    lines = ServiceLog(log_path, metrics.log_lost)
    logging.getLogger().addHandler(lines)  # uvicorn's and asyncio's warnings, too
    log.setLevel(logging.INFO)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # a broken form is answered; or clients fill the disk
    try:
        engine = open_engine()
    except (CourseError, OSError, ValueError) as error:
        runner.send_bytes(str(error).encode()[:LONGEST_REASON])  # it says it once, whichever workers refuse
        sys.exit(REFUSED)
    app = create_app(lambda: engine, limits, metrics)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        lifespan="on",
        ws="none",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=limits.stop_seconds,
    )
    server = Server(config, app.state.service, shared, runner, Tally(folder, place))
    log.info("worker %d begins", place)
    server.run()
    log.info("worker %d ends", place)
    lines.finish()
