"""The public addresses of the course: they stand once, in ``pyproject.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from helpers.cache import course_root
from helpers.errors import CourseError

FIRST = "notebooks/00_start_here.ipynb"


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

    def binder(self) -> str:
        """Make the link that opens notebook 00 on Binder.

        Returns
        -------
        str
            For mybinder.org.

        Raises
        ------
        CourseError
            If the repository has no address.
        """
        repository = self.need("repository").removesuffix("/").removesuffix(".git")
        provider, _, path = repository.partition("//")[2].partition("/")
        kinds = {"github.com": f"gh/{path}", "gitlab.com": f"gl/{quote(path, safe='')}"}
        what = kinds.get(provider, f"git/{quote(repository, safe='')}")
        return f"https://mybinder.org/v2/{what}/HEAD?urlpath={quote(f'lab/tree/{FIRST}')}"

    def hub_link(self, hub: str) -> str:
        """Make the link that brings the notebooks into a home on somebody else's hub (nbgitpuller) and opens 00.

        Parameters
        ----------
        hub : str
            Such as ``https://hub.example.org``.

        Returns
        -------
        str
            The link to hand out.

        Raises
        ------
        CourseError
            If the repository has no address.
        """
        repository = self.need("repository")
        folder = repository.removesuffix("/").rpartition("/")[2].removesuffix(".git")
        query = urlencode({"repo": repository, "urlpath": f"lab/tree/{folder}/{FIRST}"})
        return f"{hub.rstrip('/')}/hub/user-redirect/git-pull?{query}"


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
