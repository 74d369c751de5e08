# %% [markdown] slideshow={"slide_type": "slide"}
# # 03 Models that explain themselves: when do you need XAI at all?
#
# **The question.** Somebody asks *why* the model decided as it did. When can you answer by reading
# the model, and when do you need a method that explains it afterwards?
#
# **What you will be able to do**
#
# - place any method of explanation in a taxonomy of three questions,
# - read a linear model, a decision tree and a spam filter, for one answer and as a whole,
# - catch weights, importances and readable copies where they mislead,
# - measure what readability costs.
#
# **What you need first.** Notebook 01 (three splits, intervals, the network).
#
# **Time.** About 60 minutes for the core with its exercises, and 25 more for the steps with a star
# (*), which can be left out. It runs for about 1 minute on two cores.
#
# **What would fool you here.** The word *interpretable*. A model that you can read is not yet a
# model that you read correctly. And a readable copy of a model is not the model.

# %%
import helpers

helpers.require("0.2")

# %%
import re
from dataclasses import replace

import ipywidgets as widgets
import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, export_text

# %%
from helpers import datasets, intervals, models, plotting
from helpers.course.exercises import check, expect, one_number
from helpers.datasets import messages
from helpers.explain import taxonomy
from helpers.scorecard import Scorecard

# %% tags=["parameters"]
# The pictures of step 12: "signs" are drawn here; "fashion" and "cifar10" are real. Digits and messages stay the same.
dataset = "signs"
# "quick" takes about a minute; "full" trains at the size of the papers, up to an hour.
budget = "quick"
# Every random choice below follows from this number.
seed = 0

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 1: three questions to ask of any explanation
#
# *Explainable AI* (XAI) has many methods. Three questions sort them (Lipton, 2018; Doshi-Velez and
# Kim, 2017):
#
# | question | one answer | the other |
# |---|---|---|
# | **When** does the explanation come about? | *by default*: the model is small enough to be read | *after* the fact: another program explains a model that cannot be read |
# | **Scope**: what is explained? | *global*: the model as a whole | *local*: one answer |
# | **Access**: what must the method see? | *specific*: the inside of one kind of model (weights, splits, gradients) | *agnostic*: only questions and answers, so any model will do |
#
# GradCAM and SHAP, the subjects of the next two notebooks, come after the fact. Do we need them?
# Sometimes a readable model is as good (Rudin, 2019).
#
# ### Exercise 3.1 (use it): a dozen methods in the taxonomy
#
# The next cell says what each of twelve methods does. Give each its place, as three words in this
# order: *when* (`"default"` or `"after"`), *scope* (`"global"` or `"local"`), *access*
# (`"specific"` or `"agnostic"`). You need not know the methods: the sentence is enough. The check
# says what is wrong with each mistake.
#
# *Hint.* For *when*, ask: is what you read the very model that answers? For *access*: could you use
# the method if the model were a stranger on the telephone?

# %%
for name, method in taxonomy.METHODS.items():
    print(f"{name}: {method.does}")

# %% tags=["exercise-use"]
places = {
    "linear weights": ("default", "global", "specific"),  # as an example
    "decision tree rules": None,
    "permutation importance": None,
    "partial dependence (PDP)": None,
    "surrogate tree": None,
    "LIME": None,
    "KernelSHAP": None,
    "TreeSHAP": None,
    "saliency": None,
    "GradCAM": None,
    "integrated gradients": None,
    "counterfactual": None,
}
### BEGIN SOLUTION
places = {
    "linear weights": ("default", "global", "specific"),
    "decision tree rules": ("default", "global", "specific"),
    "permutation importance": ("after", "global", "agnostic"),
    "partial dependence (PDP)": ("after", "global", "agnostic"),
    "surrogate tree": ("after", "global", "agnostic"),
    "LIME": ("after", "local", "agnostic"),
    "KernelSHAP": ("after", "local", "agnostic"),
    "TreeSHAP": ("after", "local", "specific"),
    "saliency": ("after", "local", "specific"),
    "GradCAM": ("after", "local", "specific"),
    "integrated gradients": ("after", "local", "specific"),
    "counterfactual": ("after", "local", "agnostic"),
}
### END SOLUTION


# %% tags=["check"]
def test_places(answer):
    mistakes = taxonomy.review(answer)
    expect(not mistakes, f"{len(mistakes)} to think about:\n" + "\n".join(mistakes))


def begun(answer):  # what has no place yet is left out; with the example alone nothing is answered yet
    if not isinstance(answer, dict):
        return answer
    placed = {name: place for name, place in answer.items() if place is not None}
    return placed if len(placed) > 1 else None


check("3.1 a dozen methods in the taxonomy", begun(places), test_places)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 2: ten pictures that read digits
#
# The plainest classifier of pictures multiplies each pixel $x_i$ by a weight $w_{ki}$, one for each
# class $k$, and adds up. The sum $z_k$ is the *logit* of the class ($b_k$ is a number that the
# class gets in any case). A *softmax* makes probabilities $p_k$ of the logits:
#
# $$ z_k = b_k + \sum_i w_{ki}\, x_i \qquad\qquad p_k = \frac{e^{z_k}}{\sum_j e^{z_j}} $$
#
# This is **softmax regression**. It has one knob: a small `C` pulls all weights towards 0, a large
# one lets them go. We choose `C` on the calibration pictures. **Predict:** how many of 100 real
# handwritten digits does it read? (A guesser reads ten.)

# %%
digits = datasets.load("digits", train=3000, calibration=500, test=1500, seed=seed)
train_images, cal_images, test_images = (part.images for part in (digits.train, digits.calibration, digits.test))
y_train, y_cal, y_test = (part.labels for part in (digits.train, digits.calibration, digits.test))
x_train, x_test = (images.reshape(len(images), -1) for images in (train_images, test_images))


def reads(model, images, labels):
    return model(images).argmax(axis=1) == labels


by_c = {c: models.softmax_regression(digits.train, 10, c) for c in (0.01, 0.03, 0.1, 0.3, 1, 10)}
c = max(by_c, key=lambda c: reads(by_c[c], cal_images, y_cal).mean())
linear = by_c[c]
linear_right = reads(linear, test_images, y_test)
print(f"C = {c}; digits read:", intervals.proportion(linear_right))

# %% [markdown]
# There is one weight for each pixel and class. So the weights of a class *are a picture*, and ten
# pictures are the whole model. This is the **global** view.

# %%
w, b = linear.estimator.coef_.astype(float), linear.estimator.intercept_.astype(float)
plotting.diverging_maps(
    w.reshape(10, 28, 28),
    [f"for a {digit}" for digit in digits.class_names],
    title=f"This is all of the model, and it reads {linear_right.mean():.0%} of the digits",
    alt="Ten pictures of weights, one for each digit: orange where ink speaks for the digit, blue where it speaks against.",
    label="weight of a pixel",
)

# %% [markdown]
# Orange: ink here speaks for the digit. Blue: against. All ten share one colour scale, so you can
# compare them. Look at the 0: what does ink in its middle say?
#
# Now the **local** view, of one answer: pixel $i$ adds exactly $w_{ki} x_i$ to the logit of class
# $k$. Nothing is estimated. Here is a digit that the model misreads.

