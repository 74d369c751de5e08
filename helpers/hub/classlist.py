"""Who is in the class of a hub on one machine: names and passwords in a file that the instructor hands out."""

from __future__ import annotations

import csv
import secrets
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from tornado.web import HTTPError
from traitlets import Unicode

from helpers.cache import written_whole
from helpers.errors import CourseError

ROLES = ("student", "instructor")
_FIELDS = ("name", "role", "password")
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without what looks alike on paper


@dataclass(frozen=True)
class Member:
    """One line of the class list.

    Attributes
    ----------
    name : str
        What is typed at the log-in.
    role : str
        ``student`` or ``instructor``.
    password : str
        At least 8 characters.
    """

    name: str
    role: str
    password: str


def make(path: Path, students: int) -> list[Member]:
    """Read the class list; make it, or make it longer, where it has fewer students than are wanted.

    Parameters
    ----------
    path : pathlib.Path
        The file ``class.csv``.
    students : int
        How many students there shall be at least.

    Returns
    -------
    list of Member
        Everybody.

    Raises
    ------
    CourseError
        If the file is no class list.
    """
    members = read(path) if path.exists() else [Member("instructor", "instructor", _password())]
    names = {member.name for member in members}
    fresh = (f"student{number:02d}" for number in range(1, 10_000))
    while sum(member.role == "student" for member in members) < students:
        if (name := next(fresh)) not in names:
            members.append(Member(name, "student", _password()))
    with written_whole(path) as temporary:
        temporary.touch(mode=0o600)
        with temporary.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_FIELDS)
            writer.writerows((member.name, member.role, member.password) for member in members)
    return members


def read(path: Path) -> list[Member]:
    """Read a class list.

    Parameters
    ----------
    path : pathlib.Path
        A CSV file with the columns name, role, password.

    Returns
    -------
    list of Member
        Everybody.

    Raises
    ------
    CourseError
        If a column is missing, a name is used twice or is not plain, a role unknown, or a password too short.
    """
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), set(reader.fieldnames or ())
        if missing := set(_FIELDS) - columns:
            raise KeyError(missing)
        members = [Member(*(row[field].strip() for field in _FIELDS)) for row in rows]
    except (OSError, KeyError, AttributeError, UnicodeDecodeError):
        raise CourseError(f"{path} is not a class list: a CSV file with the columns {', '.join(_FIELDS)}") from None
    problems = [
        f"line {number}: {problem}" for number, member in enumerate(members, start=2) if (problem := _problem(member))
    ]
    names = [member.name for member in members]
    problems += [f"{name!r} stands there more than once" for name in sorted({n for n in names if names.count(n) > 1})]
    if problems:
        raise CourseError(f"{path}: {'; '.join(problems)}")
    return members


def _problem(member: Member) -> str | None:
    plain = member.name.replace("-", "").replace("_", "")
    if not (plain.isascii() and plain.isalnum() and member.name == member.name.lower() and len(member.name) <= 32):
        return f"the name {member.name!r} may hold lower-case letters, digits, - and _, at most 32"
    if member.role not in ROLES:
        return f"the role {member.role!r} is none of {', '.join(ROLES)}"
    if len(member.password) < 8:
        return f"the password of {member.name} has fewer than 8 characters"
    return None


def _password() -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))


class ClassAuthenticator(Authenticator):
    """Log-in by the class list: each has their own password, and the role gives the group.

    JupyterHub's own shared password would let every student log in as any other; system accounts would have to be made
    and removed. After ten wrong passwords for a name, from one address, that address waits a minute.
    """

    class_list = Unicode(config=True, help="The CSV file with name, role and password.")
    _TRIES, _PAUSE = 10, 60.0

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._wrong: dict[tuple[str, str], list[float]] = defaultdict(list)

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, Any] | None:
        """Compare with the class list.

        Parameters
        ----------
        handler : jupyterhub.handlers.LoginHandler
            Where the request came from.
        data : dict of str to str
            The form: username and password.

        Returns
        -------
        dict or None
            Name and group; None if name or password are wrong.

        Raises
        ------
        tornado.web.HTTPError
            429 after too many wrong passwords.
        """
        name, now = data.get("username", ""), time.monotonic()
        member = next((member for member in read(Path(self.class_list)) if member.name == name), None)
        if member is None:
            return None
        wrong = self._wrong[name, handler.request.remote_ip]
        wrong[:] = [moment for moment in wrong if now - moment < self._PAUSE]
        if len(wrong) >= self._TRIES:
            raise HTTPError(
                429,
                f"{self._TRIES} wrong passwords for this name. Wait {self._PAUSE:.0f} seconds, and ask the instructor.",
            )
        if secrets.compare_digest(member.password.encode(), data.get("password", "").encode()):
            wrong.clear()
            return {"name": name, "groups": [f"{member.role}s"]}
        wrong.append(now)
        return None
