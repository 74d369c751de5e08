"""What deploy/monitoring holds, as plain objects; and a real Prometheus that watches a service on this machine."""

import json
import re
import socket
import subprocess
import urllib.parse
import urllib.request
from contextlib import contextmanager

import yaml

from tests.conftest import ROOT, wait_until

FOLDER = ROOT / "deploy" / "monitoring"
JOB = "vigilant-service"


def objects():
    named = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    return [each for name in named for each in yaml.safe_load_all((FOLDER / name).read_text())]


def one(kind):
    [found] = [each for each in objects() if each["kind"] == kind]
    return found


def alerts():
    """The alerts' expressions by name."""
    return {rule["alert"]: rule["expr"] for group in one("PrometheusRule")["spec"]["groups"] for rule in group["rules"]}


def dashboard():
    [text] = one("ConfigMap")["data"].values()
    return json.loads(text)


def panels():
    """The dashboard's queries by panel, its variables filled in."""
    return {
        f"{panel['title']} ({target['refId']})": target["expr"].replace("$job", JOB).replace("$__rate_interval", "10s")
        for panel in dashboard()["panels"]
        for target in panel["targets"]
    }


def hasty(text, window="20s"):
    """The same rules for who cannot wait an hour: every range short, and no pause before an alert rings."""
    return re.sub(r"for: \w+", "for: 0s", re.sub(r"\[\w+\]", f"[{window}]", text))


class Prometheus:
    """A running one, asked over its API."""

    def __init__(self, port):
        self.port = port

    def get(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)["data"]

    def answers(self):
        try:
            return bool(self.get("status/buildinfo"))
        except OSError:
            return False

    def numbers(self, query):
        """What a query gives now, without what is no number."""
        read = [float(each["value"][1]) for each in self.get("query", query=query)["result"]]
        return [number for number in read if number == number]

    def ringing(self):
        """Names of the alerts that ring."""
        return {each["labels"]["alertname"] for each in self.get("alerts")["alerts"] if each["state"] == "firing"}


@contextmanager
def prometheus(program, folder, target):
    """A Prometheus that scrapes `target` (host:port) each second, with the alerts in haste."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    rules = yaml.safe_dump(one("PrometheusRule")["spec"])
    (folder / "alerts.yaml").write_text(hasty(rules))
    settings = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "alerts.yaml")],
        "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(settings))
    command = [
        program,
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            running = Prometheus(port)
            wait_until(lambda: process.poll() is not None or running.answers(), "Prometheus")
            assert process.poll() is None, (folder / "prometheus.log").read_text()
            yield running
        finally:
            process.terminate()
            process.wait()
