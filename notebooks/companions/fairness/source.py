# %% [markdown]
# # Companion to 08: do other tools count the same?
#
# **The question.** Notebook 08 judged a model by group. Do the tools that teams use at work give
# the same numbers for the same predictions?
#
# **What you will be able to do**
#
# - describe slices and metrics to TensorFlow Model Analysis (TFMA) with Fairness Indicators,
# - check a tool's numbers against a count of your own and against Fairlearn,
# - read an interval of TFMA, and say what it does not promise,
# - look at single pictures and at the model's answers in LIT, the Learning Interpretability Tool.
#
# **What you need first.** Notebook 08, run to its end: it writes the predictions that are read
# here. And this kernel, *Vigilant Vision: fairness companion*, made once by `make companions`.
#
# **What would fool you here.** Two tools that agree may share a mistake. So we count by hand,
# too.
#
# **How old is what you see.** TFMA and Fairness Indicators are of 2026. Their widgets draw in the
# classic notebook alone, so the tables and figures below are our own. Of Fairness Indicators the
# part that computes is here, a metric of TFMA; what its package asks for beside that needs a newer
# Linux than many machines have. LIT was last released in December 2024, by the authors of the
# What-If Tool. The What-If Tool's own package (`witwidget`) no longer imports, so LIT stands in
# its place.

# %%
import logging
import os
import time

started = time.monotonic()
for talker in ("", "werkzeug"):  # of clouds that we don't use, and of every picture that a browser fetches
    logging.getLogger(talker).setLevel(logging.ERROR)

import numpy as np
import pandas as pd
import tensorflow_model_analysis as tfma
from fairlearn import metrics as fairlearn_metrics
from fairness_indicators import fairness_indicators_metrics  # noqa: F401 (TFMA finds the metric by its name)
from sklearn.metrics import roc_auc_score

from helpers import fairness, plotting

# %% tags=["parameters"]
# Which notebook's predictions are read.
notebook = "08_fairness"
# A picture whose score lies above it counts as "yes". No score may equal it: tools differ on what then happens.
threshold = 0.5
# The groupings; a pair means its crossing.
slices = [["tones"], ["light"], ["tones", "light"]]
# LIT goes on running after the last cell, for you to look at; False stops it there.
leave_lit_open = True

# %% [markdown]
# ## Step 1: read what notebook 08 handed over
#
# One row is one picture: its `label` (1 is "a pedestrian"), the model's `score` for 1, and
# groups.

# %%
given = fairness.read_handover(notebook)
table = given.predictions
assert not (table["score"] == threshold).any(), f"a score equals {threshold}: choose another threshold"
print(f"{len(table)} predictions, {table['label'].mean():.1%} of them with label 1")
table.head()

# %% [markdown]
# ## Step 2: count by hand
#
# Three rates for each group. Of all: how many get a yes (*positive rate*)? Of those with label 1:
# how many (*true positive rate*)? Of those with label 0: how many (*false positive rate*)?


# %%
def counted(rows):
    yes, label = rows["score"] > threshold, rows["label"] == 1
    return pd.Series(
        {
            "n": len(rows),
            "label 1": label.sum(),
            "positive_rate": yes.mean(),
            "true_positive_rate": yes[label].mean(),
            "false_positive_rate": yes[~label].mean(),
        }
    )


# %%
def named(columns, values):
    return ", ".join(f"{column} {value}" for column, value in zip(columns, values, strict=True))


by_hand = {"all": counted(table)}
for columns in slices:
    for values, rows in table.groupby(columns):
        by_hand[named(columns, values)] = counted(rows)
by_hand = pd.DataFrame(by_hand).T
RATES = list(by_hand.columns[2:])
by_hand.round(3)

