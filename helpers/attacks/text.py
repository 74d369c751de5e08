"""The Nigerian prince: how a message gets past a spam filter, what that costs its sender, and what a reader sees.

**Good words** are added below the message: words that speak against spam. A row of TF-IDF numbers is scaled to length
1, so every known word that is added also dilutes what stands there already: even one of weight 0 brings the logit
nearer to the intercept. The reader sees the whole message, and below it words that make no sense.

**Disguised words** are those that speak for spam, with one character changed: a letter that looks the same in another
alphabet, or a character that shows nothing. The filter does not know such a word and leaves it out. The length is still
1, so the words that remain grow louder, and one disguise is rarely enough. The reader sees the message as it was.

:func:`mended` is a filter that reads what a person reads. It undoes the second attack, and not the first.
"""

from __future__ import annotations

import copy
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import check_answers, check_probabilities
from helpers.datasets.messages import CLASS_NAMES
from helpers.intervals import Estimate, proportion
from helpers.models.interpretable import SpamFilter
from helpers.progress import with_bar

Filter = Callable[[Sequence[str]], NDArray[np.floating]]
"""N messages to probabilities, shape (N, 2): honest and spam. A :class:`helpers.models.SpamFilter` is one."""
Knows = Literal["weights", "answers"]
"""What the attacker has: a copy of the filter, which he looks into (white box), or only its answers (black box)."""
Disguise = Literal["look-alike", "invisible", "dot"]
"""A letter of another alphabet, a character without width, or a dot between two letters, which a reader reads over."""

LOOK_ALIKES: Mapping[str, str] = {
    **dict(zip("aceopxyijshdqw", "асеорхуіјѕһԁԛԝ", strict=True)),
    **dict(zip("ABCEHIJKMOPSTXY", "АВСЕНІЈКМОРЅТХУ", strict=True)),
}
"""Latin letters and the Cyrillic ones that look like them; some of the pairs in Unicode's confusables.txt."""
INVISIBLE = "\u200b"
"""ZERO WIDTH SPACE: no letter for a tokeniser, nothing for an eye."""
_PUT_IN = {"invisible": INVISIBLE, "dot": "."}

_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοιν", "ABEZHIKMNOPTYXoiv", strict=True))
_TO_LATIN = str.maketrans({other: latin for latin, other in LOOK_ALIKES.items()} | _GREEK)
_WORD = re.compile(r"(?u)\b\w\w+\b")  # scikit-learn's default: two or more word characters, in any alphabet


@dataclass(frozen=True)
class AttackedText:
    """What an attack made of some messages, and what each cost its sender.

    Attributes
    ----------
    name : str
        The attack, as figures and tables call it.
    texts : tuple of str, N of them
        The messages as they are sent. One that the filter let through from the start is left as it was.
    passed : numpy.ndarray of bool, shape (N,)
        Whether the filter calls them honest: spam with less than 1/2.
    spam : numpy.ndarray of float32, shape (N,)
        The filter's probability of spam, in [0, 1].
    words_added : numpy.ndarray of int64, shape (N,)
        Words below the message.
    characters_changed : numpy.ndarray of int64, shape (N,)
        Characters replaced or put into the message itself.
    shares : numpy.ndarray of float64, shape (N,)
        Share of the characters that are sent and that the sender did not write, in [0, 1).
    queries : numpy.ndarray of int64, shape (N,)
        How often the filter was asked about each; what an attacker tries on a copy of his own costs no question.
    """

    name: str
    texts: tuple[str, ...]
    passed: NDArray[np.bool_]
    spam: NDArray[np.float32]
    words_added: NDArray[np.int64]
    characters_changed: NDArray[np.int64]
    shares: NDArray[np.float64]
    queries: NDArray[np.int64]

    @property
    def spent(self) -> NDArray[np.int64]:
        """What counts against the budget: words added or characters changed, shape (N,)."""
        return self.words_added + self.characters_changed


