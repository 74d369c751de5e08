"""Bundles that verify and are not what was signed; and the guards that let them in, to be set beside ours.

The guards are OpenSSF's ``model_signing verify key``, as it comes and with the two options that people reach for when
it refuses something harmless. None of them is broken as a program. Each answers its own question, "are the files that
I look at the ones that were signed?", and a service needs another: "is this, to the file, the bundle that I am meant to
load?", which is what :func:`helpers.serving.verified` answers.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from helpers.serving.bundle import FILES, MANIFEST, SIGNATURE, BundleError, verified, write_bundle

GUARDS: Mapping[str, Mapping[str, bool]] = MappingProxyType(
    {
        "as it comes": {},
        "ignore_unsigned_files": {"ignore_unsigned_files": True},
        "allow_symlinks": {"allow_symlinks": True},
    }
)
"""Ways to call :func:`naive_verify`, by name: its options."""

ATTACKS: Mapping[str, str] = MappingProxyType(
    {
        "added file": "A file that nobody signed lies beside those that were: code that a loader may import.",
        "symlink": "model_card.json is a link to a file outside, whose owner can change it after it was verified.",
        "ignored path": "Another model lies in .git, a folder that the library never looks into.",
        "swapped card": "The maker signed model.onnx alone, as the signature itself says: any card fits beside it.",
        "replayed bundle": "A whole older bundle stands in the newer one's place, with its own good signature.",
    }
)
"""What :func:`plant` plants, and why that is one."""

_PROMISE = "Everything, at any speed, in any weather."


class Verdict(NamedTuple):
    """What a guard says of a bundle.

    Attributes
    ----------
    accepted : bool
        Whether it lets it in.
    why : str
        The reason where it does not; else empty.
    """

    accepted: bool
    why: str


def naive_verify(
    path: str | os.PathLike[str],
    public_key: str | os.PathLike[str],
    *,
    ignore_unsigned_files: bool = False,
    allow_symlinks: bool = False,
) -> Verdict:
    """Verify a bundle as ``model_signing verify key`` does, and no more.

    Parameters
    ----------
    path : path-like
        The bundle's folder.
    public_key : path-like
        PEM of the public key whose owner's bundles are trusted.
    ignore_unsigned_files, allow_symlinks : bool
        The program's options of these names, off as they are there: leave out what the signature does not name; follow
        symbolic links.

    Returns
    -------
    Verdict
        The library's.

    References
    ----------
    OpenSSF, "model-signing", version 1.1.1 (2025): ``model_signing verify key --help``.
    """
    from model_signing import hashing, verifying

    folder = Path(path)
    # The program leaves out the signature and, unless told otherwise, .git, .github, .gitattributes and .gitignore.
    hashed = hashing.Config().set_ignored_paths(paths=[SIGNATURE]).set_allow_symlinks(allow_symlinks)
    config = verifying.Config().use_elliptic_key_verifier(public_key=public_key).set_hashing_config(hashed)
    try:
        config.set_ignore_unsigned_files(ignore_unsigned_files).verify(folder, folder / SIGNATURE)
    except Exception as error:  # as the program: whatever the library raises is a refusal
        return Verdict(False, str(error).strip() or type(error).__name__)
    return Verdict(True, "")


def full_verify(path: str | os.PathLike[str], public_key: str | os.PathLike[str], newest: int | None = None) -> Verdict:
    """Verify a bundle as the service does, and say how that went instead of raising.

    Parameters
    ----------
    path, public_key, newest
        As for :func:`helpers.serving.verified`.

    Returns
    -------
    Verdict
        Ours; `why` names each file that is wrong.
    """
    try:
        verified(path, public_key, newest)
    except BundleError as error:
        return Verdict(False, str(error))
    return Verdict(True, "")


def plant(
    kind: str, bundle: str | os.PathLike[str], folder: str | os.PathLike[str], private_key: str | os.PathLike[str]
) -> Path:
    """Copy a bundle, and make of the copy one that is not what was signed.

    Parameters
    ----------
    kind : str
        Which of :data:`ATTACKS`.
    bundle : path-like
        An honest bundle with a serial of at least 2, which stays as it is.
    folder : path-like
        Where to; the copy is a folder in it with the name of `kind`, and the link leads to a file in it.
    private_key : path-like
        PEM of the key of the bundle's maker. No attacker has it: it is for the two attacks that use what the maker
        signed some other time, an older bundle and a bundle without its cards.

    Returns
    -------
    pathlib.Path
        The spoilt copy.

    Raises
    ------
    ValueError
        If there is no such attack, or no bundle could be older than this one.
    FileExistsError
        If there is a copy already.
    """
    if kind not in ATTACKS:
        raise ValueError(f"there is no attack {kind!r}; take one of {', '.join(map(repr, ATTACKS))}")
    target = Path(folder, kind)
    shutil.copytree(bundle, target)
    _PLANTERS[kind](target, Path(private_key))
    return target


# ---- what is planted: each changes the copy


def _added_file(copy: Path, private_key: Path) -> None:
    (copy / "preprocessing.py").write_text("print('whatever the attacker wants')\n")


def _symlink(copy: Path, private_key: Path) -> None:
    outside = copy.parent / "outside_model_card.json"
    (copy / "model_card.json").replace(outside)
    (copy / "model_card.json").symlink_to(outside.resolve())


def _ignored_path(copy: Path, private_key: Path) -> None:
    (copy / ".git").mkdir()
    (copy / ".git" / "model.onnx").write_bytes(b"another model")


def _swapped_card(copy: Path, private_key: Path) -> None:
    from model_signing import hashing, signing

    (copy / SIGNATURE).unlink()
    left_out = hashing.Config().set_ignored_paths(paths=sorted(FILES.keys() - {"model.onnx"}))
    signer = signing.Config().use_elliptic_key_signer(private_key=private_key)
    signer.set_hashing_config(left_out).sign(copy, copy / SIGNATURE)
    card = json.loads((copy / "model_card.json").read_bytes())
    (copy / "model_card.json").write_text(json.dumps(card | {"intended_use": _PROMISE}))


def _replayed_bundle(copy: Path, private_key: Path) -> None:
    contents = {name: (copy / name).read_bytes() for name in FILES}
    manifest = json.loads(contents[MANIFEST])
    serial = manifest["serial"] - 1
    if serial < 1:
        raise ValueError("the bundle's serial is 1, and no bundle is older; pack it with a serial of at least 2")
    older = json.dumps(manifest | {"serial": serial, "version": f"the one before {manifest['version']}"}).encode()
    shutil.rmtree(copy)
    write_bundle(copy, contents | {MANIFEST: older}, private_key)


_PLANTERS: Mapping[str, Callable[[Path, Path], None]] = MappingProxyType(
    {
        "added file": _added_file,
        "symlink": _symlink,
        "ignored path": _ignored_path,
        "swapped card": _swapped_card,
        "replayed bundle": _replayed_bundle,
    }
)
