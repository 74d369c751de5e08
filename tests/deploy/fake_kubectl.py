"""A fake of kubectl and of the cluster behind it: NOT Kubernetes, but what of it `deploy.check` asks for, as files.

It stands on PATH as `kubectl` and keeps each object as a file in the folder $FAKE_KUBECTL. What it knows of a cluster
is what this file says: pods that come and go after a few calls, a namespace that takes its objects along, Pod Security
as three questions, a log that grows by a line with each reading. $FAKE_FAULTS names, with commas between, in which ways
it misbehaves. Only rendering is real (a kubectl at $REAL_KUBECTL). Whether the real kubectl takes the check's commands
is another test's business: every call is written down for it.
"""

# A program that is started a hundred times a test: with pathlib each start takes a third longer.
# ruff: noqa: PTH103, PTH107, PTH110, PTH119, PTH120, PTH121, PTH123, PTH208

import json
import os
import sys
import time

HOME = os.environ["FAKE_KUBECTL"]
FAULTS = set(filter(None, os.environ.get("FAKE_FAULTS", "").split(",")))
GROUPS = {
    "serving.kserve.io": "no-kserve",
    "monitoring.coreos.com": "no-operator",
    "argoproj.io": "no-argocd",
    "metrics.k8s.io": "no-metrics",
}
PLURALS = {"pods": "pod", "namespaces": "namespace", "deployments": "deployment"}


def main(arguments):
    with open(f"{HOME}/calls", "a") as calls:
        calls.write(json.dumps(arguments) + "\n")
    flags = {name: value for name, _, value in (each.partition("=") for each in arguments if each.startswith("--"))}
    words = [each for each in arguments if not each.startswith("--")]
    if words[0] == "config":
        print("fake")
    elif words[0] == "kustomize":
        kustomize(words[1])
    elif "unreachable" in FAULTS:
        fail("The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?")
    else:
        advance()
        {
            "version": version,
            "get": get,
            "apply": apply,
            "create": create,
            "patch": patch,
            "label": label,
            "delete": delete,
            "logs": logs,
        }[words[0]](words, flags)


def fail(message):
    sys.stderr.write(message + "\n")
    sys.exit(1)


# ---- storing


def path(kind, name, namespace=""):
    return f"{HOME}/objects/{namespace}+{kind.lower()}+{name}"


def read(kind, name, namespace=""):
    try:
        with open(path(kind, name, namespace)) as file:
            return json.load(file)
    except FileNotFoundError:
        fail(f'Error from server (NotFound): {kind}s "{name}" not found')


def write(thing):
    meta = thing["metadata"]
    with open(path(thing["kind"], meta["name"], meta.get("namespace", "")), "w") as file:
        json.dump(thing, file)


def every(kind="", namespace=None):
    os.makedirs(f"{HOME}/objects", exist_ok=True)
    for name in sorted(os.listdir(f"{HOME}/objects")):
        where, what, _ = name.split("+", 2)
        if kind in ("", what) and namespace in (None, where):
            with open(f"{HOME}/objects/{name}") as file:
                yield json.load(file)


def remove(thing):
    os.remove(path(thing["kind"], thing["metadata"]["name"], thing["metadata"].get("namespace", "")))


def chosen(things, flags):
    wanted = dict(each.split("=") for each in flags.get("--selector", "").split(",") if each)
    for each in things:
        if wanted.items() <= each["metadata"].get("labels", {}).items():
            yield each


# ---- what happens by itself, a little with each call


def advance():
    for each in list(every()):
        meta = each["metadata"]
        gone_with_its_namespace = not os.path.exists(path(each["kind"], meta["name"], meta.get("namespace", "")))
        if "deletionTimestamp" not in meta or gone_with_its_namespace:
            continue
        each["left"] = each.get("left", 3) - 1
        write(each)
        if each["left"] > 0:
            continue
        if each["kind"] == "Pod" and "pod-stays" not in FAULTS:
            remove(each)
        if each["kind"] == "Namespace" and "namespace-stays" not in FAULTS:
            for inside in list(every(namespace=meta["name"])):
                remove(inside)
            remove(each)


