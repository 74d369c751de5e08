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
# - say what each of them answers, and which of its default settings would have fooled you,
# - *measure* an explanation against known truth, beside maps that know nothing about the network,
# - tell a picture of the network from a picture of the edges, with a test that can fail,
# - check whether maps show the shortcut of notebook 01.
#
# **What you need first.** Notebook 01 (the network and its shortcut), notebook 03 (the taxonomy of
# explanations).
#
# **Time.** About 90 minutes to work through; 1 to 2 minutes to run on two cores.
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
from helpers.course.exercises import check, expect
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
# the library **tf-explain**. The network is EfficientNet-Lite0 with its real weights, which come
# with a package; where you have a network connection, `models.vgg16()` gives the VGG16 of most
# tutorials instead. We ask it about class 281, *tabby*, as they do: any class can be asked about,
# the first answer or not. (282 is *tiger cat*, 285 *Egyptian cat*.)

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
# tf-explain 0.3.1 looks for it with an attribute that Keras 3 no longer has. The model is
# *functional* and ends in its **logits**, the numbers before the softmax. And
# `use_guided_grads=False` is not the default. Steps 4 and 5 show what the last two are about.
#
# ### A trap: pixels that the network was not made for
#
# Every ImageNet network wants its pixels prepared in its own way, and a network fed otherwise does
# not complain. Ours prepares them inside, from numbers between 0 and 1. **What will it say if it
# gets 0 to 255?**

# %%
wrong_pixels = imagenet(255 * cat, training=False).numpy()
print(
    "right pixels:", ", ".join(f"{n} {p:.0%}" for n, p in models.top_classes(models.predict_function(imagenet)(cat))[0])
)
print("wrong pixels:", ", ".join(f"{n} {p:.0%}" for n, p in models.top_classes(wrong_pixels)[0]))

# %% [markdown]
# An answer comes either way, with a probability. Any explanation of the second is an explanation of
# a mistake in *your* code. That is why preprocessing lives inside every model of this course.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 2: GradCAM, written out
#
# Now our own network and our own pictures. **GradCAM** (Selvaraju and others, 2017) looks at the
# last layer that still has places: in the course CNN, `conv3`, with 64 maps $A^k$ of 4 by 4 (3 by 3
# on pictures of 28 pixels). How much does map $k$ matter for class $c$? As much as the class's
# logit $y^c$ changes with it, on average over its $Z$ places:
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
# A few pictures that it reads, by day where the day is known: to look at, not to measure on.
known_evidence = "evidence" in judged.masks
easy = predict(images).argmax(axis=1) == labels
if known_evidence:
    easy &= (judged.attributes["light"] == "day").to_numpy()
shown = np.flatnonzero(easy)[:5]


# %%
def gradcam(model, images, classes, layer):
    """Before the ReLU and before it is enlarged: (N, h, w)."""
    both = keras.Model(model.inputs, [model.get_layer(layer).output, model.get_layer("logits").output])
    with tf.GradientTape() as tape:
        A, y = both(tf.constant(images))
        y_c = tf.gather(y, classes, batch_dims=1)
    alpha = tf.reduce_mean(tape.gradient(y_c, A), axis=(1, 2))
    return tf.einsum("nijk,nk->nij", A, alpha).numpy()


ours = gradcam(model, images[:64], labels[:64], "conv3")
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
# ### A trap: where do sixteen numbers belong?
#
# A map of 4 by 4 places has to be drawn over 32 by 32 pixels. Nearly every library, tf-explain too,
# *enlarges it to the whole picture*: each place gets a tile of 8 by 8 pixels, smoothed. (Pictures
# of 28 pixels have 3 by 3 places, and tiles of 9.3.) **Before you read on: is the upper left place
# of `conv3` about the upper left tile?**
#
# Follow the pixels. A convolution of 3 by 3 without padding leaves out a border of one pixel, and a
# pool of 2 by 2 doubles the distance between places. After three convolutions and two pools:

# %%
first, step = 0.0, 1.0  # the middle of what a place sees, and the distance to the next place, in pixels
for width, stride in ((3, 1), (2, 2), (3, 1), (2, 2), (3, 1)):  # conv1, pool, conv2, pool, conv3
    first, step = first + step * (width - 1) / 2, step * stride
places, side = ours.shape[1], data.shape[0]
print("the places look at the pixels around", [first + step * i for i in range(places)])
print("enlarged, they are drawn around", [side / places * (i + 0.5) - 0.5 for i in range(places)])

# %%
enlarged = explain.tf_explain_maps(model, "gradcam", use_guided_grads=False)
placed = explain.gradcam(model, relu=False)
few = shown[:3]
plotting.attribution_maps(
    images[few],
    {"enlarged": enlarged(images[few], labels[few]), "placed": placed(images[few], labels[few])},
    [data.class_names[label] for label in labels[few]],
    title="The same sixteen numbers, enlarged to the whole picture and drawn where they belong",
    alt="Three pictures, each with its GradCAM map enlarged to the whole picture and drawn at the places it is about.",
    size=1.5,
)