def good_words(
    target: SpamFilter | Filter,
    texts: Sequence[str],
    *,
    budget: int = 20,
    knows: Knows = "weights",
    candidates: Sequence[str] | None = None,
) -> AttackedText:
    """Add words that speak against spam, one after the other, until the filter says honest.

    With ``weights`` each word is the one of all that lowers the logit of this message most, dilution included. With
    ``answers`` every candidate is tried once on the message, and then they are added, best first.

    Parameters
    ----------
    target : SpamFilter or callable
        The filter. ``weights`` needs a SpamFilter, ``answers`` anything that gives probabilities.
    texts : sequence of str, N of them
        Spam. What the filter calls honest stays as it is.
    budget : int
        Words to add at most, at least 0; no word is added twice.
    knows : {"weights", "answers"}
        What the attacker has.
    candidates : sequence of str, optional
        Words to choose from: known ones. Left out, ``weights`` takes all that the filter knows.

    Returns
    -------
    AttackedText
        The words stand below the message, in a paragraph of their own.

    Raises
    ------
    TypeError
        If `texts` is one single text, or ``weights`` is asked of something else than a SpamFilter.
    ValueError
        If the budget is negative, there is no candidate, or the target gives no probabilities.

    References
    ----------
    Lowd and Meek, "Good Word Attacks on Statistical Spam Filters", 2005.
    """
    post = _Post(target, texts, budget)
    if _choice(knows, Knows, "knows") == "weights":
        offer = _by_weights(_spam_filter(target), candidates)
    else:
        offer = _by_answers(post, _known_words(candidates))
    caught = post.caught()
    orders = {row: offer(row, post.originals[row]) for row in caught}
    added: dict[int, list[str]] = {row: [] for row in caught}
    for _ in with_bar(range(post.budget), "good words"):
        for row in post.caught():
            added[row] += itertools.islice(orders[row], 1)
        rows = [row for row in post.caught() if len(added[row]) > post.words_added[row]]
        if not rows:
            break
        post.words_added[rows] += 1
        post.send(rows, [_with_words(post.originals[row], added[row]) for row in rows])
    return post.result(f"good words, by {knows}")


def disguised_words(
    target: SpamFilter | Filter,
    texts: Sequence[str],
    *,
    budget: int = 20,
    knows: Knows = "weights",
    disguise: Disguise = "look-alike",
) -> AttackedText:
    """Change one character in the words that speak for spam, one word after the other, until the filter says honest.

    With ``weights`` every word of the message is tried on a copy of the filter, anew after each change. With
    ``answers`` every word is tried once on the filter itself, and then they are disguised, best first.

    Parameters
    ----------
    target : SpamFilter or callable
        The filter. ``weights`` needs a SpamFilter, ``answers`` anything that gives probabilities.
    texts : sequence of str, N of them
        Spam. What the filter calls honest stays as it is.
    budget : int
        Characters to change at most, at least 0; each disguises one word at one place.
    knows : {"weights", "answers"}
        What the attacker has.
    disguise : {"look-alike", "invisible", "dot"}
        ``look-alike`` replaces a letter by one of `LOOK_ALIKES`; words without such a letter stay as they are.
        ``invisible`` puts `INVISIBLE` after the first letter: the reader sees no difference in either case. ``dot``
        puts a dot there, which he sees and reads over.

    Returns
    -------
    AttackedText
        The messages, as long as before but for what was put in.

    Raises
    ------
    TypeError, ValueError
        As :func:`good_words`; or if there is no such disguise.

    References
    ----------
    Unicode Technical Standard 39, "Unicode Security Mechanisms", 2024: confusable characters.
    """
    kind = _choice(disguise, Disguise, "disguise")
    post = _Post(target, texts, budget)
    on_a_copy = _spam_filter(target).logits if _choice(knows, Knows, "knows") == "weights" else None
    done: dict[int, list[int]] = {row: [] for row in post.caught()}
    best: dict[int, list[int]] = {}
    for step in with_bar(range(post.budget), f"{kind} characters"):
        rows = post.caught()
        if on_a_copy is not None or step == 0:
            best = {row: _best_places(post, row, done[row], kind, on_a_copy) for row in rows}
        rows = [row for row in rows if best[row]]
        if not rows:
            break
        for row in rows:
            done[row].append(best[row].pop(0))
        post.characters_changed[rows] += 1
        post.send(rows, [_written(post.originals[row], done[row], kind) for row in rows])
    return post.result(f"{kind} characters, by {knows}")