# %% [markdown]
# ## Step 3: ask TFMA
#
# TFMA reads its wishes from a text: where label and score are, which slices, which metrics. Teams
# keep such a text beside their pipeline, and it works on a table as on a thousand machines.
# `compute_confidence_intervals` asks for TFMA's own intervals: it draws 20 samples, in each of
# which a row counts 0, 1, 2 … times (a Poisson bootstrap), and fits a t distribution.

# %%
from google.protobuf import text_format
from tensorflow_model_analysis.proto import config_pb2


def asked(*metrics, intervals):
    lines = ['model_specs { label_key: "label" prediction_key: "score" }', "slicing_specs {}"]
    for columns in slices:
        keys = ", ".join(f'"{column}"' for column in columns)
        lines.append(f"slicing_specs {{ feature_keys: [{keys}] }}")
    lines += [f"metrics_specs {{ metrics {{ {metric} }} }}" for metric in metrics]
    lines.append(f"options {{ compute_confidence_intervals {{ value: {str(intervals).lower()} }} }}")
    return text_format.Parse("\n".join(lines), config_pb2.EvalConfig())


# %%
def analysed(config, rows=table):
    used = sorted({"label", "score", *(name for columns in slices for name in columns)})
    result = tfma.analyze_raw_data(rows[used].astype({"label": float}), config)
    found = {}
    for key, outputs in result.slicing_metrics:
        of = dict(key)  # TFMA sorts the columns of a crossing; we keep our order
        columns = next((columns for columns in slices if set(columns) == set(of)), [])
        found[named(columns, [of[column] for column in columns]) or "all"] = outputs[""][""]
    return found


indicators = f'class_name: "FairnessIndicators" config: \'"thresholds": [{threshold}]\''
answer = analysed(asked('class_name: "ExampleCount"', indicators, intervals=True))
print(f"{len(answer)} slices; one number, as TFMA gives it:")
answer["all"][f"fairness_indicators_metrics/true_positive_rate@{threshold}"]


# %%
def number(value, field="value"):
    return value["boundedValue"][field] if "boundedValue" in value else value["doubleValue"]


def column(field):
    path = "fairness_indicators_metrics/{rate}@" + str(threshold)
    picked = {name: {rate: number(of[path.format(rate=rate)], field) for rate in RATES} for name, of in answer.items()}
    return pd.DataFrame(picked).T.loc[by_hand.index]


by_tfma = column("value")
by_tfma.insert(0, "n", [number(answer[name]["example_count"]) for name in by_hand.index])
difference = (by_tfma - by_hand[by_tfma.columns]).abs().max().max()
print(f"largest difference between TFMA and the count by hand: {difference:.1e}")
assert difference < 1e-6
assert (by_tfma.isna() == by_hand[by_tfma.columns].isna()).all().all(), "a rate of nobody is no number, for both"

# %% [markdown]
# ## Step 4: ask Fairlearn
#
# Fairlearn's `MetricFrame` is what notebook 08 used. It answers 0 where a group has nobody with
# the label that a rate is about, and the count by hand has no answer there: such cells are left
# out. (`by_group` has no row for all.)

# %%
same = (fairlearn_metrics.selection_rate, fairlearn_metrics.true_positive_rate, fairlearn_metrics.false_positive_rate)
functions = dict(zip(RATES, same, strict=True))
yes = (table["score"] > threshold).astype(int)


def fairlearn_rates(columns):
    of = {"y_true": table["label"], "y_pred": yes, "sensitive_features": table[columns]}
    by_group = fairlearn_metrics.MetricFrame(metrics=functions, **of).by_group
    keys = by_group.index if len(columns) > 1 else [(value,) for value in by_group.index]
    return by_group.set_axis([named(columns, key) for key in keys])


by_fairlearn = pd.concat([fairlearn_rates(columns) for columns in slices]).reindex(by_hand.index[1:])
difference = (by_fairlearn - by_tfma[RATES]).abs().max().max()
print(f"largest difference between TFMA and Fairlearn: {difference:.1e}")
assert difference < 1e-6

