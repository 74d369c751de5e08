"""The course's service beside the brief's Flask app, plain FastAPI, LitServe, BentoML and MLServer.

One machine, one run: the same ONNX file, the same body to the byte, two processes that compute, one thread of ONNX
Runtime in each, 1 and 16 connections. All servers run all the time, and are asked in turn, round by round. Ours
answers calibrated probabilities, a conformal set and a flag, and counts; the others answer the class alone.
"""

from __future__ import annotations

import datetime
import io
import json
import math
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Row, result_path
from benchmarks.servers.running import Body, Running, Server, running
from helpers import intervals
from helpers.cache import build_directory, written_whole
from helpers.contracts import Images
from helpers.serving import load_test, open_loop

IMPORTED = ("onnxruntime", "fastapi", "uvicorn", "flask", "keras")
"""What must be installed, and whose versions stand above the table."""

ABOUT = (
    "serving: a request takes the place of a picture, two processes that compute, one thread of ONNX\n"
    "Runtime in each, the same bytes to each, all in turn; 'met' asks the worse end of the ratio's 95% interval"
)
"""What stands above the table."""

OWN, BRIEF = "ours", "the brief's Flask app"
CONNECTIONS = (1, 16)
WANTED = {"json": 80.0, "png": 100.0}
"""How many times as many requests as the brief's app we are to answer; ahead of every other."""

_WARM = 40  # requests before the first round
_HALF = 0.5  # of a server's own maximum, in the open loop
_MIB = 2**20
_TICK = 0.01  # seconds: the system counts a process's CPU no finer
_BOUNDARY = "vigilant-bench"


@dataclass(frozen=True)
class Size:
    """How much is done.

    Attributes
    ----------
    seconds : float
        Of one load in a closed loop; each setting has one in every round.
    open_seconds : float
        Of one load in an open loop.
    open_rounds : int
        How many of those.
    explained : int
        Requests in one comparison of ``/explain`` with ``/predict``.
    """

    seconds: float = 0.7
    open_seconds: float = 2.0
    open_rounds: int = 3
    explained: int = 150


@dataclass(frozen=True)
class Subject:
    """What is served, and what is sent.

    Attributes
    ----------
    folder : pathlib.Path
        Where the model lies, in all forms, and where logs go.
    bodies : Mapping of str to Body
        The same picture as ``json`` and as ``png``.
    prediction : int
        Its class.
    """

    folder: Path
    bodies: Mapping[str, Body]
    prediction: int

    def variables(self) -> dict[str, str]:
        """What servers find their model by."""
        names = {"MODEL": "bundle/model.onnx", "KERAS_MODEL": "model.keras", "BUNDLE": "bundle"}
        return {name: str(self.folder / path) for name, path in (names | {"PUBLIC_KEY": "keys/public.pem"}).items()}


def servers(subject: Subject) -> list[Server]:
    """All that are compared; ours comes first.

    Parameters
    ----------
    subject : Subject
        What they serve.

    Returns
    -------
    list of Server
        The brief's app twice: one process, as ``app.run`` starts it, and two, as many as the others have.
    """
    one, two = {"json": "/predict", "png": "/predict"}, {"json": "/predict", "png": "/predict/file"}
    model, quiet = subject.variables(), {"TF_CPP_MIN_LOG_LEVEL": "3"}
    ours, runtime = ("fastapi", "uvicorn", "onnxruntime"), "onnxruntime"
    flask = ("flask", "keras", "tensorflow-cpu")

    def python(module: str) -> tuple[str, ...]:
        return ("python", "-m", f"benchmarks.servers.{module}")

    bento = {"BENTOML_PORT": "{port}", "BENTOML_HOST": "127.0.0.1", "BENTOML_DO_NOT_TRACK": "True"}
    ml = {"MLSERVER_HOST": "127.0.0.1", "MLSERVER_HTTP_PORT": "{port}", "MLSERVER_GRPC_PORT": "0"}
    return [
        Server(OWN, python("own"), None, one, model, ours),
        Server(BRIEF, python("brief"), None, one, model | quiet | {"COPIES": "1"}, flask),
        Server(f"{BRIEF}, twice", python("brief"), None, one, model | quiet | {"COPIES": "2"}, flask),
        Server("plain FastAPI", python("plain"), "plain", two, model, ours),
        Server("LitServe", python("lit"), "lit", one, model, ("litserve", runtime)),
        Server(
            "BentoML",
            ("bentoml", "serve", "benchmarks.servers.bento:Signs"),
            "bento",
            two,
            model | bento,
            ("bentoml", runtime),
        ),
        Server("MLServer", ("mlserver", "start", "benchmarks/servers"), "ml", two, model | ml, ("mlserver", runtime)),
    ]


