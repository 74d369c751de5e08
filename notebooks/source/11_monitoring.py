# %% [markdown] slideshow={"slide_type": "slide"}
# # 11 Monitoring: would you notice?
#
# **The question.** The service of notebook 10 answers. Next month night comes earlier, fog moves in,
# a new sign is put up, a camera breaks. Who notices, after how many days, and who never?
#
# **What you will be able to do**
#
# - read what a service counts, and say what a counter cannot know,
# - set an alarm so that you know how often it rings for nothing,
# - tell which failures can be seen without labels, and which cannot,
# - find out whether a monitor that is green *can* be red.
#
# **What you need first.** Notebook 10 (the service); from 02 calibration and conformal sets.
#
# **Time.** About 100 minutes for the core with its exercises, 120 with the deeper steps, marked with
# a star; about 2 minutes to run on two cores.
#
# **What would fool you here.** A monitor that has never rung looks like a world without faults. And
# a test with enough data always finds a difference.

# %%
import helpers

helpers.require("0.2")

# %%
import json
import shutil
from pathlib import Path

# %%
import numpy as np
import pandas as pd
import requests
import yaml
from IPython.display import display
from scipy import stats

from helpers import datasets, intervals, models, monitoring, plotting, serving
from helpers.cache import build_directory, course_root
from helpers.course.exercises import check, expect, one_number
from helpers.scorecard import Scorecard, measured_once

# %% tags=["parameters"]
# The pictures that the network was trained on. The simulated month is made of road signs.
dataset = "signs"
# "quick" takes about two minutes; "full" watches as many months as the measurement that is quoted.
budget = "quick"
# Every random choice below follows from this number.
seed = 0

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 1: what a service counts
#
# The service of notebook 10, packed and started as there. We ask it about 400 pictures of today, and
# read its page `/metrics`. **Prometheus**, the program that most people watch services with, does
# nothing else: it reads this page every few seconds (a *scrape*) and keeps the numbers.

# %%
data = datasets.load(dataset, **datasets.split_sizes(dataset, budget), seed=seed)
model = models.spine(data, budget, seed=seed).model
workshop = build_directory() / f"watched-{seed}"
shutil.rmtree(workshop, ignore_errors=True)
private_key, public_key = serving.make_keys(workshop / "keys")
bundle = serving.pack_spine(workshop / "bundle", private_key, budget=budget, seed=seed)
service = serving.LocalService(bundle, public_key, workers=2)


# %%
def asked_about(images):
    web = requests.Session()
    web.trust_env = False  # whatever proxy is set: the service is on this machine
    for image in images:
        web.post(f"{service.url}/predict", json={"image": image.tolist()}).raise_for_status()
    return web.get(f"{service.url}/metrics").text


def value_of(page, series):
    return sum(float(line.split()[-1]) for line in page.splitlines() if line.startswith(series))


morning = asked_about(data.test.images[:100])
evening = asked_about(data.test.images[100:400])
for line in evening.splitlines():
    if line.startswith(("vigilant_pictures_total", "vigilant_strange", "vigilant_confidence_sum")):
        print(line)

# %% [markdown]
# A **counter** only grows. What happened between two scrapes is the difference. No line here knows
# what was *right*: nobody has told the service.
#
# ### Exercise 11.1 (use it): how strange was the afternoon?
#
# Of the pictures asked between `morning` and `evening`, what share was called strange? Put it into
# `strange_share`.
#
# *Hint.* `value_of(page, name)` adds all series whose name begins so. The counters are
# `vigilant_strange_pictures_total` and `vigilant_pictures_total`.

# %% tags=["exercise-use"]
strange_share = None
### BEGIN SOLUTION
strange, pictures = (
    value_of(evening, name) - value_of(morning, name)
    for name in ("vigilant_strange_pictures_total", "vigilant_pictures_total")
)
strange_share = strange / pictures
### END SOLUTION


# %% tags=["check"]
def test_strange_share(answer):
    given = one_number(answer)
    names = "vigilant_strange_pictures_total", "vigilant_pictures_total"
    then, now = ([value_of(page, name) for name in names] for page in (morning, evening))
    expect(not np.isclose(given, now[0] / now[1]), "this is the share since the service began; subtract the morning")
    expect(not np.isclose(given, now[0] - then[0]), "this is how many; of how many?")
    expect(np.isclose(given, (now[0] - then[0]) / (now[1] - then[1])), f"{given:g} is not the afternoon's share")


check("11.1 how strange was the afternoon?", strange_share, test_strange_share)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 2: a month, simulated
#
# To know whether a monitor works we need failures, and to know how often it rings for nothing we
# need many months without one. So we draw both: a **pool** of pictures is answered once, and a day is
# 200 pictures drawn from it. Usual days differ, too: more rain on one, more dusk on another, and
# tomorrow's weather resembles today's. Four faults begin on day 10.

