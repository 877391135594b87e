"""Print one line saying why this Python cannot run the book, or nothing when it can.

Read by the Makefile before it makes anything. Any Python must be able to read it, hence its age.
"""
import platform
import sys

machine = (platform.system(), platform.machine())
version = sys.version_info[:2]

if not ((3, 11) <= version <= (3, 13)) or platform.python_implementation() != "CPython":
    print(
        "This book needs Python 3.11, 3.12 or 3.13, but %s is %s %s. Name another one: make PYTHON=python3.12"
        % (sys.executable, platform.python_implementation(), platform.python_version())
    )
elif machine not in [("Linux", "x86_64"), ("Darwin", "arm64")]:
    print("This book runs on Linux x86-64 and on Apple silicon, but this is %s %s." % machine)
else:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        print("This Python cannot make environments. On Debian and Ubuntu: apt install python3-venv")
