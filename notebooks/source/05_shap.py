# %% [markdown] slideshow={"slide_type": "slide"}
# # 05 SHAP: how much did each part count?
#
# **The question.** The network says *stop sign*, and puts a number on it. How much of that number
# is due to each part of the picture, and can we trust the shares that a library hands us?
#
# **What you will be able to do**
#
# - compute Shapley values from their definition,
# - run shap's KernelExplainer on pictures in a way that works, and see why the well-known recipe
#   does not,
# - measure how far an estimate is from the exact values,
# - name the settings that decide an explanation before the network is asked,
# - choose an explanation by measures and a price, and say where two cannot be told apart.
#
# **What you need first.** Notebook 01 (the network), and steps 6 and 7 of 04 (the measures).
#
# **Time.** About 60 minutes for the core with its exercises (steps 1 to 8), 95 with the deeper
# steps, marked with a star; 1 to 2 minutes to run on two cores.
#
# **What would fool you here.** SHAP values add up exactly to what is to be explained. That looks
# like a proof. In step 3 an explanation adds up, and is noise.

# %%
import helpers

helpers.require("0.2")

# %%
import math
import sys
import time
from itertools import permutations, product

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import shap
from IPython.display import display
from scipy import stats
from tqdm import tqdm

from helpers import datasets, explain, intervals, models, plotting
from helpers.course.exercises import check, expect
from helpers.scorecard import Scorecard

# %% tags=["parameters"]
# The pictures: "signs" are drawn here; "fashion" and "cifar10" are real.
dataset = "signs"
# "quick" takes about two minutes; "full" judges more pictures.
budget = "quick"
# Every random choice below follows from this number.
seed = 0

# %%
data = datasets.load(dataset, **datasets.split_sizes(dataset, budget), seed=seed)
model = models.spine(data, budget, seed=seed).model
predict = models.predict_function(models.logits_model(model))  # pictures to logits
labels = data.test.labels
logits = predict(data.test.images[:2000])
print(data)

# %% [markdown]
# This is the network of notebook 01. We explain its **logits**, the numbers before the softmax: the
# softmax of a network that is sure hardly moves.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 1: a game of four players
#
# Cut a picture into four quarters. A quarter can be *there*, or be replaced by a **background**:
# here the mean of 2,000 training pictures. Four quarters make $2^4 = 16$
# **coalitions**, from none to all. The network gives each coalition a logit for the class, its
# **value** $v$. That is a game: four players, sixteen values. How should the players share what
# they win together?

# %%
background = data.train.pixels[:2000].mean(axis=0, keepdims=True).astype(np.float32) / 255
kinds = range(4)  # one picture of each of four classes: the one that the network is surest of
surest = [int(np.argmax(np.where(labels[:2000] == kind, logits[:, kind], -np.inf))) for kind in kinds]
examples, names = data.test.take(np.array(surest)).images, [data.class_names[kind] for kind in kinds]
classes = logits[surest].argmax(axis=1)
picture, label = examples[0], int(classes[0])

# %%
quarters = explain.grid_superpixels(picture[None], 4)[0]  # the number of its quarter, for each pixel
coalitions = np.array(sorted(product([False, True], repeat=4), key=sum))  # from none to all
game = explain.picture_game(predict, picture, quarters, background)
v = game(coalitions)[:, label]

# %% [markdown]
# **Before you look at the numbers:** will what the four add alone come to what they add together?

# %%
plotting.image_grid(
    np.where(coalitions[:, quarters][..., None], picture, background[0]),
    [f"{value:.1f}" for value in v],
    title=f"The logit of {data.class_names[label]}: {v[0]:.1f} for the background, {v[-1]:.1f} for the picture",
    alt="Sixteen versions of a picture, with each of its quarters there or replaced by grey, and the logit of each.",
    columns=8,
)

# %%
for player, where in enumerate(("upper left", "upper right", "lower left", "lower right")):
    there = coalitions[coalitions[:, player]]  # the first of these is the quarter alone
    without = there & (np.arange(4) != player)
    adds = (game(there) - game(without))[:, label]
    print(f"{where}: alone it adds {adds[0]:.1f}; in other company, from {adds[1:].min():.1f} to {adds[1:].max():.1f}")
print(f"what the four add alone comes to {(v[1:5] - v[0]).sum():.1f}; together they add {v[-1] - v[0]:.1f}")

# %% [markdown]
# There is no such thing as *the* amount that a quarter adds: players **interact**. Occlusion (04)
# takes away one part at a time, and sees one of these contexts.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 2: the fair share, from its definition
#
# Shapley's answer (1953): let the players come in one after the other, in every possible order, and
# note what each adds when it comes. Its share $\varphi_i$ is the mean over all orders:
#
# $$ \varphi_i \;=\; \frac{1}{n!} \sum_{\text{orders}} \bigl( v(S_i \cup \{i\}) - v(S_i) \bigr) $$
#
# $n$ is the number of players, and $S_i$ are those who came before player $i$. Four players have
# $4! = 24$ orders.

# %%
value = dict(zip(map(tuple, coalitions), v, strict=True))  # the value of each coalition


def shapley_by_orders(value, n):
    phi, orders = np.zeros(n), list(permutations(range(n)))
    for order in orders:
        inside = np.zeros(n, bool)
        for i in order:
            before = value[tuple(inside)]
            inside[i] = True
            phi[i] += (value[tuple(inside)] - before) / len(orders)
    return phi


phi = shapley_by_orders(value, 4)
print(f"shares: {phi.round(2)}; their sum {phi.sum():.3f}; what all gain over none: {v[-1] - v[0]:.3f}")

# %% [markdown]
# Four promises hold for these shares, and for no other rule. **Efficiency**: they add up to the
# gain of all. **Symmetry**: players that add the same everywhere get the same. **Dummy**: who adds
# nothing gets nothing. **Linearity**: the shares of a sum of games are the sums of the shares. None
# of the four says that the game was the right one to play.
#
# Now the library. `KernelExplainer` (Lundberg and Lee, 2017) wants a function of rows: here a row
# says with zeros and ones who is there.

# %%
kernel = shap.KernelExplainer(lambda rows: np.array([value[tuple(row)] for row in rows.astype(bool)]), np.zeros((1, 4)))
by_library = kernel.shap_values(np.ones((1, 4)), nsamples=14, l1_reg=False, silent=True)[0]
by_course = explain.exact_shapley(game, 4)[:, label]

# %% tags=["nbval-check-output"]
print("library, all 14 coalitions in between: the same to six digits:", bool(np.abs(by_library - phi).max() < 1e-6))
print("helpers.explain.exact_shapley, by sums over coalitions: the same:", bool(np.abs(by_course - phi).max() < 1e-4))