# %% [markdown]
# Enlarging draws every place twice as far from the middle as it is, or more. Nobody notices while
# the object is in the middle. `explain.gradcam` draws each place where the middle of what it sees
# is (in networks that pad, such as VGG16, both are the same). **What looks finer than that is
# interpolation:** sixteen numbers, no more, and each of them has seen a window of 18 pixels across.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 3: seven answers to seven questions
#
# tf-explain has seven methods. In the words of notebook 03 all are *local* and *after the fact*;
# all but one look inside the network and are *specific* to such models. They do not answer the same
# question, so they need not agree. We add an eighth, **guided backprop**, which tf-explain has no
# class for, but whose idea it put into its GradCAM (step 4).

# %%
asks = {
    "activations": "what does this layer compute here? (names no class: to look at, not to score)",
    "vanilla gradients": "which pixels, changed a little, change the logit most?",
    "guided backprop": "the same, but on the way back each ReLU lets only positive gradients pass",
    "gradients x inputs": "the same, weighted by how bright the pixel is",
    "GradCAM": "which places of the last maps speak for the class?",
    "integrated gradients": "how do the pixels share the way from black to this picture?",
    "SmoothGrad": "vanilla gradients, averaged over noisy copies of the picture",
    "occlusion": "which patch, painted grey, costs the logit most? (asks the model only)",
}
display(pd.Series(asks, name="the question it answers").to_frame().style.set_properties(**{"text-align": "left"}))

# %%
methods = {
    "GradCAM": explain.gradcam(model),
    "vanilla gradients": explain.vanilla_gradients(model),
    "gradients x inputs": explain.gradients_times_inputs(model),
    "integrated gradients": explain.integrated_gradients(model, steps=16),
    "SmoothGrad": explain.smoothgrad(model, samples=16, noise=0.15, seed=seed),
    "guided backprop": explain.guided_backprop(model),
    "occlusion": explain.occlusion(predict_logits, patch=8, stride=4),
}
nothing = {
    "random": explain.random_map(seed),
    "centre Gaussian": explain.centre_gaussian(),
    "Sobel edges": explain.sobel_edges(),
}
maps = {name: method(images, labels) for name, method in (methods | nothing).items()}

# %%
plotting.attribution_maps(
    images[shown],
    {name: drawn[shown] for name, drawn in maps.items()},
    [data.class_names[label] for label in labels[shown]],
    title="Ten maps of the same answers, three of which never asked the network",
    alt="Five pictures, and beside each the maps of seven methods of explanation and of three baselines.",
    outlines=judged.masks["evidence"][shown] if known_evidence else None,
)

# %% [markdown]
# Orange speaks for the class and blue against it; maps from black to light know no "against". Each
# map has its own scale. Where there is a green line, it surrounds the **evidence**: the part of the
# sign that tells its class from the others, known because the picture was drawn. The last three
# columns are **baselines**: noise, a blob in the middle, the edges of the picture. **Are you sure
# that the first seven depend on the network, and not on the picture alone? Which would you bet
# on?** Remember your answer until step 7.
#
# The first row of the table is missing here, because activations name no class. They are for
# looking at: the six channels of `conv3` that are most awake in the first picture.

# %%
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

# %% [markdown]
# ### The small print
#
# What tf-explain 0.3.1 *returns* is a picture for people. Four measured facts before anyone
# computes with it:

# %%
from tf_explain.utils.image import apply_grey_patch

print(f"1. explain returns colours: {grid.dtype}, shape {grid.shape}. Measure the raw arrays instead.")
patched = apply_grey_patch(images[0], 0, 0, 8)
print(f"2. occlusion paints {patched.max():.1f} into a picture that ends at 1.0. We paint 0.5.")

raw = explain.tf_explain_arrays(model, "integrated_gradients")(images[:1], int(labels[0]))[0]
gain = float((predict_logits(images[:1]) - predict_logits(np.zeros_like(images[:1])))[0, labels[0]])
print(f"3. integrated gradients add up to {raw.sum():.1f}, times (picture - black) to {(raw * images[0]).sum():.2f};")
print(f"   the logit rose from black to the picture by {gain:.2f}")

# %%
rng = np.random.default_rng(seed)
for noise in (0.15, 1.0):
    noisy = np.clip(images + rng.normal(0, noise, images.shape).astype(np.float32), 0, 1)
    read = intervals.proportion(predict(noisy).argmax(axis=1) == labels)
    print(f"4. of copies with noise {noise}, the network reads {read}")
print("   SmoothGrad averages gradients at such copies; tf-explain's default is 1.0, the whole range of a pixel")