def subject() -> None:
    """What the part is given: nothing, for it packs what it serves."""


def packed() -> Subject:
    """Notebook 01's network, packed as notebook 10 packs it, and one test picture.

    Returns
    -------
    Subject
        In ``build/bench``, made anew.
    """
    from helpers import datasets, models, serving

    folder = build_directory() / "bench" / "serving"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    data = datasets.load("signs")
    model = models.spine(data).model
    model.save(folder / "model.keras")
    private, _ = serving.make_keys(folder / "keys")
    serving.pack(
        folder / "bundle",
        model,
        name="signs",
        version="1",
        serial=1,
        class_names=data.class_names,
        reference=data.train.take(slice(1000)).images,
        calibration=(data.calibration.images, data.calibration.labels),
        card=dict.fromkeys(serving.CARD_SECTIONS, "For the benchmark alone."),
        data=serving.data_card(
            "signs",
            "Road signs, drawn.",
            data.class_names,
            {"train": len(data.train.labels)},
            version="1",
            published="2026-11-27",
            url="https://example.org/signs",
            license="https://creativecommons.org/licenses/by/4.0/",
            creator="Vigilant Vision",
            collection="Drawn from a seed.",
            limitations="No photographs.",
        ),
        scorecard=[],
        private_key=private,
    )
    return subject_of(folder, data.test.take(slice(1)).images, model)


def subject_of(folder: Path, image: Images, model: Callable[..., Any]) -> Subject:
    """The bodies of one picture, and what must be answered to them.

    Parameters
    ----------
    folder : pathlib.Path
        Where the model lies.
    image : numpy.ndarray of float32, shape (1, H, W, 3)
        In [0, 1], a multiple of 1/255.
    model : callable
        Pictures to probabilities.

    Returns
    -------
    Subject
        The numbers in JSON are written as Python writes a float32.
    """
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.round(image[0] * 255).astype(np.uint8)).save(file, "PNG")
    part = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="sign.png"\r\n'
    form = f"{part}Content-Type: image/png\r\n\r\n".encode() + file.getvalue() + f"\r\n--{_BOUNDARY}--\r\n".encode()
    bodies = {
        "json": Body(json.dumps({"image": image[0].tolist()}).encode(), "application/json"),
        "png": Body(form, f"multipart/form-data; boundary={_BOUNDARY}"),
    }
    return Subject(folder, bodies, int(np.argmax(np.asarray(model(image))[0])))


# ---- measuring


def measured(subject: Subject, compared: Sequence[Server], repeats: int, size: Size) -> dict[str, Any]:
    """Start all servers, and measure each in turn.

    Parameters
    ----------
    subject : Subject
        What is sent.
    compared : sequence of Server
        Ours first.
    repeats : int
        Rounds, at least 2.
    size : Size
        How much.

    Returns
    -------
    dict
        What stands in ``benchmarks/results/serving.json``: every number, by setting, server and round.
    """
    with ExitStack() as stack:
        load = os.getloadavg()[0]
        every = [
            stack.enter_context(running(each, subject.bodies, subject.prediction, subject.folder / f"{number}.log"))
            for number, each in enumerate(compared)
        ]
        closed = _closed(every, subject.bodies, repeats, size)
        found: dict[str, Any] = {
            "name": "serving",
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "machine": _machine() | {"load before": round(load, 2)},
            "rounds": repeats,
            "seconds": size.seconds,
            "body_bytes": {kind: len(body.content) for kind, body in subject.bodies.items()},
            "servers": {each.server.name: _about(each) for each in every},
            "closed": closed,
            "ratios": _ratios(closed),
            "open": _open(every, subject.bodies, closed, size),
            "explain": _explain(every[0], subject.bodies, repeats, size.explained),
        }
    found["parts_us"] = _parts(found["explain"], parts_of(subject) if (subject.folder / "bundle").exists() else {})
    for name, about in found["servers"].items():
        about["memory_mib"] = round(about["memory_mib"], 1)
        about["versions"] = _versions(next(each for each in compared if each.name == name))
    return found


