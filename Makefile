# `make demo` and `make test` are all the set-up there is: each makes what is missing and runs. What stands behind `##` is
# what `make help` says of a target, and `make` alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CPP := $(wildcard cpp/*/*.cpp cpp/*/*.hpp)
CORE := $(CPP) cpp/CMakeLists.txt

.PHONY: help demo test test-quick test-oldest lint tidy stub catalogue core sanitize package wheels wheels-emulated neon-counts docs docs-versions docs-serve docs-test ci nightly bench bench-compare clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## fit two small data sets, print what was found, draw it into demo-output/
	$(BIN)/mixtura demo

# A process for each core, with whole files: nothing measures time, and most tests use one thread.
JOBS := $(shell nproc 2>/dev/null || echo 2)
PYTEST := python -m pytest --numprocesses $(JOBS) --maxprocesses 8 --dist loadfile

test: $(VENV)/.installed ## all tests
	$(BIN)/$(PYTEST)

# What says soonest that something broke: of every room the files that take a second or two and start few processes, and of
# the promises scikit-learn's contract, the floors and the sentences of mistakes.
QUICK_TESTS := browser/test_report cli/test_reports covariance/test_covariance datasets/test_datasets \
	display/test_display docs/test_project docs/test_reference docs/test_translations em/test_em_steps em/test_packed \
	engines/test_an_engine_of_ones_own estimators/test_predicting export/test_fisher files/test_saved_estimators files/test_stored_files \
	fitting/test_facts fitting/test_request inference/test_reduction inputs/test_masked \
	inputs/test_scales mixture/test_comparing plots/test_plots promises/test_floors promises/test_mistakes \
	promises/test_sklearn_contract report/test_describe rows/test_a_source_of_ones_own rows/test_value \
	selection/test_selection sources/test_readings starts/test_search_parts support/test_interruptible \
	sweep/test_kinds_in_a_sweep
test-quick: $(VENV)/.installed ## of every room the tests that are quickest to say that something broke: about a minute
	$(BIN)/$(PYTEST) -q $(QUICK_TESTS:%=tests/%.py)

# The lower bounds in pyproject.toml are true: the oldest versions that they allow, and the tests that meet those packages.
# `make test` has the newest.
OLDEST_TESTS := datasets/test_datasets files/test_saving inputs/test_frames plots/test_plots promises/test_sklearn_contract \
	rows/test_dask sources/test_sources
test-oldest: $(VENV)/.installed ## the tests that meet other packages, with the oldest that are allowed
	rm -rf build/oldest
	mkdir -p build/oldest
	$(BIN)/uv pip compile --quiet --no-header --no-build --resolution lowest-direct --all-extras \
		--python $(BIN)/python --output-file build/oldest/constraints.txt pyproject.toml
	$(BIN)/uv venv --quiet --python $(BIN)/python build/oldest/venv
	# into the folder that the editable install was built in: nothing is compiled again
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/oldest .
	$(BIN)/uv pip install --quiet --no-build --python build/oldest/venv/bin/python --constraints build/oldest/constraints.txt \
		"$$(ls build/oldest/mixtura-*.whl)[all]" pytest pytest-xdist hypothesis pandas polars
	mkdir -p build/oldest/run && cp -r tests README.md README.es.md pyproject.toml build/oldest/run/
	# old packages warn of what newer ones, which they use, have deprecated since
	cd build/oldest/run && ../venv/bin/$(PYTEST) -p no:cacheprovider -o filterwarnings=default $(OLDEST_TESTS:%=tests/%.py)

lint: $(VENV)/.installed ## ruff, clang-format, codespell, mypy, the types of the native module
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(CPP)
	$(BIN)/codespell
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/python -m nanobind.stubgen -q -m mixtura._core -o build/_core.pyi
	diff build/_core.pyi src/mixtura/_core.pyi || (echo "the core's interface changed: make stub" && false)
	$(BIN)/mypy

tidy: $(VENV)/.tools ## clang-tidy on the core: what is likely a bug (minutes)
	.ci/tidy

# The types of the native module, for editors and mypy.
stub: $(VENV)/.installed ## write the types of the native module anew, after a change to cpp/python/
	$(BIN)/python -m nanobind.stubgen -q -m mixtura._core -o src/mixtura/_core.pyi