# %% [markdown]
# ### Exercise 1 (use it): why this and not that?
#
# *Why a 30?* is seldom the question. *Why a 30 and not an 80?* is. Write
# `contrast(picture, one, other)`: the exact shares of the four quarters in the **difference**,
# logit of class `one` minus logit of class `other`. The background is the mean picture.
#
# *Hint.* Linearity. `explain.exact_shapley(game, 4)` gives a column for each class.


# %% tags=["exercise-use"]
def contrast(picture, one, other):
    ### BEGIN SOLUTION
    parts_of_it = explain.grid_superpixels(picture[None], 4)[0]
    shares_of_it = explain.exact_shapley(explain.picture_game(predict, picture, parts_of_it, background), 4)
    return shares_of_it[:, one] - shares_of_it[:, other]
    ### END SOLUTION


# %% tags=["check"]
kept_background, kept_predict, three = background.copy(), predict, data.calibration.take(slice(3)).images


def test_contrast(answer):
    four = explain.grid_superpixels(three[:1], 4)[0]
    for one, other, shown in [(2, 5, three[0]), (7, 1, three[1]), (1, 7, three[2])]:
        given = np.asarray(answer(shown.copy(), one, other), float)
        expect(given.shape == (4,), f"four quarters, four shares: shape (4,), not {given.shape}")
        of_all = explain.picture_game(kept_predict, shown, four, kept_background)
        first, second = (
            explain.kernel_shapley(lambda z, of_all=of_all, k=k: of_all(z)[:, k], 4, 14, seed=0) for k in (one, other)
        )
        none, *alone, everyone = of_all(np.array([[False] * 4, *np.eye(4, dtype=bool), [True] * 4]))
        adds_alone = (np.array(alone) - none)[:, one] - (np.array(alone) - none)[:, other]
        looks_like = {
            "these are the shares with the sign turned: `one` minus `other`": second - first,
            f"these are the shares in logit {one} alone: subtract those in logit {other}": first,
            "these are the shares of the *sum* of the two logits: subtract them": first + second,
            "these have lost their signs": np.abs(first - second),
            "this is what each quarter adds *alone* (step 1), not its fair share": adds_alone,
        }
        near = {words: np.abs(given - wrong).max() < 1e-3 * np.abs(first).max() for words, wrong in looks_like.items()}
        if np.abs(given - (first - second)).max() < 1e-3 * np.abs(first).max():
            continue
        said = f"asked for class {one} and not {other}: "
        expect(not any(near.values()), said + next((words for words, is_near in near.items() if is_near), ""))
        owed = (everyone - none)[one] - (everyone - none)[other]
        expect(
            abs(given.sum() - owed) < 1e-3 * np.abs(first).max(),
            f"{said}the shares add up to {given.sum():.2f}, and logit {one} minus logit {other} gains {owed:.2f}. Do they explain "
            "the picture that was given, in logits (`predict`), against the mean picture (`background`)?",
        )
        expect(
            False, f"{said}the sum is right, the shares are not: is each quarter in its place, and every order counted?"
        )


check("5.1 why this and not that?", contrast, test_contrast)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 3: the recipe that everyone copies
#
# ```python
# explainer = shap.KernelExplainer(model.predict, x_train[:100])
# shap_values = explainer.shap_values(x_test[:10])
# shap.image_plot(shap_values, x_test[:10])
# ```
#
# These three lines stand in many tutorials, for a network on pictures. They work on tables with a
# dozen columns.

# %% tags=["nbval-check-output"]
try:
    explainer = shap.KernelExplainer(predict, data.train.take(slice(100)).images)
    explainer.shap_values(data.test.take(slice(10)).images)
except Exception as error:
    print(f"{type(error).__name__}: {error}")

# %% [markdown]
# KernelExplainer knows tables: one row for each case, one column for each feature. So we flatten:
# every number of the picture is a player now. We take 10 backgrounds instead of 100, one picture,
# one class and 500 coalitions, and run it twice, with two draws of the coalitions. **Predict: of
# the thousands of numbers, how many get a value other than zero? How many get one in both runs?**

# %%
ten = data.train.take(slice(10)).images


def on_pixels(draw, **options):
    def flat_logit(rows):
        return predict(rows.reshape(-1, *data.shape).astype(np.float32))[:, label]

    explainer = shap.KernelExplainer(flat_logit, ten.reshape(10, -1))
    with explain.seeded(draw):  # shap draws from NumPy's global generator
        return explainer.shap_values(picture.reshape(1, -1), nsamples=500, silent=True, **options)[0]


def draw_both(runs, title):
    maps = [run.reshape(1, *data.shape) for run in runs]
    shap.image_plot(maps, picture[None], ["one draw", "another draw"], cmap=plotting.FOR_AND_AGAINST, show=False)
    plt.suptitle(title, y=0.86)
    return plotting.with_alt_text(plt.gcf(), alt="shap's image plot of two runs of KernelExplainer on single pixels.")


# %%
started = time.perf_counter()
runs = np.stack([on_pixels(draw) for draw in (seed, seed + 1)])
seconds = (time.perf_counter() - started) / 2
both = ((runs[0] != 0) & (runs[1] != 0)).sum()
counted = f"{(runs[0] != 0).sum()} and {(runs[1] != 0).sum()} values, {both} in common"
draw_both(runs, f"As the recipe comes, on {picture.size:,} numbers: {counted}")

# %% [markdown]
# **The first trap: a default.** KernelExplainer keeps at most *ten* players and gives all others
# zero: `l1_reg="num_features(10)"`, its default since version 0.47. With `l1_reg=False` it fits
# them all.

# %%
honest = np.stack([on_pixels(draw, l1_reg=False) for draw in (seed, seed + 1)])
same = stats.spearmanr(*honest)[0]
gain = predict(picture[None])[0, label] - predict(ten)[:, label].mean()
print(f"to be explained: {gain:.4f} logits; the two runs add up to {honest[0].sum():.4f} and {honest[1].sum():.4f}")
print(f"largest share of one single number: {np.abs(honest[0]).max():.0f} and {np.abs(honest[1]).max():.0f} logits")
draw_both(honest, f"With l1_reg=False: rank correlation of the two runs {same:.2f} (n={picture.size:,})")

# %% [markdown]
# **The broken guard.** Both sums are right. That is no evidence: the sum is forced on the answer,
# whatever the answer is. Compare the share of one single number with all there is to share, and the
# two runs with each other. (Where dots crowd along the top, they are rounding errors, piled up on
# the first numbers of the list.)
#
# **The second trap: too few samples.** Five hundred coalitions cannot separate thousands of
# players. What would the recipe cost as it stands? Its default is two coalitions for each number
# and 2,048 more, each asked with 100 backgrounds:

