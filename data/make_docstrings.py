"""Makes docstrings.txt.gz, and its line in SHA256SUMS, from the standard library of the Python that runs it.

    python3.11 data/make_docstrings.py

Nothing is imported: the modules are read as text. The library's documentation changes with every release of Python,
down to the third number: any but 3.11.7 gives other documents, other bytes and another checksum, and the numbers in
the book would no longer hold. The script then says so and writes nothing. So it does when the library is not whole,
as where a distribution packs tkinter by itself. Another build of zlib may compress to other bytes: the checksum of
the text itself, below, says whether the documents are the right ones.
"""

import ast
import gzip
import hashlib
import platform
import random
import re
import sysconfig
from collections import Counter
from pathlib import Path

from checksums import FOLDER, write_with_checksum

NAME = "docstrings.txt.gz"
PYTHON = "3.11.7"
TEXT_SHA256 = "16e7d1b041e9177b5c140d24f4ff8fcf0eba7867515ab564fc3f62e360305f27"

PACKAGES = 20  # those with the most documents
MOST_OF_A_PACKAGE = 300
FEWEST_WORDS = 3  # different ones, in a document
FEWEST_DOCUMENTS = 4  # with a word, for it to enter the vocabulary
NO_MODULES_OF_THE_LIBRARY = {"ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tests", "turtledemo"}


def docstrings(node):
    """The docstrings of a module or class, and of the public classes, functions and methods in it."""
    found = [ast.get_docstring(node)]
    for child in node.body:
        if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and child.name[0] != "_":
            found += docstrings(child) if isinstance(child, ast.ClassDef) else [ast.get_docstring(child)]
    return [text for text in found if text]


def documents(library):
    """Pairs (package, words): the first paragraph of every docstring, and the top-level module that it is in."""
    found = []
    for path in sorted(library.rglob("*.py")):
        parts = path.relative_to(library).with_suffix("").parts
        if NO_MODULES_OF_THE_LIBRARY.isdisjoint(parts) and parts[0].isidentifier() and parts[0][0] != "_":
            for text in docstrings(ast.parse(path.read_bytes())):
                paragraph = text.split("\n\n")[0].lower()
                found.append((parts[0], re.findall("[a-z]{2,}", paragraph)))
    return found


def once(documents):
    """The documents with enough different words; of those with the same set of words, the first."""
    first = {}
    for package, words in documents:
        if len(set(words)) >= FEWEST_WORDS:
            first.setdefault(frozenset(words), (package, words))
    return list(first.values())


def of_the_largest(documents):
    """The documents of the packages that have the most; of a very large package, some of them by lot."""
    by_package = {}
    for package, words in documents:
        by_package.setdefault(package, []).append((package, words))
    largest = sorted(by_package, key=lambda package: (-len(by_package[package]), package))[:PACKAGES]
    lot = random.Random(0)
    return [document for package in sorted(largest)
            for document in lot.sample(by_package[package], min(len(by_package[package]), MOST_OF_A_PACKAGE))]


def vocabulary(documents):
    """The words in enough documents, the most frequent first, but for the names of the packages, the answers."""
    frequency = Counter(word for _, words in documents for word in set(words))
    packages = {package for package, _ in documents}
    words = [word for word in frequency if frequency[word] >= FEWEST_DOCUMENTS and word not in packages]
    return sorted(words, key=lambda word: (-frequency[word], word))


def in_the_vocabulary(documents):
    """The documents without the words outside the vocabulary, until no word and no document is left to drop."""
    while True:
        known = set(vocabulary(documents))
        kept = once((package, [word for word in words if word in known]) for package, words in documents)
        if kept == documents:
            return documents
        documents = kept


def main():
    chosen = in_the_vocabulary(of_the_largest(once(documents(Path(sysconfig.get_paths()["stdlib"])))))
    words = vocabulary(chosen)
    lines = [" ".join(words), *(" ".join([package, *text]) for package, text in chosen)]
    text = "".join(line + "\n" for line in lines).encode("ascii")
    if hashlib.sha256(text).hexdigest() != TEXT_SHA256:
        raise SystemExit(f"the documentation of this Python, {platform.python_version()}, is not that of a whole "
                         f"Python {PYTHON}, which the book was written with; nothing was written")
    write_with_checksum(NAME, gzip.compress(text, compresslevel=9, mtime=0))
    print(f"wrote {len(chosen)} documents, {len(words)} words, to {FOLDER / NAME}")


if __name__ == "__main__":
    main()
