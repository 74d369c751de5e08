# %% [markdown] slideshow={"slide_type": "slide"}
# # 04 GradCAM: where did it look?
#
# **The question.** The network says "stop". Did it read the sign, or the tree behind it? A heat map
# answers at once, in warm colours. How do we know that the heat map is true?
#
# **What you will be able to do**
#
# - write GradCAM in a dozen lines, and run every method of the library tf-explain on a network of
#   your own,
# - *measure* an explanation: against known truth, and against maps that never asked the network,
# - name the settings that decide such a measurement, and report two values of each,
# - tell a picture of the network from a picture of the edges, with a test that can fail,
# - check whether maps show the shortcut of notebook 01.
#
# **What you need first.** Notebook 01 (the network and its shortcut), notebook 03 (the taxonomy of
# explanations).
#
# **Time.** About 75 minutes with the exercises; about 120 with the steps marked *, each of which
# can be left out. It runs in 1 to 2 minutes on two cores.
#
# **What would fool you here.** Your eye. A map that lights up the sign *looks* right, because that
# is where you would look. So does a map that never asked the network.

# %%
import helpers

helpers.require("0.2")

# %%
import numpy as np
import pandas as pd
from IPython.display import display

from helpers import datasets, explain, intervals, models, plotting
from helpers.cache import build_directory
from helpers.course.exercises import check, expect, one_number
from helpers.datasets import signs
from helpers.models.backend import keras, tf
from helpers.scorecard import Scorecard

# %% tags=["parameters"]
# The pictures: "signs" are drawn here and have masks of what tells their class; "fashion" and "cifar10" are real and have none.
dataset = "signs"
# "quick" takes about two minutes; "full" trains at the size of the papers, up to an hour.
budget = "quick"
# Every random choice below follows from this number.
seed = 0

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 1: a network, a cat, a library
#
# We begin where tutorials begin: a large network trained on ImageNet, a photograph of a cat, and
# the library **tf-explain**. The network is EfficientNet-Lite0 with its real weights. (With a
# network connection, `models.vgg16()` gives the VGG16 of most tutorials.) We ask about class 281,
# *tabby*, as they do. Any class can be asked about, the first answer or not.

# %%
photos = datasets.load("photos")
cat = photos.test.take(np.array([photos.class_names.index("cat")])).images
imagenet = models.efficientnet_lite0()
for name, probability in models.top_classes(models.predict_function(imagenet)(cat))[0]:
    print(f"{name}: {probability:.1%}")

# %%
import warnings

from tf_explain.core.grad_cam import GradCAM

warnings.filterwarnings("ignore", "The structure of `inputs`")  # tf-explain hands Keras 3 its input inside a list
tabby = 281
grid = GradCAM().explain(
    (cat, None), models.logits_model(imagenet), tabby, layer_name=models.LAST_MAPS, use_guided_grads=False
)
folder = build_directory() / "explanations"
folder.mkdir(parents=True, exist_ok=True)
GradCAM().save(grid, str(folder), "cat_gradcam.png")

# %%
plotting.image_grid(
    np.stack([photos.test.pixels[photos.class_names.index("cat")], grid]),
    ["the photograph", "GradCAM for the class tabby"],
    title="Where EfficientNet-Lite0 finds a tabby cat, as tf-explain draws it",
    alt="A photograph of a cat, and the same with a coloured GradCAM map over it.",
    columns=2,
    size=2.6,
)

# %% [markdown]
# Three things in that call are easy to get wrong. The layer is *named*: without `layer_name`,
# tf-explain 0.3.1 looks for it with an attribute that Keras 3 no longer has. The model ends in its
# **logits**, the numbers before the softmax (step 12 shows why). And `use_guided_grads=False` is
# not the default (step 5).
#
# The map looks right. But nobody has marked in this photograph what the network should look at, so
# we cannot say *how* right. From here on we use pictures in which we can.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 2: GradCAM, written out
#
# Now our own network and our own pictures. **GradCAM** (Selvaraju and others, 2017) looks at the
# last layer that still has places: in the course CNN, `conv3`, with 64 maps $A^k$ of 4 by 4 (3 by 3
# on pictures of 28 pixels). How much does map $k$ matter for class $c$? As much as the class's
# logit $y^c$ changes with it, on average over its $Z$ places. This average is its weight
# $\alpha^c_k$, and GradCAM is the weighted sum of the maps, of which it keeps what is above 0:
#
# $$ \alpha^c_k = \frac1Z \sum_{i,j} \frac{\partial y^c}{\partial A^k_{ij}}, \qquad
# L^c = \mathrm{ReLU}\Bigl(\sum_k \alpha^c_k A^k\Bigr) $$

# %%
data = datasets.load(dataset, **datasets.split_sizes(dataset, budget), seed=seed)
model = models.spine(data, budget, seed=seed).model
judged = data.test.take(slice(500))
images, labels = judged.images, judged.labels
predict, predict_logits = models.predict_function(model), models.predict_function(models.logits_model(model))
print(data)


# %%
def gradcam(model, images, classes, layer="conv3"):
    """Before the ReLU and before it is enlarged: (N, h, w)."""
    both = keras.Model(model.inputs, [model.get_layer(layer).output, model.get_layer("logits").output])
    with tf.GradientTape() as tape:
        A, y = both(tf.constant(images))
        y_c = tf.gather(y, classes, batch_dims=1)  # of each picture, the logit of its class
    alpha = tf.reduce_mean(tape.gradient(y_c, A), axis=(1, 2))
    return tf.einsum("nijk,nk->nij", A, alpha).numpy()  # n pictures, i by j places, sum over the maps k


ours = gradcam(model, images[:64], labels[:64])
print("64 maps of", ours.shape[1:], "places")

# %% [markdown]
# A dozen lines. Are they right? tf-explain computes the same raw map on its way to the coloured
# one; its static methods hand it out, for one class at a time. The course's own
# `explain.gradcam_maps` does many classes at once, and from here on we use it.

# %% tags=["nbval-check-output"]
library = explain.tf_explain_arrays(model, "gradcam")
theirs = np.stack([library(images[i : i + 1], int(labels[i]))[0] for i in range(64)])
largest = np.abs(theirs).max()
print("the same as tf-explain's raw map, before the ReLU:", bool(np.abs(ours - theirs).max() < 1e-4 * largest))
fast = explain.gradcam_maps(model)(images[:64], labels[:64])
print("the same as explain.gradcam_maps:", bool(np.abs(ours - fast).max() < 1e-4 * largest))

# %% [markdown]
# ### Exercise 4.1 (use it): is there a map for every class?
#
# Ask for the class that the network finds **least likely** in each of the first 64 pictures. In
# what share of the 64 is nothing left of the map after the ReLU? Put this share, from 0 to 1, into
# `empty_share`. Guess first.
#
# *Hint.* `predict(images[:64])` gives the probabilities, `argmin(axis=1)` the place of the
# smallest. A map is empty where its largest value is not above 0.

# %% tags=["exercise-use"]
empty_share = None
### BEGIN SOLUTION
unlikely = predict(images[:64]).argmin(axis=1)
empty_share = (gradcam(model, images[:64], unlikely).max(axis=(1, 2)) <= 0).mean()
### END SOLUTION


# %% tags=["check"]
def test_empty_share(answer):
    value = one_number(answer)
    by_rank = np.argsort(predict(images[:64]), axis=1)
    raw_of, said = explain.gradcam_maps(model), {}
    for rank, asked in ((0, by_rank[:, 0]), (-2, by_rank[:, -2]), (-1, by_rank[:, -1]), ("true", labels[:64])):
        raw = raw_of(images[:64], asked)
        said[rank] = float((raw <= 0).all(axis=(1, 2)).mean())
        said[rank, "places"] = float((raw <= 0).mean())
    expect(value <= 1 or value != round(100 * said[0], 6), "write a share, such as 0.5, not percent")
    expect(0 <= value <= 1, f"a share lies between 0 and 1, this is {value:g}: divide the count by the 64 pictures")
    expect(value > 0 or said[0] < 1 / 64, "not one of 64? Take the largest value of *each* map: max(axis=(1, 2))")
    if abs(value - said[0]) > 1.5 / 64:
        places = any(abs(value - said[rank, "places"]) < 1e-3 for rank in (0, "true"))
        expect(not places, "this is a share of places: a picture counts when *none* of its places is above 0")
        asked_for = {-2: "the second answer", -1: "the first answer", "true": "the true class"}
        fitting = " or ".join(what for rank, what in asked_for.items() if abs(value - said[rank]) < 1e-3)
        expect(not fitting, f"this is the share for {fitting}; ask for the least likely class")
        expect(
            abs(value - 1 + said[0]) > 1e-3, "this is the share of maps with something left; the empty ones are asked"
        )
        expect(False, f"not {value:.3f}: count the pictures whose map for the least likely class is nowhere above 0")


