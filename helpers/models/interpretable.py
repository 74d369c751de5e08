"""Models that can be read, and a forest that no longer can, behind the course's contract: pictures to probabilities.

The estimator of scikit-learn stays in reach as ``.estimator``, for reading its weights or questions, and for libraries
that want it (TreeSHAP does). None of them is kept on disk: on the digits each trains in a second or two, and the same
pictures and seed give the same model, so two notebooks that ask for the same forest have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import check_fits, check_images, check_labels, check_seed
from helpers.datasets.base import Dataset, Split
from helpers.datasets.messages import CLASS_NAMES, Corpus

if TYPE_CHECKING:
    import pandas as pd

FOREST_TREES = 100
"""Trees of a forest where no number is given."""

FILTER_STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
"""Values of C among which the calibration messages choose."""


@dataclass(frozen=True)
class PixelModel:
    """A classifier of flattened pictures as a predict function.

    Attributes
    ----------
    estimator : sklearn estimator
        Fitted on pixels, a row of H x W x C numbers for each picture; it knows the classes it was shown.
    shape : tuple of (int, int, int)
        Height, width and channels of one picture.
    classes : int
        Number of classes K; one that was never shown gets probability 0.
    """

    estimator: Any
    shape: tuple[int, int, int]
    classes: int

    def __call__(self, images: NDArray[np.floating]) -> NDArray[np.float32]:
        """Probabilities for pictures.

        Parameters
        ----------
        images : numpy.ndarray of float in [0, 1], shape (N, H, W, C)
            The pictures.

        Returns
        -------
        numpy.ndarray of float32, shape (N, K)
            Rows that sum to 1.

        Raises
        ------
        TypeError, ValueError
            If the pictures are not floats in [0, 1], or of another shape than the model's.
        """
        checked = check_fits(check_images(images), (None, *self.shape))
        return _all_classes(self.estimator, flat(checked), self.classes)


@dataclass(frozen=True)
class Size:
    """How much somebody would have to read.

    Attributes
    ----------
    questions : int
        Splits of all trees together.
    rules : int
        Leaves of all trees together: ways through the model that end in an answer.
    """

    questions: int
    rules: int


def flat(images: NDArray[np.floating]) -> NDArray[np.floating]:
    """Pictures as rows of numbers.

    Parameters
    ----------
    images : numpy.ndarray, shape (N, H, W, C)
        The pictures.

    Returns
    -------
    numpy.ndarray, shape (N, H * W * C)
        A view where there can be one.
    """
    return images.reshape(len(images), -1)


def softmax_regression(train: Split, classes: int, c: float = 0.1) -> PixelModel:
    """Multinomial logistic regression on pixels, with an L2 penalty.

    Parameters
    ----------
    train : Split
        What to fit on.
    classes : int
        Number of classes K.
    c : float
        scikit-learn's ``C``, above 0: the smaller, the harder the weights are pulled towards 0.

    Returns
    -------
    PixelModel
        ``estimator.coef_`` holds the weights, a row of H x W x C for each class.

    Raises
    ------
    ValueError
        If there are no pictures, a label is out of range, or only one class was shown.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    # Newton's steps are many products of a matrix and a vector, too small for threads: on a machine that others use as
    # well, these wait for each other, and a fit that takes half a second alone takes ten.
    with threadpool_limits(1, user_api="blas"):
        return _fit(LogisticRegression(C=c, solver="newton-cg", max_iter=200), train, classes)


def decision_tree(
    train: Split, classes: int, *, leaves: int | None = None, depth: int | None = None, seed: int = 0, **options: Any
) -> PixelModel:
    """A decision tree on pixels (CART), grown where it gains most until it has so many leaves or levels.

    Parameters
    ----------
    train : Split
        What to fit on. With another model's answers in place of the labels, it is a surrogate of that model.
    classes : int
        Number of classes K.
    leaves, depth : int, optional
        At most so many rules, or questions on one way; no bound if not given.
    seed : int
        Decides between questions that are equally good.
    **options
        More options of :class:`sklearn.tree.DecisionTreeClassifier`.

    Returns
    -------
    PixelModel
        ``estimator.tree_`` holds the questions.

    Raises
    ------
    ValueError
        If there are no pictures, or a label is out of range.

    References
    ----------
    L. Breiman, J. Friedman, R. Olshen, C. Stone (1984), "Classification and Regression Trees".
    """
    check_seed(seed)
    from sklearn.tree import DecisionTreeClassifier

    return _fit(
        DecisionTreeClassifier(max_leaf_nodes=leaves, max_depth=depth, random_state=seed, **options), train, classes
    )


