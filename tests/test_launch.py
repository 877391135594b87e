"""The launch button leads to files that exist, in an environment in which the notebooks run."""

import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from sphinx_book_theme.header_buttons.launch import add_launch_buttons

ROOT = Path(__file__).parent.parent
BINDER = ROOT / ".binder"
sys.path.insert(0, str(ROOT / "_extensions"))

import addresses  # noqa: E402

NOTEBOOKS = [name for name in re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text("utf-8"))
             if (ROOT / f"{name}.ipynb").exists()]  # fmt: skip


def launched(name):
    """From the words on each launch button of a page to where it leads, with a repository set."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    options = {"repository_url": "https://github.com/somebody/a-repository",
               "repository_branch": config["repository"]["branch"]}
    settings = SimpleNamespace(html_baseurl="", html_theme_options=options)
    addresses.settle(None, settings)
    app = SimpleNamespace(config={"html_theme_options": settings.html_theme_options}, env=SimpleNamespace(
        doc2path=lambda name: str(ROOT / f"{name}.ipynb"), metadata={name: {"kernelspec": {}}}))
    context = {"pagename": name, "sourcename": f"{name}.ipynb", "header_buttons": [],
               "github_url": "https://github.com", "github_user": "somebody", "github_repo": "a-repository"}
    add_launch_buttons(app, name, "page.html", context, None)
    addresses.leave_out_launch(app, name, "page.html", context, None)
    return {button["text"]: button["url"] for group in context["header_buttons"] for button in group["buttons"]}


def test_what_is_too_large_for_binder_has_no_button():
    assert addresses.TOO_LARGE < set(NOTEBOOKS)
    assert [launched(name) for name in addresses.TOO_LARGE] == [{}] * len(addresses.TOO_LARGE)


@pytest.mark.parametrize("name", sorted(set(NOTEBOOKS) - addresses.TOO_LARGE))
def test_the_button_of_each_notebook_leads_to_its_file(name):
    buttons = launched(name)
    assert list(buttons) == ["Binder"]  # no other place has optkit
    address = urlsplit(buttons["Binder"])
    assert (address.netloc, address.path) == ("mybinder.org", "/v2/gh/somebody/a-repository/main")
    opened = parse_qs(address.query)["urlpath"][0].removeprefix("lab/tree/")
    assert (ROOT / opened).is_file() and opened == f"{name}.ipynb"


def test_binder_installs_the_lock_and_its_hashes():
    lines = [line for line in (BINDER / "requirements.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert [line.split()[0] for line in lines] == ["-r"]
    assert (BINDER / lines[0].split()[1]).resolve() == ROOT / "requirements.lock"
    packages = re.findall(r"^[^\s#](?:.*\\\n)*.*", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    assert len(packages) > 50 and all("--hash=sha256:" in package for package in packages)
    assert any(package.startswith("setuptools==") for package in packages)  # postBuild builds optkit with it


def test_binder_has_a_python_that_the_book_is_tested_with():
    version = re.fullmatch(r"python-(3\.\d+)\n", (BINDER / "runtime.txt").read_text("utf-8"))[1]
    assert f'"{version}"' in re.search(r"python: \[(.+)\]", (ROOT / ".github/workflows/book.yml").read_text("utf-8"))[1]


def test_binder_installs_optkit_as_make_does():
    script = BINDER / "postBuild"
    assert os.access(script, os.X_OK) and script.read_text("utf-8").startswith("#!/bin/bash\n")
    command = "--no-deps --no-build-isolation -e ."
    assert script.read_text("utf-8").count(command) == (ROOT / "Makefile").read_text("utf-8").count(command) == 1
    assert not (ROOT / "binder").exists()  # Binder takes one of the two