check("4.1 is there a map for every class?", empty_share, test_empty_share)

# %% [markdown]
# An empty map is an answer, too: nothing speaks for this class. Many programs never give it. They
# stretch every map over the whole scale of colours, and an empty one becomes as warm as any other.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 3: a trap: where do sixteen numbers belong?
#
# A map of 4 by 4 places has to be drawn over 32 by 32 pixels. Nearly every library, tf-explain too,
# *enlarges it to the whole picture*: each place gets a tile of 8 by 8 pixels, smoothed. **Is the
# upper left place of `conv3` about the upper left tile?** Follow the pixels. A convolution of 3 by
# 3 without padding leaves out a border of one pixel, and a pool of 2 by 2 doubles the distance
# between places.

# %%
first, step, window = 0.0, 1.0, 1.0  # the middle of what a place sees, the way to the next, and how much it sees
for width, stride in ((3, 1), (2, 2), (3, 1), (2, 2), (3, 1)):  # conv1, pool, conv2, pool, conv3
    first, window, step = first + step * (width - 1) / 2, window + step * (width - 1), step * stride
places, side = ours.shape[1], data.shape[0]
looked_at = first + step * np.arange(places)
drawn_at = side / places * (np.arange(places) + 0.5) - 0.5
print(f"the places look at windows of {window:.0f} pixels around", looked_at)
print("enlarged, they are drawn around", drawn_at.round(1))
print(f"so they are drawn {side / places / step:.1f} times as far apart as they are")

# %%
easy = predict(images).argmax(axis=1) == labels
if "light" in judged.attributes:
    easy &= (judged.attributes["light"] == "day").to_numpy()
shown = np.flatnonzero(easy)[:3]  # a few that it reads, by day where the day is known: to look at, not to measure on
plotting.image_grid(
    images[shown[[0, 0]]],
    ["enlarged: drawn here", "placed: the middle of what each sees"],
    title=f"The {places**2} places of conv3 in one picture",
    alt="The same picture twice: dots at the places where enlarging draws the map, and where the places look.",
    columns=2,
    size=2.2,
    dots=[[(y, x) for y in at for x in at] for at in (drawn_at, looked_at)],
)

# %%
enlarged = explain.tf_explain_maps(model, "gradcam", use_guided_grads=False)
placed = explain.gradcam(model, relu=False)
plotting.attribution_maps(
    images[shown],
    {"enlarged": enlarged(images[shown], labels[shown]), "placed": placed(images[shown], labels[shown])},
    [data.class_names[label] for label in labels[shown]],
    title="The same numbers, enlarged to the whole picture and drawn where they belong",
    alt="Three pictures, each with its GradCAM map enlarged to the whole picture and drawn at the places it is about.",
    size=1.5,
)

# %% [markdown]
# Orange speaks for the class and blue against it. On one picture both drawings look plausible, and
# while the object fills the middle nobody notices; step 6 measures what the difference is worth.
# `explain.gradcam` draws each place where the middle of its window is; beyond the outer dots the
# nearest number is repeated. (In networks that pad their borders, such as VGG16, both drawings are
# the same.) **What looks finer than the dots is interpolation:** there are no more numbers than
# dots.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 4: seven answers to seven questions
#
# tf-explain has seven methods. In the words of notebook 03 all are *local* and *after the fact*.
# They do not answer the same question, so they need not agree. We add **guided backprop**, whose
# idea tf-explain put into its GradCAM (step 5).

# %%
asks = {
    "activations": "what does this layer compute here? (names no class: to look at, not to score)",
    "vanilla gradients": "which pixels, changed a little, change the logit most?",
    "guided backprop": "the same, but on the way back each ReLU lets only positive gradients pass",
    "gradients x inputs": "the same as vanilla gradients, weighted by how bright the pixel is",
    "GradCAM": "which places of the last maps speak for the class?",
    "integrated gradients": "how do the pixels share the way from a baseline picture to this one?",
    "SmoothGrad": "vanilla gradients, averaged over noisy copies of the picture",
    "occlusion": "which patch, painted grey, costs the logit most? (asks the model only)",
}
display(pd.Series(asks, name="the question it answers").to_frame().style.set_properties(**{"text-align": "left"}))

# %% [markdown]
# Two of them need a **baseline**: a picture in which nothing is there. Integrated gradients start
# from it, and occlusion paints with it. Which picture that is, you choose. So we name it, and for
# integrated gradients we try two: black, and the mean colour of each picture. So there are again
# **eight explanations**: without the activations, and with integrated gradients twice.
#
# Beside them we put four maps that **never asked the network**: noise, a blob in the middle, the
# edges of the picture, and its brightness. An explanation has to beat them.

# %%
methods = {
    "GradCAM": explain.gradcam(model),
    "vanilla gradients": explain.vanilla_gradients(model),
    "gradients x inputs": explain.gradients_times_inputs(model),
    "integrated gradients (black)": explain.integrated_gradients(model, steps=16),
    "integrated gradients (mean colour)": explain.integrated_gradients(model, 16, explain.mean_colour),
    "SmoothGrad": explain.smoothgrad(model, samples=16, noise=0.15, seed=seed),
    "guided backprop": explain.guided_backprop(model),
    "occlusion (grey)": explain.occlusion(predict_logits, patch=8, stride=4),
}

# %%
nothing = {
    "random": explain.random_map(seed),
    "centre Gaussian": explain.centre_gaussian(),
    "Sobel edges": explain.sobel_edges(),
    "brightness": explain.brightness(),
}
maps_by = {name: method(images, labels) for name, method in (methods | nothing).items()}
evidence = judged.masks.get("evidence")  # where the class can be told: known because the picture was drawn

# %%
plotting.attribution_maps(
    images[shown],
    {name: drawn[shown] for name, drawn in maps_by.items() if name not in ("random", "centre Gaussian")},
    [data.class_names[label] for label in labels[shown]],
    title="Ten maps of the same answers; edges and brightness did not ask the network",
    alt="Three pictures, and beside each the maps of eight explanations, of the edges and of the brightness.",
    outlines=None if evidence is None else evidence[shown],
)

# %% [markdown]
# Maps from black to light know no "against". Each
# map has a scale of its own. Where there is a green line, it surrounds the **evidence**: the part
# of the sign that tells its class from the others. **Which of the eight explanations would you
# trust to depend on the network, and not on the picture alone?** Write them down for step 8.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 5: a trap: nearly the same map for every class
#
# By default tf-explain keeps only positive gradients before it averages them
# (`use_guided_grads=True`). That is guided backprop's idea, and never was GradCAM's. A map should
# change with the class that it is asked about. We ask for the network's first answer, and then for
# its second and its last. How alike are two maps? Put the pixels of each in order, from the lowest
# value to the highest, and correlate their positions (**rank correlation**): 1 is the same order, 0
# unrelated, -1 the opposite. (We compare maps before the ReLU, so that an empty one still has an
# order.) **Predict** it, with the default and without.

# %%
ranked = np.argsort(-predict(images[:200]), axis=1)
guided = explain.tf_explain_maps(model, "gradcam", use_guided_grads=True)
for_class = {
    (name, rank): method(images[:200], ranked[:, rank])
    for name, method in (("guided", guided), ("plain", enlarged))
    for rank in (0, 1, -1)
}
alike = {
    (name, other): explain.map_similarity(for_class[name, 0], for_class[name, rank])
    for name in ("guided", "plain")
    for rank, other in ((1, "second"), (-1, "last"))
}

# %%
for (name, other), each in alike.items():
    print(f"{name} gradients, first answer against {other}: rank correlation {intervals.mean(each)}")
less_alike = alike["guided", "last"] - alike["plain", "last"]
print("against last, plain maps are less alike than guided ones by", intervals.mean(less_alike))

# %%
plotting.attribution_maps(
    images[shown],
    {
        f"{name}: {which}": np.maximum(for_class[name, rank][shown], 0)
        for name in ("guided", "plain")
        for rank, which in ((0, "first"), (-1, "last"))
    },
    [f"{data.class_names[ranked[i, 0]]}, then {data.class_names[ranked[i, -1]]}" for i in shown],
    title=f"First answer against last: guided {alike['guided', 'last'].mean():.2f}, plain {alike['plain', 'last'].mean():.2f}",
    alt="Three pictures with GradCAM for the first and the last answer, with guided and with plain gradients.",
    size=1.3,
)

