"""A hub for the tests: started once, with people who can be asked for by name."""

import contextlib
import functools
import os
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from helpers.hub import classlist, local
from helpers.hub.client import Person
from helpers.hub.ports import free_port
from tests.conftest import missing

SLOW = 180_000  # milliseconds: two cores, a browser, three servers


def need_root() -> None:
    if os.geteuid() != 0:
        missing("root, to mount a small disk")


@dataclass
class Classroom:
    hub: local.LocalHub
    process: object
    people: dict = field(default_factory=dict)

    @functools.cached_property
    def passwords(self) -> dict[str, str]:
        return {member.name: member.password for member in classlist.read(self.hub.class_list)}

    def person(self, name: str) -> Person:
        """Somebody who has logged in."""
        if name not in self.people:
            self.people[name] = Person(self.hub.url, name)
            self.people[name].log_in(self.passwords[name])
        return self.people[name]

    def with_server(self, name: str) -> Person:
        """Somebody whose server runs."""
        person = self.person(name)
        if not person.hub("GET", f"users/{name}").json()["servers"]:
            person.start()
        return person

    def browser(self, chromium, name: str):
        """A page of somebody who has just logged in at a real browser."""
        page = chromium.new_context(viewport={"width": 1400, "height": 900}).new_page()
        page.set_default_timeout(SLOW)
        page.goto(f"{self.hub.url}/hub/login")
        page.fill("#username_input", name)
        page.fill("#password_input", self.passwords[name])
        page.click("#login_submit")
        return page

    def home(self, name: str) -> Path:
        return self.hub.state / "homes" / name

    def server_process(self, name: str) -> psutil.Process:
        """The process of somebody's server."""
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if process.environ().get("JUPYTERHUB_USER") == name and "singleuser" in " ".join(process.cmdline()):
                    return process
        raise LookupError(name)


@contextlib.contextmanager
def classroom(state: Path, **told):
    hub = local.LocalHub(state=state, port=free_port(), **told)
    with local.running(hub) as process:
        yield Classroom(hub, process)
