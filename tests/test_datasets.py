"""The digits and docstrings that are shipped, and MNIST read from small files in its format."""

import gzip
import hashlib
import platform
import shutil
import struct
import subprocess
import sys
import zlib

import keras
import numpy as np
import pytest

from optkit import datasets


# The digits in data/

def test_digits_are_images_from_0_to_1_with_their_labels():
    images, labels = datasets.load_digits()
    assert (images.shape, images.dtype.name) == ((1797, 64), "float32")
    assert (labels.shape, labels.dtype.name) == ((1797,), "int64")
    assert images.min() == 0 and images.max() == 1
    np.testing.assert_array_equal(images * 16, np.round(images * 16))
    # the counts by class that the data set's own description gives for its test set
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    np.testing.assert_array_equal(images[0, :8] * 16, [0, 0, 5, 13, 9, 1, 0, 0])


# The docstrings in data/

def test_docstrings_are_counts_of_words_with_their_packages():
    counts, labels, words, packages = datasets.load_docstrings()
    assert (counts.shape, counts.dtype.name) == ((2581, 1103), "float32")
    assert (labels.shape, labels.dtype.name) == ((2581,), "int64")
    assert len(words) == len(set(words)) == 1103 and all(word.isalpha() and word.islower() for word in words)
    assert len(packages) == 20 and list(packages) == sorted(set(packages)) and {"email", "tkinter"} < set(packages)
    sizes = np.bincount(labels, minlength=20)
    assert sizes.min() == 35 and sizes.max() == 288  # as the README says
    np.testing.assert_array_equal(counts, np.round(counts))
    assert counts.min() == 0


def test_a_document_is_counted_word_by_word():
    """The first line of the vocabulary and every document, against what the file says."""
    counts, labels, words, packages = datasets.load_docstrings()
    first, *lines = gzip.decompress((datasets.DATA / "docstrings.txt.gz").read_bytes()).decode().splitlines()
    assert first.split() == list(words) and len(lines) == len(counts)
    for row in (0, 1000, 2580, int(counts.max(axis=1).argmax())):
        package, *text = lines[row].split()
        assert packages[labels[row]] == package
        assert {word: count for word, count in zip(words, counts[row]) if count} == {w: text.count(w) for w in text}
    assert counts.max() > 10  # the last of these rows has a word many times


def test_words_are_frequent_by_zipfs_law_down_to_four_documents():
    counts, _, words, _ = datasets.load_docstrings()
    frequency = (counts > 0).sum(axis=0)
    assert frequency[0] == 1312 and words[0] == "the" and frequency.min() == 4
    assert (np.diff(frequency) <= 0).all()
    assert 0.8 < (frequency < 0.01 * len(counts)).mean() < 0.9
    rank = np.arange(1, len(frequency) + 1)
    exponent = -np.polyfit(np.log(rank), np.log(frequency), 1)[0]
    assert 0.85 < exponent < 1.1  # Zipf's law says 1
    assert np.corrcoef(np.log(rank), np.log(frequency))[0, 1] < -0.99


def test_no_document_is_there_twice_and_none_is_empty():
    present = datasets.load_docstrings()[0] > 0
    assert len(np.unique(present, axis=0)) == len(present)
    assert present.sum(axis=1).min() == 3


def test_no_word_is_the_name_of_a_package():
    _, _, words, packages = datasets.load_docstrings()
    assert not set(words) & set(packages)


def run_script(name, folder):
    """Run one of the scripts of data/ on a copy of it in ``folder``."""
    for file in (name, "checksums.py"):
        shutil.copy(datasets.DATA / file, folder)
    return subprocess.run([sys.executable, str(folder / name)], capture_output=True, text=True)


@pytest.mark.skipif(platform.python_version() != "3.11.7",
                    reason="another Python has other documentation: the file is made by 3.11.7")
def test_script_makes_the_docstrings_bit_for_bit(tmp_path):
    made = run_script("make_docstrings.py", tmp_path)
    assert made.returncode == 0 and "wrote 2581 documents, 1103 words" in made.stdout, made.stderr
    ours, shipped = ((folder / "docstrings.txt.gz").read_bytes() for folder in (tmp_path, datasets.DATA))
    assert gzip.decompress(ours) == gzip.decompress(shipped)
    assert ours == shipped or "ng" in zlib.ZLIB_RUNTIME_VERSION  # which compresses otherwise
    assert (tmp_path / "SHA256SUMS").read_text() == f"{hashlib.sha256(ours).hexdigest()}  docstrings.txt.gz\n"


@pytest.mark.skipif(platform.python_version() == "3.11.7", reason="this Python has the documentation of the file")
def test_script_under_another_python_says_so_and_writes_nothing(tmp_path):
    made = run_script("make_docstrings.py", tmp_path)
    assert made.returncode == 1 and f"this Python, {platform.python_version()}, is not that of" in made.stderr
    assert not (tmp_path / "docstrings.txt.gz").exists() and not (tmp_path / "SHA256SUMS").exists()


