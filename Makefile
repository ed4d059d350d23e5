# Every target of Sentio; `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(CURDIR)/build:$(PATH)
export OMP_WAIT_POLICY := passive
CMAKE_FLAGS = -S sentio_native -G Ninja -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python
CPP_SOURCES = $(shell git ls-files --cached --others --exclude-standard '*.cpp' '*.hpp')
# Signatures are checked by the system's OpenSSL; where its headers are missing, the build says that it cannot.
HAS_OPENSSL = $(if $(wildcard /usr/include/openssl/evp.h /usr/local/include/openssl/evp.h),ON,OFF)

.DEFAULT_GOAL := help
.NOTPARALLEL:  # what is tested is built before; the builds themselves are parallel
.PHONY: help setup native runtime demo test test-python test-cpp check lint types fresh generate format digests \
	digests-quick sanitized sanitize sanitize-threads fuzz shared bench bench-backends \
	bench-decisions drift clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.setup ## .venv with everything from the lock file and the package editable; compiles nothing

.venv/.setup: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--config-settings=wheel.cmake=false --editable .
	touch $@

native: setup ## build and install the extension (the same as: sentio native build)
	sentio native build

runtime: setup ## build build/sentio_cli and the C++ library against the LibTorch in .venv
	cmake -B build $(CMAKE_FLAGS) -DSENTIO_RUNTIME=ON -DSENTIO_TESTS=ON -DSENTIO_OPENSSL=$(HAS_OPENSSL)
	cmake --build build

demo: native runtime ## the whole path from a bare clone, on simulated bars
	sentio data synth QQQ --interval 1m --days 120 --seed 7
	sentio features build QQQ --spec tfa --interval 1m
	sentio train tfa --symbol QQQ --interval 1m
	sentio export --verify
	build/sentio_cli tpa_test QQQ --strategy tfa --days 5

test: native runtime test-cpp test-python ## everything the tests need, then the C++ and the Python tests

test-cpp: ## the C++ tests, of what is built
	ctest --test-dir build --output-on-failure --parallel 2

test-python: ## the Python tests, of what is built
	python -m pytest -n 2

check: native lint types fresh test ## the gate's first step: lint, types, generated files, tests

lint: setup ## ruff and clang-format
	ruff check .
	ruff format --check .
	clang-format --dry-run --Werror $(CPP_SOURCES)

types: setup ## mypy, strict for the package
	mypy

fresh: native ## generated files are those that the code would generate
	python docs/generate.py --check

generate: native ## write the generated reference pages, schemas and stubs
	python docs/generate.py

format: setup ## format Python and C++
	ruff check --fix .
	ruff format .
	clang-format -i $(CPP_SOURCES)

digests: setup ## one digest for all builds: compilers, levels, instruction sets, aarch64; writes the page
	python sentio_native/tests/digest_matrix.py

digests-quick: runtime ## the digests of what is built here, by another compiler and for another processor against the page
	python sentio_native/tests/digest_matrix.py --program build/tests/sentio_digest
	python sentio_native/tests/digest_matrix.py clang-O2 aarch64-O3

# By clang, whose sanitizers also carry libFuzzer; another version of it by CLANG=clang-18. Without -O1 sanitized
# programs are slow, and without -g1 their reports name no lines.
CLANG ?= clang-16
CLANGXX = $(subst clang,clang++,$(CLANG))
SANITIZED = $(CMAKE_FLAGS) -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS='-O1 -g1' -DSENTIO_UNITY=ON -DSENTIO_TESTS=ON \
	-DSENTIO_RUNTIME=ON -DSENTIO_TORCH=OFF

sanitized: setup
	@command -v $(CLANGXX) >/dev/null || { echo "needs $(CLANGXX): apt-get install clang-16 libclang-rt-16-dev, or name another by CLANG=" >&2; exit 6; }
	cmake -B build/sanitize $(SANITIZED) -DCMAKE_C_COMPILER=$(CLANG) -DCMAKE_CXX_COMPILER=$(CLANGXX) -DSENTIO_FUZZ=ON

sanitize: sanitized ## the C++ tests, and the fuzzers' corpus, but for LibTorch, under AddressSanitizer and UndefinedBehaviorSanitizer
	cmake --build build/sanitize
	ctest --test-dir build/sanitize --output-on-failure --parallel 2
	python sentio_native/tests/digest_matrix.py --program build/sanitize/tests/sentio_digest

# Of each of the 8 readers; 2 million in all.
FUZZ_RUNS ?= 250000
FUZZ_SEED ?= 1

fuzz: sanitized ## hostile bytes for each reader by libFuzzer, FUZZ_RUNS times, from its seeds and its corpus
	cmake --build build/sanitize --target fuzzers
	python sentio_native/fuzz/run.py build/sanitize/fuzz --runs $(FUZZ_RUNS) --seed $(FUZZ_SEED)

sanitize-threads: setup ## eight sessions in threads under ThreadSanitizer
	cmake -B build/sanitize-threads $(SANITIZED) -DSENTIO_SANITIZE=thread
	cmake --build build/sanitize-threads --target thread_tests
	ctest --test-dir build/sanitize-threads --output-on-failure -R '^threads$$'

shared: native ## the libraries as shared ones in build/shared, but for LibTorch; what they export, and who uses them
	cmake -B build/shared $(CMAKE_FLAGS) -DBUILD_SHARED_LIBS=ON -DSENTIO_UNITY=ON -DSENTIO_RUNTIME=ON \
		-DSENTIO_TORCH=OFF -DSENTIO_OPENSSL=$(HAS_OPENSSL)
	cmake --build build/shared
	python -m pytest tests/test_library_symbols.py tests/test_examples_cpp.py -k shared

bench: native .venv/.bench ## the engine's cost beside its peers, in one run; then its page and plots
	cmake -B build/bench $(CMAKE_FLAGS) -DSENTIO_BENCH=ON -DCMAKE_BUILD_TYPE=Release
	cmake --build build/bench --target sentio_bench
	python -m benchmarks --out build/bench/result.json
	python -m benchmarks.report build/bench/result.json

bench-backends: native runtime ## each backend at batch 1, over the eager module in Python
	cmake -B build $(CMAKE_FLAGS) -DSENTIO_BENCH=ON
	cmake --build build --target sentio_backend_bench
	python -m benchmarks.backends --program build/bench/sentio_backend_bench

bench-decisions: native runtime ## from bar to decision, each backend in C++ over the same path in Python; half an hour
	cmake -B build $(CMAKE_FLAGS) -DSENTIO_BENCH=ON
	cmake --build build --target sentio_decision_bench
	python -m benchmarks.decisions --program build/bench/sentio_decision_bench

.venv/.bench: benchmarks/requirements.lock .venv/.setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/requirements.lock
	touch $@

drift: setup ## 100 million streamed bars against long double recomputation; some minutes
	cmake -B build $(CMAKE_FLAGS) -DSENTIO_TESTS=ON
	cmake --build build --target sentio_drift
	build/tests/sentio_drift

clean: ## remove what was built; data/, artifacts/ and .venv stay
	rm -rf build dist
