"""A model bundle: a model, how it was calibrated, what was measured of it, its cards; one signature over all of it.

A signature that verifies says that *some* files are the ones that were signed. What people get wrong lies around it: a
file that is there and not signed, a link that leads elsewhere, a path that the signer ignores (``model-signing`` leaves
out ``.git`` and its like, and whatever paths *the signature itself* names), a whole older bundle with its own good
signature, and a file that is swapped between verifying and loading. So a bundle is a closed list of plain files in one
folder. Each is read once; the copy is verified, and the copy is what is used. Nothing in it is ever unpickled.

The signature is OpenSSF Model Signing's (a DSSE envelope with an in-toto statement, in a Sigstore bundle), by an
elliptic-curve key: no network, no identity provider. ``model_signing verify key`` reads it, too.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from helpers.cache import written_whole
from helpers.errors import CourseError

SIGNATURE = "model.sig"
"""The one file that the signature does not cover: itself."""

MANIFEST = "manifest.json"
FILES = MappingProxyType(
    {
        MANIFEST: 2**20,
        "model.onnx": 2**28,
        "explain.onnx": 2**28,
        "features.npy": 2**26,
        "calibration.json": 2**22,
        "scorecard.json": 2**22,
        "model_card.json": 2**20,
        "data_card.json": 2**20,
    }
)
"""What a bundle holds, to the file, and how many bytes each may have."""

_SIGNATURE_BYTES = 2**20
_FIELDS = {"format": int, "name": str, "version": str, "serial": int, "shape": list, "class_names": list}
_OF_FORMAT = {1: _FIELDS, 2: _FIELDS | {"run": dict}}
_OF_RUN = {"model_digest": str, "seed": int, "budget": str, "code": dict}
_SAID = 10  # problems that one message lists
_PREDICATE = "https://model_signing/signature/v1.0"


class BundleError(CourseError, ValueError):
    """A bundle is not what was signed, or is not whole; the message says which file and why."""


@dataclass(frozen=True)
class Verified:
    """What stood in a bundle when its signature was verified.

    Attributes
    ----------
    manifest : Mapping
        ``format``, ``name``, ``version`` (text for people), ``serial`` (a whole number that only grows), ``shape``
        (H, W, C) and ``class_names``; from format 2 on ``run``, what the release decision holds the records against:
        ``model_digest``, ``seed``, ``budget`` and ``code`` (notebook to key).
    contents : Mapping of str to bytes
        Every signed file. Use these bytes: the files on the disk may have changed since.
    """

    manifest: Mapping[str, Any]
    contents: Mapping[str, bytes]


def make_keys(folder: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Make a pair of keys on this machine: one to sign with, one to hand out.

    Parameters
    ----------
    folder : path-like
        Where to; made if needed.

    Returns
    -------
    tuple of (pathlib.Path, pathlib.Path)
        ``private.pem``, which only its owner may read, and ``public.pem``. Elliptic curve P-256.

    Raises
    ------
    FileExistsError
        If there are keys already: bundles signed by a key that was overwritten cannot be renewed.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, text, mode in (("private.pem", private, 0o600), ("public.pem", public, 0o644)):
        with os.fdopen(os.open(target / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(text)
    return target / "private.pem", target / "public.pem"


def write_bundle(
    path: str | os.PathLike[str], contents: Mapping[str, bytes], private_key: str | os.PathLike[str]
) -> Path:
    """Write a bundle and sign it, whole or not at all.

    Parameters
    ----------
    path : path-like
        The bundle's folder, which must not exist: a bundle is never changed, a newer one gets a name of its own.
    contents : Mapping of str to bytes
        What every file of :data:`FILES` holds.
    private_key : path-like
        PEM of an elliptic-curve key, such as :func:`make_keys` makes.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    BundleError
        If the folder exists, a file is missing, unknown or too large, or the manifest is not as :class:`Verified`
        says. Nothing is left on the disk.
    helpers.errors.CacheError
        If the disk is full or cannot be written.
    """
    target = Path(path)
    if target.exists() or target.is_symlink():
        raise BundleError(f"there is something at {target} already, and a bundle is never changed; take another name")
    problems = _problems_of_names(set(contents) | {SIGNATURE})
    problems += [
        f"{name} is larger than {FILES[name]} bytes" for name in FILES if len(contents.get(name, b"")) > FILES[name]
    ]
    _refuse(target, problems)
    _manifest(target, contents[MANIFEST])
    unfinished = target.with_name(f".{uuid.uuid4().hex[:8]}.part")
    try:
        for name, content in contents.items():
            with written_whole(unfinished / name) as temporary:
                temporary.write_bytes(content)
        with written_whole(unfinished / SIGNATURE) as temporary:
            _sign(unfinished, temporary, Path(private_key))
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def verified(path: str | os.PathLike[str], trusted_key: str | os.PathLike[str], newest: int | None = None) -> Verified:
    """Read a bundle, and hand it out only if it is the one that was signed.

    Parameters
    ----------
    path : path-like
        The bundle's folder.
    trusted_key : path-like
        PEM of the public key whose owner's bundles are trusted.
    newest : int, optional
        The serial of the newest bundle that is known; an older one is refused, good signature or not.

    Returns
    -------
    Verified
        The files' bytes, from memory.

    Raises
    ------
    BundleError
        If anything is in the folder that does not belong there, is missing, is no plain file, is too large, is not
        what was signed, was signed by another key, or is older than asked for. The message names every such file.

    References
    ----------
    OpenSSF AI/ML working group, "Model Signing specification", version 1.0 (2025).
    """
    folder = Path(path)
    read = _read(folder)
    signature = read.pop(SIGNATURE)
    _check_signature(folder, read, signature, Path(trusted_key))
    manifest = _manifest(folder, read[MANIFEST])
    if newest is not None and manifest["serial"] < newest:
        raise BundleError(
            f"bundle {folder}: {MANIFEST} says version {manifest['version']}, serial {manifest['serial']}, and "
            f"serial {newest} is known: an older bundle stands in a newer one's place. Put the newer one there, or ask "
            f"for serial {manifest['serial']} where going back is meant"
        )
    return Verified(manifest, MappingProxyType(read))


# ---- reading: a closed list of plain files, each opened once


def _read(folder: Path) -> dict[str, bytes]:
    with _opened(folder) as descriptor:
        kinds = {name: _kind(descriptor, name) for name in _names(descriptor)}
        links = [
            f"{name!r} is {kind}, and a bundle holds plain files alone" for name, kind in sorted(kinds.items()) if kind
        ]
        _refuse(folder, links + _problems_of_names({name for name, kind in kinds.items() if not kind}, set(kinds)))
        limits = dict(FILES) | {SIGNATURE: _SIGNATURE_BYTES}
        return {name: _bytes(folder, descriptor, name, limit) for name, limit in limits.items()}


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """The folder itself, whatever its name may lead to a moment later."""
    if folder.is_symlink():
        raise BundleError(
            f"bundle {folder} is a symbolic link, and could lead elsewhere tomorrow; name the folder itself"
        )
    if not folder.is_dir():
        raise BundleError(f"there is no bundle at {folder}; it is a folder with {', '.join(FILES)} and {SIGNATURE}")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _names(descriptor: int) -> list[str]:
    with os.scandir(descriptor) as entries:
        return [entry.name for entry in entries]


def _kind(descriptor: int, name: str) -> str:
    """What is wrong with an entry, or nothing for a plain file."""
    mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
    if stat.S_ISREG(mode):
        return ""
    return {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder"}.get(stat.S_IFMT(mode), "a pipe or a device")


def _problems_of_names(plain: set[str], there: set[str] | None = None) -> list[str]:
    """Say which names do not belong into a bundle and which are missing."""
    problems = [f"{name!r} does not belong into a bundle" for name in sorted(plain - FILES.keys() - {SIGNATURE})]
    missing = (FILES.keys() | {SIGNATURE}) - (plain if there is None else there)
    problems += [f"{name} is missing" for name in FILES if name in missing]
    return problems + ([f"there is no signature ({SIGNATURE})"] if SIGNATURE in missing else [])


def _bytes(folder: Path, descriptor: int, name: str, limit: int) -> bytes:
    # No link is followed, and no pipe waited for, if the entry has changed since it was looked at.
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(limit + 1) if size <= limit else b""
    if size > limit or len(content) > limit:
        raise BundleError(f"bundle {folder}: {name} has {size} bytes, and at most {limit} are read")
    return content


def _refuse(folder: Path, problems: list[str]) -> None:
    if problems:
        more = [f"and {len(problems) - _SAID} more"] if len(problems) > _SAID else []
        raise BundleError(
            f"bundle {folder} is not as it was signed: {'; '.join(problems[:_SAID] + more)}. Nothing of it was "
            "loaded; copy the bundle again from where it was made"
        )


# ---- the signature


def _sign(folder: Path, signature: Path, private_key: Path) -> None:
    from model_signing import signing

    config = signing.Config().use_elliptic_key_signer(private_key=private_key)
    config.set_hashing_config(_hashing()).sign(folder, signature)


def _hashing() -> Any:
    """Hash each file, and leave none out."""
    from model_signing import hashing

    config = hashing.Config().use_file_serialization(hashing_algorithm="sha256", allow_symlinks=False)
    return config.set_ignored_paths(paths=[], ignore_git_paths=False)


def _check_signature(folder: Path, contents: Mapping[str, bytes], signature: bytes, trusted_key: Path) -> None:
    from model_signing import verifying

    if not trusted_key.is_file():
        raise BundleError(f"there is no public key at {trusted_key}; bundles are verified with the one of their maker")
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        # The library verifies files. These are a copy that nobody else writes to, of the very bytes that are used.
        copy = Path(name, "bundle")
        copy.mkdir()
        for file, content in contents.items():
            (copy / file).write_bytes(content)
        Path(name, SIGNATURE).write_bytes(signature)
        try:
            config = verifying.Config().use_elliptic_key_verifier(public_key=trusted_key)
            config.set_hashing_config(_hashing()).verify(copy, Path(name, SIGNATURE))
            said = ""
        except Exception as error:  # whatever a file made by strangers breaks in the library: nothing was verified
            said = str(error).strip() or type(error).__name__
    # The library takes more for granted than we do: it leaves out what the signature tells it to leave out.
    problems = _differences(signature, contents)
    if said and not problems:
        problems = [f"{SIGNATURE} was not made by the owner of {trusted_key}, or was changed since ({said})"]
    elif said and "Signature mismatch" not in said:
        problems.append(f"and {SIGNATURE} was not made by the owner of {trusted_key}, or was changed since ({said})")
    _refuse(folder, problems)


def _differences(signature: bytes, contents: Mapping[str, bytes]) -> list[str]:
    """Hold every file against what the signature's statement says of it; both must name the same files."""
    try:
        statement = json.loads(base64.b64decode(json.loads(signature)["dsseEnvelope"]["payload"]))
        resources = statement["predicate"]["resources"]
        signed = {str(each["name"]): (each["algorithm"], each["digest"]) for each in resources}
        whole = statement["predicateType"] == _PREDICATE and len(signed) == len(resources)
    except (ValueError, KeyError, TypeError) as error:
        return [f"{SIGNATURE} cannot be read ({type(error).__name__}: {error})"]
    problems = [] if whole else [f"{SIGNATURE} holds another kind of statement, or one file twice"]
    problems += [f"{name} was not signed" for name in contents if name not in signed]
    problems += [f"{name!r} was signed and is no part of a bundle" for name in sorted(signed.keys() - contents.keys())]
    changed = [
        name
        for name in contents
        if name in signed and signed[name] != ("sha256", hashlib.sha256(contents[name]).hexdigest())
    ]
    return problems + [f"{name} is not the file that was signed" for name in changed]


def _manifest(folder: Path, content: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(content)
        wanted = _OF_FORMAT.get(manifest.get("format"), _FIELDS)
        whole = manifest.get("format") in _OF_FORMAT and _holds(manifest, wanted)
    except (ValueError, AttributeError, TypeError) as error:
        raise BundleError(f"bundle {folder}: {MANIFEST} is not an object in JSON ({error})") from None
    if not whole or manifest["serial"] < 1 or not _holds(manifest.get("run", {}), _OF_RUN if "run" in wanted else {}):
        of_run = f" and a run of {', '.join(_OF_RUN)}" if "run" in wanted else ""
        raise BundleError(
            f"bundle {folder}: {MANIFEST} must hold exactly {', '.join(wanted)}, with a format of "
            f"{' or '.join(map(str, _OF_FORMAT))}, a serial of at least 1{of_run}; it holds {manifest}. Make the "
            "bundle again with this version of helpers"
        )
    return manifest


def _holds(given: Mapping[str, Any], wanted: Mapping[str, type]) -> bool:
    """Whether something has these fields, each of its very type (True is no whole number), and no other."""
    return set(given) == set(wanted) and all(type(given[name]) is kind for name, kind in wanted.items())
