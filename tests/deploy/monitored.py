"""What deploy/monitoring holds, as plain objects; and a real Prometheus that watches a service on this machine."""

import json
import re

import yaml

from helpers import monitoring
from tests.conftest import ROOT

FOLDER = ROOT / "deploy" / "monitoring"


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
        f"{panel['title']} ({target['refId']})": target["expr"]
        .replace("$job", monitoring.JOB)
        .replace("$__rate_interval", "10s")
        for panel in dashboard()["panels"]
        for target in panel["targets"]
    }


def hasty(text, window="20s"):
    """The same rules for who cannot wait an hour: every range short, and no pause before an alert rings."""
    return re.sub(r"for: \w+", "for: 0s", re.sub(r"\[\w+\]", f"[{window}]", text))


def prometheus(target):
    """A Prometheus that scrapes `target` (host:port) each second, with the alerts in haste."""
    return monitoring.LocalPrometheus(target, yaml.safe_load(hasty(yaml.safe_dump(one("PrometheusRule")["spec"]))))