# %% [markdown]
# The first is why this notebook never measures a picture that `explain` returned. The third matters
# whenever someone adds up what integrated gradients say: only times the way from the start to the
# picture do they share out the logit (**completeness**). And the fourth: what do the gradients of
# pictures explain that the network cannot read? We use 0.15.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 4: a trap: the same map for every class
#
# By default tf-explain keeps only positive gradients before it averages them
# (`use_guided_grads=True`): guided backprop's idea, and never GradCAM's. A map should change with
# the class it is asked about. We ask for the network's first answer, and then for its second and
# its last. How alike are two maps? Put the pixels of each in order, from the lowest value to the
# highest, and correlate their positions (**rank correlation**): 1 is the same order, 0 unrelated,
# -1 the opposite. **Predict** it, with the default and without.

# %%
ranked = np.argsort(-predict(images[:200]), axis=1)
guided = explain.tf_explain_maps(model, "gradcam", use_guided_grads=True)
for_class = {
    (name, rank): method(images[:200], ranked[:, rank])
    for name, method in (("guided gradients (the default)", guided), ("plain gradients", enlarged))
    for rank in (0, 1, -1)
}
alike_classes = {}
for (name, rank), drawn in for_class.items():
    if rank != 0:
        other = "second" if rank == 1 else "last"
        alike = intervals.mean(explain.map_similarity(for_class[name, 0], drawn))
        alike_classes[name, other] = alike
        print(f"{name}, first answer against {other}: rank correlation {alike}")

# %%
kinds, pair = ("guided gradients (the default)", "plain gradients"), ((0, "first"), (-1, "last"))
default, mended = (alike_classes[name, "last"].value for name in kinds)
plotting.attribution_maps(
    images[few],
    {f"{name.split()[0]}: {which}": np.maximum(for_class[name, k][few], 0) for name in kinds for k, which in pair},
    [f"{data.class_names[ranked[i, 0]]}, then {data.class_names[ranked[i, -1]]}" for i in few],
    title=f"First answer against last: guided {default:.2f}, plain {mended:.2f}",
    alt="Three pictures with GradCAM for the first and the last answer, with guided and with plain gradients.",
    size=1.3,
)

# %% [markdown]
# (Drawn is the positive part of each map: where it is black all over, nothing speaks for the
# class.) A map that is the same for two classes cannot be the reason for one of them. Between first
# and second answer plain maps may agree, too, where the two signs differ by a numeral: both classes
# are looked for in the same place. Nothing in the picture of the first class alone would have told
# you: **ask for two classes, always.**

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 5: a trap: explaining the softmax of a sure network
#
# Why the logits, and not the probabilities we act on? With $p_c$ from a softmax,
# $\partial p_c / \partial x = p_c \bigl(\partial y^c / \partial x - \sum_k p_k\, \partial y^k / \partial x\bigr)$:
# where $p_c$ is nearly 1, the bracket is nearly zero. **Predict:** where the network is more than
# 99.9% sure, how much smaller is the gradient of the probability than that of the logit? And does
# the map look different?


# %%
def pixel_gradients(network):
    with tf.GradientTape() as tape:
        tape.watch(x := tf.constant(images))
        chosen = tf.gather(network(x), top, batch_dims=1)
    return np.abs(tape.gradient(chosen, x).numpy()).max(axis=-1)


top, sureness = predict(images).argmax(axis=1), predict(images).max(axis=1)
of_probability, of_logit = (pixel_gradients(network) for network in (model, models.logits_model(model)))
smaller = of_logit.sum(axis=(1, 2)) / of_probability.sum(axis=(1, 2)).clip(1e-30)
same_order = explain.map_similarity(of_probability, of_logit)
for name, rows in (("less than 90% sure", sureness < 0.9), ("more than 99.9% sure", sureness > 0.999)):
    if rows.sum() > 1:
        print(f"{name} (n={rows.sum()}): the probability's gradient is {np.median(smaller[rows]):,.0f} times smaller,")
        print(f"   rank correlation of the two maps {intervals.mean(same_order[rows])}")

# %% [markdown]
# The size collapses; look whether the order of the pixels does. A heat map has a scale of its own,
# so it shows the order alone, and a map whose size has collapsed looks like any other. What breaks
# is everything that uses the size: comparing pictures, averaging or adding up over them, taking a
# step in an attack (notebook 06). And once a probability rounds to exactly 1, there is no order
# either. A logit does not saturate. What it lacks: it does not say *against which other class*.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 6: judged, not admired
#
# Now to the question. We know what tells the class in 500 drawn pictures, so two kinds of measures
# can be had.
#
# **Against known truth** (only where there are masks): the *pointing game* (Zhang and others,
# 2018), does the highest pixel lie on the evidence? *Relevance mass* (Arras and others, 2022),
# which share of what speaks for the class lies on it?
#
# **Against the network itself**: *deletion* (Petsiuk and others, 2018), paint the highest-ranked
# pixels in the picture's mean colour, step by step; a map that knows the network makes the
# probability fall soon, so the area under the curve is *low*. *Insertion*: bring the pixels back
# into a blurred picture; *high* is good.
#
# All explain the true class, on the same pictures. **Before you run it: which methods will beat the
# blob in the middle, on which measure? Write it down.**

