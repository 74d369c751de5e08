"""Which spoilt bundles OpenSSF's own verification lets in, and which it does not; ours lets in none, and the honest."""

import json

import pytest
from click.testing import CliRunner
from model_signing import _cli

from helpers import serving
from tests.serving import bundles

LETS_IN = {
    "as it comes": {"ignored path", "swapped card", "replayed bundle"},
    "ignore_unsigned_files": {"added file", "ignored path", "swapped card", "replayed bundle"},
    "allow_symlinks": {"symlink", "ignored path", "swapped card", "replayed bundle"},
}
NAMED = {
    "added file": ["'preprocessing.py' does not belong"],
    "symlink": ["'model_card.json' is a symbolic link"],
    "ignored path": ["'.git' is a folder"],
    "swapped card": ["model_card.json was not signed", "calibration.json was not signed"],
    "replayed bundle": ["manifest.json says version", "serial 2, and serial 3 is known", "older bundle"],
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return serving.make_keys(tmp_path_factory.mktemp("keys"))


def written(path, keys, serial):
    """A bundle as far as a signature goes: nothing here opens the model in it."""
    manifest = {"format": 1, "name": "x", "version": f"1.{serial}", "serial": serial, "shape": [4], "class_names": []}
    contents = {name: json.dumps({"file": name}).encode() for name in serving.FILES}
    path = serving.write_bundle(path, contents | {"manifest.json": json.dumps(manifest).encode()}, keys[0])
    return bundles.Packed(path, *keys)


@pytest.fixture(scope="module")
def packed(tmp_path_factory, keys):
    return written(tmp_path_factory.mktemp("packed") / "bundle", keys, serial=3)


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory, packed):
    folder = tmp_path_factory.mktemp("spoilt")
    return {kind: serving.plant(kind, packed.path, folder, packed.private) for kind in serving.ATTACKS}


def program(path, key, options):
    """Whether ``model_signing verify key`` with these options ends well."""
    given = ["verify", "key", str(path), "--signature", str(path / serving.SIGNATURE), "--public_key", str(key)]
    return CliRunner().invoke(_cli.main, [*given, *(f"--{name}" for name in options)]).exit_code == 0


@pytest.mark.parametrize("guard", serving.GUARDS)
def test_what_the_library_lets_in_is_what_we_say(packed, spoilt, guard):
    options = serving.GUARDS[guard]
    assert serving.naive_verify(packed.path, packed.public, **options) == (True, "")
    verdicts = {kind: serving.naive_verify(path, packed.public, **options) for kind, path in spoilt.items()}
    assert {kind for kind, verdict in verdicts.items() if verdict.accepted} == LETS_IN[guard]
    assert all(verdict.why for kind, verdict in verdicts.items() if kind not in LETS_IN[guard])
    assert LETS_IN.keys() == serving.GUARDS.keys()


@pytest.mark.parametrize("guard", serving.GUARDS)
def test_the_librarys_own_program_says_the_same(packed, spoilt, guard):
    options = serving.GUARDS[guard]
    assert program(packed.path, packed.public, options)
    assert {kind for kind, path in spoilt.items() if program(path, packed.public, options)} == LETS_IN[guard]


@pytest.mark.parametrize("guard", serving.GUARDS)
def test_the_naive_guard_is_a_guard(packed, keys, tmp_path, guard):
    options = serving.GUARDS[guard]
    changed = serving.write_bundle(tmp_path / "changed", bundles.contents_of(packed.path), packed.private)
    (changed / "model_card.json").write_text("{}")
    assert "model_card.json" in serving.naive_verify(changed, packed.public, **options).why
    _, other = serving.make_keys(tmp_path / "other")
    assert not serving.naive_verify(packed.path, other, **options).accepted
    assert not serving.naive_verify(tmp_path / "nothing", packed.public, **options).accepted


def test_every_attack_is_let_in_by_some_guard_and_has_its_sentence():
    assert set.union(*LETS_IN.values()) == serving.ATTACKS.keys() == NAMED.keys()
    assert all(sentence.endswith(".") for sentence in serving.ATTACKS.values())


@pytest.mark.parametrize("kind", serving.ATTACKS)
def test_ours_refuses_each_and_says_which_file_and_why(packed, spoilt, kind):
    verdict = serving.full_verify(spoilt[kind], packed.public, newest=3)
    assert not verdict.accepted
    assert [words for words in NAMED[kind] if words not in verdict.why] == [], verdict.why
    with pytest.raises(serving.BundleError):
        serving.verified(spoilt[kind], packed.public, newest=3)


def test_ours_accepts_the_honest_bundle_which_planting_left_alone(packed, spoilt):
    assert serving.full_verify(packed.path, packed.public, newest=3) == (True, "")


def test_the_attacks_do_what_their_sentences_say(packed, spoilt, keys):
    outside = (spoilt["symlink"] / "model_card.json").resolve()
    assert outside.parent == spoilt["symlink"].parent.resolve()
    assert outside.read_bytes() == (packed.path / "model_card.json").read_bytes(), "only the link gives it away"
    card = json.loads((spoilt["swapped card"] / "model_card.json").read_text())
    assert card == {"file": "model_card.json", "intended_use": "Everything, at any speed, in any weather."}
    signed = bundles.statement_of(spoilt["swapped card"])["predicate"]["resources"]
    assert [each["name"] for each in signed] == ["model.onnx"]
    old = serving.verified(spoilt["replayed bundle"], packed.public).manifest
    assert (old["serial"], old["version"]) == (2, "the one before 1.3"), "served where nobody knows of a newer one"


def test_what_cannot_be_planted_is_said(packed, keys, tmp_path):
    with pytest.raises(ValueError, match="no attack 'flood'; take one of 'added file'"):
        serving.plant("flood", packed.path, tmp_path, packed.private)
    first = written(tmp_path / "first", keys, serial=1)
    with pytest.raises(ValueError, match="serial is 1"):
        serving.plant("replayed bundle", first.path, tmp_path / "old", packed.private)
    serving.plant("added file", packed.path, tmp_path, packed.private)
    with pytest.raises(FileExistsError):
        serving.plant("added file", packed.path, tmp_path, packed.private)
