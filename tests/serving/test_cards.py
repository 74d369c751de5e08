"""The cards: Croissant's own library reads the data card, and a model card without a section is none."""

import json
import sys
from types import ModuleType

import pytest

from helpers import serving
from tests.serving import bundles

# rdflib 7.6 marks a class of its own that its reader of JSON-LD uses.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")


@pytest.fixture(scope="module")
def croissant():
    """The library ``mlcroissant``, without what finds values inside JSON files (pyproject.toml says why)."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("jsonpath_rw", "jsonpath_rw.lexer"):
            patch.setitem(sys.modules, name, ModuleType(name))
        sys.modules["jsonpath_rw"].lexer = sys.modules["jsonpath_rw.lexer"]
        import mlcroissant

        yield mlcroissant


def problems(croissant, card: dict) -> list[str]:
    try:
        found = croissant.Dataset(jsonld=json.loads(json.dumps(card))).metadata.ctx.issues
    except croissant.ValidationError as error:
        return [str(error)]
    return sorted(found.errors) + sorted(found.warnings)


def test_croissants_own_library_reads_the_data_card(croissant):
    assert problems(croissant, bundles.card_of_data()) == []
    data = croissant.Dataset(jsonld=bundles.card_of_data())
    assert [row["classes/name"] for row in data.records("classes")] == bundles.NAMES
    counts = {row["splits/name"]: row["splits/pictures"] for row in data.records("splits")}
    assert counts == {"reference": 300, "calibration": 500}
    assert data.metadata.name == "blocks"


def without(*path):
    def spoil(card):
        place = card
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        without("license"),
        without("datePublished"),
        without("recordSet", 0, "field", 0, "dataType"),
        lambda card: card["recordSet"][0]["data"][0].update({"classes/colour": "red"}),
    ],
)
def test_what_is_no_croissant_would_show(croissant, spoil):
    card = json.loads(json.dumps(bundles.card_of_data()))
    spoil(card)
    assert problems(croissant, card) != []


@pytest.mark.parametrize(
    "change", [{"collection": " "}, {"class_names": []}, {"splits": {}}, {"splits": {"test": 0}}, {"license": ""}]
)
def test_a_data_card_with_a_gap_is_refused(change):
    given = {
        "name": "a",
        "description": "b",
        "class_names": ["c"],
        "splits": {"test": 1},
        **dict.fromkeys(("version", "published", "url", "license", "creator", "collection", "limitations"), "d"),
    }
    assert serving.data_card(**given)["name"] == "a"
    with pytest.raises(ValueError, match="a data card needs every text"):
        serving.data_card(**given | change)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"caveats": ""}, "missing or empty: caveats"),
        ({"caveat": "Misspelt."}, "unknown: caveat"),
    ],
)
def test_a_model_card_with_a_gap_is_refused(sections, message):
    from helpers.serving.cards import model_card

    assert model_card(bundles.CARD, {"version": "1"})["model_details"] == {"version": "1"}
    with pytest.raises(ValueError, match=message):
        model_card(bundles.CARD | sections, {})