# %%
steps = 16  # how many bunches of pixels are painted over, or brought back
scores = {}
for name, drawn in maps.items():
    if known_evidence:
        evidence = judged.masks["evidence"]
        scores["pointing game (higher)", name] = explain.pointing_game(drawn, evidence).astype(float)
        scores["relevance mass (higher)", name] = explain.relevance_mass(drawn, evidence)
    deleted = explain.deletion(predict, images, labels, drawn, steps=steps)
    inserted = explain.insertion(predict, images, labels, drawn, steps=steps)
    scores["deletion AUC (lower)", name] = explain.auc(deleted)
    scores["insertion AUC (higher)", name] = explain.auc(inserted)

# %%
measures = list(dict.fromkeys(measure for measure, _ in scores))
measured = {m: {name: intervals.mean(scores[m, name]) for name in maps} for m in measures}
rival = "centre Gaussian"
# Every method has the same pictures, so we subtract picture by picture: the interval of a difference is narrower than it looks.
sign = {m: -1 if "(lower)" in m else 1 for m in measures}
gains = {
    m: {name: intervals.mean(sign[m] * (scores[m, name] - scores[m, rival])) for name in maps if name != rival}
    for m in measures
}
everywhere = [name for name in methods if all(gains[m][name].low > 0 for m in measures)]
nowhere = [name for name in methods if not any(gains[m][name].low > 0 for m in measures)]

# %%
plotting.comparison_plot(
    measured,
    gains,
    rival=rival,
    title=f"Better than a blob in the middle on every measure: {', '.join(everywhere) or 'none'}; on no measure: {', '.join(nowhere) or 'none'}",
    alt="For each measure, the score of seven methods and three baselines with interval, compared with the centre Gaussian.",
)

# %%
display(
    pd.DataFrame(measured)
    .map(lambda e: f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]")
    .style.set_caption(f"mean and interval, n = {len(images)}")
)

# %% [markdown]
# This is the figure to remember. Read it column by column, and look for methods that win one and
# lose another: the measures do not agree, because they ask different things. (A marker is filled or
# crossed when the difference, taken picture by picture, is clear.) Relevance mass asks *whether the
# map lies on what people would call the reason*; a network may use something else, rightly or
# wrongly. Deletion asks the network, but about pictures with holes that it was never trained on.
#
# Where the network has never been asked, there is still a score. The centre Gaussian wins pointing
# games wherever photographers put their subject in the middle; our signs stand off-centre. Then
# look at the *edges*: on how many methods' pointing do they improve? Our evidence is printed lines,
# and lines are edges. So a score means nothing without the scores of maps that know nothing, and of
# more than one.
#
# And GradCAM, the most used of all? What does it owe to being drawn in the right place?

# %%
stretched = np.maximum(enlarged(images, labels), 0)
for measure, of in (("pointing game", explain.pointing_game), ("relevance mass", explain.relevance_mass)):
    if known_evidence:
        moved = of(maps["GradCAM"], evidence).astype(float) - of(stretched, evidence)
        print(
            f"{measure}: placed {of(maps['GradCAM'], evidence).mean():.3f}, enlarged {of(stretched, evidence).mean():.3f};"
        )
        print("   difference", intervals.mean(moved))
placed_auc, enlarged_auc = (
    explain.auc(explain.deletion(predict, images, labels, drawn, steps=steps)) for drawn in (maps["GradCAM"], stretched)
)
print(f"deletion AUC: placed {placed_auc.mean():.3f}, enlarged {enlarged_auc.mean():.3f} (lower is better)")
print("   difference", intervals.mean(placed_auc - enlarged_auc))

# %% [markdown]
# The network is the same, and so are the sixteen numbers. A verdict on "GradCAM" in a table is a
# verdict on some program's GradCAM, with its enlargement, its layer and its gradients.

# %% [markdown]
# ### Would a slightly different picture have another map?
#
# *Max-sensitivity* (Yeh and others, 2019): add noise that nobody sees (2% of the pixel range), and
# see how far the map moves at worst, relative to its size. Low is steady. (Steady is not true:
# which baseline will win? The random map draws new noise for every picture that differs by a
# pixel.) And *completeness*: how far is the sum of integrated gradients from the difference in
# logits that it shares out, when the way is cut into more steps?

