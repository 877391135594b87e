# Needs python3 (3.11 to 3.13), make and a package registry; everything else goes into .venv.
# Written for GNU make 3.81 and BSD userland too, since that is what macOS has.

PYTHON ?= python3
NOTEBOOK ?= index.ipynb $(sort $(wildcard chapters/*.ipynb))
PORT ?= 8000

# The stamp is made last, inside .venv, which is emptied first: an interrupted install leaves none.
# Not compiled: of the thousands of modules Python compiles those that are imported, when they are.
# The weekly canary brings its own environment and says so: make INSTALLED= BIN= test book
INSTALLED = .venv/.installed
BIN = .venv/bin/

# One line, or nothing when this Python will do. Evaluated only where an environment is made.
UNSUITABLE = $(shell { $(PYTHON) tools/check_python.py; } 2>/dev/null || \
  echo 'This book needs Python 3.11, 3.12 or 3.13, but $(PYTHON) does not run. Name another one: make PYTHON=python3.12')
SUITABLE_PYTHON = $(if $(UNSUITABLE),$(error $(UNSUITABLE)))

.PHONY: help book epub pdf test test-elsewhere serve notebooks bench lock links clean

help:
	@echo 'make book        build the book from the notebooks, running what has changed'
	@echo 'make pdf         print the whole book as _build/pdf/how-adam-works.pdf, which needs Chromium or Chrome'
	@echo 'make epub        write it as _build/epub/how-adam-works.epub; make book links both where they are'
	@echo 'make test        run the tests, and every notebook against its stored outputs'
	@echo 'make test-elsewhere'
	@echo '                 run every notebook as on other processors (one of them: PROCESSOR=sse4.2,'
	@echo '                 avx2, numpy, onednn or one-thread)'
	@echo 'make serve       show the book at http://127.0.0.1:$(PORT) (another port: PORT=8001)'
	@echo 'make notebooks   run all notebooks and store their outputs in place'
	@echo '                 (one: NOTEBOOK=chapters/01-gradient-descent.ipynb)'
	@echo 'make bench       measure a sweep against Keras loops, JAX and a matrix product; renews appendix/speed'
	@echo 'make lock        write requirements.lock anew from requirements.txt, and the versions of JAX for make bench'
	@echo 'make links       ask whether every link out of the book still leads somewhere'
	@echo 'make clean       remove what was built; .venv stays (rm -rf .venv)'

$(INSTALLED): requirements.lock pyproject.toml
	$(SUITABLE_PYTHON)
	@echo 'Installing requirements.lock into .venv, which takes some minutes the first time.'
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	@$(BIN)python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(INSTALLED)

# Warnings are errors, and all of them are shown before the build fails.
book: $(INSTALLED)
	$(BIN)jupyter-book build . -W -n --keep-going
	@echo 'Open _build/html/index.html, or type make serve.'

# From the same outputs, cached likewise.
epub: $(INSTALLED)
	$(BIN)jupyter-book build . -W -n --keep-going --builder custom --custom-builder epub

pdf: epub
	$(BIN)python tools/print_book.py _build/epub/how-adam-works.epub _build/pdf/how-adam-works.pdf

# One notebook stays in one process: its cells depend on one another. NumPy's products stay in one thread, since threads
# that wait for work keep busy the core that the other process needs.
test: $(INSTALLED)
	OPENBLAS_NUM_THREADS=1 $(BIN)python -m pytest tests index.ipynb chapters --nbval --nbval-current-env --nbval-cell-timeout=180 -n 2 --dist loadfile

# The same notebooks against the same outputs, on imitations of other processors.
test-elsewhere: $(INSTALLED)
	$(BIN)python tools/run_elsewhere.py $(if $(PROCESSOR),--only $(PROCESSOR)) $(NOTEBOOK)

_build/html/index.html:
	@$(MAKE) book

serve: _build/html/index.html
	$(BIN)python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

notebooks: $(INSTALLED)
	$(BIN)python tools/run_notebooks.py $(NOTEBOOK)

# JAX, with which it compares, gets an environment of its own.
JAX = _build/bench/jax

$(JAX)/.installed: benchmarks/jax-requirements.txt
	$(SUITABLE_PYTHON)
	@$(PYTHON) -m venv --clear $(JAX)
	@$(JAX)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

bench: $(INSTALLED) $(JAX)/.installed
	$(BIN)python benchmarks/bench.py "$(CURDIR)/$(JAX)/bin/python"

# uv, in an environment of its own that is thrown away. It keeps the versions that the present lock names
# as long as requirements.txt allows them.
lock:
	$(SUITABLE_PYTHON)
	@uv=$$(mktemp -d) && trap 'rm -rf "$$uv"' EXIT && \
	$(PYTHON) -m venv "$$uv" && "$$uv/bin/python" -m pip install --quiet --disable-pip-version-check uv && \
	"$$uv/bin/uv" pip compile --quiet --universal --fork-strategy fewest --generate-hashes \
	  --python-version 3.11 --no-emit-package optkit requirements.txt -o requirements.lock && \
	"$$uv/bin/uv" pip compile --quiet --universal --fork-strategy fewest --generate-hashes \
	  --python-version 3.11 benchmarks/jax-requirements.in -o benchmarks/jax-requirements.txt
	@echo 'requirements.lock is written. Now: make test && make book, then commit it.'
	@echo 'For the newest versions of everything, remove requirements.lock before make lock.'

links: $(INSTALLED)
	$(BIN)python tools/check_links.py

clean:
	rm -rf _build .pytest_cache
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
