"""Outputs on the page are never older than what they were computed from.

The execution cache recognises a notebook by its code cells alone, so after a change in optkit, in the data or
in the requirements it would still serve the old outputs. This extension writes beside the cached outputs, and
again beside the finished pages, a digest of what they were computed from, and compares both at the next build:
another digest at the cache empties it, another one at the pages has every notebook read again.
"""

import hashlib
import shutil
from pathlib import Path

STAMP = ".computed-from"


def digest(root):
    """Of every file outside a notebook that its outputs depend on."""
    lock = root / "requirements.lock"
    files = [lock if lock.exists() else root / "requirements.txt"]
    files += (root / "optkit").rglob("*")
    files += (root / "data").rglob("*")
    total = hashlib.sha256()
    for path in sorted(files):
        name = path.relative_to(root)
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in name.parts):
            total.update(f"{name.as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def says(stamp, value):
    return stamp.exists() and stamp.read_text() == value


def drop_stale_cache(app):
    app.computed_from = None
    if app.config.nb_execution_mode != "cache":
        return  # nothing is executed, so nothing is vouched for
    app.computed_from = digest(Path(app.srcdir))
    cache = Path(app.env.mystnb_config.execution_cache_path)
    if not says(cache / STAMP, app.computed_from):
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir(parents=True)
        (cache / STAMP).write_text(app.computed_from)


def reread_notebooks(app, env, added, changed, removed):
    if app.computed_from is None or says(Path(app.outdir) / STAMP, app.computed_from):
        return []
    return [name for name in env.found_docs if env.doc2path(name).endswith(".ipynb")]


def vouch_for_pages(app, exception):
    if exception is None and app.computed_from is not None:
        (Path(app.outdir) / STAMP).write_text(app.computed_from)


def setup(app):
    app.connect("builder-inited", drop_stale_cache, priority=900)  # once myst-nb knows where its cache is
    app.connect("env-get-outdated", reread_notebooks)
    app.connect("build-finished", vouch_for_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
