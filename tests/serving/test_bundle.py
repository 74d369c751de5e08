"""A bundle is refused unless it is, to the file, what was signed; and what changes nothing of it is no reason."""

import hashlib
import json
import os
import pickle
import shutil
import stat
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
from model_signing import hashing, signing, verifying
from onnx import external_data_helper

from helpers import models, serving
from helpers.errors import CacheError, CourseError
from helpers.serving import bundle
from tests.serving import bundles


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return serving.make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def packed(tmp_path_factory, keys):
    return bundles.pack(tmp_path_factory.mktemp("packed"), keys)


@pytest.fixture
def copy(packed, tmp_path):
    """A bundle to spoil."""
    return bundles.Packed(Path(shutil.copytree(packed.path, tmp_path / "copy")), packed.private, packed.public)


def refused(path: Path, key: Path, *words: str, newest: int | None = None) -> str:
    """Open a bundle, see that it is refused, and that the message says these things."""
    with pytest.raises(serving.BundleError) as caught:
        serving.open_bundle(path, key, newest)
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
    return str(caught.value)


def library_says_yes(path: Path, key: Path) -> bool:
    """Whether OpenSSF's library, as its own program calls it, verifies the bundle."""
    signature = path / serving.SIGNATURE
    config = verifying.Config().use_elliptic_key_verifier(public_key=key)
    config.set_hashing_config(hashing.Config().set_ignored_paths(paths=[signature]))
    try:
        config.verify(path, signature)
    except ValueError as error:
        assert "Signature mismatch" in str(error)  # noqa: PT017
        return False
    return True


def signed_by_hand(folder: Path, contents: dict[str, bytes], key: Path, ignored: tuple[str, ...] = ()) -> Path:
    """Sign whatever files, as anybody with the key could."""
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    config = hashing.Config().set_ignored_paths(paths=ignored, ignore_git_paths=False)
    signer = signing.Config().use_elliptic_key_signer(private_key=key).set_hashing_config(config)
    signer.sign(folder, folder / serving.SIGNATURE)
    return folder


# ---- honest


def test_a_bundle_of_the_first_format_is_read_still(packed, tmp_path):
    contents = bundles.contents_of(packed.path)
    first = {name: value for name, value in json.loads(contents["manifest.json"]).items() if name != "run"}
    contents["manifest.json"] = json.dumps(first | {"format": 1}).encode()
    engine = serving.open_bundle(serving.write_bundle(tmp_path / "first", contents, packed.private), packed.public)
    assert (engine.version, engine.run) == ("1.3", None)


def test_what_was_packed_opens_and_says_what_it_is(packed):
    engine = serving.open_bundle(packed.path, packed.public)
    assert (engine.shape, engine.class_names, engine.version) == (bundles.SHAPE, tuple(bundles.NAMES), "1.3")
    assert engine.card["intended_use"] == "Tests alone."
    assert engine.card["model_details"]["model_sha256"] == (
        hashlib.sha256((packed.path / "model.onnx").read_bytes()).hexdigest()
    )
    assert engine.scorecard == bundles.entries(bundles.card()[:1])
    assert engine.run == asdict(bundles.RUN) | {"model_digest": models.digest(bundles.network())}
    assert engine.decision is None, "nobody asked"
    assert {path.name for path in packed.path.iterdir()} == {*serving.FILES, serving.SIGNATURE}


def test_the_librarys_own_program_reads_it(packed, copy):
    def says(path: Path) -> int:
        command = ["verify", "key", path, "--signature", path / serving.SIGNATURE, "--public_key", packed.public]
        return subprocess.run([sys.executable, "-m", "model_signing", *command], capture_output=True).returncode

    assert library_says_yes(packed.path, packed.public)
    assert says(packed.path) == 0
    (copy.path / "more").write_text("added")
    assert not library_says_yes(copy.path, copy.public)
    assert says(copy.path) == 1


def moved(path: Path, folder: Path) -> Path:
    return Path(shutil.move(path, folder / "another name"))


def zipped(path: Path, folder: Path) -> Path:
    archive = shutil.make_archive(str(folder / "archive"), "zip", path)
    shutil.unpack_archive(archive, folder / "unpacked")
    return folder / "unpacked"


def dated(path: Path, folder: Path) -> Path:
    for place in (*path.iterdir(), path):
        os.utime(place, (0, 0))
    return path


def of_another_user(path: Path, folder: Path) -> Path:
    before = os.umask(0o077)
    try:
        (folder / "strict").mkdir()
        for file in path.iterdir():
            (folder / "strict" / file.name).write_bytes(file.read_bytes())
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "strict" / "model.onnx").stat().st_mode) == 0o600
    return folder / "strict"


