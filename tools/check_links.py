"""`make links`: does every link that leads out of the book lead somewhere? Needs the network; runs no notebook.

Sphinx's own linkcheck builder asks; what it found is in _build/links/_build/html/output.txt.
"""

import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
OUTPUT = ROOT / "_build" / "links"

SETTINGS = {
    "linkcheck_timeout": 30,  # seconds
    "linkcheck_retries": 3,
    "linkcheck_workers": 4,
    "linkcheck_rate_limit_timeout": 120,  # seconds to wait at most for a host that says: later
    "linkcheck_anchors_ignore_for_url": [r"https://github\.com/.*"],  # made by a script there, after the page
    "linkcheck_ignore": [r"http://(localhost|127\.0\.0\.1)\b.*"],
}


def write_config():
    """This book's settings, without execution; paths are relative to the file, which lies elsewhere."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    config["execute"]["execute_notebooks"] = "off"
    extensions = config["sphinx"]["local_extensions"]
    config["sphinx"]["local_extensions"] = {name: str(ROOT / folder) for name, folder in extensions.items()}
    config["sphinx"]["config"].update(SETTINGS)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "_config.yml").write_text(yaml.safe_dump(config), "utf-8")
    return OUTPUT / "_config.yml"


def main():
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(ROOT),
               "--config", str(write_config()), "--path-output", str(OUTPUT), "--builder", "linkcheck"]
    return subprocess.run(command, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
