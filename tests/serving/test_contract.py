"""Whatever the contract allows is answered as it says, and whatever it forbids is refused: asked by schemathesis.

Every check and every phase, over every operation, of a service in processes of its own. Its requests are the same each
time (``--generation-deterministic``), so that nothing here is found or missed by chance.
"""

import json
import os
import subprocess
import sys

from schemathesis.checks import CHECKS, load_all_checks

from helpers import serving as room
from tests.conftest import ROOT
from tests.serving.fake import FakeEngine
from tests.serving.test_processes import service

PHASES = ("examples", "coverage", "fuzzing", "stateful")
EXAMPLES = 6  # in the fuzzing phase, for each operation; the coverage phase has as many as the contract has corners
KINDS = {"application/json", "image/png", "image/jpeg", "multipart/form-data"}


def asked(folder, engine):
    """What schemathesis reports, and each of its requests: operation, content type, whether it was good, status."""
    with service(folder, workers=1, engine=engine) as running:
        command = [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "--no-color", "run"),
            *("--checks", "all", "--phases", ",".join(PHASES), "--max-examples", str(EXAMPLES)),
            *("--generation-deterministic", "--continue-on-failure", "--no-shrink"),
            *("--suppress-health-check", "all", "--request-timeout", "300"),  # a slow machine is no fault
            *("--report", "json,ndjson", "--report-json-path", "report.json", "--report-ndjson-path", "events.ndjson"),
            f"http://127.0.0.1:{running.port}/openapi.json",
        ]
        variables = os.environ | {"SCHEMATHESIS_HOOKS": "tests.serving.contract_hooks", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    events = [json.loads(line) for line in (folder / "events.ndjson").read_text().splitlines()]
    recorders = [each["ScenarioFinished"]["recorder"] for each in events if "ScenarioFinished" in each]
    return json.loads((folder / "report.json").read_text()), recorders


def requests(recorders):
    for recorder in recorders:
        for name, case in recorder.get("cases", {}).items():
            value, answer = case["value"], recorder.get("interactions", {}).get(name, {}).get("response")
            if answer:
                good = value["meta"]["generation"]["mode"] == "positive"
                yield f"{value['method']} {value['path']}", value.get("media_type"), good, answer["status_code"]


def operations():
    app = room.create_app(FakeEngine)
    found = {f"{method} {route.path}" for route in app.routes for method in getattr(route, "methods", ())}
    return found - {"GET /openapi.json"}  # the contract itself


def test_the_service_keeps_its_contract(tmp_path):
    report, recorders = asked(tmp_path, "fake")
    assert (report["failures"], report["errors"], report["filtered"]) == ([], [], 0)
    assert {name: found for name, found in report["warnings"].items() if found} == {}
    assert {name: phase["status"] for name, phase in report["phases"].items()} == dict.fromkeys(PHASES, "success")
    assert (report["operations"]["tested"], report["operations"]["skipped"]) == (len(operations()), 0)
    load_all_checks()
    ran = {
        check["name"] for recorder in recorders for checks in recorder.get("checks", {}).values() for check in checks
    }
    assert set(CHECKS.get_all_names()) <= ran

    sent = list(requests(recorders))
    assert {operation for operation, _, good, status in sent if good and status == 200} == operations()
    for operation in ("POST /predict", "POST /explain"):
        answered = {kind for asked_of, kind, good, status in sent if asked_of == operation and good and status == 200}
        assert answered == KINDS, "a picture of every kind was taken"
    refused = {operation for operation, _, good, status in sent if not good and 400 <= status < 500}
    assert {operation for operation in operations() if operation.startswith("POST")} <= refused


def test_three_planted_faults_are_found_and_nothing_else(tmp_path):
    report, _ = asked(tmp_path, "planted")
    assert {failure["type"]: set(failure["operations"]) for failure in report["failures"]} == {
        "ServerError": {"POST /explain"},
        "JsonSchemaError": {"POST /predict"},
        "AcceptedNegativeData": {
            "POST /v2/models/{model}/infer",
            "POST /v2/models/{model}/versions/{version}/infer",
        },
    }
    assert report["errors"] == []
