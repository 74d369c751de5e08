# %% [markdown] slideshow={"slide_type": "slide"}
# # 05 SHAP: how much did each part count?
#
# **The question.** The network says *stop sign*, and puts a number on it. How much of that number
# is due to each part of the picture, and can we trust the shares that a library hands us?
#
# **What you will be able to do**
#
# - compute Shapley values from their definition, and say which four promises they keep,
# - run shap's KernelExplainer on pictures in a way that works, and see why the well-known recipe
#   does not,
# - measure how far an estimate is from the exact values, and what four times the budget buys,
# - find the settings that decide an explanation before the network is asked: the background,
#   `l1_reg`, the colour scale,
# - compare explanations by a measure and a price instead of by their looks, and say what to do when
#   two disagree.
#
# **What you need first.** Notebook 01 (the network), 03 or 04 for the words *local*,
# *model-agnostic* and *relevance mass*, and 04 for the measures of step 8.
#
# **Time.** About 75 minutes to work through; 1 to 2 minutes to run on two cores.
#
# **What would fool you here.** SHAP values add up exactly to what is to be explained. That looks
# like a proof. In step 3 you will see an explanation that adds up and is noise.

# %%
import helpers

helpers.require("0.2")

# %%
import math
import sys
import time
from itertools import permutations

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
# "quick" takes about two minutes; "full" judges more pictures with more evaluations each.
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
# softmax of a network that is sure hardly moves until much is taken away.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 1: a game of four players
#
# Cut a picture into four quarters. A quarter can be *there*, or be replaced by a **background**:
# here the mean of 2,000 training pictures, a grey blur. Four quarters make $2^4 = 16$
# **coalitions**, from none to all. The network gives each of them a logit for the class, the
# **value** $v$ of the coalition. That is a game: four players, sixteen values. The question *how
# much did each quarter count?* becomes: how should the players share what they win together?

# %%
background = data.train.pixels[:2000].mean(axis=0, keepdims=True).astype(np.float32) / 255
kinds = range(4)  # one picture of each of four classes: the one that the network is surest of
surest = [int(np.argmax(np.where(labels[:2000] == kind, logits[:, kind], -np.inf))) for kind in kinds]
examples, names = data.test.take(np.array(surest)).images, [data.class_names[kind] for kind in kinds]
classes = logits[surest].argmax(axis=1)

# %%
picture, label = examples[0], int(classes[0])
quarters = explain.grid_superpixels(picture[None], 4)[0]  # the number of its quarter, for each pixel
coalitions = (np.arange(16)[:, None] >> np.arange(4) & 1).astype(bool)
coalitions = coalitions[np.argsort(coalitions.sum(axis=1), kind="stable")]
game = explain.picture_game(predict, picture, quarters, background)
v = game(coalitions)[:, label]

# %% [markdown]
# **Before you look at the numbers:** which quarter do you expect to be worth most? Will the four
# alone add up to the four together?

# %%
plotting.image_grid(
    np.where(coalitions[:, quarters][..., None], picture, background[0]),
    [f"{value:.1f}" for value in v],
    title=f"The logit of {data.class_names[label]}: from {v[0]:.1f} for no quarter to {v[-1]:.1f} for all four",
    alt="Sixteen versions of a picture, with each of its quarters there or replaced by grey, and the logit of each.",
    columns=8,
)

# %%
value = {tuple(coalition.tolist()): float(amount) for coalition, amount in zip(coalitions, v, strict=True)}
for player, where in enumerate(("upper left", "upper right", "lower left", "lower right")):
    there = [coalition for coalition in value if coalition[player]]  # the first is this quarter alone
    adds = [value[c] - value[(*c[:player], False, *c[player + 1 :])] for c in there]
    print(
        f"{where}: alone it adds {adds[0]:.1f} to none; in other company, from {min(adds[1:]):.1f} to {max(adds[1:]):.1f}"
    )
singles = v[coalitions.sum(axis=1) == 1] - v[0]
print(f"what the four add alone comes to {singles.sum():.1f}; together they add {v[-1] - v[0]:.1f}")

# %% [markdown]
# There is no such thing as *the* amount that a quarter adds: players **interact**. Whoever takes
# away one part at a time (occlusion, in notebook 04) sees one of these contexts and no other.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 2: the fair share, from its definition
#
# Shapley's answer (1953): let the players come in one after the other, in every possible order, and
# note what each adds when it comes. Its share is the mean over all orders:
#
# $$ \varphi_i \;=\; \frac{1}{n!} \sum_{\text{orders}} \bigl( v(S_i \cup \{i\}) - v(S_i) \bigr) $$
#
# with $S_i$ those who came before $i$. Here are all $4! = 24$ orders.


# %%
def shapley_by_orders(value, n):
    phi, orders = np.zeros(n), list(permutations(range(n)))
    for order in orders:
        inside = [False] * n
        for i in order:
            before = value[tuple(inside)]
            inside[i] = True
            phi[i] += (value[tuple(inside)] - before) / len(orders)
    return phi


phi = shapley_by_orders(value, 4)
print("upper left, upper right, lower left, lower right:", phi.round(2))
print(f"their sum: {phi.sum():.3f}; what all gain over none: {v[-1] - v[0]:.3f}")

# %% [markdown]
# Four promises hold for these shares, and for no other rule (Shapley, 1953). **Efficiency**: they
# add up to the gain of all. **Symmetry**: players that add the same everywhere get the same.
# **Dummy**: who adds nothing gets nothing. **Linearity**: the shares of a sum of games are the sums
# of the shares. None of the four says that the game was the right one to play.
#
# Now the library. `KernelExplainer` (Lundberg and Lee, 2017) wants a function of rows: here a row
# of four zeros and ones says who is there.

# %%
kernel = shap.KernelExplainer(lambda rows: np.array([value[tuple(row)] for row in rows.astype(bool)]), np.zeros((1, 4)))
by_library = kernel.shap_values(np.ones((1, 4)), nsamples=14, l1_reg=False, silent=True)[0]
by_course = explain.exact_shapley(game, 4)[:, label]