def read_only(path: Path, folder: Path) -> Path:
    for place in (*path.iterdir(), path):
        place.chmod(0o555)
    return path


def through_a_linked_parent(path: Path, folder: Path) -> Path:
    (folder / "link").symlink_to(path.parent)
    return folder / "link" / path.name


def hard_linked(path: Path, folder: Path) -> Path:
    """As ``cp -al`` and tools against double files leave it: the files have another name elsewhere."""
    shutil.copytree(path, folder / "linked", copy_function=lambda source, name: Path(name).hardlink_to(source))
    assert (folder / "linked" / "model.onnx").stat().st_nlink == 2
    return folder / "linked"


TWINS = [moved, zipped, dated, of_another_user, read_only, through_a_linked_parent, hard_linked]


@pytest.mark.parametrize("change", TWINS)
def test_honest_twins_are_accepted(copy, tmp_path, change):
    engine = serving.open_bundle(change(copy.path, tmp_path), copy.public, newest=3)
    assert engine.version == "1.3"


# ---- attacks


def changed(name):
    def attack(path: Path) -> None:
        content = bytearray((path / name).read_bytes())
        content[len(content) // 2] ^= 1
        (path / name).write_bytes(content)

    return attack


@pytest.mark.parametrize("name", serving.FILES)
def test_a_changed_file_is_refused(copy, name):
    changed(name)(copy.path)
    assert not library_says_yes(copy.path, copy.public)
    refused(copy.path, copy.public, f"{name} is not the file that was signed")


@pytest.mark.parametrize("name", serving.FILES)
def test_a_missing_file_is_refused(copy, name):
    (copy.path / name).unlink()
    refused(copy.path, copy.public, f"{name} is missing")


def linked_out(path: Path) -> None:
    (path.parent / "outside").write_bytes((path / "model_card.json").read_bytes())
    (path / "model_card.json").unlink()
    (path / "model_card.json").symlink_to(path.parent / "outside")


def linked_folder(path: Path) -> None:
    (path / "more").symlink_to(path.parent)


def pipe(path: Path) -> None:
    (path / "scorecard.json").unlink()
    os.mkfifo(path / "scorecard.json")


def renamed(path: Path) -> None:
    (path / "model.onnx").rename(path / "Model.onnx")


def named_alike(path: Path) -> None:
    """On a disk that tells no capitals apart one of the two would be gone, and nobody could say which."""
    (path / "MODEL.onnx").write_bytes(b"another model")


def lookalike(path: Path) -> None:
    (path / "m\N{CYRILLIC SMALL LETTER O}del.onnx").write_bytes(b"another model")


def undecodable(path: Path) -> None:
    (path / os.fsdecode(b"caf\xe9\n")).touch()


def huge(path: Path) -> None:
    os.truncate(path / "explain.onnx", 2**40)


def truncated(path: Path) -> None:
    os.truncate(path / "model.onnx", 1000)


def spoilt_signature(path: Path) -> None:
    text = (path / serving.SIGNATURE).read_text()
    sig = json.loads(text)["dsseEnvelope"]["signatures"][0]["sig"]
    (path / serving.SIGNATURE).write_text(text.replace(sig, sig[:20] + ("A" if sig[20] != "A" else "B") + sig[21:]))


def half_a_signature(path: Path) -> None:
    os.truncate(path / serving.SIGNATURE, 500)


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        (lambda path: (path / "weights.pkl").write_bytes(b"\x80"), ["'weights.pkl' does not belong"]),
        (renamed, ["'Model.onnx' does not belong", "model.onnx is missing"]),
        (named_alike, ["'MODEL.onnx' does not belong"]),
        (lookalike, ["'m\N{CYRILLIC SMALL LETTER O}del.onnx' does not belong"]),
        (undecodable, [r"'caf\udce9\n' does not belong"]),
        (linked_out, ["'model_card.json' is a symbolic link"]),
        (linked_folder, ["'more' is a symbolic link"]),
        (pipe, ["'scorecard.json' is a pipe or a device"]),
        (huge, ["explain.onnx has 1099511627776 bytes, and at most 268435456"]),
        (truncated, ["model.onnx is not the file that was signed"]),
        (lambda path: (path / serving.SIGNATURE).unlink(), ["there is no signature (model.sig)"]),
        (lambda path: (path / serving.SIGNATURE).write_text("[]"), ["model.sig cannot be read"]),
        (lambda path: (path / serving.SIGNATURE).write_text("{}"), ["model.sig cannot be read"]),
        (half_a_signature, ["model.sig cannot be read"]),
        (spoilt_signature, ["model.sig was not made by the owner of"]),
    ],
)
def test_what_is_not_what_was_signed_is_refused(copy, attack, words):
    attack(copy.path)
    refused(copy.path, copy.public, *words)


