"""The spam filter's attacks: costs by hand on a filter of five words, and what they do to the course's own."""

import unicodedata

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from helpers import attacks, models
from helpers.attacks.text import Disguise, Knows
from helpers.datasets import messages

WEIGHTS = {"club": 0.0, "money": 2.0, "the": -2.0, "transfer": 1.0, "we": -1.0}
PRINCE = "Money transfer"  # logit 3 / sqrt(2) - 1/2 = 1.62
HONEST = "We the club"


def tiny_filter():
    """Every word is in every training message, so each counts 1 before the row is scaled to length 1."""
    vectoriser = TfidfVectorizer().fit([" ".join(WEIGHTS)])
    classifier = LogisticRegression()
    classifier.classes_ = np.array([0, 1])
    classifier.coef_ = np.array([list(WEIGHTS.values())])
    classifier.intercept_ = np.array([-0.5])
    return models.SpamFilter(vectoriser, classifier)


TINY = tiny_filter()


def spam_of(logit):
    return pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)


@pytest.fixture(scope="module")
def ours():
    corpus = messages.load(test=200, seed=0)
    return models.spam_filter(corpus)


@pytest.fixture(scope="module")
def spam():
    test = messages.load(test=200, seed=0).test
    return [text for text, label in zip(test.texts, test.labels, strict=True) if label == 1]


# ---- by hand


def test_good_words_and_their_cost_by_hand():
    found = attacks.good_words(TINY, [PRINCE, HONEST])
    # the: (2 + 1 - 2) / sqrt(3) - 1/2 = 0.08 is spam still; we: 0 / 2 - 1/2
    assert found.texts == ("Money transfer\n\nthe we", HONEST)
    assert found.passed.tolist() == [True, True]
    assert found.spam[0] == spam_of(-0.5)
    assert found.words_added.tolist() == found.spent.tolist() == [2, 0]
    assert found.characters_changed.tolist() == [0, 0]
    assert found.shares.tolist() == [8 / 22, 0]
    assert found.queries.tolist() == [3, 1]


def test_asking_costs_a_question_for_each_candidate():
    found = attacks.good_words(TINY, [PRINCE, HONEST], knows="answers", candidates=["club", "we", "the", "money"])
    assert found.texts == ("Money transfer\n\nthe we", HONEST)
    assert found.queries.tolist() == [1 + 4 + 2, 1]
    same = attacks.good_words(lambda texts: TINY(texts), [PRINCE], knows="answers", candidates=["the", "we"])
    assert same.texts == found.texts[:1]


def test_a_word_of_weight_nothing_dilutes():
    found = attacks.good_words(TINY, [PRINCE], candidates=["club"])
    assert found.texts == ("Money transfer\n\nclub",)
    assert found.spam[0] == spam_of(3 / np.sqrt(3) - 0.5)  # it was 3 / sqrt(2) - 1/2
    assert not found.passed[0]
    unknown = attacks.good_words(TINY, [PRINCE], knows="answers", candidates=["qwertz"])
    assert unknown.texts == (PRINCE,)  # a word that the filter does not know changes nothing, and is not sent


def test_words_that_speak_for_spam_are_never_added():
    for knows in ("weights", "answers"):
        assert attacks.good_words(TINY, ["Transfer"], knows=knows, candidates=["money"]).words_added[0] == 0


def test_disguised_words_and_their_cost_by_hand():
    found = attacks.disguised_words(TINY, [PRINCE, HONEST])
    # Without money: 1 - 1/2, without transfer: 2 - 1/2; without both nothing but the intercept.
    assert found.texts == ("Мoney trаnsfer", HONEST)
    assert found.passed.tolist() == [True, True]
    assert found.spam[0] == spam_of(-0.5)
    assert found.characters_changed.tolist() == found.spent.tolist() == [2, 0]
    assert found.words_added.tolist() == [0, 0]
    assert found.shares.tolist() == [2 / 14, 0]
    assert found.queries.tolist() == [3, 1]
    asked = attacks.disguised_words(TINY, [PRINCE], knows="answers")
    assert asked.texts == found.texts[:1]
    assert asked.queries.tolist() == [1 + 2 + 2]
    one = attacks.disguised_words(TINY, [PRINCE], budget=1)
    assert one.texts == ("Мoney transfer",)
    assert one.spam[0] == spam_of(0.5)


@pytest.mark.parametrize(
    ("disguise", "sent"), [("invisible", "M\u200boney t\u200bransfer"), ("dot", "M.oney t.ransfer")]
)
def test_characters_are_put_in(disguise, sent):
    found = attacks.disguised_words(TINY, [PRINCE], disguise=disguise)
    assert found.texts == (sent,)
    assert found.passed[0]
    assert found.shares[0] == 2 / 16