# %% tags=["nbval-check-output"]
print("library, all 14 coalitions in between: the same to six digits:", bool(np.abs(by_library - phi).max() < 1e-6))
print("helpers.explain.exact_shapley, by sums over coalitions: the same:", bool(np.abs(by_course - phi).max() < 1e-4))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 3: the recipe that everyone copies
#
# ```python
# explainer = shap.KernelExplainer(model.predict, x_train[:100])
# shap_values = explainer.shap_values(x_test[:10])
# shap.image_plot(shap_values, x_test[:10])
# ```
#
# These three lines stand in many tutorials, for a network on pictures. They are copied because they
# work, on tables with a dozen columns. Let us run them.

# %% tags=["nbval-check-output"]
try:
    explainer = shap.KernelExplainer(predict, data.train.take(slice(100)).images)
    explainer.shap_values(data.test.take(slice(10)).images)
except Exception as error:
    print(f"{type(error).__name__}: {error}")

# %% [markdown]
# KernelExplainer knows tables: one row for each case, one column for each feature. So we flatten.
# Every number of the picture is a player now. We take 10 background pictures instead of 100, one
# picture instead of ten, one class, and 500 coalitions, so that it ends today; and we run it twice,
# with two draws of the coalitions. **Predict: of the thousands of numbers in this picture, how many
# get a value other than zero? And how many get one in both runs?**

# %%
ten = data.train.take(slice(10)).images


def flat_logit(rows):
    return predict(rows.reshape(-1, *data.shape).astype(np.float32))[:, label]


def on_pixels(draw, **options):
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
# **The first trap: a default that hardly anyone knows.** KernelExplainer picks at most *ten*
# players and gives all others zero: `l1_reg="num_features(10)"`, its default since version 0.47. So
# we switch it off, with `l1_reg=False`, and ask again.

# %%
honest = np.stack([on_pixels(draw, l1_reg=False) for draw in (seed, seed + 1)])
same = stats.spearmanr(*honest)[0]
gain = predict(picture[None])[0, label] - predict(ten)[:, label].mean()
print(f"to be explained: {gain:.4f} logits; the two runs add up to {honest[0].sum():.4f} and {honest[1].sum():.4f}")
print(f"largest share of one single number: {np.abs(honest[0]).max():.0f} and {np.abs(honest[1]).max():.0f} logits")
print(f"rank correlation of the two runs: {same:.3f} (n={picture.size:,})")
draw_both(honest, f"With l1_reg=False: rank correlation of the two runs {same:.2f}")

# %% [markdown]
# Look at the two sums. **That they are right is no evidence**: the sum is forced on the answer,
# whatever the answer is. Now compare the share of one single number with all that there is to
# share, and the two runs with each other. If the strongest dots crowd along the top, that is no
# finding either: the list of players begins there, and solving equations that have no single
# solution piles up rounding errors on the first of the list. (Turn the list round, and they move to
# the bottom.)
#
# **The second trap: too few samples.** Five hundred coalitions cannot separate thousands of
# players, and the equations have no single solution. What would the recipe cost as it stands? Its
# default is two coalitions for each number, and 2,048 more; each is asked with each of 100
# backgrounds. At the pace of the small run above:

# %%
auto = 2 * picture.size + 2048
per_prediction = seconds / (500 * len(ten))
minutes = 10 * 100 * auto * per_prediction / 60
print(f"ten pictures: {10 * 100 * auto:,} predictions, {minutes:.0f} minutes on this machine")
print(f"memory for the copies of one picture: {100 * auto * picture.size * 4 / 1e9:.1f} GB")
print(f"coalitions for each player: {auto / picture.size:.1f}")

# %% [markdown]
# Keep the last number in mind, and do not take it for comfort: what a given number of coalitions
# for each player is worth depends on how many players there are. Step 5 measures it for sixteen;
# that does not carry over to hundreds or thousands. From here on `l1_reg=False`, always.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 4: fewer players
#
# Nobody wants a share for each pixel. **Superpixels** are parts of a picture that come and go as a
# whole: pieces of like colour (SLIC, `explain.superpixels`), or, for pictures as small as ours, a
# plain grid. Sixteen players make $2^{16} = 65{,}536$ coalitions: too many for every picture, few
# enough to compute *exactly* for one, as a yardstick.
#
# How does KernelSHAP get along with a few hundred? It looks for the shares $\varphi$ that explain
# the values of the coalitions it asked, by least squares, where $z_i$ is 1 if part $i$ is there,
# under the condition that they add up:
#
# $$ \min_\varphi \sum_z \pi(z) \Bigl( v(z) - v(0) - \sum_i z_i \varphi_i \Bigr)^2, \qquad
# \pi(z) = \frac{n-1}{\binom{n}{|z|}\,|z|\,(n-|z|)} $$
#
# The sum leaves out none and all: their weight would be infinite, and the condition keeps them
# exactly. With these weights $\pi$ and all other coalitions, the answer *is* Shapley's. The weights
# are large for coalitions that are nearly empty or nearly full, so those are asked first.

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
# Orange parts speak for the class, blue parts against it. Each part's value is shared out equally
# over its pixels, so that a map adds up to its logit's gain. The sharp edges are those of the grid:
# the network knows nothing of them. Look along a row: what speaks for one class may speak against
# another, so a map says nothing as long as its class is not named.
#
# ### A trap: the colour scale
#
# Four other pictures, drawn as most tools draw them: each map on a scale of its own. One is a clear
# sign, one the picture whose class gets the lowest logit in the test set, one is noise, one hardly
# differs from the background. **Which of them holds the strongest evidence for its class?**

# %%
doubtful = data.test.take(np.array([logits.max(axis=1).argmin()])).images
static = np.random.default_rng(seed).random((1, *data.shape), dtype=np.float32)
faint = 0.95 * background + 0.05 * examples[:1]
mixed = np.concatenate([examples[:1], doubtful, static, faint])
mixed_classes = predict(mixed).argmax(axis=1)
mixed_values = explain.kernel_shap(predict, mixed, mixed_classes, parts, background, evaluations=512, seed=seed)
mixed_maps = explain.paint(mixed_values, parts)
limits = np.abs(mixed_maps).max(axis=(1, 2))

