"""Running somebody's code: for a limited time, without its prints, and with whatever it raises caught."""

import contextlib
import ctypes
import io
import threading
import time
import warnings

import numpy as np


class TookTooLong(Exception):
    """The code had not come back when its time was over."""


class _Stop(BaseException):
    """Raised inside the code whose time is over; no ``except Exception`` there keeps it."""


def run(function, seconds, waiting):
    """What ``function()`` returns. Raises what it raises, and TookTooLong after ``seconds`` of processor time, or after
    ``waiting`` seconds on the clock: a loop without end burns the first, code that sleeps or waits the second only, and
    a busy machine neither.

    The code runs in a thread of its own, which is asked to stop when its time is over. What it prints is dropped, and
    so are NumPy's warnings: what overflows or divides by zero shows in the result.
    """
    outcome = {}

    def work():
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                outcome["result"] = function()
        except BaseException as error:  # SystemExit too: a candidate must not end the program that checks it
            outcome["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        begun, clock = time.process_time(), time.monotonic()
        thread.start()
        while thread.is_alive() and time.process_time() - begun < seconds and time.monotonic() - clock < waiting:
            thread.join(0.05)
        passed, of = (seconds, " of computing") if time.monotonic() - clock < waiting else (waiting, "")
        deadline = time.monotonic() + 1
        while thread.is_alive() and time.monotonic() < deadline:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_Stop))
            thread.join(0.05)
    if "result" in outcome:
        return outcome["result"]
    error = outcome.get("error")
    if error is None or isinstance(error, _Stop):
        raise TookTooLong(f"it had not come back after {passed:g} seconds{of}")
    raise error