def setting(kind: str, connections: int) -> str:
    """What a setting is called."""
    return f"{kind}, {connections} connection{'s' if connections > 1 else ''}"


def _closed(every: Sequence[Running], bodies: Mapping[str, Body], repeats: int, size: Size) -> dict[str, Any]:
    """Requests a second, CPU and errors: by setting and server, a value for each round."""
    settings = [(kind, connections) for kind in bodies for connections in CONNECTIONS]
    fields = ("rate", "cpu_ms", "generator_share", "median_ms", "others_share", "failed")
    found: dict[str, dict[str, dict[str, list[float]]]] = {
        setting(*each): {one.server.name: {field: [] for field in fields} for one in every} for each in settings
    }
    for one in every:
        for kind, body in bodies.items():
            load_test(one.url(kind), body.content, body.content_type, connections=2, requests=_warm(one))
    for number in range(repeats):
        turn = number % len(every)
        for kind, connections in settings:
            for one in [*every[turn:], *every[:turn]]:  # nobody always comes after the same one
                for field, value in _once(one, every, bodies[kind], kind, connections, size).items():
                    found[setting(kind, connections)][one.server.name][field].append(round(value, 5))
    return found


def _warm(one: Running) -> int:
    return 4 if one.server.name.startswith(BRIEF) else _WARM


def _once(
    one: Running, every: Sequence[Running], body: Body, kind: str, connections: int, size: Size
) -> dict[str, float]:
    before = [each.cpu_seconds() for each in every]
    seen = load_test(one.url(kind), body.content, body.content_type, connections=connections, seconds=size.seconds)
    spent = [each.cpu_seconds() - then for each, then in zip(every, before, strict=True)]
    own = spent[every.index(one)]
    return {
        "rate": seen.rate,
        "cpu_ms": 1e3 * own / max(1, seen.requests),
        "generator_share": seen.cpu_seconds / seen.seconds / _cores(),
        "median_ms": 1e3 * seen.latency(0.5),
        "others_share": (sum(spent) - own) / seen.seconds / _cores(),
        "failed": float(seen.errors + sum(n for status, n in seen.statuses.items() if status != 200)),
    }


def _ratios(closed: Mapping[str, Any]) -> dict[str, dict[str, list[float]]]:
    """Our rate over that of each, as value, low and high of a 95% interval: geometric means over the rounds."""
    return {
        name: {
            peer: [round(value, 3) for value in ratio(by_server[OWN]["rate"], numbers["rate"])]
            for peer, numbers in by_server.items()
            if peer != OWN
        }
        for name, by_server in closed.items()
    }


def ratio(own: Sequence[float], other: Sequence[float]) -> tuple[float, float, float]:
    """How many times as large one is as the other, round by round.

    Parameters
    ----------
    own, other : sequence of float, shape (rounds,)
        Above 0, in the same rounds.

    Returns
    -------
    tuple of float
        The geometric mean of the ratios, and its 95% interval (Student t of the logarithms).
    """
    found = intervals.mean(np.log(np.asarray(own) / np.asarray(other)))
    return math.exp(found.value), math.exp(found.low), math.exp(found.high)


def _open(
    every: Sequence[Running], bodies: Mapping[str, Body], closed: Mapping[str, Any], size: Size
) -> dict[str, dict[str, dict[str, float]]]:
    """The slowest hundredth at half of each server's own maximum, counted from the scheduled sending."""
    latencies: dict[tuple[str, str], list[float]] = {(kind, one.server.name): [] for kind in bodies for one in every}
    rates = {
        (kind, name): _HALF * float(np.median(closed[setting(kind, max(CONNECTIONS))][name]["rate"]))
        for kind, name in latencies
    }
    failed = dict.fromkeys(latencies, 0)
    for _ in range(size.open_rounds):
        for kind, body in bodies.items():
            for one in every:
                key = kind, one.server.name
                seen = open_loop(
                    one.url(kind), body.content, body.content_type, rate=rates[key], seconds=size.open_seconds
                )
                latencies[key] += seen.latencies.tolist()
                failed[key] += seen.errors + sum(n for status, n in seen.statuses.items() if status != 200)
    found: dict[str, dict[str, dict[str, float]]] = {kind: {} for kind in bodies}
    for (kind, name), seconds in latencies.items():
        p50, p99 = (round(1e3 * float(np.quantile(seconds, share)), 3) for share in (0.5, 0.99))
        found[kind][name] = {
            "rate": round(rates[kind, name], 2), "n": len(seconds), "p50_ms": p50, "p99_ms": p99,
            "failed": failed[kind, name],
        }  # fmt: skip
    return found


