"""The public addresses of the course: they stand once, in ``pyproject.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from helpers.cache import course_root
from helpers.course.layout import CourseError


@dataclass(frozen=True)
class Addresses:
    """Where the course is published; empty means: not yet.

    Attributes
    ----------
    repository : str
        The git repository, such as ``https://example.org/vision/course``.
    image : str
        The student image without tag, such as ``registry.example.org/vision/course``.
    """

    repository: str
    image: str

    def need(self, name: str) -> str:
        """Ask for an address that something cannot do without.

        Parameters
        ----------
        name : str
            ``repository`` or ``image``.

        Returns
        -------
        str
            The address.

        Raises
        ------
        CourseError
            If it is not set.
        """
        if not (value := str(getattr(self, name))):
            raise CourseError(
                f"the address of the {name} is not set: it stands once, in pyproject.toml under [tool.vigilant]. "
                "Publish it, and write it there."
            )
        return value


def addresses() -> Addresses:
    """Read the addresses.

    Returns
    -------
    Addresses
        As they stand in ``pyproject.toml``; empty where the package was installed without a checkout.
    """
    root = course_root()
    table = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["vigilant"] if root else {}
    return Addresses(str(table.get("repository", "")), str(table.get("image", "")))
