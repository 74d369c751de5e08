"""Attacks that only ask: what they find, what it costs, and that they keep to what they are allowed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import attacks, datasets, models
from helpers.attacks import Attacked, ThreatModel

SHAPE = (8, 8, 1)


class Linear:
    """A classifier whose distances are known; it writes down how many pictures it was asked about each time."""

    def __init__(self, shape=SHAPE, classes=3, seed=0, sharpness=1.0):
        weights = np.random.default_rng(seed).normal(size=(int(np.prod(shape)), classes))
        self.weights = weights - weights.mean(axis=1, keepdims=True)
        self.sharpness = sharpness
        self.asked = []

    def scores(self, images):
        # One row after the other, so that no rounding hangs on what stands beside a picture.
        return np.stack([(row.ravel().astype(np.float64) - 0.5) @ self.weights for row in images])

    def __call__(self, images):
        self.asked.append(len(images))
        scores = self.sharpness * self.scores(images)
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def distances(self, images, labels, norm):
        """True distance of each picture to the nearest other class, the box left out of account."""
        scores, rows = self.scores(images), np.arange(len(images))
        ways = self.weights[:, labels, None] - self.weights[:, None, :]
        lengths = np.linalg.norm(ways, axis=0) if norm == "l2" else np.abs(ways).sum(axis=0)
        gaps = scores[rows, labels][:, None] - scores
        return np.where(lengths > 0, gaps / np.maximum(lengths, 1e-9), np.inf).min(axis=1)


def read_rightly(n, shape=SHAPE, classes=3, seed=0):
    """Pictures in the middle of the box, far enough from a border, with the classes they are read as."""
    linear = Linear(shape, classes)
    images = np.random.default_rng(seed).normal(0.5, 0.08, (4 * n, *shape)).clip(0.3, 0.7).astype(np.float32)
    labels = linear(images).argmax(axis=1)
    clear = linear.distances(images, labels, "l2") > 0.02
    return images[clear][:n], labels[clear][:n]


IMAGES, LABELS = read_rightly(40)
AGAINST = {
    "square": lambda predict, *given, **more: attacks.square(predict, *given, ThreatModel(0.1), **more),
    "square l2": lambda predict, *given, **more: attacks.square(predict, *given, ThreatModel(0.5, "l2"), **more),
    "hop_skip_jump": lambda predict, *given, **more: attacks.hop_skip_jump(predict, *given, **more).inside(0.5),
    "hop_skip_jump linf": lambda *given, **more: attacks.hop_skip_jump(*given, "linf", **more).inside(0.1),
}


@pytest.fixture(scope="module")
def digits():
    data = datasets.load("digits", train=2000, calibration=50, test=500, seed=0)
    trained = models.load_or_train(models.Recipe(steps=120, batch_size=64, learning_rate=3e-3), data.train, classes=10)
    predict = models.predict_function(trained.model)
    images, labels = data.test.images, data.test.labels
    right = predict(images).argmax(axis=1) == labels
    return predict, images[right], labels[right]


# ---- what they find


def test_square_breaks_what_noise_of_the_same_size_leaves_whole(digits):
    predict, images, labels = digits
    threat = ThreatModel(0.3)
    noisy = threat.random(images, np.random.default_rng(0))
    assert (predict(noisy).argmax(axis=1) != labels).mean() <= 0.03
    images, labels = images[:100], labels[:100]
    found = attacks.square(predict, images, labels, threat, queries=100)
    assert found.fooled.mean() > 0.6
    assert np.array_equal(predict(found.images).argmax(axis=1) != labels, found.fooled)
    assert (threat.sizes(found.images, images) <= 0.3 + 1e-6).all()


def test_hop_skip_jump_finds_what_square_has_to_be_told(digits):
    predict, images, labels = (part if callable(part) else part[:16] for part in digits)
    nearest = attacks.hop_skip_jump(predict, images, labels, "linf", queries=400)
    alone = [predict(image[None]).argmax() != label for image, label in zip(nearest.images, labels, strict=True)]
    assert all(alone)  # in a batch of another size sums are rounded otherwise
    assert (predict(nearest.images).argmax(axis=1) != labels).all()
    assert 0.3 < nearest.inside(0.35).fooled.mean() > nearest.inside(0.1).fooled.mean()
    assert (np.diff([nearest.inside(epsilon).fooled.mean() for epsilon in (0, 0.1, 0.2, 0.3, 0.5)]) >= 0).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_square_comes_near_to_what_a_linear_classifier_allows(norm):
    linear = Linear()
    true = linear.distances(IMAGES, LABELS, norm)
    epsilon = 4 * float(np.median(true))
    found = attacks.square(linear, IMAGES, LABELS, ThreatModel(epsilon, norm), queries=300)
    assert not found.fooled[true > epsilon].any()  # and nobody can
    assert found.fooled[true < epsilon / 2].mean() > 0.9
    assert np.isin(np.flatnonzero(found.fooled), np.flatnonzero(true <= epsilon)).all()
    noisy = ThreatModel(epsilon, norm).random(IMAGES, np.random.default_rng(0))
    assert (linear(noisy).argmax(axis=1) != LABELS).mean() < 0.5 * found.fooled.mean()


@pytest.mark.parametrize(("norm", "factor"), [("l2", 1.15), ("linf", 1.4)])
def test_distances_are_never_below_the_truth_and_little_above(norm, factor):
    true = Linear().distances(IMAGES, LABELS, norm)
    nearest = attacks.hop_skip_jump(Linear(), IMAGES, LABELS, norm, queries=1000)
    ratio = nearest.distances / true
    assert ratio.min() > 1 - 1e-5
    assert np.median(ratio) < factor
    np.testing.assert_allclose(nearest.distances, ThreatModel(0, norm).sizes(nearest.images, IMAGES))
    assert (Linear()(nearest.images).argmax(axis=1) != LABELS).all()
    assert (nearest.images >= 0).all()
    assert (nearest.images <= 1).all()
    assert nearest.queries.max() <= 1000


def test_more_questions_find_more():
    found = [attacks.square(Linear(), IMAGES, LABELS, ThreatModel(0.012), queries=q) for q in (2, 20, 80, 320)]
    shares = [one.fooled.mean() for one in found]
    assert shares == sorted(shares)
    assert shares[-1] > shares[0] + 0.2
    assert (np.diff([one.margins.mean() for one in found]) < 0).all()
    far = [np.median(attacks.hop_skip_jump(Linear(), IMAGES, LABELS, queries=q).distances) for q in (60, 200, 800)]
    assert far == sorted(far, reverse=True)
    assert far[-1] < 0.7 * far[0]


@pytest.mark.parametrize("name", AGAINST)
def test_targets(name):
    targets = (LABELS + 1) % 3
    starts = np.stack([IMAGES[target == LABELS][0] for target in targets])
    more = {"starts": starts} if "hop" in name else {}
    found = AGAINST[name](Linear(), IMAGES, LABELS, targets=targets, queries=400, **more)
    assert found.fooled.mean() > 0.5
    assert np.array_equal(Linear()(found.images).argmax(axis=1) == targets, found.fooled)
    assert np.array_equal(found.margins <= 0, found.fooled)


def test_classes_alone_are_what_hop_skip_jump_sees():
    def classes_alone(images):
        return np.eye(3)[Linear()(images).argmax(axis=1)]

    told, seen = (attacks.hop_skip_jump(one, IMAGES[:8], LABELS[:8], queries=200) for one in (classes_alone, Linear()))
    assert np.array_equal(told.images, seen.images)
    assert np.array_equal(told.queries, seen.queries)


def test_a_network_that_is_sure_says_which_way_is_better():
    sure = Linear(sharpness=60)
    assert np.median(np.sort(sure(IMAGES), axis=1)[:, -2]) < 1e-8  # the softmax says 1 and nothing else
    found = attacks.square(sure, IMAGES, LABELS, ThreatModel(0.02), queries=60)
    plain = attacks.square(Linear(), IMAGES, LABELS, ThreatModel(0.02), queries=60)
    assert np.array_equal(found.fooled, plain.fooled)
    np.testing.assert_allclose(found.margins, 60 * plain.margins, rtol=1e-4, atol=1e-4)


# ---- what they may, and what it costs


@settings(max_examples=25)
@given(
    epsilon=st.floats(0, 1), norm=st.sampled_from(["linf", "l2"]), seed=st.integers(0, 10**6),
    queries=st.integers(1, 30), shape=st.sampled_from([(5, 7, 3), (8, 8, 1), (3, 3, 2), (1, 4, 1)]),
)  # fmt: skip
def test_inside_ball_and_box(epsilon, norm, seed, queries, shape):
    linear = Linear(shape, 4)
    rng = np.random.default_rng(seed)
    images, labels = rng.random((4, *shape), np.float32), rng.integers(0, 4, 4)
    before, threat = images.copy(), ThreatModel(epsilon, norm)
    for found in (
        attacks.square(linear, images, labels, threat, queries=queries, seed=seed),
        attacks.hop_skip_jump(linear, images, labels, norm, queries=queries, seed=seed).inside(epsilon),
    ):
        assert (found.images >= 0).all()
        assert (found.images <= 1).all()
        assert (threat.sizes(found.images, images) <= epsilon * (1 + 1e-5) + 1e-6).all()
        assert np.array_equal(linear(found.images).argmax(axis=1) != labels, found.fooled)
        assert np.array_equal(found.margins <= 0, found.fooled)
        assert found.queries.max() <= queries
        wrong = linear(images).argmax(axis=1) != labels
        assert np.array_equal(found.images[wrong], images[wrong])
        assert (found.queries[wrong] == 1).all()
        assert found.fooled[wrong].all()
    assert np.array_equal(images, before)


def test_nothing_is_asked_after_success():
    linear, answers = Linear(), []

    def written_down(images):
        probabilities = linear(images)
        answers.extend(probabilities.argmax(axis=1))
        return probabilities

    first = LABELS[0] == LABELS
    found = attacks.square(written_down, IMAGES[first], LABELS[first], ThreatModel(0.008), queries=80)
    assert 0 < found.fooled.mean() < 1
    assert (found.queries[~found.fooled] == 80).all()
    assert linear.asked == [(found.queries > turn).sum() for turn in range(len(linear.asked))]
    assert (np.array(answers) != LABELS[0]).sum() == found.fooled.sum()  # each success is heard of once
    linear.asked.clear()
    found = attacks.hop_skip_jump(linear, IMAGES, LABELS, queries=300, enough=0.1)
    assert sum(linear.asked) == found.queries.sum()
    assert (found.distances <= 0.1).mean() > 0.3
    assert found.queries[found.distances <= 0.1].min() < 150 < found.queries[found.distances > 0.1].min()


@pytest.mark.parametrize("name", AGAINST)
def test_a_picture_does_not_hang_on_its_neighbours(name):
    run = AGAINST[name]
    whole, part = run(Linear(), IMAGES, LABELS, queries=90), run(Linear(), IMAGES[5:8], LABELS[5:8], queries=90)
    assert np.array_equal(whole.images[5:8], part.images)
    assert np.array_equal(whole.queries[5:8], part.queries)
    again, other = (run(Linear(), IMAGES, LABELS, queries=90, seed=seed) for seed in (0, 1))
    assert np.array_equal(whole.images, again.images)
    assert not np.array_equal(whole.images, other.images)


@pytest.mark.parametrize("name", AGAINST)
def test_a_classifier_that_does_not_look_cannot_be_fooled(name):
    found = AGAINST[name](lambda images: np.full((len(images), 2), [0.6, 0.4]), IMAGES, 0 * LABELS, queries=50)
    assert not found.fooled.any()
    assert (found.margins > 0).all()
    assert found.queries.max() <= 50
    assert np.array_equal(found.images, IMAGES) or name.startswith("square")
    nearest = attacks.hop_skip_jump(lambda images: np.full((len(images), 2), [0.6, 0.4]), IMAGES, 0 * LABELS)
    assert np.isinf(nearest.distances).all()


def test_stripes_that_help_the_network_are_not_handed_back():
    def likes_contrast(images):
        spread = images.std(axis=(1, 2, 3))
        return np.stack([0.5 + spread / 2, 0.5 - spread / 2], axis=1)

    found = attacks.square(
        likes_contrast, np.full((1, *SHAPE), 0.5, np.float32) + 0.01 * IMAGES[:1], [0], ThreatModel(0.3), queries=2
    )
    assert found.queries.tolist() == [2]
    assert np.array_equal(found.images, np.full((1, *SHAPE), 0.5, np.float32) + 0.01 * IMAGES[:1])


def test_an_epsilon_of_nothing_asks_once():
    found = attacks.square(Linear(), IMAGES, LABELS, ThreatModel(0), queries=50)
    assert found.queries.tolist() == [1] * len(IMAGES)
    assert np.array_equal(found.images, IMAGES)


# ---- transfer


def test_transfer_by_hand():
    images = np.zeros((4, 1, 1, 1), np.float32)
    images[:, 0, 0, 0] = (0.1, 0.4, 0.6, 0.9)

    def bright(pictures):  # class 1 from 1/2 on, class 2 never
        share = pictures[:, 0, 0, 0]
        return np.stack([1 - share, share, 0 * share], axis=1)

    before = Attacked("FGSM", ThreatModel(0.3), images, np.ones(4, bool), np.zeros(4, np.float32), np.full(4, 9))
    judged = attacks.transfer(before, bright, [0, 1, 0, 1])
    assert judged.name == "FGSM, transferred"
    assert judged.threat == before.threat
    assert judged.fooled.tolist() == [False, True, True, False]
    assert judged.images is images
    assert judged.queries.tolist() == [1] * 4
    np.testing.assert_allclose(judged.margins, np.log([9, 4 / 6, 4 / 6, 9]), rtol=1e-5)
    wanted = attacks.transfer(before, bright, [2] * 4, [1, 1, 1, 2])
    assert wanted.fooled.tolist() == [False, False, True, False]


def test_transfer_asks_a_function_that_answers_by_luck_afresh():
    rng = np.random.default_rng(0)

    def lucky(images):
        spam = rng.random(len(images)) < 0.2
        return np.stack([1.0 - spam, spam], axis=1)

    found = attacks.square(lucky, IMAGES, 0 * LABELS, ThreatModel(0.1), queries=40)
    assert found.fooled.mean() > 0.95
    assert attacks.transfer(found, lucky, 0 * LABELS).fooled.mean() < 0.45


# ---- doors

ALL = AGAINST | {
    "transfer": lambda predict, images, labels, **more: attacks.transfer(
        Attacked("none", ThreatModel(0.1), images, *(np.zeros(len(images)) for _ in range(3))), predict, labels, **more
    )
}


@pytest.mark.parametrize("name", ALL)
def test_what_does_not_predict(name):
    for predict, said in (
        (lambda images: 30 * Linear().scores(images), "what predict gives must lie in .* Are these logits"),
        (lambda images: np.full((len(images), 3), 0.9), "what predict gives must sum to 1.*Apply a softmax"),
        (lambda images: np.ones((len(images), 1)), "K of at least 2"),
        (lambda images: np.full((len(images), 3), np.nan), "predict gave NaN or infinity"),
        (lambda images: np.ones(len(images)), r"predict must give floats of shape \(40, K\)"),
        (lambda images: np.ones((3, 3)) / 3, r"of shape \(3, 3\)"),
        (lambda images: np.eye(3, dtype=int)[LABELS], "it gave int64"),
    ):
        with pytest.raises(ValueError, match=said):
            ALL[name](predict, IMAGES, LABELS)


@pytest.mark.parametrize("name", ALL)
def test_wrong_labels_and_targets(name):
    for wrong, error, said in (
        (LABELS[1:], ValueError, r"must have shape \(40,\), one per picture, got \(39,\)"),
        (LABELS + 1, ValueError, r"must lie in 0\.\.2 for 3 classes, got 1\.\.3"),
        (LABELS - 1, ValueError, r"must lie in 0\.\.2"),
        (LABELS.astype(float), TypeError, "must be integers"),
    ):
        with pytest.raises(error, match=f"labels {said}"):
            ALL[name](Linear(), IMAGES, wrong)
        with pytest.raises(error, match=f"targets {said}"):
            ALL[name](Linear(), IMAGES, LABELS, targets=wrong)


@pytest.mark.parametrize("name", AGAINST)
def test_wrong_pictures_and_counts(name):
    run = AGAINST[name]
    for images, error, said in (
        ((255 * IMAGES).astype(np.uint8), TypeError, "uint8"),
        (255 * IMAGES, ValueError, r"must lie in \[0, 1\]"),
        (IMAGES[0], ValueError, r"must have shape \(N, H, W, C\)"),
        (IMAGES[:0], ValueError, "N of at least 1"),
    ):
        with pytest.raises(error, match=said):
            run(Linear(), images, LABELS)
    for queries in (0, -5, 2.5, True, None):
        with pytest.raises(ValueError, match=r"queries must be a whole number of at least 1"):
            run(Linear(), IMAGES, LABELS, queries=queries)


def test_what_else_cannot_be():
    for threat in (0.1, "linf", None):
        with pytest.raises(TypeError, match=r"threat must be a ThreatModel, such as ThreatModel\(8 / 255\)"):
            attacks.square(Linear(), IMAGES, LABELS, threat)
    for epsilon in (-0.1, 1.5, np.nan):
        with pytest.raises(ValueError, match="epsilon must be at least 0"):
            attacks.hop_skip_jump(Linear(), IMAGES[:1], LABELS[:1], "linf", queries=1).inside(epsilon)
    for start in (0, 1, -1):
        with pytest.raises(ValueError, match="start must lie strictly between 0 and 1"):
            attacks.square(Linear(), IMAGES, LABELS, ThreatModel(0.1), start=start)
    with pytest.raises(ValueError, match="norm must be 'linf' or 'l2', got 'l1'"):
        attacks.hop_skip_jump(Linear(), IMAGES, LABELS, "l1")
    for enough in (-1, np.nan):
        with pytest.raises(ValueError, match="enough must be a distance of at least 0"):
            attacks.hop_skip_jump(Linear(), IMAGES, LABELS, enough=enough)
    with pytest.raises(ValueError, match=r"starts must have shape \(N, 8, 8, 1\)"):
        attacks.hop_skip_jump(Linear(), IMAGES, LABELS, starts=IMAGES[:, :4])
    with pytest.raises(ValueError, match="starts must hold one picture for each: 3 for 40"):
        attacks.hop_skip_jump(Linear(), IMAGES, LABELS, starts=IMAGES[:3])
    with pytest.raises(TypeError, match="attacked must be what an attack gave"):
        attacks.transfer(IMAGES, Linear(), LABELS)
