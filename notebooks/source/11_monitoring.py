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