# %%
side_by_side = pd.concat(
    {"by hand": by_hand[RATES], "TFMA": by_tfma[RATES], "Fairlearn": by_fairlearn[RATES]}, axis=1
).swaplevel(axis=1)
side_by_side = side_by_side[RATES].assign(n=by_hand["n"].astype(int))
side_by_side.round(4)

# %% [markdown]
# ## Step 5: two metrics that are no counts
#
# The area under the ROC curve (AUC) is the chance that a picture with label 1 scores above one with
# label 0. TFMA reads it off 10,000 thresholds and scikit-learn off every score, so they may differ
# in the fourth digit. *Calibration* is here the sum of the scores over the number with label 1:
# above 1 the model promises too much. (These two without intervals, which would cost time and
# memory.)


# %%
def exact(rows):
    both = rows["label"].nunique() == 2
    auc = roc_auc_score(rows["label"], rows["score"]) if both else np.nan
    return {"auc": auc, "calibration": rows["score"].sum() / rows["label"].sum() if rows["label"].any() else np.nan}


found = analysed(asked('class_name: "AUC"', 'class_name: "Calibration"', intervals=False))
ours = {"all": exact(table)}
for columns in slices:
    ours |= {named(columns, values): exact(rows) for values, rows in table.groupby(columns)}

# %%
two = pd.DataFrame(
    {(metric, "exact"): {name: of[metric] for name, of in ours.items()} for metric in ("auc", "calibration")}
    | {(metric, "TFMA"): {name: number(found[name][metric]) for name in ours} for metric in ("auc", "calibration")}
)
for metric in ("auc", "calibration"):
    difference = (two[metric, "TFMA"] - two[metric, "exact"]).abs().max()
    print(f"{metric}: largest difference {difference:.1e}")
    assert difference < 1e-3
two.sort_index(axis=1).round(4)

# %% [markdown]
# ## Step 6: what the intervals say
#
# **Before you run the next cells:** a rate lies between 0 and 1. Does an interval of a rate, too?
# Ours, from all predictions; then the same asked of the first 100 pictures alone.

# %%
from helpers.intervals import Estimate

low, high = column("lowerBound"), column("upperBound")
rate = "true_positive_rate"
rows = {
    name: Estimate(
        by_tfma.loc[name, rate], low.loc[name, rate], high.loc[name, rate], int(by_hand.loc[name, "label 1"])
    )
    for name in by_hand.index
    if by_hand.loc[name, rate] == by_hand.loc[name, rate]  # a rate of nobody is no number
}
beyond = int(((low[RATES] < 0) | (high[RATES] > 1)).sum().sum())
print(f"intervals that leave [0, 1]: {beyond} of {low[RATES].notna().sum().sum()}")

# %%
few = analysed(asked(indicators, intervals=True), table.head(100))
path = f"fairness_indicators_metrics/true_positive_rate@{threshold}"
bounded = {name: of[path]["boundedValue"] for name, of in few.items() if "boundedValue" in of.get(path, {})}
of_few = pd.DataFrame(bounded).T[["lowerBound", "value", "upperBound"]].astype(float)
outside = (of_few["lowerBound"] < 0) | (of_few["upperBound"] > 1)
print(f"of the first 100 pictures: {outside.sum()} of {len(of_few)} leave [0, 1]")
of_few.round(3)

# %%
worst = min(rows, key=lambda name: rows[name].value)
figure = plotting.forest_plot(
    rows,
    title=f"True positive rate by group: lowest for {worst}",
    alt=f"True positive rate with TFMA's 95% intervals for {len(rows)} groups; the lowest is {worst}.",
    x_label="share of those with label 1 that get a yes",
    reference=("all", by_tfma.loc["all", rate]),
)
figure

