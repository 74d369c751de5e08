"""Fills the cache before students come, when an image is built: every data set, and the models that notebooks train."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

from helpers import datasets


def main(arguments: Sequence[str] | None = None) -> int:
    """Load every data set once and run notebooks, so that the cache holds what they read.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed; taken from the process if not given.

    Returns
    -------
    int
        0 if everything is there; 1 if a data set is missing or a notebook failed.
    """
    parser = argparse.ArgumentParser(description="Fill the cache before students come.")
    parser.add_argument("notebooks", nargs="*", metavar="NN", help="whose models to train (default: all)")
    parser.add_argument("--without", default="", help="data sets that this image does without, with commas")
    options = parser.parse_args(arguments)
    without = {name.strip() for name in options.without.split(",")} - {""}
    missing = [name for name in datasets.names() if name not in without and not fetched(name)]
    if missing:
        print(
            f"not to be had: {', '.join(missing)}. With --without {','.join(missing)} the image is made without them."
        )
        return 1
    # The command line is a floor above: it is called as a person would call it.
    return subprocess.run([sys.executable, "-m", "helpers.cli", "run", *options.notebooks]).returncode


def fetched(name: str) -> bool:
    """Try to load a data set.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    bool
        Whether it is there now; if not, why is printed.
    """
    try:
        datasets.load(name)
    except datasets.DatasetUnavailable as error:
        print(error)
        return False
    print(f"{name}: there", flush=True)
    return True


if __name__ == "__main__":
    raise SystemExit(main())