def test_what_remains_grows_louder():
    # club speaks for nothing, the against spam: without either the logit is higher, so they are left as they are.
    before, after = TINY.logits(["money money club the", "money money сlub the"])
    assert after > before > 0
    found = attacks.disguised_words(TINY, ["money money club the"])
    assert found.texts == ("mоney money club the",)
    assert found.passed[0]


def test_words_without_a_look_alike_stay():
    assert attacks.disguised_words(TINY, ["MONEY"]).texts == ("МONEY",)
    vectoriser = TfidfVectorizer().fit(["lull"])
    plain = models.SpamFilter(vectoriser, tiny_filter().classifier)
    plain.classifier.coef_ = np.array([[2.0]])
    found = attacks.disguised_words(plain, ["lull"])
    assert found.texts == ("lull",)
    assert not found.passed[0]


@pytest.mark.parametrize("knows", ["weights", "answers"])
@pytest.mark.parametrize("attack", [attacks.good_words, attacks.disguised_words])
def test_a_budget_of_nothing_changes_nothing(attack, knows):
    more = {"candidates": ["the"]} if attack is attacks.good_words else {}
    found = attack(TINY, [PRINCE, HONEST], budget=0, knows=knows, **more)
    assert found.texts == (PRINCE, HONEST)
    assert found.passed.tolist() == [False, True]
    assert found.spent.tolist() == [0, 0]
    assert found.shares.tolist() == [0, 0]
    assert found.queries.tolist() == [1, 1]


def test_shares_by_budget_by_hand():
    found = attacks.good_words(TINY, [PRINCE, HONEST, "Money money money transfer transfer", "Transfer the"])
    assert found.spent.tolist() == [2, 0, 3, 0]
    assert found.passed.tolist() == [True, True, False, True]
    curve = attacks.passed_by_budget(found, [0, 1, 2, 20])
    assert {budget: share.value for budget, share in curve.items()} == {0: 0.5, 1: 0.5, 2: 0.75, 20: 0.75}
    assert all(share.n == 4 and share.low < share.value < share.high for share in curve.values())


# ---- what a person reads


def test_every_look_alike_is_a_letter_of_another_alphabet_and_is_read_as_its_own():
    for latin, other in attacks.LOOK_ALIKES.items():
        assert latin.isascii()
        assert latin.isalpha()
        assert unicodedata.name(other).startswith("CYRILLIC")
        assert other.isupper() == latin.isupper()
        assert attacks.as_read(other) == latin


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("Мoney trаnsfer", "Money transfer"),
        ("m\u200bo\u2060n\u00ade\ufeffy", "money"),
        ("ＭＯＮＥＹ 𝐦𝐨𝐧𝐞𝐲 ofﬁce", "MONEY money office"),
        ("ΜΟΝΕΥ", "MONEY"),
        ("m.oney", "m.oney"),
        ("Café at noon, 20%!", "Café at noon, 20%!"),
        ("", ""),
    ],
)
def test_what_a_person_reads(sent, read):
    assert attacks.as_read(sent) == read


def test_the_mended_filter_says_the_same_of_plain_messages(ours):
    texts = messages.load(test=200, seed=0).test.texts
    assert [attacks.as_read(text) for text in texts] == list(texts)
    assert np.array_equal(attacks.mended(ours)(texts), ours(texts))
    assert attacks.mended(ours)(["MONEY"])[0, 1] == ours(["money"])[0, 1]  # it still lowers letters


def test_it_undoes_disguises_and_no_good_words(ours, spam):
    mended = attacks.mended(ours)
    missed = (mended(spam).argmax(axis=1) == 0).mean()
    assert missed < 0.15
    for disguise in ("look-alike", "invisible"):
        sent = attacks.disguised_words(ours, spam, knows="answers", disguise=disguise)
        assert sent.passed.mean() > 0.85
        assert [attacks.as_read(text) for text in sent.texts] == spam
        assert (mended(sent.texts).argmax(axis=1) == 0).mean() == missed
        assert attacks.disguised_words(mended, spam[:20], disguise=disguise).spent.sum() == 0
    words = attacks.good_words(mended, spam)
    assert words.texts == attacks.good_words(ours, spam).texts
    assert words.passed.mean() > 0.95
    # What it cannot see: a character that a person sees, and reads over.
    dots = attacks.disguised_words(mended, spam[:40], knows="answers", disguise="dot")
    assert dots.passed.mean() > 0.8


# ---- on the course's filter


def test_the_best_word_is_the_best_of_all(ours, spam):
    names = ours.vectoriser.get_feature_names_out()
    for text in spam[:5]:
        sent = attacks.good_words(ours, [text], budget=2).texts[0]
        first, *second = sent.removeprefix(f"{text}\n\n").split()
        trials = ours.logits([f"{text}\n\n{name}" for name in names])
        assert names[trials.argmin()] == first
        trials = ours.logits([f"{text}\n\n{first} {name}" for name in names])
        trials[names == first] = np.inf
        assert [names[trials.argmin()]] == second or not second


