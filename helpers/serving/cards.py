"""What a person should know of a model and of its data before using them: a model card and a data card.

Both are JSON, and travel inside a bundle under its signature, so that neither can be swapped for a nicer one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CARD_SECTIONS = (
    "intended_use",
    "out_of_scope",
    "training_data",
    "evaluation_data",
    "ethical_considerations",
    "caveats",
)
"""What every model card says, after Mitchell et al.; the model's details and its numbers are added by the bundle."""

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def model_card(sections: Mapping[str, str], details: Mapping[str, Any]) -> dict[str, Any]:
    """A model card.

    Parameters
    ----------
    sections : Mapping of str to str
        A text for each of :data:`CARD_SECTIONS`.
    details : Mapping
        What the bundle knows by itself: name, version, serial, digests, sizes, calibration.

    Returns
    -------
    dict
        ``model_details``, the sections, and where the numbers stand.

    Raises
    ------
    ValueError
        If a section is missing, empty or unknown.

    References
    ----------
    M. Mitchell et al. (2019), "Model cards for model reporting".
    """
    empty = [name for name in CARD_SECTIONS if not str(sections.get(name, "")).strip()]
    unknown = sorted(set(sections) - set(CARD_SECTIONS))
    if empty or unknown:
        raise ValueError(
            f"a model card has a text for each of {', '.join(CARD_SECTIONS)}; missing or empty: "
            f"{', '.join(empty) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
        )
    return {
        "model_details": dict(details),
        **{name: sections[name] for name in CARD_SECTIONS},
        "quantitative_analyses": "scorecard.json, in this bundle: every number with its interval and n",
    }


def data_card(
    name: str,
    description: str,
    class_names: Sequence[str],
    splits: Mapping[str, int],
    *,
    version: str,
    published: str,
    url: str,
    license: str,
    creator: str,
    collection: str,
    limitations: str,
) -> dict[str, Any]:
    """A data card in the Croissant format: what the data are, in words that programs read, too.

    Parameters
    ----------
    name, description : str
        Of the data set.
    class_names : sequence of str
        Its classes.
    splits : Mapping of str to int
        Pictures in each split.
    version, published : str
        ``1.0.0``, and the day as ``2026-11-27``.
    url, license, creator : str
        Where it is described, the address of its licence, and who made it.
    collection, limitations : str
        How the pictures came about, and what they cannot show.

    Returns
    -------
    dict
        JSON-LD. The classes and the splits are record sets with their records inside; pictures are none, for data that
        are drawn from a seed have no file to point to.

    Raises
    ------
    ValueError
        If a text is empty, there are no classes, or a split is empty.

    References
    ----------
    O. Benjelloun et al. (2024), "Croissant format specification", version 1.0; and "Croissant RAI", version 1.0.
    """
    texts = dict(locals())
    empty = [each for each, value in texts.items() if isinstance(value, str) and not value.strip()]
    if empty or not class_names or not splits or min(splits.values()) < 1:
        raise ValueError(
            f"a data card needs every text, classes, and splits with pictures; empty: {empty or 'classes or splits'}"
        )
    counts = [{"splits/name": split, "splits/pictures": count} for split, count in splits.items()]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": name,
        "description": description,
        "version": version,
        "datePublished": published,
        "url": url,
        "license": license,
        "creator": {"@type": "sc:Organization", "name": creator},
        "citeAs": f"{creator}: {name}, version {version}, {url}",
        "rai:dataCollection": collection,
        "rai:dataLimitations": limitations,
        "recordSet": [
            _records(
                "classes", ["sc:Enumeration"], {"name": "sc:Text"}, [{"classes/name": each} for each in class_names]
            ),
            _records("splits", ["cr:Split"], {"name": "sc:Text", "pictures": "sc:Integer"}, counts),
        ],
    }


def _records(name: str, kind: list[str], fields: Mapping[str, str], data: list[dict[str, Any]]) -> dict[str, Any]:
    """A record set whose records stand in the card itself."""
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "dataType": kind,
        "key": {"@id": f"{name}/name"},
        "field": [
            {"@type": "cr:Field", "@id": f"{name}/{field}", "name": field, "dataType": of}
            for field, of in fields.items()
        ],
        "data": data,
    }
