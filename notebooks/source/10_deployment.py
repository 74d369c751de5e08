# %% [markdown] slideshow={"slide_type": "slide"}
# # 10 Deployment: from notebook to a service
#
# **The question.** A network that reads signs in a notebook helps nobody. What must be true before
# a taxi may ask it over the network, and how do you know that it answers as it did here?
#
# **What you will be able to do**
#
# - turn a model into a service whose answers say how sure they are, and why,
# - prove that the service answers what the notebook's model answers,
# - refuse a question that is no picture, and a model that is not the one that was signed,
# - measure what an answer costs, and what happens when a process dies.
#
# **What you need first.** Notebook 01 (the network); from 02 what calibration, a conformal set and
# an out-of-distribution score are. No web programming.
#
# **Time.** About 75 minutes for the core with its exercises, 100 with the deeper steps, marked
# with a star; about 2 minutes to run on two cores.
#
# **What would fool you here.** A server that answers every question looks healthy. And "the
# signature is valid" says that *some* files are as they were signed.

# %%
import helpers

helpers.require("0.2")

# %%
import hashlib
import io
import json
import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path

# %%
import numpy as np
import orjson
import pandas as pd
import requests
import yaml
from flask import Flask, jsonify, request
from IPython.display import display
from PIL import Image
from werkzeug.serving import make_server

from helpers import datasets, explain, intervals, models, plotting, serving, uncertainty
from helpers.cache import build_directory, course_root
from helpers.course.exercises import check, expect
from helpers.models.backend import keras
from helpers.scorecard import Scorecard

# %% tags=["parameters"]
# The pictures that the network was trained on: "signs" are drawn here, "fashion" is real clothing.
dataset = "signs"
# "quick" takes about two minutes; "full" reads a network trained at the size of the papers.
budget = "quick"
# Every random choice below follows from this number.
seed = 0

# %%
data = datasets.load(dataset, **datasets.split_sizes(dataset, budget), seed=seed)
model = models.spine(data, budget, seed=seed).model
half = len(data.test.labels) // 2
before, later = data.test.take(slice(half)), data.test.take(slice(half, None))
print(data)
print(f"{half:,} test pictures are asked before the release, {len(later.labels):,} other ones after it")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 1: the server of a tutorial
#
# Ten lines of Flask, and a network is on the web. You find them in many tutorials: the route
# `/predict` takes a picture as nested lists in JSON and answers with a class.


# %%
def tutorial_app(number):
    app = Flask("tutorial")
    app.logger.disabled = True  # its tracebacks would fill this page

    @app.route("/predict", methods=["POST"])
    def predict():
        image = np.array(request.json["image"])
        answer = model.predict(image[None, ...], verbose=0)
        return jsonify({"prediction": number(np.argmax(answer))})

    return app


picture = before.images[0]
as_written = tutorial_app(lambda x: x).test_client()  # a client that needs no network
print("status:", as_written.post("/predict", json={"image": picture.tolist()}).status_code)

# %% [markdown]
# It has never run: status **500**, *internal server error*, to a good question. `np.argmax` gives a
# NumPy integer, and JSON knows none. With `int` around it, it answers. **Predict: which of the
# questions in the next cell does the mended server refuse?**

# %%
tutorial = tutorial_app(int).test_client()
questions = {
    "a picture of ours": {"image": picture.tolist()},
    "noise": {"image": np.random.default_rng(seed).random(data.shape).tolist()},
    "pixels from 0 to 255": {"image": (255 * picture).round().tolist()},
    "a pixel that is no number": {
        "image": np.where(np.arange(data.shape[0])[:, None, None] == 3, np.nan, picture).tolist()
    },
    "two rows too few": {"image": picture[2:].tolist()},
    "a sentence": {"image": "the sign over there"},
    "nothing": {},
}


# %%
def asked(post):
    rows = {}
    for name, question in questions.items():
        status, text = post(json.dumps(question))
        rows[name] = {"status": status, "answer": text}
    return pd.DataFrame(rows).T


def ask_tutorial(body):
    reply = tutorial.post("/predict", data=body, content_type="application/json")
    return reply.status_code, reply.get_data(as_text=True).strip().replace("\n", " ")[:60]


of_tutorial = asked(ask_tutorial)
display(of_tutorial)

# %% [markdown]
# Status 200 means "here is your answer", 4xx "your question is wrong", 5xx "I am broken". This
# server answers noise and pixels of the wrong scale as calmly as a sign, it answers a picture with
# a pixel that is no number, and where the question is wrong, it says that *it* is broken.
#
# ### Exercise 10.1 (use it): an answer to nonsense
#
# Find a picture that nobody would call one, and that the tutorial's server answers with status 200:
# of the right shape, and with at least one value that no pixel can have. Put it into `nonsense`.
#
# *Hint.* A pixel lies between 0 and 1. `tutorial.post("/predict", json={"image": ...})` asks.