# %%
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

# %% [markdown]
# A map on its own scale shows *where*, never *how much*: a picture about which the network has next
# to nothing to say gets the full colours, too. The captions name the class that the network
# prefers, whatever the picture shows: noise gets one as well, perhaps with a high logit, and the
# faint picture need not get the class of the sign in it. Put maps that are to be compared on one
# scale, and print the scale.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 5: how wrong is the estimate?
#
# For one picture we ask all 65,536 coalitions, keep the answers in a table, and get the exact
# values from it. The network answers for all classes at once, so we have two games: the class of
# the picture, and the runner-up. Now any estimate can be tried against them, again and again,
# without asking the network.

# %%
every = (np.arange(2**16)[:, None] >> np.arange(16) & 1).astype(bool)
table = explain.picture_game(predict, picture, parts[0], background)(every)
runner_up = int(np.argsort(predict(picture[None])[0])[-2])


def tabled(kind):
    return lambda asked: table[asked.astype(int) @ 2 ** np.arange(16), kind]


games = [tabled(kind) for kind in (label, runner_up)]
exact = [explain.exact_shapley(game, 16) for game in games]
sizes = [np.abs(phi).mean() for phi in exact]
print(
    f"mean size of an exact value: {sizes[0]:.2f} logits for {data.class_names[label]}, {sizes[1]:.2f} for the runner-up"
)

# %% [markdown]
# Four ways: orders drawn at random instead of all $16!$ of them (Castro and others, 2009), written
# out below; the course's `kernel_shapley`; the library with `l1_reg=False`; and the library as it
# comes. **Predict: how much smaller is the error with four times as many evaluations?**


# %%
def by_orders(game, evaluations, draw):
    orders = evaluations // 15  # one order asks for 15 coalitions between none and all
    rng = np.random.default_rng(draw)
    place = rng.permuted(np.tile(np.arange(16), (orders, 1)), axis=1)  # how many come before each player
    growing = place[:, None, :] < np.arange(17)[:, None]  # in each order: nobody, the first, the first two ...
    adds = np.diff(game(growing.reshape(-1, 16)).reshape(-1, 17), axis=1)
    return np.take_along_axis(adds, place, axis=1).mean(axis=0)


def by_shap(game, evaluations, draw, **options):
    with explain.seeded(draw):
        explainer = shap.KernelExplainer(game, np.zeros((1, 16)))
        return explainer.shap_values(np.ones((1, 16)), nsamples=evaluations, silent=True, **options)[0]


# %%
ways = {
    "drawn orders": by_orders,
    "ours": lambda game, n, draw: explain.kernel_shapley(game, 16, n, seed=draw),
    "shap, l1_reg=False": lambda game, n, draw: by_shap(game, n, draw, l1_reg=False),
    "shap, as it comes": by_shap,
}
evaluations = np.array([128, 256, 512, 1024, 2048, 4096])
tries = [(games[draw % 2], exact[draw % 2], draw) for draw in range(24)]
squares = {  # mean square error: a row for each try, a column for each number of evaluations
    name: np.array([[np.mean((way(game, n, draw) - phi) ** 2) for n in evaluations] for game, phi, draw in tries])
    for name, way in ways.items()
}


# %%
before = evaluations <= 2048  # well before all coalitions are asked


def slope(rows):
    return float(np.polyfit(np.log(evaluations[before]), np.log(rows.mean(axis=0)[before]) / 2, 1)[0])


slopes = {name: intervals.bootstrap(slope, rows, seed=seed) for name, rows in squares.items()}
for name, estimate in slopes.items():
    pace = "faster than" if estimate.high < -0.5 else "slower than" if estimate.low > -0.5 else "with"
    print(f"slope of log error against log evaluations, up to 2,048, {name}: {estimate}, {pace} the root;")
    print(f"    four times the evaluations divide the error by {4**-estimate.value:.1f}")

# %% [markdown]
# And the library as it comes? It keeps ten of sixteen players and gives the others zero. Even if it
# knew the exact values, and kept the ten largest, the six zeros would be wrong by what those six
# are worth: a **floor** that no budget can go below.

# %%
lost = np.array([np.sum(np.sort(phi**2)[:6]) / 16 for phi in exact])  # the games take turns in the tries
honest_way, default = squares["shap, l1_reg=False"][:, -1], squares["shap, as it comes"][:, -1]
above = intervals.mean(np.sqrt(default / np.tile(lost, 12)))
kept = intervals.bootstrap(lambda d, h: float(np.sqrt(d.mean() / h.mean())), default, honest_way, seed=seed)
print(f"with {evaluations[-1]:,} evaluations, error of shap's default: {above} times the floor")
print(f"and {kept} times the error with l1_reg=False")

# %%
curves = {name: (evaluations, np.sqrt(rows.mean(axis=0))) for name, rows in squares.items()}
plotting.line_plot(
    curves | {"floor of ten values (computed)": (evaluations, np.full(len(evaluations), np.sqrt(lost.mean())))},
    title=f"shap's default cannot pass its floor; with 4,096 evaluations it is {kept.value:.1f} times as wrong as with l1_reg=False",
    alt="Root mean square error of Shapley values against the number of evaluations, on logarithmic axes, four ways.",
    x_label="evaluations for each game (of 65,534)",
    y_label="error, logits",
    power_law=("the root: slope -1/2", -0.5),
    log_x=True,
    log_y=True,
)

# %% [markdown]
# If every answer is an independent draw, the error falls with the root: four times as many, half
# the error. Drawn orders are independent of each other. KernelSHAP starts lower, and may fall
# faster (the slopes above say whether it does here): it asks no coalition twice, and whole sizes of
# coalitions completely as the budget grows (with all 65,534 its error is zero: a root never gets
# there). About four times the price for twice the precision: that is the order of what precision
# costs where we must draw.
#
# The default comes down towards its floor and no further. Nothing warns you; the ten values still
# add up. How much it costs depends on how much the other six have to say.
#
# Ours draws every coalition together with its complement (Covert and Lee, 2021). So does the
# library, except for coalitions of exactly half the players: compare the two lower curves.
#
# ### A trap: too few samples
#
# How many are enough? Ask it *twice*, with different draws: what differs between the two is noise.

