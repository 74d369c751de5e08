"""What the notebooks of the Vigilant Vision course share.

Importing this package is instant: it loads nothing but the standard library. TensorFlow, torch and the
others load in the module that needs them.
"""

__version__ = "0.2.0"


def require(version: str) -> None:
    """Stop with one clear sentence if the installed ``helpers`` is older than a notebook needs.

    On a hub, it also shows what the start of the server had to say about the notebooks.

    Parameters
    ----------
    version : str
        The oldest version that will do, such as ``"0.1"``.

    Raises
    ------
    helpers.errors.CourseVersionError
        If the installed version is older.
    ValueError
        If `version` is not numbers separated by dots.
    """
    try:
        needed = tuple(int(part) for part in version.split("."))
    except (ValueError, AttributeError):
        raise ValueError(f"a version looks like '0.1' or '0.1.2', not {version!r}") from None
    installed = tuple(int(part) for part in __version__.split("."))
    if installed[: len(needed)] < needed:
        from helpers.errors import CourseVersionError

        raise CourseVersionError(
            f"This notebook needs helpers {version} or newer, and {__version__} is installed. "
            "Update both together: run 'git pull' and then 'make lab' in the course folder, or restart your "
            "server on the hub."
        )
    _show_notice()


def _show_notice() -> None:
    # On a hub the server's start leaves a line here when the notebooks do not fit what is installed.
    import os

    if notice := os.environ.get("VIGILANT_NOTICE"):
        try:
            with open(notice, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is not loaded for this alone
                print(file.read().strip())
        except FileNotFoundError:
            return