# %% tags=["exercise-use"]
nonsense = None
### BEGIN SOLUTION
nonsense = np.full(data.shape, -1000.0)
### END SOLUTION


# %% tags=["check"]
def test_nonsense(answer):
    array = np.asarray(answer, dtype=float)
    expect(array.shape == data.shape, f"a picture has shape {data.shape}, yours has {array.shape}")
    possible = np.isfinite(array) & (array >= 0) & (array <= 1)
    expect(not possible.all(), "every value is from 0 to 1: this could be a picture")
    reply = tutorial_app(int).test_client().post("/predict", json={"image": array.tolist()})
    expect(reply.status_code == 200, f"the server answers with status {reply.status_code}; find one that it takes")


check("10.1 an answer to nonsense", nonsense, test_nonsense)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 2: everything that an answer needs, in one signed folder
#
# A service needs more than weights: the temperature that calibrates them (02), the scores that make
# conformal sets, the features that tell strangers, the scorecard, a model card, a data card. And it
# needs *no* TensorFlow: the network is exported to ONNX, a file format for networks, which a small
# library, ONNX Runtime, computes. All of it together is a **bundle**. It is calibrated on what the
# *exported* file answers, and one signature covers every file.

# %%
card = dict.fromkeys(serving.CARD_SECTIONS, "See the notebooks 01 to 09 of this course.") | {
    "intended_use": "A course: reading drawn road signs of 32 by 32 pixels, or clothing.",
    "out_of_scope": "Real traffic.",
}
about_data = serving.data_card(
    dataset, f"Pictures of {dataset}.", data.class_names, {"train": len(data.train.labels)}, version="1.0.0",
    published="2026-11-27", url="https://example.org/data", license="https://creativecommons.org/licenses/by/4.0/",
    creator="Vigilant Vision", collection="Drawn from a seed, or bought.", limitations="No real streets.",
)  # fmt: skip
workshop = build_directory() / f"bundles-{dataset}-{seed}"


# %%
def packed(folder, private_key):
    return serving.pack(
        folder,
        model,
        name=dataset,
        version="1.2",
        serial=2,
        class_names=data.class_names,
        reference=data.train.take(slice(1000)).images,
        calibration=(data.calibration.images, data.calibration.labels),
        card=card,
        data=about_data,
        scorecard=[],
        private_key=private_key,
    )


# %%
shutil.rmtree(workshop, ignore_errors=True)
private_key, public_key = serving.make_keys(workshop / "keys")
bundle = packed(workshop / "signs-2", private_key)
pd.DataFrame({"kilobytes": {path.name: path.stat().st_size / 1000 for path in sorted(bundle.iterdir())}}).round(1)

# %% [markdown]
# No `pickle` anywhere: Python's own format for saved objects runs code when it is read, so whoever
# can swap the file owns the server. Now open the bundle: the signature is verified before a single
# byte of it is used.

# %%
engine = serving.open_bundle(bundle, public_key, threads=1)
stored = json.loads((bundle / "calibration.json").read_text())
print(f"temperature {stored['temperature']:.2f}; {len(stored['conformal']['scores']):,} conformal scores")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 3: an answer, by hand
#
# What does the service do with a picture's logits $z$ and features $f$? Three things of notebook
# 02. Probabilities: softmax of $z / T$, with the temperature $T$. The **conformal set** at level
# $1 - \alpha$: of the $n$ calibration scores $s_i = 1 - p_i(\text{truth})$, take the
# $\lceil (n+1)(1-\alpha) \rceil$-th smallest, $q$; the set holds the classes with
# $1 - p \le q$. And a stranger is who is further from its tenth nearest training picture than 95%
# of the calibration pictures are.


# %%
def by_hand(images, level):
    logits, found = engine.classify(images)
    p = uncertainty.softmax(logits / stored["temperature"])
    scores = np.array(stored["conformal"]["scores"])  # rising
    rank = int(np.ceil((len(scores) + 1) * level))
    sets = 1 - p <= scores[rank - 1]
    known = np.load(bundle / "features.npy")
    unit_known, unit_found = (f / np.linalg.norm(f, axis=1, keepdims=True) for f in (known, found))
    distances = np.linalg.norm(unit_found[:, None] - unit_known, axis=2)
    tenth = np.sort(distances, axis=1)[:, stored["strange"]["k"] - 1]
    return p, sets, tenth > stored["strange"]["threshold"]


ours, answers = by_hand(before.images[:100], 0.9), engine.answer(before.images[:100], 0.9)

