# %% [markdown] slideshow={"slide_type": "slide"}
# # 09 Privacy: what does it remember?
#
# **The question.** A network is published. Its training pictures are not. What can a stranger learn
# about them all the same, and what would a promise be worth that this is little?
#
# **What you will be able to do**
#
# - find out from a network's answers whether a picture was in its training, and how often that
#   works,
# - say in a sentence what $\epsilon$ and $\delta$ promise, and what they do not,
# - train with differential privacy, and show what the noise costs,
# - tell a private training from one that only says so, from inside and from outside.
#
# **What you need first.** Notebook 01 (a network, its loss). PyTorch is new here: the library for
# private training, Opacus, is written for it.
#
# **Time.** About 120 minutes for the core with its exercises, 145 with the deeper steps, marked
# with a star; about 2 minutes to run on two cores.
#
# **What would fool you here.** An attack that is right half of the time *on average* can be sure
# about a few pictures. And a training that reports $\epsilon = 3$ repeats what it was told.

# %%
import helpers

helpers.require("0.2")

# %%
import numpy as np
import pandas as pd
import torch
from IPython.display import display

from helpers import datasets, intervals, plotting, privacy
from helpers.course.exercises import check, expect, one_number
from helpers.scorecard import Scorecard, measured_once

torch.set_num_threads(1)  # steps this small gain little by two, which wait for each other on a busy machine

# %% tags=["parameters"]
# Whose pictures are kept secret: "signs" are drawn, "fashion" is clothing, 70,000 real photographs.
dataset = "signs"
# "quick" takes about two minutes; "full" attacks twice as many networks.
budget = "quick"
# Every random choice below follows from this number.
seed = 0

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 1: learned by heart
#
# We train 16 networks of the same kind. There are 2,000 pictures, and each network gets half of
# them, by lot: its **members**. The other half are its **non-members**. So every picture was in the
# training of 8 networks, and not in that of the other 8. The networks go over their pictures 20
# times. **Predict: how many of its members does a network read rightly, and how many non-members?**

# %%
recipe = privacy.ShadowRecipe(dataset, models=16 if budget == "quick" else 32, seed=seed)
shadows = privacy.train_shadows(recipe)
member, confidence = shadows.membership, shadows.confidences  # a row for each network, a column for each picture
on_members, on_others = shadows.accuracy
print(f"{member.shape[0]} networks, {member.shape[1]:,} pictures of {dataset}")
print(f"read rightly: {on_members:.1%} of its members, {on_others:.1%} of its non-members")

# %% [markdown]
# Look at one network. For each picture we take how sure it is of the *true* class, on a scale where
# 0 is "half" and each unit multiplies the odds by $e$, about 2.7: $\log \frac{p}{1-p}$.


# %%
def heart_title(inside, outside):
    difference = inside - outside
    return f"Members are {'surer' if difference > 0 else 'no surer'}: median {inside:.1f} beside {outside:.1f}"


target = 0
groups = {"members": confidence[target, member[target]], "non-members": confidence[target, ~member[target]]}
plotting.histogram(
    groups,
    title=heart_title(*(float(np.median(values)) for values in groups.values())),
    alt="Two outlines: how sure one network is of the true class, for its members and its non-members.",
    x_label="log p / (1 - p) of the true class",
)

# %% [markdown]
# Whoever sees how sure the network is knows something about who was in its training.
# If the pictures were X-rays of one hospital, "was in the training" would mean "is ill".

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 2: the simplest attack
#
# **Membership inference** asks of one picture and one network: member or not? The oldest attack
# says "member" where the loss is small (Yeom and others, 2018). Where exactly "small" ends is a
# threshold, and each threshold makes two kinds of answers: members that are found (**TPR**, true
# positive rate) and non-members that are accused (**FPR**). All thresholds together are the
# **ROC**. The **AUC**, the area under it, is how often a member looks more like one than a
# non-member does.

# %%
by_loss = privacy.loss_threshold(confidence)
print("loss threshold:", privacy.measure_attack(by_loss, member, seed=seed))

# %% [markdown]
# An AUC of 0.5 is guessing. (Each of the 16 networks has about 1,000 members and as many others.)
# Now compare each TPR with the FPR beside it: where they are equal, the attack does what guessing
# does. An average over all pictures is the wrong question. A spy does not want to be right a little
# more often than not. He wants to be *sure* about somebody. So we ask how many members he finds
# while he accuses 1 in 100 non-members, or 1 in 1,000 (Carlini and others, 2022).
#
# ### Exercise 9.1 (use it): sure about a few
#
# Two spies, each with scores for the same 40,000 people. `rumour` knows a little about everybody.
# `insider` knows a few members for certain, and nothing about the others. Their AUC is nearly the
# same. Put into `times_better` how many times more members the insider finds than the rumour does,
# at an FPR of 0.1%.
#
# *Hint.* `privacy.measure_attack(scores, truth)` has `.auc` and `.tpr_at_permille`; each has a
# `.value`.

# %%
rng = np.random.default_rng(seed)
truth = np.arange(40_000).reshape(1, -1) % 2 == 0
rumour = rng.normal(size=truth.shape) + 0.16 * truth
insider = rng.normal(size=truth.shape) + 10 * (truth & (rng.random(truth.shape) < 0.1))
spies = {"truth": truth.copy(), "rumour": rumour.copy(), "insider": insider.copy()}
for name in ("rumour", "insider"):
    print(f"{name}: AUC {privacy.measure_attack(spies[name], truth, resamples=50).auc}")

# %% tags=["exercise-use"]
times_better = None
### BEGIN SOLUTION
finds = [privacy.measure_attack(known, truth, resamples=50).tpr_at_permille.value for known in (insider, rumour)]
times_better = finds[0] / finds[1]
### END SOLUTION


# %% tags=["check"]
def test_times_better(answer):
    given = one_number(answer)
    at = [privacy.measure_attack(spies[spy], spies["truth"], resamples=20) for spy in ("insider", "rumour")]
    aucs, permille, percent = (
        [getattr(strength, name).value for strength in at] for name in ("auc", "tpr_at_permille", "tpr_at_percent")
    )
    expect(not np.isclose(given, aucs[0] / aucs[1], rtol=1e-3), "this is the ratio of the AUCs, where they are alike")
    expect(not np.isclose(given, permille[1] / permille[0], rtol=1e-3), "the other way round: insider over rumour")
    expect(not np.isclose(given, percent[0] / percent[1], rtol=1e-3), "this is at 1%; take `.tpr_at_permille`")
    expect(
        not np.isclose(given, permille[0] - permille[1], rtol=1e-3), "this is the difference; how many *times* more?"
    )
    ratio = permille[0] / permille[1]
    expect(
        not 0.01 < abs(given / ratio - 1) < 0.3, f"{given:.3g} is near: divide `.value`, not the rounded percentages"
    )
    expect(np.isclose(given, ratio, rtol=1e-2), f"{given:.3g} is not the ratio of the two TPRs")


