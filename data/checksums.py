"""Shared by the scripts that make the files of this folder."""

import hashlib
import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def write(path, content):
    """Write a file whole or not at all."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)


def write_with_checksum(name, content):
    """Write a file of this folder, and its line in SHA256SUMS."""
    write(FOLDER / name, content)
    sums = FOLDER / "SHA256SUMS"
    others = [line for line in sums.read_text().splitlines() if line.split()[1] != name] if sums.exists() else []
    lines = [*others, f"{hashlib.sha256(content).hexdigest()}  {name}"]
    write(sums, ("\n".join(sorted(lines, key=lambda line: line.split()[1])) + "\n").encode("ascii"))
