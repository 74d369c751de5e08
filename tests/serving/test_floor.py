"""The service stands on its own floor: nothing of training is loaded by it, even when it answers."""

import json
import subprocess
import sys

from tests.arrows import HEAVY
from tests.conftest import ROOT

TRAINING = {*HEAVY, "sklearn", "scipy", "skimage", "shap", "cv2", "onnx", "tf_explain"}

ANSWERS = """
import asyncio, json, pkgutil, sys
import helpers.serving
for found in pkgutil.iter_modules(helpers.serving.__path__):
    if found.name in NAMES:
        __import__(f"helpers.serving.{found.name}")
from helpers.serving.app import create_app
from tests.serving.fake import FakeEngine
from tests.serving.files import form, jpeg, png
sent = []
async def send(message): sent.append(message)
async def ask(app, body, kind):
    async def receive(): return {"type": "http.request", "body": body, "more_body": False}
    scope = {"type": "http", "method": "POST", "path": "/predict", "raw_path": b"/predict", "query_string": b"",
        "headers": [(b"content-type", kind.encode())], "client": ("a", 1), "server": ("b", 2), "scheme": "http",
        "http_version": "1.1", "root_path": "", "asgi": {"version": "3.0"}}
    await app(scope, receive, send)
async def main():
    app = create_app(FakeEngine)
    async with app.router.lifespan_context(app):
        for body, kind in ((png(), "image/png"), (jpeg(), "image/jpeg"), form(png())):
            await ask(app, body, kind)
asyncio.run(main())
statuses = [each["status"] for each in sent if each["type"] == "http.response.start"]
print(json.dumps([statuses, sorted({name.split(".")[0] for name in sys.modules})]))
"""

MODULES = [
    *("app", "batching", "connections", "contract", "engine_protocol", "forms", "intake", "intake_limits", "logs"),
    *("metrics", "pictures", "problems", "runner", "tally", "tensors", "worker"),
]


def test_a_service_that_answers_has_loaded_nothing_of_training():
    code = f"NAMES = {MODULES!r}\n{ANSWERS}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    statuses, loaded = json.loads(done.stdout)
    assert statuses == [200, 200, 200]
    assert {"fastapi", "uvicorn", "prometheus_client"} <= set(loaded)
    assert TRAINING & set(loaded) == set()


def test_the_modules_are_all_there_are():
    ours = {path.stem for path in (ROOT / "helpers" / "serving").glob("*.py")}
    assert set(MODULES) <= ours


def test_the_runner_loads_nothing_that_only_workers_need():
    code = "import sys; from helpers.serving import Runner; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert {"fastapi", "uvicorn", "numpy", "prometheus_client"} & set(done.stdout.split()) == set()
