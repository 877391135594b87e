"""A sweep kept in a folder, a file for every finished piece, so that an interrupted one goes on where it stopped.

A file is written under another name, forced to the disk, and renamed, so that it is whole or not there. It ends with
the SHA-256 of its content, its number and the sweep that it belongs to: one that was altered, or moved, is noticed.
"""

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
import re
import shutil
import warnings
from pathlib import Path

import numpy as np

_DESCRIPTION = "sweep.json"


@contextlib.contextmanager
def opened(folder, description, needed):
    """What is ``Kept`` in ``folder``, which is made if need be, and locked as long as it is open.

    ``description``: what decides the results of the sweep, by name, of values that JSON has. ``needed``: the bytes that
    all pieces together take on the disk. ValueError says what differs when the folder holds another sweep, RuntimeError
    that another process uses it, OSError that it cannot be written to or that the disk has no room.
    """
    folder = Path(folder)
    with _locked(folder):
        kept = Kept(folder, json.dumps(description))
        if (folder / _DESCRIPTION).exists():
            _compare(folder, description)
        else:
            kept.write(folder / _DESCRIPTION, json.dumps(description, indent=1).encode())
        needed -= sum(file.stat().st_size for file in folder.glob("piece-*"))
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise OSError(errno.ENOSPC, f"keep_in has too little room: the sweep needs {needed} bytes more, and there "
                          f"are {free}", str(folder))
        yield kept


@contextlib.contextmanager
def _locked(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / "lock", "ab")
    except OSError as error:
        raise OSError(error.errno, f"keep_in must be a folder that can be written to ({error.strerror})",
                      str(folder)) from error
    with lock:  # closing it, and so the end of the process in any way, gives the folder free
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"keep_in: another sweep is at work in {folder}; wait for it, or give this one "
                               "another folder") from None
        yield


def _force(folder):
    """To the disk with the names of its files, so that a power failure does not take a file's new name back."""
    names = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(names)
    finally:
        os.close(names)


def _compare(folder, description):
    try:
        before = json.loads((folder / _DESCRIPTION).read_text())
    except ValueError as error:
        raise ValueError(f"keep_in: {folder / _DESCRIPTION} is damaged ({error}); delete the folder") from error
    for name, value in description.items():
        if before.get(name) != value:
            short = len(f"{value}") < 200 and not re.fullmatch("[0-9a-f]{64}", f"{value}")  # and no digest
            what = f"was {before.get(name)} there and is {value} now" if short else "was another there"
            raise ValueError(f"keep_in: {folder} holds another sweep, which this one cannot go on with: {name} {what}; "
                             "give it another folder, or delete that one")


class Kept:
    """The finished pieces in a folder."""

    def __init__(self, folder, sweep):
        self.folder, self.sweep = folder, sweep

    def read(self, number):
        """The arrays of a piece by name; None when it is not there, or not as it was written, which is warned of."""
        path = self._path(number)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        data, digest = content[:-hashlib.sha256().digest_size], content[-hashlib.sha256().digest_size:]
        if digest != self._digest(number, data):
            warnings.warn(f"{path} is not as it was written; its runs are trained again", stacklevel=2)
            return None
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return dict(arrays)

    def keep(self, number, arrays):
        """Write the arrays of a piece. OSError says what is in the way; the pieces before it stay as they are."""
        data = io.BytesIO()
        np.savez(data, **arrays)
        self.write(self._path(number), data.getvalue() + self._digest(number, data.getvalue()))

    def write(self, path, content):
        part = path.with_name(f"{path.name}.part")  # one name will do: the folder is locked
        try:
            with open(part, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
            _force(path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise OSError(error.errno, f"a finished piece of the sweep could not be kept ({error.strerror}); those "
                          "before it are", str(path)) from error

    def _path(self, number):
        return self.folder / f"piece-{number:04}.npz"

    def _digest(self, number, data):
        return hashlib.sha256(f"{self.sweep} {number} ".encode() + data).digest()
