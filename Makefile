# `make demo` and `make test` are all the set-up there is: each makes what is missing and runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CPP := $(wildcard cpp/*/*.cpp cpp/*/*.hpp)
CORE := $(CPP) cpp/CMakeLists.txt

.PHONY: demo test test-oldest lint tidy stub catalogue core sanitize package wheels wheels-emulated neon-counts docs docs-versions docs-serve \
	docs-test ci nightly bench bench-compare clean

demo: $(VENV)/.installed
	$(BIN)/mixtura demo

# Two processes, each with whole files: nothing measures time, and most tests use one thread.
PYTEST := python -m pytest --numprocesses 2 --dist loadfile

test: $(VENV)/.installed
	$(BIN)/$(PYTEST)

# The lower bounds in pyproject.toml are true: the oldest versions that they allow, and the tests that meet those packages.
# `make test` has the newest.
OLDEST_TESTS := datasets/test_datasets files/test_saving inputs/test_frames plots/test_plots promises/test_sklearn_contract \
	rows/test_dask sources/test_sources
test-oldest: $(VENV)/.installed
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

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(CPP)
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet .github/workflows
	$(BIN)/python -m nanobind.stubgen -q -m mixtura._core -o build/_core.pyi
	diff build/_core.pyi src/mixtura/_core.pyi || (echo "the core's interface changed: make stub" && false)
	$(BIN)/mypy

# What is likely a bug in the core (.clang-tidy); the kernels once, they are one source for all instruction sets.
tidy: $(VENV)/.tools
	$(BIN)/cmake -S cpp -B build/tidy -DMIXTURA_TESTS=OFF -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
	$(BIN)/clang-tidy --quiet -p build/tidy $(foreach room,support model e_step m_step em optimum fitting,$(wildcard cpp/$(room)/*.cpp))
	$(BIN)/clang-tidy --quiet cpp/simd/kernels.cpp -- -std=c++17 -Icpp -DMIXTURA_KERNELS=kernels_baseline

# The types of the native module, for editors and mypy.
stub: $(VENV)/.installed
	$(BIN)/python -m nanobind.stubgen -q -m mixtura._core -o src/mixtura/_core.pyi

# Texts of the shell that are new come into src/mixtura/locale/*/LC_MESSAGES/mixtura.po, which are then compiled.
catalogue: $(VENV)/.installed
	$(BIN)/python -m mixtura.testing.catalogue

# Said before pip runs, and not among what CMake says.
NEED_COMPILER := @command -v "$${CXX:-c++}" > /dev/null || command -v g++ > /dev/null || command -v clang++ > /dev/null || \
	{ echo "mixtura needs a C++ compiler to be built, and there is none here: install g++ and make (apt install g++ make," \
	"or dnf install gcc-c++ make), or name the compiler in the environment variable CXX." >&2; exit 1; }

$(VENV)/.tools: pyproject.toml
	$(NEED_COMPILER)
	$(PYTHON) -c 'import sys; sys.exit("mixtura needs Python 3.11 or newer: make PYTHON=python3.11 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --group dev cmake ninja
	touch $@

# Editable: changes to Python need nothing, changes to the core one more `make`.
$(VENV)/.installed: $(VENV)/.tools $(CORE)
	$(NEED_COMPILER)
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable ".[all]"
	touch $@

# The core by itself, without Python.
core: $(VENV)/.tools
	$(BIN)/cmake -S cpp -B build/core
	$(BIN)/cmake --build build/core --parallel
	$(BIN)/ctest --test-dir build/core --output-on-failure

sanitize: $(VENV)/.tools
	$(BIN)/cmake -S cpp -B build/address -DMIXTURA_SANITIZE=address,undefined
	$(BIN)/cmake --build build/address --parallel
	$(BIN)/ctest --test-dir build/address --output-on-failure
	$(BIN)/cmake -S cpp -B build/thread -DMIXTURA_SANITIZE=thread
	$(BIN)/cmake --build build/thread --parallel
	$(BIN)/ctest --test-dir build/thread --output-on-failure

# What a user installs: the sdist, a wheel from it, an empty environment, and the tests there that could fail where only the
# package is: files that it must bring, optional packages, the command line, scikit-learn's contract.
PACKAGE_TESTS := browser/test_report cli/test_cli cli/test_language datasets/test_datasets docs/test_docs em/test_online \
	files/test_saving inputs/test_frames plots/test_plots promises/test_defects promises/test_sklearn_contract sources/test_sources
package: $(VENV)/.tools
	rm -rf dist build/package
	$(BIN)/python -m build --sdist --outdir dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist dist/mixtura-*.tar.gz
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

wheels: $(VENV)/.wheels
	rm -rf dist/wheels build/wheels/sdist
	$(BIN)/python -m build --sdist --outdir build/wheels/sdist
	$(BIN)/python packaging/wheels.py build/wheels/sdist/mixtura-*.tar.gz dist/wheels
	$(BIN)/python packaging/install_check.py dist/wheels

wheels-emulated: wheels
	$(BIN)/python packaging/emulated.py core
	$(BIN)/python packaging/emulated.py wheels dist/wheels

neon-counts: wheels
	$(BIN)/python packaging/emulated.py count build/wheels/neon.json

# The site, into build/site; a link that leads nowhere is an error. docs-serve shows it at http://127.0.0.1:8000 while pages
# are written. docs-test looks at it and at reports, in Chromium where there is one (apt install chromium).
export NO_MKDOCS_2_WARNING := 1
$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --quiet

# The same of this version into a folder of build/versions, beside those that are there, with a selector.
docs-versions: $(VENV)/.docs
	$(BIN)/python docs/site/versions.py

docs-serve: $(VENV)/.docs
	$(BIN)/mkdocs serve

docs-test: docs
	$(BIN)/python -m pytest -m site tests/docs/test_site.py tests/browser/test_report_in_chromium.py

clean:
	rm -rf $(VENV) build dist

# What CI runs on every change.
ci: lint core test package docs-test

# What is too heavy for CI: each line ends with an error where it found one. Wrong calls and damages are drawn by the date:
# `make nightly NIGHT=20270131` repeats a night.
NIGHT ?= $(shell date +%Y%m%d)
nightly: $(VENV)/.installed tidy sanitize wheels-emulated
	# calls of the core with sizes, types and values that do not fit: the last line printed is the call that crashed
	$(BIN)/python tests/em/test_core_calls.py $(NIGHT) 100000 > build/core_calls.txt || (tail -n 3 build/core_calls.txt && false)
	# damaged model files, checkpoints and files of sweeps
	$(BIN)/python benchmarks/fuzz/files.py --seed $(NIGHT) --count 20000
	# processes forked while another thread fits
	$(BIN)/python benchmarks/faults/fork.py --forks 300
	# all tests at each instruction set, with those that `make test` leaves out
	for level in $$($(BIN)/python -c "from mixtura import _core; print(*_core.simd_levels())"); do \
		MIXTURA_SIMD=$$level $(BIN)/$(PYTEST) -m "not site" || exit 1; done

# Speed beside other libraries, into benchmarks/results; and the working tree beside another commit.
bench: $(VENV)/.installed
	$(BIN)/python benchmarks/run.py

BASE ?= HEAD
bench-compare: $(VENV)/.installed
	$(BIN)/python benchmarks/compare.py $(BASE)