# %%
noise = {}
for n in (32, 64, 128, 512, 2048):
    draws = np.array([[explain.kernel_shapley(game, 16, n, seed=draw) for draw in range(8)] for game in games])
    pairs = [pair for of_game in draws for pair in zip(of_game[::2], of_game[1::2], strict=True)]
    noise[n] = {
        "for each player": n / 16,
        "error, of a typical value": np.sqrt(np.mean((draws - np.array(exact)[:, None]) ** 2)) / np.abs(exact).mean(),
        "rank correlation of two draws": np.mean([stats.spearmanr(*pair)[0] for pair in pairs]),
    }

# %%
display(
    pd.DataFrame(noise)
    .T.rename_axis("evaluations")
    .style.format("{:.2f}")
    .set_caption("error: 16 draws; correlation: 8 pairs")
)
enough = [n for n, row in noise.items() if row["error, of a typical value"] < 0.1]
print(
    "error below a tenth of a typical value:", f"from {min(enough)} evaluations on" if enough else "with none of these"
)

# %% [markdown]
# These rows hold for sixteen players and for this game. With more players the same number *for each
# player* may buy much less, so ask twice again, every time. Now move the slider: the exact shares
# stay, the estimate comes nearer. (Where sliders are not shown, call `look(64)`.)


# %%
def look(evaluations, draw=0):
    estimate = explain.kernel_shapley(games[0], 16, evaluations, seed=draw)
    off = np.sqrt(np.mean((estimate - exact[0]) ** 2)) / np.abs(exact[0]).mean()
    return plotting.diverging_maps(
        explain.paint(np.stack([exact[0], estimate]), parts[[0, 0]]),
        ["exact, 65,536 coalitions", f"estimated from {evaluations:,}"],
        title=f"{evaluations:,} evaluations: off by {off:.0%} of a typical share",
        alt="The exact Shapley values of sixteen parts of a picture, and beside them an estimate.",
        label="logits per pixel",
        columns=2,
        size=2.2,
    )


# %%
look(32)

# %%
slider = widgets.SelectionSlider(options=[32, 48, 64, 128, 256, 512, 2048], value=64, description="evaluations")
display(plotting.interactive_figure(slider, look))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 6: other ways to share the same gain
#
# shap has quicker methods. **PartitionExplainer** halves the picture again and again and shares
# what each half adds (Owen's values, 1977): its players come in families. **GradientExplainer**
# averages gradients along the way from a background to the picture (Erion and others, 2021).
# **DeepExplainer** sends differences back through the layers (Shrikumar and others, 2017). The
# first needs a predict function only; the other two must see inside. All get the same background
# here, so all share out the same gain, each by rules of its own (step 9: how alike the shares are);
# and the first may ask half as often as KernelSHAP: each question costs it more (step 8 has the
# price).

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
gains = predict(examples)[np.arange(4), classes] - predict(background)[0, classes]
off = {name: np.abs(drawn.sum(axis=(1, 2)) - gains) / np.abs(gains) for name, drawn in shown.items()}
loosest = max(off, key=lambda name: off[name].mean())
exactly = ", ".join(name for name in off if off[name].max() < 1e-3)
plotting.attribution_maps(
    examples,
    shown,
    names,
    title=f"One gain. It is shared out exactly by {exactly}; {loosest} is off by {off[loosest].mean():.1%} on average",
    alt="Four pictures and the signed maps of four SHAP methods below them, on one colour scale.",
    shared_scale=True,
    size=1.35,
)

# %% [markdown]
# Here is additivity, measured: the sum of each map against the gain it should share out. Two add up
# because they are made to, DeepExplainer because each of its rules does; GradientExplainer draws,
# and adds up on average over the draws. Where a library's check of additivity fails, something is
# wrong. Where it passes, little is proven: remember the ten pixels.
#
# DeepExplainer knows a list of operations. The course's network is on it; EfficientNet's depthwise
# convolutions are not, and it stops with an error there. And leave PartitionExplainer's `inpaint`
# maskers alone: they are made for pixels from 0 to 255, and ours go from 0 to 1.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 7: compared with what?
#
# A share is a share of a *difference*: this picture against the background. So far the background
# was the mean picture. It could be black, or five training pictures, or five pictures of the very
# class that we explain. The library does not warn you about any of them. We take pictures of one
# class, and **you predict:** with which background is there hardly anything left to explain, on
# average?

# %%
rows = np.flatnonzero(labels == label)[: 24 if budget == "quick" else 200]
same_class = data.test.take(rows).images
of_class = data.train.take(np.flatnonzero(data.train.labels == label)[:5]).images
backgrounds = {
    "the mean picture": background,
    "black": np.zeros_like(background),
    "five training pictures": ten[:5],
    f"five pictures of {data.class_names[label]}": of_class,
}
cells, asked = cut_in_16(same_class), np.full(len(rows), label)
by_background = {
    name: explain.kernel_shap(predict, same_class, asked, cells, fill, evaluations=64, seed=seed)
    for name, fill in backgrounds.items()
}

# %%
total = {name: intervals.mean(found.sum(axis=1)) for name, found in by_background.items()}
least = min(total, key=lambda name: abs(total[name].value))
plotting.attribution_maps(
    same_class[:5],
    {name: explain.paint(found[:5], cells[:5]) for name, found in by_background.items()},
    [f"{data.class_names[label]}"] * 5,
    title=f"Nearest to nothing to explain, on average: against {least}, {total[least].value:.1f} logits; "
    f"most: against {max(total, key=lambda name: total[name].value)}, {max(e.value for e in total.values()):.1f}",
    alt="Five pictures of one class, and below them their Shapley values against four different backgrounds.",
    shared_scale=True,
    size=1.35,
)


