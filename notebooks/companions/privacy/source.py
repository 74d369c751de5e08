# %% [markdown]
# # Companion to 09: a scientist's question about data she never sees
#
# **The question.** Can somebody get an answer out of data that she may not look at? And does the
# owner's approval keep each person in the data private?
#
# **What you will be able to do**
#
# - offer a data set in PySyft with a mock part and a private part,
# - send a job to data that you never see, and approve, run or reject such a job,
# - take one person's secret out of two harmless answers,
# - add the noise that prevents it, and say what it costs.
#
# **What you need first.** Some Python and pandas, and from notebook 09 what $\epsilon$ promises
# (steps 5 and 6). And this kernel, *Vigilant Vision: privacy companion*, made once by `make
# companions`.
#
# **What would fool you here.** A signature under a job says that somebody has read it. It says
# nothing about what its answer gives away.
#
# **How old is what you see.** PySyft 0.10 is of August 2026, and calls itself an alpha. Much that
# is written about PySyft begins with `hook = sy.TorchHook(torch)`, which laid itself over torch, so
# that `tensor.send(bob)` left a pointer here and `.get()` fetched what it pointed to. Version 0.3
# (November 2020) was rebuilt from nothing and has no hook. The difference is one of kind: there the
# unit was an operation on a tensor, which ran without anybody reading it; here it is a whole
# program, which the owner of the data reads.

# %%
import contextlib
import inspect
import io
import json
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

# %%
started = time.monotonic()

import numpy as np
import pandas as pd
import syft as sy
from syft_rds import SyftRDSClient

print(f"PySyft {sy.__version__}; has it TorchHook? {'yes' if hasattr(sy, 'TorchHook') else 'no'}")

# %% tags=["parameters"]
# Which patients are drawn. The owner's noise does not come from it: step 7 says why.
seed = 0
# What the owner is willing to lose about any one patient, in all answers of step 7 together.
epsilon = 0.5

# %% [markdown]
# ## Step 1: two people, and what lies between them
#
# The owner works at an eye clinic, the scientist at a university. Each has a folder, and files move
# between the two folders only when somebody calls `sync()`. In real use they move through a shared
# drive (Google's, today). Here PySyft's stand-in for that drive is used, in memory, so that both
# people fit into one notebook without a network or an account.

# %%
os.environ["PRE_SYNC"] = "false"  # else PySyft syncs whenever somebody looks
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # jobs find this Python
OWNER, SCIENTIST = "owner@clinic.example", "scientist@university.example"


def quietly(act, *given, **options):
    """PySyft says after each step what to do next; here the text does."""
    with contextlib.redirect_stdout(io.StringIO()):
        return act(*given, **options)


# %%
folder = tempfile.TemporaryDirectory(prefix="vigilant-privacy-")  # goes with the kernel
rooms = Path(folder.name)
scientist, owner = quietly(
    SyftRDSClient.pair_with_mock_drive_service_connection,
    **{"email1": OWNER, "base_path1": rooms / "owner"},
    **{"email2": SCIENTIST, "base_path2": rooms / "scientist"},
    use_in_memory_cache=False,
)


def meet():
    """Both sync, until what one has sent the other has answered."""
    for person in (scientist, owner, scientist):
        quietly(person.sync)


# %% [markdown]
# ## Step 2: the owner offers data
#
# One row is one patient whose retina was photographed: `age`, `district`, and whether a doctor saw
# an illness in the picture (`ill`, 1 is yes). All of it is drawn. Of the **private** part nothing
# leaves the owner's folder. The **mock** part has the same columns and made-up values, so that a
# scientist can write code that runs. It is drawn apart and not made by shuffling the private
# columns: the oldest age in it would be a real one.


# %%
def drawn(n, chance, rng):
    age = rng.integers(40, 93, n)
    district = rng.choice(["Hill", "Harbour", "Old Town", "Meadow"], n)
    return pd.DataFrame({"age": age, "district": district, "ill": (rng.random(n) < chance(age)).astype(int)})


rng = np.random.default_rng(seed)
neighbour = pd.DataFrame({"age": [97], "district": ["Hill"], "ill": [int(rng.integers(2))]})
patients = drawn(499, lambda age: 0.1 + 0.4 * (age - 40) / 52, rng)
private = pd.concat([patients, neighbour]).sample(frac=1, random_state=seed)
mock = drawn(50, lambda age: 0.5, rng)