def _explain(own: Running, bodies: Mapping[str, Body], repeats: int, requests: int) -> dict[str, Any]:
    """CPU of /explain and of /predict, and their ratio with its interval; in a round each is asked as often."""
    found: dict[str, Any] = {}
    for kind, body in bodies.items():
        spent: dict[str, list[float]] = {"/predict": [], "/explain": []}
        for _ in range(repeats):
            for path, values in spent.items():
                url = f"http://127.0.0.1:{own.port}{path}"
                before = own.cpu_seconds()
                load_test(url, body.content, body.content_type, connections=2, requests=requests)
                values.append(max(_TICK, own.cpu_seconds() - before) / requests * 1e3)
        found[kind] = {
            "predict_cpu_ms": round(float(np.median(spent["/predict"])), 4),
            "explain_cpu_ms": round(float(np.median(spent["/explain"])), 4),
            "ratio": [round(value, 3) for value in ratio(spent["/explain"], spent["/predict"])],
        }
    return found


def parts_of(subject: Subject) -> dict[str, dict[str, float]]:
    """How long each step of an answer takes our service in this process, without HTTP.

    Parameters
    ----------
    subject : Subject
        What is served.

    Returns
    -------
    dict of str to dict of str to float
        By kind of body and step: microseconds of CPU.
    """
    from helpers.serving import open_bundle
    from helpers.serving.forms import file_of_form
    from helpers.serving.pictures import decoded, json_object, numbers

    engine = open_bundle(subject.folder / "bundle", subject.folder / "keys" / "public.pem", threads=1)

    def of_json() -> Any:
        return numbers(
            json_object(subject.bodies["json"].content, ("image",), ("image",))["image"], engine.shape, "image"
        )

    def of_form() -> Any:
        form = subject.bodies["png"]
        return decoded(file_of_form(form.content, form.content_type, "image"), engine.shape)

    image = of_form()[None]
    network = _cpu_us(lambda: engine.classify(image))
    answer = _cpu_us(lambda: engine.answer(image, 0.9))
    return {
        kind: {
            "reading the body": _cpu_us(read),
            "ONNX Runtime": network,
            "calibration, set and flag": answer - network,
        }
        for kind, read in (("json", of_json), ("png", of_form))
    }


def _cpu_us(work: Callable[[], Any], times: int = 50, blocks: int = 9) -> float:
    found = []
    for _ in range(blocks):
        began = time.thread_time()
        for _ in range(times):
            work()
        found.append((time.thread_time() - began) / times * 1e6)
    return float(np.median(found))


