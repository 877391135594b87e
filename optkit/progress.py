"""A bar that shows how far a long computation is, and how long it will still take."""

import contextlib
import html
import os
import sys
import threading
import time

# A notebook that somebody looks at; one that a program runs (a test, a build) has none of these.
_FRONTENDS = ("JPY_SESSION_NAME", "VSCODE_PID", "COLAB_RELEASE_TAG")
_WIDTH = 30  # characters


class Bar:
    """Counts what is done of ``total``; a subclass shows it."""

    def __init__(self, total):
        self.total, self.done, self.start = total, 0, time.monotonic()
        self.skipped = 0  # of what is done: it was there before, and says nothing about the time that the rest takes
        self.counting = threading.Lock()  # a race trains two rules at once, and both count here
        self.stopped = threading.Event()  # set when somebody interrupts: what counts here is to come to an end

    def advance(self, amount):
        with self.counting:
            self.done += amount
            self.show()

    def skip(self, amount):
        """So much is done already."""
        with self.counting:
            self.done += amount
            self.skipped += amount
            self.show()

    def expect(self, more):
        """There is more to do than was known at first."""
        with self.counting:
            self.total += more
            self.show()

    def text(self):
        seconds = time.monotonic() - self.start
        own = self.done - self.skipped
        left = f"{seconds / own * (self.total - self.done):.0f} s left" if own else "starting"
        return f"{self.done / self.total:.0%}, {left}"

    def show(self):
        """Nothing: nobody looks."""

    def close(self):
        """Nothing is left behind."""


class TerminalBar(Bar):
    def show(self):
        filled = round(_WIDTH * self.done / self.total)
        sys.stderr.write(f"\r{'#' * filled}{'.' * (_WIDTH - filled)} {self.text():20}")
        sys.stderr.flush()

    def close(self):
        sys.stderr.write("\r" + " " * (_WIDTH + 21) + "\r")
        sys.stderr.flush()


class NotebookBar(Bar):
    def __init__(self, total):
        super().__init__(total)
        from IPython.display import display  # only there is a notebook's bar made
        self.handle = display({"text/plain": self.text()}, raw=True, display_id=True)

    def show(self):
        bar = f'<progress value="{self.done}" max="{self.total}" aria-label="progress"></progress>'
        self.handle.update({"text/plain": self.text(), "text/html": f"{bar} {html.escape(self.text())}"}, raw=True)

    def close(self):
        self.handle.update({}, raw=True)  # so that the notebook is stored without it


@contextlib.contextmanager
def shown(progress, total):
    """The bar to tell of ``total`` units of work, closed in the end whatever happens.

    ``progress``: whether to show one; None means where somebody looks, a terminal or a notebook opened in an editor.
    A ``Bar`` is taken as it is, and left open: it is part of something longer, which counted this work already.
    """
    if isinstance(progress, Bar):
        yield progress
        return
    if progress not in (True, False, None):
        raise ValueError(f"progress must be True, False or None, got {progress!r}")
    in_notebook = "ipykernel" in sys.modules
    looked_at = any(name in os.environ for name in _FRONTENDS) if in_notebook else sys.stderr.isatty()
    if progress is False or progress is None and not looked_at:
        yield Bar(total)
        return
    bar = (NotebookBar if in_notebook else TerminalBar)(total)
    try:
        yield bar
    finally:
        bar.close()