# %%
auto = 2 * picture.size + 2048
per_prediction = seconds / (500 * len(ten))
minutes = 10 * 100 * auto * per_prediction / 60
print(f"ten pictures: {10 * 100 * auto:,} predictions, {minutes:.0f} minutes at the pace of the small run")
print(f"memory for the copies of one picture: {100 * auto * picture.size * 4 / 1e9:.1f} GB")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 4: fewer players
#
# Nobody wants a share for each pixel. **Superpixels** are parts of a picture that come and go as a
# whole: pieces of like colour (`explain.superpixels`), or, for small pictures, a plain grid.
# Sixteen players make $2^{16} = 65{,}536$ coalitions: few enough to ask them all for one picture,
# too many for every picture.
#
# So KernelSHAP asks some. A coalition $z$ has $z_i = 1$ where part $i$ is there, and $|z|$ parts in
# all. It looks for the shares $\varphi$ that explain the values by least squares:
#
# $$ \min_\varphi \sum_z \pi(z) \Bigl( v(z) - v(0) - \sum_i z_i \varphi_i \Bigr)^2, \qquad
# \pi(z) = \frac{n-1}{\binom{n}{|z|}\,|z|\,(n-|z|)} $$
#
# under the **condition** that they add up, $\sum_i \varphi_i = v(\text{all}) - v(0)$. With all
# coalitions (but none and all, which the condition keeps) the answer *is* Shapley's.

# %%
parts = explain.grid_superpixels(examples, 16)
two = {  # the recipe, mended: by the library, one class at a time
    name: explain.library_kernel_shap(predict, examples[:2], np.full(2, kind), parts[:2], background, 512, seed)
    for name, kind in zip(names[:2], classes[:2], strict=True)
}
maps = [explain.paint(values, parts[:2])[..., None] for values in two.values()]
style = {"width": 7, "cmap": plotting.FOR_AND_AGAINST, "show": False}
shap.image_plot(maps, examples[:2], labels=[f"for {name}" for name in two], true_labels=names[:2], **style)
plt.suptitle(f"Sixteen parts, and what each counts for {' and for '.join(two)}", y=1.0)
plotting.with_alt_text(
    plt.gcf(), alt="shap's image plot: two pictures, and the Shapley values of their parts for two classes."
)

# %% [markdown]
# Orange parts speak for the class, blue parts against it. Look along a row: a map says nothing as
# long as its class is not named.
#
# ### Exercise 2 (build it): the regression inside KernelSHAP
#
# Finish `shares(coalitions, values, none, everyone)`. `coalitions` is bool of shape (M, n), without
# none and all; `values` holds their M values $v(z)$; `none` and `everyone` are $v(0)$ and
# $v(\text{all})$. It returns the $\varphi$ of the formula, under its condition.
#
# *Hint.* The condition first: the last player gets what the others leave, $\varphi_n =
# v(\text{all}) - v(0) - \sum_{i<n} \varphi_i$. In the formula, this makes the columns $z_i - z_n$,
# and what they explain $v(z) - v(0) - z_n (v(\text{all}) - v(0))$. Multiply both sides by
# $\sqrt{\pi(z)}$; `np.linalg.lstsq(columns, explained, rcond=None)[0]` does the rest.


# %% tags=["exercise-build"]
def shares(coalitions, values, none, everyone):
    z, n = coalitions.astype(float), coalitions.shape[1]
    sizes = coalitions.sum(axis=1).tolist()
    weights = np.array([(n - 1) / (math.comb(n, size) * size * (n - size)) for size in sizes])
    ### BEGIN SOLUTION
    explained = values - none - z[:, -1] * (everyone - none)
    root = np.sqrt(weights)
    others = np.linalg.lstsq(root[:, None] * (z[:, :-1] - z[:, -1:]), root * explained, rcond=None)[0]
    return np.append(others, everyone - none - others.sum())
    ### END SOLUTION


# %% tags=["check"]
def test_shares(answer):
    rng = np.random.default_rng(3)
    for n in (5, 2, 6):
        z = np.array(list(product([False, True], repeat=n)))
        worth = 5 + rng.normal(size=len(z)).cumsum()
        table = {tuple(row): amount for row, amount in zip(z, worth, strict=True)}
        exact = explain.exact_shapley(lambda asked, table=table: np.array([table[tuple(row)] for row in asked]), n)
        given = np.asarray(answer(z[1:-1].copy(), worth[1:-1].copy(), worth[0], worth[-1]), float)
        expect(given.shape == (n,), f"{n} players, {n} shares: shape ({n},), not {given.shape}")
        owed = worth[-1] - worth[0]
        expect(
            abs(given.sum() - owed) < 1e-6,
            f"the shares must add up to everyone - none = {owed:.3f}; these come to {given.sum():.3f}: keep the condition",
        )
        expect(
            np.abs(given - exact).max() < 1e-6,
            f"all coalitions of {n} players were asked, and these are not Shapley's values: is each in its place? "
            "Is it the *root* of the weights that goes into lstsq, on both sides?",
        )
    some = rng.permutation(np.arange(1, 63))[:20]
    given = np.asarray(answer(z[some].copy(), worth[some].copy(), worth[0], worth[-1]), float)
    expect(abs(given.sum() - owed) < 1e-6, "with 20 of 62 coalitions, the shares must still add up to everyone - none")
    heavy = np.array([1 / (math.comb(n, size) * size * (n - size)) for size in z[some].sum(axis=1)])

    def could_be_better(base):  # by moving some value from one player to another
        pull = (heavy * (worth[some] - base - z[some] @ given)) @ z[some]
        return np.ptp(pull) > 1e-6 * np.abs(worth).max()

    expect(
        could_be_better(0), "with 20 of 62 coalitions, the fit is off by a constant: is `none` taken off the values?"
    )
    expect(
        not could_be_better(worth[0]),
        "with 20 of 62 coalitions, the shares add up, and other shares that add up fit better. A rest that is spread out "
        "*after* the fit does that: put the condition into the columns before you fit",
    )


check("5.2 the regression inside KernelSHAP", shares, test_shares)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 5: how wrong is the estimate?
#
# For one picture we ask all 65,536 coalitions and keep the answers in a table. That gives the exact
# shares, and any estimate can be tried against them without asking the network again. The network
# answers for all classes at once, so there are two games: the class of the picture, and the
# runner-up.

# %%
every = (np.arange(2**16)[:, None] >> np.arange(16) & 1).astype(bool)  # row r: the 16 binary digits of r
table = explain.picture_game(predict, picture, parts[0], background)(every)
runner_up = int(np.argsort(predict(picture[None])[0])[-2])