check("9.1 sure about a few", times_better, test_times_better)

# %% [markdown]
# The denominator counts a few dozen people, so say "some fifty times", and not a figure with
# decimals.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 3: easy pictures are innocent
#
# A clear sign has a small loss in *every* network, also in those that never saw it. So the loss
# alone accuses easy pictures. The **likelihood-ratio attack** (LiRA) compares like with like. The
# spy trains **shadow models** himself, with and without the picture, and asks: does the target's
# answer look like the answers of networks *with* it, or *without* it? Here the other 15 networks
# serve as shadows for each target in turn. Two pictures:

# %%
margin = np.array([confidence[member[:, j], j].mean() - confidence[~member[:, j], j].mean() for j in range(300)])
two = {"gives itself away": int(margin.argmax()), "does not": int(np.abs(margin).argmin())}
for name, j in two.items():
    spread = [
        f"{confidence[rows, j].mean():5.1f} ± {confidence[rows, j].std():.1f}" for rows in (member[:, j], ~member[:, j])
    ]
    print(f"picture {j:3} {name:18} networks with it: {spread[0]}, without it: {spread[1]}")

# %% [markdown]
# Now the attack, written out. For a target's answer $x$ we need two normal distributions: mean
# $\mu_1$ and variance $\sigma_1^2$ of the networks *with* the picture, and $\mu_0$, $\sigma_0^2$ of
# those *without*. The score is $\log \frac{N(x; \mu_1, \sigma_1^2)}{N(x; \mu_0, \sigma_0^2)}$.
# Seven or eight networks are too few for a variance, so all pictures share one; and a mean of $n$
# networks is itself uncertain, so distances are measured in $\sigma \sqrt{1 + 1/n}$. (Without the
# target, $n$ is 7 on its own side and 8 on the other: it must not show in the score.)


# %%
def log_law(x, answers, which):  # log density of x, without its constant and without n: n itself would tell
    n = which.sum(axis=0)
    mean = np.where(which, answers, 0).sum(axis=0) / n
    variance = (np.where(which, answers - mean, 0) ** 2).sum() / (n - 1).sum()  # one for all pictures
    return -0.5 * (x - mean) ** 2 / (variance * (1 + 1 / n)) - 0.5 * np.log(variance)


def lira_by_hand(target):
    others = np.arange(len(member)) != target  # nothing of the target in its own laws
    answers, which = confidence[others], member[others]
    return log_law(confidence[target], answers, which) - log_law(confidence[target], answers, ~which)


scores = privacy.lira(confidence, member)

# %% tags=["nbval-check-output"]
print("the library gives the same:", np.allclose([lira_by_hand(t) for t in range(len(member))], scores))

# %%
leak = privacy.measure_attack(scores, member, seed=seed)
gain = privacy.compare_attacks(scores, by_loss, member, seed=seed)
print("LiRA:          ", leak)
print("LiRA minus loss threshold, AUC on the same decisions:", gain)
wrong_list = privacy.random_halves(*member.shape, seed=seed + 1)
print(
    "control, LiRA with a wrong list of members:",
    privacy.measure_attack(privacy.lira(confidence, wrong_list), wrong_list).auc,
)


# %%
def roc_title(attack, tpr):
    return f"{attack} finds {tpr:.1%} of the members while it accuses 1 in 1,000 others"


# %%
def visible(roc):  # where both axes are above 0
    keep = np.unique(np.searchsorted(roc.fpr, np.geomspace(2e-4, 1, 60)).clip(max=len(roc.fpr) - 1))
    keep = keep[(roc.fpr[keep] > 0) & (roc.tpr[keep] > 0)]
    return roc.fpr[keep], roc.tpr[keep]


rates = np.geomspace(2e-4, 1, 30)
# %%
curves = {
    "LiRA": visible(privacy.attack_roc(scores, member)),
    "loss threshold": visible(privacy.attack_roc(by_loss, member)),
}
plotting.line_plot(
    curves | {"guessing": (rates, rates)},
    title=roc_title("LiRA", leak.tpr_at_permille.value),
    alt="Share of members found against share of non-members accused, both on log scales, for two attacks and guessing.",
    x_label="non-members accused (FPR)",
    y_label="members found (TPR)",
    log_x=True,
    log_y=True,
)

# %% [markdown]
# The left end is where a spy is sure. The control asks whether our own counting is honest: with a
# list of members that was drawn anew, nothing can be known, and nothing is found.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 4: who is exposed?
#
# The average hides whom it hits. For each picture we take its mean score in networks that learned
# from it, minus the mean in those that did not. **Predict: which pictures give themselves away, the
# typical or the strange ones?**