def random_forest(train: Split, classes: int, *, trees: int = FOREST_TREES, seed: int = 0) -> PixelModel:
    """A random forest on pixels: deep trees on resampled pictures, each question chosen among log2 of all pixels.

    Parameters
    ----------
    train : Split
        What to fit on.
    classes : int
        Number of classes K.
    trees : int
        How many.
    seed : int
        Of the resampling and of the pixels that each question may choose from.

    Returns
    -------
    PixelModel
        ``estimator.estimators_`` holds the trees.

    Raises
    ------
    ValueError
        If there are no pictures, or a label is out of range.

    References
    ----------
    L. Breiman (2001), "Random Forests", Machine Learning 45.
    """
    check_seed(seed)
    from sklearn.ensemble import RandomForestClassifier

    return _fit(RandomForestClassifier(trees, max_features="log2", random_state=seed, n_jobs=-1), train, classes)


def digit_forest(digits: Dataset, seed: int = 0) -> PixelModel:
    """The forest of notebooks 03 and 05, on the training pictures of ``datasets.load("digits", ...)``.

    Parameters
    ----------
    digits : Dataset
        The digits; both notebooks load the same sizes with the same seed, so they speak of the same forest.
    seed : int
        As for :func:`random_forest`.

    Returns
    -------
    PixelModel
        As from :func:`random_forest`, with `FOREST_TREES` trees. Less than a second on two cores for 3,000 digits.

    Raises
    ------
    ValueError
        If the data set is not ``digits``.
    """
    check_seed(seed)
    if digits.name != "digits":
        raise ValueError(f"digit_forest reads digits, got the data set {digits.name!r}; random_forest takes any")
    return random_forest(digits.train, len(digits.class_names), seed=seed)


def size_of(model: PixelModel) -> Size:
    """How large a tree or a forest is.

    Parameters
    ----------
    model : PixelModel
        From :func:`decision_tree` or :func:`random_forest`.

    Returns
    -------
    Size
        Questions and rules.

    Raises
    ------
    ValueError
        If it has no trees.
    """
    trees = [tree.tree_ for tree in _trees(model.estimator)]
    rules = sum(int(tree.n_leaves) for tree in trees)
    return Size(sum(int(tree.node_count) for tree in trees) - rules, rules)


def questions_asked(model: PixelModel, images: NDArray[np.floating]) -> NDArray[np.int64]:
    """How many questions stand behind each single answer.

    Parameters
    ----------
    model : PixelModel
        From :func:`decision_tree` or :func:`random_forest`.
    images : numpy.ndarray of float in [0, 1], shape (N, H, W, C)
        The pictures.

    Returns
    -------
    numpy.ndarray of int64, shape (N,)
        Splits on the way to the answer, over all trees.
    """
    rows = flat(check_fits(check_images(images), (None, *model.shape)))
    ways = [np.asarray(tree.decision_path(rows).sum(axis=1)).ravel() - 1 for tree in _trees(model.estimator)]
    return np.sum(ways, axis=0).astype(np.int64)


def decision_path(model: PixelModel, image: NDArray[np.floating]) -> list[tuple[tuple[int, int, int], bool]]:
    """The questions that a tree asks about one picture, in order: an exact reason for its answer.

    Parameters
    ----------
    model : PixelModel
        From :func:`decision_tree`.
    image : numpy.ndarray of float in [0, 1], shape (H, W, C)
        The picture.

    Returns
    -------
    list of ((int, int, int), bool)
        For each question its pixel as (row, column, channel), and whether the picture is brighter there than the
        tree's threshold.

    Raises
    ------
    ValueError
        If the model is not one single tree.
    """
    trees = _trees(model.estimator)
    if len(trees) != 1:
        raise ValueError(f"one tree goes one way; this model has {len(trees)} of them")
    row, tree = flat(check_fits(check_images(image[None]), (None, *model.shape))), trees[0].tree_
    nodes = trees[0].decision_path(row).indices
    inner = [node for node in nodes if tree.feature[node] >= 0]
    places = [np.unravel_index(tree.feature[node], model.shape) for node in inner]
    return [
        ((int(i), int(j), int(k)), bool(row[0, tree.feature[node]] > tree.threshold[node]))
        for node, (i, j, k) in zip(inner, places, strict=True)
    ]


# ---- text