def test_one_attack_answers_for_every_smaller_budget(ours, spam):
    for attack in (attacks.good_words, lambda *given, **more: attacks.disguised_words(*given, knows="answers", **more)):
        curve = attacks.passed_by_budget(attack(ours, spam, budget=8), [0, 2, 5, 8])
        assert {budget: attack(ours, spam, budget=budget).passed.mean() for budget in curve} == {
            budget: pytest.approx(share.value) for budget, share in curve.items()
        }
        values = [share.value for share in curve.values()]
        assert values == sorted(values)
        assert values[-1] > values[0] + 0.3


def test_messages_do_not_hang_on_their_neighbours(ours, spam):
    some, all_of_them = spam[3:5], spam[:12]
    own = ["the", "we", "on", "there", "room"]
    for run in (
        lambda texts: attacks.good_words(ours, texts),
        lambda texts: attacks.good_words(ours, texts, knows="answers", candidates=own),
        lambda texts: attacks.disguised_words(ours, texts),
        lambda texts: attacks.disguised_words(ours, texts, knows="answers"),
    ):
        assert run(some).texts == run(all_of_them).texts[3:5]
        assert np.array_equal(run(some).queries, run(all_of_them).queries[3:5])


def test_every_question_is_counted(ours, spam):
    asked = []

    def recorded(texts):
        asked.extend(texts)
        return ours(texts)

    found = attacks.disguised_words(recorded, spam[:20], knows="answers")
    assert len(asked) == found.queries.sum()
    asked.clear()
    found = attacks.good_words(recorded, spam[:20], knows="answers", candidates=["the", "we", "on"])
    assert len(asked) == found.queries.sum()


# ---- doors

BOTH = [attacks.good_words, attacks.disguised_words]


@pytest.mark.parametrize("attack", BOTH)
def test_what_cannot_be_attacked(attack):
    with pytest.raises(TypeError, match=r"write \[text\] for a single one"):
        attack(TINY, PRINCE)
    with pytest.raises(TypeError, match="each of them a str"):
        attack(TINY, [PRINCE, 3])
    with pytest.raises(ValueError, match="no message"):
        attack(TINY, [])
    for budget in (-1, 2.5, True, None):
        with pytest.raises(ValueError, match="budget must be a whole number of at least 0") as caught:
            attack(TINY, [PRINCE], budget=budget)
        assert repr(budget) in str(caught.value)
    with pytest.raises(ValueError, match="knows must be one of 'weights', 'answers', got 'everything'"):
        attack(TINY, [PRINCE], knows="everything")
    with pytest.raises(TypeError, match=r"must be a models\.SpamFilter, got function.*knows='answers'"):
        attack(lambda texts: TINY(texts), [PRINCE])


@pytest.mark.parametrize("attack", BOTH)
@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (lambda n: np.full((n, 3), 1 / 3), "two columns, honest and spam; it gave 3"),
        (lambda n: np.full((n, 1), 1.0), "K of at least 2"),
        (lambda n: np.full((n, 2), 3.0), "Are these logits"),
        (lambda n: np.full((n, 2), np.nan), "NaN or infinity"),
        (lambda n: np.zeros((n + 1, 2)), r"of shape \(1, K\)"),
    ],
)
def test_what_is_no_filter(attack, answers, said):
    with pytest.raises(ValueError, match=said):
        attack(lambda texts: answers(len(texts)), [PRINCE], knows="answers")


def test_wrong_words_and_disguises():
    for candidates in (None, [], "the"):
        with pytest.raises(ValueError, match="candidates must be a list of words"):
            attacks.good_words(TINY, [PRINCE], knows="answers", candidates=candidates)
    with pytest.raises(ValueError, match="disguise must be one of 'look-alike', 'invisible', 'dot', got 'capital'"):
        attacks.disguised_words(TINY, [PRINCE], disguise="capital")
    for settings in ({"norm": "l1"}, {"sublinear_tf": True}, {"ngram_range": (1, 2)}, {"binary": True}):
        vectoriser = TfidfVectorizer(**settings).fit([" ".join(WEIGHTS)])
        classifier = LogisticRegression().fit(vectoriser.transform([PRINCE, HONEST]), [1, 0])
        other = models.SpamFilter(vectoriser, classifier)
        with pytest.raises(ValueError, match=r"worked out for single words.*knows='answers'"):
            attacks.good_words(other, [PRINCE], budget=3)
        attacks.good_words(other, [PRINCE], knows="answers", candidates=["the"])
    with pytest.raises(TypeError, match=r"must be a models\.SpamFilter"):
        attacks.mended(lambda texts: TINY(texts))
    with pytest.raises(ValueError, match="budget must be a whole number"):
        attacks.passed_by_budget(attacks.good_words(TINY, [PRINCE]), [-1])
    assert set(Knows.__args__) == {"weights", "answers"}
    assert len(Disguise.__args__) == 3