# %%
def alike(one, other):
    return np.array([stats.spearmanr(a, b)[0] for a, b in zip(one, other, strict=True)])


first_of_all, of_its_own = (
    by_background["the mean picture"],
    by_background[f"five pictures of {data.class_names[label]}"],
)
left_over = intervals.bootstrap(
    lambda own, mean: float(own.mean() / mean.mean()), of_its_own.sum(axis=1), first_of_all.sum(axis=1), seed=seed
)
print("left to explain against its own class, as a share of that against the mean picture:", left_over)
print("(the interval is over the pictures explained; the five of the background stay the same)")

# %%
compared = {}
for name, found in by_background.items():
    ranked = intervals.mean(alike(found, first_of_all))
    compared[name] = {"logits to explain": total[name], "rank correlation with the first": ranked}
    if "evidence" in data.test.masks:
        mass = explain.relevance_mass(explain.paint(found, cells), data.test.masks["evidence"][rows])
        compared[name]["relevance mass on the evidence"] = intervals.mean(mass)
background_table = pd.DataFrame(compared).T.map(lambda e: f"{e.value:.2f} [{e.low:.2f}, {e.high:.2f}]")
display(background_table.style.set_caption(f"mean and interval over pictures, n = {len(rows)}; backgrounds fixed"))

# %% [markdown]
# The network is the same, the picture is the same, the method is the same; the answer is not,
# because the question is not. Against the mean picture: *what makes this a sign of its class rather
# than a blur?* Against black: *which light matters?* Black parts cannot count then, and where black
# is a colour of the data (most of a piece of clothing's surroundings, the ground of a digit), they
# never will. Against five of its own class: *what sets this one apart from others of its kind?* A
# background of one class is a trap because nobody sees it in the figure: it happens when the first
# hundred rows of a sorted file serve as background.
#
# Look at the logits to explain, too: the mean picture and five training pictures are not the same
# background. The first gives the logit *of a mean*, the second the mean *of five logits*: a blur
# may please a class more, or less, than clear pictures of other classes do. And a small sum, above
# or below zero, against five pictures of the class says how these five compare with the pictures
# explained. The intervals know of the pictures explained only; another five may turn its sign.
#
# So a background is part of the question: state it beside every map.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 8: which one, at what price?
#
# The methods of notebooks 04 and 05 on the same 500 pictures, with three of the same measures.
# **Deletion** asks the network (painting the highest-ranked pixels grey should make the probability
# fall soon: a *low* area). Where the pictures come with masks of what tells the class, the
# *evidence*: does the highest pixel lie on it (**pointing game**), and which share of the positive
# part of the map does (**relevance mass**)? All explain the true class. (SmoothGrad stands for the
# plain gradients that it averages.) **Before you run it: will the dearest be the best? Which cheap
# one might keep up?**

# %%
judged = data.test.take(slice(500 if budget == "quick" else 1000))
pictures, truth = judged.images, judged.labels
field = methods | {
    "integrated gradients": explain.integrated_gradients(model, steps=16),
    "gradients x inputs": explain.gradients_times_inputs(model),
    "SmoothGrad": explain.smoothgrad(model, samples=16, noise=0.15, seed=seed),
    "guided backprop": explain.guided_backprop(model),
    "GradCAM": explain.gradcam(model),
    "occlusion": explain.occlusion(predict, patch=8, stride=4),
    "centre Gaussian": explain.centre_gaussian(),
}

# %%
drawn, price = {}, {}
for name, method in field.items():
    method(pictures[:2], truth[:2])  # the first call builds what later calls use
    started = time.perf_counter()
    drawn[name] = method(pictures, truth)
    price[name] = 1000 * (time.perf_counter() - started) / len(pictures)

# %%
probability = models.predict_function(model)
scores = {}
for name, found in tqdm(drawn.items(), desc="methods", file=sys.stdout, ncols=80, delay=5, mininterval=1, leave=False):
    if "evidence" in judged.masks:
        evidence = judged.masks["evidence"]
        scores["pointing game (higher)", name] = explain.pointing_game(found, evidence).astype(float)
        scores["relevance mass (higher)", name] = explain.relevance_mass(found, evidence)
    deleted = explain.deletion(probability, pictures, truth, found, steps=16)
    scores["deletion AUC (lower)", name] = explain.auc(deleted)
measures = list(dict.fromkeys(measure for measure, _ in scores))

# %%
sign = {measure: -1 if "(lower)" in measure else 1 for measure in measures}
rival = "centre Gaussian"
measured = {m: {name: intervals.mean(scores[m, name]) for name in field} for m in measures}
better = {
    m: {name: intervals.mean(sign[m] * (scores[m, name] - scores[m, rival])) for name in field if name != rival}
    for m in measures
}
winners = {m: max(field, key=lambda name: sign[m] * measured[m][name].value) for m in measures}
plotting.comparison_plot(
    measured,
    better,
    rival=rival,
    title="Best in " + "; in ".join(f"{m.split(' (')[0]}: {winner}" for m, winner in winners.items()),
    alt="Scores of the methods and of the centre Gaussian with interval, one panel for each measure.",
)

# %%
results = pd.DataFrame(
    {m: {name: f"{e.value:.3f} ± {e.value - e.low:.3f}" for name, e in measured[m].items()} for m in measures}
)
results.insert(0, "ms per picture", pd.Series(price).map("{:.1f}".format))
display(results.style.set_caption(f"mean ± half its 95% interval, n = {len(pictures)}"))
print(f"the recipe of step 3 at its full price, extrapolated: {100 * auto * per_prediction * 1000:,.0f} ms per picture")

# %% [markdown]
# Compare integrated gradients with GradientExplainer. With one background they are the same method,
# gradients averaged on the way from the background to the picture; the first starts from black, the
# second from the mean picture. What that alone moves is as large as many a difference between
# methods that papers report. From black, dark pixels cannot count; where the evidence is bright,
# that alone puts a map of single pixels on it. (Sixteen parts are too coarse to follow: where there
# are masks, compare *black* with *the mean picture* in the last table of step 7.) Whether a score
# rises because the map is truer, or because background and mask happen to share a taste, the score
# cannot tell.