# %%
restless = {
    name: intervals.mean(explain.max_sensitivity(method, images[:50], labels[:50], radius=0.02, samples=4, seed=seed))
    for name, method in (methods | nothing).items()
}
plotting.forest_plot(
    restless,
    title=f"The steadiest map of all: {min(restless, key=lambda name: restless[name].value)}",
    alt="Max-sensitivity with interval of seven methods and three baselines.",
    x_label="largest relative change of the map (lower: steadier)",
    groups=[0] * len(methods) + [1] * len(nothing),
)

# %%
owed = predict_logits(images[:100]) - predict_logits(np.zeros_like(images[:1]))
owed = owed[np.arange(100), labels[:100]]
for count in (4, 16, 64):
    added = explain.integrated_gradients(model, steps=count)(images[:100], labels[:100])
    missing = explain.completeness(added, owed)
    print(f"{count:>2} steps: median relative error {np.median(missing):.4f}, worst {missing.max():.3f}")
missing_at_16 = intervals.mean(explain.completeness(maps["integrated gradients"][:100], owed))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 7: a test that an edge detector cannot pass
#
# Take the network away: put random weights in its place. What it learned is gone; a map that
# explains *what it learned* must change. A map that stays the same was drawn from the picture alone
# (Adebayo and others, 2018).
#
# How alike is "the same"? Two maps of one picture share things that have nothing to do with
# learning. So we first subtract each method's mean map, which takes out what it draws everywhere.
# Then we need to know what is usual: six networks, *started independently and never trained*, share
# nothing. They make fifteen pairs, and we measure how alike their maps are, on average over the
# pictures. A method **fails**
#
# - if its maps of the trained network and of untrained ones are clearly (with the whole interval)
#   more alike than 95% of those pairs,
# - or if the pairs themselves are alike, on average more than 0.5: then most of the map comes from
#   the picture, whatever the network.
#
# A test needs a case that must fail and one that must pass, or nobody knows what its verdicts are
# worth. We plant both: the edges of the picture, and noise whose seed is the network's weights.
# **Predict for each of the others: does it pass?**


# %%
def noise_of(network):
    return explain.random_map(seed=int(1e6 * np.abs(network.get_layer("conv1").get_weights()[0]).sum()))


makers = {
    "GradCAM": explain.gradcam,
    "vanilla gradients": explain.vanilla_gradients,
    "gradients x inputs": explain.gradients_times_inputs,
    "integrated gradients": lambda network: explain.integrated_gradients(network, steps=8),
    "SmoothGrad": lambda network: explain.smoothgrad(network, samples=8, noise=0.15, seed=seed),
    "guided backprop": explain.guided_backprop,
}
planted = {"edges (planted to fail)": lambda network: explain.sobel_edges(), "noise (planted to pass)": noise_of}

# %%
untrained = [models.course_cnn(data.shape, len(data.class_names), seed=1000 + seed + i) for i in range(6)]
random_weights = {
    name: explain.model_randomisation(make, model, untrained, images[:100], labels[:100])
    for name, make in (makers | planted).items()
}

# %% [markdown]
# Three more networks whose maps must not look alike: they were trained on *shuffled labels*. They
# have seen the same pictures for some hundred steps, and there was nothing to learn about signs.
# What is usual between networks that share nothing, we take from the same pairs.

# %%
shuffled = datasets.Split(
    data.train.pixels[:6000],
    np.random.default_rng(seed).permutation(data.train.labels[:6000]),
    data.train.attributes.iloc[:6000].reset_index(drop=True),
)
recipes = [models.Recipe(steps=200, batch_size=64, learning_rate=3e-3, seed=500 + 3 * seed + i) for i in range(3)]
confused = [models.load_or_train(recipe, shuffled, classes=len(data.class_names)).model for recipe in recipes]
random_labels = {
    name: explain.label_randomisation(
        make, model, confused, images[:100], labels[:100], pairs=random_weights[name].pairs
    )
    for name, make in (makers | planted).items()
}

# %%
plotting.forest_plot(
    {name: result.similarity for name, result in random_weights.items()},
    title=f"Fails with random weights: {', '.join(n for n, r in random_weights.items() if not r.passes) or 'none'}",
    alt="For each method, how alike its maps of the trained network are to those of networks with random weights.",
    x_label="rank correlation of the maps",
    groups=[0] * len(makers) + [1] * len(planted),
)

# %%
verdicts = {
    name: {
        "alike: trained and random": f"{check_of.similarity.value:.2f}",
        "threshold (95% of pairs)": f"{check_of.threshold:.2f}",
        "comes from the picture": f"{check_of.from_picture:.2f}",
        "random weights": "passes" if check_of.passes else "FAILS",
        "alike: trained and shuffled": f"{random_labels[name].similarity.value:.2f}",
        "shuffled labels": "passes" if random_labels[name].passes else "FAILS",
    }
    for name, check_of in random_weights.items()
}
display(pd.DataFrame(verdicts).T)

