"""A band that catches nothing is none: each refuses the record of a run in which the effect is gone."""

import re

import pytest

from helpers.scorecard import FARTHEST, RULE, allowed_outside, beyond, read_runs
from tests.conftest import ROOT
from tests.notebooks.expected import BY_NOTEBOOK

RUNS = [run for path in sorted((ROOT / "tests" / "bands").glob("*.yaml")) for run in read_runs(path)]
# Bands that no unseen seed has been held against yet.
NOT_YET_TRIED: set[str] = set()


def spoilt_values(run, band):
    """The spoilt value for each seed of a run, and what happened."""
    patterns = [how for how in BY_NOTEBOOK[run.notebook].SPOILT if re.fullmatch(how, band.metric)]
    assert len(patterns) == 1, f"{run.notebook}: {band.metric!r} needs one entry in SPOILT, and has {patterns}"
    happened, spoil = BY_NOTEBOOK[run.notebook].SPOILT[patterns[0]]
    on_same = [other for other in run.bands if other.dataset == band.dataset]
    for position, own in enumerate(band.values):

        def of(metric, position=position):
            [found] = [other for other in on_same if other.metric == metric]
            return found.values[position]

        yield spoil(of, own), happened


def test_all_bands_are_made_by_the_command():
    assert {run.rule for run in RUNS} == {RULE}


@pytest.mark.parametrize(
    ("run", "band"), [pytest.param(r, b, id=f"{r.notebook}-{r.dataset}-{b.metric}") for r in RUNS for b in r.bands]
)
def test_a_band_refuses_the_record_that_lost_its_effect(run, band):
    for spoilt, happened in spoilt_values(run, band):
        assert not band.low <= spoilt <= band.high, f"{happened}: {spoilt:.4g} lies in [{band.low}, {band.high}]"


def test_every_way_of_spoiling_concerns_a_band():
    for notebook in {run.notebook for run in RUNS}:
        metrics = {band.metric for run in RUNS if run.notebook == notebook for band in run.bands}
        for pattern in BY_NOTEBOOK[notebook].SPOILT:
            assert any(re.fullmatch(pattern, metric) for metric in metrics), f"{notebook}: nothing matches {pattern!r}"


# ---- seeds that had no part in the bands


@pytest.mark.parametrize("run", [pytest.param(run, id=f"{run.notebook}-{run.dataset}") for run in RUNS])
def test_unseen_seeds_lie_inside_but_for_what_chance_explains(run):
    on_own_pictures = run is next(other for other in RUNS if other.notebook == run.notebook)
    if run.unseen is None:
        assert not on_own_pictures or run.notebook in NOT_YET_TRIED, "vigilant bands NN --unseen --seeds 5 6 7 8 9"
        return
    assert not on_own_pictures or run.notebook not in NOT_YET_TRIED
    explained = BY_NOTEBOOK[run.notebook].EXPLAINED
    assert len(run.unseen.outside) <= allowed_outside(run.unseen.records)
    for record in run.unseen.outside:
        assert beyond(record.value, run.band_of(record)) <= FARTHEST, record
        assert (run.dataset, record.metric, record.seed) in explained, f"{record}: why?"


def test_nothing_is_explained_that_did_not_happen():
    for notebook, said in BY_NOTEBOOK.items():
        happened = {
            (run.dataset, record.metric, record.seed)
            for run in RUNS
            if run.notebook == notebook and run.unseen
            for record in run.unseen.outside
        }
        assert set(said.EXPLAINED) <= happened