def as_read(text: str) -> str:
    """What a person reads: the message without what shows nothing, and with Latin letters for what looks like them.

    Parameters
    ----------
    text : str
        A message.

    Returns
    -------
    str
        In Unicode's form NFKC (wide, bold and joined letters become plain ones), without format characters, and with
        Latin letters for the Cyrillic and Greek ones that look the same. Plain English stays as it is. It is made for
        filters' eyes: a Russian message is no longer one. Letters that look alike and are not in this short table
        still get through; Unicode's own has thousands.
    """
    plain = unicodedata.normalize("NFKC", text)
    return "".join(letter for letter in plain if unicodedata.category(letter) != "Cf").translate(_TO_LATIN)


def mended(target: SpamFilter) -> SpamFilter:
    """A filter that reads what a person reads.

    Parameters
    ----------
    target : SpamFilter
        A filter; it stays as it is.

    Returns
    -------
    SpamFilter
        The same weights behind :func:`as_read`: of a message in plain English it says exactly the same.

    Raises
    ------
    TypeError
        If it is no SpamFilter.
    """
    vectoriser = copy.copy(_spam_filter(target).vectoriser)
    before = target.vectoriser.build_preprocessor()  # the lower case
    return replace(target, vectoriser=vectoriser.set_params(preprocessor=lambda text: before(as_read(text))))


def passed_by_budget(attacked: AttackedText, budgets: Sequence[int]) -> dict[int, Estimate]:
    """Share of the messages that pass, for each budget. One attack answers for all: a larger one begins as a smaller.

    Parameters
    ----------
    attacked : AttackedText
        From an attack with at least the largest of the budgets.
    budgets : sequence of int
        Words or characters, at least 0. At 0 stands the share that passes without any attack.

    Returns
    -------
    dict of int to Estimate
        Shares in [0, 1] of all N messages.

    Raises
    ------
    ValueError
        If a budget is negative.
    """
    return {budget: proportion(attacked.passed & (attacked.spent <= _checked_budget(budget))) for budget in budgets}


# ---- what stands behind both


class _Post:
    """Messages on their way through a filter: what was sent, what it said, what it cost."""

    def __init__(self, target: SpamFilter | Filter, texts: Sequence[str], budget: int) -> None:
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TypeError("texts must be a sequence of messages, each of them a str; write [text] for a single one")
        if not len(texts):
            raise ValueError("texts holds no message, so there is nothing to attack")
        self.budget = _checked_budget(budget)
        self._target = target
        self.originals, self.texts = tuple(texts), list(texts)
        self.words_added = np.zeros(len(texts), np.int64)
        self.characters_changed = np.zeros(len(texts), np.int64)
        self.queries = np.zeros(len(texts), np.int64)
        self.answers = self.ask(list(range(len(texts))), self.texts)

    def ask(self, rows: Sequence[int], texts: Sequence[str]) -> NDArray[np.floating]:
        """Probabilities, shape (M, 2), of messages made from those rows."""
        answers = check_answers(self._target(texts), len(texts), "the filter")
        if check_probabilities(answers, "what the filter gives").shape[1] != len(CLASS_NAMES):
            raise ValueError(f"the filter must give two columns, honest and spam; it gave {answers.shape[1]}")
        np.add.at(self.queries, rows, 1)
        return answers

    def send(self, rows: Sequence[int], texts: Sequence[str]) -> None:
        self.answers[rows] = self.ask(rows, texts)
        for row, text in zip(rows, texts, strict=True):
            self.texts[row] = text

    def caught(self) -> list[int]:
        return np.flatnonzero(self.answers.argmax(axis=1) == 1).tolist()

    def result(self, name: str) -> AttackedText:
        lengths = np.array([[len(one), len(other)] for one, other in zip(self.originals, self.texts, strict=True)])
        before, after = lengths.T
        foreign = np.where(self.words_added > 0, after - before, self.characters_changed)
        return AttackedText(
            name,
            tuple(self.texts),
            self.answers.argmax(axis=1) == 0,
            self.answers[:, 1].astype(np.float32),
            self.words_added,
            self.characters_changed,
            foreign / np.maximum(after, 1),
            self.queries,
        )