def tabled(kind):
    return lambda asked: table[asked.astype(int) @ 2 ** np.arange(16), kind]  # the digits give the row


games = [tabled(kind) for kind in (label, runner_up)]
exact = [explain.exact_shapley(of_class, 16) for of_class in games]
typical = np.abs(exact).mean()
print(f"mean size of an exact share: {typical:.2f} logits")

# %% [markdown]
# Three ways: the course's `kernel_shapley`; the library with `l1_reg=False`; and the library as it
# comes. **Predict: how much smaller is the error with four times as many evaluations?**


# %%
def by_shap(of_class, evaluations, draw, **options):
    with explain.seeded(draw):
        explainer = shap.KernelExplainer(of_class, np.zeros((1, 16)))
        return explainer.shap_values(np.ones((1, 16)), nsamples=evaluations, silent=True, **options)[0]


ways = {
    "ours": lambda of_class, n, draw: explain.kernel_shapley(of_class, 16, n, seed=draw),
    "shap, l1_reg=False": lambda of_class, n, draw: by_shap(of_class, n, draw, l1_reg=False),
    "shap, as it comes": by_shap,
}
evaluations = np.array([128, 512, 2048, 8192])  # each four times the one before

# %%
tries = [(games[draw % 2], exact[draw % 2], draw) for draw in range(24)]


def square_errors(way):  # a row for each try, a column for each number of evaluations
    return np.array([[np.mean((way(g, n, draw) - true) ** 2) for n in evaluations] for g, true, draw in tries])


squares = {name: square_errors(way) for name, way in ways.items()}
floor = np.array([np.sum(np.sort(true**2)[:6]) / 16 for true in exact])  # the six smallest shares, set to 0
over_floor = {
    name: intervals.mean(np.sqrt(squares[name][:, -1] / np.tile(floor, 12)))  # the two games take turns
    for name in ("shap, as it comes", "shap, l1_reg=False")
}

# %%
curves = {name: (evaluations, np.sqrt(rows.mean(axis=0))) for name, rows in squares.items()}
floor_line = {"floor of ten shares (computed)": (evaluations, np.full(len(evaluations), np.sqrt(floor.mean())))}
plotting.line_plot(
    curves | floor_line,
    title=f"With {evaluations[-1]:,} evaluations, shap's default has {over_floor['shap, as it comes'].value:.1f} times the error "
    f"of the floor, and l1_reg=False {over_floor['shap, l1_reg=False'].value:.1f} times",
    alt="Root mean square error of Shapley values against the number of evaluations, logarithmic axes, three ways.",
    x_label="evaluations for each game (of 65,534)",
    y_label="error, logits",
    power_law=("half the error for four times the price", -0.5),
    log_x=True,
    log_y=True,
)

# %% [markdown]
# The dotted line is what independent draws would give: four times the evaluations, half the error.
# That is about the price of KernelSHAP, too.
#
# The default keeps ten of sixteen players. Even the exact values, cut down to the ten largest,
# would be wrong by what the other six are worth: that is the **floor**. Nothing warns you; the ten
# values still add up.
#
# Without exact values, how do you know that you asked enough? Ask *twice*, with different draws:
# what differs is noise. (Without a slider, call `look(64)`.)


# %%
def look(evaluations):
    one, other = (explain.kernel_shapley(games[0], 16, evaluations, seed=draw) for draw in (0, 1))
    off = np.sqrt(np.mean((one - exact[0]) ** 2)) / np.abs(exact[0]).mean()
    return plotting.diverging_maps(
        explain.paint(np.stack([exact[0], one, other]), parts[[0, 0, 0]]),
        ["exact", "one draw", "another draw"],
        title=f"{evaluations:,} evaluations: rank correlation of two draws {stats.spearmanr(one, other)[0]:.2f}; "
        f"the first is off by {off:.0%} of a typical share",
        alt="The exact Shapley values of sixteen parts of a picture, and beside them two estimates.",
        label="logits per pixel",
        columns=3,
        size=1.8,
    )


slider = widgets.SelectionSlider(options=[32, 48, 64, 128, 256, 512, 2048], value=64, description="evaluations")
display(plotting.interactive_figure(slider, look))

# %% [markdown]
# What is enough for sixteen players may be far too little for more: ask twice again, every time.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 6: other ways to share the same gain
#
# shap has quicker methods. **PartitionExplainer** halves the picture again and again and shares
# what each half adds (Owen's values, 1977). **GradientExplainer** averages gradients on the way
# from a background to the picture (Erion and others, 2021). **DeepExplainer** sends differences
# back through the layers (Shrikumar and others, 2017). The first needs a predict function only; the
# other two must see inside. All get the same background here, so all share out the same gain, each
# by rules of its own.

# %%
cut_in_16 = lambda images: explain.grid_superpixels(images, 16)  # noqa: E731
methods = {
    "KernelSHAP": explain.superpixel_shap(predict, cut_in_16, background, evaluations=96, seed=seed),
    "PartitionExplainer": explain.shap_partition(predict, background, evaluations=48, seed=seed),
    "GradientExplainer": explain.shap_gradient(model, background, samples=25, seed=seed),
    "DeepExplainer": explain.shap_deep(model, background),
}
shown = {name: method(examples, classes) for name, method in methods.items()}


# %%
def additivity_title(off):
    exactly = ", ".join(name for name, error in off.items() if error < 0.001) or "none"
    rest = "".join(f"; {name} is off by {error:.1%} on average" for name, error in off.items() if error >= 0.001)
    return f"The gain is shared out to a thousandth by {exactly}{rest}"


gains = predict(examples)[np.arange(4), classes] - predict(background)[0, classes]
off = {name: float(np.mean(np.abs(drawn.sum(axis=(1, 2)) / gains - 1))) for name, drawn in shown.items()}
plotting.attribution_maps(
    examples,
    shown,
    names,
    title=additivity_title(off),
    alt="Four pictures and the signed maps of four SHAP methods below them, on one colour scale.",
    shared_scale=True,
    size=1.35,
)

# %% [markdown]
# Three add up by construction. GradientExplainer draws, and adds up on average over its draws.
# Where a library's check of additivity fails, something is wrong; where it passes, little is
# proven: remember step 3. (DeepExplainer stops with an error at layers that it has no rule for.)
#
# ### Exercise 3 (find the bug): the class that was a picture
#
# A tutorial of 2021 draws the maps of class `k` with the function below. In those days shap handed
# out a *list*, one array for each class. Since version 0.45 it is **one array** of shape (pictures,
# height, width, channels, classes). The tutorial still runs, without a warning, and draws something
# colourful. Write `class_maps(values, k)`: the signed maps (pictures, height, width) of class `k`,
# summed over the channels.
#
# *Hint.* Which axis does `values[k]` choose from, and which does `.sum(axis=-1)` add up?