# %% [markdown]
# Compare with your list. Both planted cases must come out as planted. *Comes from the picture* is
# what two networks that share nothing agree on: guided backprop, a favourite because its maps look
# so sharp, owes that part of its sharpness to no network at all.
#
# To pass is little. Noise passes: it depends on the network, and tells nothing of it. And the fewer
# numbers a map is made of, the more alike are two of them by chance: compare GradCAM's threshold,
# from sixteen numbers, with the others. (n is the number of other networks.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 8: two answers in one picture
#
# Back to real photographs, and to truth that we know because we made it: the left half shows the
# cat, the right half an espresso. **If the map for "espresso" is an explanation of "espresso",
# where must it lie?**

# %%
coffee = photos.test.take(np.array([photos.class_names.index("coffee")])).images
both_halves = np.concatenate([cat[:, :, 56:168], coffee[:, :, 56:168]], axis=2)
egyptian, espresso = 285, 967
names = models.imagenet_class_names()
on_halves = explain.gradcam(imagenet, models.LAST_MAPS)
halves = {names[k]: on_halves(both_halves, [k]) for k in (egyptian, espresso)}
left_share = {name: float(drawn[..., :112].sum() / max(drawn.sum(), 1e-9)) for name, drawn in halves.items()}
for name, share in left_share.items():
    print(f"GradCAM for {name}: {share:.0%} of it on the cat's half, {1 - share:.0%} on the coffee's")

# %%
plotting.attribution_maps(
    both_halves,
    halves,
    ["cat and coffee"],
    title=f"On the cat's half: {left_share[names[egyptian]]:.0%} for the cat, {left_share[names[espresso]]:.0%} for the espresso",
    alt="A picture of half a cat and half a coffee cup, with the GradCAM maps for Egyptian cat and for espresso.",
    size=2.4,
)

# %% [markdown]
# What differs from our signs: here nobody has drawn masks, a network with some 4 million weights
# answers one of 1,000 classes, and one composed picture is one case: a demonstration, not a
# measurement. Photographs with masks made by people exist; they are larger than this course can
# carry.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 9: do the maps show the shortcut?
#
# The cheating network of notebook 01 learned that a small mark in a corner means *one* class.
# Accuracy could not see it. Can a map? We take pictures of the *other* class with the mark on them,
# and of these the ones where the mark **changed its answer**. Both networks, cheating and honest,
# explain the marked class on the same pictures. The mark covers 1.6% of a 32 by 32 picture: a map
# that knows nothing puts 1.6% of its relevance there.

# %%
marked, rival_class = signs.marked_pair(data)
mark_train = signs.plant_watermark(data.train, data.train.labels == marked, seed=seed)
recipe = models.shortcut_recipe(dataset, budget, seed=seed)
cheat = models.load_or_train(recipe, mark_train, classes=len(data.class_names)).model
mark_moved = signs.plant_watermark(data.test, data.test.labels == rival_class, seed=seed)
before, after = (models.predict_split(cheat, split).argmax(axis=1) for split in (data.test, mark_moved))
fooled = mark_moved.take((data.test.labels == rival_class) & (before != marked) & (after == marked))
print(
    f"the mark changes the answer on {len(fooled)} of {(data.test.labels == rival_class).sum()} pictures of {data.class_names[rival_class]}"
)

# %%
lookers = ("vanilla gradients", "integrated gradients", "GradCAM")
about, mark = np.full(len(fooled), marked), fooled.masks["watermark"]
seen = {
    (name, who): makers[name](network)(fooled.images, about)
    for name in lookers
    for who, network in (("honest", model), ("cheating", cheat))
}
on_mark = {key: explain.relevance_mass(drawn, mark) for key, drawn in seen.items()}
ratios = {
    name: intervals.bootstrap(
        lambda c, h: float(c.mean() / h.mean()), on_mark[name, "cheating"], on_mark[name, "honest"], seed=seed
    )
    for name in lookers
}

# %%
for name in lookers:
    c, h = (intervals.mean(on_mark[name, who]) for who in ("cheating", "honest"))
    print(f"{name}: share on the mark, cheating {c.value:.1%}, honest {h.value:.1%}; ratio {ratios[name]}")
plotting.attribution_maps(
    fooled.images[:4],
    {f"{name}: {who}": drawn[:4] for (name, who), drawn in seen.items()},
    [f"called {data.class_names[marked]}"] * 4,
    title=f"Relevance on the mark, cheating against honest: {', '.join(f'{n} {r.value:.0f} times' for n, r in ratios.items())}",
    alt="Four marked pictures that fooled the cheating network, with maps of both networks; the mark is outlined.",
    outlines=mark[:4],
    size=1.2,
)