# %% [markdown]
# (The figure shows what is above 0: where a map is black all over, nothing speaks for the class.) A
# map that is the same for two classes cannot be the reason for one of them. Between first and
# second answer plain maps may agree, too: two speed limits differ by a numeral, which stands in the
# same place. Nothing in the map of the first class alone would have told you: **ask for two
# classes.**

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 6: judged by what we know
#
# Now to the question. In drawn pictures we know what tells the class, so we can measure. The
# **pointing game** (Zhang and others, 2018): does the highest pixel of the map lie on the evidence?
# (Where several pixels tie, one is drawn by lot. The paper forgives a miss by 15 pixels in
# photographs of 500; our signs are too small for that, and we forgive nothing.) **Relevance mass**
# (Arras and others, 2022): which share of all that speaks for the class lies on the evidence?
#
# Twelve maps of the same pictures: so we compare picture by picture. The bar is the best of the
# four maps that never asked. **Before you run it: which map is the bar in each of
# the two measures, and how many of the eight explanations will pass it?**


# %%
def held_against_the_bar(scores, higher):
    """The best map that never asked, the mean of every map, and what each gains on the bar, with intervals."""
    sign = 1 if higher else -1
    bar = max(nothing, key=lambda name: sign * scores[name].mean())
    gains = {name: intervals.mean(sign * (each - scores[bar])) for name, each in scores.items() if name != bar}
    return bar, {name: intervals.mean(each) for name, each in scores.items()}, gains


# %%
def bar_title(counts):
    return "; ".join(
        f"{measure}: {above} of {n} explanations beat {bar}" for measure, (bar, above, n) in counts.items()
    )


def bar_figure(verdicts):
    bars = {measure: bar for measure, (bar, _, _) in verdicts.items()}
    means, gains = ({measure: each[i] for measure, each in verdicts.items()} for i in (1, 2))
    above = {measure: sum(gains[measure][name].low > 0 for name in methods) for measure in verdicts}
    return plotting.comparison_plot(
        means,
        gains,
        rival=bars,
        title=bar_title({m.split(" (")[0]: (bars[m], above[m], len(methods)) for m in verdicts}),
        alt="For each measure, the score of eight explanations and four maps that never asked, beside the bar.",
    )


# %%
known = {}
if evidence is not None:
    points = {name: explain.pointing_game(drawn, evidence).astype(float) for name, drawn in maps_by.items()}
    masses = {name: explain.relevance_mass(drawn, evidence) for name, drawn in maps_by.items()}
    known = {
        "pointing game (higher)": held_against_the_bar(points, higher=True),
        "relevance mass (higher)": held_against_the_bar(masses, higher=True),
    }
print(f"{len(known) * len(methods)} comparisons; where nothing is better, chance still calls 1 in 40 better")
if known:
    display(bar_figure(known))
else:
    print("These pictures have no masks of what tells the class: go on with exercise 4.2.")

# %% [markdown]
# A marker is filled where the gain on the bar is clear, picture by picture, and crossed where the
# loss is. (1 in 40, because a 95% interval lies above the truth by luck in 2.5% of all cases. And
# we took the best of four maps on these same pictures: that is, if anything, a little unfair to the
# explanations.) Look how far brightness and edges come in the pointing game. Our evidence is
# printed in bright and dark lines, and they draw just those. **A score means nothing without the
# scores of maps that know nothing, and of more than one kind.**
#
# Compare the two integrated gradients, too: the same method, with another baseline. And GradCAM?
# What does it owe to being drawn in the right place?

# %%
stretched = np.maximum(enlarged(images, labels), 0)
if evidence is not None:
    hits = {
        where: explain.pointing_game(drawn, evidence).astype(float)
        for where, drawn in (("placed", maps_by["GradCAM"]), ("enlarged", stretched))
    }
    print(f"GradCAM points at the evidence: placed {hits['placed'].mean():.3f}, enlarged {hits['enlarged'].mean():.3f}")
    print("   difference", intervals.mean(hits["placed"] - hits["enlarged"]))

# %% [markdown]
# The network is the same, and so are the numbers. A verdict on "GradCAM" in a table is a verdict on
# some program's GradCAM, with its drawing, its layer and its gradients. And look where the better
# of the two stands beside the blob in the figure above: a numeral is smaller than what one of
# sixteen places sees, and no drawing mends that.

# %% [markdown]
# ### Exercise 4.2 (build it): relevance rank
#
# The *relevance rank accuracy* (Arras and others, 2022) asks nothing of the values, only of their
# order: if the mask has $K$ pixels, which share of the $K$ highest pixels of the map lies inside
# the mask? Write `relevance_rank(drawn, mask)` for one map and one mask, both of shape (H, W). Then
# try it: on `maps_by["GradCAM"][0], evidence[0]`, where there is evidence.
#
# *Hint.* Make a row of the map first, `drawn.ravel()`, and of the mask, too. `np.argsort` puts the
# lowest first.


# %% tags=["exercise-build"]
def relevance_rank(drawn, mask):
    ### BEGIN SOLUTION
    highest = np.argsort(-drawn.ravel())[: mask.sum()]
    return mask.ravel()[highest].mean()
    ### END SOLUTION


# %% tags=["check"]
def test_relevance_rank(answer):
    fresh = np.random.default_rng(4)

    def share_of(drawn, mask):
        return one_number(answer(drawn.copy(), mask.copy()))

    cases = []
    for across, size in ((8, 30), (8, 10), (4, 3), (6, 14), (8, 21)):
        inside = np.isin(np.arange(across**2), fresh.choice(across**2, size, replace=False))
        cases.append((fresh.permutation(across**2).reshape(across, across) + 1.0, inside.reshape(across, across)))
    signed = cases[1][0] - 32.5, cases[1][1]  # half of it speaks against the class
    drawn, mask = cases[-1]
    shares = np.array([share_of(*case) for case in cases])
    wanted = np.array([explain.relevance_rank(d[None], m[None])[0] for d, m in cases])
    lowest = np.array([explain.relevance_rank(d.max() + 1 - d[None], m[None])[0] for d, m in cases])
    expect(
        (shares <= 1).all(), f"a share is at most 1, this is {shares.max():.2f}: divide by K, the pixels of the mask"
    )
    if not np.allclose(shares, wanted):
        mass = np.allclose(shares, [d[m].sum() / d.sum() for d, m in cases])
        expect(not mass, "this is relevance mass, a share of the values; here the values only put the pixels in order")
        expect(not np.allclose(shares, lowest), "these are the K *lowest* pixels; argsort begins with the lowest")
        part = np.allclose(shares, [w * m.mean() for w, (_, m) in zip(wanted, cases, strict=True)])
        expect(not part, "divide by the pixels of the mask, not by those of the picture")
        i = int(np.abs(shares - wanted).argmax())
        where = f"a mask of {cases[i][1].sum()} pixels in a map of {cases[i][1].shape}: {wanted[i]:.3f} is wanted, "
        expect(False, f"{where}this gives {shares[i]:.3f}. Are they the K highest of *one row*, with K from the mask?")
    expect(
        abs(share_of(np.exp(drawn / 50), mask) - wanted[-1]) < 1e-6, "only the order counts: stretching changes nothing"
    )
    kept_order = abs(share_of(*signed) - wanted[1]) < 1e-6
    expect(kept_order, "the highest values are wanted, not those farthest from 0: maps can be negative")


check("4.2 relevance rank", relevance_rank, test_relevance_rank)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 7: judged by the network
#
# Where nobody has drawn masks, we can ask the network. **Deletion** (Petsiuk and others, 2018):
# paint over the highest pixels of the map, a bunch at a time, and follow the probability of the
# class. If the map knows what the network uses, the probability falls soon, and the area under its
# curve is small. Paint over with what? That is the **fill**, and somebody has to choose it. We take
# two: the mean colour of each picture, and black.

# %%
steps = 12  # in how many bunches the pixels are painted over
fills = {"mean colour": explain.mean_colour, "black": 0.0}
curves = {
    fill: {
        name: explain.deletion(predict, images, labels, drawn, steps=steps, fill=with_what)
        for name, drawn in maps_by.items()
    }
    for fill, with_what in fills.items()
}
areas = {fill: {name: explain.auc(each) for name, each in by_name.items()} for fill, by_name in curves.items()}

# %%
plotting.line_plot(
    {
        name: (np.linspace(0, 1, steps + 1), curves["mean colour"][name].mean(axis=0))
        for name in ("random", "centre Gaussian", "GradCAM", "SmoothGrad")
    },
    title="Deletion with four maps: the probability of the class, while pixels are painted in their mean colour",
    alt="Mean probability of the class against the share of pixels painted over, for four maps.",
    x_label="share of the pixels painted over",
    y_label="mean probability of the class",
)

# %%
asked = {f"deletion, {fill} (lower)": held_against_the_bar(by_name, higher=False) for fill, by_name in areas.items()}
print(f"{len(asked) * len(methods)} more comparisons; where nothing is better, chance still calls 1 in 40 better")
bar_figure(asked)

# %% [markdown]
# The same maps, the same network, the same pictures: only the paint has changed. Look which maps
# moved. The next cell takes the two integrated gradients, which differ in their baseline alone.