def _by_weights(target: SpamFilter, candidates: Sequence[str] | None) -> Callable[[int, str], Iterator[str]]:
    """Words in the order in which they lower a message's logit most, worked out without asking."""
    from sklearn.feature_extraction.text import CountVectorizer

    settings = target.vectoriser.get_params()
    if settings["norm"] != "l2" or settings["sublinear_tf"] or settings["binary"] or settings["ngram_range"] != (1, 1):
        raise ValueError(
            "good words by weights are worked out for single words, counted and scaled to length 1; this vectoriser "
            "does something else. Use knows='answers'."
        )
    names = target.vectoriser.get_feature_names_out()
    chosen = np.isin(names, _known_words(names if candidates is None else candidates))
    of_one = target.vectoriser.idf_ if settings["use_idf"] else np.ones(len(names))
    weights = target.classifier.coef_[0]

    def order(row: int, text: str) -> Iterator[str]:
        values = CountVectorizer.transform(target.vectoriser, [text]).toarray()[0] * of_one
        left = chosen.copy()
        while left.any():
            # What the logit, without its intercept, would be with each word added: all of them share out length 1.
            lengths = np.sqrt((values**2).sum() + 2 * values * of_one + of_one**2)
            logits = np.where(left, (values @ weights + weights * of_one) / lengths, np.inf)
            now = values @ weights / max(float(np.linalg.norm(values)), 1e-12)
            if logits.min() >= now:
                return
            word = int(logits.argmin())
            left[word] = False
            values[word] += of_one[word]
            yield str(names[word])

    return order


def _by_answers(post: _Post, candidates: Sequence[str]) -> Callable[[int, str], Iterator[str]]:
    """Words in the order in which each of them alone lowers a message's probability of spam, asked for."""

    def order(row: int, text: str) -> Iterator[str]:
        before = post.answers[row, 1]
        after = post.ask([row] * len(candidates), [_with_words(text, [word]) for word in candidates])[:, 1]
        yield from (candidates[place] for place in np.argsort(after, kind="stable") if after[place] < before)

    return order


def _best_places(
    post: _Post, row: int, done: Sequence[int], kind: Disguise, on_a_copy: Callable[..., NDArray] | None
) -> list[int]:
    """Places whose disguise lowers the score of a message, best first."""
    text = post.originals[row]
    places = [place for place in _places(text, kind) if place not in done]
    if not places:
        return []
    tried = [_written(text, [*done, place], kind) for place in places]
    if on_a_copy is None:
        before, after = post.answers[row, 1], post.ask([row] * len(tried), tried)[:, 1]
    else:
        logits = on_a_copy([post.texts[row], *tried])
        before, after = logits[0], logits[1:]
    return [places[at] for at in np.argsort(after, kind="stable") if after[at] < before]


def _places(text: str, kind: Disguise) -> Iterator[int]:
    """One place in each word: its first letter that has a look-alike, or the gap after its first letter."""
    for found in _WORD.finditer(text):
        if kind != "look-alike":
            yield found.start() + 1
        elif letters := [at for at in range(*found.span()) if text[at] in LOOK_ALIKES]:
            yield letters[0]


def _written(text: str, places: Sequence[int], kind: Disguise) -> str:
    letters = list(text)
    for at in places:
        letters[at] = LOOK_ALIKES[text[at]] if kind == "look-alike" else _PUT_IN[kind] + text[at]
    return "".join(letters)


def _with_words(text: str, words: Sequence[str]) -> str:
    return f"{text}\n\n{' '.join(words)}"


# ---- what cannot be attacked


def _spam_filter(target: object) -> SpamFilter:
    if not isinstance(target, SpamFilter):
        raise TypeError(
            f"its weights are needed, so it must be a models.SpamFilter, got {type(target).__name__}. What can only "
            "be asked is attacked with knows='answers'."
        )
    return target


def _choice(given: Any, choices: Any, name: str) -> Any:
    if given not in get_args(choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, get_args(choices)))}, got {given!r}")
    return given


def _known_words(candidates: Sequence[str] | None) -> list[str]:
    if candidates is None or isinstance(candidates, str) or not len(candidates):
        raise ValueError(
            "candidates must be a list of words to choose from, such as those of your own letters, got "
            f"{candidates!r}. Only who has the weights can leave them out."
        )
    return list(candidates)


def _checked_budget(budget: int) -> int:
    if isinstance(budget, bool) or not isinstance(budget, int | np.integer) or budget < 0:
        raise ValueError(f"budget must be a whole number of at least 0, of words or characters, got {budget!r}")
    return int(budget)