# %% tags=["exercise-bug"]
def tutorial_maps(values, k):
    return values[k].sum(axis=-1)


def class_maps(values, k):
    ### BEGIN SOLUTION
    return values[..., k].sum(axis=3)
    ### END SOLUTION


# %% tags=["check"]
def test_class_maps(answer):
    fresh = np.random.default_rng(3)
    for of_pictures, size, channels, k in ((5, (4, 6), 3, 2), (7, (4, 4), 1, 4)):
        inside = fresh.normal(size=(of_pictures, *size, channels, 5))
        by_class = [sum(inside[:, :, :, channel, kind] for channel in range(channels)) for kind in range(5)]
        given = np.asarray(answer(inside.copy(), k), float)
        says = f"{of_pictures} pictures with {channels} channels and 5 classes: "
        classes_added = given.shape == inside.shape[1:4] and np.allclose(given, np.add.reduce(inside[k], -1))
        expect(not classes_added, f"{says}this is picture {k}, its classes added up; which axis is the last?")
        expect(given.ndim < 4, f"{says}choose one class, and sum over the channels; this has shape {given.shape}")
        expect(given.shape == by_class[0].shape, f"{says}the maps have shape {by_class[0].shape}, not {given.shape}")
        near = [kind for kind in range(5) if np.allclose(given, by_class[kind])]
        expect(near in ([], [k]), f"{says}asked for class {k}, these are the maps of class {near and near[0]}")
        expect(
            not np.allclose(given, np.abs(by_class[k])), f"{says}the signs are lost; what speaks against counts, too"
        )
        averaged = channels > 1 and np.allclose(given * channels, by_class[k])
        expect(not averaged, f"{says}the channels are to be summed, not averaged")
        expect(near == [k], f"{says}these are not the signed sums over all channels for class {k}")


check("5.3 the class that was a picture", class_maps, test_class_maps)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 7: compared with what?
#
# A share is a share of a *difference*: this picture against the background. So far the background
# was the mean picture. It could be black, or training pictures, or pictures of the very class that
# we explain; the library warns you about none of them. **Predict:** with which of these four is
# least left to explain, on average?

# %%
of_label = data.test.take(np.flatnonzero(labels == label)).images
backgrounds = {
    "the mean picture": background,
    "black": np.zeros_like(background),
    "20 training pictures": data.train.take(slice(20)).images,
    f"20 pictures of {data.class_names[label]}": data.train.take(
        np.flatnonzero(data.train.labels == label)[:20]
    ).images,
}
same_class, asked = of_label[:16], np.full(16, label)
cells = cut_in_16(same_class)
by_background = {
    name: explain.kernel_shap(predict, same_class, asked, cells, behind, evaluations=48, seed=seed)
    for name, behind in backgrounds.items()
}

# %%
mine = predict(of_label)[:, label]  # the shares of a picture add up to its logit minus the background's
to_explain = {name: mine - predict(behind)[:, label].mean() for name, behind in backgrounds.items()}
total = {name: intervals.mean(found) for name, found in to_explain.items()}
least, most = (pick(total, key=lambda name: abs(total[name].value)) for pick in (min, max))
plotting.attribution_maps(
    same_class[:5],
    {name: explain.paint(found[:5], cells[:5]) for name, found in by_background.items()},
    [data.class_names[label]] * 5,
    title=f"Least to explain, on average: against {least}, {total[least].value:.1f} logits; most: against {most}, "
    f"{total[most].value:.1f}",
    alt="Five pictures of one class, and below them their Shapley values against four different backgrounds.",
    shared_scale=True,
    size=1.35,
)

# %%
alike = lambda one, other: np.array([stats.spearmanr(*pair)[0] for pair in zip(one, other, strict=True)])  # noqa: E731
first_of_all, *_, own = by_background  # the names of the first and of the last
left_over = intervals.bootstrap(
    lambda of_own, of_mean: float(of_own.mean() / of_mean.mean()), to_explain[own], to_explain[first_of_all], seed=seed
)
print(f"left to explain against {own}, as a share of that against {first_of_all}: {left_over}")
for name, found in by_background.items():
    ranked = intervals.mean(alike(found, by_background[first_of_all]))
    print(f"{name}: {total[name].value:.1f} logits to explain; rank correlation with the first {ranked}")

# %% [markdown]
# Network, picture and method are the same; the answer is not, because the question is not. Against
# the mean picture: *what makes this a sign of its class rather than a blur?* Against black: *which
# light matters?* Black parts cannot count then. Against its own class: *what sets this one apart
# from others of its kind?* That trap is hard to see in a figure. It springs when the first hundred
# rows of a sorted file serve as background.
#
# So a background is part of the question: state it beside every map. (The intervals are over the
# pictures explained; another twenty behind them would move the numbers, too.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 8: which one, at what price?
#
# The methods of 04 and 05 on the same 500 pictures, all for the true class, beside three maps that
# never asked the network: a blob in the middle, the brightness of each pixel, the edges.
# (SmoothGrad stands for the plain gradients that it averages.) Two kinds of measures judge them:
#
# - **the evidence** (where masks say what tells the class): *relevance mass*, the share of the
#   map's positive part that lies on it; and the *pointing game*, whether the highest pixel does;
# - **the network**: *deletion*, the area under its probability while the highest pixels are painted
#   over; low is good. Painted with what? We try two **fills**: the picture's mean colour, and
#   black.
#
# **Predict: will the two fills agree on the best? Which map that knows nothing will be hardest to
# beat?**

# %%
judged = data.test.take(slice(500 if budget == "quick" else 1000))
pictures, truth = judged.images, judged.labels
candidates = methods | {
    "integrated gradients (mean colour)": explain.integrated_gradients(model, steps=16, baseline=explain.mean_colour),
    "integrated gradients (black)": explain.integrated_gradients(model, steps=16),
    "gradients x inputs": explain.gradients_times_inputs(model),
    "SmoothGrad": explain.smoothgrad(model, samples=16, noise=0.15, seed=seed),
    "GradCAM": explain.gradcam(model),
    "occlusion (grey)": explain.occlusion(predict, patch=8, stride=4),
}
nothing = {
    "centre Gaussian": explain.centre_gaussian(),
    "brightness": explain.brightness(),
    "Sobel edges": explain.sobel_edges(),
}

# %%
drawn, price = {}, {}
for name, method in (candidates | nothing).items():
    method(pictures[:2], truth[:2])  # the first call builds what later calls use
    started = time.perf_counter()
    drawn[name] = method(pictures, truth)
    price[name] = 1000 * (time.perf_counter() - started) / len(pictures)