# %%
starts = {"mean colour": "integrated gradients (mean colour)", "black": "integrated gradients (black)"}
home = {}
for fill, other in (("mean colour", "black"), ("black", "mean colour")):
    own_area, other_area = areas[fill][starts[fill]], areas[fill][starts[other]]
    home[fill] = other_area - own_area
    print(f"painted {fill}: starting from {fill} {own_area.mean():.3f}, starting from {other} {other_area.mean():.3f}")
    print("   its own baseline is better by", intervals.mean(home[fill]))
own_fill = (home["mean colour"] + home["black"]) / 2
print("on average, a map's own baseline as the fill is worth", intervals.mean(own_fill))

# %% [markdown]
# **A fill favours maps whose own baseline it is**, and one fill may do so more than the other.
# Integrated gradients from black measure what each pixel adds compared with black, and painting
# black takes just that away. Gradients x inputs call black pixels unimportant, too. So a ranking by
# one fill says as much about the fill as about the maps. Report two, and trust what holds with
# both.
#
# And a map that wins here has not shown where the *evidence* is. The network is asked about
# pictures with holes, which it was never trained on. How do the measures agree? Each has a bar of
# its own: better, worse, or not told apart?

# %%
verdicts = known | asked


def word_for(gain):
    return "better" if gain.low > 0 else "worse" if gain.high < 0 else "open"


in_words = {
    f"{m}, bar: {bar}": {name: word_for(gains[name]) for name in methods} for m, (bar, _, gains) in verdicts.items()
}
display(pd.DataFrame(in_words))
all_passed = [name for name in methods if all(gains[name].low > 0 for _, _, gains in verdicts.values())]
print(f"better than the bar by all {len(verdicts)} measures:", ", ".join(all_passed) or "no explanation")

# %% [markdown]
# Where rows hold different words, the measure that you take decides who wins.

# %% [markdown]
# ### Exercise 4.3 (find the bug): the curves that hardly fall
#
# A colleague has written deletion for one picture. By his curves the probability hardly falls,
# whichever map he takes, and he concludes that no map knows the network. Find the mistake, and
# write `repaired_deletion`. (The way he paints is right.)
#
# *Hint.* What does each number of the curve say, when the network changes its mind?


# %% tags=["exercise-bug"]
def colleague_deletion(predict, image, label, drawn, steps):
    order = np.argsort(-drawn, axis=None)  # the pixels, highest first
    painted, curve = image.copy(), [predict(image[None]).max()]
    for bunch in np.array_split(order, steps):
        painted.reshape(-1, image.shape[-1])[bunch] = image.mean(axis=(0, 1))
        curve.append(predict(painted[None]).max())
    return np.array(curve)


def repaired_deletion(predict, image, label, drawn, steps):
    ### BEGIN SOLUTION
    order = np.argsort(-drawn, axis=None)
    painted, curve = image.copy(), [predict(image[None])[0, label]]
    for bunch in np.array_split(order, steps):
        painted.reshape(-1, image.shape[-1])[bunch] = image.mean(axis=(0, 1))
        curve.append(predict(painted[None])[0, label])
    return np.array(curve)
    ### END SOLUTION


# %% tags=["check"]
def test_repaired_deletion(answer):
    fresh = np.random.default_rng(3)
    weights = fresh.normal(size=(192, 3))

    def network(batch):
        scores_of = np.exp(4 * batch.reshape(len(batch), -1) @ weights / 14)
        return (scores_of / scores_of.sum(axis=1, keepdims=True)).astype(np.float32)

    for label in (0, 1, 2):
        image, drawn = fresh.random((8, 8, 3), dtype=np.float32), fresh.permutation(64).reshape(8, 8).astype(float)
        kept = image.copy()
        given = np.squeeze(np.asarray(answer(network, image, label, drawn.copy(), 8), dtype=float))
        expect(np.array_equal(image, kept), "the picture that was handed in has changed: paint on a copy")
        expect(
            given.shape == (9,), f"8 bunches make a curve of 9 points, the whole picture first; this has {given.shape}"
        )

        def curve(ranked_by, fill=explain.mean_colour, of=label, photo=kept, network=network):
            return explain.deletion(network, photo[None], [of], ranked_by[None], steps=8, fill=fill)[0]

        right = curve(drawn)
        if not np.allclose(given, right, atol=1e-5):
            ahead = np.max([curve(drawn, of=k) for k in range(3)], axis=0)
            following = np.allclose(given, ahead, atol=1e-5)
            expect(
                not following, "this follows whichever class is ahead; the map explains one class, so follow that one"
            )
            whole = (
                f"the first point is for the whole picture: {right[0]:.3f} for class `label`, and not {given[0]:.3f}"
            )
            expect(abs(given[0] - right[0]) < 1e-5, whole)
            expect(not np.allclose(given, curve(-drawn), atol=1e-5), "now the *lowest* pixels are painted over first")
            black = np.allclose(given, curve(drawn, 0.0), atol=1e-5)
            expect(not black, "painted black; the paint was right, the mean colour of the picture")
            expect(
                abs(given[-1] - right[-1]) < 1e-5, "at the end all pixels are painted in the mean colour; these are not"
            )
            expect(False, "it begins and ends right; in between, each point is the probability after one more bunch")


check("4.3 the curves that hardly fall", repaired_deletion, test_repaired_deletion)