# %%
for part, rows in {"private": private, "mock": mock}.items():
    rows.to_csv(rooms / f"{part}.csv", index=False)
if not owner.datasets.get_all():
    quietly(
        owner.create_dataset,
        name="retina",
        mock_path=rooms / "mock.csv",
        private_path=rooms / "private.csv",
        summary="Ages and findings of patients whose retina was photographed",
        users=[SCIENTIST],
    )
meet()
[seen] = scientist.datasets.get_all()
print(f"{seen.name}, of {seen.owner}: {seen.summary}")
pd.read_csv(seen.mock_files[0]).head()

# %% [markdown]
# That was the scientist's view. **Before you run the next cell:** she asks PySyft where the private
# part is, and then tries to read the file where it would lie. What stops her, each time?


# %%
def tried(what, act):
    try:
        print(f"{what}: {act()}")
    except Exception as refusal:
        print(f"{what}: {type(refusal).__name__}: {str(refusal).replace(str(rooms), '...')}")


tried("ask for it", lambda: seen.private_config)
tried("read it", lambda: (seen.private_dir / "private.csv").read_text())
hers = [file for file in (rooms / "scientist").rglob("*") if file.is_file()]
rows_of_it = (rooms / "private.csv").read_text().splitlines()[1:11]
found = [file for file in hers if "\n".join(rows_of_it) in file.read_text(errors="replace")]
print(f"of the scientist's {len(hers)} files, {len(found)} hold the first rows of the private part")

# %% [markdown]
# The first refusal is a line of the library on her own machine, and she could take it out. The
# second is the wall: the file is not there. (In this notebook both folders lie on one machine, so
# you could open the owner's. Between two machines you could not.)
#
# ## Step 3: a question, tried on the mock part, then sent
#
# How many patients of 60 or older are ill? The scientist writes a function. On the mock part it
# runs, and its answer means nothing.


# %%
def ill_from_60(rows, oldest=120):
    return int(rows.loc[rows["age"].between(60, oldest), "ill"].sum())


print("on the mock part:", ill_from_60(pd.read_csv(seen.mock_files[0])))

# %% [markdown]
# A job is a script, and it travels as text. Inside a job `resolve_dataset_file_path` leads to the
# private part, and whatever lies in `outputs` at the end is the answer. (PySyft's other kind of
# job, `submit_python_job`, makes a fresh environment from the network for every run. This one uses
# the Python that is there.)

# %%
JOB = """\
set -e
cd code
python - <<'END'
import json
import pandas as pd
import syft as sy

{function}
rows = pd.read_csv(sy.resolve_dataset_file_path("retina"))
with open("outputs/answer.json", "w") as file:
    json.dump({call}, file)
END
"""


# %%
def submit(title, function, call):
    name = f"{title} {secrets.token_hex(2)}"  # a name can be taken once
    script = JOB.format(function=inspect.getsource(function), call=call)
    quietly(scientist.submit_bash_job, OWNER, script, job_name=name)
    meet()
    return name


# %%
def find(person, name):
    return next(job for job in person.jobs if job.name == name)


def got(name):
    """What the scientist has in hand of a job: its answer, or None."""
    files = quietly(lambda: find(scientist, name).output_paths)
    return json.loads(files[0].read_text()) if files else None


everybody = submit("ill from 60", ill_from_60, "ill_from_60(rows)")
quietly(owner.process_approved_jobs, share_outputs_with_submitter=True)
meet()
print(f"{find(scientist, everybody).status}; the scientist has: {got(everybody)}")
tried("approve it herself", lambda: find(scientist, everybody).approve())

# %% [markdown]
# The owner's machine ran whatever was approved, and that was nothing.
#
# ## Step 4: the owner reads, approves and runs
#
# What is run is `run.sh`, so that is what she reads: all of it was written on the scientist's
# machine.

# %%
print(find(owner, everybody).run_script)


# %%
def run(name, why, **shared):
    if find(owner, name).status == "pending":
        quietly(find(owner, name).approve, reason=why)
    quietly(owner.process_approved_jobs, stream_output=False, **shared)
    meet()


run(everybody, "one count, over many patients", share_outputs_with_submitter=True)
truth = ill_from_60(private)
print(f"{find(scientist, everybody).status}; the scientist has: {got(everybody)}; the owner counts: {truth}")
assert got(everybody) == truth

# %% [markdown]
# The answer is right, and the scientist has seen no row of what it was counted from.
#
# ## Step 5: a job that is not approved, and one that should not have been
#
# The next job asks for the rows themselves.