# %% [markdown]
# ### One recommendation
#
# A rule, fixed before looking: take the best method on each measure; every method that is not
# clearly worse than it (the interval of the *paired* difference, on the same pictures, holds zero)
# is as good; of the methods that are as good on most measures, take the cheapest, and with it all
# that cost at most twice as much: the clock of a busy machine tells no finer. Guided backprop
# stands outside: notebook 04, step 7, asked how much of its map comes from the picture alone, and a
# high score does not make up for that.

# %%
eligible = [name for name in field if name not in (rival, "guided backprop")]
as_good = {name: [] for name in eligible}
for m in measures:
    best = max(eligible, key=lambda name: sign[m] * measured[m][name].value)
    for name in eligible:
        difference = sign[m] * (scores[m, best] - scores[m, name])
        if np.ptp(difference) == 0 or intervals.mean(difference).low <= 0:
            as_good[name].append(m.split(" (")[0])

# %%
for name in sorted(eligible, key=price.get):
    print(f"{name}, {price[name]:.1f} ms: as good as the best in {' and in '.join(as_good[name]) or 'no measure'}")
most = max(len(found) for found in as_good.values())
front = [name for name in eligible if len(as_good[name]) == most]
cheapest = min(price[name] for name in front)
advice = [name for name in sorted(front, key=price.get) if price[name] <= 2 * cheapest]
print(f"\nAs good as the best on {most} of {len(measures)} measures: {', '.join(front)}.")
print(f"Of these, not above twice the lowest price, and so recommended here: {', or '.join(advice)}.")

# %% [markdown]
# Read it with care. Where several names are left, they may be good at different things: look
# *which* measures each of them wins, and ask which of these you need. The recommendation is for
# *this* network, *these* pictures and *these* measures; with another data set it may turn out
# differently, and you now have the means to find out. What carries over: a method that needs no
# more than a predict function (KernelSHAP, PartitionExplainer, occlusion) works on any model, also
# one behind a web service; the others must see inside. That is a question of access, not of price:
# in the table, compare occlusion with GradientExplainer.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 9: two explanations disagree. And now?
#
# To compare maps of different grain we add each one up over the same sixteen parts, and rank the
# parts. **Predict which two methods agree least** (the centre Gaussian apart: it never saw the
# picture).

# %%
flat_cells = cut_in_16(pictures).reshape(len(pictures), -1)
ranks = {}
for name, found in drawn.items():
    sums = np.stack([np.bincount(part, row.ravel(), 16) for part, row in zip(flat_cells, found, strict=True)])
    centred = stats.rankdata(sums, axis=1) - 8.5
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    ranks[name] = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)  # no order, no agreement
agreement = np.array([[(one * other).sum(axis=1).mean() for other in ranks.values()] for one in ranks.values()])

# %%
apart = np.unravel_index(agreement[:-1, :-1].argmin(), (len(field) - 1, len(field) - 1))
plotting.heatmap(
    agreement,
    list(ranks),
    title=f"Least agreement, the Gaussian apart: {list(ranks)[apart[0]]} and {list(ranks)[apart[1]]}, {agreement[apart]:.2f}",
    alt="Mean rank correlation between methods of explanation, over sixteen parts of each picture.",
    low=0,
)

# %% [markdown]
# Look for blocks: methods of one family, and of one background, keep together. And mind the *sign*.
# SmoothGrad, guided backprop, GradCAM and the centre Gaussian have no negative values: added up
# over a part they say *how much happens here*, while in a signed map what speaks for and against
# cancels. The two kinds rank parts differently for this reason alone. So the last row shows which
# maps put their mass in the middle, where most of what is shown lies; it does not say that such a
# map is worth no more than a blob: step 8 asked the network about that.
#
# Surveys find practitioners settle such a disagreement by taste (Krishna and others, 2022). Better,
# in this order:
#
# 1. **Is one of them noise?** Run it twice with two seeds (step 5). If it disagrees with itself,
#    more evaluations come first.
# 2. **Do they answer the same question?** Look at class, background, unit and sign. KernelSHAP,
#    PartitionExplainer and DeepExplainer against one background do; gradients x inputs compares
#    with black, GradCAM with nothing at all.
# 3. **Has one of them passed a test here?** Step 8, and the sanity checks of notebook 04.
# 4. If two different questions remain, report both answers *with their questions*. What all of them
#    say is safer to act on.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 10: real handwriting, and a forest
#
# For trees, Shapley values need no drawing: **TreeSHAP** (Lundberg and others, 2020) goes through
# every leaf. Here is the forest of notebook 03 on real digits, 784 pixels each. Now pixels *are*
# affordable. TreeSHAP knows two games. In one, an absent pixel is replaced by those of background
# pictures (*interventional*), as in all steps above; in the other, the tree goes both ways at a
# question about it, as often as training pictures did (*path dependent*, shap's default).
# **Predict: do the two agree? And does either agree with KernelSHAP on sixteen parts, which asks
# the same forest from outside?**

# %%
digits = datasets.load("digits", train=3000, calibration=500, test=1500, seed=seed)
forest = models.digit_forest(digits, seed)
written, fill = digits.test.take(slice(20)).images, digits.train.take(slice(20)).images
said = forest(written).argmax(axis=1)
trees = {
    "path dependent": shap.TreeExplainer(forest.estimator),
    "interventional": shap.TreeExplainer(forest.estimator, fill.reshape(20, -1)),
}
on_tree = {}
for name, explainer in trees.items():
    found = explainer.shap_values(written.reshape(20, -1), check_additivity=False)  # (pictures, pixels, classes)
    on_tree[name] = found[np.arange(20), :, said].reshape(written.shape[:3])