def pod(template, number, owner):
    meta = {"name": f"{owner['metadata']['name']}-{number}", "namespace": owner["metadata"]["namespace"]}
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": meta | {"labels": template["metadata"]["labels"]}}
    made |= {"spec": template["spec"], "status": {"phase": "Running", "podIP": "10.1.0.9"}}
    made["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    if "never-ready" in FAULTS:
        waiting = {"reason": "ImagePullBackOff", "message": "not found"}
        made["status"]["containerStatuses"] = [{"name": "service", "state": {"waiting": waiting}}]
        made["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    if "no-room" in FAULTS:
        lack = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "Insufficient cpu"}
        made["status"]["conditions"] = [lack]
    return made


def number():
    """A number that no pod has had."""
    with open(f"{HOME}/numbers", "a+") as file:
        file.write("x")
        return file.tell()


def deploy(deployment):
    """The pods of a Deployment, and its status: the former pods end."""
    meta = deployment["metadata"]
    meta["generation"] = meta.get("generation", 0) + 1
    for each in every("pod", meta["namespace"]):
        if each["metadata"].get("labels", {}).items() >= deployment["spec"]["selector"]["matchLabels"].items():
            each["metadata"]["deletionTimestamp"] = "now"
            write(each)
    for _ in range(0 if "no-pods" in FAULTS else 2):
        write(pod(deployment["spec"]["template"], number(), deployment))
    status = {"observedGeneration": meta["generation"], "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    if "never-rolled" in FAULTS and meta["generation"] > 1:
        status |= {"replicas": 3, "updatedReplicas": 1}
    if "no-pods" in FAULTS:
        status["conditions"] = [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: planted"}]
    deployment["status"] = status
    write(deployment)


def infer(service):
    """What KServe's controller makes of an InferenceService."""
    ready = "kserve-fails" not in FAULTS
    service["status"] = {"conditions": [{"type": "Ready", "status": str(ready), "message": "" if ready else "planted"}]}
    predictor, space = service["spec"]["predictor"], service["metadata"]["namespace"]
    made = {"kind": "Service", "metadata": {"name": f"{service['metadata']['name']}-predictor", "namespace": space}}
    address = "None" if "headless" in FAULTS else "10.0.0.8"
    write(made | {"spec": {"clusterIP": address, "selector": predictor["labels"], "ports": [{"port": 80}]}})
    write(pod({"metadata": {"labels": predictor["labels"]}, "spec": predictor}, number(), service))
    write(service)


def stored(thing):
    """Keep an object, and do what controllers would."""
    if thing["kind"] == "Service":
        thing["spec"]["clusterIP"] = "10.0.0.7"
    if thing["kind"] == "HorizontalPodAutoscaler":
        current = [] if "unmeasured" in FAULTS else [{"resource": {"current": {"averageUtilization": 7}}}]
        thing["status"] = {"currentMetrics": current, "currentReplicas": 2}
    if thing["kind"] == "Deployment":
        deploy(thing)
    elif thing["kind"] == "InferenceService":
        infer(thing)
    else:
        write(thing)


# ---- the commands


def kustomize(folder):
    """The real one's output, kept beside the objects' folder: the tests render the same again and again."""
    kept = f"{os.path.dirname(HOME)}/rendered-{os.path.basename(folder)}"
    if not os.path.exists(kept):
        import subprocess

        assert not os.path.samefile(os.environ["REAL_KUBECTL"], sys.argv[0]), "the fake would ask itself for ever"
        done = subprocess.run([os.environ["REAL_KUBECTL"], "kustomize", folder], stdout=subprocess.PIPE, check=True)
        with open(kept, "wb") as file:
            file.write(done.stdout)
    with open(kept) as file:
        print(file.read())


def version(words, flags):
    print(json.dumps({"serverVersion": {"gitVersion": "v1.34.0-fake"}}))


def get(words, flags):
    if (
        words[1] == "namespaces"
        and "and-once-more" in FAULTS
        and any("deletionTimestamp" in n["metadata"] for n in every())
    ):
        os.kill(os.getppid(), 2)  # while the removal is waited for
        time.sleep(600)
    if "--raw" in flags:
        group = words[1].split("/")[2]
        if GROUPS[group] in FAULTS:
            fail("Error from server (NotFound): the server could not find the requested resource")
        print("{}")
    elif len(words) - words.index("-o") == 2 and words.index("-o") == 2:
        kind = PLURALS[words[1]]
        print(json.dumps({"kind": "List", "items": list(chosen(every(kind, flags.get("--namespace")), flags))}))
    else:
        print(json.dumps(read(words[1], words[2], flags.get("--namespace", ""))))


def apply(words, flags):
    things = [json.loads(each) for each in sys.stdin]
    spaces = {each["metadata"]["name"] for each in every("namespace")}
    back = []
    for each in things:
        space = each["metadata"].get("namespace")
        if space and space not in spaces:
            fail(f'Error from server (NotFound): namespaces "{space}" not found')
        if f"refused:{each['kind']}" in FAULTS:
            fail("Error from server: failed to create typed patch object: .spec.behavour: field not declared in schema")
        if "no-namespaces" in FAULTS and each["kind"] == "Namespace":
            fail('Error from server (Forbidden): namespaces "x" is forbidden: User "planted" cannot patch resource')
        if "--dry-run" not in flags:
            stored(each)
        back.append(each)
    if "object-lost" in FAULTS and "--dry-run" not in flags:
        back = [each for each in back if each["kind"] != "PodDisruptionBudget"]
    if "remarks" in FAULTS and any(each["kind"] == "InferenceService" for each in back):
        sys.stderr.write("I1127 noise of a login helper\nWarning: planted\n")
    if "warns" in FAULTS and any(each["kind"] == "Deployment" for each in back):
        sys.stderr.write("Warning: would violate PodSecurity\n")
    print(json.dumps(back[0] if len(back) == 1 else {"kind": "List", "items": back}))


def create(words, flags):
    thing = json.load(sys.stdin)
    space = read("namespace", thing["metadata"]["namespace"])
    enforced = space["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") == "restricted"
    spec = thing["spec"]
    bad = [each["name"] for each in spec["containers"] if each["securityContext"].get("privileged")]
    if bad and "other-guard" in FAULTS:
        fail("Error from server: admission webhook denied the request: planted")
    bad += ["as root"] * (spec["securityContext"].get("runAsNonRoot") is not True)
    bad += [each["name"] for each in spec["volumes"] if "hostPath" in each]
    if ("restricted-refuses-all" in FAULTS or bad) and enforced and "privileged-admitted" not in FAULTS:
        fail(f'Error from server (Forbidden): pods "x" is forbidden: violates PodSecurity "restricted:v1.34": {bad}')
    if "--dry-run" not in flags:
        thing["status"] = {"phase": "Running", "podIP": "10.1.0.5"}
        write(thing)
    print(json.dumps(thing))


def patch(words, flags):
    found = read(words[1], words[2], flags["--namespace"])
    change = json.loads(flags["--patch"])["spec"]["template"]["metadata"]["annotations"]
    found["spec"]["template"]["metadata"].setdefault("annotations", {}).update(change)
    deploy(found)
    event("roll")
    print(json.dumps(found))


def label(words, flags):
    found = read(words[1], words[2])
    found["metadata"]["labels"].update([words[3].split("=")])
    write(found)
    print(json.dumps(found))


def told_to_end():
    """Somebody presses Ctrl-C, or a machine is shut down, while this is under way."""
    for number in (1, 2, 15):
        if f"signal-{number}" in FAULTS:
            os.kill(os.getppid(), number)
            time.sleep(600)  # as a request that hangs: who was told to end must not wait for it


def delete(words, flags):
    if words[1] == "namespace" and "and-again" in FAULTS and not any("left" in each for each in every("namespace")):
        os.kill(os.getppid(), 2)  # while the removal is being asked for
    for name in words[2:]:
        if "--ignore-not-found" in flags and not os.path.exists(path(words[1], name, flags.get("--namespace", ""))):
            continue
        found = read(words[1], name, flags.get("--namespace", ""))
        if words[1] == "deployment":
            remove(found)
            continue
        if words[1] == "pod" and "not-replaced" not in FAULTS:
            [owner] = every("deployment", flags["--namespace"])
            write(pod(owner["spec"]["template"], number(), owner))
        if words[1] == "pod":
            event("end")
        found["metadata"]["deletionTimestamp"] = "now"
        if words[1] == "namespace":
            message = "Some content in the namespace has finalizers remaining: planted"
            found["status"] = {"conditions": [{"type": "Remaining", "status": "True", "message": message}]}
        write(found)


def event(name):
    with open(f"{HOME}/event-{name}", "w"):
        pass


def happened(name):
    """Whether it has just happened: told once."""
    if not os.path.exists(f"{HOME}/event-{name}"):
        return False
    os.remove(f"{HOME}/event-{name}")
    return True


# ---- logs


def logs(words, flags):
    """One line more at each reading, as the program in that pod would have written it by then."""
    name, space = words[1], flags["--namespace"]
    asker = read("pod", name, space)
    if "load-stops" in FAULTS and os.path.exists(f"{HOME}/log-{space}-{name}"):
        with open(f"{HOME}/log-{space}-{name}") as file:
            print(file.read())
        return
    if name == "asker":
        told_to_end()
    if "guest-waits" in FAULTS:
        fail('Error from server (BadRequest): container "guest" in pod "asker" is waiting to start: ContainerCreating')
    with open(f"{HOME}/log-{space}-{name}", "a+") as file:
        file.seek(0)
        before = file.read()
        arguments = asker["spec"]["containers"][0]["command"][2:]
        line = json.dumps(loaded(before) if arguments[0] == "load" else asked(name, space))
        file.write(line + "\n")
    print(f'{before}{line}\n{{"half a li', end="")


def asked(name, space):
    """What a pod gets that only asks: by the label of its namespace, as the policy says."""
    labels = read("namespace", space)["metadata"]["labels"]
    let_in = labels.get("vigilant-vision/may-ask") == "yes" and "nobody-let-in" not in FAULTS
    if name == "second-stranger":
        let_in = "network-open" in FAULTS
    if name == "kserve-asker":
        let_in = "kserve-silent" not in FAULTS
    if let_in or (FAULTS & {"network-open", "policy-open"} and name == "stranger"):
        return {"try": {"status": 200, "seen": "answered", "answer": {"live": True}}}
    return {"try": {"status": 0, "seen": "URLError: <urlopen error timed out>", "answer": None}}


def loaded(before):
    if "no-answer" in FAULTS:
        return {"try": {"status": 503, "seen": "the service is starting", "answer": None}}
    if not before:
        shares = {"stop": 0.9, "yield": 0.6 if "no-prediction" in FAULTS else 0.1}
        answer = {"class": "stop", "probabilities": shares, "version": "fake-1"}
        return {"try": {"status": 200, "seen": "answered", "answer": answer}}
    stretch = {"answered": 40, "lost": 0, "statuses": {"200": 40}, "slowest": 0.02}
    if happened("end") and "request-lost" in FAULTS:
        stretch |= {"answered": 39, "lost": 1, "statuses": {"200": 39}}
    if happened("roll") and "roll-refuses" in FAULTS:
        stretch["statuses"] = {"200": 37, "503": 3}
    return {"stretch": stretch}


if __name__ == "__main__":
    if os.getpgrp() == os.getpgid(os.getppid()):
        fail("Ctrl-C in a terminal would end this kubectl, too, and nothing would be removed")
    main(sys.argv[1:])