# %%
def every_row(rows):
    return rows.to_dict("records")


nosy = submit("every row", every_row, "every_row(rows)")
quietly(find(owner, nosy).reject, reason="rows are not an answer")
quietly(owner.process_approved_jobs, share_outputs_with_submitter=True)
meet()
print(f"{find(scientist, nosy).status} ({find(scientist, nosy).review_reason}); she has: {got(nosy)}")

# %% [markdown]
# **The broken guard.** A careful owner might run a job first and share nothing, to look at its
# answer before anybody else does. `process_approved_jobs` shares nothing unless asked: neither
# outputs (`share_outputs_with_submitter`) nor logs (`share_logs_with_submitter`). The next job has
# a line left over from a search for a mistake. **What will the scientist have?**


# %%
def ill_with_a_print(rows):
    print("last row read:", rows.loc[rows["age"].idxmax()].to_dict())
    return int(rows["ill"].sum())


talker = submit("ill, all ages", ill_with_a_print, "ill_with_a_print(rows)")
run(talker, "a count; nothing is shared yet")
print(f"{find(scientist, talker).status}; her answer: {got(talker)}")
log = find(scientist, talker).job_review_path / "stdout.txt"
print("her copy of the log:", log.read_text().strip() if log.exists() else None)

# %% [markdown]
# No answer came, so a test that looks for the answer passes. If a log came all the same, the oldest
# patient stands in it. In PySyft 0.10 with syft-rds 0.6.1 a scientist may read the whole folder in
# which her job is reviewed. `outputs` is taken out of that, and the log (`stdout.txt`, and
# `stderr.txt`, where an error message ends up) is not. Its authors know: a change proposed in
# September 2026 (PySyft, pull request 9519) would write logs where she may not read. Until then a log
# is an answer, and step 7 throws it away before anybody syncs.
#
# ## Step 6: approval is not privacy
#
# The scientist has a neighbour, who told her that he is 97, and the oldest patient of that clinic.
# Here is one more question. **You are the owner, and have answered the one of step 4: would you
# approve this one?**

# %%
without = submit("ill from 60 to 96", ill_from_60, "ill_from_60(rows, oldest=96)")
print(find(owner, without).run_script.splitlines()[-2].strip())
run(without, "one count, over many patients", share_outputs_with_submitter=True)
taken = got(everybody) - got(without)
print(f"{got(everybody)} - {got(without)} = {taken}: the neighbour is {'ill' if taken else 'not ill'}")
assert taken == neighbour["ill"].item()

# %% [markdown]
# Two counts over hundreds of people, each harmless, each approved by somebody who read it; their
# difference is a line of one person's medical file. This is a **differencing attack**. An owner who
# compares every job with every earlier one could have seen it; but two scientists can each ask one
# half, and nobody can list all that strangers know beforehand.
#
# ## Step 7: noise, from scratch
#
# So the answer itself must not depend on any one patient by much. If one patient were well instead
# of ill, or left out, a count would move by at most 1: its *sensitivity*. The **Laplace mechanism**
# (Dwork, McSherry, Nissim and Smith, 2006) adds noise of scale 1 / epsilon to it. Then no answer is
# more than e^epsilon times as likely with one patient's data as with another's in its place. What
# several answers give away adds up, so of `k` answers each gets epsilon / k.
#
# (What is out is out: no noise takes back the exact answers of steps 4 and 6. Read this step as the
# one of an owner who begins with it.)


# %%
def laplace(scale, rng, size=None):
    """The difference of two exponential waiting times has Laplace's distribution."""
    return rng.exponential(scale, size) - rng.exponential(scale, size)


def release(names, rng):
    """Approve and run counts, then change what goes out, before anything moves."""
    for name in names:
        quietly(find(owner, name).approve, reason="a count, with noise")
    quietly(owner.process_approved_jobs, stream_output=False)
    for done in (find(owner, name) for name in names):
        [file] = done.output_paths
        file.write_text(json.dumps(float(json.loads(file.read_text())) + laplace(len(names) / epsilon, rng)))
        for log in ("stdout.txt", "stderr.txt"):
            (done.job_review_path / log).write_text("")
        quietly(done.share_outputs, [SCIENTIST])
    meet()