def test_script_with_other_documentation_writes_nothing(tmp_path):
    """As under another Python, whichever Python runs this test: here one letter of the expected checksum differs."""
    source = (datasets.DATA / "make_docstrings.py").read_text()
    start = source.index('TEXT_SHA256 = "') + 15
    shutil.copy(datasets.DATA / "checksums.py", tmp_path)
    (tmp_path / "make_docstrings.py").write_text(source[:start] + "x" + source[start + 1:])
    made = subprocess.run([sys.executable, str(tmp_path / "make_docstrings.py")], capture_output=True, text=True)
    assert made.returncode == 1 and "nothing was written" in made.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["checksums.py", "make_docstrings.py"]


def test_script_replaces_its_own_line_of_the_checksums(tmp_path):
    shutil.copy(datasets.DATA / "checksums.py", tmp_path)
    (tmp_path / "SHA256SUMS").write_text("0  other-b\n1  b\n2  c\n")
    code = "import checksums; checksums.write_with_checksum('b', b'x'); checksums.write_with_checksum('a', b'x')"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    digest = hashlib.sha256(b"x").hexdigest()
    assert (tmp_path / "SHA256SUMS").read_text() == f"{digest}  a\n{digest}  b\n2  c\n0  other-b\n"
    assert (tmp_path / "b").read_bytes() == b"x" and not list(tmp_path.glob("*.unfinished"))


def test_licence_of_python_goes_with_its_documentation():
    licence = (datasets.DATA / "LICENSE-PYTHON.txt").read_text()
    assert "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2" in licence
    notice = " ".join(licence.split())
    assert "2022, 2023 Python Software Foundation; All Rights Reserved" in notice


# Both: reading them, and files that are missing or damaged

@pytest.mark.parametrize("load", ["load_digits", "load_docstrings"])
def test_reading_shipped_data_imports_no_tensorflow(load):
    code = f"import sys; from optkit import datasets; datasets.{load}(); print('tensorflow' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