# %% [markdown]
# An interval made from a t distribution knows nothing of the ends of a rate: near 0 or 1, or in a
# small group, it may run past them; and where every answer was the same it has no width at all, as
# if three pictures proved it. It also comes out a little differently in every run, for the
# samples are drawn without a seed. Notebook 08's intervals (Wilson, and Fairlearn's own bootstrap
# from a seed) do neither. And the lowest of many groups is a choice made after looking.
#
# ## Step 7: look at single pictures in LIT
#
# LIT shows pictures, groups and answers in the browser, and asks the model again when you change
# something. It needs two descriptions: of the data and of the model.

# %%
import base64
import io

import keras
from lit_nlp import dev_server, server_config
from lit_nlp.api import dataset as lit_dataset
from lit_nlp.api import model as lit_model
from lit_nlp.api import types as lit_types
from PIL import Image

network = keras.models.load_model(given.model)
ANSWERS = ["no", "yes"]
GROUPS = sorted({name for columns in slices for name in columns})


def as_png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


# %%
class People(lit_dataset.Dataset):
    def __init__(self, shown):
        self._examples = [
            {"picture": as_png(given.pixels[row.picture]), "label": ANSWERS[row.label]}
            | {name: str(getattr(row, name)) for name in GROUPS}
            for row in shown.itertuples()
        ]

    def spec(self):
        groups = {name: lit_types.CategoryLabel(vocab=sorted({one[name] for one in self._examples})) for name in GROUPS}
        return {"picture": lit_types.ImageBytes(), "label": lit_types.CategoryLabel(vocab=ANSWERS)} | groups


# %%
class Network(lit_model.BatchedModel):
    def max_minibatch_size(self):
        return 100

    def input_spec(self):
        return {"picture": lit_types.ImageBytes()}

    def output_spec(self):
        return {"answer": lit_types.MulticlassPreds(vocab=ANSWERS, null_idx=0, parent="label", threshold=threshold)}

    def predict_minibatch(self, inputs):
        files = [io.BytesIO(base64.b64decode(one["picture"].partition(",")[2])) for one in inputs]
        images = np.stack([np.asarray(Image.open(file).convert("RGB"), dtype=np.float32) / 255 for file in files])
        return [{"answer": answer} for answer in network.predict_on_batch(images)]


shown = table.head(200)
people, lit_network = People(shown), Network()
again = np.array([one["answer"][1] for one in lit_network.predict(people.examples)])
print(f"largest difference to the scores handed over: {np.abs(again - shown['score']).max():.1e}")

# %% [markdown]
# If that difference is far above 1e-4, the scores were made by something more than this network
# (a mitigation, say), and LIT shows the network alone.
#
# Now LIT is started, inside this kernel and for this machine only, at a port that is free.

# %%
import threading

from werkzeug.serving import make_server

settings = dict(server_config.get_flags()) | {"server_type": "external"}  # LIT's own, but that we serve it
application = dev_server.Server({"network": lit_network}, {"people": people}, **settings).serve()
server = make_server("127.0.0.1", 0, application, threaded=True)
thread = threading.Thread(target=server.serve_forever, daemon=True)
thread.start()
prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/")
print(f"On your own machine open  http://127.0.0.1:{server.port}/")
print(f"At a hub put this behind its address (the last / counts):  {prefix}proxy/{server.port}/")

# %% [markdown]
# Things to try: colour the pictures by `tones`; choose one and see its answer; set the threshold
# by hand in *Metrics*, and see what every group would get. LIT fetches its letters and icons from
# the network; without one, icons appear as words. It stops with this kernel, or by the next
# cell's function.


# %%
def stop_lit():
    server.shutdown()
    thread.join()
    server.server_close()


if not leave_lit_open:
    stop_lit()
print(f"this notebook took {time.monotonic() - started:.0f} s; LIT is {'open' if thread.is_alive() else 'stopped'}")

# %% [markdown]
# ## What we learned, and what this does not show
#
# Three hands counted the same rates. That says the counting is right, and nothing about whether
# the labels are, or whether the groups are the right ones. Everything here is read from drawn
# pictures.