@dataclass(frozen=True)
class SpamFilter:
    """A linear spam filter that can be read: one weight for each word.

    Attributes
    ----------
    vectoriser : sklearn.feature_extraction.text.TfidfVectorizer
        Makes a row of numbers of a message.
    classifier : sklearn.linear_model.LogisticRegression
        One weight for each word; positive speaks for spam.
    """

    vectoriser: Any
    classifier: Any

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities for messages.

        Parameters
        ----------
        texts : sequence of str, N of them
            The messages.

        Returns
        -------
        numpy.ndarray of float32, shape (N, 2)
            Honest and spam.

        Raises
        ------
        TypeError
            If one single text is given in place of a sequence of them.
        """
        return np.asarray(self.classifier.predict_proba(self._rows(texts)), np.float32)

    def logits(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Logit of spam for messages.

        Parameters
        ----------
        texts : sequence of str, N of them
            The messages.

        Returns
        -------
        numpy.ndarray of float64, shape (N,)
            Above 0 means spam.
        """
        return np.asarray(self.classifier.decision_function(self._rows(texts)))

    @property
    def weights(self) -> pd.Series:
        """Weight of each known word, largest first: the whole model, but for `intercept`."""
        import pandas as pd

        weights = pd.Series(self.classifier.coef_[0], index=self.vectoriser.get_feature_names_out())
        return weights.sort_values(ascending=False)

    @property
    def intercept(self) -> float:
        """Logit of a message without a known word."""
        return float(self.classifier.intercept_[0])

    def contributions(self, text: str) -> pd.Series:
        """What each word of a message adds to its logit.

        Parameters
        ----------
        text : str
            One message.

        Returns
        -------
        pandas.Series of float
            One number for each known word of the message, largest in size first. With `intercept` they add up to the
            logit; unknown words add nothing and are left out.
        """
        import pandas as pd

        row = self._rows([text])
        names = self.vectoriser.get_feature_names_out()[row.indices]
        parts = pd.Series(row.data * self.classifier.coef_[0][row.indices], index=names, dtype=float)
        return parts.iloc[np.argsort(-parts.abs().to_numpy(), kind="stable")]

    def _rows(self, texts: Sequence[str]) -> Any:
        if isinstance(texts, str):
            raise TypeError(f"a filter takes a list of messages; write [text] for a single one, got {texts[:40]!r}")
        return self.vectoriser.transform(texts)


def spam_filter(
    corpus: Corpus, *, most_common: float = 1.0, strengths: Sequence[float] = FILTER_STRENGTHS
) -> SpamFilter:
    """Logistic regression on TF-IDF numbers of words, fitted on the training messages.

    Parameters
    ----------
    corpus : helpers.datasets.messages.Corpus
        INVENTED messages; the calibration messages choose `C` and nothing else.
    most_common : float, in (0, 1]
        Words that stand in a larger share of the training messages are left out.
    strengths : sequence of float
        Values of scikit-learn's ``C`` to choose from; the first of the best is taken.

    Returns
    -------
    SpamFilter
        The filter.

    Raises
    ------
    ValueError
        If no word is left, the training messages are all of one class, or there is nothing to choose from.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    if not len(strengths):
        raise ValueError("spam_filter needs at least one strength to choose from")
    if len(np.unique(corpus.train.labels)) < len(CLASS_NAMES):
        raise ValueError("the training messages are all of one class: load more of them")
    vectoriser = TfidfVectorizer(max_df=float(most_common))
    rows = vectoriser.fit_transform(corpus.train.texts)
    tuning = vectoriser.transform(corpus.calibration.texts)
    fitted = [LogisticRegression(C=c, max_iter=1000).fit(rows, corpus.train.labels) for c in strengths]
    best = max(fitted, key=lambda one: one.score(tuning, corpus.calibration.labels))
    return SpamFilter(vectoriser, best)


# ----


def _fit(estimator: Any, train: Split, classes: int) -> PixelModel:
    if not len(train):
        raise ValueError("the train split holds no pictures; load the data set with train of at least 1")
    labels = check_labels(train.labels, len(train), classes, "train labels")
    height, width, channels = train.pixels.shape[1:]
    return PixelModel(estimator.fit(flat(train.images), labels), (height, width, channels), classes)


def _all_classes(estimator: Any, rows: NDArray[np.floating], classes: int) -> NDArray[np.float32]:
    # scikit-learn leaves out the column of a class that was not among the labels it was fitted on.
    probabilities = np.zeros((len(rows), classes), np.float32)
    probabilities[:, estimator.classes_] = estimator.predict_proba(rows)
    return probabilities


def _trees(estimator: Any) -> list[Any]:
    if hasattr(estimator, "estimators_"):
        return list(estimator.estimators_)
    if hasattr(estimator, "tree_"):
        return [estimator]
    raise ValueError(f"a {type(estimator).__name__} asks no questions: it is neither a tree nor a forest")
