# %% [markdown]
# # Companion to 12: the same pipeline in Kubeflow's hands
#
# **The question.** Notebook 12 runs its pipeline as plain functions. What does Kubeflow make of the
# same steps, and what does its cache make of a gate?
#
# **What you will be able to do**
#
# - compile a pipeline, and read in the YAML what will be asked anew and what a cache may answer,
# - run it on this machine with kfp's local runner, and see a gate stop it,
# - let a worse model pass through a cached gate, and find that gate in the YAML before it happens.
#
# **What you need first.** Notebook 12, steps 1 to 4. And this kernel, *Vigilant Vision: pipeline
# companion*, made once by `make companions`.
#
# **What would fool you here.** A pipeline that has run green on your own machine. The local runner
# leaves caches out unless it is told otherwise, and a cluster has one unless it is told otherwise.
#
# **What is real here.** The compiler, the runner, its cache; the gate, the signing and the registry
# are the course's own. Data, training, measuring and packing are stand-ins of a few lines: the real
# ones take TensorFlow and an hour, and would be stopped by the same gate. There is no Kubernetes.

# %%
import contextlib
import io
import json
import os
import runpy
import tempfile
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

# %%
import kfp
from kfp import compiler, dsl, local
from kfp.dsl import Artifact, Input, Model, Output

from helpers import pipeline, scorecard, serving
from helpers.cache import course_root

print(f"kfp {kfp.__version__}")

# %% tags=["parameters"]
# Of which seed the good model is; the worse one is of the next.
seed = 10

# %% [markdown]
# ## Step 1: compile, and read what came out
#
# `deploy/pipeline/pipeline.py` says which step is which container and what goes into it. The
# compiler makes one YAML of it: that, and not the Python, is what a cluster gets. It lies in the
# repository, so that a change of it is seen in review.

# %%
rooms = Path((folder := tempfile.TemporaryDirectory(prefix="vigilant-pipeline-")).name)
deployed = course_root() / "deploy" / "pipeline"
course = SimpleNamespace(**runpy.run_path(str(deployed / "pipeline.py")))
compiled = course.compile_to(rooms / "pipeline.yaml")
same = compiled.read_text() == (deployed / "pipeline.yaml").read_text()
print(f"the committed YAML is what the compiler makes: {same}")
for task in pipeline.compiled_tasks(compiled):
    asked = "a cache may answer" if task.cached else "asked anew"
    print(f"{task.name:8} {asked:20} after {', '.join(task.after) or 'nothing'}")

# %% [markdown]
# Turning the cache off leaves no word in the YAML: an empty `cachingOptions`. Leaving it alone
# writes `enableCache: true`. The audit that notebook 12 uses reads just that:

# %%
print("gates that a cache may answer:", pipeline.cached_gates(compiled) or "none")

# %% [markdown]
# ## Step 2: the same pipeline with steps that run here
#
# kfp's local runner without Docker (`SubprocessRunner`) runs Python functions and refuses
# containers. So the same connections get other steps: same names, same inputs, same outputs.
# `use_venv=False` and `packages_to_install=[]`: they run in this kernel's environment, and nothing
# is fetched. What they need of this notebook they find through variables.

# %%
os.environ |= {"PIPELINE_CARDS": str(rooms / "cards"), "PIPELINE_SHOP": str(rooms / "shop")}
os.environ["TMPDIR"] = str(rooms)  # kfp leaves a folder there for each step
HERE = {"base_image": "python:3.11", "packages_to_install": [], "install_kfp_package": False}


@dsl.component(**HERE)
def data(budget: str, seed: int, out: Output[Artifact]):
    import json
    from pathlib import Path

    Path(out.path).mkdir(parents=True)
    Path(out.path, "data.json").write_text(json.dumps({"budget": budget, "seed": seed}))


# %%
@dsl.component(**HERE)
def train(data: Input[Artifact], out: Output[Model]):
    import json
    from pathlib import Path

    said = json.loads(Path(data.path, "data.json").read_text())
    said |= {"model": "course_cnn", "digest": f"weights of seed {said['seed']}"}
    Path(out.path).mkdir(parents=True)
    Path(out.path, "model.json").write_text(json.dumps(said))


# %%
@dsl.component(**HERE)
def measure(model: Input[Model], notebooks: str, out: Output[Artifact]):
    import json
    import os
    import shutil
    from pathlib import Path

    of_seed = json.loads(Path(model.path, "model.json").read_text())["seed"]
    Path(out.path).mkdir(parents=True)
    shutil.copy(Path(os.environ["PIPELINE_CARDS"], f"{of_seed}.json"), Path(out.path, "scorecard.json"))