# ---- broken guards: the signature verifies, and the bundle is not the one that was signed


def ignored_folder(path: Path) -> None:
    (path / ".git").mkdir()
    (path / ".git" / "config").write_text("anything")


@pytest.mark.parametrize(
    ("attack", "name"),
    [
        (ignored_folder, "'.git' is a folder"),
        (lambda path: (path / ".gitignore").write_text("model.sig"), "'.gitignore' does not belong"),
        (lambda path: (path / ".gitattributes").write_text("* -text"), "'.gitattributes' does not belong"),
        (lambda path: (path / "empty").mkdir(), "'empty' is a folder"),
    ],
)
def test_a_path_that_the_library_ignores_is_refused(copy, attack, name):
    attack(copy.path)
    assert library_says_yes(copy.path, copy.public), "no broken guard: the library has been mended"
    refused(copy.path, copy.public, name)


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "__pycache__"])
def test_what_file_managers_leave_behind_is_refused_by_name(copy, name):
    (copy.path / name).write_bytes(b"x")
    refused(copy.path, copy.public, f"'{name}' does not belong")


def test_a_card_that_the_signer_left_out_is_refused(packed, tmp_path):
    contents = bundles.contents_of(packed.path)
    path = signed_by_hand(tmp_path / "unbound", contents, packed.private, ignored=("model_card.json",))
    swapped = json.loads(contents["model_card.json"]) | {"intended_use": "Everything."}
    (path / "model_card.json").write_text(json.dumps(swapped))
    assert library_says_yes(path, packed.public), "no broken guard: the signature says what to ignore, and is obeyed"
    refused(path, packed.public, "model_card.json was not signed")


def test_a_card_of_another_signed_bundle_is_refused(copy, keys, tmp_path):
    other = bundles.pack(tmp_path, keys, "other", card=bundles.CARD | {"caveats": "None at all."})
    shutil.copy(other.path / "model_card.json", copy.path)
    refused(copy.path, copy.public, "model_card.json is not the file that was signed")


def test_an_older_bundle_in_a_newer_ones_place_is_refused(packed, keys, tmp_path):
    old = bundles.pack(tmp_path, keys, "old", serial=2)
    assert library_says_yes(old.path, old.public), "its own signature is good"
    message = refused(old.path, old.public, "manifest.json", "serial 2", "serial 3 is known", newest=3)
    assert "older bundle" in message
    assert serving.open_bundle(old.path, old.public).version == "1.2", "where nobody knows of a newer one"
    assert serving.open_bundle(packed.path, packed.public, newest=2).version == "1.3", "newer than asked for"


def test_another_serial_written_into_an_old_bundle_is_refused(keys, tmp_path):
    old = bundles.pack(tmp_path, keys, "old", serial=2)
    text = (old.path / "manifest.json").read_text()
    (old.path / "manifest.json").write_text(text.replace('"serial": 2', '"serial": 3'))
    refused(old.path, old.public, "manifest.json is not the file that was signed", newest=3)


def test_a_linked_bundle_is_refused(packed, tmp_path):
    (tmp_path / "latest").symlink_to(packed.path)
    refused(tmp_path / "latest", packed.public, "latest is a symbolic link")


def test_another_key_is_refused(packed, tmp_path):
    _, other = serving.make_keys(tmp_path / "other")
    refused(packed.path, other, "model.sig was not made by the owner of", "other/public.pem", "Key mismatch")


def test_all_of_it_signed_again_with_another_key_is_refused(packed, tmp_path):
    private, _ = serving.make_keys(tmp_path / "other")
    contents = bundles.contents_of(packed.path) | {"model_card.json": b"{}"}
    path = serving.write_bundle(tmp_path / "again", contents, private)
    refused(path, packed.public, "model.sig was not made by the owner of")