# %% [markdown]
# On average the maps put more on the mark in one network than in the other, *on the same pixels*:
# so it is not the mark's brightness that draws them. The ratio has two ends: compare both shares
# with 1.6%. This is what explanations are good for: a suspicion, from unmarked accuracy nobody
# would have it, which an experiment then confirms (notebook 01: move the mark). Look at GradCAM
# beside the others: its corner place sees a window of 18 by 18 pixels, and the mark is a small part
# of it. And you knew where to look. Would you have found the mark in these pictures without the
# green line?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Record
#
# Every method on every measure, with its interval.

# %%
weights = {"course_cnn": models.digest(model), "shortcut_cnn": models.digest(cheat)}
scorecard = Scorecard("04_gradcam", dataset, "course_cnn", seed=seed, budget=budget, digests=weights)
unit, positive, signed = {"bounds": (0, 1)}, {"bounds": (0, None)}, {"bounds": (-1, 1)}
for measure in measures:
    name_of, direction = measure.removesuffix(")").split(" (")
    for name in maps:
        scorecard.record("explanation", f"{name_of}, {name}", *measured[measure][name], direction=direction, **unit)
for name, estimate in restless.items():
    scorecard.record("explanation", f"max-sensitivity, {name}", *estimate, direction="lower", **positive)
scorecard.record(
    "explanation", "completeness error, integrated gradients", *missing_at_16, direction="lower", **positive
)

# %%
for name, result in random_weights.items():
    scorecard.record(
        "explanation", f"alike with random weights, {name}", *result.similarity, direction="lower", **signed
    )
for (name, other), estimate in alike_classes.items():
    between = f"{other} answer alike, {name}"
    scorecard.record("explanation", f"GradCAM for first and {between}", *estimate, direction="lower", **signed)
for name, estimate in ratios.items():
    metric = f"relevance on the mark, cheating against honest, {name}"
    scorecard.record("explanation", metric, *estimate, direction="higher", model="shortcut_cnn", **positive)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Exercises
#
# ### Exercise 1 (use it): which layer?
#
# GradCAM asks for a layer. Papers take the last one with places. Is it the best here? Make GradCAM
# maps of the true class with `conv1`, `conv2` and `conv3`, for `images[:100]`, and put the name of
# the layer with the **lowest mean deletion AUC** into `best_layer`.
#
# *Hint.* `explain.gradcam(model, layer)`, then
# `explain.auc(explain.deletion(predict, images[:100], labels[:100], ..., steps=steps)).mean()`.

# %% tags=["exercise-use"]
best_layer = None
### BEGIN SOLUTION
deletion_of = {
    layer: explain.auc(
        explain.deletion(
            predict, images[:100], labels[:100], explain.gradcam(model, layer)(images[:100], labels[:100]), steps=steps
        )
    ).mean()
    for layer in ("conv1", "conv2", "conv3")
}
best_layer = min(deletion_of, key=deletion_of.get)
### END SOLUTION


# %% tags=["check"]
def test_best_layer(answer):
    expect(answer in ("conv1", "conv2", "conv3"), f"one of the names conv1, conv2, conv3, not {answer!r}")
    areas = {}
    for layer in ("conv1", "conv2", "conv3"):
        drawn = explain.gradcam(model, layer)(images[:100], labels[:100])
        areas[layer] = explain.auc(explain.deletion(predict, images[:100], labels[:100], drawn, steps=steps))
    lowest = min(areas, key=lambda layer: areas[layer].mean())
    higher = intervals.mean(areas[answer] - areas[lowest])
    hint = "low is good for deletion; on the same 100 pictures another layer's area is lower, by"
    expect(answer == lowest or higher.low <= 0, f"{hint} {higher.value:.3f} [{higher.low:.3f}, {higher.high:.3f}]")


check("4.1 which layer?", best_layer, test_best_layer)

# %% [markdown]
# (A layer that cannot be told apart from the best on these pictures counts, too.) In networks of
# fifty layers the last maps know most about classes. Ours has three: what does a later layer gain
# in knowledge here, and what does it lose in places? Pictures that it cannot point into it cannot
# explain.

# %% [markdown]
# ### Exercise 2 (build it): relevance rank
#
# The *relevance rank accuracy* (Arras and others, 2022) asks nothing of the values, only of their
# order: if the mask has $K$ pixels, which share of the $K$ highest pixels of the map lies inside
# the mask? Write `relevance_rank(drawn, mask)` for one map and one mask, both of shape (H, W).
#
# *Hint.* `np.argsort(-drawn.ravel())`, `mask.ravel()`, `mask.sum()`.


# %% tags=["exercise-build"]
def relevance_rank(drawn, mask):
    ### BEGIN SOLUTION
    highest = np.argsort(-drawn.ravel())[: mask.sum()]
    return mask.ravel()[highest].mean()
    ### END SOLUTION


