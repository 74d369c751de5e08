"""The watched service: alerts that ring when they should, panels that show something, and names that exist."""

import http.client
import json
import os
import re
import signal
import subprocess

import numpy as np
import pytest
import yaml

from helpers import monitoring
from tests.conftest import wait_until
from tests.deploy import monitored
from tests.deploy.schemas import invalid
from tests.serving.test_processes import service

CRDS = {
    "PrometheusRule": "kube-prometheus-stack-88.5.3-crd-prometheusrules.yaml",
    "ServiceMonitor": "kube-prometheus-stack-88.5.3-crd-servicemonitors.yaml",
}
DRIFT = {"VigilantStrangePictures", "VigilantSetsNotOne", "VigilantUnsure"}
# Without VigilantSlow: a busy machine is slow.
OTHERS = {
    "VigilantDown",
    "VigilantNothingScraped",
    "VigilantServerErrors",
    "VigilantCountersFell",
    "VigilantWorkersDie",
    "VigilantLogLost",
}

COUNTING = OTHERS - {
    "VigilantDown",
    "VigilantNothingScraped",
}  # a scrape that comes too late is no fault of the service


# ---- the objects


def test_every_object_is_valid_to_the_last_field():
    found = {each["metadata"]["name"] + each["kind"]: invalid(each, CRDS) for each in monitored.objects()}
    assert len(found) == 4
    assert [faults for faults in found.values() if faults] == []


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("ServiceMonitor", lambda spec: spec["endpoints"][0].update(intervall="15s")),
        ("ServiceMonitor", lambda spec: spec["endpoints"][0].update(interval="often")),
        ("PrometheusRule", lambda spec: spec["groups"][0]["rules"][0].update(forr="2m")),
        ("PrometheusRule", lambda spec: spec["groups"][0]["rules"][0].pop("expr")),
        ("NetworkPolicy", lambda spec: spec["ingress"][0].update({"form": []})),
    ],
)
def test_a_wrong_field_is_found(kind, change):
    spoilt = monitored.one(kind)
    change(spoilt["spec"])
    assert invalid(spoilt, CRDS)
    assert invalid(monitored.one(kind) | {"kind": "NoSuchKind"}, CRDS)