# %%
from_outside = explain.kernel_shap(forest, written, said, cut_in_16(written), fill, 128, seed)
by_part = {
    name: np.stack(
        [np.bincount(part.ravel(), row.ravel(), 16) for part, row in zip(cut_in_16(written), found, strict=True)]
    )
    for name, found in on_tree.items()
}
chances = forest(written)[np.arange(20), said]
for name, found in on_tree.items():
    owed = chances - np.atleast_1d(trees[name].expected_value)[said]
    print(f"TreeSHAP, {name}: sum off by at most {np.abs(found.sum(axis=(1, 2)) - owed).max():.0e}")

# %% [markdown]
# If one of these sums is off by about 0.01, that is one tree of a hundred. It happens where a pixel
# lies on the very threshold of a question: scikit-learn compares in double precision, the library's
# code for the interventional game in single precision, and the two turn different ways. Whether
# there is such a pixel depends on the seed. (The library's own check would stop at a large gap;
# `check_additivity=False` lets us measure it.)

# %%
outside = {name: intervals.mean(alike(found, from_outside)) for name, found in by_part.items()}
inside = intervals.mean(alike(by_part["path dependent"], by_part["interventional"]))
print("rank correlation over the sixteen parts: path dependent with interventional", inside)
for name, estimate in outside.items():
    print(f"KernelSHAP with TreeSHAP, {name}: {estimate}")
plotting.attribution_maps(
    1 - written[:6],
    {f"TreeSHAP, {name}": found[:6] for name, found in on_tree.items()},
    [f"a {digit}" for digit in said[:6]],
    title=f"Two games, one forest: rank correlation {inside.value:.2f}; with KernelSHAP {outside['path dependent'].value:.2f} and {outside['interventional'].value:.2f}",
    alt="Six handwritten digits and the TreeSHAP values of their pixels, path dependent and interventional.",
    unit="probability per pixel",
    shared_scale=True,
    size=1.35,
)

# %% [markdown]
# (The digits are drawn dark on white; the forest sees them white on black.)
#
# All three are *SHAP values* and share out the same answers, and none is wrong: they are shares in
# different games. The name of the method does not say which game was played. What differs from our
# signs: these are pictures that people wrote, and the model is one that TreeSHAP explains without
# drawing coalitions. Whether a share is *true* we cannot say here: nobody knows the evidence in a
# handwritten 4.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Record

# %%
weights = {"course_cnn": models.digest(model), "random_forest": models.digest(forest)}
scorecard = Scorecard("05_shap", dataset, "course_cnn", seed=seed, budget=budget, digests=weights)
unit, positive, signed = {"bounds": (0, 1)}, {"bounds": (0, None)}, {"bounds": (-1, 1)}
owed = predict(pictures)[np.arange(len(truth)), truth] - predict(background)[0, truth]
for name in methods:
    missed = np.abs(drawn[name].sum(axis=(1, 2)) - owed)
    scorecard.record("explanation", f"additivity error, {name}", *intervals.mean(missed), direction="lower", **positive)
    for m in measures:
        name_of, direction = m.removesuffix(")").split(" (")
        scorecard.record("explanation", f"{name_of}, {name}", *measured[m][name], direction=direction, **unit)

# %%
for way in ("drawn orders", "ours", "shap, l1_reg=False"):
    scorecard.record("explanation", f"slope of the error of Shapley values, {way}", *slopes[way], direction="lower")
scorecard.record("explanation", "error of shap's default over l1_reg=False", *kept, direction="lower", **positive)
scorecard.record("explanation", "error of shap's default over its floor", *above, direction="lower", **positive)
ahead = better["deletion AUC (lower)"]["KernelSHAP"]
scorecard.record("explanation", f"deletion AUC, KernelSHAP ahead of the {rival}", *ahead, direction="higher", **signed)
scorecard.record("explanation", "left to explain against a background of its own class", *left_over, direction="higher")
on_digits = {"dataset": "digits", "model": "random_forest", **signed}
scorecard.record("explanation", "TreeSHAP, two games alike", *inside, direction="higher", **on_digits)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Exercises
#
# ### Exercise 1 (use it): why this and not that?
#
# *Why a 30?* is seldom the question. *Why a 30 and not an 80?* is. Write
# `contrast(images, one, other)`: for each picture the shares (N, 16) of sixteen grid parts in the
# **difference** of the logits of class `one` and class `other` (two whole numbers, the same for all
# pictures), with 256 evaluations, the seed of the notebook and the mean picture as background.
#
# *Hint.* Linearity: the shares of a difference of games are the differences of the shares.
# `np.full(len(images), one)` asks for one class.


# %% tags=["exercise-use"]
def contrast(images, one, other):
    ### BEGIN SOLUTION
    parts = explain.grid_superpixels(images, 16)
    of_one, of_other = (
        explain.kernel_shap(predict, images, np.full(len(images), kind), parts, background, 256, seed)
        for kind in (one, other)
    )
    return of_one - of_other
    ### END SOLUTION


# %% tags=["check"]
def test_contrast(answer):
    fresh = data.calibration.take(slice(3)).images
    given = np.asarray(answer(fresh, 2, 5))
    expect(given.shape == (3, 16), f"three pictures of sixteen parts: shape (3, 16), not {given.shape}")
    raised = predict(fresh) - predict(background)
    owed = raised[:, 2] - raised[:, 5]
    expect(
        np.abs(given.sum(axis=1) - owed).max() < 1e-3 * max(1, np.abs(owed).max()),
        "the shares do not add up to the gain in logit 2 minus the gain in logit 5: subtract the shares of the second class from "
        "those of the first, with their signs, and let both explain logits (`predict`) against the mean picture (`background`)",
    )
    expect(
        np.allclose(given, -np.asarray(answer(fresh, 5, 2)), atol=1e-4),
        "5 against 2 is 2 against 5 with the sign turned",
    )
    game = explain.picture_game(predict, fresh[0], explain.grid_superpixels(fresh[:1], 16)[0], background)
    wanted = explain.kernel_shapley(lambda z: game(z)[:, 2] - game(z)[:, 5], 16, 1024, seed=7)
    far = np.abs(given[0] - wanted).max() / np.abs(wanted).max()
    expect(
        far < 0.25,
        "the shares of the first picture are not those of the difference: are parts, background, pictures and seed the same for both?",
    )


