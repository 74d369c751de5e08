"""Asks an application in this process, as a client would ask a server."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager

import httpx


class Client:
    """One client of an application that has been started."""

    def __init__(self, app, runner):
        self._app, self._runner = app, runner

    def __call__(self, method, path, **request):
        return self.together([(method, path, request)])[0]

    def post(self, path, **request):
        return self("POST", path, **request)

    def get(self, path, **request):
        return self("GET", path, **request)

    def together(self, asked):
        """Several requests at the same time."""

        async def all_of_them():
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://served") as client:
                return await asyncio.gather(*(client.request(method, path, **how) for method, path, how in asked))

        return self._runner.run(all_of_them())


@contextmanager
def serving(app):
    """The application, started, and stopped at the end."""
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        yield Client(app, runner)
        runner.run(lifespan.__aexit__(None, None, None))