# %%
@dsl.component(**HERE)
def gate(model: Input[Model], measured: Input[Artifact], out: Output[Artifact]):
    from pathlib import Path

    from helpers.pipeline import release_gate

    release_gate(Path(model.path), Path(measured.path), Path(out.path))


# %%
@dsl.component(**HERE)
def package(
    model: Input[Model], measured: Input[Artifact], verdict: Input[Artifact],
    version: str, serial: int, out: Output[Artifact],
):  # fmt: skip
    import json
    from pathlib import Path

    from helpers.serving import FILES, make_keys, write_bundle

    about = {"format": 1, "name": "signs", "version": version, "serial": serial, "shape": [1, 1, 3], "class_names": []}
    contents = dict.fromkeys(FILES, Path(model.path, "model.json").read_bytes())
    private, public = make_keys(Path(out.path) / "keys")
    write_bundle(Path(out.path, "bundle"), contents | {"manifest.json": json.dumps(about).encode()}, private)
    public.rename(Path(out.path, "public.pem"))


# %%
@dsl.component(**HERE)
def sign(package: Input[Artifact], out: Output[Artifact]):
    import os
    from pathlib import Path

    from helpers.pipeline import sign_package

    key = Path(os.environ["PIPELINE_SHOP"], "keys", "private.pem")
    sign_package(Path(package.path), Path(out.path), private_key=key)


# %%
@dsl.component(**HERE)
def publish(signed: Input[Artifact], out: Output[Artifact]):
    import os
    from pathlib import Path

    from helpers.pipeline import publish_bundle

    shop = Path(os.environ["PIPELINE_SHOP"])
    given = {"registry": shop / "registry", "trusted_key": shop / "keys" / "public.pem"}
    publish_bundle(Path(signed.path), Path(out.path), **given)


# %%
steps = {each.name: each for each in (data, train, measure, gate, package, sign, publish)}
here = course.release(steps)
compiler.Compiler().compile(here, str(rooms / "here.yaml"))
same = pipeline.compiled_tasks(rooms / "here.yaml") == pipeline.compiled_tasks(compiled)
print(f"the same tasks, in the same order, cached alike: {same}")

# %% [markdown]
# ## Step 3: two models, two scorecards
#
# The thresholds are the course's own, those of `vigilant decide`. The records are made up: the
# model of the first seed keeps every bound by a little; that of the next seed keeps all but one.


# %%
def record(asked, of_seed, keeps=True):
    low, high = asked.low_at_least, asked.high_at_most
    half = 0.01 * abs(high if low is None else low) if None in (low, high) else (high - low) / 4
    value = high - 2 * half if low is None else low + 2 * half
    value = value if keeps else (low - 2 * half if high is None else high + 2 * half)
    digest = f"weights of seed {of_seed}" if asked.model == "course_cnn" else "others"
    about = {name: getattr(asked, name) for name in ("axis", "metric", "dataset", "model", "notebook")}
    code = scorecard.notebook_key(asked.notebook)
    given = {"seed": of_seed, "budget": "quick", "model_digest": digest, "code": code, "n": 400}
    ends = {"low": value - half, "high": value + half, "direction": "lower" if low is None else "higher"}
    return scorecard.Record(value=value, **ends, **about, **given)


# %%
first, *others = scorecard.read_thresholds()
cards = Path(os.environ["PIPELINE_CARDS"])
cards.mkdir(exist_ok=True)
for of_seed, keeps in ((seed, True), (seed + 1, False)):
    records = [record(first, of_seed, keeps), *(record(asked, of_seed) for asked in others)]
    (cards / f"{of_seed}.json").write_text(json.dumps([asdict(each) for each in records]))
serving.make_keys(rooms / "shop" / "keys")
print(f"{len(others) + 1} thresholds; the worse model misses: {first.metric}, {first.asked}")

# %% [markdown]
# ## Step 4: run it, and let the gate stop it
#
# **Before you run the next cells:** the gate refuses by raising an error, as any step that breaks
# does. Which steps of the second run will leave a folder behind?


# %%
def run(compiled_pipeline, name, caching=False, **given):
    """Run in this kernel's environment; say which steps finished, and what the log said of a refusal."""
    root, log = rooms / name, io.StringIO()
    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(root),
        workspace_root=str(root / "workspace"),
        enable_caching=caching,
        cache_root=str(rooms / "cache"),
    )
    quietly = contextlib.redirect_stdout(log), contextlib.redirect_stderr(log)
    with quietly[0], quietly[1], contextlib.suppress(RuntimeError):  # the log says which task failed
        compiled_pipeline(**given)
    return outcome(root, log.getvalue())


