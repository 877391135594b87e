"""TensorFlow is set up as in every notebook (oneDNN off, no start-up notes) before a test imports it by itself; and the
book is built once for all tests that look at it."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import optkit.hardware  # noqa: F401
import pytest
import yaml
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent


def build(output, source=ROOT, change=lambda config: None):
    """Build a book elsewhere, so that nobody's _build is touched, from stored outputs and with this book's settings,
    which `change` may change. Returns the folder of its pages."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config["execute"]["execute_notebooks"] = "off"
    # Relative to the configuration file, which now lies elsewhere.
    extensions = config["sphinx"]["local_extensions"]
    config["sphinx"]["local_extensions"] = {name: str(ROOT / folder) for name, folder in extensions.items()}
    change(config)
    output.mkdir(parents=True, exist_ok=True)
    (output / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(source)]
    command += ["--config", str(output / "_config.yml"), "--path-output", str(output), "-W", "-n", "--keep-going"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr[-4000:]
    return output / "_build" / "html"


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the book's pages; where tests run in several processes, one of them builds and the others wait."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    output = shared / "book"
    with open(shared / "book.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (output / "built").exists():
            build(output)
            (output / "built").touch()
    return output / "_build" / "html"


def find_chromium():
    """Where the Chromium of this machine is. Without one, a test that asks is skipped; with REQUIRE_CHROMIUM, as in CI,
    it fails."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not chromium:
        end = pytest.fail if os.environ.get("REQUIRE_CHROMIUM") else pytest.skip
        end("no Chromium on this machine: apt-get install chromium")
    return chromium


@pytest.fixture(scope="session")
def browser():
    """Chromium without a window. One for all tests of a process, since Playwright starts only once in it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