# %%
engine = serving.open_bundle(bundle, public_key, threads=1)


def answer(images):
    said, (_, features) = engine.answer(images, 0.9), engine.classify(images)
    return monitoring.Said(said.probabilities, features, said.sets, said.strange)


pools = monitoring.pools_of_signs(answer, pictures=4000, seed=seed)
usual_days = monitoring.Variation(spread=0.2, persistence=0.5)
for name, pool in pools.items():
    print(f"{name:13} {len(pool.labels):5,} pictures; read rightly: {pool.correct.mean():.1%}, confidence {pool.confidence.mean():.1%}")
for fault in monitoring.FAULTS:
    print(f"{fault.name}: {fault.share:.0%} of the pictures from day {fault.whole} on")

# %% [markdown]
# Look at the last two columns: the service only knows the last. **Write down: which fault would you
# notice by the confidence alone, and which not?**


# %%
def month(fault, number, days=30, before=5):
    return monitoring.simulate_month(
        pools, fault, days=days, before=before, variation=usual_days, seed=1000 * (seed + 1) + number
    )


plotting.line_plot(
    {
        name: (np.arange(-5, 30), month(fault, 0).confidence.mean(axis=1))
        for name, fault in {"no fault": None, **{fault.name: fault for fault in monitoring.FAULTS}}.items()
    },
    title="Mean confidence by day, in one month with each fault and one without",
    alt="Five lines of mean confidence over 35 days; faults begin on day 10.",
    x_label="day",
    y_label="mean confidence",
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 3: a test that always finds something
#
# Is today like the days before? The test of Kolmogorov and Smirnov compares two samples of numbers
# by the largest distance between their cumulative shares. Here, of the confidences. Written out:


# %%
def ks_distance(a, b):
    places = np.sort(np.concatenate([a, b]))
    share_a, share_b = (np.searchsorted(np.sort(x), places, side="right") / len(x) for x in (a, b))
    return np.abs(share_a - share_b).max()


known_days = month(None, 1, days=20, before=0)
known = known_days.take(np.arange(20)).confidence.ravel()
today = month(None, 2, days=1, before=0).confidence.ravel()

# %% tags=["nbval-check-output"]
print("SciPy gives the same:", np.isclose(ks_distance(known, today), stats.ks_2samp(known, today).statistic))

# %% [markdown]
# A p-value below 0.05 rings the bell: one false alarm in twenty days. **Predict what happens on usual
# days without a fault, when a day has not 200 pictures but 3,200.**

# %%
rings = {}
for n in (50, 200, 800, 3200):
    days = monitoring.simulate_month(pools, None, days=100, pictures=n, variation=usual_days, seed=seed)
    rings[n] = intervals.proportion([stats.ks_2samp(known, day).pvalue < 0.05 for day in days.confidence])
    print(f"{n:5,} pictures a day: the p-value rings on {rings[n]} of days without a fault")


# %%
def always_title(shares):
    least, most = min(shares), max(shares)
    more = "the more pictures, the more false alarms" if shares[most].low > shares[least].high else "no more false alarms with more pictures"
    return f"{least} to {most:,} pictures a day: {more}"


print(always_title(rings))

# %% [markdown]
# Usual days *do* differ a little, and with enough pictures any test sees it. "Is there a difference?"
# is the wrong question; "is it larger than on usual days?" is the right one. So we keep the distance,
# throw the p-value away, and let usual days say what is large.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 4: how often may it ring for nothing?
#
# Whoever is called at night does not ask for a level of 5%. He asks: *how long until the first false
# alarm?* This **expected run** is what we set every detector to: 30 days. On months without a fault
# (the **null**), used for nothing else, we look for the lowest threshold with that run. A month in
# which nothing rang is **censored**: we know that its run is longer than 30 days, and not how long.
#
# ### Exercise 11.2 (build it): a mean run, with months that never rang
#
# Write `mean_run(first, days)`. `first` holds the day of each month's first alarm (1 to `days`), and
# infinity where there was none. If each day rings with the same chance $c$, the run is $1/c$ in the
# mean, and the likeliest $c$ is alarms divided by *days watched*: each month is watched until its
# alarm, or to its end. No alarm at all: infinity.
#
# *Hint.* `np.minimum(first, days)`, `np.isfinite`. Dropping months without an alarm is the mistake that
# makes every detector look busy.


# %% tags=["exercise-build"]
def mean_run(first, days):
    ...
    ### BEGIN SOLUTION
    first = np.asarray(first, dtype=float)
    alarms, watched = np.isfinite(first).sum(), np.minimum(first, days).sum()
    return watched / alarms if alarms else np.inf
    ### END SOLUTION


# %% tags=["check"]
def test_mean_run(function):
    cases = {
        "every month rings": ([3, 5, 10], 30, 6.0),
        "one month of three never rings": ([3, 5, np.inf], 30, 19.0),
        "nothing ever rings": ([np.inf, np.inf], 30, np.inf),
        "the last day counts": ([30, np.inf], 30, 60.0),
    }
    for name, (first, days, truth) in cases.items():
        given = one_number(function(np.array(first, dtype=float), days))
        finite = np.isfinite(first)
        dropped = np.mean(np.array(first)[finite]) if finite.any() else np.nan
        expect(not (np.isclose(given, dropped) and not np.isclose(dropped, truth)), f"{name}: you dropped the months without an alarm")
        expect(np.isclose(given, truth) or given == truth, f"{name}: it is {truth:g}, you say {given:g}")


check("11.2 a mean run", mean_run, test_mean_run)

# %%
reference = known_days.take(np.arange(20))
flat = monitoring.Served(**{name: array.reshape(-1, *array.shape[2:]) for name, array in vars(reference).items()})
detectors = monitoring.usual_detectors(flat, seed=seed)
months_of = {"null": 400, "fresh": 200, "fault": 50}


def watched(kind, number, fault=None):
    return monitoring.watch_months(
        detectors, pools, fault, months=number, delay=5, variation=usual_days, seed=7919 * (seed + 1) + kind
    )


null = watched(0, months_of["null"])
limits = {name: monitoring.simulated_threshold(numbers, resamples=2).value for name, numbers in null.items()}

# %% [markdown]
# A threshold that fits the months it was found on proves nothing. 200 *fresh* months without a fault:

# %%
fresh = watched(1, months_of["fresh"])
runs = {
    name: monitoring.mean_run(monitoring.first_alarms(numbers, limits[name]), 30, confidence=1 - 0.05 / len(fresh))
    for name, numbers in fresh.items()
}


def runs_title(runs, wanted):
    hit = sum(each.low <= wanted <= each.high for each in runs.values())
    return f"{hit} of {len(runs)} intervals hold the {wanted} days that were asked for"


plotting.forest_plot(
    runs,
    title=runs_title(runs, 30),
    alt="Expected days until the first false alarm of nine detectors on fresh months, with intervals.",
    x_label="days until the first false alarm",
    reference=("asked for", 30.0),
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 5: which alarm rings first, and which never?
#
# Fifty months with each fault. Detectors that need labels get them five days late. **Write down, for
# each fault, which of the nine rings first.**

# %%
times = {
    fault.name: {
        name: monitoring.first_alarms(numbers[:, fault.begins :], limits[name])
        for name, numbers in watched(2 + number, months_of["fault"], fault).items()
    }
    for number, fault in enumerate(monitoring.FAULTS)
}
medians = pd.DataFrame(
    {fault: {name: monitoring.median_days(days).value for name, days in by_name.items()} for fault, by_name in times.items()}
)
medians.replace(np.inf, "never")


# %%
def first_title(medians):
    parts = []
    for fault in medians:
        best = medians[fault].min()
        names = [name for name in medians.index if medians.loc[name, fault] == best]
        parts.append(f"{fault}: {' and '.join(names[:2])} after {best:g}" if np.isfinite(best) else f"{fault}: nobody")
    return "; ".join(parts)


print(first_title(medians))
before_labels = {
    name: monitoring.rings_first(by_name["input: MMD"], by_name["coverage"]) for name, by_name in times.items()
}
for name, order in before_labels.items():
    print(f"{name}: MMD rings before coverage in {order.one} of the months")

# %% [markdown]
# A median that is "never": in most months nothing rang before the month was over. Look for a detector
# that never rings for one fault and at once for another: no single one is enough.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 6: how accurate is it today, without labels?
#
# If confidences mean what they say, their mean *is* the accuracy. Where the network is a little too
# sure or unsure from the start, subtract how much it was on usual days with labels (**difference of
# confidences**; Guillory and others, 2021). **Predict for which of the four faults this estimate is
# right within three points, and for which it is far too rosy.**

# %%
estimator = monitoring.DifferenceOfConfidences.fit(flat)
errors, truths = {}, {}
for number, fault in enumerate(monitoring.FAULTS):
    late_days = month(fault, 10 + number, before=0).take(np.arange(20, 30))
    errors[fault.name] = monitoring.estimation_error(estimator, late_days)
    truths[fault.name] = (monitoring.estimated_accuracy(estimator, late_days).value, late_days.correct.mean())
for name, (estimated, real) in truths.items():
    print(f"{name}: estimated {estimated:.1%}, real {real:.1%}")


# %%
def rosy_title(errors):
    rosy = [name for name, error in errors.items() if error.low > 0.03]
    fair = [name for name, error in errors.items() if -0.03 < error.low and error.high < 0.03]
    return f"Too rosy by more than 3 points: {', '.join(rosy) or 'none'}; right within 3: {', '.join(fair) or 'none'}"


plotting.forest_plot(
    errors,
    title=rosy_title(errors),
    alt="Estimated less real accuracy of ten days for each fault, with intervals.",
    x_label="estimated less real accuracy",
    reference=("right", 0.0),
)

# %% [markdown]
# Such an estimate rests on one assumption: that a picture with confidence 0.8 is still right in eight
# cases of ten. Darkness makes a network unsure and wrong together, and the assumption holds. A sign
# that it was never taught gets *one of its own* classes, often surely. **No number that is made of the
# network's own confidence can see this.**
#
# ### Exercise 11.3 (find the bug): the accuracy that never falls
#
# A colleague estimates accuracy without labels, too. His estimate of a new class's days is fine, he
# says: "it shows the same accuracy as always". Find out why, and mend it: `estimate(usual, today)` gets
# two arrays of confidences (N,) and the accuracy on usual days, and shall return the usual accuracy plus
# the *change of mean confidence* from the usual days to today.
#
# *Hint.* What happens to a mean of today's numbers that have been standardised by today's numbers?


# %% tags=["exercise-bug"]
def estimate(usual, today, usual_accuracy):
    standardised = (today - today.mean()) / today.std()  # so that days can be compared
    change = (standardised * usual.std() + usual.mean()).mean() - usual.mean()
    ### BEGIN SOLUTION
    change = today.mean() - usual.mean()
    ### END SOLUTION
    return usual_accuracy + change


# %% tags=["check"]
def test_estimate(function):
    rng = np.random.default_rng(1)
    usual = rng.beta(8, 1, 2000)
    for name, today in {"the same days": usual[:1000], "darker days": usual * 0.8, "surer days": usual**0.5}.items():
        given = one_number(function(usual.copy(), today.copy(), 0.9))
        truth = 0.9 + today.mean() - usual.mean()
        expect(not (np.isclose(given, 0.9, atol=1e-9) and not np.isclose(truth, 0.9, atol=1e-6)), f"{name}: you still answer the usual accuracy")
        expect(np.isclose(given, truth), f"{name}: {truth:.3f} is expected, you say {given:.3f}")


check("11.3 the accuracy that never falls", estimate, test_estimate)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 7: monitors that cannot ring
#
# Three monitors. Each is green today, and has been for weeks. Each "works": it loads, it is scraped, it
# has a threshold. **Predict which of them could ever be red.**
#
# - **input**: MMD, its threshold set on last month, in which fog had already come;
# - **counter**: the number of strange pictures, kept by each worker for itself;
# - **alert**: rings when `vigilant_strange_total` rises.

# %%
drifted = monitoring.simulate_month(
    pools, monitoring.Fault("fog", "fog", 0.5, begins=0, whole=0), days=300, variation=monitoring.Variation(), seed=seed
)
quiet, other_quiet = (
    monitoring.simulate_month(pools, None, days=300, variation=monitoring.Variation(), seed=seed + k) for k in (1, 2)
)
fogged = monitoring.simulate_month(
    pools, monitoring.Fault("fog", "fog", 0.5, begins=0, whole=0), days=60, variation=monitoring.Variation(), seed=seed + 3
)
mmd = detectors[0]
inputs = {
    "set on last month": monitoring.set_monitor("set on last month", mmd, drifted),
    "set on usual days": monitoring.set_monitor("set on usual days", mmd, quiet),
}
for monitor in inputs.values():
    print(f"{monitor.name}: rings on {monitor.rings(other_quiet).mean():.1%} of usual days")

# %% [markdown]
# A month without a ring: is the monitor good, or blind? The audit asks what it exists for: **inject the
# failure**, and see whether it rings; and on days without one, whether it rings as seldom as it says.

# %%
audits = [monitoring.audit_monitor(monitor, other_quiet, fogged) for monitor in inputs.values()]
audits += [
    monitoring.audit_counter(name, kind)
    for name, kind in {
        "begins anew in each process": monitoring.ResetWithWorker,
        "shows one worker's own": monitoring.OneWorkersOwn,
        "kept by place": monitoring.KeptByPlace,
    }.items()
]
for audited in audits:
    print(audited)

# %% [markdown]
# And the alert? A series that does not exist is an empty answer, an empty answer is never above a
# threshold, and the alert is green for ever. The audit holds every name against the service's own page:

# %%
rules = yaml.safe_load((course_root() / "deploy" / "monitoring" / "rules.yaml").read_text())
ours = {rule["alert"]: rule["expr"] for group in rules["spec"]["groups"] for rule in group["rules"]}
planted = ours | {"StrangePictures (planted)": "increase(vigilant_strange_total[1d]) > 10"}
for audited in monitoring.audit_queries(planted, evening, known=["up"]):
    if not audited.sound:
        print(audited)
