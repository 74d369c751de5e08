"""A service of the small engine, as a program: ``python -m tests.serving.run_service '{"workers": 2}'``."""

import json
import sys
from pathlib import Path

from helpers.errors import CourseError
from helpers.serving import Limits, Runner
from tests.serving import planted
from tests.serving.fake import FakeEngine


def refuses():
    raise CourseError("the bundle is not the one that was signed: model.onnx has changed")


def main(settings):
    engines = {"fake": FakeEngine, "refuses": refuses, "planted": planted.opened, "leaky": planted.Leaky}
    opened = engines[settings.get("engine", "fake")]
    log = Path(settings["log"]) if "log" in settings else None
    limits = Limits(**settings.get("limits", {}))
    return Runner(opened, workers=settings["workers"], port=0, limits=limits, log_path=log).run()


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