# Texts of the shell that are new come into src/mixtura/locale/*/LC_MESSAGES/mixtura.po, which are then compiled.
catalogue: $(VENV)/.installed ## bring new texts of the shell into the catalogue of translations
	$(BIN)/python -m mixtura.testing.catalogue

# What was compiled once is not compiled again: the editable package, `make core` and `make package` have the same sources,
# and so has another clone. Names of folders are no part of what is compared.
CACHED := [ ! -x $(BIN)/ccache ] || export CMAKE_CXX_COMPILER_LAUNCHER=$(CURDIR)/$(BIN)/ccache \
	CCACHE_BASEDIR=$(CURDIR) CCACHE_NOHASHDIR=1;

# Said before pip runs, and not among what CMake says.
NEED_COMPILER := @command -v "$${CXX:-c++}" > /dev/null || command -v g++ > /dev/null || command -v clang++ > /dev/null || \
	{ echo "mixtura needs a C++ compiler to be built, and there is none here: install g++ and make (apt install g++ make," \
	"or dnf install gcc-c++ make), or name the compiler in the environment variable CXX." >&2; exit 1; }

# A distribution's Python may come without what makes environments and without headers.
NEED_PYTHON := @$(PYTHON) -c 'import os, sys, sysconfig; from importlib.util import find_spec; \
	sys.version_info < (3, 11) and sys.exit("mixtura needs Python 3.11 or newer: make PYTHON=python3.11 ..."); \
	find_spec("ensurepip") and os.path.exists(sysconfig.get_path("include") + "/Python.h") or sys.exit("mixtura needs a Python \
	with venv and its headers to be built: apt install python3-venv python3-dev, or dnf install python3-devel.")'

$(VENV)/.tools: pyproject.toml
	$(NEED_COMPILER)
	$(NEED_PYTHON)
	@echo "making .venv with the tools: about a minute, once"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --group dev cmake ninja
	touch $@

# Editable: changes to Python need nothing, changes to the core one more `make`.
$(VENV)/.installed: $(VENV)/.tools $(CORE)
	$(NEED_COMPILER)
	@echo "compiling the core: two to three minutes, once"
	$(CACHED) $(BIN)/python -m pip install --quiet --no-build-isolation --editable ".[all]"
	touch $@

# The core by itself, without Python.
core: $(VENV)/.tools ## build and test the core without Python, at every instruction set
	$(CACHED) $(BIN)/cmake -S cpp -B build/core
	$(CACHED) $(BIN)/cmake --build build/core --parallel $(JOBS)
	$(BIN)/ctest --test-dir build/core --output-on-failure --parallel $(JOBS)

sanitize: $(VENV)/.tools ## the same under the address, undefined-behaviour and thread sanitizers
	$(BIN)/cmake -S cpp -B build/address -DMIXTURA_SANITIZE=address,undefined
	$(BIN)/cmake --build build/address --parallel $(JOBS)
	$(BIN)/ctest --test-dir build/address --output-on-failure --parallel $(JOBS)
	$(BIN)/cmake -S cpp -B build/thread -DMIXTURA_SANITIZE=thread
	$(BIN)/cmake --build build/thread --parallel $(JOBS)
	$(BIN)/ctest --test-dir build/thread --output-on-failure --parallel $(JOBS)

# What a user installs: the sdist, a wheel from it, an empty environment, and the tests there that could fail where only the
# package is: files that it must bring, optional packages, the command line, scikit-learn's contract.
PACKAGE_TESTS := browser/test_report cli/test_cli cli/test_language datasets/test_datasets docs/test_docs em/test_online export/test_round_trips \
	files/test_saving inputs/test_frames plots/test_plots promises/test_defects promises/test_sklearn_contract sources/test_sources
package: $(VENV)/.tools ## sdist, a wheel from it, an empty environment, the tests that could fail only there
	rm -rf dist build/package
	$(BIN)/python -m build --sdist --outdir dist
	mkdir -p build/unpacked
	$(CACHED) TMPDIR=$(CURDIR)/build/unpacked $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist dist/mixtura-*.tar.gz
	$(PYTHON) -m venv build/package
	build/package/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	build/package/bin/python -m pip install --quiet "$$(ls dist/mixtura-*.whl)[all]" pytest pytest-xdist hypothesis pandas polars
	mkdir -p build/package/run && cp -r tests README.md README.es.md pyproject.toml build/package/run/
	cd build/package/run && ../bin/$(PYTEST) -p no:cacheprovider $(PACKAGE_TESTS:%=tests/%.py)