check("5.1 why this and not that?", contrast, test_contrast)

# %% [markdown]
# ### Exercise 2 (build it): the regression inside KernelSHAP
#
# Write `shares(coalitions, values, none, everyone)`: the $\varphi$ of step 4's formula.
# `coalitions` is bool of shape (M, n), without the empty and the full one; `values` holds their M
# values; `none` and `everyone` are the values of those two. The shares must add up to
# `everyone - none` whatever was asked, and with all coalitions they are Shapley's.
#
# *Hint.* The condition first: the last player gets what the others leave. Put
# $\varphi_n = v(\text{all}) - v(0) - \sum_{i<n} \varphi_i$ into the formula; then the columns are
# $z_i - z_n$ (make them floats first), and what they explain is
# $v(z) - v(0) - z_n (v(\text{all}) - v(0))$. Multiply both sides by $\sqrt{\pi(z)}$, and
# `np.linalg.lstsq` does the rest. `math.comb(n, k)` counts.


# %% tags=["exercise-build"]
def shares(coalitions, values, none, everyone):
    ### BEGIN SOLUTION
    n, sizes = coalitions.shape[1], coalitions.sum(axis=1)
    weights = np.array([(n - 1) / (math.comb(n, k) * k * (n - k)) for k in sizes.tolist()])
    z, root = coalitions.astype(float), np.sqrt(weights)
    explained = values - none - z[:, -1] * (everyone - none)
    others = np.linalg.lstsq(root[:, None] * (z[:, :-1] - z[:, -1:]), root * explained, rcond=None)[0]
    return np.append(others, everyone - none - others.sum())
    ### END SOLUTION


# %% tags=["check"]
def fresh_game(n, seed):
    rng = np.random.default_rng(seed)
    z = (np.arange(1, 2**n - 1)[:, None] >> np.arange(n) & 1).astype(bool)
    table = rng.normal(size=2**n).cumsum()
    exact = explain.exact_shapley(lambda c: table[c.astype(int) @ 2 ** np.arange(n)], n)
    return z, table[1:-1], table[0], table[-1], exact


def test_shares(answer):
    z, v, none, everyone, true = fresh_game(5, 3)
    given = np.asarray(answer(z, v, none, everyone), float)
    expect(given.shape == (5,), f"five players, five shares; this has shape {given.shape}")
    owed = "the shares must add up to everyone - none"
    expect(abs(given.sum() - (everyone - none)) < 1e-6, f"{owed}: does the last player get what the others leave?")
    some, each = np.random.default_rng(1).permutation(len(z))[:20], np.array([3.0, -1, 0, 2, 5])
    plain = answer(z[some], 7 + z[some] @ each, 7.0, 7 + each.sum())  # each adds the same in any company
    side = "what the columns explain is v(z) - v(0) - z_n (v(all) - v(0))"
    expect(np.abs(plain - each).max() < 1e-6, f"20 coalitions, and each player adds the same in any company: {side}")
    why = "all coalitions were asked, and these are not Shapley's values: are the weights those of the formula? It is their *root* that goes into lstsq, on both sides"
    for n in (2, 5, 6):
        *asked, true = fresh_game(n, n)
        expect(np.abs(answer(*asked) - true).max() < 1e-6, f"with {n} players {why}")
    expect(abs(sum(answer(z[some], v[some], none, everyone)) - (everyone - none)) < 1e-6, f"with 20 coalitions, {owed}")


check("5.2 the regression inside KernelSHAP", shares, test_shares)

# %% [markdown]
# ### Exercise 3 (find the bug): the class that was a picture
#
# A tutorial of 2021 explains ten pictures for ten classes and draws the maps of class `k` with the
# function below. In those days shap handed out a *list*, one array for each class. Since version
# 0.45 GradientExplainer and DeepExplainer hand out **one array** of shape (pictures, height, width,
# channels, classes). The tutorial still runs, without a warning, and draws something colourful.
# What does it draw? Write `class_maps(values, k)`, which gives the signed maps (pictures, height,
# width) of class `k`, summed over the channels.
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
    values = fresh.normal(size=(5, 4, 6, 3, 5))
    given = np.asarray(answer(values, 2))
    expect(given.shape != (4, 6, 3), "this is the third *picture*, its classes added up: choose k from the last axis")
    expect(given.ndim < 4, f"choose one class, and sum over the channels: this has shape {given.shape}")
    expect(given.shape == (5, 4, 6), f"five pictures of 4 by 6 pixels: shape (5, 4, 6), not {given.shape}")
    expect(
        np.allclose(given, values[:, :, :, :, 2].sum(axis=3)),
        "these are not the sums over the channels of class 2, with their signs",
    )
    grey = fresh.normal(size=(2, 4, 4, 1, 7))
    expect(np.allclose(answer(grey, 6), grey[..., 0, 6]), "with one channel and seven classes it must work, too")


check("5.3 the class that was a picture", class_maps, test_class_maps)

# %% [markdown]
# Added over the classes, what is left says how much a pixel moves *all* logits together: an answer
# to no question that anybody asked. Code that is copied from the year of its library's last change
# needs its shapes checked, not its pictures admired.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# Shapley values are the one way to share a gain that keeps four reasonable promises; which game
# they share is our choice: class, players, background. On pixels the well-known recipe gave noise
# on a small budget, takes long at its full price, and keeps ten of them by default. On superpixels
# the values can be computed exactly, estimated at an error that is known, and compared. Adding up
# proves nothing. Methods that share a name may play different games. Measures tell them apart
# better than looks do, but measures need not agree with each other either: say which one decided.
#
# **Limits.** Replacing parts by a background makes pictures that the network never saw; its answers
# to them are part of every number here. The exact values were computed for two classes of one
# picture. The evidence masks exist because we drew the signs; relevance mass rewards maps that lie
# where *we* think the reason is. The timings hold for one small network on one machine. Shares say
# what the network used, not what causes a sign to be a stop sign.
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
