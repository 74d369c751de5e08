"""An API server of a few answers, on this machine: NOT Kubernetes, but HTTP enough for the real kubectl to talk to.

It shows how kubectl sends what `deploy.check` gives it, and what comes back: where a fake kubectl would answer as we
believe that kubectl does.
"""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_VERBS = ["get", "list", "create", "patch", "delete"]
_KINDS = {"pods": "Pod", "configmaps": "ConfigMap"}
_RESOURCES = [
    {"name": name, "singularName": name[:-1], "namespaced": True, "kind": kind, "verbs": _VERBS}
    for name, kind in _KINDS.items()
] + [{"name": "pods/log", "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["get"]}]


def _operation(kind):
    validated = [{"name": name, "in": "query"} for name in ("fieldValidation", "dryRun")]
    return {"x-kubernetes-group-version-kind": {"group": "", "version": "v1", "kind": kind}, "parameters": validated}


_PATHS = {
    f"/api/v1/namespaces/{{namespace}}/{name}/{{name}}": {"patch": _operation(kind), "post": _operation(kind)}
    for name, kind in _KINDS.items()
}
_PAGES = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": _RESOURCES},
    "/openapi/v3": {"paths": {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1"}}},
    "/openapi/v3/api/v1": {"openapi": "3.0.0", "info": {}, "paths": _PATHS},
    "/api/v1/namespaces/n/pods": {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []},
}
_PAGES |= {
    f"/api/v1/namespaces/n/pods/{name}": {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "n"},
        "spec": {"containers": [{"name": "guest"}]},
    }
    for name in ("waits", "writes")
}


def refusal(code, reason, message):
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


class _Answers(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def _answer(self, said, warning=""):
        text = said if isinstance(said, str) else json.dumps(said)
        self.send_response(said.get("code", 200) if isinstance(said, dict) else 200)
        self.send_header("Content-Type", "text/plain" if isinstance(said, str) else "application/json")
        if warning:
            self.send_header("Warning", f'299 - "{warning}"')
        body = text.encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _all(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(address.query).items()}
        self.server.asked.append((self.command, address.path, asked))
        if self.command == "PATCH":
            return self._patched(json.loads(body))
        if self.command == "POST":
            said = 'pods "x" is forbidden: violates PodSecurity "restricted:v1.34": privileged'
            return self._answer(refusal(403, "Forbidden", said))
        if address.path.endswith("/waits/log"):
            said = 'container "guest" in pod "waits" is waiting to start: ContainerCreating'
            return self._answer(refusal(400, "BadRequest", said))
        if address.path.endswith("/writes/log"):
            return self._answer('{"try": {"status": 200}}\nno JSON\n{"stretch": {"lost": 0}}\n{"cut o')
        missing = refusal(404, "NotFound", f'"{address.path}" not found')
        return self._answer(_PAGES.get(address.path, missing))

    def _patched(self, thing):
        if thing["metadata"]["name"] == "bad":
            return self._answer(
                refusal(500, "", "failed to create typed patch object: .spec.x: field not declared in schema")
            )
        return self._answer(thing, "planted" if thing["metadata"]["name"] == "warned" else "")

    do_GET = do_POST = do_PATCH = _all


@contextmanager
def running():
    """The server: its address, and a list of what it was asked (method, path, query)."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
