"""Makes digits.csv.gz, and its line in SHA256SUMS, from the copy that scikit-learn brings along.

    pip install scikit-learn
    python data/make_digits.py

The same text gives the same bytes on every run. Another build of zlib may compress to other bytes: the checksum of
the text itself, below, says whether the digits are the right ones.
"""

import gzip
import hashlib

from checksums import FOLDER, write_with_checksum
from sklearn.datasets import load_digits

NAME = "digits.csv.gz"
TEXT_SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"


def main():
    digits = load_digits()
    rows = [[*map(int, image), int(label)] for image, label in zip(digits.data, digits.target)]
    text = "".join(",".join(map(str, row)) + "\n" for row in rows).encode("ascii")
    if hashlib.sha256(text).hexdigest() != TEXT_SHA256:
        raise SystemExit("scikit-learn's digits are not those that the book was written with; nothing was written")
    write_with_checksum(NAME, gzip.compress(text, compresslevel=9, mtime=0))
    print(f"wrote {len(rows)} digits to {FOLDER / NAME}")


if __name__ == "__main__":
    main()