# %%
def outcome(root, text):
    finished = {path.parent.name for path in root.glob("*/*/out") if path.is_dir()}
    refusal = text.partition("GateRefused: ")[2].splitlines()[:2]
    return SimpleNamespace(finished=finished, refusal=[line.strip() for line in refusal], log=text)


def in_registry():
    there = (rooms / "shop" / "registry" / "signs").glob("[0-9]*")
    return {int(path.name): json.loads((path / "model.onnx").read_text())["digest"] for path in there}


# %%
good = run(here, "good", budget="quick", seed=seed, serial=1)
print("folders of:", *(name for name in steps if name in good.finished))
print("in the registry:", in_registry())

# %%
worse = run(here, "worse", budget="quick", seed=seed + 1, serial=2)
print("folders of:", *(name for name in steps if name in worse.finished))
print("the gate said:", *worse.refusal, sep="\n  ")
print("in the registry:", in_registry())

# %% [markdown]
# The gate has a folder: it writes its verdict before it refuses. Nothing after it was started.
#
# ## Step 5: the gate that a cache answers
#
# Many pipelines hand a gate not the model but the *place* where the newest one lies. Here is such a
# gate, and a step that puts a model there. The place is the same every day.


# %%
@dsl.component(**HERE)
def put(place: str, of_seed: int):
    import json
    import os
    import shutil
    from pathlib import Path

    Path(place).mkdir(exist_ok=True)
    said = {"model": "course_cnn", "digest": f"weights of seed {of_seed}", "budget": "quick", "seed": of_seed}
    Path(place, "model.json").write_text(json.dumps(said))
    shutil.copy(Path(os.environ["PIPELINE_CARDS"], f"{of_seed}.json"), Path(place, "scorecard.json"))


# %%
@dsl.component(**HERE)
def gate_of(place: str, out: Output[Artifact]):
    from pathlib import Path

    from helpers.pipeline import release_gate

    release_gate(Path(place), Path(place), Path(out.path))


@dsl.component(**HERE)
def ship(place: str):
    import shutil
    from pathlib import Path

    shutil.copy(Path(place, "model.json"), Path(place, "shipped.json"))


# %%
def daily(cached):
    @dsl.pipeline(name="daily")
    def by_place(place: str, of_seed: int):
        stored = put(place=place, of_seed=of_seed)
        asked = gate_of(place=place).after(stored).set_caching_options(cached)
        ship(place=place).after(asked).set_caching_options(False)

    return by_place


def shipped(place):
    return json.loads((place / "shipped.json").read_text())["digest"]


# %% [markdown]
# Yesterday the good model lay there, today the worse one. The local runner of this kfp has a cache,
# off unless `enable_caching=True`. With it, and with the gate's caching left on:

# %%
place = rooms / "newest"
run(daily(cached=True), "yesterday", caching=True, place=str(place), of_seed=seed)
print("yesterday:", shipped(place))
today = run(daily(cached=True), "today", caching=True, place=str(place), of_seed=seed + 1)
print("today:    ", shipped(place), "| the gate said:", *(today.refusal or ["(it was not asked)"]))

# %% [markdown]
# The worse model went out on yesterday's verdict. The same pipeline on a runner without a cache,
# which is how it would be tried first, shows nothing of that:

# %%
unseen = run(daily(cached=True), "no-cache", place=str(place), of_seed=seed + 1)
print("without a cache, the same cached gate said:", *unseen.refusal, sep="\n  ")

# %% [markdown]
# So a green run here is no evidence, and the YAML is:

# %%
for cached in (True, False):
    compiler.Compiler().compile(daily(cached), str(rooms / "daily.yaml"))
    print(f"caching {'on' if cached else 'off':3}:", pipeline.cached_gates(rooms / "daily.yaml") or "no cached gate")

# %% [markdown]
# ## What this does not show
#
# - **Kubeflow's own cache** was not run here. By its source its key holds image, arguments,
#   parameters, and the number of each artifact, new whenever one is made. So a gate that is handed
#   the model is asked anew when the model is new, and one that is told a place is not; and no key
#   holds what stands behind an image's name, thresholds included. Notebook 12 has a stand-in.
# - **The file can be overruled.** Whoever starts a run with `enable_caching=True` turns caches on
#   for each task, whatever the YAML says, and no audit of a file sees it.
# - **A gate is found by its name.** One that is called otherwise is not.