# %%
by_him = [colleague_deletion(predict, images[i], labels[i], maps_by["SmoothGrad"][i], steps) for i in range(100)]
of_class = curves["mean colour"]["SmoothGrad"][:100]
ends = (
    f"his curve ends at {np.mean(by_him, axis=0)[-1]:.2f}, the class's probability at {of_class.mean(axis=0)[-1]:.2f}"
)
print(f"SmoothGrad on 100 pictures, all pixels painted: {ends}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 8: a test that an edge detector cannot pass
#
# Take the network away: put random weights in its place. What it learned is gone, so a map that
# explains *what it learned* must change. A map that stays the same was drawn from the picture alone
# (Adebayo and others, 2018).
#
# How alike is "the same"? Two things make maps of one picture alike by themselves. A method may
# draw something in *every* picture (GradCAM likes the middle): so we subtract its mean map. And
# some of a map comes from the picture, whatever the network. To see how much, we ask six networks
# that were **never trained**, each started anew. They share nothing but the picture: what their
# fifteen pairs have in common is usual. The **limit** is what 95% of the pairs stay below, and a
# margin of 0.05 more (our choice, and so is the 0.5 below). The rules, in this order:
#
# 1. Are the untrained networks' maps alike by more than 0.5 on average? Then most of the map comes
#    from the picture, and the method **fails**, whatever the limit.
# 2. Else compare the trained network's maps with theirs: alike by less than the limit, with the
#    whole interval, **passes**; by more, with the whole interval, **fails**; if the limit lies
#    inside the interval, the verdict is **open**.
#
# A test needs a case that must fail and one that must pass, or nobody knows what its verdicts are
# worth. We plant both: the edges, and noise whose seed is the network's weights. **Predict for each
# of the others.** Take out the list that you made in step 4. (Integrated gradients take part with
# one baseline only, to save time.)


# %%
def noise_of(network):
    return explain.random_map(seed=int(1e6 * np.abs(network.get_layer("conv1").get_weights()[0]).sum()))


makers = {
    "GradCAM": explain.gradcam,
    "vanilla gradients": explain.vanilla_gradients,
    "gradients x inputs": explain.gradients_times_inputs,
    "integrated gradients (black)": lambda network: explain.integrated_gradients(network, steps=8),
    "SmoothGrad": lambda network: explain.smoothgrad(network, samples=8, noise=0.15, seed=seed),
    "guided backprop": explain.guided_backprop,
    "occlusion (grey)": lambda network: explain.occlusion(models.predict_function(models.logits_model(network))),
}

# %%
planted = {"edges (planted to fail)": lambda network: explain.sobel_edges(), "noise (planted to pass)": noise_of}
untrained = [models.course_cnn(data.shape, len(data.class_names), seed=1000 + seed + i) for i in range(6)]
random_weights = {
    name: explain.randomisation_test(make, model, untrained, images[:100], labels[:100])
    for name, make in (makers | planted).items()
}


# %%
def verdict_title(what, verdicts, planted_verdicts):
    passing = sum(verdict == "passes" for verdict in verdicts.values())
    others = "".join(f", {name} {verdict}" for name, verdict in verdicts.items() if verdict != "passes")
    checks = ", ".join(f"{name.split(' (')[0]} {verdict}" for name, verdict in planted_verdicts.items())
    return f"{what}: {passing} of {len(verdicts)} explanations pass{others}; planted: {checks}"


# %%
def verdict_figure(what, results):
    return plotting.forest_plot(
        {name: result.similarity for name, result in results.items()},
        title=verdict_title(what, *({name: results[name].verdict for name in part} for part in (makers, planted))),
        alt=f"{what}: for each method, how alike its maps are to those of the trained network, and its limit.",
        x_label="rank correlation with the maps of the trained network",
        limits=(
            "limit: 95% of the pairs of networks that share nothing, and 0.05 more",
            [r.limit for r in results.values()],
        ),
        groups=[0] * len(makers) + [1] * len(planted),
    )


verdict_figure("Random weights", random_weights)

# %%
for name, result in random_weights.items():
    print(f"{name}: {result.verdict}; untrained networks agree with one another by {max(result.from_picture, 0):.2f}")

# %% [markdown]
# Compare with your list. Edges must fail and the noise must pass, or the test is worth nothing.
# (Edges lie below their limit: no correlation is above 1, and the limit is. They fail by the first
# rule.) The lines above say how much two networks agree that share nothing but the picture. Which
# explanation owes most to the picture? Guided backprop is a favourite because its maps look sharp.
#
# To pass is little. Noise passes: it depends on the network, and tells nothing of it. (n counts
# the untrained networks. The fewer numbers a map is made of, the more two maps are alike by chance:
# compare GradCAM's limit with the others.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 9: do the maps show the shortcut?
#
# The cheating network of notebook 01 learned that a small mark in a corner means *one* class.
# Accuracy could not see it. Can a map? We take pictures of the *other* class with the mark on them,
# and of these the ones where the mark **changed the network's answer**. Both networks, cheating and
# honest, explain the marked class on the same pictures.

# %%
marked, rival_class = signs.marked_pair(data)
recipe = models.shortcut_recipe(dataset, budget, seed=seed)
cheat = models.load_or_train(
    recipe,
    # Without a name of their own, the marked pictures leave the memory once they are learned.
    signs.plant_watermark(data.train, data.train.labels == marked, seed=seed),
    classes=len(data.class_names),
).model
of_rival = data.test.take(np.flatnonzero(data.test.labels == rival_class))
with_mark = signs.plant_watermark(of_rival, np.arange(len(of_rival)), seed=seed)
before, after = (models.predict_split(cheat, split).argmax(axis=1) for split in (of_rival, with_mark))
fooled = with_mark.take((before != marked) & (after == marked))
print(f"the mark changes the answer on {len(fooled)} of {len(of_rival)} pictures of {data.class_names[rival_class]}")

# %%
lookers = ("vanilla gradients", "integrated gradients (black)", "GradCAM")
about, mark = np.full(len(fooled), marked), fooled.masks["watermark"]
seen = {
    (name, who): makers[name](network)(fooled.images, about)
    for name in lookers
    for who, network in (("honest", model), ("cheating", cheat))
}
on_mark = {key: explain.relevance_mass(drawn, mark) for key, drawn in seen.items()}

# %%
print(f"the mark is {mark[0].mean():.1%} of the picture: a map that knows nothing puts that much on it")
doublings = {}  # the record counts in doublings: 1 is twice as much, 2 four times, 3 eight times
for name in lookers:
    pair = on_mark[name, "cheating"], on_mark[name, "honest"]
    doublings[name] = intervals.bootstrap(lambda c, h: float(np.log2(c.mean() / h.mean())), *pair, seed=seed)
    print(f"{name}: honest {pair[1].mean():.1%}, cheating {pair[0].mean():.1%}")
    factor, low, high = (2**end for end in doublings[name][:3])
    print(f"   the cheating network puts {factor:.1f} times as much there [{low:.1f}, {high:.1f}]")

# %%
plotting.attribution_maps(
    fooled.images[:4],
    {f"{name}: {who}": drawn[:4] for (name, who), drawn in seen.items()},
    [f"called {data.class_names[marked]}"] * 4,
    title="Relevance on the mark, honest and cheating: "
    + ", ".join(f"{n} {on_mark[n, 'honest'].mean():.0%} and {on_mark[n, 'cheating'].mean():.0%}" for n in lookers),
    alt="Four marked pictures that fooled the cheating network, with maps of both networks; the mark is outlined.",
    outlines=mark[:4],
    size=1.2,
)

# %% [markdown]
# The pixels are the same for both networks. So it is not the brightness of the mark that draws a
# map there, it is what the network learned. This is what explanations are good for: a suspicion,
# which nobody would have from the accuracy, and which an experiment then confirms (notebook 01:
# move the mark). Look at GradCAM beside the others: the window of its corner place is larger than
# the mark. And you knew where to look. Would you have found the mark without the green line?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Record
#
# What the story rests on, with intervals. Comparisons are differences on the same pictures. The
# rival here is the blob in the middle throughout, so that one number can be compared over seeds; it
# is a *lower* bar than the figures of steps 6 and 7 have, where the best of four is taken.

# %%
weights = {"course_cnn": models.digest(model), "shortcut_cnn": models.digest(cheat)}
scorecard = Scorecard("04_gradcam", dataset, "course_cnn", seed=seed, budget=budget, digests=weights)
signed, rival = {"bounds": (-1, 1)}, "centre Gaussian"
raised = {
    "deletion AUC (mean colour)": (areas["mean colour"], ("integrated gradients (mean colour)", "SmoothGrad"), -1)
}
if evidence is not None:
    raised["pointing game"] = (points, ("integrated gradients (black)", "gradients x inputs", "brightness"), 1)
    raised["relevance mass"] = (masses, [name for name in methods if name != "GradCAM"], 1)
for measure, (by_name, of_these, sign) in raised.items():
    for name in of_these:
        lead = intervals.mean(sign * (by_name[name] - by_name[rival]))
        said = f"{measure}, {name} ahead of the {rival}"
        scorecard.record("explanation", f"{said}", *lead, direction="higher", **signed)

# %%
differences = {
    "deletion AUC, what integrated gradients gain from a fill that is their own baseline": own_fill,
    "GradCAM for first and last answer, plain less alike than guided, half the difference": less_alike / 2,
}
if evidence is not None:
    differences["pointing game, GradCAM placed ahead of GradCAM enlarged"] = hits["placed"] - hits["enlarged"]
for what, each in differences.items():
    scorecard.record("explanation", f"{what}", *intervals.mean(each), direction="higher", **signed)
for name, times in doublings.items():
    on = f"relevance on the mark, doublings from honest to cheating, {name}"
    scorecard.record("explanation", f"{on}", *times, direction="higher", model="shortcut_cnn")
for name in ("GradCAM", "vanilla gradients", "guided backprop", *planted):
    same = random_weights[name].similarity
    scorecard.record("explanation", f"alike with random weights, {name}", *same, direction="lower", **signed)

# %% [markdown] slideshow={"slide_type": "slide"} tags=["deeper"]
# ## Step 10: two answers in one photograph *
#
# Back to photographs, and to truth that we know because we made it: the left half shows the cat,
# the right half an espresso. **If the map for "espresso" explains "espresso", where must it lie?**

# %% tags=["deeper"]
coffee = photos.test.take(np.array([photos.class_names.index("coffee")])).images
both_halves = np.concatenate([cat[:, :, 56:168], coffee[:, :, 56:168]], axis=2)
egyptian, espresso = 285, 967
names = models.imagenet_class_names()
on_halves = explain.gradcam(imagenet, models.LAST_MAPS)
halves = {names[k]: on_halves(both_halves, [k]) for k in (egyptian, espresso)}
left_share = {kind: float(drawn[..., :112].sum() / max(drawn.sum(), 1e-9)) for kind, drawn in halves.items()}
plotting.attribution_maps(
    both_halves,
    halves,
    ["cat and coffee"],
    title=f"On the cat's half: {left_share[names[egyptian]]:.0%} for the cat, {left_share[names[espresso]]:.0%} for the espresso",
    alt="A picture of half a cat and half a coffee cup, with the GradCAM maps for Egyptian cat and for espresso.",
    size=2.4,
)

# %% [markdown] tags=["deeper"]
# What differs from our signs: here nobody has drawn masks, a network with some 4 million weights
# answers one of 1,000 classes, and one composed picture is one case. It is a demonstration, not a
# measurement. Photographs with masks made by people exist; they are larger than this course can
# carry.

# %% [markdown] slideshow={"slide_type": "slide"} tags=["deeper"]
# ## Step 11: the small print *
#
# What tf-explain 0.3.1 *returns* is a picture for people. Before anyone computes with it, four
# measured facts. And one about every network: it wants its pixels prepared in its own way, and does
# not complain where they are not. Ours prepares them inside, from numbers between 0 and 1. **What
# will it say to 0 to 255?**

# %% tags=["deeper"]
from tf_explain.utils.image import apply_grey_patch

for pixels, given in (("0 to 1", cat), ("0 to 255", 255 * cat)):
    told = models.top_classes(imagenet(given, training=False).numpy())[0]
    print(f"pixels from {pixels}:", ", ".join(f"{kind} {probability:.0%}" for kind, probability in told))
print(f"1. explain returns colours: {grid.dtype}, shape {grid.shape}. Measure the raw arrays instead.")
patched = apply_grey_patch(images[0], 0, 0, 8)
print(f"2. occlusion paints {patched.max():.1f} into a picture that ends at 1.0. We paint 0.5.")
raw = explain.tf_explain_arrays(model, "integrated_gradients")(images[:1], int(labels[0]))[0]
gain = float((predict_logits(images[:1]) - predict_logits(np.zeros_like(images[:1])))[0, labels[0]])
print(
    f"3. from black to the picture the logit rises by {gain:.2f}, which a map should add up to. tf-explain's adds up to"
)
print(f"   {raw.sum():.2f}; multiplied by (picture - black), to {(raw * images[0]).sum():.2f}")

# %% tags=["deeper"]
for noise in (0.0, 0.15, 1.0):
    shift = np.random.default_rng(seed).normal(0, noise, images.shape).astype(np.float32)
    noisy = np.clip(images + shift, 0, 1)
    read = intervals.proportion(predict(noisy).argmax(axis=1) == labels)
    print(f"4. of copies with noise {noise}, the network reads {read}")
print("   SmoothGrad averages gradients at such copies; tf-explain's default is 1.0, the whole range of a pixel")

# %% [markdown] tags=["deeper"]
# An answer comes to any pixels, with a probability. Any explanation of it would explain a mistake
# in *your* code. The third fact matters where someone adds up what integrated gradients say: only
# times the way from the baseline to the picture do they share out the logit (step 15). And the
# fourth: what do the gradients of pictures explain that the network cannot read?
#
# The first row of the table in step 4 was missing in the figure, because activations name no class.
# They are for looking at: the six channels of `conv3` that are most awake in one picture.

# %% tags=["deeper"]
channels = explain.channel_activations(model, "conv3")(images[shown[:1]])[0]
awake = np.argsort(-channels.mean(axis=(0, 1)))[:6]
plotting.attribution_maps(
    images[shown[:1]],
    {f"channel {k}": channels[None, ..., k] for k in awake},
    [data.class_names[labels[shown[0]]]],
    title="What six channels of the last convolution do in one picture: to look at, not to score",
    alt="One picture and the activations of six channels of the last convolution, each on its grid of places.",
    size=1.2,
)

# %% [markdown] slideshow={"slide_type": "slide"} tags=["deeper"]
# ## Step 12: a trap: explaining the softmax of a sure network *
#
# Why the logits, and not the probabilities that we act on? Let $p_c$ be the probability of class
# $c$, $y^c$ its logit and $x$ the picture. Then $\partial p_c / \partial x = p_c \bigl(\partial y^c
# / \partial x - \sum_k p_k\, \partial y^k / \partial x\bigr)$. Where $p_c$ is nearly 1, the bracket
# is nearly zero. **Predict:** where the network is more than 99.9% sure, how much smaller is the
# gradient of the probability than that of the logit? And does the map look different?


# %% tags=["deeper"]
def pixel_gradients(network, pictures, classes):
    with tf.GradientTape() as tape:
        tape.watch(x := tf.constant(pictures))
        chosen = tf.gather(network(x), classes, batch_dims=1)
    return np.abs(tape.gradient(chosen, x).numpy()).max(axis=-1)


# %% tags=["deeper"]
sure_of = predict(images[:250])
top, sureness = sure_of.argmax(axis=1), sure_of.max(axis=1)
of_probability, of_logit = (pixel_gradients(net, images[:250], top) for net in (model, models.logits_model(model)))
smaller = of_logit.sum(axis=(1, 2)) / of_probability.sum(axis=(1, 2)).clip(1e-30)
same_order = explain.map_similarity(of_probability, of_logit)
for how_sure, rows in (("less than 90% sure", sureness < 0.9), ("more than 99.9% sure", sureness > 0.999)):
    if rows.sum() > 1:
        print(
            f"{how_sure} (n={rows.sum()}): the probability's gradient is {np.median(smaller[rows]):,.0f} times smaller,"
        )
        print(f"   rank correlation of the two maps {intervals.mean(same_order[rows])}")

# %% [markdown] tags=["deeper"]
# The size collapses; look whether the order of the pixels does. A heat map has a scale of its own.
# So it shows the order alone, and a map whose size has collapsed looks like any other. What breaks
# is everything that uses the size: comparing pictures, adding up over them, taking a step in an
# attack (notebook 06). (Once a probability rounds to exactly 1, its gradient is 0 and has no
# order.) A logit does not saturate. What it lacks: it does not say *against which other class*.

# %% [markdown] slideshow={"slide_type": "slide"} tags=["deeper"]
# ## Step 13: networks that learned nothing true *
#
# Random weights are a crude opponent. Adebayo and others have a finer one: a network that was
# trained, but on **shuffled labels**. It has seen the same pictures and has learned each answer by
# heart, so its weights have had as much to do as an honest network's. But its labels mean
# nothing, and a map that explains what the honest network learned must differ from its maps.
#
# What is usual here? Not what untrained networks share. Two networks that learned *different*
# shuffled labels of the same pictures may well have more in common, because both had to tell these
# pictures apart. So we train four, each with a shuffling of its own, and their six pairs are the
# measure. They must really have learned them, or the test tries something else: we look.

# %% tags=["deeper"]
few = data.train.take(slice(150))
confused, known_by_heart = [], []
for i in range(4):
    by_heart = np.random.default_rng((seed, i)).permutation(few.labels)
    shuffled = datasets.Split(few.pixels, by_heart, few.attributes)
    plan = models.Recipe(steps=400, batch_size=32, learning_rate=3e-3, seed=500 + 5 * seed + i)
    confused.append(models.load_or_train(plan, shuffled, classes=len(data.class_names)).model)
    known_by_heart.append(models.predict_split(confused[-1], shuffled).argmax(axis=1) == by_heart)
print("of their shuffled labels they know", ", ".join(f"{known_ones.mean():.0%}" for known_ones in known_by_heart))

# %% tags=["deeper"]
shuffled_labels = {
    name: explain.randomisation_test(make, model, confused, images[:100], labels[:100])
    for name, make in (makers | planted).items()
}
verdict_figure("Shuffled labels", shuffled_labels)

# %% tags=["deeper"]
usual = {
    name: {"usual among untrained": random_weights[name].from_picture, "among shuffled": result.from_picture}
    | {"alike with the trained network": result.similarity.value}
    for name, result in shuffled_labels.items()
}
display(pd.DataFrame(usual).T.style.format("{:.2f}"))

# %% [markdown] tags=["deeper"]
# Compare the first two columns: what is usual depends on whom you ask, and not in the same way for
# every method. Where the second is larger, whoever measures by untrained networks calls maps
# suspicious that are as alike as any two networks' trained on these pictures. The opponent and the
# measure must be of the same kind.
#
# Four networks of 150 pictures are few. An *open* verdict says so, and a pass still says little.

# %% tags=["deeper"]
scorecard.record(
    "explanation",
    "shuffled labels that the networks know by heart",
    *intervals.proportion(np.concatenate(known_by_heart)),
    direction="higher",
    model="shuffled_cnn",
    core=False,
    bounds=(0, 1),
)
of_gradcam = shuffled_labels["GradCAM"].similarity
scorecard.record(
    "explanation", "alike with shuffled labels, GradCAM", *of_gradcam, direction="lower", core=False, bounds=(-1, 1)
)

# %% [markdown] slideshow={"slide_type": "slide"} tags=["deeper"]
# ## Step 14: would a slightly different picture have another map? *
#
# *Max-sensitivity* (Yeh and others, 2019): add noise that nobody sees (2% of the pixel range), and
# see how far the map moves, relative to its size. The largest of four draws is taken, so it is no
# bound: more draws would find more. Low is steady. (Steady is not true: **which of the four maps
# that never asked will be the steadiest?**)
#
# One method draws noise of its own. SmoothGrad averages over noisy copies, and a new picture gets
# new noise. How much of its unrest is that alone? We draw its noise anew on the *same* picture.

# %% tags=["deeper"]
restless = {
    name: explain.max_sensitivity(method, images[:50], labels[:50], radius=0.02, samples=4, seed=seed)
    for name, method in (methods | nothing).items()
}
moves = []
for draw in range(4):
    anew = explain.smoothgrad(model, samples=16, noise=0.15, seed=seed + 1000 + draw)(images[:50], labels[:50])
    apart = np.linalg.norm(anew - maps_by["SmoothGrad"][:50], axis=(1, 2))
    moves.append(apart / np.linalg.norm(maps_by["SmoothGrad"][:50], axis=(1, 2)))
redrawn = np.max(moves, axis=0)
print("SmoothGrad moves by", intervals.mean(restless["SmoothGrad"]), "when the picture changes a little,")
print("   and by", intervals.mean(redrawn), "when its own noise is drawn anew and the picture stays")

# %% tags=["deeper"]
plotting.forest_plot(
    {name: intervals.mean(each) for name, each in restless.items()},
    title="How far maps move when the picture changes by less than one can see",
    alt="Max-sensitivity with interval of eight explanations and four maps that never asked.",
    x_label="largest relative change of the map in four draws (lower: steadier)",
    groups=[0] * len(methods) + [1] * len(nothing),
)

# %% [markdown] tags=["deeper"]
# The blob in the middle cannot move, and the random map is another one for every picture. So the
# figure alone recommends nothing. Of SmoothGrad's unrest, compare the two numbers above: if they
# are equal, its maps are restless because of its own sampling, and more samples would calm it.

# %% tags=["deeper"]
unrest = intervals.mean(restless["SmoothGrad"])
scorecard.record(
    "explanation",
    "max-sensitivity, SmoothGrad with fresh noise",
    *unrest,
    direction="lower",
    core=False,
    bounds=(0, None),
)

# %% [markdown] slideshow={"slide_type": "slide"} tags=["deeper"]
# ## Step 15: does it add up, and what if we put the pixels in? *
#
# Integrated gradients promise **completeness**: a map adds up to what the logit gained on the way
# from the baseline to the picture. The promise holds for infinitely many steps on that way. **How
# far off are 4, 16 and 64?**

# %% tags=["deeper"]
owed = predict_logits(images[:100]) - predict_logits(np.zeros_like(images[:1]))
owed = owed[np.arange(100), labels[:100]]
missing = {}
for count in (4, 16, 64):
    added = explain.integrated_gradients(model, steps=count)(images[:100], labels[:100])
    missing[count] = explain.completeness(added, owed)
    print(
        f"{count:>2} steps: median relative error {np.median(missing[count]):.4f}, largest {missing[count].max():.3f}"
    )

# %% [markdown] tags=["deeper"]
# *Insertion* is deletion the other way round (Petsiuk and others, 2018): start from a blurred
# picture, and put the highest pixels in first. High is good. (The blurred picture is a fill, too.)
# It asks nearly the same question. Does it give nearly the same order of methods as deletion does?

# %% tags=["deeper"]
inserted = {
    name: explain.auc(explain.insertion(predict, images[:200], labels[:200], drawn[:200], steps=steps))
    for name, drawn in maps_by.items()
}
by_insertion = held_against_the_bar(inserted, higher=True)
order_of = {"insertion": {name: -inserted[name].mean() for name in methods}}
order_of |= {f"deletion, {fill}": {name: each[name].mean() for name in methods} for fill, each in areas.items()}
ranks = pd.DataFrame(order_of).rank().astype(int)
display(ranks.sort_values("insertion").style.set_caption("rank of the eight explanations by each measure, from 1"))
bar_figure({"insertion (higher)": by_insertion})

# %% [markdown] tags=["deeper"]
# Read a row across: a method whose three ranks differ owes its place to the fill. (Ranks hide how
# close two methods are; the figure shows it.) So a single number cannot crown one of them.

# %% tags=["deeper"]
missing_at_16 = intervals.mean(missing[16])
scorecard.record(
    "explanation",
    "completeness error, integrated gradients (black)",
    *missing_at_16,
    direction="lower",
    core=False,
    bounds=(0, 2),
)

# %% [markdown] slideshow={"slide_type": "slide"} tags=["deeper"]
# ## Step 16: the same scene with one thing changed *
#
# Our signs are drawn, so a scene can be drawn *again* with one thing changed and all else equal:
# the same background, light and noise. Such a **counterfactual pair** tells what the change alone
# does to the network. Here a speed limit of 30 becomes one of 80: only pixels of its first digit
# change. So whatever the logit for 80 gains was caused there. Two questions to a map for the class
# 80, on both pictures: does it move **where** the picture changed? And does it move **as much** as
# the logit did? **Predict: which of the maps wins the first? Which loses the second?**

# %% tags=["deeper"]
pairs = None
if dataset == "signs":
    limit_80 = signs.CLASS_NAMES.index("speed limit 80")
    bare_30 = (data.test.labels == limit_80 - 1) & (data.test.attributes["occlusion"] == 0).to_numpy()
    pairs = signs.counterfactual_pairs("class", "speed limit 80", np.flatnonzero(bare_30)[:80], seed=seed)
    as_80 = np.full(len(pairs), limit_80)
    gained = (predict_logits(pairs.after.images) - predict_logits(pairs.before.images))[:, limit_80]
    print(f"{len(pairs)} pairs; {pairs.changed.mean():.1%} of the pixels changed")
    print("the logit for 80 gains", intervals.mean(gained))
else:
    print("What is not drawn cannot be drawn again: real pictures have no such pairs.")

# %% tags=["deeper"]
if pairs is not None:
    moved = {
        name: made(pairs.after.images, as_80) - made(pairs.before.images, as_80)
        for name, made in (methods | nothing).items()
    }

# %% tags=["deeper"]
looks = ("GradCAM", "SmoothGrad", "integrated gradients (mean colour)", "random", "Sobel edges")
if pairs is not None:
    display(
        plotting.attribution_maps(
            pairs.after.images[:3],
            {name: moved[name][:3] for name in looks},
            ["30, redrawn as 80"] * 3,
            title="What moved in five maps for the class 80 when 30 became 80",
            alt="Three redrawn signs, the changed pixels outlined, and the difference of the maps after and before.",
            outlines=pairs.changed[:3],
        )
    )


# %% tags=["deeper"]
def rank_correlation(a, b):
    return float(pd.Series(a).corr(pd.Series(b), method="spearman"))


if pairs is not None:
    where = {name: explain.relevance_mass(np.abs(each), pairs.changed).mean() for name, each in moved.items()}
    amount = {name: (each * pairs.changed).sum(axis=(1, 2)) for name, each in moved.items()}
    moving = [name for name in amount if name != "centre Gaussian"]  # the blob never moves, so it has no ranks
    follows = {name: rank_correlation(amount[name], gained) for name in moving}
    columns = {"where: share of the movement on changed pixels": where, "how much: rank correlation": follows}
    display(pd.DataFrame(columns).loc[moving].style.format("{:.2f}"))

# %% [markdown] tags=["deeper"]
# *Where*: changed pixels are the share printed above, and a map that moves anywhere gets that
# share. Edges and brightness come out near 1. They can hardly move anywhere else, for they look at
# the picture and at nothing behind it. A network's map may move elsewhere with reason: the same
# pixel counts more or less beside another digit. So this question alone crowns a map that never
# asked.
#
# *How much*: the sum of what moved on the changed pixels, ranked over the pairs beside what the
# logit gained. Is a method ahead of the edges here, on the same pairs?


# %% tags=["deeper"]
def follow_title(ahead):
    clearly = sum(each.low > 0 for each in ahead.values())
    behind = sum(each.high < 0 for each in ahead.values())
    return (
        f"Follow the logit more closely than edges do: {clearly} of {len(ahead)} explanations; less closely: {behind}"
    )


# %% tags=["deeper"]
if pairs is not None:
    edges = amount["Sobel edges"]
    ahead = {
        name: intervals.bootstrap(
            lambda own, other, truth: rank_correlation(own, truth) - rank_correlation(other, truth),
            *(amount[name], edges, gained),
            seed=seed,
            resamples=100,
        )
        for name in methods
    }

# %% tags=["deeper"]
if pairs is not None:
    display(
        plotting.forest_plot(
            ahead,
            title=follow_title(ahead),
            alt="For eight explanations, how much further than edges their movement follows the logit, with intervals.",
            x_label="rank correlation with what the logit gained, ahead of the edges' (same pairs)",
            reference=("as the edges", 0.0),
        )
    )
    scorecard.record(
        "explanation", "follows the logit between pairs, occlusion (grey) ahead of Sobel edges",
        *ahead["occlusion (grey)"], direction="higher", core=False, bounds=(-2, 2),
    )  # fmt: skip

# %% [markdown] tags=["deeper"]
# Read both columns together: a map must move where the picture changed, *and* because the network
# was asked. A method that asks the network can follow the logit; whether it does is what the figure
# shows. Why some do not, this experiment does not tell. One drawn class and one change are what we
# tried. (Eight intervals: without any difference one in twenty would lie beside 0, on either side.)

# %% [markdown] slideshow={"slide_type": "slide"} tags=["deeper"]
# ## Step 17: is there a direction for "fog"? *
#
# Maps speak of pixels, people of fog and night. **TCAV** (Kim and others, 2018) looks for a
# *concept* inside the network. Take pictures with fog and without. A linear model tells their
# activations $A$ at a layer apart; its direction $v$, of length 1, is the concept's. For a class
# with logit $y$, the slope $\nabla_A y \cdot v$ says how the logit answers to a little more fog.
# The TCAV score is the share of pictures whose slope is above 0. A rise of all logits together
# changes no answer: so $y$ here is a class's logit less the mean of all. **Any two heaps of
# pictures can be told apart somehow. What score will a direction get that means nothing?**


# %% tags=["deeper"]
def direction_of(attribute, value, usual, layer, draws):
    look, known_of = explain.layer_activations(model, layer), data.calibration.attributes[attribute]
    with_it, without = (
        look(data.calibration.take(np.flatnonzero(known_of == each)[: 30 * draws]).images) for each in (value, usual)
    )
    return explain.concept_vectors(with_it, without, draws=draws, randoms=39, seed=seed)


def slopes_at(layer, pictures):
    gradient = explain.layer_gradients(model, layer)
    slopes = np.stack([gradient(pictures, np.full(len(pictures), k)) for k in range(len(data.class_names))])
    slopes -= slopes.mean(axis=0)  # in place: (classes, pictures, numbers in the layer) is large
    return slopes


# %% [markdown] tags=["deeper"]
# Every draw has thirty pictures of either kind, and no picture is in two draws. Beside the concept
# stand 39 **random concepts**: the same pictures, and lots decide which of them "have fog".


# %% tags=["deeper"]
def luck_title(share):
    return f"{share:.0%} of single random directions score below 0.05 or above 0.95"


if dataset == "signs":
    fog = direction_of("weather", "fog", "clear", "conv3", draws=10)
    clear = np.flatnonzero(data.test.attributes["weather"] == "clear")[:80]
    conv3_slopes = slopes_at("conv3", data.test.take(clear).images)
    scores = [fog.tcav(each) for each in conv3_slopes]
    luck = np.mean([np.abs(each.random_draws - 0.5) >= 0.45 for each in scores], axis=0).ravel()  # of each direction
    print("other draws' pictures told apart:", fog.accuracy)
    table = {"TCAV score": [s.score.value for s in scores], "p": [s.p_value for s in scores]}
    display(pd.DataFrame(table, index=list(data.class_names)).style.format("{:.3f}"))
    print(f"the smallest p that {len(fog.random)} random concepts allow: {1 / (1 + len(fog.random)):.3f}")

# %% [markdown] tags=["deeper"]
# A score of 0.9 says: on nine pictures of ten, a little more fog raises this class's logit against
# the others. Is that much? Look at what random directions score.

# %% tags=["deeper"]
if dataset == "signs":
    means = np.concatenate([each.random for each in scores])
    display(
        plotting.histogram(
            {"one draw": np.concatenate([s.random_draws.ravel() for s in scores]), "mean of ten draws": means},
            title=luck_title(luck.mean()),
            alt="TCAV scores of random concepts, from single draws and as means of ten draws, for all classes.",
            x_label="TCAV score of a random concept",
            bins=20,
        )
    )
    scorecard.record(
        "explanation", "TCAV at conv3, single random directions that score below 0.05 or above 0.95",
        *intervals.mean(luck), direction="lower", core=False, bounds=(0, 1),
    )  # fmt: skip

# %% [markdown] tags=["deeper"]
# A direction that means nothing often gets a score that looks like a discovery: gradients of one
# class are alike in all pictures, so they agree about *any* direction. Tutorials that show one
# score, without random concepts, show this. The mean over independent draws is fairer, and $p$ says
# how often a random concept's mean lies as far from one half. (Ten classes are ten tests. By
# chance alone, a $p$ of 0.05 or less is expected half a time in ten.)
#
# Is the concept's answer *true*? We can draw the fog: the same scenes, clear and in fog. For each
# picture and class, has the slope the sign of what fog really did? Half is chance.


# %% tags=["deeper"]
def right_about(concept, slopes, twins):
    moves = predict_logits(twins.after.images) - predict_logits(twins.before.images)
    rises = (moves - moves.mean(axis=1, keepdims=True) > 0).T  # (classes, pictures)
    directions = np.stack([concept.vectors, *concept.random]).mean(axis=1)  # the concept's first, one a row
    climbs = slopes @ directions.T.astype(slopes.dtype) > 0  # (classes, pictures, directions)
    right = (climbs == rises[:, :, None]).mean(axis=0)
    return right[:, 0], right[:, 1:].mean(axis=1)


if dataset == "signs":
    in_fog = signs.counterfactual_pairs("weather", "fog", clear, seed=seed)
    early = direction_of("weather", "fog", "clear", "pool1", draws=5)
    answers = {"fog at conv3": right_about(fog, conv3_slopes, in_fog)}
    answers["fog at pool1"] = right_about(early, slopes_at("pool1", in_fog.before.images), in_fog)

# %% tags=["deeper"]
if dataset == "signs":
    night = direction_of("light", "night", "day", "conv3", draws=10)
    day = np.flatnonzero(data.test.attributes["light"] == "day")[:80]
    at_night = signs.counterfactual_pairs("light", "night", day, seed=seed)
    of_night = right_about(night, slopes_at("conv3", at_night.before.images), at_night)
    print("told apart, fog at pool1:", early.accuracy)
    print("told apart, night at conv3:", night.accuracy)
    answers_of_all = answers | {"night at conv3": of_night}
    for name, (own, lots) in answers_of_all.items():
        print(f"{name}: right about {own.mean():.0%} of pictures and classes, random directions {lots.mean():.0%}")


# %% tags=["deeper"]
def concept_title(gains):
    found = {"better": [], "worse": [], "no different": []}
    for name, gain in gains.items():
        found["better" if gain.low > 0 else "worse" if gain.high < 0 else "no different"].append(name)
    return "Than random directions, " + "; ".join(
        f"{word}: {', '.join(names)}" for word, names in found.items() if names
    )


# %% tags=["deeper"]
if dataset == "signs":
    gains = {name: intervals.mean(own - lots) for name, (own, lots) in answers_of_all.items()}
    display(
        plotting.forest_plot(
            gains,
            title=concept_title(gains),
            alt="For three concepts, how much oftener than random directions they are right about the redrawn scenes.",
            x_label="share of classes they are right about, ahead of random directions (same pictures)",
            reference=("as random directions", 0.0),
        )
    )

# %% [markdown] tags=["deeper"]
# Two numbers must not be taken for one another. *Told apart* says that fog can be read from the
# layer. *Right about* says that the network's answer moves along that direction as real fog moves
# it. A layer may have the first without the second: compare the two layers. A slope is about a
# *little* more of a concept, and real fog is a lot of it; from an early layer, where the network is
# still far from linear, it is a long way. And we could only check because we drew the fog.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# A heat map is a claim about the network, and claims can be measured: against known evidence,
# against the network's own answers, against maps that never asked. Settings decide as much as
# methods do. Guided gradients make maps of different classes alike, enlarging draws a map where it
# does not belong, and a fill or a baseline moves a method up or down the table. Used well, a map
# raises the right suspicion: a network that reads a mark in the corner.
#
# **Limits.** The evidence masks say what tells the class *to us*; a network may rightly use more.
# Deletion shows the network pictures that no camera takes. 500 drawn signs and one small network:
# the order of the methods need not hold elsewhere, so measure on yours. To pass a sanity check is
# not yet to be true.
#
# **Further reading**
#
# - K. Simonyan, A. Vedaldi, A. Zisserman (2014), *Deep Inside Convolutional Networks: Visualising
#   Image Classification Models and Saliency Maps*
# - M. Zeiler, R. Fergus (2014), *Visualizing and Understanding Convolutional Networks*: occlusion
# - J. Springenberg and others (2015), *Striving for Simplicity: The All Convolutional Net*: guided
#   backpropagation
# - R. Selvaraju and others (2017), *Grad-CAM: Visual Explanations from Deep Networks via
#   Gradient-based Localization*
# - M. Sundararajan, A. Taly, Q. Yan (2017), *Axiomatic Attribution for Deep Networks*: integrated
#   gradients
# - D. Smilkov and others (2017), *SmoothGrad: removing noise by adding noise*
# - J. Zhang and others (2018), *Top-Down Neural Attention by Excitation Backprop*: the pointing
#   game
# - J. Adebayo and others (2018), *Sanity Checks for Saliency Maps*
# - V. Petsiuk, A. Das, K. Saenko (2018), *RISE: Randomized Input Sampling for Explanation of
#   Black-box Models*
# - C. Yeh and others (2019), *On the (In)fidelity and Sensitivity of Explanations*
# - P. Sturmfels, S. Lundberg, S. Lee (2020), *Visualizing the Impact of Feature Attribution
#   Baselines*
# - L. Arras, A. Osman, W. Samek (2022), *CLEVR-XAI: A benchmark dataset for the ground truth
#   evaluation of neural network explanations*
#
# **Next:** notebook 05, SHAP: how much did each part count?