# %% tags=["nbval-check-output"]
print("the engine gives the same probabilities:", np.allclose(ours[0], answers.probabilities, atol=1e-5))
print("the same sets:", np.array_equal(ours[1], answers.sets))
print("the same strangers:", np.array_equal(ours[2], answers.strange))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 4: the service
#
# The engine knows nothing of the web. In front of it stands FastAPI, a library for services with a
# **contract**: what each route takes and answers, as a file that machines read (OpenAPI). Two
# worker processes share the questions. The next cell starts them beside this notebook.

# %%
service = serving.LocalService(bundle, public_key, workers=2)
taxi = requests.Session()
taxi.trust_env = False  # whatever proxy is set: the service is on this machine
reply = taxi.post(f"{service.url}/predict", json={"image": picture.tolist()})
print(json.dumps(reply.json(), indent=1))

# %% [markdown]
# The class is one line of the answer. `probabilities` are calibrated. `set` holds the truth nine
# times in ten, as `level` says; ask for another level with `/predict?level=0.99`. Then the flag: of
# our own pictures it calls one in twenty strange, as it was set to. And which bundle has answered.
# Now the same questions as before:


# %%
JSON = {"content-type": "application/json"}


def ask_service(body):
    reply = taxi.post(f"{service.url}/predict", data=body, headers=JSON)
    said = reply.json()
    return reply.status_code, said.get("detail") or f"{said['class']}, strange: {said['out_of_distribution']}"


of_service = asked(ask_service)
with pd.option_context("display.max_colwidth", None):
    display(of_service)


# %%
def refusals_title(theirs, own):
    broken, wrong = ((theirs >= 500).sum(), (own >= 500).sum())
    return f"Questions answered with 'I am broken': {broken} by the tutorial's server, {wrong} by ours"


# %%
print(refusals_title(of_tutorial["status"].astype(int), of_service["status"].astype(int)))

# %% [markdown]
# A question that is wrong gets a 4xx and a sentence that says what was expected. Noise is a
# picture; whether it is *called* strange is another question, which step 5 measures. A taxi's
# camera sends files, not lists. The route takes PNG and JPEG, too:

# %%
file = io.BytesIO()
Image.fromarray((255 * picture).round().astype(np.uint8).squeeze()).save(file, "PNG")
png = file.getvalue()
by_png = taxi.post(f"{service.url}/predict", data=png, headers={"content-type": "image/png"}).json()
lists = json.dumps({"image": picture.tolist()}).encode()
print(f"PNG {len(png):,} bytes, lists {len(lists):,} bytes; the same class: {by_png['class'] == reply.json()['class']}")
contract = taxi.get(f"{service.url}/openapi.json").json()
for path, operations in contract["paths"].items():
    print(", ".join(operations).upper(), path)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 5: does it keep its promises?
#
# Three promises can be checked from outside, with pictures that nobody used for any choice. The
# **Open Inference Protocol** (the routes under `/v2`) takes many pictures in a question; KServe and
# other servers speak it as well. **Predict: by how much do the service's probabilities differ from
# those of the network in this notebook?**


# %%
def inference(images, level=0.9):
    tensor = {"name": "images", "shape": images.shape, "datatype": "FP32", "data": images.ravel()}
    question = orjson.dumps(
        {"inputs": [tensor], "parameters": {"level": level}}, option=orjson.OPT_SERIALIZE_NUMPY
    )  # faster than json for many numbers
    reply = taxi.post(f"{service.url}/v2/models/{dataset}/infer", data=question, headers=JSON)
    reply.raise_for_status()
    return {out["name"]: np.reshape(out["data"], out["shape"]) for out in reply.json()["outputs"]}


