# %% [markdown] slideshow={"slide_type": "slide"}
# # A tiny notebook that keeps every rule
#
# How often does a coin land on heads?

# %%
import helpers

helpers.require("0.1")

import numpy as np  # noqa: E402

from helpers import intervals  # noqa: E402
from helpers.course.exercises import check, expect  # noqa: E402
from helpers.scorecard import Scorecard  # noqa: E402

# %% tags=["parameters"]
dataset = "coins"  # whose pictures; here there are none
budget = "quick"  # "full" tosses more often
seed = 0  # another seed, other tosses

# %%
tosses = np.random.default_rng(seed).random(1000 if budget == "quick" else 100_000) < 0.5
heads = intervals.proportion(tosses)
print(f"seen with dataset {dataset}")

# %% tags=["nbval-check-output"]
print(f"tosses: {heads.n}")
{"heads, rounded": round(heads.value, 1)}

# %%
scorecard = Scorecard(notebook="01_good", dataset=dataset, model="coin", seed=seed, budget=budget)
scorecard.record("training", "heads", *heads, direction="higher", bounds=(0, 1))

# %% [markdown]
# ## Step 1: both sides of a coin
#
# **Exercise 1.1** How large is the share of tails?

# %% tags=["exercise-use"]
tails = None
### BEGIN SOLUTION
tails = 1 - tosses.mean()
### END SOLUTION

# %% tags=["check"]
check(
    "1.1 tails",
    tails,
    lambda answer: expect(np.isclose(answer, (~tosses).mean()), "heads and tails add up to 1"),
)


# %% tags=["exercise-build"]
def share(hits):
    """Give the share of True."""
    ### BEGIN SOLUTION
    return float(np.mean(hits))
    ### END SOLUTION


# %% tags=["check"]
def test_share(answer):
    rng = np.random.default_rng(1)
    for n in (3, 50):
        hits = rng.random(n) < 0.3
        expect(np.isclose(answer(hits), hits.sum() / n), "divide the number of hits by the number of cases")


check("1.2 share", share, test_share)


# %% tags=["exercise-bug"]
def leaky_split(rows):
    return rows[:8], rows[6:]  # the bug: two rows stand in both parts


def repaired_split(rows):
    ### BEGIN SOLUTION
    return rows[:8], rows[8:]
    ### END SOLUTION


# %% tags=["check"]
def test_split(answer):
    first, second = answer(np.arange(10))
    expect(not set(first) & set(second), "a row stands in both parts")


check("1.3 split", repaired_split, test_split)

# %% [markdown]
# What we learned: a share has an interval.
