"""Wheels of a few bytes, made by hand."""

import base64
import hashlib
import importlib.metadata
import zipfile
from pathlib import Path


def wheel(folder: Path, name: str, version: str, content: dict[str, bytes], tag: str = "py3-none-any") -> str:
    """Write a wheel, and give its line of a lock."""
    stem = f"{name}-{version}"
    info = f"{stem}.dist-info"
    content = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    } | content
    path = folder / f"{stem}-{tag}.whl"
    record = []
    with zipfile.ZipFile(path, "w") as archive:
        for file, data in content.items():
            entry = zipfile.ZipInfo(file)
            entry.external_attr = (0o100755 if ".data/scripts/" in file else 0o100644) << 16
            archive.writestr(entry, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{file},sha256={digest},{len(data)}")
        archive.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,"]))
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def repacked(folder: Path, name: str) -> str:
    """Make a wheel again of what is installed here, and give its line of a lock."""
    distribution = importlib.metadata.distribution(name)
    content = {}
    for file in distribution.files:
        data = file.locate()
        if file.suffix == ".pyc" or file.name in ("RECORD", "INSTALLER", "REQUESTED"):
            continue
        inside = f"{name}-{distribution.version}.data/scripts/{file.name}" if ".." in file.parts else file.as_posix()
        content[inside] = data.read_bytes()
    tag = next(line.split()[1] for line in distribution.read_text("WHEEL").splitlines() if line.startswith("Tag:"))
    return wheel(folder, name, distribution.version, content, tag)