# %%
probability = models.predict_function(model)
fills = {"mean colour": explain.mean_colour, "black": 0.0}
scores = {}
for name, found in tqdm(drawn.items(), desc="methods", file=sys.stdout, ncols=80, delay=5, mininterval=1, leave=False):
    if "evidence" in judged.masks:
        evidence = judged.masks["evidence"]
        scores["relevance mass, higher", name] = explain.relevance_mass(found, evidence)
        scores["pointing game, higher", name] = explain.pointing_game(found, evidence).astype(float)
    for filled, fill in fills.items():
        deleted = explain.deletion(probability, pictures, truth, found, steps=16, fill=fill)
        scores[f"deletion AUC ({filled}), lower", name] = explain.auc(deleted)
measures = list(dict.fromkeys(measure for measure, _ in scores))

# %%
sign = {m: -1 if m.endswith("lower") else 1 for m in measures}
rival = "centre Gaussian"
measured = {m: {name: intervals.mean(scores[m, name]) for name in drawn} for m in measures}
better = {  # on the same pictures, so picture by picture
    m: {name: intervals.mean(sign[m] * (scores[m, name] - scores[m, rival])) for name in drawn if name != rival}
    for m in measures
}
first = {m: max(drawn, key=lambda name: sign[m] * measured[m][name].value) for m in measures}
plotting.comparison_plot(
    measured,
    better,
    rival=rival,
    title="; ".join(f"{m.split(',')[0]}: first is {name}" for m, name in first.items()),
    alt="Scores of methods and of three maps that know nothing, with interval, one panel for each measure.",
)

# %%
tested = [estimate for of_measure in better.values() for estimate in of_measure.values()]
clear = sum(estimate.low > 0 or estimate.high < 0 for estimate in tested)
print(
    f"{len(tested)} comparisons with the {rival}, {clear} of them clear; chance alone would give {len(tested) / 20:.0f}"
)

# %%
dm, db = (f"deletion AUC ({filled}), lower" for filled in fills)
grey, black = "integrated gradients (mean colour)", "integrated gradients (black)"
own_fill = {
    "mean colour": intervals.mean(scores[dm, black] - scores[dm, grey]),
    "black": intervals.mean(scores[db, grey] - scores[db, black]),
}
for filled, ahead in own_fill.items():
    print(f"filled with {filled}: the map with that baseline is ahead of the other by {ahead}")
if "evidence" in judged.masks:
    held = [
        max(marks[part == i].mean() for i in range(16))
        for part, marks in zip(cut_in_16(pictures), evidence, strict=True)
    ]
    print(f"pointing game: no map of sixteen parts can score above {np.mean(held):.3f}, ties being drawn")

# %% [markdown]
# Look at brightness in all panels: a map that never asked the network may do well in one and badly
# in the next. One measure is no verdict.
#
# Nor is one fill. **A fill favours maps whose own baseline it is.** The two integrated gradients
# differ in nothing but their baseline. Compare the two printed leads: what each gains when the fill
# is its own is no merit of the map.
#
# The pointing game (where there are masks) looks at one pixel of each map. All pixels of a part
# tie, one of them is drawn, and evidence seldom fills a part: that is the ceiling above. (The paper
# counts a hit near the evidence, too; on pictures this small we leave that tolerance out.) So we
# show it, and give it no say below.
#
# ### One recommendation, if there is one
#
# One vote for each kind of measure. *The evidence* votes by relevance mass; *the network* by
# deletion, where a method must stay with both fills. A method stays if the leader is not clearly
# ahead of it, and if it is clearly ahead of every map that knows nothing. Clearly means: the
# interval of the paired difference lies above zero. Who stays throughout is recommended; of
# several, price may choose. The rule was written by people who had seen such scores. And the leader
# is picked on the very pictures that judge it, which flatters its lead a little.

# %%
voters = {"the evidence": [m for m in measures if m.startswith("relevance")], "the network": [dm, db]}


def who_stays(gains, candidates, nothing):
    leader = max(candidates, key=lambda name: gains[name].mean())
    lead = {name: intervals.mean(gains[leader] - gains[name]) for name in gains if name != leader}
    near = [name for name in candidates if name == leader or lead[name].low <= 0]
    ahead = {name: all(intervals.mean(gains[name] - gains[other]).low > 0 for other in nothing) for name in near}
    return leader, lead, [name for name in near if ahead[name]]


rulings = {
    m: who_stays({name: sign[m] * scores[m, name] for name in drawn}, candidates, nothing)
    for of_kind in voters.values()
    for m in of_kind
}


# %%
def advice_title(staying, price):
    front = sorted(set.intersection(*map(set, staying)), key=price.get)
    if not front:
        return "No method stays throughout: the question must choose, not the score"
    if len(front) == 1:
        return f"{front[0]} stays throughout, and no other"
    cheap = ", ".join(name for name in front if price[name] <= 2 * price[front[0]])
    return f"Cannot be told apart: {', '.join(front)}; cheapest of these, within a factor of two: {cheap}"


# %%
columns = {f"{m.split(',')[0]}: lead of {leader}": lead for m, (leader, lead, _) in rulings.items()}
advice_table = pd.DataFrame(columns).reindex(drawn)
advice_table = advice_table.map(lambda e: f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]", na_action="ignore")
advice_table.insert(0, "ms per picture", [f"{price[name]:.1f}" for name in drawn])
said_by_rule = advice_title([staying for *_, staying in rulings.values()], price)
display(advice_table.fillna("leads").style.set_caption(said_by_rule))
for m, (*_, staying) in rulings.items():
    print(f"{m.split(',')[0]}: {', '.join(staying) or 'none'} stay")

# %% [markdown]
# An interval that holds zero means: *cannot be told apart from the leader here*. Where nobody stays
# throughout, a single winner would be an artefact of the measure that somebody picked. Then start
# from your question: a baseline (step 7), a class to set against (exercise 1), a price, access. And
# ask of any map what 04 asked: does it change with the class, and is it more than edges or
# brightness?
#
# What carries over to other networks is access, not rank. A method that needs no more than a
# predict function (KernelSHAP, PartitionExplainer, occlusion) works on any model, also one behind a
# web service; the others must see inside.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Record

# %%
weights = {"course_cnn": models.digest(model)}
scorecard = Scorecard("05_shap", dataset, "course_cnn", seed=seed, budget=budget, digests=weights)
share, gain_of, above_0 = {"bounds": (0, 1)}, {"direction": "higher", "bounds": (-1, 1)}, {"bounds": (0, None)}
ahead_of = {name: f"{name} ahead of the {rival}" for name in methods}
owed = predict(pictures)[np.arange(len(truth)), truth] - predict(background)[0, truth]
for name in methods:
    missed = intervals.proportion(np.abs(drawn[name].sum(axis=(1, 2)) - owed) > 0.001)
    scorecard.record("explanation", f"sums off by a thousandth, {name}", *missed, direction="lower", **share)
    for m in voters["the evidence"]:
        scorecard.record("explanation", f"{m.split(',')[0]}, {ahead_of[name]}", *better[m][name], **gain_of)
