"""Run notebooks and store their outputs in place: python tools/run_notebooks.py chapters/*.ipynb

A notebook is written whole, once its last cell has run; one that raises is left as it was, and the exit
status is 1. Whatever differs from one run to the next without being a result (timings, versions, widget
state) is not stored, so running twice gives the same bytes.
"""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

TIMEOUT = 180  # seconds a cell may take, as in _config.yml

# All that is kept of the kernel: enough to start one and to colour the code.
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def run(path):
    """Run one notebook in its own folder; return what went wrong, or nothing."""
    notebook = nbformat.read(path, as_version=4)
    started = []  # the index of each cell that was started: the last one is the one that failed
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=TIMEOUT,
        record_timing=False,
        coalesce_streams=True,  # how often the kernel flushes is no result either
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=lambda cell, cell_index: started.append(cell_index),
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        if not started:
            return f"{path}: {error}"
        code = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
        number = code.index(started[-1]) + 1
        return f"{path}, code cell {number} of {len(code)}:\n{error}"

    notebook.metadata.pop("widgets", None)
    notebook.metadata.update(KERNEL)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    # Through a file beside it, so that the notebook is never half written.
    whole = path.with_name(f".{path.name}.new")
    try:
        whole.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
        os.replace(whole, path)
    finally:
        whole.unlink(missing_ok=True)


def main(paths):
    failed = False
    for path in paths:
        error = run(path)
        failed = failed or error is not None
        print(error or f"{path}: outputs stored", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main([Path(argument) for argument in sys.argv[1:]]) if sys.argv[1:] else __doc__)