# %%
z = x_test @ w.T + b
case = (z.max(axis=1) - z[np.arange(len(z)), y_test]).argmax()  # the mistake with the largest lead over the truth
truth, wrong = y_test[case], z[case].argmax()
contributed = np.stack([w[truth] * x_test[case], w[wrong] * x_test[case]])
plotting.diverging_maps(
    contributed.reshape(2, 28, 28),
    [f"for a {truth}", f"for a {wrong}"],
    title=f"Why this {truth} is read as a {wrong}: what each pixel adds to two logits",
    alt="A misread digit: what each pixel contributes to the logit of the right class, and to that of the wrong one.",
    label="contribution to the logit",
    columns=2,
    size=1.8,
    outlines=x_test[[case] * 2].reshape(2, 28, 28),
)

# %% [markdown]
# ### A trap: the weights of one class
#
# Each of the two maps has a flaw. Take any picture, and add it to the weights of *all* ten classes.
# All ten logits of a digit then grow by the same amount. **Predict:** what happens to the
# probabilities?


# %% tags=["nbval-check-output"]
def probabilities(x, w, b):
    z = x @ w.T + b
    p = np.exp(z - z.max(axis=1, keepdims=True))  # the largest logit becomes 0: nothing overflows
    return p / p.sum(axis=1, keepdims=True)


p = probabilities(x_test, w, b)
other_w = w + 5 * x_test[0]  # any picture will do
other_p = probabilities(x_test, other_w, b)
print("the formula gives the library's probabilities:", bool(np.abs(p - linear(test_images)).max() < 1e-5))
print("ten other pictures of weights, the same probabilities:", bool(np.abs(other_p - p).max() < 1e-5))

# %% [markdown]
# So the model's answers do not settle that "ink here speaks for a 3". What they settle is the
# comparison of two classes: what was added to both cancels out.
#
# ### Exercise 3.2 (build it): why this, rather than that
#
# Write `rather_than(weights, x, a, b)`. It gets weights of shape (classes, features) and one case
# `x` of shape (features,). It gives, for each feature, its contribution to the logit of class `a`
# *minus* that of class `b`. Leave the $b_k$ of the formula out.
#
# *Hint.* What does feature $i$ add to $z_a$, and what to $z_b$?


# %% tags=["exercise-build"]
def rather_than(weights, x, a, b):
    ### BEGIN SOLUTION
    return (weights[a] - weights[b]) * x
    ### END SOLUTION


# %% tags=["check"]
def test_rather_than(answer):
    fresh = np.random.default_rng(12)
    weights, x = fresh.normal(size=(4, 6)), fresh.random(6)
    x[2] = 0
    given = np.asarray(answer(weights.copy(), x.copy(), 1, 3), dtype=float)
    shape = f"one number for each of the 6 features, not an array of shape {given.shape}"
    expect(given.shape == (6,), shape + (": leave the sum out" if given.ndim == 0 else ""))
    expect(np.isclose(given[2], 0), "a feature that is 0 in this case contributes nothing: multiply by x")
    everywhere = np.asarray(answer(weights + fresh.normal(size=6), x.copy(), 1, 3), dtype=float)
    common = "the same picture was added to the weights of all classes, and your answer changed: is class b in it?"
    expect(np.allclose(everywhere, given), common)
    of_a, _, of_b = (weights @ x)[1:]
    turned = "the sign is the other way round: class a minus class b"
    expect(not np.isclose(given.sum(), of_b - of_a), turned)
    total = f"the contributions must add up to {of_a - of_b:.3f} here; they add up to {given.sum():.3f}"
    expect(np.isclose(given.sum(), of_a - of_b), total)
    alone = [np.sum(answer(weights.copy(), np.where(np.arange(6) == i, x, 0), 1, 3)) for i in range(6)]
    shares = "the sum is right, the shares are not: what a feature adds must not hang on the other features"
    expect(np.allclose(given, alone), shares)
    again = np.asarray(answer(weights.copy(), x.copy(), 3, 1), dtype=float)
    expect(np.allclose(again, -given), "for b rather than a, all signs turn round: are a and b what was asked for?")


check("3.2 why this, rather than that", rather_than, test_rather_than)

# %%
plotting.diverging_maps(
    (contributed[1] - contributed[0]).reshape(1, 28, 28),
    ["what each pixel adds"],
    title=f"Why a {wrong} rather than a {truth}",
    alt="A misread digit: what each pixel contributes to the difference of the logits of two classes.",
    label="contribution to the difference",
    columns=1,
    size=3,
    outlines=x_test[[case]].reshape(1, 28, 28),
)

# %% [markdown]
# Follow the stroke. Which part of it speaks most for the wrong class? This map is exact, and every
# softmax regression with the same probabilities gives the same one.

# %% [markdown] tags=["deeper"]
# ## Step 3: would other pictures give the same weights? *
#
# The ten pictures look like knowledge: *this is what makes a 5*. Let us ask twice. We train on one
# half of the training pictures and, anew, on the other half: once with the chosen `C`, once with a
# hundred times that. **Predict:** do two halves give the same answers? And the same weights?

# %% tags=["deeper"]
halves = {
    (strength, half): models.softmax_regression(digits.train.take(slice(half, None, 2)), 10, strength)
    for strength in (c, 100 * c)
    for half in (0, 1)
}
likeness = {}
for strength in (c, 100 * c):
    half_weights = [halves[strength, half].estimator.coef_ for half in (0, 1)]
    half_said = [halves[strength, half](test_images).argmax(axis=1) for half in (0, 1)]
    likeness[strength] = np.corrcoef(*(k.ravel() for k in half_weights))[0, 1]
    rather = [(k[:, None] - k)[np.triu_indices(10, 1)].ravel() for k in half_weights]  # all 45 pairs of classes
    print(f"C = {strength:g}: the same answer from both halves: {intervals.proportion(half_said[0] == half_said[1])};")
    print(f"   the weights of all ten digits correlate {likeness[strength]:.2f}", end=", ")
    print(f"the differences of two digits {np.corrcoef(*rather)[0, 1]:.2f}")


# %% tags=["deeper"]
fives = np.stack([model.estimator.coef_[5] / model.estimator.coef_.std() for model in halves.values()])
plotting.diverging_maps(
    fives.reshape(-1, 28, 28),
    [f"for a 5: C = {strength:g}, half {half + 1}" for strength, half in halves],
    title=f"Weights of all ten digits from two halves correlate {likeness[c]:.2f}, with the freer C {likeness[100 * c]:.2f}",
    alt="Weights for the digit five from two halves of the training pictures, with a strong and a weak pull towards zero.",
    label="weight / spread",
    columns=4,
    size=1.6,
)

# %% [markdown] tags=["deeper"]
# Compare two things for each `C`: how often the halves give the same answer, and how alike their
# weights are. Neighbouring pixels carry nearly the same ink. So weight can move from one pixel to
# the next, and the answers hardly change: many models are equally good (Breiman, 2001, named this
# after the film *Rashomon*). A strong pull to 0 picks one of them more steadily, but the choice is
# the knob's. *Do not read a single weight of correlated features as a finding.*

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 4: a tree you can read aloud
#
# A **decision tree** asks about one pixel at a time: *is there ink here?* The way from the first
# question to an answer is a rule. With at most three questions in a row there are at most eight
# rules. **Predict:** how many of the ten digits can it name at all, and how many of 100 pictures
# does it read?

# %%
names = [f"ink at ({i // 28}, {i % 28})" for i in range(784)]
small = models.decision_tree(digits.train, 10, depth=3, seed=seed)
print(export_text(small.estimator, feature_names=names, decimals=2))
print("digits read:", intervals.proportion(reads(small, test_images, y_test)))
never = sorted(set(range(10)) - set(small(test_images).argmax(axis=1)))
print("digits that it never says:", ", ".join(map(str, never)) or "none")

