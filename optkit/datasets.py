"""The data that chapters train on, as NumPy arrays: small ones, in data/, and the digits of MNIST."""

import gzip
import hashlib
import math
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parents[1] / "data"


def load_digits():
    """The 1,797 digits of 8 x 8 pixels in ``data/digits.csv.gz``: ``(images, labels)``.

    ``images`` is float32 of shape (1797, 64), from 0 (paper) to 1 (ink); ``labels`` is int64 of shape (1797,).
    ``data/README.md`` says where they come from. FileNotFoundError when the file is missing, ValueError when it is
    not the file that ``data/SHA256SUMS`` describes; both say how to restore it.
    """
    table = np.array([line.split(",") for line in _shipped_lines("digits.csv.gz", "make_digits.py")], "int64")
    return (table[:, :64] / 16).astype("float32"), table[:, 64]


def load_docstrings():
    """Documentation of Python's standard library as bags of words: ``(counts, labels, words, packages)``.

    ``counts`` is float32 of shape (2581, 1103): how often a document, a row, has a word, a column. ``labels`` is
    int64 of shape (2581,): which of the packages the document comes from. ``words`` is a tuple of 1,103 strings, the
    most frequent first, so that ``(counts > 0).mean(axis=0)``, the share of documents with each word, falls;
    ``packages`` is a tuple of 20. ``data/README.md`` says where they come from. Errors as of ``load_digits``.
    """
    first, *documents = [line.split(" ") for line in _shipped_lines("docstrings.txt.gz", "make_docstrings.py")]
    packages = sorted({document[0] for document in documents})
    column = {word: i for i, word in enumerate(first)}
    counts = np.zeros((len(documents), len(first)), "float32")
    for row, (_, *text) in zip(counts, documents):
        np.add.at(row, [column[word] for word in text], 1)
    labels = np.array([packages.index(document[0]) for document in documents], "int64")
    return counts, labels, tuple(first), tuple(packages)


def _shipped_lines(name, script):
    """The lines of a gzipped text in ``data/``, when it is the file that SHA256SUMS describes."""
    path = DATA / name
    restore = f"restore it with `git checkout -- data`, or make it again with `python data/{script}`"
    for file in (path, DATA / "SHA256SUMS"):
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing; {restore}")
    digests = dict(reversed(line.split()) for line in (DATA / "SHA256SUMS").read_text().splitlines())
    if name not in digests:
        raise ValueError(f"{DATA / 'SHA256SUMS'} has no line for {name}; {restore}")
    return gzip.decompress(_verified(path, digests[name], restore)).decode().splitlines()


# SHA-256: of Keras's file as keras.datasets.mnist has it, of the four original files as public copies agree on them
MNIST_DIGESTS = {
    "mnist.npz": "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
_NPZ, *_IDX = MNIST_DIGESTS


def load_mnist(folder=None):
    """The MNIST digits of 28 x 28 pixels: ``(train_images, train_labels), (test_images, test_labels)``.

    Images are float32 of shape (60000, 784) and (10000, 784), from 0 to 1; labels are int64. They are read from
    ``folder``, which holds the four original files (``train-images-idx3-ubyte.gz``, ...) or Keras's ``mnist.npz``.
    Without a folder, from where Keras keeps ``mnist.npz`` (``~/.keras/datasets``), and if it is not there Keras
    downloads it. The SHA-256 digest of every file is checked.

    FileNotFoundError, when there is no such file and no network, says which file to put where; ValueError says
    which file is damaged.
    """
    if folder is not None:
        return _mnist_in(Path(folder).expanduser())
    cache = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"
    if (cache / _NPZ).is_file():
        return _mnist_in(cache)
    try:
        import keras  # here, so that reading local files needs NumPy alone

        train, test = keras.datasets.mnist.load_data()  # which checks the same digest
    except Exception as error:
        raise FileNotFoundError(f"MNIST is not on this machine and could not be downloaded ({error}). Put {_NPZ} into "
                                f"{cache}, or the files {', '.join(_IDX)} into a folder of your own, and call "
                                "load_mnist(folder)") from error
    return _scaled(*train, "MNIST"), _scaled(*test, "MNIST")


def _mnist_in(folder):
    if (folder / _NPZ).is_file():
        path = folder / _NPZ
        _verified(path, MNIST_DIGESTS[_NPZ], "delete it, and Keras downloads it again")
        try:
            with np.load(path, allow_pickle=False) as arrays:
                parts = [arrays[name] for name in ("x_train", "y_train", "x_test", "y_test")]
        except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path} is not Keras's MNIST: {error}") from error
    else:
        missing = [name for name in _IDX if not (folder / name).is_file()]
        if missing:
            raise FileNotFoundError(f"{folder} holds neither {_NPZ} nor all four original files of MNIST; missing: "
                                    f"{', '.join(missing)}")
        parts = [_idx(folder / name) for name in _IDX]
    return _scaled(*parts[:2], folder), _scaled(*parts[2:], folder)


def _idx(path):
    """The array in a gzipped IDX file of bytes: two zeros, the type 8, the rank, every length, and the bytes."""
    content = _verified(path, MNIST_DIGESTS[path.name], "download it again")
    try:
        content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file: {error}") from error
    rank = 3 if "idx3" in path.name else 1
    if content[:4] != bytes([0, 0, 8, rank]):
        raise ValueError(f"{path} is not an IDX file of rank {rank}: it begins with {content[:4].hex()}")
    if len(content) < 4 + 4 * rank:
        raise ValueError(f"{path} is cut off within its header")
    shape = tuple(int(length) for length in np.frombuffer(content, ">u4", rank, 4))
    if len(content) != 4 + 4 * rank + math.prod(shape):
        raise ValueError(f"{path} announces the shape {shape}, but holds {len(content) - 4 - 4 * rank} bytes")
    return np.frombuffer(content, "uint8", offset=4 + 4 * rank).reshape(shape)


def _scaled(images, labels, where):
    """Images as rows from 0 to 1 and labels as int64; ValueError when they cannot belong together."""
    if images.ndim != 3 or images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
        raise ValueError(f"{where}: {images.shape} images and {labels.shape} labels are not those of MNIST")
    if labels.size and labels.max() > 9:
        raise ValueError(f"{where}: a label is {labels.max()}, not one of the digits 0 to 9")
    return images.reshape(-1, 784).astype("float32") / np.float32(255), labels.astype("int64")


def _verified(path, digest, remedy):
    """The content of a file; ValueError when its SHA-256 digest is not the expected one."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise ValueError(f"{path} is damaged or another version: its SHA-256 is {found}, expected {digest}; {remedy}")
    return content
