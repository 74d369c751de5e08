"""Does an alert ask for something that is there? The series of a PromQL expression, held against a service's page.

An alert on a metric that does not exist is valid, loads, and is green for ever: an expression without series is empty,
and an empty one does not ring.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from helpers.monitoring.broken import Audited

MADE_BY_PROMETHEUS = frozenset({"up", "scrape_duration_seconds", "scrape_samples_scraped", "ALERTS"})
"""Series that no page holds."""

GIVEN_BY_PROMETHEUS = frozenset({"job", "instance", "namespace", "pod", "service", "endpoint", "container", "node"})
"""Labels that a scrape adds."""

_TEXT = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'"""
_TOKENS = re.compile(
    rf"""(?P<clause>\b(?:by|without|on|ignoring|group_left|group_right)\b\s*\([^)]*\))
    |\[[^\]]*\] | {_TEXT} | \d[\w.]*
    |(?P<name>[a-zA-Z_:][\w:]*)\s*(?:(?P<call>\()|\{{(?P<inside>(?:[^{{}}"']|{_TEXT})*)\}})?""",
    re.VERBOSE,
)
_MATCHERS = re.compile(rf"(\w+)\s*(=~|!~|!=|=)\s*({_TEXT})")
_OPERATORS = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan"})
_AGGREGATIONS = frozenset({"sum", "min", "max", "avg", "count", "stddev", "quantile", "topk", "bottomk"})
_WORDS = _OPERATORS | _AGGREGATIONS  # an aggregation stands without a bracket where its labels come first


class Selector(NamedTuple):
    """A series that an expression asks for.

    Attributes
    ----------
    name : str
        Of the metric.
    matchers : tuple of (str, str, str)
        Label, operator (``=``, ``!=``, ``=~``, ``!~``) and value of each.
    """

    name: str
    matchers: tuple[tuple[str, str, str], ...]

    def __str__(self) -> str:
        inside = ",".join(f'{label}{operator}"{value}"' for label, operator, value in self.matchers)
        return f"{self.name}{{{inside}}}" if inside else self.name

    def fits(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether a series is one of those asked for, as far as the service's own labels go.

        Parameters
        ----------
        name : str
            Of its metric.
        labels : mapping of str to str
            Its labels.

        Returns
        -------
        bool
            Labels that a scrape adds are not looked at.
        """
        return name == self.name and all(
            label in GIVEN_BY_PROMETHEUS or _holds(labels.get(label, ""), operator, value)
            for label, operator, value in self.matchers
        )


def _holds(given: str, operator: str, value: str) -> bool:
    same = given == value if operator in ("=", "!=") else re.fullmatch(value, given) is not None
    return same == (operator in ("=", "=~"))


def selectors(expression: str) -> list[Selector]:
    """The series that an expression asks for.

    Parameters
    ----------
    expression : str
        PromQL, with a metric's name in front of each pair of braces. A dashboard's variables may stand in ranges and
        strings.

    Returns
    -------
    list of Selector
        In the order in which they stand.

    Raises
    ------
    ValueError
        If there is none: a number is no alert.
    """
    found = []
    for token in _TOKENS.finditer(expression):
        name = token["name"]
        if name and not token["call"] and name.lower() not in _WORDS:
            inside = _MATCHERS.findall(token["inside"] or "")
            matchers = tuple((label, operator, _unquoted(text)) for label, operator, text in inside)
            found.append(Selector(name, matchers))
    if not found:
        raise ValueError(f"this asks for no series: {expression!r}")
    return found


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def audit_queries(
    expressions: Mapping[str, str], page: str, known: Iterable[str] = MADE_BY_PROMETHEUS
) -> list[Audited]:
    """Look up every series of some alerts or panels on the page that the service exports.

    Parameters
    ----------
    expressions : mapping of str to str
        PromQL by name.
    page : str
        What ``/metrics`` says, in Prometheus's text format, of a service that is up.
    known : iterable of str
        Metrics that come from elsewhere.

    Returns
    -------
    list of Audited
        One for each, accused where the page has no such metric, or none with such labels.
    """
    from prometheus_client.parser import (
        text_string_to_metric_families,  # here: the room itself needs no more than NumPy
    )

    series = [(each.name, each.labels) for family in text_string_to_metric_families(page) for each in family.samples]
    elsewhere, found = frozenset(known), []
    for name, expression in expressions.items():
        lacking = [
            f"there is no {asked}"
            for asked in dict.fromkeys(selectors(expression))
            if asked.name not in elsewhere and not any(asked.fits(*each) for each in series)
        ]
        found.append(Audited(name, tuple(lacking)))
    return found