# Wheels for machines without a compiler, from the sdist, into dist/wheels; each is looked at, and those of this machine are
# installed in empty environments and run. wheels-emulated runs those for Arm under qemu (apt install qemu-user), and the
# core's tests with them; neon-counts counts the instructions of E-steps there.
$(VENV)/.wheels: $(VENV)/.tools
	$(BIN)/python -m pip install --quiet --group wheels
	touch $@

wheels: $(VENV)/.wheels ## wheels for Linux, x86-64 and 64-bit Arm, from the sdist, and installs of them without a compiler
	rm -rf dist/wheels build/wheels/sdist
	$(BIN)/python -m build --sdist --outdir build/wheels/sdist
	$(BIN)/python packaging/wheels.py build/wheels/sdist/mixtura-*.tar.gz dist/wheels
	$(BIN)/python packaging/install_check.py dist/wheels

wheels-emulated: wheels ## the Arm wheels and the core under an emulator (long)
	$(BIN)/python packaging/emulated.py core
	$(BIN)/python packaging/emulated.py wheels dist/wheels

neon-counts: wheels ## instructions of the NEON kernels, counted under an emulator
	$(BIN)/python packaging/emulated.py count build/wheels/neon.json

# The site, into build/site; a link that leads nowhere is an error. docs-serve shows it at http://127.0.0.1:8000 while pages
# are written. docs-test looks at it and at reports, in Chromium where there is one (apt install chromium).
export NO_MKDOCS_2_WARNING := 1
$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

docs: $(VENV)/.docs ## build the site into build/site
	$(BIN)/mkdocs build --quiet

# The same of this version into a folder of build/versions, beside those that are there, with a selector.
docs-versions: $(VENV)/.docs ## build the site of this version beside those of others, into build/versions
	$(BIN)/python docs/site/versions.py

docs-serve: $(VENV)/.docs ## show the site at http://127.0.0.1:8000 while pages are written
	$(BIN)/mkdocs serve

docs-test: docs ## look at the built site and at reports, in Chromium where there is one; run notebooks and the gallery
	$(BIN)/$(PYTEST) -m site tests/docs tests/browser/test_report_in_chromium.py tests/plots/test_pictures_pyplot.py

clean: ## remove .venv, build and dist
	rm -rf $(VENV) build dist

# What CI runs on every change.
ci: lint core test test-oldest package docs-test ## what CI runs on every change: lint core test test-oldest package docs-test

# What is too heavy for CI: each line ends with an error where it found one. Wrong calls and damages are drawn by the date:
# `make nightly NIGHT=20270131` repeats a night.
NIGHT ?= $(shell date +%Y%m%d)
nightly: $(VENV)/.installed tidy sanitize wheels-emulated ## what is too heavy for CI: all products of cases, damages, forks, each instruction set
	# what is too large for every change: PyTorch, JAX, scikit-image
	$(BIN)/python -m pip install --quiet --group frameworks
	# calls of the core with sizes, types and values that do not fit: the last line printed is the call that crashed
	$(BIN)/python tests/em/test_core_calls.py $(NIGHT) 100000 > build/core_calls.txt || (tail -n 3 build/core_calls.txt && false)
	# damaged model files, checkpoints and files of sweeps
	$(BIN)/python benchmarks/fuzz/files.py --seed $(NIGHT) --count 20000
	# processes forked while another thread fits
	$(BIN)/python benchmarks/faults/fork.py --forks 300
	# all tests at each instruction set, with those that `make test` leaves out; of what is written for others in their own
	# programs: R (apt install r-cran-mclust r-cran-jsonlite), Octave (apt install octave octave-statistics), and Spark, where
	# Java is and MIXTURA_SPARK names a Python that has pyspark; without them those tests say why they are skipped
	for level in $$($(BIN)/python -c "from mixtura import _core; print(*_core.simd_levels())"); do \
		MIXTURA_SIMD=$$level $(BIN)/$(PYTEST) -m "not site" || exit 1; done

# Speed beside other libraries, into benchmarks/results; and the working tree beside another commit.
bench: $(VENV)/.installed ## speed beside other libraries (long)
	$(BIN)/python benchmarks/run.py

BASE ?= HEAD
bench-compare: $(VENV)/.installed ## is the working tree slower than another commit? BASE=main
	$(BIN)/python benchmarks/compare.py $(BASE)
