"""What notebook 08 hands to its companion is read whole and to the last bit, or not at all."""

import numpy as np
import pandas as pd
import pytest

from helpers import fairness, models
from helpers.errors import CourseError


@pytest.fixture(scope="module")
def network():
    return models.course_cnn((32, 32, 3), 2, seed=0)


def people(n: int = 12) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "picture": np.arange(n),
            "label": np.arange(n) % 2,
            "score": rng.random(n).astype(np.float32),
            "tones": np.where(np.arange(n) < n // 2, "1-3", "8-10"),
            "light": "NA",
        }
    )
    return table, rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def test_what_is_read_is_what_was_written_to_the_last_bit(cold_cache, network):
    table, pixels = people()
    folder = fairness.write_handover("08_fairness", table, pixels, network)
    assert folder == fairness.handover_directory("08_fairness") == cold_cache.parent / "handover" / "08_fairness"
    found = fairness.read_handover("08_fairness")
    assert (found.predictions["score"].to_numpy() == table["score"].to_numpy().astype(float)).all()
    assert found.predictions["tones"].tolist() == table["tones"].tolist()
    assert set(found.predictions["light"]) == {"NA"}, "a name, not a hole"
    assert (found.pixels == pixels).all()
    assert found.model.name == "model.keras"


def test_what_is_missing_half_written_or_changed_is_not_read(cold_cache, network, monkeypatch):
    with pytest.raises(CourseError, match=r"nothing whole .* by 08_fairness .*Run notebook 08"):
        fairness.read_handover("08_fairness")
    table, pixels = people()
    folder = fairness.write_handover("08_fairness", table, pixels, network)
    with monkeypatch.context() as patched:
        patched.setattr(np, "savez_compressed", lambda *_args, **_more: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(OSError, match="the disk is full"):
            fairness.write_handover("08_fairness", table.assign(label=1), pixels, network)
    with pytest.raises(CourseError, match="nothing whole"):
        fairness.read_handover("08_fairness")
    fairness.write_handover("08_fairness", table, pixels, network)
    (folder / "predictions.csv").write_text("picture,label,score,tones\n0,1,0.5,1-3\n")
    with pytest.raises(CourseError, match=r"predictions\.csv .* changed"):
        fairness.read_handover("08_fairness")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda table: table.drop(columns="score"), "no column score"),
        (lambda table: table[["picture", "label", "score"]], "no grouping"),
        (lambda table: table.assign(label=2), "else than 0 and 1"),
        (lambda table: table.assign(score=1.5), "leaves"),
        (lambda table: table.assign(picture=0), "at most once"),
        (lambda table: table.assign(picture=table["picture"] + 1), "at most once"),
        (lambda table: table.assign(light=None), "without a value"),
    ],
)
def test_a_wrong_table_is_refused_before_anything_is_written(cold_cache, spoil, said):
    table, pixels = people()
    with pytest.raises(ValueError, match=said):
        fairness.write_handover("08_fairness", spoil(table), pixels, model=None)
    assert not fairness.handover_directory("08_fairness").exists()


def test_pictures_of_floats_are_refused(cold_cache):
    table, pixels = people()
    with pytest.raises(ValueError, match=r"float64 .* expected uint8"):
        fairness.write_handover("08_fairness", table, pixels / 255, model=None)