# %%
asked = [i for i in small.estimator.tree_.feature if i >= 0]
plotting.annotated_image(
    x_train.mean(axis=0).reshape(28, 28),
    {str(number): divmod(i, 28) for number, i in enumerate(asked, start=1)},
    title=f"What the tree looks at: {len(set(asked))} of 784 pixels",
    alt="The mean of all training digits with the few pixels that the small decision tree asks about.",
)

# %% [markdown]
# Ink is between 0 (none) and 1; (row, column) counts from the upper left. The figure numbers the
# questions in the order in which they are printed above. You can follow every rule with a finger.
# But a rule says *no ink at one particular point*, and nothing about strokes or loops. What if the
# writer had moved the pen by two pixels? Keep your answer for step 12.
#
# A tree with more rules can read more. We choose the number of rules on the calibration pictures,
# and then ask the tree about the digit that the linear model misread.

# %%
trees = {n: models.decision_tree(digits.train, 10, leaves=n, seed=seed) for n in (8, 16, 32, 64, 128, 256)}
rules = max(trees, key=lambda n: reads(trees[n], cal_images, y_cal).mean())
tree = trees[rules]
for n, one in trees.items():
    print(f"{n:>3} rules read {reads(one, cal_images, y_cal).mean():.0%} of the calibration pictures")
print(f"we take {rules} rules. The {truth} from above:")
for number, ((row, column, _), ink) in enumerate(models.decision_path(tree, test_images[case]), start=1):
    print(f"{number:>2}. {'ink' if ink else 'no ink'} at ({row}, {column})")
print(f"so it is a {tree(test_images[[case]]).argmax()}")

# %% [markdown]
# Few people will read all those rules. But each single answer still has a short reason, and it is
# exact: the questions on its way. (*Ink* means more than the threshold of that question.)
#
# A **random forest** (Breiman, 2001) is many deep trees that vote. Each is trained on its own draw
# of the pictures, and each question is chosen among a few random pixels. Each tree can be read.
# **Predict:** how many questions does a forest of 100 trees hold?

# %%
forest = models.digit_forest(digits, seed)
questions = models.size_of(forest).questions
on_the_way = models.questions_asked(forest, test_images).mean()
tree_right, forest_right = (reads(one, test_images, y_test) for one in (tree, forest))
print(f"questions in the forest: {questions:,}; read aloud at 5 seconds each: {questions * 5 / 3600:.0f} hours")
print(f"for a single answer: {on_the_way:,.0f} questions")
print("digits read by the decision tree:", intervals.proportion(tree_right))
print("digits read by the random forest:", intervals.proportion(forest_right))

# %% [markdown]
# The forest's reasons are gone: no part is secret, but there are too many. So *interpretable by
# default* is a matter of size. A linear model of a million weights can be read no better than a
# network.

# %% [markdown] tags=["deeper"]
# ## Step 5: readable for one answer, and as a whole *
#
# There are two sizes: how much there is to read *in all*, and how much *for one answer*. Below is
# the misread digit and the questions that a tree of a given depth asks about it. **Predict:** from
# depth 5 to depth 10, by what factor does the number of rules grow, and the number of questions for
# one answer?

# %% tags=["deeper"]
depths = range(1, 13)
by_depth = {depth: models.decision_tree(digits.train, 10, depth=depth, seed=seed) for depth in depths}


def tree_card(depth):
    one, read = by_depth[depth], reads(by_depth[depth], cal_images, y_cal).mean()
    way = models.decision_path(one, test_images[case])
    marks = {str(number): (row, column) for number, ((row, column, _), _) in enumerate(way, start=1)}
    answer = one(test_images[[case]]).argmax()
    title = f"Depth {depth}: {models.size_of(one).rules} rules read {read:.0%}; {len(way)} questions call this {truth} a {answer}"
    alt = f"A digit and the {len(way)} pixels that a tree of depth {depth} asks about to read it, in order."
    return plotting.annotated_image(test_images[case, :, :, 0], marks, title=title, alt=alt)


tree_card(5)

# %% [markdown] tags=["deeper"]
# Move the slider. (Where widgets are not shown, change the 5 above.)

# %% tags=["deeper"]
slider = widgets.IntSlider(value=10, min=depths[0], max=depths[-1], description="depth", continuous_update=False)
display(plotting.interactive_figure(slider, tree_card))

# %% [markdown] tags=["deeper"]
# With each level the number of rules can double, until the training pictures run out. The questions
# for one answer grow by one at most. So a tree stays readable *locally* long after it has stopped
# being readable *globally*.
#
# Are its rules at least facts about digits? We train five trees on random draws of the pictures.

# %% tags=["deeper"]
rng = np.random.default_rng(seed)
for _ in range(5):
    rows = rng.integers(0, len(digits.train), len(digits.train))
    drawn_tree = models.decision_tree(digits.train.take(rows), 10, leaves=rules, seed=seed)
    read = reads(drawn_tree, test_images, y_test).mean()
    print(f"accuracy {read:.3f}; the first question is about {names[drawn_tree.estimator.tree_.feature[0]]}")

# %% [markdown] tags=["deeper"]
# Count the different first questions, and compare the accuracies. Where several first questions
# lead to trees that read about as well, the question is a fact about *this tree and this draw*.
# Only what all draws share has a claim to be more.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 6: a spam filter that says which words
#
# Now text. Our messages are **invented**: the course makes them from templates and a seed. They are
# made so that words overlap: honest messages tell of winners and free tickets, and some spam is
# polite. An accuracy on them says nothing about your mailbox.

# %%
corpus = messages.load(test=1000, seed=seed)
train, test = corpus.train, corpus.test
print(corpus)
for kind in ("advance fee", "prize", "polite", "honest prize", "work"):
    print(f"- {kind}: {train.texts[train.kinds.index(kind)]}")

# %% [markdown]
# A message becomes a row of numbers, one for each known word: how often it stands in the message,
# times how rare it is among the training messages. The row is then scaled to length 1 (**TF-IDF**).
# On these numbers $x_j$ we put the linear model of step 2, with two classes. Then one logit $z$ is
# enough; positive means spam.
#
# $$ z = b + \sum_j w_j x_j \qquad\qquad p_{\text{spam}} = \frac{1}{1 + e^{-z}} $$
#
# **Predict:** which three words speak most for spam?


# %%
spam_filter = models.spam_filter(corpus)  # C is chosen on the calibration messages
filter_right = reads(spam_filter, test.texts, test.labels)
print("messages told apart:", intervals.proportion(filter_right))
held_by = spam_filter.vectoriser.transform(train.texts).toarray() > 0  # which message holds which word
seen_in = dict(zip(spam_filter.vectoriser.get_feature_names_out(), held_by.sum(axis=0), strict=True))
ends = pd.concat([spam_filter.weights.head(10), spam_filter.weights.tail(10)])  # largest first
plotting.diverging_bars(
    {f"{word} (in {seen_in[word]})": weight for word, weight in ends.items()},
    title=f"Over all: “{ends.index[0]}” speaks most for spam, “{ends.index[-1]}” most against",
    alt="The ten words with the largest positive and the ten with the largest negative weights in the spam filter.",
    x_label="weight (in brackets: training messages that hold the word)",
    sides=("honest", "spam"),
)