def ask_all(images, level=0.9):
    parts = [inference(images[at : at + 32], level) for at in range(0, len(images), 32)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


said_before, said = ask_all(before.images), ask_all(later.images)
print({name: values.shape for name, values in said.items()})

# %% [markdown]
# The service's probabilities must be the network's, its logits divided by the temperature first.
# The sets must hold the truth in 90% of the cases, but not exactly: $n$ calibration pictures and
# $m$ test pictures are samples, and the **coverage** follows a Beta-binomial law that both numbers
# fix (02). The flag must accuse as few of our own pictures after the release as before it.

# %%
tempered = uncertainty.softmax(models.predict_split(models.logits_model(model), later) / stored["temperature"])
apart = float(np.abs(said["probabilities"] - tempered).max())
covered = uncertainty.coverage(said["sets"].astype(bool), later.labels)
law = uncertainty.coverage_law(len(stored["conformal"]["scores"]), len(later.labels), 0.1)
least, most = law.ppf([0.005, 0.995]) / len(later.labels)
print(f"probabilities: at most {apart:.1e} apart, {said['probabilities'].size:,} of them")
print(f"coverage: {covered}; 99 of 100 honest services lie between {least:.3f} and {most:.3f}")
accused_before, accused = (intervals.proportion(answer["strange"].astype(bool)) for answer in (said_before, said))
print(f"our own pictures called strange: before {accused_before}, after {accused}")

# %%
far = datasets.load("digits", train=100, calibration=100, test=500, seed=seed).test
strangers = {"digits": datasets.reshape_split(far, data.shape).images}
strangers["noise"] = np.random.default_rng(seed).random((500, *data.shape)).astype(np.float32)
if dataset == "signs":
    near = datasets.load("signs", train=100, calibration=100, test=100, seed=seed, unseen=500)
    strangers["signs of other kinds"] = near.unseen.images
called = {name: intervals.proportion(ask_all(images)["strange"].astype(bool)) for name, images in strangers.items()}


# %%
def noticed_title(found):
    best, worst = (pick(found, key=lambda name: found[name].value) for pick in (max, min))
    return f"Called strange: {found[best].value:.0%} of {best}, {found[worst].value:.0%} of {worst}"


plotting.forest_plot(
    called | {"our own": accused},
    title=noticed_title(called),
    alt="Share of pictures that the service calls strange, for strangers and for its own, with intervals.",
    x_label="share called strange",
    reference=("promised for our own", 0.05),
)

# %% [markdown]
# What the flag misses, the taxi will treat as a sign. A service that reports this number is better
# than one that only has a flag.
#
# ### Exercise 10.2 (build it): when may the taxi act?
#
# Write `decide(answer)`. It gets what `/predict` answers (a dictionary as in step 4), and returns
# the class as text if the taxi may act on it, and the text `"ask"` if a person must look: when the
# picture is called strange, or when the set does not hold exactly one class.
#
# *Hint.* `answer["set"]` is a list. It may be empty: then no class is likely enough.


# %% tags=["exercise-build"]
def decide(answer):
    ...
    ### BEGIN SOLUTION
    return "ask" if answer["out_of_distribution"] or len(answer["set"]) != 1 else answer["set"][0]
    ### END SOLUTION


# %% tags=["check"]
def test_decide(rule):
    base = {"prediction": 1, "level": 0.9, "version": "1.2", "probabilities": {"stop": 0.3, "yield": 0.7}}
    calm = base | {"class": "yield", "set": ["yield"], "out_of_distribution": False}
    given = rule(dict(calm))
    expect(given != "ask", "one class and not strange: the taxi may act, and you ask")
    expect(given == "yield", f"the answer's class is 'yield', you return {given!r}")
    expect(rule(calm | {"out_of_distribution": True}) == "ask", "a strange picture is for a person, whatever its set")
    expect(rule(calm | {"set": ["stop", "yield"]}) == "ask", "two classes in the set: a person must look")
    expect(rule(calm | {"set": []}) == "ask", "an empty set names no class: a person must look")


check("10.2 when may the taxi act?", decide, test_decide)

# %% [markdown]
# What does such a rule buy, on the pictures asked after the release? We count with arrays what
# `decide` does with one answer.

# %%
sure = (said["sets"].sum(axis=1) == 1) & ~said["strange"].astype(bool)
wrong = said["classes"] != later.labels
acts, wrong_all, wrong_kept = intervals.proportion(sure), intervals.proportion(wrong), intervals.proportion(wrong[sure])
print(f"the taxi acts on {acts.value:.0%} of the signs; wrong among these: {wrong_kept}; wrong among all: {wrong_all}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 6: where did it look?
#
# `/explain` answers with a GradCAM map (04). ONNX has no gradients, so how? For this network they
# can be written in *closed form*: after the last maps come one dense layer with ReLU and one linear
# layer, and the slope of such a piece is a product of its weights where the ReLU is on. These
# products were exported, too. **Predict: how far are the maps from those of TensorFlow's
# gradients?**

# %%
few = later.images[:6]
asked_why = [taxi.post(f"{service.url}/explain", json={"image": image.tolist()}).json() for image in few]
maps = np.array([answer["map"] for answer in asked_why], np.float32)
named = np.array([data.class_names.index(answer["class"]) for answer in asked_why])
by_gradients = explain.gradcam(model)(few, named)
print(f"largest value {by_gradients.max():.3g}; at most {np.abs(maps - by_gradients).max():.1e} apart")
plotting.attribution_maps(
    few,
    {"the service": maps},
    [answer["class"] for answer in asked_why],
    title="Where the service says that it looked, for the class that it answered",
    alt="Six pictures, and for each the GradCAM map that the service answers.",
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 7: a signature that is valid, and a model that is not yours
#
# Your server opens a bundle that lay on a disk for a week. `model-signing`, by the Open Source
# Security Foundation, verifies it: the tool that people are told to use. Five bundles wait below.
# In each, something is not what its maker meant you to load.

# %%
planted = workshop / "planted"
shutil.rmtree(planted, ignore_errors=True)
spoilt = {kind: serving.plant(kind, bundle, planted, private_key) for kind in serving.ATTACKS}
for kind, words in serving.ATTACKS.items():
    print(f"{kind:16} {words}")

# %% [markdown]
# **Predict: which of the five does the tool accept?** It is called in three ways: as it comes, and
# with each of two options that people reach for when it complains about something harmless.

# %%
said_of = {
    name: {kind: serving.naive_verify(path, public_key, **how).accepted for kind, path in spoilt.items()}
    for name, how in serving.GUARDS.items()
}
newest = 2  # the serial of the last bundle that this server has opened
full = {kind: serving.full_verify(path, public_key, newest) for kind, path in spoilt.items()}
said_of["ours"] = {kind: verdict.accepted for kind, verdict in full.items()}
verdicts = pd.DataFrame(said_of).replace({True: "accepted", False: "refused"})
display(verdicts)
print("the honest bundle:", serving.full_verify(bundle, public_key, newest).accepted)


# %%
def guards_title(accepted):
    return ", ".join(f"'{name}' lets {sum(let.values())} of {len(let)} in" for name, let in accepted.items())


print(guards_title(said_of))

# %%
for kind, verdict in full.items():
    print(f"{kind}: {verdict.why[:160]}\n")

# %% [markdown]
# The tool is not broken. It answers "are the files that I look at the ones that were signed?" A
# service must ask "is this, to the file, what I am meant to load?" So ours asks for a *closed list
# of plain files*, reads each once, verifies the copy that it uses, and remembers the newest serial
# that it has seen.
#
# ### Exercise 10.3 (find the bug): the colleague's check
#
# A colleague writes his own check. `signed` maps each file's name to the SHA-256 (a fingerprint) of
# its content, and nobody can change it. `problems(folder, signed)` shall return a list with the
# name of everything that is wrong: *empty if, and only if, the folder holds exactly the signed
# files, as plain files*. It finds a changed file. That is not enough. Mend it.
#
# *Hint.* It asks only about names that were signed. What else can lie in a folder? `Path.iterdir`,
# `Path.is_symlink`.


# %%
def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# %% tags=["exercise-bug"]
def problems(folder, signed):
    found = []
    for name in signed:
        path = Path(folder, name)
        if path.exists() and sha256(path) != signed[name]:
            found.append(name)
    ### BEGIN SOLUTION
    found = []
    here = {path.name for path in Path(folder).iterdir()}
    for name in sorted(here | set(signed)):
        path = Path(folder, name)
        plain = path.is_file() and not path.is_symlink()
        if name not in signed or not plain or sha256(path) != signed[name]:
            found.append(name)
    ### END SOLUTION
    return found


# %% tags=["check"]
def folders_to_check(root):
    """Folders by what is wrong in them, each with the name that must be found."""
    files = {"model.onnx": b"weights", "card.json": b"{}"}
    made = {}
    for kind in ("nothing", "a changed file", "an added file", "a file that is gone", "a link", "a hidden folder"):
        made[kind] = Path(root, kind)
        made[kind].mkdir()
        for name, content in files.items():
            (made[kind] / name).write_bytes(content)
    (made["a changed file"] / "card.json").write_bytes(b"{ }")
    (made["an added file"] / "setup.py").write_bytes(b"print()")
    (made["a file that is gone"] / "card.json").unlink()
    (made["a link"] / "card.json").rename(Path(root, "elsewhere.json"))
    (made["a link"] / "card.json").symlink_to(Path(root, "elsewhere.json"))
    (made["a hidden folder"] / ".git").mkdir()
    guilty = ["", "card.json", "setup.py", "card.json", "card.json", ".git"]
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}, dict(
        zip(made.items(), guilty, strict=True)
    )


def test_problems(function):
    with tempfile.TemporaryDirectory() as root:
        signed, cases = folders_to_check(root)
        for (kind, folder), name in cases.items():
            given = function(folder, dict(signed))
            expect(isinstance(given, list | tuple | set), f"return a list of names, you return {given!r}")
            found = {str(each) for each in given}
            if kind == "nothing":
                expect(not found, f"nothing is wrong with this folder, and you name {sorted(found)}")
            else:
                expect(bool(found), f"{kind} ({name}): you find nothing")
                expect({Path(each).name for each in found} == {name}, f"{kind} ({name}): you name {sorted(found)}")


check("10.3 the colleague's check", problems, test_problems)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 8: what does an answer cost?
#
# TensorFlow's `predict` in the tutorial's server is made for thousands of pictures at once. For one
# picture, starting takes most of its time. **Predict: of the processor time that the service takes
# for one answer, how much is the network itself?** The rest is calibration, set and flag, and
# everything around: HTTP, reading the picture, writing the answer. (Processor time, not time on
# the clock. It depends on what else the machine does, too, but less.)


# %%
def in_kernel(function, n=1000):  # seconds of processor time for a call
    start = time.process_time()
    for _ in range(n):
        function()
    return (time.process_time() - start) / n


def in_service(body, kind, n=1000):
    start = service.cpu_seconds()
    serving.load_test(f"{service.url}/predict", body, kind, connections=4, requests=n)
    return (service.cpu_seconds() - start) / n


# %%
bodies = {"a PNG file": (png, "image/png"), "lists in JSON": (lists, "application/json")}
one = picture[None]


def costs():
    return {
        "network": in_kernel(lambda: engine.classify(one)),
        "engine": in_kernel(lambda: engine.answer(one, 0.9)),
    } | {name: in_service(*body) for name, body in bodies.items()}


costs()  # once to warm up
rounds = pd.DataFrame([costs() for _ in range(3)])

# %%
typical = 1000 * rounds.median()  # ms
times_bare = {name: intervals.mean(rounds[name] / rounds["network"]) for name in bodies}
parts = {
    "the network": [typical["network"]] * 2,
    "calibration, set and flag": [typical["engine"] - typical["network"]] * 2,
    "HTTP, reading and writing": [typical[name] - typical["engine"] for name in bodies],
}


# %%
def cost_title(parts, names):
    shares = [bars[0] / sum(bars) for bars in zip(*parts.values(), strict=True)]
    return "The network is " + ", ".join(f"{s:.0%} of an answer to {n}" for s, n in zip(shares, names, strict=True))


plotting.stacked_bars(
    parts,
    list(bodies),
    title=cost_title(parts, list(bodies)),
    alt="For a picture sent as PNG and as JSON: processor time of the network, of calibration, set and flag, and of the rest.",
    y_label="ms of a processor for an answer",
)

# %% [markdown]
# A picture as text is twenty times as long as the file, and somebody has to read it.
#
# How many answers a second is that? Both servers run on this machine, and so does the client that
# asks them: 16 connections, each asks again as soon as it has its answer. **Predict the ratio.**


# %%
def under_load(url, connections, requests):
    result = serving.load_test(f"{url}/predict", lists, connections=connections, requests=requests)
    return result.rate, 1000 * result.latency(0.5), 1000 * result.latency(0.99)


logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
flask_server = make_server("127.0.0.1", 0, tutorial_app(int), threaded=True)  # what Flask's app.run starts
threading.Thread(target=flask_server.serve_forever, daemon=True).start()
speeds = {"tutorial": [], "service": []}
for _ in range(3):  # in turn, so that both meet the same machine
    speeds["tutorial"].append(under_load(f"http://127.0.0.1:{flask_server.server_port}", 16, 32))
    speeds["service"].append(under_load(service.url, 16, 2000))
flask_server.shutdown()
flask_server.server_close()
medians = {name: np.median(values, axis=0) for name, values in speeds.items()}
pd.DataFrame(medians, index=["answers a second", "median ms", "99% within ms"]).round(1)


# %%
def speed_title(theirs, own):
    times = own / theirs
    return f"The service gives {times:.0f} times as many answers" if times >= 1.5 else "The service is no faster"


print(speed_title(medians["tutorial"][0], medians["service"][0]))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 9: a process dies
#
# Processes die: out of memory, a fault in a driver, an operator's mistake. One of the two workers
# is now killed under load, in the hardest way (`SIGKILL`: it cannot say goodbye). **Predict: of
# 3,000 questions, how many get no answer?** And does the counter of answered questions, which
# notebook 11 watches, forget what the dead worker had counted?


# %%
def counted():
    page = taxi.get(f"{service.url}/metrics").text
    lines = [
        line for line in page.splitlines() if line.startswith('vigilant_requests_total{route="/predict",status="200"}')
    ]
    return float(lines[0].split()[-1])


def kill_a_worker():
    victim = taxi.get(f"{service.url}/healthz").json()["process"]
    os.kill(victim, signal.SIGKILL)


count_before = counted()
killer = threading.Timer(0.5, kill_a_worker)
killer.start()
under_fire = serving.load_test(f"{service.url}/predict", png, "image/png", connections=8, requests=3000)
killer.join()
count_after = counted()


# %%
def killed_title(lost, connections):
    few = "no more than" if lost <= connections else "MORE than"
    return f"{lost} questions without an answer, {few} the {connections} connections that were open"


print(dict(under_fire.statuses), killed_title(under_fire.errors, 8))
print(f"counted: {count_before:,.0f} before, {count_after:,.0f} after; it grew by {count_after - count_before:,.0f}")

# %% [markdown]
# What the dead worker was working on is lost, one question for each of its connections at most.
# Nothing else is, and another worker takes its place. A client that asks once more gets its answer.
# The counters lie in files, which outlive a process.
#
# An *orderly* end is another thing. Kubernetes sends `SIGTERM` to a service that it replaces by a
# newer one. What has been sent before that must be answered. Another service for this, eight
# questions, and the signal:

# %%
ending = serving.LocalService(bundle, public_key, workers=1)
where = ("127.0.0.1", int(ending.url.rpartition(":")[2]))
head = f"POST /predict HTTP/1.1\r\nhost: taxi\r\ncontent-type: image/png\r\ncontent-length: {len(png)}\r\n\r\n"
waiting = [socket.create_connection(where) for _ in range(8)]
for each in waiting:
    each.sendall(head.encode() + png)
exit_status = ending.stop()
first_lines = [each.recv(4096).split(b"\r\n")[0].decode() for each in waiting]
for each in waiting:
    each.close()

# %% tags=["nbval-check-output"]
print(first_lines.count("HTTP/1.1 200 OK"), "of 8 answered; exit status", exit_status)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 10: the record

# %%
weights = {"course_cnn": models.digest(model)}
scorecard = Scorecard("10_deployment", dataset, "course_cnn", seed=seed, budget=budget, digests=weights)
share = {"bounds": (0, 1)}
n_numbers = said["probabilities"].size
widest = "largest difference of a probability, service and network"
scorecard.record("serving", widest, apart, apart, apart, n_numbers, direction="lower", **share)
scorecard.record("serving", "coverage of 90% sets", *covered, direction="higher", **share)
scorecard.record(
    "serving", "own pictures called strange, before the release", *accused_before, direction="lower", **share
)
scorecard.record("serving", "own pictures called strange, after the release", *accused, direction="lower", **share)

# %%
let_in = {name: intervals.proportion(list(accepted.values())) for name, accepted in said_of.items()}
scorecard.record("serving", "digits called strange", *called["digits"], direction="higher", **share)
scorecard.record("serving", "wrong answers that the taxi acts on", *wrong_kept, direction="lower", **share)
scorecard.record("serving", "spoilt bundles let in", *let_in["ours"], direction="lower", **share)
scorecard.record(
    "serving", "spoilt bundles let in by the signature alone", *let_in["as it comes"], direction="lower", **share
)

# %%
for name, times in times_bare.items():
    metric = f"processor time of an answer to {name}, times the network's own"
    scorecard.record("serving", metric, *times, direction="lower", timed=True)
ratio = intervals.mean([own[0] / theirs[0] for own, theirs in zip(speeds["service"], speeds["tutorial"], strict=True)])
tail = intervals.mean([each[2] for each in speeds["service"]])
scorecard.record("serving", "answers a second, times the tutorial's", *ratio, direction="higher", timed=True)
scorecard.record("serving", "99% of answers within, ms", *tail, direction="lower", timed=True)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# A service is more than a route around `predict`: it refuses what is no question, says how sure it
# is, and can be held to both. That it answers what the notebook's model answers was *measured*, as
# were its sets and its flag, on pictures that no choice had seen. A valid signature is not enough:
# what it does not cover must be refused as well. And processes die; what matters is what is lost.
#
# **Limits.** One machine, one client, two cores, and the client takes its part of them: the ratio
# is of this machine. The flag misses most strangers where its share above is small. The signature
# says who packed a bundle, not that its model is good. Nothing here is encrypted, and nobody logs
# in: that is the work of what stands in front (an ingress, a service mesh).

# %% [markdown] tags=["deeper"]
# ## Step 11: what a cluster is told *
#
# Outside a notebook the service runs in a **container**: `deploy/Dockerfile` puts Python, locked
# packages and the few files that answer into an image. **Kubernetes** runs containers on many
# machines, and is told in objects what it must keep true. `deploy/kubernetes/` holds them, and
# `docs/deploy.md` leads through them from an empty cluster. Read the part that matters most:


# %% tags=["deeper"]
deployment = course_root() / "deploy" / "kubernetes" / "service" / "deployment.yaml"
pod = yaml.safe_load(deployment.read_text())["spec"]["template"]["spec"]
answering = next(each for each in pod["containers"] if each["name"] == "service")
lines = {
    "runs as": (pod["securityContext"], "not as root, in a process that may call less of the kernel"),
    "may gain": (answering["securityContext"], "no privileges, and nothing can be written into the image"),
    "may take": (answering["resources"]["limits"], "a fault here starves nobody beside it"),
    "is ready": (answering["readinessProbe"]["httpGet"], "no question before the bundle is verified and open"),
    "is alive": (answering["livenessProbe"]["httpGet"], "what does not answer at all is started again"),
    "has time to end": (pod["terminationGracePeriodSeconds"], "seconds for what was accepted (step 9)"),
}
with pd.option_context("display.max_colwidth", None):
    display(pd.DataFrame(lines, index=["the file says", "so that"]).T)

# %% [markdown] tags=["deeper"]
# A file that says the right thing today may not do so tomorrow. So there is a check for each line,
# and for each check a file that it must refuse. **Predict which of these three rules the changed
# pod breaks.**


# %% tags=["deeper"]
def broken_rules(pod):
    own = [pod.get("securityContext", {}) | each.get("securityContext", {}) for each in pod["containers"]]
    rules = {
        "never root": all(each.get("runAsNonRoot") for each in own),
        "no way to more privileges": all(each.get("allowPrivilegeEscalation") is False for each in own),
        "limits on processor and memory": all(
            {"cpu", "memory"} <= set(each.get("resources", {}).get("limits", {})) for each in pod["containers"]
        ),
    }
    return [name for name, kept in rules.items() if not kept]


hasty = pod | {"containers": [{name: value for name, value in answering.items() if name != "securityContext"}]}

# %% tags=["deeper", "nbval-check-output"]
print("ours breaks", broken_rules(pod) or "none", "- without the container's securityContext:", broken_rules(hasty))

# %% [markdown] tags=["deeper"]
# The pod's own settings still forbid root. The container's are gone, and with them the lock on
# privileges. **KServe** is a layer above: one object, `InferenceService`, names a model and
# Kubernetes gets Deployment, Service and autoscaler from it. Ours (`deploy/kubernetes/kserve/`)
# puts the same container behind it, which is why the service speaks the Open Inference Protocol. It
# names its mode, `Standard`, for the default is another one in some releases. All of this was
# checked against the schemas of Kubernetes and KServe, and run with podman; not on a real cluster.

# %% [markdown] tags=["deeper"]
# ## Step 12: stolen by asking *
#
# Whoever may ask can learn from the answers. A **thief** sends 2,000 pictures of his own and trains
# a network on what the service says (Tramèr and others, 2016). Is it safer to answer the class
# alone? **Predict: how often does the stolen network agree with the service, with probabilities and
# with classes alone?**


# %% tags=["deeper"]
def stolen(answers):
    thief = models.course_cnn(data.shape, len(data.class_names), seed=seed)
    thief.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy")
    keras.utils.set_random_seed(seed)
    thief.fit(before.images, answers, epochs=8, batch_size=64, verbose=0)
    return models.predict_split(thief, later).argmax(axis=1)


classes_alone = np.eye(len(data.class_names), dtype=np.float32)[said_before["classes"]]
agrees = {
    "probabilities": stolen(said_before["probabilities"].astype(np.float32)) == said["classes"],
    "the class alone": stolen(classes_alone) == said["classes"],
}
for name, right in agrees.items():
    print(f"{name}: agrees with the service on {intervals.proportion(right)}")


# %% tags=["deeper"]
def thief_title(gain):
    if gain.low > 0:
        return f"Probabilities help the thief: {100 * gain.value:.1f} points more"
    if gain.high < 0:
        return f"Probabilities hinder the thief: {-100 * gain.value:.1f} points less"
    return "With probabilities or without, the thief gets as far, as far as this can tell"


# %% tags=["deeper"]
gain = intervals.mean(agrees["probabilities"].astype(float) - agrees["the class alone"])
print(thief_title(gain))
scorecard.record(
    "serving", "stolen network, agreement with probabilities", *intervals.proportion(agrees["probabilities"]),
    direction="lower", core=False, **share,
)  # fmt: skip
scorecard.record(
    "serving",
    "stolen network, probabilities minus the class alone",
    *gain,
    direction="lower",
    core=False,
    bounds=(-1, 1),
)

# %% [markdown] tags=["deeper"]
# Hiding the probabilities would cost everybody who needs them, and the thief keeps most of what he
# came for. What slows him is a limit on questions (`Limits(rate=...)`), an account, and a look at
# who asks what.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## To go on
#
# **Further reading**
#
# - F. Tramèr, F. Zhang, A. Juels, M. Reiter, T. Ristenpart (2016), *Stealing Machine Learning
#   Models via Prediction APIs*
# - M. Sadinle, J. Lei, L. Wasserman (2019), *Least Ambiguous Set-Valued Classifiers with Bounded
#   Error Levels*
# - Y. Sun, Y. Ming, X. Zhu, Y. Li (2022), *Out-of-Distribution Detection with Deep Nearest
#   Neighbors*
# - M. Mitchell and others (2019), *Model Cards for Model Reporting*
# - M. Akhtar and others (2024), *Croissant: A Metadata Format for ML-Ready Datasets*
# - OpenSSF (2025), *Model Signing Specification*
# - The *Open Inference Protocol* (KServe), version 2
#
# **Next:** notebook 11, monitoring: would you notice?
