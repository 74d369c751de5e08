"""The course's service, as notebook 10 starts it: calibrated, with conformal sets, flags, counters and all limits."""

from __future__ import annotations

import functools
import os
import sys

from benchmarks.servers.onnx_model import port
from helpers.serving import Runner, open_bundle

if __name__ == "__main__":
    opened = functools.partial(open_bundle, os.environ["BUNDLE"], os.environ["PUBLIC_KEY"], threads=1)
    sys.exit(Runner(opened, workers=2, port=port()).run())