# %%
exposed = privacy.exposure(scores, member)
read_unseen = np.array([shadows.correct[~member[:, j], j].mean() for j in range(member.shape[1])])
order = exposed.argsort()[::-1]
shown = np.concatenate([order[:6], order[len(order) // 2 :][:6]])
names = datasets.load(dataset, train=1, calibration=1, test=1, seed=seed).class_names
plotting.image_grid(
    shadows.split.images[shown],
    [f"{names[shadows.split.labels[j]]}: {exposed[j]:.0f}\nunseen, read by {read_unseen[j]:.0%}" for j in shown],
    title="Above: most exposed; below: pictures in the middle",
    alt="Twelve training pictures: the six that give themselves away most, and six in the middle.",
    columns=6,
    size=1.5,
)

# %%
by_difficulty = pd.cut(read_unseen, [-0.01, 0.25, 0.75, 0.99, 1.0], labels=["0-25%", "25-75%", "75-99%", "all"])
table = pd.DataFrame({"read rightly by networks without it": by_difficulty, "exposure": exposed})
display(table.groupby("read rightly by networks without it", observed=True)["exposure"].agg(["size", "mean"]).round(2))

# %% [markdown]
# Would you have called the upper six strange? Strange is what surprises a *network*: those without
# them named another class. The table sorts pictures by how often networks that never saw them read
# them rightly. A picture that others read anyway need not be learned by heart. A picture that
# nobody would guess can only be known by whoever saw it, if they learned it at all. Where pictures
# show people, those who are rare in the data may be the ones whom a network fails (notebook 08) and
# gives away, both for the same reason.
#
# Drawn signs are our own rules. Do real pictures leak as well? Below are 600 digits that people
# wrote by hand, and 16 networks more.

# %%
handwriting = privacy.train_shadows(privacy.ShadowRecipe("digits", pictures=600, seed=seed))
heart = [f"{share:.1%}" for share in handwriting.accuracy]
of_digits = privacy.measure_attack(
    privacy.lira(handwriting.confidences, handwriting.membership), handwriting.membership, seed=seed
)
print(f"read rightly: {heart[0]} of its members, {heart[1]} of its non-members")
print("LiRA on digits:", of_digits)

# %% [markdown]
# Compare with step 3, in both measures. Networks that read new pictures nearly as well as old ones
# give away less *on average*, and the AUC says so. Whether a spy can be sure about a few is another
# question, and the TPR at 0.1% answers it. (These networks learned from 300 pictures each, those of
# step 1 from 1,000.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 5: a promise from coin flips
#
# How could anybody answer and still not give himself away? An old trick of surveys: before you
# answer "did you ever run a red light?", throw a biased coin in secret. With probability
# $\frac{e^\epsilon}{1 + e^\epsilon}$ tell the truth, otherwise the opposite (**randomised
# response**; Warner, 1965). Whatever you say, you may have said it because of the coin.

# %%
rng = np.random.default_rng(seed)
drivers = rng.random(2000) < 0.3  # the truth, which nobody is to know
for promise in (0.5, 1, 3):
    p = privacy.truth_probability(promise)
    said = privacy.randomised_response(drivers, promise, rng)
    print(
        f"epsilon {promise:g}: truth with probability {p:.2f}; said yes {said.mean():.2f}, really {drivers.mean():.2f}"
    )

# %% [markdown]
# "Yes" is at most $\frac{p}{1-p} = e^\epsilon$ times as likely from somebody who did it as from
# somebody who did not. That is the whole promise of **differential privacy** (Dwork and others,
# 2006): *no answer is more than $e^\epsilon$ times as likely because of one person*. It holds
# against whatever else the spy knows.
#
# ### Exercise 9.2 (build it): the truth about all
#
# Nobody can be found out, but the share of all can. Write `true_share(said, epsilon)`: from the
# answers (an array of True and False) an estimate of the true share that is right on average.
#
# *Hint.* If a share $s$ did it, "yes" is said with probability $s p + (1 - s)(1 - p)$, with
# $p$ from `privacy.truth_probability(epsilon)`. Solve for $s$.


# %% tags=["exercise-build"]
def true_share(said, epsilon):
    ### BEGIN SOLUTION
    p = privacy.truth_probability(epsilon)
    return (np.mean(said) - (1 - p)) / (2 * p - 1)
    ### END SOLUTION


# %% tags=["check"]
def test_true_share(answer):
    rng = np.random.default_rng(11)
    for share, epsilon in ((0.1, 0.5), (0.8, 1.0), (0.5, 3.0)):
        p = np.exp(epsilon) / (1 + np.exp(epsilon))
        truths = np.arange(20_000) < share * 20_000
        told = np.where(rng.random(20_000) < p, truths, ~truths)
        given, wanted = one_number(answer(told.copy(), epsilon)), (told.mean() - (1 - p)) / (2 * p - 1)
        expect(not np.isclose(given, told.mean(), atol=1e-9), "this is how many *said* yes")
        expect(np.isclose(given, wanted, atol=1e-6), f"at epsilon {epsilon:g} expected {wanted:.3f}, got {given:.3f}")
    few = one_number(answer(np.arange(1000) < 400, 0.2))
    expect(few < 0, "an estimate may fall below 0 by bad luck; who cuts it off there is no longer right on average")


check("9.2 the truth about all", true_share, test_true_share)

# %%
for promise in (0.5, 1, 3):
    answered = privacy.randomised_response(drivers, promise, np.random.default_rng((seed, 1)))
    print(f"epsilon {promise:g}: share {privacy.response_share(answered, promise)}, really {drivers.mean():.3f}")

# %% [markdown]
# The stronger the promise, the longer the interval: this is what privacy costs here, and more
# answers make it up.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 6: what epsilon is about
#
# The other classic answers a count. "How many pictures show a stop sign at night?" One picture more
# or less changes the count by at most 1, its **sensitivity**. The **Laplace mechanism** adds noise
# of scale $\frac{\text{sensitivity}}{\epsilon}$. Here are its answers about two data sets that
# differ in one picture: these two are called **neighbours**.

# %%
rng = np.random.default_rng(seed)
counting_epsilon = 1.0
answers = {
    f"{count} pictures": privacy.laplace_mechanism(np.full(1_000_000, count), 1, counting_epsilon, rng)
    for count in (100, 101)
}
edges = np.arange(96, 106, 2)  # wide bins, so that each holds many answers
counted = [np.histogram(given, edges)[0] for given in answers.values()]
ratios = counted[1] / counted[0]
plotting.histogram(
    {name: given[(given > 92) & (given < 109)] for name, given in answers.items()},
    title=f"One picture more: an answer is up to {max(ratios.max(), 1 / ratios.min()):.1f} times as likely",
    alt="Two outlines of noisy answers about 100 and about 101 pictures, which overlap almost everywhere.",
    x_label="answer of the Laplace mechanism",
)

# %% [markdown]
# The title counts; the promise is $e^\epsilon$. For a spy it means this: he finds members (TPR) at
# most $e^\epsilon$ times as often as he accuses others (FPR). A small $\delta$ is granted besides,
# the probability with which the promise may fail: TPR $\le e^\epsilon \cdot$ FPR $+ \delta$.

# %%
print(f"allowed at epsilon {counting_epsilon:g}: e^epsilon = {np.exp(counting_epsilon):.2f}")
allowed = {
    f"{budgeted:g}": {
        "times as likely": f"{np.exp(budgeted):,.1f}" if budgeted < 20 else f"{np.exp(budgeted):.0e}",
        "TPR at 0.1% FPR, at most": f"{privacy.dp_tpr_bound(budgeted, 1e-5, 0.001):.1%}",
        "TPR at 1% FPR, at most": f"{privacy.dp_tpr_bound(budgeted, 1e-5, 0.01):.1%}",
    }
    for budgeted in (0.1, 1, 3, 8, 50)
}
display(pd.DataFrame(allowed).T.rename_axis("epsilon"))

# %% [markdown]
# At $\epsilon = 3$ a spy who accuses 1 in 1,000 may find at most 2 in 100
# members: twenty times as many as by guessing, and still few. At 8 the promise is weak, and 50 is
# none.
#
# An $\epsilon$ belongs to a **neighbouring relation** (here: one picture
# added or removed; a person with ten pictures is worth ten), and to its $\delta$. Whoever publishes
# one random picture out of $n$ keeps a promise with $\delta = 1/n$: so $\delta$ must lie well below
# that. With both, the promise of a training $M$ reads: for neighbours $D$, $D'$ and any set of
# outcomes $S$, $P(M(D) \in S) \le e^\epsilon P(M(D') \in S) + \delta$.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 7: private training, written out
#
# A training answers with gradients. **DP-SGD** (Abadi and others, 2016) makes each step private:
#
# 1. each picture comes into the batch by a coin of its own, with probability $q$ (**Poisson
#    sampling**),
# 2. each picture's gradient $g_i$ is **clipped** to length $C$: $\bar g_i = g_i \cdot \min(1,
#    C / \|g_i\|)$. So one picture moves the sum by at most $C$, its sensitivity,
# 3. **noise** of standard deviation $\sigma C$ is added to each number of the sum,
# 4. the result is divided by the *expected* batch size $qn$, and the weights move.
#
# Why the coins? In most steps your picture is not in the batch, and nobody knows in which. The
# accountant counts on that secret: a step that *may* have seen you costs far less than one that
# surely did. Who goes through a shuffled pile sees everybody once in each pass, and the coins that
# the accountant counts on were never thrown.
#
# (The network below is small and uses tanh, which keeps gradients short; Papernot and others,
# 2021.)

# %%
pool = shadows.split
pixels, classes = pool.images, len(names)
network = privacy.tanh_cnn(pixels.shape[1:], classes, seed)
batch, batch_labels = torch.tensor(pixels[:64]), torch.tensor(pool.labels[:64])
C, sigma, expected_batch = 0.1, 1.0, 64


# %%
def dp_sgd_gradient(network, pictures, wanted, generator, sigma):
    total = [torch.zeros_like(weights) for weights in network.parameters()]
    for picture, label in zip(pictures, wanted, strict=True):
        loss = torch.nn.functional.cross_entropy(network(picture[None]), label[None])
        own = torch.autograd.grad(loss, list(network.parameters()))  # of this picture alone
        length = torch.cat([part.flatten() for part in own]).norm()
        shorter = min(1.0, C / length)
        total = [kept + shorter * part for kept, part in zip(total, own, strict=True)]
    noisy = [kept + sigma * C * torch.randn(kept.shape, generator=generator) for kept in total]
    return torch.cat([kept.flatten() for kept in noisy]) / expected_batch


# %% tags=["nbval-check-output"]
quiet = dp_sgd_gradient(network, batch, batch_labels, torch.Generator(), sigma=0.0)
same = privacy.PrivateRecipe(noise_multiplier=0.0, clipping_norm=C, expected_batch=expected_batch)
wrapped, optimizer = privacy.private_steps(
    privacy.tanh_cnn(pixels.shape[1:], classes, seed), same, noise_multiplier=0.0
)
pictures_too = batch.clone().requires_grad_()  # Opacus's hooks warn about a first layer whose input wants no gradient
torch.nn.functional.cross_entropy(wrapped(pictures_too), batch_labels).backward()
optimizer.pre_step()  # clips, adds noise of 0 and divides; the weights stay
by_opacus = torch.cat([weights.grad.flatten() for weights in wrapped.parameters()])
print("same clipping, no noise: Opacus gives the same to 1e-5:", bool((quiet - by_opacus).norm() < 1e-5 * quiet.norm()))

# %%
noisy = dp_sgd_gradient(network, batch, batch_labels, torch.Generator().manual_seed(seed), sigma)
print(f"length of the clipped mean {quiet.norm():.3f}, with noise {noisy.norm():.3f}, over {len(quiet):,} weights")

# %% [markdown]
# One picture at a time is slow. Opacus computes all of a batch at once, and from here on we use it.
# Look at the last line: the noise is much longer than what it hides. Training works all the same,
# because noise points elsewhere in each step and the pictures do not; and it works the better the
# more pictures there are, since the sum grows and the noise stays.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 8: what it costs
#
# An **accountant** adds up what all steps cost together. It is told the noise, the sampling rate
# and the number of steps, and looks at nothing else. Ours is called PRV (step 13). We ask it first
# how much noise a promise needs.

# %%
n, delta, rate, steps = len(pool) // 2, 1e-5, 0.125, 60
noise_of = {promised: privacy.noise_for(promised, delta, rate, steps) for promised in (1, 3, 8)}
for needed in noise_of.values():
    print(privacy.epsilon(needed, rate, steps, delta))

# %% [markdown]
# These lines are how a promise should be written: never $\epsilon$ without the rest. And the price?
# For this course networks were trained on 10,000 real pictures of clothing, with the same first
# weights and the same batches, with noise and without, and asked about 10,000 others. It took too
# long for a notebook; the next cell reads what was stored. **Predict: how many points does the
# *noise* of $\epsilon = 3$ cost?**

# %%
priced = measured_once("accuracy_epsilon").full.series
for metric, series in priced.items():
    if metric.startswith("Clothing"):
        print(f"{metric}: {series}")
for metric, series in measured_once("accuracy_all").full.series.items():
    print(f"{metric}: {series}")

# %% [markdown]
# Read the paired line: it is above 0 in each of its seeds. At $\epsilon = 8$ and without noise the
# accuracies are hardly apart: this recipe is limited by clipping and by few steps, too, and what
# those cost is not in that line. The last two lines keep the same promise with *all* pictures, six
# times as many to hide among. (The linear model is that of step 9.) A published network reads 86.0%
# of them at $\epsilon = 3$ (Tramèr and Boneh, 2021). **More data is the cheapest privacy.**
#
# One training here: Opacus, at $\epsilon = 3$, on half of our 2,000 pictures.

# %%
cnn_recipe = privacy.PrivateRecipe(
    epsilon=3.0, delta=delta, expected_batch=256, epochs=15, learning_rate=2.0, seed=seed
)
private_cnn = privacy.load_or_train_private(cnn_recipe, pool.take(slice(n)), classes=classes)
display(private_cnn.history.round(2).tail(3))
print(private_cnn.spent)
reads = privacy.torch_predict(private_cnn.network)(pixels[n:]).argmax(axis=1) == pool.labels[n:]
print("read rightly of the other half:", intervals.proportion(reads))
print(f"networks of step 1, of what they had not seen: {on_others:.1%}; guessing: {1 / classes:.0%}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 9: learn less
#
# Noise is added to every weight. So whoever has fewer weights to learn pays less. Before deep
# networks, people wrote down by hand what matters in a picture: edges and their directions
# (**HOG**, histograms of oriented gradients). Those are fixed; no picture of ours has a part in
# them, so they cost no privacy. A linear model on top is all that is trained (Tramèr and Boneh,
# 2021). **Predict: which reads more at $\epsilon = 3$, the network or the linear model?**
# (`privacy.HONEST` is step 7 for any network; `privacy.BROKEN[0]` is the same without its noise.)

# %%
features = privacy.handcrafted_features(pixels)
rows = features.reshape(len(features), 1, 1, -1)  # as pictures of one pixel, for what takes pictures
judge = datasets.load(dataset, train=1, calibration=1, test=2000, seed=seed).test
judged_rows = privacy.handcrafted_features(judge.images).reshape(len(judge), 1, 1, -1)
probe = privacy.linear_probe(rows.shape[1:], classes)  # a linear model, all weights 0
print(f"{rows.shape[-1]} features, {sum(each.numel() for each in probe.parameters()):,} weights;",
      f"the network has {sum(each.numel() for each in network.parameters()):,}")  # fmt: skip


# %%
plans = {
    promised: privacy.Plan(rate, steps, noise, norm=7.0, learning_rate=0.1) for promised, noise in noise_of.items()
}


def right_answers(implementation, plan):
    learned = privacy.trained_with(implementation, probe, rows[:n], pool.labels[:n], plan, seed=seed)
    return privacy.torch_predict(learned)(judged_rows).argmax(axis=1) == judge.labels


# %%
unsafe = privacy.BROKEN[0]  # the same training, but for the noise
judged_at = {f"linear, epsilon {e}": right_answers(privacy.HONEST, plan) for e, plan in plans.items()}
judged_at["linear, no noise"] = right_answers(unsafe, plans[3])
judged_at["network, epsilon 3"] = (
    privacy.torch_predict(private_cnn.network)(judge.images).argmax(axis=1) == judge.labels
)
accuracy = {name: intervals.proportion(right) for name, right in judged_at.items()}
cost = intervals.mean(judged_at["linear, no noise"].astype(float) - judged_at["linear, epsilon 3"])
print("what the noise of epsilon 3 costs the linear model:", cost)


# %%
def cheaper_title(linear, network):
    first, second = ("the linear model", "the network") if linear > network else ("the network", "the linear model")
    return f"At epsilon 3, {first} reads {max(linear, network):.0%}, {second} {min(linear, network):.0%}"


plotting.forest_plot(
    accuracy,
    title=cheaper_title(accuracy["linear, epsilon 3"].value, accuracy["network, epsilon 3"].value),
    alt="Share of test pictures read rightly by linear models at three epsilons, without noise, and by a network.",
    x_label="share read rightly",
)

# %% [markdown]
# With 1,000 pictures there is little to hide in, so every promise is dear. Published of 60,000: a
# linear model on fixed features (ScatterNet) reads 89.7% of the clothing at $\epsilon = 3$. It is
# another method, not a better accountant.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 10: the same attack again
#
# Does the promise hold? The same pictures, the same lists of members, as many shadow models, the
# same attack; but linear models in place of networks. So there are two questions in one, and the
# second training answers for the first: the same linear model *without* noise. **Predict both
# AUCs.**

# %%
plan = plans[3]


def attacked(implementation):
    told_by = []
    for row, taught in enumerate(member):
        learned = privacy.trained_with(
            implementation, probe, rows[taught], pool.labels[taught], plan, seed=(1000 * seed + row) % 2**32
        )
        told_by.append(privacy.logit_confidence(privacy.torch_predict(learned)(rows), pool.labels))
    return privacy.lira(told_by, member)


# %%
private_scores, unsafe_scores = attacked(privacy.HONEST), attacked(unsafe)
spent = privacy.epsilon(plan.noise, plan.rate, plan.steps, delta)
held = privacy.measure_attack(private_scores, member, seed=seed, confidence=0.9)  # each of its ends at 95%
noise_hides = privacy.compare_attacks(unsafe_scores, private_scores, member, seed=seed)
print("promise:", spent)
print("linear, with noise:   ", held)
print("linear, without noise:", privacy.measure_attack(unsafe_scores, member, seed=seed, confidence=0.9))
print("AUC without noise minus with noise:", noise_hides)
print(f"allowed at 0.1% FPR: {privacy.dp_tpr_bound(spent.epsilon, delta, 0.001):.1%}")


# %%
def held_title(networks, without, with_noise):
    return f"AUC: {networks:.2f} for networks, {without:.2f} linear without noise, {with_noise:.2f} with noise"


# %%
ceiling = privacy.dp_tpr_bound(spent.epsilon, delta, rates)
of_unsafe = privacy.measure_attack(unsafe_scores, member, seed=seed, resamples=20).auc.value
plotting.line_plot(
    {
        "networks of step 3": curves["LiRA"],
        "linear, without noise": visible(privacy.attack_roc(unsafe_scores, member)),
        "linear, epsilon 3": visible(privacy.attack_roc(private_scores, member)),
        "allowed at epsilon 3": (rates, ceiling),
        "guessing": (rates, rates),
    },
    **{"title": held_title(leak.auc.value, of_unsafe, held.auc.value), "log_x": True, "log_y": True},
    alt="ROC of LiRA, log scales: on networks, on linear models with and without noise; the bound, and guessing.",
    **{"x_label": "non-members accused (FPR)", "y_label": "members found (TPR)"},
)

# %% [markdown]
# Compare the three AUCs. What a linear model cannot learn by heart, no noise needs to hide; what
# the noise takes away comes with a promise; what is left above guessing, the promise permits.
#
# And look at the curve of step 3 beside the line "allowed". Nobody promised anything for those
# networks, and yet they may lie at that line or below it. The line holds for the worst picture and
# the cleverest spy; LiRA is one attack, with 16 models, on average over 2,000 pictures. *To stay
# below it proves nothing*; to lie above it would disprove the promise.
# Private networks, attacked in the same way, once (± half of the 90% interval):

# %%
cells = []
for metric, series in measured_once("membership_private").full.series.items():
    first, promised_there = metric.rsplit(", networks at ", 1)
    pictures_there, what = first.split(": ")
    said = f"{np.mean(series.values):.4f}, at most {max(series.values):.4f} ± {series.half_interval:.4f}"
    cells.append((f"{pictures_there}, {promised_there}", what, said))
private_table = pd.DataFrame(cells, columns=["networks", "what", "three trainings"])
display(private_table.pivot(index="networks", columns="what", values="three trainings"))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 11: "epsilon = 3, said the library"
#
# Five colleagues trained privately. All five told the accountant the same, so all five report the
# same $\epsilon$. Four made a mistake of a kind that is found in real code. **Predict: can you tell
# from their reports which?**

# %%
told = plans[3]
kinds = (privacy.HONEST, *privacy.BROKEN)
colleagues = [kinds[k] for k in np.random.default_rng((seed, 2)).permutation(len(kinds))]
reports = {}
for number, implementation in enumerate(colleagues):
    right = right_answers(implementation, told)
    reports[f"colleague {number + 1}"] = {
        "reported epsilon": f"{privacy.epsilon(told.noise, told.rate, told.steps, delta).epsilon:.2f}",
        "read rightly": f"{right.mean():.0%}",
    }
display(pd.DataFrame(reports).T)

# %% [markdown]
# Who does well may have no privacy, or be good. So we look inside, with four checks that believe
# nothing. Two rest on chance; each of them accuses an honest training once in a thousand times.
#
# - **sensitivity**: take a picture out of a batch. Does the sum before noise move by at most $C$?
#   Among a few dozen pictures is a planted gradient of length $100\,C$.
# - **noise**: has what was added the variance $\sigma^2 C^2$?
# - **divisor**: is the sum divided by the same number in every step? A batch size that shows
#   through tells who was there.
# - **sampling**: do the sizes of batches scatter as coin flips make them?

# %%
for number, implementation in enumerate(colleagues):
    report = privacy.check_implementation(implementation, probe, rows[:n], pool.labels[:n], told, seed=seed)
    found = ", ".join(report.failed) or "nothing"
    print(f"colleague {number + 1} ({implementation.name}): found {found}")
    print("\n".join(f"    {each}" for each in report.checks if not each.passed) or "    all four checks passed")

# %% [markdown]
# Each check sees the fault that it was made for. What none of them sees: a mistake in the
# accountant's own sums, noise from a generator that somebody can guess, or a training that was
# repeated until it looked good, with only the last one paid for.
#
# ### Exercise 9.3 (find the bug): the loader
#
# This function gives a private training its batches. The accountant was told a sampling rate of
# `expected / n`, and Poisson sampling. It is the loader that everybody uses, and it is wrong here.
# Write `private_batches` with the same arguments, so that the accountant was told the truth.
#
# *Hint.* A coin for each picture, in each step anew. Batches will have different sizes.


# %% tags=["exercise-bug"]
def colleagues_batches(n, expected, steps, rng):
    batches = []
    while len(batches) < steps:
        shuffled = rng.permutation(n)
        batches += [shuffled[start : start + expected] for start in range(0, n, expected)]
    return batches[:steps]


def private_batches(n, expected, steps, rng):
    ### BEGIN SOLUTION
    return [np.flatnonzero(rng.random(n) < expected / n) for _ in range(steps)]
    ### END SOLUTION


# %% tags=["check"]
def test_private_batches(answer):
    n, expected, steps = 200, 20, 400
    given = [np.asarray(each) for each in answer(n, expected, steps, np.random.default_rng(5))]
    expect(len(given) == steps, f"one batch for each of {steps} steps, got {len(given)}")
    expect(all(each.dtype != bool for each in given), "give indices, not True and False: `np.flatnonzero`")
    expect(all(len(np.unique(each)) == len(each) for each in given), "nobody is in a batch twice: one coin for each")
    counts = np.bincount(np.concatenate(given).astype(int), minlength=n)
    expect(len(counts) == n, "indices from 0 to n - 1")
    sizes = np.array([len(each) for each in given])
    expect(sizes.std() > 0, "every batch has the same size: these are still fixed batches")
    expect(abs(sizes.mean() - expected) < 1.5, f"batches of {expected} on average, got {sizes.mean():.1f}")
    ratio = sizes.var() / (n * 0.1 * 0.9)
    expect(0.75 < ratio < 1.3, f"sizes scatter {ratio:.2f} times as coin flips make them: one coin for each picture")
    expect(counts.std() > 3, "each picture comes equally often: toss anew in each step, without a memory")
    expect(counts.min() > 15 and counts.max() < 70, "some pictures come more often than others: the same q for all")


check("9.3 the loader", private_batches, test_private_batches)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Step 12: an audit from outside
#
# You may not see the code. Can you find out from what was *released* whether $\epsilon = 3$ is
# true? An **audit in one run** (Steinke and others, 2023) plants a thousand **canaries**: made-up
# members that each take part or not by a coin. Afterwards it guesses, about those it is surest of,
# who took part. If $\epsilon$ were 3, no more than $\frac{e^3}{1 + e^3} = 95\%$ of the guesses
# could be right, but for luck: the $p$ of step 5's coin. So many right guesses give a **lower
# bound** on $\epsilon$.
#
# Our auditor sees every step's release, and lays canaries where pictures hardly move a weight. How
# many guesses he makes is fixed beforehand: 200 of 1,000. **Predict: of the five, whom does he
# convict?**

# %%
few, many = privacy.guesses_needed(3), privacy.right_needed(200, 3.0, canaries=1000, delta=0.0)
print(f"to show more than epsilon 3: {few} of {few} guesses must be right, or {many} of 200")
audits = {
    implementation.name: privacy.audit_gradients(implementation, probe, rows[:n], pool.labels[:n], told, seed=seed)
    for implementation in colleagues
}
for name, audit in audits.items():
    print(f"{name:16} {audit}")

# %% [markdown]
# Where all 200 are right, the bound is the most that 200 guesses can show; without noise the truth
# is infinite. The bound is true for whoever it names (but for one audit in twenty), and silent
# about the others: *an audit acquits nobody.* It sees what makes canaries visible, and nothing
# else: a divisor or a loader that tells a little is below what 200 guesses can show. So "the audit
# found nothing" is weak evidence, until somebody shows that the same audit would have found
# something. Here the colleague without noise is that positive control. More runs, done once, and
# with them an auditor who can only slip in pictures with wrong labels:

# %%
audited = [
    (*metric.rsplit(", ", 1), np.mean(series.values))
    for metric, series in measured_once("privacy_audit").full.series.items()
]
audit_table = pd.DataFrame(audited, columns=["what", "implementation", "mean of 20 audits"])
display(audit_table.pivot(index="what", columns="implementation", values="mean of 20 audits").round(2))

# %% [markdown]
# Look at the row of mislabelled pictures, also where no noise was added: so looks a weak audit.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Record

# %%
scorecard = Scorecard("09_privacy", dataset, "shadow_cnn", seed=seed, budget=budget)
lower = {"direction": "lower"}
scorecard.record("privacy", "LiRA AUC", *leak.auc, bounds=(0, 1), **lower)
scorecard.record("privacy", "LiRA TPR at 0.1% FPR", *leak.tpr_at_permille, bounds=(0, 1), **lower)
scorecard.record("privacy", "LiRA minus loss threshold, AUC", *gain, bounds=(-1, 1), **lower)
# %%
of_linear = {"model": "private_linear"}
scorecard.record("privacy", "LiRA AUC at epsilon 3", *held.auc, bounds=(0, 1), **lower, **of_linear)
scorecard.record(
    "privacy", "LiRA TPR at 0.1% FPR at epsilon 3", *held.tpr_at_permille, bounds=(0, 1), **lower, **of_linear
)
scorecard.record(
    "privacy", "accuracy at epsilon 3", *accuracy["linear, epsilon 3"], bounds=(0, 1), direction="higher", **of_linear
)
scorecard.record("privacy", "accuracy without noise minus at epsilon 3", *cost, bounds=(-1, 1), **lower, **of_linear)

# %%
scorecard.record(
    "privacy",
    "LiRA AUC without noise minus at epsilon 3",
    *noise_hides,
    bounds=(-1, 1),
    direction="higher",
    **of_linear,
)
for name, audit in audits.items():
    right = intervals.proportion(np.arange(audit.guesses) < audit.right)
    if name in (privacy.HONEST.name, unsafe.name):
        scorecard.record("privacy", f"right guesses of an audit, {name}", *right, bounds=(0, 1), **lower, **of_linear)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# A network that learned by heart answers differently about what it learned, and an attacker who
# compares it with networks of his own can be sure about a few members. Differential privacy bounds
# every such attack at once, by noise that hides one picture among many; it costs accuracy, and less
# where there are more pictures or fewer weights. The promise holds for the training that the
# accountant was told about. Whether that is the training that ran can be checked from inside; an
# audit from outside convicts, and acquits nobody.
#
# **Limits.** One picture was the unit here, not one person. The intervals hold for these networks
# and pictures; other architectures leak more or less. Seeds were fixed, so that you see what we
# saw: who guards real people draws the noise from a secret. And nothing here asks whether the
# pictures should have been collected.
#
# The core ends here. Each of the steps below can be left out.

# %% [markdown] tags=["deeper"]
# ## Step 13: who adds up? *
#
# Two accountants of the same training. **RDP** (Mironov and others, 2019) bounds each step by one
# number at each of many orders; **PRV** (Gopi and others, 2021) follows the whole distribution of
# the privacy loss. Both are upper bounds, so the smaller one may be used. **Predict: do they differ
# by a percent, or by a half?**

# %% tags=["deeper"]
for noise, long in ((0.8, 60), (1.5, 60), (1.5, 600), (4.0, 600)):
    by = privacy.accountants_compared(noise, rate, long, delta)
    more = by["rdp"].epsilon / by["prv"].epsilon - 1
    print(f"noise {noise:g}, {long} steps: RDP {by['rdp'].epsilon:.2f}, PRV {by['prv'].epsilon:.2f}, {more:.0%} more")

# %% [markdown] tags=["deeper"]
# Both stand beside a third library's numbers in the course's benchmark (`make bench`).
#
# And the settings? Whoever tries forty learning rates *on the private data* and keeps the best has
# run forty trainings. The forty together cost what forty cost:

# %% tags=["deeper"]
one = privacy.epsilon(plan.noise, plan.rate, plan.steps, delta)
forty = privacy.epsilon(plan.noise, plan.rate, 40 * plan.steps, delta)
print(f"one training: epsilon {one.epsilon:.2f}; forty, all paid for: {forty.epsilon:.2f}")

# %% [markdown] tags=["deeper"]
# If only the best is published, and the number of trials is itself drawn at random, the bill is
# smaller: about twice to three times that of one (Papernot and Steinke, 2022). It is never nothing.
# Cheaper is to tune on public pictures.

# %% [markdown] tags=["deeper"]
# ## Step 14: who pays? *
#
# A cost of so many points is an average, too. Below it stands by class, for the linear model. All
# classes are equally frequent here. **Predict: do all pay the same?**


# %% tags=["deeper"]
def pays_title(costs):
    most, least = max(costs, key=costs.get), min(costs, key=costs.get)
    others = f", '{least}' {100 * costs[least]:.0f}"
    if costs[least] < 0:
        others = f"; '{least}' is read better by {-100 * costs[least]:.0f}"
    return f"Noise costs '{most}' {100 * costs[most]:.0f} points{others}"


# %% tags=["deeper"]
paid = {
    names[k]: intervals.mean(
        judged_at["linear, no noise"][judge.labels == k].astype(float)
        - judged_at["linear, epsilon 3"][judge.labels == k]
    )
    for k in range(classes)
}
plotting.forest_plot(
    paid,
    title=pays_title({name: each.value for name, each in paid.items()}),
    alt="Accuracy without noise minus accuracy at epsilon 3, for each class, with intervals.",
    x_label="accuracy without noise minus at epsilon 3",
    reference=("no cost", 0.0),
)

# %% [markdown] tags=["deeper"]
# Ten intervals were drawn: two in five such figures show one beside the truth by chance alone. And
# they cover other test pictures, not another draw of the noise: this is one training of each kind,
# and a private one may happen to say one class more often. With 10,000 pictures of clothing, the
# network of step 8, means over five trainings:

# %% tags=["deeper"]
by_garment = pd.DataFrame(
    [(*metric.rsplit(" named rightly, ", 1), np.mean(series.values)) for metric, series in priced.items()
     if series.n == 1000], columns=["garment", "promise", "named rightly"]
)  # fmt: skip
display(by_garment.pivot(index="garment", columns="promise", values="named rightly").round(3))

# %% [markdown] tags=["deeper"]
# Where a group is rare in the data, private training was found to cost it more than others
# (Bagdasaryan and others, 2019): noise that hides one picture hides a few as well.
#
# Notebook 08 gave rare groups more weight. Can both be had? A **weighted sampler** draws rare
# pictures more often. Then their sampling rate is larger than the accountant was told, and their
# $\epsilon$ with it, without a word. The course's loader refuses it:

# %% tags=["deeper"]
weights = np.where(pool.labels[:n] == 0, 5.0, 1.0)
tensors = torch.utils.data.TensorDataset(torch.tensor(pixels[:n]), torch.tensor(pool.labels[:n]))
sampler = torch.utils.data.WeightedRandomSampler(weights, num_samples=n)
try:
    privacy.check_private_loader(torch.utils.data.DataLoader(tensors, batch_size=128, sampler=sampler))
except ValueError as refused:
    print(refused)
drawn_at = 5 * rate / weights.mean()
print(
    f"a picture of class 0: rate {drawn_at:.2f}, {privacy.epsilon(plan.noise, min(1.0, drawn_at), plan.steps, delta)}"
)

# %% [markdown] tags=["deeper"]
# ## Step 15: pictures that never leave home *
#
# **Federated averaging** (McMahan and others, 2017): four cameras each train on their own pictures,
# and send only weights; a server averages them. The whole of it:

# %% tags=["deeper"]
homes = np.array_split(np.arange(n), 4)
weights_now = torch.nn.utils.parameters_to_vector(probe.parameters()).detach()
local = privacy.Plan(rate=0.5, steps=5, noise=1.0, norm=7.0, learning_rate=0.1)  # `unsafe` adds none of it
for round_number in range(8):
    sent = []
    for home in homes:
        torch.nn.utils.vector_to_parameters(
            weights_now, (mine := privacy.linear_probe(rows.shape[1:], classes)).parameters()
        )
        mine = privacy.trained_with(unsafe, mine, rows[home], pool.labels[home], local, seed=round_number)
        sent.append(torch.nn.utils.parameters_to_vector(mine.parameters()).detach())
    weights_now = torch.stack(sent).mean(dim=0)
torch.nn.utils.vector_to_parameters(weights_now, mine.parameters())
print("read rightly:", intervals.proportion(privacy.torch_predict(mine)(judged_rows).argmax(axis=1) == judge.labels))

# %% [markdown] tags=["deeper"]
# Compare with "linear, no noise" of step 9: nobody has sent a picture. Is that privacy? A camera
# that has one picture sends what that one picture did to the weights. For a linear model it can be
# read off:

# %% tags=["deeper"]
alone = privacy.per_picture_gradients(probe, rows[:1], pool.labels[:1])[0, : classes * rows.shape[-1]]
of_class = alone.reshape(classes, -1)[pool.labels[0]].numpy()
seen = np.corrcoef(of_class, -features[0])[0, 1]  # minus: a step goes against the gradient
print(f"what the camera sent for its class and the picture's own features: correlation {seen:.4f}")

# %% [markdown] tags=["deeper"]
# The gradient *is* the picture's features. Federated learning moves data less; privacy is what
# noise and clipping do, here as elsewhere.
#
# ## Step 16: a question about data you never see *
#
# Another way is to let nobody have the data, and to let them ask. **PySyft** is made for it: a data
# owner, a data scientist, and jobs that the owner reads and approves. It needs packages that this
# environment cannot hold, so it has a **companion**, made once by `make companions`:
# `companions/privacy/privacy_companion.ipynb`.
#
# ## Step 17: can it forget? *
#
# Somebody asks that their picture be deleted. Deleting the file leaves what the weights learned.
# *Unlearning* methods change the weights so that they look as if the picture had never been there.
# Whether they do is asked with this notebook's attack: and attacks that are made for the case still
# find most of what was to be forgotten (Hayes and others, 2024). What is certain is training anew
# without it, or a training that was private from the start.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## To go on
#
# **Further reading**
#
# - S. L. Warner (1965), *Randomized Response: A Survey Technique for Eliminating Evasive Answer
#   Bias*
# - C. Dwork, F. McSherry, K. Nissim, A. Smith (2006), *Calibrating Noise to Sensitivity in Private
#   Data Analysis*
# - C. Dwork, A. Roth (2014), *The Algorithmic Foundations of Differential Privacy*
# - M. Abadi and others (2016), *Deep Learning with Differential Privacy*
# - N. Carlini and others (2022), *Membership Inference Attacks From First Principles*: LiRA
# - S. Yeom and others (2018), *Privacy Risk in Machine Learning: Analyzing the Connection to
#   Overfitting*
# - F. Tramèr, D. Boneh (2021), *Differentially Private Learning Needs Better Features (or Much More
#   Data)*
# - N. Papernot and others (2021), *Tempered Sigmoid Activations for Deep Learning with Differential
#   Privacy*
# - E. Bagdasaryan, O. Poursaeed, V. Shmatikov (2019), *Differential Privacy Has Disparate Impact on
#   Model Accuracy*
# - T. Steinke, M. Nasr, M. Jagielski (2023), *Privacy Auditing with One (1) Training Run*
# - N. Papernot, T. Steinke (2022), *Hyperparameter Tuning with Rényi Differential Privacy*
# - I. Mironov, K. Talwar, L. Zhang (2019), *Rényi Differential Privacy of the Sampled Gaussian
#   Mechanism*
# - S. Gopi, Y. T. Lee, L. Wutschitz (2021), *Numerical Composition of Differential Privacy*
# - B. McMahan and others (2017), *Communication-Efficient Learning of Deep Networks from
#   Decentralized Data*
# - J. Hayes and others (2024), *Inexact Unlearning Needs More Careful Evaluations to Avoid a False
#   Sense of Privacy*
#
# **Next:** notebook 10, deployment: from notebook to a service.