for name in ("KernelSHAP", "DeepExplainer"):  # the other two are not told from 0 on all data
    scorecard.record("explanation", f"deletion AUC (mean colour), {ahead_of[name]}", *better[dm][name], **gain_of)

# %%
for filled, ahead in own_fill.items():
    by = f"deletion AUC ({filled}), integrated gradients with that baseline ahead of the other"
    scorecard.record("explanation", f"{by}", *ahead, **gain_of)
for way, estimate in over_floor.items():
    scorecard.record("explanation", f"error over the floor, {way}", *estimate, direction="lower", **above_0)
scorecard.record("explanation", "left to explain against a background of its own class", *left_over, direction="higher")

# %% [markdown] tags=["deeper"] slideshow={"slide_type": "slide"}
# ## Step 9: the colour scale *
#
# Four other pictures, drawn as most tools draw them: each map on a scale of its own. One is a clear
# sign, one the picture whose class gets the lowest logit in the test set, one is noise, one hardly
# differs from the background. **Which of them holds the strongest evidence for its class?**

# %% tags=["deeper"]
doubtful = data.test.take(np.array([logits.max(axis=1).argmin()])).images
static = np.random.default_rng(seed).random((1, *data.shape), dtype=np.float32)
faint = 0.95 * background + 0.05 * examples[:1]
mixed = np.concatenate([examples[:1], doubtful, static, faint])
mixed_classes = predict(mixed).argmax(axis=1)
mixed_values = explain.kernel_shap(predict, mixed, mixed_classes, parts, background, evaluations=512, seed=seed)
mixed_maps = explain.paint(mixed_values, parts)
limits = np.abs(mixed_maps).max(axis=(1, 2))

# %% tags=["deeper"]
plotting.attribution_maps(
    mixed,
    {"each on its own scale": mixed_maps},
    [
        f"{data.class_names[kind]}, full colour at {limit:.4f}"
        for kind, limit in zip(mixed_classes, limits, strict=True)
    ],
    size=1.35,
    title=f"The same orange stands for {limits.min():.4f} in one picture and for {limits.max():.4f} in another, in logits per pixel",
    alt="Maps of a clear picture, a doubtful one, noise, and the background, each on its own scale: all look equally strong.",
)

# %% [markdown] tags=["deeper"]
# A map on its own scale shows *where*, not *how much*. The captions name the class that the network
# prefers, whatever the picture shows: noise gets one as well, and the faint picture need not get
# the class of the sign in it. Put maps that are to be compared on one scale, and print the scale.

# %% [markdown] tags=["deeper"] slideshow={"slide_type": "slide"}
# ## Step 10: how fast does the error fall? *
#
# Shapley's definition can be estimated directly: draw some of the $16!$ orders (Castro and others,
# 2009). An order asks for 15 coalitions between none and all. The draws do not depend on each
# other, so the error must fall with the root of their number. On logarithmic axes that is a line of
# slope -1/2. **Predict the slope of KernelSHAP.**


# %% tags=["deeper"]
def by_orders(of_class, evaluations, draw):
    orders = evaluations // 15
    rng = np.random.default_rng(draw)
    place = rng.permuted(np.tile(np.arange(16), (orders, 1)), axis=1)  # how many come before each player
    growing = place[:, None, :] < np.arange(17)[:, None]  # in each order: nobody, the first, the first two ...
    adds = np.diff(of_class(growing.reshape(-1, 16)).reshape(-1, 17), axis=1)
    return np.take_along_axis(adds, place, axis=1).mean(axis=0)


before = evaluations <= 2048  # well before all coalitions are asked


def slope(rows):
    return float(np.polyfit(np.log(evaluations[before]), np.log(rows.mean(axis=0)[before]) / 2, 1)[0])


# %% tags=["deeper"]
squares_of = {"drawn orders": square_errors(by_orders)} | squares
slopes = {name: intervals.bootstrap(slope, rows, seed=seed) for name, rows in squares_of.items()}
for name, estimate in slopes.items():
    pace = "faster than" if estimate.high < -0.5 else "slower than" if estimate.low > -0.5 else "with"
    print(
        f"{name}: slope {estimate}, {pace} the root; four times the price divides the error by {4**-estimate.value:.1f}"
    )
gap = np.sqrt(squares_of["drawn orders"].mean(axis=0) / squares_of["ours"].mean(axis=0))
print(f"error of drawn orders over that of ours, with {evaluations} evaluations: {gap.round(1)}")

# %% tags=["deeper"]
for way in ("drawn orders", "ours", "shap, l1_reg=False"):
    scorecard.record("explanation", f"slope of the error, {way}", *slopes[way], direction="lower", core=False)

# %% [markdown] tags=["deeper"]
# Why may KernelSHAP be faster than the root? It asks no coalition twice. As the budget grows, it
# asks whole sizes of coalitions completely. With all 65,534 its error is zero, and a root gets to
# zero nowhere. Half the error for about four times the price remains a good rule.
#
# Ours draws each coalition together with its complement (Covert and Lee, 2021). So does the
# library, except for coalitions of exactly half the players.

# %% [markdown] tags=["deeper"] slideshow={"slide_type": "slide"}
# ## Step 11: two explanations disagree. And now? *
#
# To compare maps of different grain we add each one up over the same sixteen parts, and rank the
# parts. **Predict which two methods agree least.**

# %% tags=["deeper"]
flat_cells = cut_in_16(pictures).reshape(len(pictures), -1)
ranks = {}
for name in candidates:
    sums = np.stack([np.bincount(part, row.ravel(), 16) for part, row in zip(flat_cells, drawn[name], strict=True)])
    centred = stats.rankdata(sums, axis=1) - 8.5
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    ranks[name] = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)  # no order, no agreement
agreement = np.array([[(one * other).sum(axis=1).mean() for other in ranks.values()] for one in ranks.values()])

# %% tags=["deeper"]
apart = np.unravel_index(agreement.argmin(), agreement.shape)
plotting.heatmap(
    agreement,
    list(ranks),
    title=f"Least agreement: {list(ranks)[apart[0]]} and {list(ranks)[apart[1]]}, {agreement[apart]:.2f}",
    alt="Mean rank correlation between methods of explanation, over sixteen parts of each picture.",
    low=0,
)