SHIPPED = [("digits.csv.gz", datasets.load_digits, "make_digits"),
           ("docstrings.txt.gz", datasets.load_docstrings, "make_docstrings")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of data/ that a test may damage, in the place of the real one."""
    for name in ("digits.csv.gz", "docstrings.txt.gz", "SHA256SUMS"):
        shutil.copy(datasets.DATA / name, tmp_path)
    monkeypatch.setattr(datasets, "DATA", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name, load, script", SHIPPED)
def test_missing_file_says_how_to_restore_it(folder, name, load, script):
    for file in (name, "SHA256SUMS"):
        (folder / file).rename(folder / "elsewhere")
        with pytest.raises(FileNotFoundError, match=f"{file} is missing; restore it with `git checkout -- data`.*"
                                                    f"data/{script}.py"):
            load()
        (folder / "elsewhere").rename(folder / file)
    load()


@pytest.mark.parametrize("damage", [lambda content: content[:-100], lambda content: b"", lambda content: content + b" ",
                                    lambda content: content[:5000] + b"\0" + content[5001:]],
                         ids=["cut off", "empty", "longer", "one byte"])
@pytest.mark.parametrize("name, load, script", SHIPPED)
def test_damaged_file_is_refused(folder, name, load, script, damage):
    path = folder / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=f"{name} is damaged .* SHA-256 .* restore it with `git checkout.*{script}"):
        load()


@pytest.mark.parametrize("name, load, script", SHIPPED)
def test_checksums_without_the_file_are_refused(folder, name, load, script):
    (folder / "SHA256SUMS").write_text(64 * "0" + "  other.csv.gz\n")
    with pytest.raises(ValueError, match=f"SHA256SUMS has no line for {name}; .*{script}"):
        load()


@pytest.mark.parametrize("name", [name for name, _, _ in SHIPPED])
def test_shipped_file_says_nothing_of_when_or_where_it_was_made(name):
    header = (datasets.DATA / name).read_bytes()[:10]
    assert header[3] == 0  # no flags: no file name, no comment
    assert header[4:8] == bytes(4)  # no time


# MNIST

NPZ, *IDX = datasets.MNIST_DIGESTS


def idx(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def parts():
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (7, 28, 28), "uint8"), random.integers(0, 10, 7, "uint8"),
            random.integers(0, 256, (3, 28, 28), "uint8"), random.integers(0, 10, 3, "uint8")]


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Writes one file of MNIST, whose digest is then the one that is expected of it."""
    def write(name, content):
        (tmp_path / name).write_bytes(content)
        monkeypatch.setitem(datasets.MNIST_DIGESTS, name, hashlib.sha256(content).hexdigest())
    return write


@pytest.fixture
def small(tmp_path, put):
    """A folder with MNIST's four files, of seven and three images."""
    for name, array in zip(IDX, parts()):
        put(name, gzip.compress(idx(array)))
    return tmp_path


def assert_is_small_mnist(loaded):
    (train_images, train_labels), (test_images, test_labels) = loaded
    for images, labels, (pixels, digits) in [(train_images, train_labels, parts()[:2]),
                                             (test_images, test_labels, parts()[2:])]:
        assert images.dtype.name == "float32" and images.min() >= 0 and images.max() <= 1
        np.testing.assert_array_equal(np.round(images * 255).astype("uint8"), pixels.reshape(-1, 784))
        assert labels.dtype.name == "int64"
        np.testing.assert_array_equal(labels, digits)


def npz(path, arrays):
    with path.open("wb") as file:
        np.savez(file, **arrays)
    return path.read_bytes()


KERAS_NAMES = ["x_train", "y_train", "x_test", "y_test"]


def test_mnist_is_read_from_the_original_files(small):
    assert_is_small_mnist(datasets.load_mnist(small))
    assert_is_small_mnist(datasets.load_mnist(str(small)))


def test_mnist_is_read_from_keras_file(tmp_path, put):
    put(NPZ, npz(tmp_path / "any", dict(zip(KERAS_NAMES, parts()))))
    assert_is_small_mnist(datasets.load_mnist(tmp_path))


def test_mnist_is_found_where_keras_keeps_it(tmp_path, put, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    put(NPZ, npz(tmp_path / "any", dict(zip(KERAS_NAMES, parts()))))
    (tmp_path / "datasets").mkdir()
    (tmp_path / NPZ).rename(tmp_path / "datasets" / NPZ)
    assert_is_small_mnist(datasets.load_mnist())


def test_mnist_is_downloaded_by_keras(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    train, test = parts()[:2], parts()[2:]
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: (train, test))
    assert_is_small_mnist(datasets.load_mnist())


def test_without_a_network_the_error_says_what_to_put_where(tmp_path, monkeypatch):
    def no_network():
        raise OSError("no network")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", no_network)
    with pytest.raises(FileNotFoundError, match="no network.* Put mnist.npz into .*datasets.*load_mnist") as refusal:
        datasets.load_mnist()
    assert str(tmp_path / "datasets") in str(refusal.value) and all(name in str(refusal.value) for name in IDX)


def test_missing_files_are_named(small):
    (small / IDX[1]).unlink()
    with pytest.raises(FileNotFoundError, match=f"neither mnist.npz nor all four .* missing: {IDX[1]}$"):
        datasets.load_mnist(small)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        datasets.load_mnist(small / "nowhere")


@pytest.mark.parametrize("name", datasets.MNIST_DIGESTS)
def test_file_with_another_digest_is_refused(small, put, name):
    put(name, (small / name).read_bytes() if name in IDX else b"anything")
    (small / name).write_bytes(b"damaged")
    with pytest.raises(ValueError, match=f"{name} is damaged or another version: its SHA-256 is"):
        datasets.load_mnist(small)


@pytest.mark.parametrize("name, content, complaint", [
    (IDX[0], gzip.compress(idx(parts()[0]))[:-9], "not a whole gzip file"),
    (IDX[0], b"no gzip file", "not a whole gzip file"),
    (IDX[0], gzip.compress(idx(parts()[1])), "not an IDX file of rank 3: it begins with 00000801"),
    (IDX[0], gzip.compress(b"\0\0\x0d" + idx(parts()[0])[3:]), "not an IDX file of rank 3: it begins with 00000d03"),
    (IDX[0], gzip.compress(b""), "not an IDX file of rank 3"),
    (IDX[1], gzip.compress(idx(parts()[1])[:6]), "cut off within its header"),
    (IDX[0], gzip.compress(idx(parts()[0])[:-1]), r"announces the shape \(7, 28, 28\), but holds 5487 bytes"),
    (IDX[0], gzip.compress(idx(parts()[0]) + b"\0"), "but holds 5489 bytes"),
    (IDX[1], gzip.compress(idx(parts()[3])), r"\(7, 28, 28\) images and \(3,\) labels"),
    (IDX[2], gzip.compress(idx(parts()[2][:, 1:])), r"\(3, 27, 28\) images"),
    (IDX[3], gzip.compress(idx(parts()[3] + np.uint8(10))), "not one of the digits 0 to 9"),
    (NPZ, b"no npz file", "not Keras's MNIST"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_file_that_is_not_mnist_is_refused(small, put, name, content, complaint):
    put(name, content)
    with pytest.raises(ValueError, match=complaint):
        datasets.load_mnist(small)


def test_keras_file_without_an_array_is_refused(tmp_path, put):
    put(NPZ, npz(tmp_path / "any", dict(zip(KERAS_NAMES[:3], parts()))))
    with pytest.raises(ValueError, match="not Keras's MNIST.*y_test"):
        datasets.load_mnist(tmp_path)
    content = npz(tmp_path / "any", dict(zip(KERAS_NAMES, parts())))
    put(NPZ, content[: len(content) // 2])
    with pytest.raises(ValueError, match="not Keras's MNIST"):
        datasets.load_mnist(tmp_path)


def test_digests_are_the_known_ones():
    """A digest that a test has changed is back, and Keras still has the one it is copied from."""
    from keras.src.datasets import mnist

    source = open(mnist.__file__, encoding="utf-8").read()
    assert datasets.MNIST_DIGESTS[NPZ] in source
    assert all(len(digest) == 64 for digest in datasets.MNIST_DIGESTS.values())