@pytest.mark.parametrize("name", ["../outside.onnx", "/etc/hostname", "sub/model.onnx"])
def test_a_signed_path_outside_is_refused(packed, tmp_path, name, monkeypatch):
    contents = bundles.contents_of(packed.path)
    path = signed_by_hand(tmp_path / "bundle", contents, packed.private)
    statement = bundles.statement_of(path)
    statement["predicate"]["resources"][0]["name"] = name
    text = (path / serving.SIGNATURE).read_text()
    from model_signing._signing import sign_ec_key  # to sign a statement that the library would not make

    monkeypatch.setattr(sign_ec_key.json_format, "MessageToJson", lambda message: json.dumps(statement))
    sign_ec_key.Signer(packed.private).sign(SimpleNamespace(statement=SimpleNamespace(pb=None))).write(
        path / serving.SIGNATURE
    )
    assert (path / serving.SIGNATURE).read_text() != text
    refused(path, packed.public, f"'{name}' was signed and is no part of a bundle", "was not signed")


@pytest.mark.parametrize("place", ["weights.bin", "../weights.bin", "/tmp/weights.bin"])
def test_weights_outside_what_was_signed_are_refused(packed, tmp_path, monkeypatch, place):
    contents = bundles.contents_of(packed.path)
    model = onnx.load_from_string(contents["model.onnx"])
    tensor = model.graph.initializer[2]
    (tmp_path / "weights.bin").write_bytes(tensor.raw_data)
    external_data_helper.set_external_data(tensor, place, 0, len(tensor.raw_data))
    tensor.ClearField("raw_data")
    path = signed_by_hand(tmp_path / "bundle", contents | {"model.onnx": model.SerializeToString()}, packed.private)
    monkeypatch.chdir(tmp_path)
    assert library_says_yes(path, packed.public)
    if place == "weights.bin":
        onnxruntime.InferenceSession(model.SerializeToString())  # it would have taken them from where it runs
    refused(path, packed.public, "model.onnx is not a whole ONNX model", "External data path")


def test_a_file_swapped_after_it_was_verified_is_not_the_one_that_is_used(copy, monkeypatch):
    honest, check = bundles.contents_of(copy.path), bundle._check_signature

    def check_and_swap(*arguments):
        check(*arguments)
        (copy.path / "model.onnx").write_bytes(b"another model")
        shutil.rmtree(copy.path)

    monkeypatch.setattr(bundle, "_check_signature", check_and_swap)
    assert dict(serving.verified(copy.path, copy.public).contents) == honest
    assert not copy.path.exists()


def test_a_file_changed_through_its_other_name_is_not_the_one_that_is_used(copy, tmp_path):
    honest, other = bundles.contents_of(copy.path), tmp_path / "another name"
    other.hardlink_to(copy.path / "model.onnx")
    read = serving.verified(copy.path, copy.public)
    other.write_bytes(b"another model")
    assert dict(read.contents) == honest, "no harm comes of such a link: what is used was read and verified"
    refused(copy.path, copy.public, "model.onnx is not the file that was signed")


def test_nothing_is_loaded_before_it_is_verified(copy, monkeypatch):
    monkeypatch.setattr("helpers.serving.engine._session", lambda *given: pytest.fail("loaded"))
    monkeypatch.setattr("helpers.serving.bundle._manifest", lambda *given: pytest.fail("read"))
    for name in serving.FILES:
        spoilt = Path(shutil.copytree(copy.path, copy.path.with_name(f"spoilt {name}")))
        changed(name)(spoilt)
        refused(spoilt, copy.public, name)


# ---- signed, and no bundle


