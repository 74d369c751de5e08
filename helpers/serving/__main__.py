"""The service as a program: ``python -m helpers.serving BUNDLE --key public.pem --state FOLDER``.

Every option can be given as an environment variable instead (``--least-serial`` as ``VIGILANT_LEAST_SERIAL``), which is
what containers do; what is typed counts more. It loads neither TensorFlow nor torch, nor anything of training.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from helpers.errors import CourseError
from helpers.scorecard.outcomes import NOT_GO
from helpers.serving.limits import cpu_threads
from helpers.serving.replay import newest_seen, open_newest
from helpers.serving.runner import REFUSED, Runner

PREFIX = "VIGILANT_"

_ONE_OF = " or ".join(map(repr, NOT_GO))


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Serve a bundle until SIGTERM or SIGINT.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed; taken from the process if not given.
    environment : Mapping of str to str, optional
        Its variables; those of the process if not given.

    Returns
    -------
    int
        0 after a signal, 1 if the address cannot be had, 2 if the options were not understood,
        :data:`helpers.serving.runner.REFUSED` (3) if the bundle is refused, or its verdict is neither *go* nor named.
    """
    parser = _parser(os.environ if environment is None else environment)
    options = parser.parse_args(arguments)
    for name in ("bundle", "key"):
        if getattr(options, name) is None:
            parser.error(f"no {name}: name it here, or in {PREFIX}{name.upper()}")
    if options.state is None and options.least_serial is None:
        parser.error("an older bundle must be told from a newer one: give --state FOLDER, --least-serial N, or both")
    try:
        if options.state is not None:
            newest_seen(options.state)  # said once and at once, not by each worker
    except CourseError as error:
        print(f"The model is not served: {error}", file=sys.stderr)
        return REFUSED
    bundle, least, despite = options.bundle, options.least_serial or 0, options.despite_verdict
    opened = partial(open_newest, bundle, options.key, least, options.state, despite)
    try:
        runner = Runner(opened, workers=options.workers or cpu_threads(), host=options.host, port=options.port)
    except OSError as error:
        print(f"cannot listen on {options.host}, port {options.port}: {error}; take another --port", file=sys.stderr)
        return 1
    return runner.run()


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.serving",
        description="Serve a signed model bundle over HTTP. It is verified before anything of it is loaded, and served "
        "only on a go of the release decision, unless its verdict is named.",
        epilog=f"Every option may stand in the environment: --key as {PREFIX}KEY, --least-serial as "
        f"{PREFIX}LEAST_SERIAL. Exit status: 0 after a signal, {REFUSED} where the bundle is refused, or "
        "its verdict is not 'go' and was not named.",
    )

    def given(name: str, default: str | None = None) -> str | None:
        # argparse reads a default that is text as if it had been typed.
        return environment.get(f"{PREFIX}{name}") or default

    parser.add_argument("bundle", nargs="?", type=Path, default=given("BUNDLE"), help="the bundle's folder")
    parser.add_argument("--key", type=Path, default=given("KEY"), metavar="PEM", help="public key of its maker")
    parser.add_argument("--host", default=given("HOST", "127.0.0.1"), help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=_port, default=given("PORT", "8080"), help="port; 0 for any (default: 8080)")
    parser.add_argument(
        "--workers", type=_count, default=given("WORKERS"), metavar="N", help="processes (default: one a processor)"
    )
    parser.add_argument(
        "--state", type=Path, default=given("STATE"), metavar="FOLDER", help="keeps the newest serial that was seen"
    )
    parser.add_argument(
        "--least-serial", type=_count, default=given("LEAST_SERIAL"), metavar="N", help="refuse any bundle below it"
    )
    parser.add_argument(
        "--despite-verdict",
        type=_verdict,
        default=given("DESPITE_VERDICT"),
        metavar="VERDICT",
        help=f"serve a bundle whose verdict is this one, {_ONE_OF}; no other but a go is let in",
    )
    return parser


def _verdict(text: str) -> str:
    if text not in NOT_GO:
        raise argparse.ArgumentTypeError(f"{_ONE_OF} is wanted (a go needs no word), not {text!r}")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is wanted, not {text!r}")
    return int(text)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def serve() -> int:
    """:func:`main`, with one thread a worker in NumPy, too: for a process that does nothing else.

    Returns
    -------
    int
        As of :func:`main`.
    """
    # A worker for each processor has one thread. NumPy's BLAS would start as many as the machine has, whatever the
    # limit.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(name, "1")
    return main()


if __name__ == "__main__":
    sys.exit(serve())