def test_the_dashboard_is_found_by_grafana_and_its_panels_fit():
    assert monitored.one("ConfigMap")["metadata"]["labels"]["grafana_dashboard"] == "1"
    board = monitored.dashboard()
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) == 14
    taken = set()
    for panel in board["panels"]:
        assert panel["description"]
        place = panel["gridPos"]
        cells = {(place["x"] + i, place["y"] + j) for i in range(place["w"]) for j in range(place["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_alerts_and_limits_drawn_are_the_same():
    """A dashed line that is not where the alert rings would mislead who looks."""
    text = " ".join(monitored.alerts().values())
    for panel in monitored.dashboard()["panels"]:
        if panel["fieldConfig"]["defaults"].get("custom", {}).get("thresholdsStyle"):
            steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
            [limit] = [step["value"] for step in steps if step["value"] is not None]
            assert f"> {limit}" in text or f"< {limit}" in text, panel["title"]


# ---- the alerts' own tests


@pytest.fixture
def promtool(needs_program, tmp_path):
    program = needs_program("promtool")

    def run(change=lambda rules: rules):
        text = yaml.safe_dump(change(monitored.one("PrometheusRule")["spec"]))
        (tmp_path / "alerts.yaml").write_text(text)
        (tmp_path / "alerts_test.yaml").write_text((monitored.FOLDER / "alerts_test.yaml").read_text())
        checked = subprocess.run(
            [program, "check", "rules", "alerts.yaml"], cwd=tmp_path, capture_output=True, text=True
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
        command = [program, "test", "rules", "alerts_test.yaml"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    return run


def test_promtool_s_tests_pass(promtool):
    status, said = promtool()
    assert status == 0, said


def test_every_alert_has_a_test_in_which_it_rings_and_one_in_which_it_does_not():
    tried = yaml.safe_load((monitored.FOLDER / "alerts_test.yaml").read_text())["tests"]
    cases = [(case["alertname"], bool(case.get("exp_alerts"))) for test in tried for case in test["alert_rule_test"]]
    assert {name for name, rings in cases if rings} == set(monitored.alerts())
    # Where one case holds an instance that rings and one that must not, that is both.
    both = {"VigilantWorkersDie", "VigilantLogLost"}
    assert {name for name, rings in cases if not rings} | both == set(monitored.alerts())


@pytest.mark.parametrize("name", sorted(monitored.alerts()))
def test_an_alert_that_asks_for_what_does_not_exist_fails_its_test(promtool, name):
    def renamed(rules):
        for rule in rules["groups"][0]["rules"]:
            if rule["alert"] == name:
                rule["expr"] = rule["expr"].replace("vigilant_", "vigilante_").replace("up{", "upp{")
        return rules

    status, said = promtool(renamed)
    assert status != 0
    assert name in said


# ---- a real service, and a real Prometheus


def ask(port, pictures):
    """Answers to pictures over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    for picture in pictures:
        body = json.dumps({"image": picture.tolist()})
        connection.request("POST", "/predict", body, {"content-type": "application/json"})
        response = connection.getresponse()
        response.read()
        assert response.status == 200
    connection.close()


def usual(number):
    """One channel bright: the small engine is sure of these."""
    pictures = np.zeros((number, 4, 4, 3), np.float32)
    pictures[np.arange(number), :, :, np.arange(number) % 3] = 1
    return pictures


DARK = np.zeros((100, 4, 4, 3), np.float32)  # strange, and any of three classes


@pytest.fixture(scope="module")
def watched(program, tmp_path_factory):
    """A service and the Prometheus that watches it, both gone afterwards."""
    program("prometheus")
    with (
        service(tmp_path_factory.mktemp("service")) as running,
        monitored.prometheus(f"127.0.0.1:{running.port}") as watching,
    ):
        wait_until(lambda: watching.numbers(f'up{{job="{monitoring.JOB}"}}') == [1.0], "the first scrape")
        yield running, watching


def test_alerts_and_panels_ask_for_what_the_service_exports(watched):
    page = watched[0].ask("GET", "/metrics")[1].decode()
    asked = monitored.alerts() | monitored.panels()
    assert [str(each) for each in monitoring.audit_queries(asked, page) if not each.sound] == []
    for planted in ("rate(process_cpu_seconds_total[5m]) > 0.9", 'rate(vigilant_requests_total{code=~"5.."}[5m]) > 1'):
        [found] = monitoring.audit_queries({"planted": planted}, page)
        assert not found.sound


def test_every_panel_shows_something_and_drift_rings(watched):
    running, watching = watched
    panels = {name: monitored.hasty(query) for name, query in monitored.panels().items()}

    def all_show():
        ask(running.port, usual(30))
        return [name for name, query in panels.items() if not watching.numbers(query)] == []

    wait_until(all_show, "data in every panel")
    assert watching.numbers("sum(rate(vigilante_pictures_total[20s]))") == []  # such a query shows nothing
    wait_until(lambda: not watching.ringing() & OTHERS, "what rang before the first scrape to be over")
    assert watching.ringing() & DRIFT == set()

    def drifted():
        ask(running.port, DARK)
        return watching.ringing() >= DRIFT

    wait_until(drifted, "the drift to ring")
    assert watching.ringing() & COUNTING == set()


def test_a_killed_worker_is_counted_and_no_counter_falls(watched):
    """The failure that VigilantCountersFell is for, injected: workers count in files that outlive them."""
    running, watching = watched
    ask(running.port, usual(50))
    os.kill(running.started()[0][-1], signal.SIGKILL)
    starts = f'max_over_time(vigilant_worker_starts_total{{job="{monitoring.JOB}"}}[5m])'
    wait_until(lambda: watching.numbers(starts) == [3.0], "Prometheus to see a third start")
    wait_until(running.ready, "the service")
    ask(running.port, usual(50))
    total = re.search(r'class_name="stop"} (\d+)', running.ask("GET", "/metrics")[1].decode())[1]
    seen = 'max_over_time(vigilant_pictures_total{class_name="stop"}[5m])'
    wait_until(lambda: watching.numbers(seen) == [float(total)], "Prometheus to have read the last of it")
    falls = watching.numbers("max(resets(vigilant_requests_total[5m]))")
    assert falls == [0.0]
    assert "VigilantCountersFell" not in watching.ringing()


def test_a_service_that_has_ended_rings(watched):
    running, watching = watched
    running.process.terminate()
    wait_until(lambda: "VigilantDown" in watching.ringing(), "the service that has ended to ring")