# %% [markdown] tags=["deeper"]
# Look for blocks: methods of one family, or of one baseline, keep together. And mind the *sign*.
# SmoothGrad and GradCAM have no negative values. Added up over a part, they say how much happens
# there; in a signed map, what speaks for and against cancels. The two kinds rank parts differently
# for this reason alone.
#
# Practitioners often settle such a disagreement by taste (Krishna and others, 2022). Better, in
# this order:
#
# 1. **Is one of them noise?** Run it twice with two seeds (step 5).
# 2. **Do they answer the same question?** Look at class, background, unit and sign. Gradients x
#    inputs compares with black, GradCAM with nothing at all.
# 3. **Has one of them passed a test here?** Step 8, and the sanity checks of notebook 04.
# 4. If two different questions remain, report both answers *with their questions*. What all of them
#    say is safer to act on.

# %% [markdown] tags=["deeper"] slideshow={"slide_type": "slide"}
# ## Step 12: real handwriting, and a forest *
#
# For trees, Shapley values need no drawing: **TreeSHAP** (Lundberg and others, 2020) goes through
# every leaf. Here is the forest of notebook 03 on real digits, 784 pixels each. TreeSHAP knows two
# games. In one, an absent pixel is replaced by those of background pictures (*interventional*), as
# in all steps above. In the other, the tree goes both ways at a question about it, as often as
# training pictures did (*path dependent*, shap's default). **Predict: how far apart are the two, in
# percent of what they share out?**

# %% tags=["deeper"]
digits = datasets.load("digits", train=3000, calibration=500, test=1500, seed=seed)
forest = models.digit_forest(digits, seed)
written, behind_digits = digits.test.take(slice(20)).images, digits.train.take(slice(20)).images
said = forest(written).argmax(axis=1)
trees = {
    "path dependent": shap.TreeExplainer(forest.estimator),
    "interventional": shap.TreeExplainer(forest.estimator, behind_digits.reshape(20, -1)),
}
on_tree = {}
for name, explainer in trees.items():
    of_classes = explainer.shap_values(written.reshape(20, -1), check_additivity=False)  # (pictures, pixels, classes)
    on_tree[name] = of_classes[np.arange(20), :, said].reshape(written.shape[:3])

# %% tags=["deeper"]
from_outside = explain.kernel_shap(forest, written, said, cut_in_16(written), behind_digits, 128, seed)
by_part = {
    name: np.stack(
        [np.bincount(part.ravel(), row.ravel(), 16) for part, row in zip(cut_in_16(written), pixels, strict=True)]
    )
    for name, pixels in on_tree.items()
} | {"KernelSHAP, from outside": from_outside}
chances = forest(written)[np.arange(20), said]
for name, pixels in on_tree.items():
    owed_here = chances - np.atleast_1d(trees[name].expected_value)[said]
    print(f"TreeSHAP, {name}: sum off by at most {np.abs(pixels.sum(axis=(1, 2)) - owed_here).max():.0e}")

# %% [markdown] tags=["deeper"]
# If one of these sums is off by about 0.01, that is one tree of a hundred. It happens where a pixel
# lies on the very threshold of a question: scikit-learn compares in double precision, the library's
# code for the interventional game in single precision. `check_additivity=False` lets us measure it.


# %% tags=["deeper"]
def apart_by(one, other):  # the sum of all differences, over half the sum of all sizes
    return 2 * np.abs(one - other).sum(axis=1) / (np.abs(one) + np.abs(other)).sum(axis=1)


two_games = intervals.mean(apart_by(*(pixels.reshape(20, -1) for pixels in on_tree.values())))
for name in on_tree:
    print(
        f"KernelSHAP and TreeSHAP, {name}: {intervals.mean(apart_by(by_part['KernelSHAP, from outside'], by_part[name]))}"
    )

# %% tags=["deeper"]
plotting.attribution_maps(
    1 - written[:6],
    {f"TreeSHAP, {name}": pixels[:6] for name, pixels in on_tree.items()},
    [f"a {digit}" for digit in said[:6]],
    title=f"One forest, two games: pixel by pixel they are {two_games.value:.0%} apart",
    alt="Six handwritten digits and the TreeSHAP values of their pixels, path dependent and interventional.",
    unit="probability per pixel",
    shared_scale=True,
    size=1.35,
)

# %% tags=["deeper"]
scorecard.record(
    "explanation",
    "TreeSHAP, how far apart two games are",
    *two_games,
    direction="lower",
    bounds=(0, 2),
    dataset="digits",
    model="random_forest",
    model_digest=models.digest(forest),
    core=False,
)

# %% [markdown] tags=["deeper"]
# (The digits are drawn dark on white; the forest sees them white on black.)
#
# All three are *SHAP values*, and none is wrong: they are shares in different games. KernelSHAP's
# players are sixteen parts, TreeSHAP's are pixels. The name of the method does not say which game
# was played. What differs from our signs: people wrote these pictures, and nobody knows the
# evidence in a handwritten 4. So whether a share is *true* we cannot say here.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# Shapley values are the one way to share a gain that keeps four reasonable promises. Which game
# they share is our choice: class, players, background. On pixels the well-known recipe gives noise,
# or ten values; on superpixels the error can be measured. Adding up proves nothing. Measures need
# not agree, and a fill favours its own baseline: say which measure decided, and by how much.
#
# **Limits.** Replacing parts by a background makes pictures that the network never saw. The exact
# values were computed for one picture. The masks exist because we drew the signs; relevance mass
# rewards maps that lie where *we* think the reason is. The prices hold for one small network on one
# machine. Shares say what the network used, not what causes a sign to be a stop sign.
#
# **Further reading**
#
# - L. S. Shapley (1953), *A Value for n-Person Games*
# - J. Castro, D. Gómez, J. Tejada (2009), *Polynomial Calculation of the Shapley Value Based on
#   Sampling*
# - S. M. Lundberg, S.-I. Lee (2017), *A Unified Approach to Interpreting Model Predictions*
# - I. Covert, S.-I. Lee (2021), *Improving KernelSHAP: Practical Shapley Value Estimation Using
#   Linear Regression*
# - M. Sundararajan, A. Najmi (2020), *The Many Shapley Values for Model Explanation*
# - I. E. Kumar, S. Venkatasubramanian, C. Scheidegger, S. Friedler (2020), *Problems with
#   Shapley-Value-Based Explanations as Feature Importance Measures*
# - S. Krishna and others (2022), *The Disagreement Problem in Explainable Machine Learning: A
#   Practitioner's Perspective*
# - S. M. Lundberg and others (2020), *From Local Explanations to Global Understanding with
#   Explainable AI for Trees*
#
# **Next:** 06 Adversarial attacks: how is it fooled?