# %% [markdown]
# That is the *global* view. Are small words like *and*, *am*, *to*, *the* among the strongest? They
# say nothing about spam. Where they tell the two apart, it is by how *we* wrote the templates. That
# is a **shortcut**, and nobody planted it. The accuracy could not show it; reading can.
#
# Now the *local* view: word $j$ adds exactly $w_j x_j$ to the logit of this message. *(before any
# word)* is $b$: what the filter says of a message of which it knows no word. It need not be 0.


# %% tags=["nbval-check-output"]
def explain_message(text, most=12):
    parts = spam_filter.contributions(text)  # w_j x_j for each known word j of the message, largest first
    bars = {"(before any word)": spam_filter.intercept, **parts[:most], "(all other words)": parts[most:].sum()}
    z = sum(bars.values())
    title = f"Logit {z:+.2f}: spam with {1 / (1 + np.exp(-z)):.1%}"
    alt = "What each word of a message contributes to the logit of the spam filter."
    return plotting.diverging_bars(
        bars, title=title, alt=alt, x_label="contribution to the logit", sides=("honest", "spam")
    )


logits = spam_filter.logits(test.texts)
sums = np.array([spam_filter.contributions(text).sum() for text in test.texts]) + spam_filter.intercept
print("the contributions add up to the logit, for every message:", bool(np.abs(logits - sums).max() < 1e-9))

# %% [markdown]
# Nothing is left over. So it explains *mistakes*, too. Here is the one that the filter is surest
# of.

# %%
surest = np.abs(np.where(filter_right, 0, logits)).argmax()
print(f"{corpus.class_names[test.labels[surest]]}: {test.texts[surest]}")
explain_message(test.texts[surest])

# %% [markdown]
# Find the words that misled it. A person reads sentences; the filter adds up words. Write a message
# of your own, and see. (Where widgets are not shown, call `explain_message("your text")`.)

# %%
box = widgets.Textarea(
    value="You are the winner of our cake contest! Your free prize waits at the desk.",
    layout=widgets.Layout(width="95%", height="70px"),
    continuous_update=False,
)
display(plotting.interactive_figure(box, explain_message))

# %% [markdown]
# ### Exercise 3.3 (find the bug): fifty words that tell everything
#
# A colleague wants a shorter filter, so she keeps only the 50 words that go best with the labels.
# To try her function she draws the labels *by coin*. Nobody can foretell a coin, so the score
# should be 0.5. Run the cell: her filter finds spam among coin flips. Which of her lines have seen
# the test messages? Write the rest of `honest_score`, for the same 50 words and the same rows.
#
# *Hint.* "Fit on train" holds for every step that learns something from texts or labels.
# `make_pipeline(...)` keeps steps together, with one `fit` and one `score` for all of them.