class Evil:
    """Pickled, it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_nothing_is_ever_unpickled(packed, tmp_path):
    file = tmp_path / "evil.npy"
    np.save(file, np.array([Evil(tmp_path / "ran")], dtype=object), allow_pickle=True)
    contents = bundles.contents_of(packed.path)
    for content in (file.read_bytes(), pickle.dumps(Evil(tmp_path / "ran"))):
        path = signed_by_hand(tmp_path / f"b{len(content)}", contents | {"features.npy": content}, packed.private)
        refused(path, packed.public, "features.npy", "ValueError")
    assert not (tmp_path / "ran").exists()
    np.load(file, allow_pickle=True)
    assert (tmp_path / "ran").exists(), "no attack: it would have run nothing"


RUN = {"model_digest": "0" * 16, "seed": 10, "budget": "quick", "code": {}}


def with_manifest(contents, **change):
    return {"manifest.json": json.dumps(json.loads(contents["manifest.json"]) | change).encode()}


def with_calibration(contents, **changes):
    calibration = json.loads(contents["calibration.json"])
    return {"calibration.json": json.dumps(calibration | changes).encode()}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda c: {"model.onnx": c["model.onnx"][:1000]}, ["model.onnx is not a whole ONNX model"]),
        (lambda c: {"model.onnx": b""}, ["model.onnx is not a whole ONNX model"]),
        (lambda c: {"explain.onnx": c["model.onnx"]}, ["explain.onnx must have the inputs"]),
        (lambda c: with_manifest(c, format=3), ["must hold exactly", "a format of 1 or 2"]),
        (lambda c: with_manifest(c, format=True), ["must hold exactly"]),
        (lambda c: with_manifest(c, format=[2]), ["manifest.json is not an object"]),
        (
            lambda c: with_manifest(c, format=1),
            ["must hold exactly format, name, version, serial, shape, class_names,"],
        ),
        (lambda c: with_manifest(c, run={}), ["a run of model_digest, seed, budget, code"]),
        (lambda c: with_manifest(c, run=[]), ["must hold exactly"]),
        (lambda c: with_manifest(c, run=RUN | {"seed": "10"}), ["must hold exactly"]),
        (lambda c: with_manifest(c, run=RUN | {"go": True}), ["must hold exactly"]),
        (lambda c: with_calibration(c, temperature=0), ["calibration.json", "temperature"]),
        (lambda c: with_calibration(c, temperature=float("nan")), ["calibration.json", "temperature"]),
        (lambda c: with_calibration(c, conformal={"scores": [0.2, 0.1]}), ["calibration.json", "rise"]),
        (lambda c: with_calibration(c, conformal={"scores": []}), ["calibration.json", "rise"]),
        (lambda c: with_calibration(c, strange={"k": 301, "threshold": 0.1}), ["k must be", "300 training pictures"]),
        (lambda c: {"scorecard.json": b"no JSON"}, ["a card does not hold what it must"]),
        (lambda c: {"manifest.json": b"no JSON"}, ["manifest.json is not an object"]),
        (lambda c: {"manifest.json": b"[]"}, ["manifest.json is not an object"]),
        (
            lambda c: {"manifest.json": c["manifest.json"].replace(b'"serial": 3', b'"serial": true')},
            ["manifest.json must hold exactly"],
        ),
        (
            lambda c: {"manifest.json": c["manifest.json"].replace(b"20,", b"21,")},
            ["its parts do not fit together"],
        ),
    ],
)
def test_what_was_signed_and_does_not_fit_is_refused(packed, tmp_path, spoil, words):
    contents = bundles.contents_of(packed.path)
    path = signed_by_hand(tmp_path / "bundle", contents | spoil(contents), packed.private)
    refused(path, packed.public, *words)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_text("a file")])
def test_no_bundle_is_said(packed, tmp_path, make):
    make(tmp_path / "nothing")
    refused(tmp_path / "nothing", packed.public, "there is no bundle at", "manifest.json")


def test_no_key_is_said(packed, tmp_path):
    refused(packed.path, tmp_path / "none.pem", "there is no public key at")
    refused(packed.path, packed.private, "model.sig was not made by the owner of")


# ---- writing


def test_a_bundle_is_written_whole_or_not_at_all(packed, tmp_path, monkeypatch):
    contents = bundles.contents_of(packed.path)

    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle, "_sign", full)
    with pytest.raises(CacheError, match="disk is full"):
        serving.write_bundle(tmp_path / "bundle", contents, packed.private)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("data_card.json"), "data_card.json is missing"),
        (lambda c: c.update({"../x": b""}), "'../x' does not belong"),
        (lambda c: c.update({"model_card.json": bytes(2**20 + 1)}), "model_card.json is larger than 1048576"),
        (lambda c: c.update({"manifest.json": b"{}"}), "manifest.json must hold exactly"),
    ],
)
def test_what_is_no_bundle_is_not_written(packed, tmp_path, change, message):
    contents = bundles.contents_of(packed.path)
    change(contents)
    with pytest.raises(CourseError, match=message):
        serving.write_bundle(tmp_path / "bundle", contents, packed.private)
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_is_never_written_over(packed):
    before = bundles.contents_of(packed.path)
    with pytest.raises(serving.BundleError, match="never changed"):
        serving.write_bundle(packed.path, before, packed.private)
    assert bundles.contents_of(packed.path) == before


def test_keys_are_never_written_over_and_one_is_secret(tmp_path):
    private, public = serving.make_keys(tmp_path / "keys")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert b"PRIVATE" not in public.read_bytes()
    with pytest.raises(FileExistsError):
        serving.make_keys(tmp_path / "keys")


def test_no_network_is_asked(packed, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *given: pytest.fail("asked the network"))
    serving.verified(packed.path, packed.public)