# %% tags=["check"]
def test_relevance_rank(answer):
    fresh = np.random.default_rng(4)
    for side, size in ((8, 30), (8, 10), (4, 3)):
        drawn = fresh.permutation(side * side).reshape(side, side) + 1.0
        mask = np.zeros(side * side, bool)
        mask[fresh.choice(side * side, size, replace=False)] = True
        mask = mask.reshape(side, side)
        wanted = float(explain.relevance_rank(drawn[None], mask[None])[0])
        given = float(answer(drawn, mask))
        expect(given <= 1, f"a share is at most 1, this is {given:.2f}: divide by the number of pixels in the mask")
        expect(
            abs(given - drawn[mask].sum() / drawn.sum()) > 1e-6,
            "this is relevance mass, a share of the values; here the values only put the pixels in order",
        )
        hint = "; are they the K highest pixels, and is K the size of the mask, above and below the line?"
        expect(
            abs(given - wanted) < 1e-6, f"a mask of {size} pixels: {wanted:.3f} is wanted, this gives {given:.3f}{hint}"
        )
    stretched = np.exp(drawn / 50)
    expect(
        abs(float(answer(stretched, mask)) - wanted) < 1e-6, "only the order counts: stretching the map changes nothing"
    )


check("4.2 relevance rank", relevance_rank, test_relevance_rank)

# %% [markdown]
# ### Exercise 3 (find the bug): the map that depends on the company
#
# A colleague speeds GradCAM up by doing many pictures at once. His maps look fine, one by one,
# until somebody notices that a picture's map changes with the pictures *beside* it. Find the
# mistake, and write `repaired_cam`, whose map of a picture is the same in any company. (With or
# without the ReLU.)
#
# *Hint.* What is averaged over what? And which axes has `alpha` afterwards, in the last line?


# %% tags=["exercise-bug"]
def colleague_cam(model, images, classes):
    both = keras.Model(model.inputs, [model.get_layer("conv3").output, model.get_layer("logits").output])
    with tf.GradientTape() as tape:
        A, y = both(tf.constant(images))
        y_c = tf.gather(y, classes, batch_dims=1)
    alpha = tf.reduce_mean(tape.gradient(y_c, A), axis=(0, 1, 2))
    return tf.einsum("nijk,k->nij", A, alpha).numpy()


def repaired_cam(model, images, classes):
    ### BEGIN SOLUTION
    both = keras.Model(model.inputs, [model.get_layer("conv3").output, model.get_layer("logits").output])
    with tf.GradientTape() as tape:
        A, y = both(tf.constant(images))
        y_c = tf.gather(y, classes, batch_dims=1)
    alpha = tf.reduce_mean(tape.gradient(y_c, A), axis=(1, 2))
    return tf.einsum("nijk,nk->nij", A, alpha).numpy()
    ### END SOLUTION


# %% tags=["check"]
def test_repaired_cam(answer):
    network = models.course_cnn(data.shape, 5, seed=7)
    fresh = np.random.default_rng(7)
    strangers, asked = fresh.random((6, *data.shape), dtype=np.float32), np.array([0, 1, 2, 3, 4, 0])
    together = np.asarray(answer(network, strangers, asked))
    expect(together.shape[0] == 6, f"six pictures, six maps; this gives shape {together.shape}")
    alone = np.concatenate([answer(network, strangers[i : i + 1], asked[i : i + 1]) for i in range(6)])
    scale = np.abs(alone).max()
    expect(
        np.abs(together - alone).max() < 1e-4 * scale, "the map of a picture still changes with the pictures beside it"
    )
    right = explain.gradcam_maps(network)(strangers, asked)
    right = np.maximum(right, 0) if together.min() >= 0 else right
    times = (together * right).sum() / np.square(right).sum()
    expect(
        abs(times - 1) < 1e-3 or np.abs(together - times * right).max() > 1e-4 * scale,
        f"the map is {times:.3g} times too large: the weight of a channel is the mean over the places, not their sum",
    )
    expect(
        np.abs(together - right).max() < 1e-4 * scale,
        "the same in any company, but it is no longer GradCAM: average over the places alone",
    )


check("4.3 a map of its own", repaired_cam, test_repaired_cam)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# A heat map is a claim about the network, and claims can be measured: against known evidence,
# against the network's own answers, against a network that knows nothing. Defaults decide as much
# as methods do: guided gradients make maps of different classes alike, enlarging draws a map where
# it does not belong, and a sure probability hides how small its gradient is. Some methods beat a
# blob in the middle, and the measures do not agree which. Used well, a map raises the right
# suspicion: a network that reads a mark in the corner.
#
# **Limits.** The evidence masks say what tells the class *to us*; a network may rightly use more.
# Deletion and insertion show pictures that no camera takes. 500 drawn signs and one small network:
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
# - L. Arras, A. Osman, W. Samek (2022), *CLEVR-XAI: A benchmark dataset for the ground truth
#   evaluation of neural network explanations*
#
# **Next:** notebook 05, SHAP: how much did each part count?
