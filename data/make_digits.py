"""Makes digits.csv.gz, and its line in SHA256SUMS, from the copy that scikit-learn brings along.

    pip install scikit-learn
    python data/make_digits.py

The same text gives the same bytes on every run. Another build of zlib may compress to other bytes: the checksum of
the text itself, below, says whether the digits are the right ones.
"""

import gzip
import hashlib
import os
from pathlib import Path

from sklearn.datasets import load_digits

FOLDER = Path(__file__).resolve().parent
NAME = "digits.csv.gz"
TEXT_SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"


def write(path, content):
    """Write a file whole or not at all."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)


def main():
    digits = load_digits()
    rows = [[*map(int, image), int(label)] for image, label in zip(digits.data, digits.target)]
    text = "".join(",".join(map(str, row)) + "\n" for row in rows).encode("ascii")
    if hashlib.sha256(text).hexdigest() != TEXT_SHA256:
        raise SystemExit("scikit-learn's digits are not those that the book was written with; nothing was written")
    content = gzip.compress(text, compresslevel=9, mtime=0)
    write(FOLDER / NAME, content)

    sums = FOLDER / "SHA256SUMS"
    others = [line for line in sums.read_text().splitlines() if not line.endswith(NAME)] if sums.exists() else []
    lines = [*others, f"{hashlib.sha256(content).hexdigest()}  {NAME}"]
    write(sums, ("\n".join(sorted(lines, key=lambda line: line.split()[1])) + "\n").encode("ascii"))
    print(f"wrote {len(rows)} digits to {FOLDER / NAME}")


if __name__ == "__main__":
    main()