# %%
again = [
    submit("ill from 60", ill_from_60, "ill_from_60(rows)"),
    submit("ill from 60 to 96", ill_from_60, "ill_from_60(rows, oldest=96)"),
]
release(again, np.random.default_rng())  # from the machine's own randomness: a different answer in every run
noisy = [got(name) for name in again]
print(f"epsilon {epsilon} for both; the scientist has {noisy[0]:.1f} and {noisy[1]:.1f}")
print(f"difference {noisy[0] - noisy[1]:+.1f}, with noise of {2 * len(again) / epsilon:.0f} (standard deviation)")

# %% [markdown]
# The owner must still read: noise of this size suits a count. A job that returned a thousand times
# the neighbour's illness would be heard through it.
#
# **A second broken guard.** The owner's colleague wants releases that can be repeated, and gives
# the noise a seed. Each answer is off by something, and a test of one answer finds nothing wrong.


# %%
def careless(exact):
    return exact + laplace(2 / epsilon, np.random.default_rng(0))


both = [ill_from_60(private), ill_from_60(private, oldest=96)]
print("each is off by", ", ".join(f"{careless(exact) - exact:+.1f}" for exact in both))
print(f"their difference: {careless(both[0]) - careless(both[1]):.6f}; the secret: {neighbour['ill'].item()}")

# %% [markdown]
# The same seed gives the same noise, and the subtraction takes it out again. Noise protects as long
# as nobody can know it.
#
# ## Step 8: what it buys, and what it costs
#
# Both can be counted. The attacker guesses "ill" if the difference is above one half. He starts
# from an even chance, and no attack whatever can then be right more often than
# e^epsilon / (1 + e^epsilon). The cost is how far off an honest answer is: 2 / epsilon people on
# average. **Which epsilon would you sign?**


# %%
def attacked(epsilon, asked=1, tries=10_000):
    """Share of right guesses, where each of two counts is asked for so often with this epsilon for both."""
    rng = np.random.default_rng(seed)
    secret = rng.integers(2, size=tries)
    noise = laplace(2 / epsilon, rng, (2, asked, tries)).mean(axis=1)
    return np.mean((secret + noise[0] - noise[1] > 0.5) == secret)


# %%
epsilons = pd.Index([0.1, 0.5, 1, 2, 5, 10], name="epsilon")
cost = pd.DataFrame({"off by, people": 2 / epsilons}, index=epsilons)
cost["off by, % of the answer"] = 100 * cost["off by, people"] / truth
cost["attacker right, %"] = [100 * attacked(one) for one in epsilons]
cost["at most, %"] = 100 / (1 + np.exp(-epsilons))
assert (cost["attacker right, %"] <= cost["at most, %"] + 2).all()  # 2 is four standard errors
cost.round(1)

# %% [markdown]
# The bound is for an attacker who knows everybody else's data to the last row. This one has two
# noisy numbers, and does no better than them.
#
# A count over many people keeps its meaning at an epsilon that tells next to nothing about one of
# them. A count over a village with eight ill people would not: noise has the same size there. And
# the budget is for good. Whoever is answered again and again can average the noise away:

# %%
often = pd.DataFrame({"asked": [1, 10, 100]})
often["epsilon spent"] = often["asked"] * epsilon
often["attacker right, %"] = [100 * attacked(epsilon, asked) for asked in often["asked"]]
print(f"this notebook took {time.monotonic() - started:.0f} s")
often.round(1)

# %% [markdown]
# Things to try: another `seed`, and see whether the neighbour is ill. A job that returns a mean
# age: by how much can one patient move it? An owner's `release` that keeps an account, and refuses
# when the budget is spent.
#
# ## What we learned, and what this does not show
#
# Mock data, a private part that never moves, and a person who reads each job keep the *rows* at
# home. They do not keep *people* private: two approved counts gave one away, and a log gave a row
# away that nobody had shared. Noise of a stated epsilon bounds what any answer can give away, to
# whoever asks, whatever else he knows.
#
# Limits: all patients are drawn. Both people ran in one process, and nothing was encrypted. A job
# is an ordinary process with its owner's rights, so that approving means trusting the code with the
# whole machine. Noise made of floating-point numbers leaks in its last digits (Mironov, 2012), so a
# real release rounds, or draws whole numbers. One count and one patient were looked at; for whole
# models notebook 09 will do the same with DP-SGD.
#
# **Further reading.** C. Dwork, F. McSherry, K. Nissim and A. Smith (2006), *Calibrating noise to
# sensitivity in private data analysis*. C. Dwork and A. Roth (2014), *The algorithmic foundations
# of differential privacy*. I. Mironov (2012), *On significance of the least significant bits for
# differential privacy*.