# %% tags=["exercise-bug"]
def colleague_score(texts, labels, seed):
    counts = CountVectorizer(min_df=2).fit_transform(texts)  # words that stand in two messages or more
    chosen = SelectKBest(chi2, k=50).fit_transform(counts, labels)
    order = np.random.default_rng(seed).permutation(len(labels))
    test_rows, train_rows = order[: len(order) // 4], order[len(order) // 4 :]
    model = LogisticRegression(max_iter=1000).fit(chosen[train_rows], labels[train_rows])
    return model.score(chosen[test_rows], labels[test_rows])


def honest_score(texts, labels, seed):
    texts = np.array(texts, dtype=object)  # so that texts[train_rows] works
    order = np.random.default_rng(seed).permutation(len(labels))
    test_rows, train_rows = order[: len(order) // 4], order[len(order) // 4 :]
    ### BEGIN SOLUTION
    model = make_pipeline(CountVectorizer(min_df=2), SelectKBest(chi2, k=50), LogisticRegression(max_iter=1000))
    return model.fit(texts[train_rows], labels[train_rows]).score(texts[test_rows], labels[test_rows])
    ### END SOLUTION


coins = np.random.default_rng(seed).integers(0, 2, (10, len(train)))
by_coin = [colleague_score(train.texts, flips, seed=number) for number, flips in enumerate(coins)]
print("her accuracy on coin flips, ten times:", intervals.mean(by_coin))


# %% tags=["check"]
def made_up(write):  # 80 messages whose first 20 in the order of seed 3 are the test rows; spam and honest in turn
    order, texts, labels = np.random.default_rng(3).permutation(80), [""] * 80, np.zeros(80, int)
    for place, row in enumerate(order):
        texts[row], labels[row] = write(place, place % 2), place % 2
    return tuple(texts), labels, 3


def test_honest_score(student):
    def answer(*case):
        given = student(*case)
        return one_number(given)

    every = " ".join(f"always{i}" for i in range(60))  # words of all messages: they tell nothing
    # One word tells the class, and 8 of the 20 test messages lie: only on the right rows is the score 0.6.
    lies = made_up(lambda place, spam: f"{every} word{1 - spam if place < 8 else spam}")
    scored = answer(*lies)
    expect(scored < 0.99, "these are the wrong rows: it scores train rows, or a split of its own")
    expect(
        not np.isclose(scored, 0.4),
        "the score is turned round: give the share that is right, not the share of mistakes",
    )
    expect(np.isclose(scored, 0.6), "not the same test rows: the first quarter of her order, drawn with the seed")
    fresh = messages.load(train=240, calibration=1, test=1, seed=77).train
    known = np.mean([answer(fresh.texts, fresh.labels, number) for number in range(4)])
    expect(known > 0.75, f"on real labels it scores {known:.2f}: does it still choose 50 words and fit the filter?")
    flips = np.random.default_rng(5).integers(0, 2, (8, 240))
    scores = [answer(fresh.texts, one, number) for number, one in enumerate(flips)]
    expect(np.mean(scores) < 0.58, f"on coin flips it scores {np.mean(scores):.2f}: something has seen the test labels")
    expect(
        np.mean(scores) > 0.42, f"on coin flips it scores {np.mean(scores):.2f}: below chance; is a label turned round?"
    )
    rows = np.random.default_rng(3).permutation(240)[:60]
    turned = np.where(np.isin(np.arange(240), rows), 1 - fresh.labels, fresh.labels)
    both = answer(fresh.texts, fresh.labels, 3) + answer(fresh.texts, turned, 3)
    expect(np.isclose(both, 1), "other test labels changed the filter itself: choose the words on the train rows alone")
    # Each telling word stands in one train message (min_df=2 drops it) and in one test message.
    rare = answer(*made_up(lambda place, spam: f"{every} once{place + 20 if place < 20 else place}"))
    expect(
        rare < 0.7, "a word of one train message counts: has the vectoriser seen the test texts, or lost its min_df?"
    )
    # Fifty words tell the class better than the one that the test messages hold: it may not be among the chosen.
    strong = made_up(
        lambda place, spam: (
            f"weak{spam}"
            if place < 20
            else " ".join(
                [f"strong{spam}{i}" for i in range(25) if (place // 2 + i) % 3 == 0]
                + [f"weak{spam}"] * (place % 12 < 2)
            )
        )
    )
    expect(answer(*strong) < 0.7, "a word that goes less well with the labels than fifty others counts: keep 50 words")


check("3.3 fifty words", honest_score, test_honest_score)

# %% [markdown]
# Her words were chosen with the test labels in view: the test was passed before the filter was
# trained. The same was published with genes in place of words (Ambroise and McLachlan, 2002). That
# a filter is readable does not help: its 50 words look as convincing.

# %% [markdown] tags=["deeper"]
# ## Step 7: where does the shortcut come from, and where does it go? *
#
# In which kinds of messages do the two words stand that speak most for spam and most against?

# %% tags=["deeper"]
at_word = spam_filter.vectoriser.vocabulary_
kinds_of = np.array(train.kinds)
extremes = [ends.index[0], ends.index[-1]]
by_kind = pd.DataFrame({word: held_by[:, at_word[word]] for word in extremes}).groupby(kinds_of).mean()
by_kind.insert(0, "messages", pd.Series(kinds_of).value_counts())
by_kind.insert(0, "spam", pd.Series(train.labels).groupby(kinds_of).first() == 1)
largest = by_kind.nlargest(10, "messages").sort_values(["spam", extremes[0]], ascending=False)
display(largest.style.format("{:.0%}", subset=extremes))

# %% [markdown] tags=["deeper"]
# (The ten largest kinds.) Look for a word that stands in nearly all messages of one kind, and in
# none of another. That is a habit of the templates, and no property of spam.
#
# Can it be mended? We leave out each word that stands in more than a given share of the messages.
# **Predict:** what does that cost? And are the words on top then about spam?

# %% tags=["deeper"]
for share in (1.0, 0.2, 0.1, 0.05):
    fewer = models.spam_filter(corpus, most_common=share)
    print(f"words in at most {share:.0%}: told apart {reads(fewer, test.texts, test.labels).mean():.3f};", end=" ")
    print("most for spam:", ", ".join(fewer.weights.index[:6]))

# %% [markdown] tags=["deeper"]
# In each line, look for words that say nothing about money or prizes. Where you find some, the
# shortcut has *moved* to the next words that the templates share. A list of forbidden words mends
# what stands on it. The cause is in the data, and only messages from other writers would mend that.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 8: shuffle it and see
#
# Most models have no weights to read. What then? For an example we look at each message as a
# hurried person would: how long, how loud, how many numbers, how many words of four short lists.

# %%
LISTS = {
    "money words": "account bank card coins fee fund invoice money pay payment prize transfer",
    "hurry words": "expires hours immediately last minutes now today urgent",
    "polite words": "dear hope kind kindly please regards thank thanks",
    "bait words": "free guaranteed offer reward secret trust win winner won",
}


def glance(text):
    found, letters = re.findall(r"\w+", text.lower()), [letter for letter in text if letter.isalpha()]
    counts = {"characters": len(text), "words": len(found), "exclamation marks": text.count("!")}
    counts |= {"numerals": sum(letter.isdigit() for letter in text)}
    counts |= {"share of capitals": sum(letter.isupper() for letter in letters) / len(letters)}
    return counts | {name: sum(word in listed.split() for word in found) for name, listed in LISTS.items()}


# %% [markdown]
# **Permutation importance** (Breiman, 2001; Fisher, Rudin and Dominici, 2019) asks any model: *how
# much accuracy do you lose when this column is shuffled?* Shuffling keeps the values of the column,
# and breaks its tie to everything else. Here it is, written out. It returns the loss for each
# message, so that we can put an interval around the mean.


# %%
def permutation_losses(model, x, y, columns, repeats=10):
    rng = np.random.default_rng(seed)
    right_after = np.zeros(len(y))
    for _ in range(repeats):
        shuffled = x.copy()
        shuffled[:, columns] = x[rng.permutation(len(x))][:, columns]
        right_after += model.predict(shuffled) == y
    return (model.predict(x) == y) - right_after / repeats


# %% [markdown]
# The model is a forest on these numbers. We leave *words* out, and add a column that cannot matter:
# a **lottery number**, drawn for each message. **Predict:** which column is at the top? And what
# does the lottery number get?

# %%
table = {name: pd.DataFrame([glance(text) for text in part.texts]) for name, part in (("train", train), ("test", test))}
columns = ["characters", "exclamation marks", "numerals", "share of capitals", *LISTS, "lottery number"]
lottery = np.random.default_rng(seed)
with_lottery = {name: rows.assign(**{"lottery number": lottery.random(len(rows))}) for name, rows in table.items()}
a_train, a_test = (with_lottery[name][columns].to_numpy() for name in ("train", "test"))
crowd = RandomForestClassifier(100, random_state=seed, n_jobs=-1).fit(a_train, train.labels)
losses = {name: permutation_losses(crowd, a_test, test.labels, [j]) for j, name in enumerate(columns)}
importance = {name: intervals.mean(100 * loss) for name, loss in losses.items()}
importance = dict(sorted(importance.items(), key=lambda item: -item[1].value))
top = next(iter(importance))

# %%
plotting.forest_plot(
    importance,
    title=f"Points lost by shuffling: “{top}” {importance[top].value:.1f}, the lottery number {importance['lottery number'].value:.1f}",
    alt="Permutation importance with interval of each column of the glance at messages, measured on test messages.",
    x_label="points of accuracy lost (0: the column does not matter)",
    reference=("no loss", 0.0),
)

# %% tags=["nbval-check-output"]
library = permutation_importance(crowd, a_test, test.labels, n_repeats=10, random_state=seed).importances_mean
ours = np.array([loss.mean() for loss in losses.values()])
print("ours and scikit-learn's, from other shuffles, within 2 points:", bool(np.abs(ours - library).max() < 0.02))

# %% [markdown]
# ### A trap: importance on the training data
#
# A forest comes with an importance of its own (`feature_importances_`: how much each column helped
# while the trees were grown). One can also shuffle the *training* messages. **Predict** what each
# says of the lottery number.


# %%
def ahead(ones, others):  # how many points the first has more than the second, of the same cases
    return intervals.bootstrap(lambda x, y: 100 * float(x.mean() - y.mean()), ones, others, seed=seed)


def apart(ones, others):  # the same of two sets of cases
    cases, first = np.concatenate([ones, others]), np.arange(len(ones) + len(others)) < len(ones)
    return intervals.bootstrap(lambda x, f: 100 * float(x[f].mean() - x[~f].mean()), cases, first, seed=seed)


last, built_in = len(columns) - 1, crowd.feature_importances_
training_loss, test_loss = permutation_losses(crowd, a_train, train.labels, [last]), losses["lottery number"]
fewer_have = (built_in < built_in[last]).sum()
print(f"built in: {built_in[last]:.0%} of all importance; {fewer_have} of {last} honest columns have less")
print(f"shuffled on the training messages: {intervals.mean(100 * training_loss)} points")
print(f"shuffled on the test messages: {intervals.mean(100 * test_loss)} points")
print(f"the difference: {apart(training_loss, test_loss)} points")

# %% [markdown]
# Where the difference lies above 0, the forest has learned training messages by heart, lottery
# numbers and all. What a model *used* is one question; what *helps* it on new messages is another.
# Importance is a report, so it is measured on the test messages.
#
# ### A trap: correlated columns
#
# Now we plant a copy: the most important column stands in the table twice. The forest is trained
# anew. **Predict** its accuracy; and the importance of the column, of its copy, and of both
# shuffled together.

# %%
at = columns.index(top)
twice_train, twice_test = (np.column_stack([x, x[:, at]]) for x in (a_train, a_test))
twins = RandomForestClassifier(100, random_state=seed, n_jobs=-1).fit(twice_train, train.labels)
pair = [at, len(columns)]
column_loss, copy_loss, joint_loss = (
    permutation_losses(twins, twice_test, test.labels, shuffled) for shuffled in (pair[:1], pair[1:], pair)
)
each_loss = (column_loss + copy_loss) / 2
hidden = intervals.mean(100 * (joint_loss - each_loss))
before, after = crowd.predict(a_test) == test.labels, twins.predict(twice_test) == test.labels
print(f"accuracy: {before.mean():.3f} before, {after.mean():.3f} with the copy")


# %%
def twins_title(each, together):
    verb = "hide" if together > 2 * each else "do not hide"
    return f"Two twins {verb} each other: {each:.1f} points each on average, {together:.1f} together"


of_twins = {"the column": column_loss, "its copy": copy_loss, "both, shuffled together": joint_loss}
plotting.forest_plot(
    {"the column, before the copy": importance[top]}
    | {f"{name}, with a copy there": intervals.mean(100 * loss) for name, loss in of_twins.items()},
    title=twins_title(100 * each_loss.mean(), 100 * joint_loss.mean()),
    alt="Permutation importance of a column before a copy is planted, then of the column, its copy, and both together.",
    x_label="points of accuracy lost",
    reference=("no loss", 0.0),
    groups=[0, 1, 1, 2],
)

# %% [markdown]
# Nothing about spam has changed. But when one twin is shuffled, the forest looks at the other.
# (Which of the two keeps more is chance.) Whoever now throws out all columns of small importance,
# all at once, may throw out *both* twins. **Grouped** importance mends it: shuffle together what
# belongs together. You have to know the groups, and in a real table the twins have different names.

# %% [markdown] tags=["deeper"]
# ## Step 9: two ways to misread weights *
#
# A linear model on the numbers of step 8 can be written down in two ways: with its weight for one
# *unit* of each number (one character, a share of capitals of 1), or for one *standard deviation*,
# its usual spread. **Predict:** which number has the largest weight?

# %% tags=["deeper"]
glancer = make_pipeline(StandardScaler(), LogisticRegression()).fit(table["train"], train.labels)
print("messages told apart at a glance:", intervals.proportion(glancer.predict(table["test"]) == test.labels))
spread, weight = glancer[0].scale_, glancer[1].coef_[0]
readings = {"weight for one unit": weight / spread, "spread": spread, "weight for one spread": weight}
readings = pd.DataFrame(readings, index=table["train"].columns)
first, second = (readings[f"weight for one {unit}"].abs().idxmax() for unit in ("unit", "spread"))
display(readings.sort_values("weight for one unit", key=abs, ascending=False).style.format("{:.3f}"))
print(f"largest weight for one unit: {first}; for one spread: {second}")

# %% [markdown] tags=["deeper"]
# One model, one set of answers, two rankings: *an unscaled weight measures the unit*. A length gets
# a small weight in characters and a huge one in pages. Scaling mends that.
#
# It does not mend this: characters and words are two counts of nearly the same thing. What is the
# weight of *words*? We draw the training messages anew 100 times, and fit once with both columns
# and once with one of the two. **Predict the sign.**

# %% tags=["deeper"]
scaled = (table["train"] - table["train"].mean()) / table["train"].std()


def drawn_weights(left_out):
    rng, kept, found = np.random.default_rng(seed), scaled.drop(columns=left_out), []
    for _ in range(100):
        rows = rng.integers(0, len(train), len(train))
        found.append(LogisticRegression().fit(kept.iloc[rows], train.labels[rows]).coef_[0])
    return pd.DataFrame(found, columns=kept.columns)


beside = drawn_weights([])
drawn = {
    "characters, alone": drawn_weights(["words"])["characters"],
    "words, alone": drawn_weights(["characters"])["words"],
}
drawn |= {f"{name}, beside the other": beside[name] for name in ("characters", "words")}

# %% tags=["deeper"]
ranges = {name: (values.median(), *values.quantile([0.025, 0.975])) for name, values in drawn.items()}
print(f"correlation of characters and words: {scaled['characters'].corr(scaled['words']):.3f}")
for name, (middle, low, high) in ranges.items():
    print(f"{name}: weight {middle:+.2f}, from {low:+.2f} to {high:+.2f} in 95 of 100 draws;", end=" ")
    print(f"below 0 in {(drawn[name] < 0).mean():.0%}")
for left_out in ([], ["words"], ["characters"]):
    tabled = [table[name].drop(columns=left_out) for name in ("train", "test")]
    refitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(tabled[0], train.labels)
    told_apart = intervals.proportion(refitted.predict(tabled[1]) == test.labels)
    print(f"accuracy {'without ' + left_out[0] if left_out else 'with both'}: {told_apart}")

# %% [markdown] tags=["deeper"]
# Alone, each count stands for *long message*. Side by side they share that weight, and nothing in
# the accuracy says how: compare its three lines. One of them may take nearly all of it. Then the
# *sign* of the other is little more than a toss of the draw: see in how many draws it is below 0.
# "The weight of words, *the others held fixed*" speaks of messages that hardly exist: more words,
# and not more characters.

# %% [markdown] tags=["deeper"]
# ## Step 10: messages that cannot exist, and pixels *
#
# There is a second reason to group. A column shuffled alone makes messages that cannot exist. We
# take the table of step 8, with characters *and* words, and shuffle the words.

# %% tags=["deeper"]
shuffled_words = np.random.default_rng(seed).permutation(table["test"]["words"])
per_word, per_shuffled = (table["test"]["characters"] / count for count in (table["test"]["words"], shuffled_words))
impossible = ((per_shuffled < per_word.min()) | (per_shuffled > per_word.max())).mean()
plotting.scatter_plot(
    {
        "words shuffled": (shuffled_words, table["test"]["characters"]),
        "real messages": (table["test"]["words"], table["test"]["characters"]),
    },
    title=f"{impossible:.0%} of the shuffled messages have longer or shorter words than any real one",
    alt="Characters against words: real messages lie along a line, shuffled ones spread over the whole square.",
    x_label="words",
    y_label="characters",
)

# %% [markdown] tags=["deeper"]
# A model that has both columns is asked out there. Its answers there were never trained and never
# tested, and yet they make up the importance of the column (Hooker, Mentch and Zhou, 2021).
#
# In pictures *every* pixel has near twins. Back to the digits' forest: we shuffle the middle pixel
# of each block of 4 by 4, then the whole block. **Predict** the largest loss of both.

# %% tags=["deeper"]
grid = np.arange(784).reshape(28, 28)
blocks = [grid[i : i + 4, j : j + 4].ravel() for i in range(0, 28, 4) for j in range(0, 28, 4)]
middles = [[grid[i + 2, j + 2]] for i in range(0, 28, 4) for j in range(0, 28, 4)]
by_pixel, by_block = (
    np.array([100 * permutation_losses(forest.estimator, x_test, y_test, group, 1).mean() for group in groups])
    for groups in (middles, blocks)
)

# %% tags=["deeper"]
plotting.diverging_maps(
    np.stack([by_pixel, by_block]).reshape(2, 7, 7),
    ["the middle pixel alone", "the whole block of 16"],
    title=f"Most points lost: {by_pixel.max():.1f} for a middle pixel, {by_block.max():.1f} for a block",
    alt="Two maps of permutation importance on a grid of 7 by 7: of the middle pixels, and of whole blocks.",
    label="points of accuracy lost",
    columns=2,
    size=2.2,
)

# %% [markdown] tags=["deeper"]
# Both maps share one scale. Where the left one looks nearly empty, single pixels cost nearly
# nothing. "None of these pixels matters" would then be true one by one, and nonsense for the
# picture. Notebook 05 meets the same problem again, and groups pixels into *superpixels*.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 11: a readable copy
#
# The course's network reads digits, and nobody reads the network. A common way out is a
# **surrogate** (Craven and Shavlik, 1996): a readable model that imitates it. Ours is a tree of 128
# rules that learns *the network's answers*, right or wrong. Its **fidelity** is the share of
# pictures on which the tree and the network say the same. The truth plays no part in it.
#
# To judge a fidelity we need something to compare it with. So we take a **stranger**: a tree of the
# same size, trained on the true labels. It never met the network. **Predict** the fidelity of the
# copy and of the stranger. And what of the pictures that the network gets *wrong*?

# %%
network = models.spine(digits, budget, seed=seed).model
parts = {"train": digits.train, "test": digits.test}
told = {name: models.predict_split(network, part).argmax(axis=1) for name, part in parts.items()}
network_right = told["test"] == y_test
errs = ~network_right
retold = replace(digits.train, labels=told["train"])  # the same pictures; the network's answers in place of the truth
surrogate, stranger = (models.decision_tree(one, 10, leaves=128, seed=seed) for one in (retold, digits.train))
same_train = reads(surrogate, train_images, told["train"])
same, same_stranger = (reads(one, test_images, told["test"]) for one in (surrogate, stranger))
print("the network reads", intervals.proportion(network_right))


# %%
def surrogate_title(share, low, high):
    found = "more often than" if low > 0 else "less often than" if high < 0 else "not clearly more or less often than"
    return f"The copy says what the network says on {share:.0%} of the test pictures, {found} a tree that never met it"


gain = ahead(same, same_stranger)
agreement = {"copy, on its training pictures": same_train, "copy, on test pictures": same}
agreement |= {"stranger, on test pictures": same_stranger, "copy, where the network errs": same[errs]}
agreement |= {"stranger, where the network errs": same_stranger[errs]}
plotting.forest_plot(
    {name: intervals.proportion(hits) for name, hits in agreement.items()},
    title=surrogate_title(same.mean(), gain.low, gain.high),
    alt="Fidelity of the copy and of the stranger on training and test pictures, and where the network errs.",
    x_label="share of the same answers as the network",
    groups=[0, 1, 2, 1, 2],
)

# %%
by_heart = apart(same_train, same)
where_asked = apart(same[network_right], same[errs])
print(f"points of fidelity, copy minus stranger, on test pictures: {gain}")
print(f"the copy, training minus test pictures: {by_heart}")
print(f"the copy, where the network is right minus where it errs: {where_asked}")

# %% [markdown]
# Read the rows from the top.
#
# 1. *The first row is a trap.* The copy has partly learned its training pictures by heart. Its
#    fidelity there says little about new pictures.
# 2. *The copy and the stranger.* Two readers who both know digits agree on digits. The printed
#    difference says what meeting the network has brought. Where that is about 0, the fidelity is
#    about *digits*, and says nothing about *this network*.
# 3. *Where the network errs.* For these pictures somebody asks *why*. (They are few, so the
#    intervals are wide.)
#
# ### A trap: the story that is told
#
# A slide says: *"The network decides by these rules."* On how many of 100 test pictures was that
# sentence false? And where the two agree, they need not agree for the same reason: the tree reads
# single pixels. An honest slide gives the number of rules, the share of test pictures with the same
# answer, and the same share where the network errs.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 12: what does readability cost?
#
# One often hears of a *trade-off*: the more accurate, the less readable. Rudin (2019) calls it a
# myth, for tables with meaningful columns. We have three kinds of data: the words of messages,
# digits, and the pictures of this notebook's parameter. On each we train a linear model, a tree and
# a forest; on pictures also the network. **Predict:** on which of the three does the linear model
# suffice?

# %%
commonest = 0.2  # words of more than a fifth of the messages are left out: most are habits of the templates
linear_filter = models.spam_filter(corpus, most_common=commonest)
bags_right = {"linear model": reads(linear_filter, test.texts, test.labels)}
for name, model in (
    ("decision tree", DecisionTreeClassifier(max_leaf_nodes=64, random_state=seed)),
    ("random forest", RandomForestClassifier(100, random_state=seed, n_jobs=-1)),
):
    bag = make_pipeline(TfidfVectorizer(max_df=commonest), model).fit(train.texts, train.labels)
    bags_right[name] = bag.predict(test.texts) == test.labels

# %%
data = datasets.load(dataset, **datasets.split_sizes(dataset, budget), seed=seed)
height, width, channels = data.shape


def shrunk(split, by=2):  # for all but the network, half the size: it saves minutes
    cells = (-1, height // by, by, width // by, by, channels)
    means = [np.rint(part.reshape(cells).mean(axis=(2, 4))) for part in np.array_split(split.pixels, 20)]
    return replace(split, pixels=np.concatenate(means).astype(np.uint8), masks={})


# %%
lesson, exam, k = shrunk(data.train), shrunk(data.test), len(data.class_names)
shrunk_models = {
    "linear model": models.softmax_regression(lesson, k, 0.1),
    "decision tree": models.decision_tree(lesson, k, leaves=256, seed=seed, max_features=0.3),
    "random forest": models.random_forest(lesson, k, seed=seed),
}
pictures_right = {name: reads(model, exam.images, exam.labels) for name, model in shrunk_models.items()}
spine = models.spine(data, budget, seed=seed).model
pictures_right["course CNN"] = models.predict_split(spine, data.test).argmax(axis=1) == data.test.labels

# %%
digits_right = {"linear model": linear_right, "decision tree": tree_right, "random forest": forest_right}
right = {"messages": bags_right, "digits": digits_right | {"course CNN": network_right}, dataset: pictures_right}
scores = {
    kind: {name: f"{hits.mean():.1%} (n={len(hits):,})" for name, hits in of_kind.items()}
    for kind, of_kind in right.items()
}
display(pd.DataFrame(scores).fillna("none"))

# %% [markdown]
# All models of a column are tested on the same messages or pictures. So we subtract case by case,
# and the interval belongs to the difference.


# %%
tried = [(kind, name) for kind in right for name in ("random forest", "course CNN") if name in right[kind]]
gains = {(kind, name): ahead(right[kind][name], right[kind]["linear model"]) for kind, name in tried}
rivals = {kind: gains[kind, "random forest" if kind == "messages" else "course CNN"] for kind in right}


def price_title(gains):
    seen = " and ".join(name for name, one in gains.items() if one.low > 0)
    unseen = " and ".join(name for name, one in gains.items() if one.low <= 0)
    found = ([f"a gain on {seen}"] if seen else []) + ([f"no gain to be seen on {unseen}"] if unseen else [])
    return f"Forest (words) or network (pixels) against linear: {'; '.join(found)}"


# %%
plotting.forest_plot(
    {f"{kind}: {name} minus linear": one for (kind, name), one in gains.items()},
    title=price_title(rivals),
    alt="Difference of accuracy between forest or network and the linear model, with interval, on three kinds of data.",
    x_label="points of accuracy gained",
    reference=("no gain", 0.0),
    groups=[list(right).index(kind) for kind, _ in gains],
)

# %% [markdown]
# Readability has a price for each kind of data. Where an interval reaches down to 0 or lies below
# it, no gain was shown, and an explanation after the fact would explain a model that nobody needed.
# Where it lies far above 0, a readable model makes that many more mistakes.
#
# (The intervals are about the test cases, for *these* models, which were hardly tuned. All but the
# network are shown the pictures of the parameter at half their size.)
#
# ### Where fixed places stop
#
# Now the question of step 4. We move the test digits to the right, pixel by pixel. You read them as
# before. **Predict** the accuracy of each model at two pixels.


# %%
def moved(images, pixels):
    shifted = np.zeros_like(images)  # what is moved in from the left is empty paper
    shifted[:, :, pixels:] = images[:, :, : images.shape[2] - pixels]
    return shifted


digit_readers = {"linear model": linear, "decision tree": tree, "random forest": forest}
digit_readers["course CNN"] = models.predict_function(network)
still = {
    name: np.stack([reads(reader, moved(test_images, step), y_test) for step in range(4)])
    for name, reader in digit_readers.items()
}
lost = {name: rows[0].astype(int) - rows[2] for name, rows in still.items()}  # by a move of two pixels
more_lost = ahead(lost["linear model"], lost["course CNN"])
print(f"points that the linear model loses over two pixels, more than the network does: {more_lost}")


# %%
def moved_title(linear, network, low):
    found = "more than the network" if low > 0 else "not clearly more than the network"
    return f"Two pixels to the right: the linear model loses {linear:.0f} points, {found} ({network:.0f})"


curves = {name: [intervals.proportion(hits) for hits in rows] for name, rows in still.items()}
plotting.line_plot(
    {name: (range(4), [point.value for point in curve]) for name, curve in curves.items()},
    bands={name: ([point.low for point in curve], [point.high for point in curve]) for name, curve in curves.items()},
    title=moved_title(100 * lost["linear model"].mean(), 100 * lost["course CNN"].mean(), more_lost.low),
    alt="Accuracy of four models on digits moved to the right by 0 to 3 pixels, with intervals.",
    x_label="pixels that the digit was moved",
    y_label="accuracy",
)

# %% [markdown]
# The rules of a tree and the weights of a linear model are about *places*. Digits and signs are
# shapes that may stand anywhere. A convolution looks for the same shape everywhere. So models of
# fixed places stop where no single input means anything by itself. A word means something. A pixel
# does not. (The network's last layers know places, too, and nobody showed it moved digits.)

# %% [markdown] tags=["deeper"]
# ## Step 13: the linear model inside the network *
#
# The network's own last step is a softmax regression, as in step 2. Its inputs are not pixels: they
# are 64 numbers that the network has made itself. We take these numbers and the last weights, and
# multiply.

# %% tags=["deeper", "nbval-check-output"]
features = models.predict_split(models.embedding_model(network), digits.test)
last_w, last_b = (np.asarray(part) for part in network.get_layer("logits").weights)
by_hand = (features @ last_w + last_b).argmax(axis=1)
print("inputs of its last layer:", features.shape[1])
print("a linear model on them gives the network's answers:", bool((by_hand == told["test"]).mean() > 0.999))

# %% [markdown] tags=["deeper"]
# So the unreadable part is the *features*. If they meant something by themselves, the network could
# be read like the spam filter.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## So when do you need XAI?
#
# 1. **Try the readable model first**, with features that mean something. Measure the difference,
#    with its interval.
# 2. **If it is as good, take it**, and read it with care: scaled, with correlated features in
#    groups.
# 3. **If it is not**, and the difference matters more than reading does, take the other. Its
#    explanations come after the fact. Each is a *claim about the model*, and can be wrong. Step 11
#    measured one such claim.
#
# Pictures mostly end at 3. That is why the next two notebooks judge explanations instead of
# admiring them.
#
# **Record.** The headline numbers are differences, in points, each with its interval.

# %%
weights = {"random_forest": models.digest(bag), "surrogate_tree": models.digest(surrogate)}
weights |= {"softmax_regression": models.digest(linear), "message_forest_twins": models.digest(twins)}
scorecard = Scorecard("03_interpretable", dataset, "course_cnn", seed=seed, budget=budget, digests=weights)
span = {"bounds": (-100, 100)}  # of differences in points
words_gain = "points gained over a linear model of words"
scorecard.record(
    "training", words_gain, *rivals["messages"], "higher", dataset="messages", model="random_forest", **span
)
for kind, one in (("digits", network), (dataset, spine)):
    pixels_gain, which = "points gained over a linear model of pixels", {"model_digest": models.digest(one)}
    scorecard.record("training", pixels_gain, *rivals[kind], "higher", dataset=kind, **which, **span)

# %%
moved_gap = "points lost on digits moved by two pixels, more than the network"
on_digits = {"dataset": "digits", **span}
scorecard.record("explanation", moved_gap, *more_lost, "lower", model="softmax_regression", **on_digits)
of_copy = {
    "points of surrogate fidelity over a stranger": (gain, "higher"),
    "points of surrogate fidelity, training over test pictures": (by_heart, "lower"),
    "points of surrogate fidelity, network right over network wrong": (where_asked, "lower"),
}
for metric, (one, direction) in of_copy.items():
    scorecard.record("explanation", metric, *one, direction, model="surrogate_tree", **on_digits)
twins_gap = "points of importance, twins shuffled together over each alone"
scorecard.record("explanation", twins_gap, *hidden, "higher", dataset="messages", model="message_forest_twins", **span)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# Some models explain themselves, exactly and without another program: linear models and small trees
# do. Reading them has traps of its own: units, correlated features, and shortcuts in the data.
# Permutation importance asks any model; ask it on test data, and in groups. A readable copy says as
# much about the model as its fidelity on new cases, compared with a stranger's. And what
# readability costs is a number that can be measured.
#
# **Limits.** The messages are invented: no accuracy here says anything about real mail. One forest
# and one network stand for all unreadable models. "Readable" was counted in questions, not tested
# with people (Doshi-Velez and Kim, 2017). That a feature is important to a model does not make it a
# cause of anything.
#
# **Further reading**
#
# - C. Rudin (2019), *Stop Explaining Black Box Machine Learning Models for High Stakes Decisions
#   and Use Interpretable Models Instead*
# - Z. Lipton (2018), *The Mythos of Model Interpretability*
# - F. Doshi-Velez, B. Kim (2017), *Towards A Rigorous Science of Interpretable Machine Learning*
# - C. Molnar (2nd edition 2022), *Interpretable Machine Learning: A Guide for Making Black Box
#   Models Explainable*
# - L. Breiman (2001), *Random Forests*
# - L. Breiman (2001), *Statistical Modeling: The Two Cultures*
# - A. Fisher, C. Rudin, F. Dominici (2019), *All Models are Wrong, but Many are Useful: Learning a
#   Variable's Importance by Studying an Entire Class of Prediction Models Simultaneously*
# - G. Hooker, L. Mentch, S. Zhou (2021), *Unrestricted Permutation Forces Extrapolation: Variable
#   Importance Requires at Least One More Model, or There Is No Free Variable Importance*
# - M. Craven, J. Shavlik (1996), *Extracting Tree-Structured Representations of Trained Networks*
# - M. T. Ribeiro, S. Singh, C. Guestrin (2016), *"Why Should I Trust You?": Explaining the
#   Predictions of Any Classifier*
# - S. Lundberg, S.-I. Lee (2017), *A Unified Approach to Interpreting Model Predictions*
# - C. Ambroise, G. McLachlan (2002), *Selection Bias in Gene Extraction on the Basis of Microarray
#   Gene-Expression Data*
#
# **Next:** [04 GradCAM: where did it look?](04_gradcam.ipynb)