def _parts(explain: Mapping[str, Any], known: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The steps, and what is left of an answer's CPU: HTTP, routing, counters, the kernel."""
    found = {}
    for kind, parts in known.items():
        rest = 1e3 * explain[kind]["predict_cpu_ms"] - sum(parts.values())
        found[kind] = {
            name: round(us, 1) for name, us in (dict(parts) | {"HTTP, routing, counters, kernel": rest}).items()
        }
    return found


def _about(one: Running) -> dict[str, Any]:
    return {
        "processes": len(one.processes()),
        "memory_mib": one.memory() / _MIB,
        "cold_start_seconds": round(one.seconds, 2),
    }


def _versions(server: Server) -> dict[str, str]:
    names = ", ".join(repr(name) for name in server.packages)
    code = (
        f"import json; from importlib.metadata import version; print(json.dumps({{n: version(n) for n in [{names}]}}))"
    )
    done = subprocess.run([server.folder / "python", "-c", code], capture_output=True, text=True, check=False)
    versions: dict[str, str] = json.loads(done.stdout) if done.returncode == 0 else {}
    return versions


def _machine() -> dict[str, Any]:
    processor = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    system = f"{platform.system()} {platform.machine()}"
    return {"system": system, "processor": processor, "cores": _cores(), "python": platform.python_version()}


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ---- told


@dataclass(frozen=True)
class Ratio(Row):
    """A comparison whose target is held against the end of its interval that is worse for us.

    Attributes
    ----------
    worst : float
        That end.
    """

    worst: float = math.nan

    @property
    def met(self) -> bool | None:
        """Whether the target is met by the whole interval."""
        if self.target is None:
            return None
        return self.worst <= self.target if self.at_most else self.worst > self.target


def rows(found: Mapping[str, Any]) -> list[Row]:
    """What was measured, as the benchmarks' table takes it: microseconds from one answer to the next.

    Parameters
    ----------
    found : Mapping
        From :func:`measured`.

    Returns
    -------
    list of Row
        By setting, a peer each; then the open loop, memory, cold start and ``/explain``.
    """
    lines: list[Row] = []
    nothing = math.nan
    for name, by_server in found["closed"].items():
        own = _geometric(by_server[OWN]["rate"])
        for peer, (value, low, high) in found["ratios"][name].items():
            other = own / value
            target = WANTED[name.partition(",")[0]] if peer == BRIEF and name.endswith("connections") else 1.0
            numbers = by_server[peer]
            note = (
                f"[{low:.2f}, {high:.2f}] {other:,.0f} and {own:,.0f}/s, CPU {np.median(numbers['cpu_ms']):.2f} and "
                f"{np.median(by_server[OWN]['cpu_ms']):.2f} ms, generator {np.median(numbers['generator_share']):.0%} "
                f"and {np.median(by_server[OWN]['generator_share']):.0%} of the cores"
            )
            failed = sum(numbers["failed"]) + sum(by_server[OWN]["failed"])
            note += f", {failed:.0f} FAILED" if failed else ""
            lines.append(Ratio(name, peer, 1e6 / other, target, 1e6 / own, nothing, False, note, low))
    for kind, by_server in found["open"].items():
        part, own = f"{kind}: p99 at half of each one's own maximum", by_server[OWN]
        for peer, seen in by_server.items():
            note = f"us; at {seen['rate']:,.0f} and {own['rate']:,.0f}/s, n={seen['n']:,}, {seen['failed']:.0f} failed"
            if peer != OWN:
                lines.append(Row(part, peer, 1e3 * seen["p99_ms"], None, 1e3 * own["p99_ms"], nothing, note=note))
    own = found["servers"][OWN]
    for peer, about in found["servers"].items():
        if peer != OWN:
            note = f"MiB of PSS in {about['processes']} processes, ours in {own['processes']}"
            both = about["memory_mib"], own["memory_mib"]
            lines.append(Row("memory", peer, both[0], None, both[1], nothing, note=note))
    lines.append(Row("memory", "250 MiB", 250, 1.0, own["memory_mib"], nothing, at_most=True))
    for peer, about in found["servers"].items():
        if peer != OWN:
            both = about["cold_start_seconds"], own["cold_start_seconds"]
            lines.append(Row("seconds from start to first answer", peer, both[0], None, both[1], nothing))
    for kind, seen in found["explain"].items():
        both, worst = (seen["predict_cpu_ms"], seen["explain_cpu_ms"]), seen["ratio"][2]
        note = f"ms of CPU; [{seen['ratio'][1]:.2f}, {worst:.2f}]"
        lines.append(Ratio("/explain and /predict", kind, both[0], 2.0, both[1], nothing, True, note, worst))
    return lines


def _geometric(values: Sequence[float]) -> float:
    return math.exp(float(np.mean(np.log(values))))


def compare(subject: None, repeats: int) -> list[Row]:
    """Measure, and leave all numbers in ``build/bench/serving.json``.

    Parameters
    ----------
    subject : None
        As every part of the bench.
    repeats : int
        Rounds; two at least, for an interval.

    Returns
    -------
    list of Row
        For the table.
    """
    served = packed()
    found = measured(served, servers(served), max(2, repeats), Size())
    with written_whole(result_path("serving")) as temporary:
        temporary.write_text(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return rows(found)


# ---- what the command line names

PARTS = {
    "serving": compare,
}
