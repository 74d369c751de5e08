"""Short messages, spam and honest, INVENTED for this course: no sentence of them was ever sent to anybody.

They are put together from templates (:mod:`helpers.datasets.message_templates`) by a seed. The two classes share many
words on purpose: honest messages tell of winners, accounts and free tickets, and some spam is polite. A linear filter
is therefore good at telling them apart, and not perfect. Train and test messages come from the same templates, so an
accuracy on them says how well a filter does on *these* messages, and nothing about a real mailbox.

This is text. It has no pixels, masks or shape, so it has a form of its own and is not one of the picture data sets that
:func:`helpers.datasets.load` knows by name::

    from helpers.datasets import messages
    corpus = messages.load(seed=0)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import check_seed
from helpers.datasets import message_templates as templates
from helpers.errors import DatasetError

Choose = Callable[[int], int]
"""Takes a whole number n, gives one of 0 ... n - 1."""

CLASS_NAMES = ("honest", "spam")
"""Names of class 0 and class 1."""

KINDS: tuple[str, ...] = (*templates.HONEST, *templates.SPAM)
"""What a message is about: each kind belongs to one class. "honest ..." kinds speak the language of spam."""

MOST_MESSAGES = 5_000
"""The largest split that can be asked for: the templates do not give endlessly many different messages."""

_SPLITS = ("train", "calibration", "test")
_BLOCK = 10  # messages whose classes are balanced; every beginning of a split is then nearly balanced
_ATTEMPTS = 200  # for one message that must be new and belong to its split; on average it takes three

# Shares that make the two classes overlap.
_TRICKY = {"honest": 0.4, "spam": 0.35}  # honest messages in the language of spam, and spam that speaks quietly
_ADVANCE_FEE = 0.25  # of all spam: notebook 06 attacks a filter with it
_SHARED_SENTENCE = 0.5
_LOUD = {"honest": 0.06, "spam": 0.2}  # a sentence in capital letters, or with exclamation marks


@dataclass(frozen=True)
class Messages:
    """Texts with their labels and what each is about.

    Attributes
    ----------
    texts : tuple of str, N of them
        The messages.
    labels : numpy.ndarray of int64, shape (N,)
        0 for honest, 1 for spam: an index into `CLASS_NAMES`.
    kinds : tuple of str, N of them
        Which of `KINDS` each is, such as ``"advance fee"`` or ``"honest bank"``. Not for a filter to see.
    """

    texts: tuple[str, ...]
    labels: NDArray[np.int64]
    kinds: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.texts)
        if self.labels.dtype != np.int64 or self.labels.shape != (n,):
            raise DatasetError(
                f"labels must be int64 of shape ({n},), got {self.labels.dtype} of shape {self.labels.shape}"
            )
        if len(self.kinds) != n:
            raise DatasetError(f"{n} messages need {n} kinds, got {len(self.kinds)}")
        self.labels.setflags(write=False)

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray | slice) -> Messages:
        """Some of the messages.

        Parameters
        ----------
        rows : numpy.ndarray of int or bool, or slice
            Which, as NumPy would index them.

        Returns
        -------
        Messages
            These messages in this order.
        """
        chosen = np.arange(len(self))[rows]
        return Messages(
            tuple(self.texts[row] for row in chosen), self.labels[chosen], tuple(self.kinds[row] for row in chosen)
        )


@dataclass(frozen=True)
class Corpus:
    """Three splits of messages; no text stands in two of them, or twice in one.

    Attributes
    ----------
    train, calibration, test : Messages
        To fit on, to tune on, to report on.
    class_names : tuple of str
        Name of class 0 and class 1.
    """

    train: Messages
    calibration: Messages
    test: Messages
    class_names: tuple[str, ...] = CLASS_NAMES

    def __str__(self) -> str:
        sizes = f"{len(self.train):,} train, {len(self.calibration):,} calibration, {len(self.test):,} test"
        return f"messages (invented): {sizes}; classes {' and '.join(self.class_names)}"


def load(train: int = 400, calibration: int = 100, test: int = 400, seed: int = 0) -> Corpus:
    """Make up messages, half of them spam.

    Parameters
    ----------
    train, calibration, test : int
        Messages in each split, 1 to `MOST_MESSAGES`. A smaller split is the beginning of a larger one, and no split
        depends on the sizes of the others.
    seed : int
        At least 0. The same seed gives the same messages on every machine. The body of a message (without greeting,
        closing and what both classes say) belongs to one split whatever the seed, so a test message of one seed is
        never a training message of another, nor the same with another greeting.

    Returns
    -------
    Corpus
        INVENTED messages of one to six sentences: no real person, firm, address, number or link is in them.

    Raises
    ------
    DatasetError
        If a size cannot be met.
    ValueError
        If `seed` is none, see :func:`helpers.contracts.check_seed`.
    """
    sizes = {
        "train": _check("train", train),
        "calibration": _check("calibration", calibration),
        "test": _check("test", test),
    }
    checked_seed = check_seed(seed)
    made = {name: _split(name, size, checked_seed) for name, size in sizes.items()}
    return Corpus(made["train"], made["calibration"], made["test"])


def expand(text: str, choose: Choose, words: Mapping[str, tuple[str, ...]] = templates.WORDS) -> str:
    """Fill a template in.

    Parameters
    ----------
    text : str
        With ``[a|b|]`` for one of a, b and nothing, which may be nested, and ``{word}`` for one entry of a list.
    choose : callable
        Takes a whole number n of at least 1, gives one of 0 ... n - 1.
    words : mapping of str to tuple of str
        The lists of words.

    Returns
    -------
    str
        Text without brackets, and without double spaces.

    Raises
    ------
    KeyError
        If a word names no list.
    """
    while found := _INNERMOST.search(text):
        options = found.group(1).split("|")
        text = text[: found.start()] + options[choose(len(options))] + text[found.end() :]
    text = _WORD.sub(lambda found: words[found.group(1)][choose(len(words[found.group(1)]))], text)
    return re.sub(r"\s+", " ", text).strip()


_INNERMOST = re.compile(r"\[([^\[\]]*)\]")
_WORD = re.compile(r"\{(\w+)\}")


def _check(name: str, size: object) -> int:
    if isinstance(size, bool) or not isinstance(size, Integral):
        raise DatasetError(f"{name} must be a whole number of messages, got {size!r} ({type(size).__name__})")
    if not 1 <= int(size) <= MOST_MESSAGES:
        raise DatasetError(
            f"{name} must be 1 to {MOST_MESSAGES:,} messages, got {size}: the templates do not give endlessly many "
            "different ones. Leave it out for the default size."
        )
    return int(size)


def _split(name: str, size: int, seed: int) -> Messages:
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_SPLITS.index(name),)))
    choose = _chooser(rng)
    texts: dict[str, str] = {}  # text to kind, in order
    labels = []
    for label in _balanced(rng, size):
        text, kind = _new_message(CLASS_NAMES[label], name, texts, rng, choose)
        texts[text] = kind
        labels.append(label)
    return Messages(tuple(texts), np.array(labels, dtype=np.int64), tuple(texts.values()))


def _balanced(rng: np.random.Generator, size: int) -> Iterator[int]:
    for _ in range(-(-size // _BLOCK)):
        block = rng.permutation(_BLOCK) % 2
        take = min(_BLOCK, size)
        yield from (int(label) for label in block[:take])
        size -= take


def _new_message(
    class_name: str, split: str, known: Mapping[str, str], rng: np.random.Generator, choose: Choose
) -> tuple[str, str]:
    for _ in range(_ATTEMPTS):
        kind = _kind(class_name, rng, choose)
        frames = _FRAMES[class_name][kind]
        body = expand(frames[choose(len(frames))], choose)
        text = _dress(body, class_name, rng, choose)
        if text not in known and _home(body) == split:
            return text, kind
    raise DatasetError(f"{split}: no new message after {_ATTEMPTS} attempts; ask for fewer messages")


def _kind(class_name: str, rng: np.random.Generator, choose: Choose) -> str:
    if class_name == "spam" and rng.random() < _ADVANCE_FEE:
        return "advance fee"
    tricky = rng.random() < _TRICKY[class_name]
    kinds = [kind for kind in _FRAMES[class_name] if (kind in templates.TRICKY) == tricky and kind != "advance fee"]
    return kinds[choose(len(kinds))]


def _dress(body: str, class_name: str, rng: np.random.Generator, choose: Choose) -> str:
    """Add what says little about the class: a greeting, a closing, a sentence that both classes use, a loud voice."""
    if rng.random() < _SHARED_SENTENCE:
        shared = expand(templates.SHARED[choose(len(templates.SHARED))], choose)
        body = f"{shared} {body}" if rng.random() < 0.3 else f"{body} {shared}"
    if rng.random() < _LOUD[class_name]:
        body = body.upper() if rng.random() < 0.3 else body.replace(".", "!")
    manner = class_name if rng.random() < 0.6 else CLASS_NAMES[choose(2)]
    greetings, closings = templates.GREETINGS[manner], templates.CLOSINGS[manner]
    return f"{greetings[choose(len(greetings))]} {body} {closings[choose(len(closings))]}".strip()


def _home(body: str) -> str:
    """Name the one split that a body may stand in: decided by its text alone, so that splits can never share one."""
    digest = hashlib.blake2b(body.encode(), digest_size=8).digest()
    return _SPLITS[int.from_bytes(digest, "big") % len(_SPLITS)]


def _chooser(rng: np.random.Generator) -> Choose:
    return lambda n: int(rng.integers(n))


_FRAMES: dict[str, dict[str, tuple[str, ...]]] = {"honest": templates.HONEST, "spam": templates.SPAM}
