"""Between what a record must lie: how a band comes from a few seeds, and how records are held against it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from helpers.errors import ScorecardError
from helpers.scorecard.fields import (
    AXES,
    BUDGETS,
    Bounds,
    bounds_of,
    check_choice,
    check_text,
    finite,
    whole,
)
from helpers.scorecard.records import Record

DEVIATIONS = 4
FARTHEST = 0.5  # widths of its band that a record of an unseen seed may lie outside
RULE = f"mean of the seeds, {DEVIATIONS} standard deviations and half an interval to each side"
LEAST_SEEDS = 5

_DIGITS = 10  # significant digits of a stored value: no run repeats more of them on another machine
_NOISE = 1e-9  # of a rounding error, for a metric that does not depend on the seed


@dataclass(frozen=True)
class Band:
    """Between what a record must lie: above it is as suspicious as below.

    Attributes
    ----------
    axis, metric, dataset, model, budget : str
        Which records it holds for (any seed).
    notebook : str
        The notebook that writes the record.
    low, high : float
        The ends, both needed, in the unit of the metric.
    why : str
        Where the ends come from: the rule, or the theory.
    seeds : tuple of int
        The seeds that were run for it.
    values : tuple of float
        What they gave, in the order of `seeds`; empty where only the ends were kept.
    half_interval : float or None
        Half the length of the interval of a record, mean over the seeds; None where the ends are not from :data:`RULE`.
    bounds : (float or None, float or None)
        What the metric can be; the ends lie inside.

    Raises
    ------
    ScorecardError
        If one of them is missing or not as said above.
    """

    axis: str
    metric: str
    dataset: str
    model: str
    budget: str
    notebook: str
    low: float
    high: float
    why: str
    seeds: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    half_interval: float | None = None
    bounds: Bounds = (None, None)

    def __post_init__(self) -> None:
        where = f"band {self.axis} / {self.metric}"
        check_choice(self.axis, AXES, f"{where}: axis")
        check_choice(self.budget, BUDGETS, f"{where}: budget")
        for name in ("metric", "dataset", "model", "notebook", "why"):
            check_text(getattr(self, name), f"{where}: {name}")
        for name in ("low", "high"):
            object.__setattr__(self, name, finite(getattr(self, name), f"{where}: {name}"))
        if self.low > self.high:
            raise ScorecardError(f"{where}: low must not be above high, got {self.low} and {self.high}")
        object.__setattr__(self, "bounds", bounds_of(self.bounds, f"{where}: bounds"))
        object.__setattr__(self, "seeds", tuple(whole(seed, f"{where}: seeds", least=0) for seed in self.seeds))
        object.__setattr__(self, "values", tuple(finite(value, f"{where}: values") for value in self.values))
        if self.values and len(self.values) != len(self.seeds):
            raise ScorecardError(f"{where}: {len(self.values)} values for {len(self.seeds)} seeds")

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """Which records the band holds for: axis, metric, dataset, model and budget."""
        return (self.axis, self.metric, self.dataset, self.model, self.budget)

    @property
    def says_nothing(self) -> bool:
        """Whether no record can fall outside, because the metric cannot be anything else."""
        return (self.low, self.high) == self.bounds


def ends(
    values: Sequence[float],
    half_interval: float,
    bounds: Bounds = (None, None),
    *,
    least_seeds: int = LEAST_SEEDS,
) -> tuple[float, float]:
    """The ends of a band by :data:`RULE`, clipped to what the metric can be.

    Parameters
    ----------
    values : sequence of float
        What the seeds gave.
    half_interval : float
        Half the length of a record's interval, mean over the seeds.
    bounds : (float or None, float or None)
        The least and the most that the metric can be.
    least_seeds : int
        How many values there must be.

    Returns
    -------
    (float, float)
        Low and high, rounded outwards to four digits of the distance between them.

    Raises
    ------
    ScorecardError
        If there are too few values, or one is not what the metric can be.
    """
    least, most = (-math.inf if bounds[0] is None else bounds[0]), (math.inf if bounds[1] is None else bounds[1])
    if len(values) < least_seeds:
        raise ScorecardError(f"a band needs at least {least_seeds} seeds, got {len(values)} values")
    if not least <= min(values) <= max(values) <= most:
        raise ScorecardError(f"the values must lie in {bounds}, got {min(values)} to {max(values)}")
    centre = statistics.fmean(values)
    reach = DEVIATIONS * statistics.stdev(values) + half_interval
    reach = max(reach, _NOISE * max(1.0, abs(centre)))
    decimals = 3 - math.floor(math.log10(reach))
    low, high = _rounded(centre - reach, decimals, math.floor), _rounded(centre + reach, decimals, math.ceil)
    return max(low, least), min(high, most)


def make_bands(records: Iterable[Record], seeds: Sequence[int]) -> list[Band]:
    """Make a band for each measurement of some runs that differ in the seed alone.

    Parameters
    ----------
    records : iterable of Record
        What the runs wrote. Those that hang on the clock get no band.
    seeds : sequence of int
        The seeds of the runs.

    Returns
    -------
    list of Band
        In the order of the records.

    Raises
    ------
    ScorecardError
        If there are too few seeds, or a measurement is missing for one of them.
    """
    if len(set(seeds)) != len(seeds) or len(seeds) < LEAST_SEEDS:
        raise ScorecardError(f"a band needs at least {LEAST_SEEDS} different seeds, got {list(seeds)}")
    measured: dict[tuple[str, ...], dict[int, Record]] = {}
    for record in records:
        if not record.timed:
            measured.setdefault(record.identity[:-1], {})[record.seed] = record
    for by_seed in measured.values():
        if missing := [seed for seed in seeds if seed not in by_seed]:
            label = _label(next(iter(by_seed.values())))
            raise ScorecardError(
                f"{label} was not recorded with seeds {missing}. A notebook records the same measurements whatever "
                "the seed; look at what decides whether it does."
            )
    return [_band_of([by_seed[seed] for seed in seeds]) for by_seed in measured.values()]


def check(
    records: Iterable[Record],
    bands: Iterable[Band],
    *,
    notebooks: Collection[str] | None = None,
    datasets: Collection[str] | None = None,
    budget: str = "quick",
) -> list[str]:
    """Tell what is wrong with a scorecard, judged by its bands.

    Parameters
    ----------
    records : iterable of Record
        What was measured.
    bands : iterable of Band
        What was expected.
    notebooks, datasets : collection of str, optional
        Judge only records and bands of these (the notebooks that ran, the data sets they ran on); all if not given.
    budget : str
        Judge only records and bands of this budget.

    Returns
    -------
    list of str
        One sentence for each record outside its band, record without a band, and band without a record. A record that
        hangs on the clock needs no band, and a band for it is a mistake.
    """

    def concerns(thing: Record | Band) -> bool:
        return (
            thing.budget == budget
            and (notebooks is None or thing.notebook in notebooks)
            and (datasets is None or thing.dataset in datasets)
        )

    by_key = {band.key: band for band in bands if concerns(band)}
    problems, met = [], set()
    for record in filter(concerns, records):
        found = by_key.get(record.identity[:-1])
        if found is not None:
            met.add(found.key)
        if problem := _problem(record, found):
            problems.append(f"{_label(record)} = {record.value:.4g} {problem}")
    problems += [
        f"{_label(band)} has a band but no record: {band.notebook} did not write it"
        for key, band in by_key.items()
        if key not in met
    ]
    return problems


def allowed_outside(records: int) -> int:
    """How many records of unseen seeds may lie outside their bands.

    Parameters
    ----------
    records : int
        How many there are.

    Returns
    -------
    int
        The 99% point of the binomial distribution in which each lies outside with one percent: 3 of 60, 4 of 100.
    """
    from scipy.stats import binom

    return int(binom.ppf(0.99, records, 0.01))


def beyond(value: float, band: Band) -> float:
    """How far outside a band a value lies.

    Parameters
    ----------
    value : float
        In the unit of the metric.
    band : Band
        What was expected.

    Returns
    -------
    float
        In widths of the band; 0 inside.
    """
    distance = max(band.low - value, value - band.high, 0.0)
    return distance / max(band.high - band.low, math.ulp(1.0)) if distance else 0.0


def _problem(record: Record, band: Band | None) -> str | None:
    if record.timed:
        return None if band is None else "hangs on the clock and has a band: take the band away"
    if band is None:
        return f"has no band: 'vigilant bands {record.notebook}' makes one"
    if band.low <= record.value <= band.high:
        return None
    side = "below" if record.value < band.low else "above"
    return f"(seed {record.seed}) is {side} its band [{band.low:.4g}, {band.high:.4g}] ({band.why})"


def _band_of(records: list[Record]) -> Band:
    first = records[0]
    if len({record.bounds for record in records}) > 1:
        raise ScorecardError(f"{_label(first)} has other bounds with another seed: what it can be depends on no seed")
    values = [shortened(record.value) for record in records]
    half_interval = shortened(statistics.fmean((record.high - record.low) / 2 for record in records))
    try:
        low, high = ends(values, half_interval, first.bounds)
    except ScorecardError as error:
        raise ScorecardError(f"{_label(first)}: {error}") from None
    return Band(
        axis=first.axis,
        metric=first.metric,
        dataset=first.dataset,
        model=first.model,
        budget=first.budget,
        notebook=first.notebook,
        low=low,
        high=high,
        why=RULE,
        seeds=tuple(record.seed for record in records),
        values=tuple(values),
        half_interval=half_interval,
        bounds=first.bounds,
    )


def shortened(value: float) -> float:
    """A value with as many digits as are stored."""
    return float(f"{value:.{_DIGITS}g}")


def _rounded(value: float, decimals: int, towards: Callable[[float], int]) -> float:
    # By powers of ten as whole numbers: 0.1 ** 3 is no thousandth.
    step = 10.0 ** abs(decimals)
    return towards(value * step) / step if decimals >= 0 else towards(value / step) * step


def _label(thing: Record | Band) -> str:
    return f"{thing.axis} / {thing.metric} of {thing.model} on {thing.dataset} ({thing.budget}, {thing.notebook})"
