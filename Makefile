# Everything people call; what it does stands in crates/xtask. `make` alone lists the targets.

XTASK := cargo --quiet xtask
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
TESTS := --workspace --exclude bench --all-targets
ifneq ($(shell command -v cargo-nextest),)
TESTER := cargo nextest run --no-fail-fast
else
TESTER := cargo test --no-fail-fast
endif
# The web app needs Node; everything else works without, and says what was left out.
NODE := $(shell command -v npm)
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

.PHONY: help setup test-setup run demo build test web-test soak lint web-lint bench fuzz

help:
	@echo 'make run     build, serve, run a first errand, keep serving'
	@echo 'make demo    the same first errand, then end'
	@echo 'make build   errand and its small programs, in $(RELEASE)'
	@echo 'make test    all tests; ERRAND_TEST_COUNTS=full for long ones'
	@echo 'make soak    all tests at their full counts'
	@echo 'make lint    everything that is checked without running it'
	@echo 'make fuzz    search for bytes that break the gateway; FUZZ_SECONDS=600 for each target'
	@echo 'make bench   measure; figures also go to target/bench.json'

# Rust links with a C compiler; sandboxes of this quick start use what this machine has in /usr.
setup:
	@missing=; for tool in cc git python3; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -n "$$missing" ]; then \
	  packages='gcc libc6-dev git python3'; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Missing:$$missing. Installing $$packages."; \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$packages; \
	  else echo "Missing:$$missing. Install them; on Debian and Ubuntu: sudo apt-get install $$packages"; exit 1; fi; \
	fi
	@command -v cargo >/dev/null || { echo 'Missing: Rust. Install it from https://rustup.rs'; exit 1; }

# What tests drive besides: a browser, and the programs people use with a sandbox. Without them the
# tests that need them say that they were skipped.
test-setup: setup
	@missing=; for tool in tmux ssh rsync c++ git-lfs; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -z '$(CHROMIUM)' ]; then missing="$$missing chromium"; fi; \
	if [ -n "$$missing" ]; then \
	  packages="$$(echo $$missing | sed 's/\bssh\b/openssh-client/; s/c++/g++/')"; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Missing for tests:$$missing. Installing $$packages."; \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$packages \
	      || echo "Not all could be installed: some tests will be skipped."; \
	  else echo "Missing for tests:$$missing; some will be skipped. On Debian: sudo apt-get install $$packages"; fi; \
	fi

run: setup
	@$(XTASK) run

demo: setup
	@$(XTASK) demo

build: setup
	$(XTASK) dist

# End-to-end tests run the release binary, all others are built for testing.
test: test-setup
	$(XTASK) dist
	cargo build --quiet -p guest --bins
	cargo build --quiet -p sandbox --examples
	ERRAND_BIN=$(abspath $(RELEASE))/errand $(TESTER) $(TESTS)
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=$(if $(filter full,$(ERRAND_TEST_COUNTS)),600,4)
	@$(MAKE) --no-print-directory web-test

# Pages are tested in a real browser against the release binary and the app inside it.
web-test:
ifeq ($(NODE),)
	@echo 'skipped: Node is not installed, so the web app was not tested'
else
	@$(MAKE) --no-print-directory web/node_modules/.package-lock.json
	cd web && npm run --silent test
ifeq ($(CHROMIUM),)
	@echo 'skipped: Chromium is not installed, so no page was tested in a browser'
else
	cd web && ERRAND_BIN=$(abspath $(RELEASE))/errand CHROMIUM=$(CHROMIUM) npm run --silent e2e
endif
endif

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

soak:
	ERRAND_TEST_COUNTS=full $(MAKE) test

lint: setup
	$(XTASK) tidy
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --quiet --workspace --no-deps --document-private-items
	$(XTASK) codegen --check
	@if command -v cargo-deny >/dev/null; then cargo deny --log-level error check; \
	else echo 'skipped: cargo deny is not installed, so licences and advisories were not checked'; fi
	@$(MAKE) --no-print-directory web-lint

web-lint:
ifeq ($(NODE),)
	@echo 'skipped: Node is not installed, so the web app was not checked'
else
	@$(MAKE) --no-print-directory web/node_modules/.package-lock.json
	cd web && npm run --silent check
endif

bench: setup
	$(XTASK) dist
	cargo run --release --package bench

fuzz: setup
ifeq ($(shell command -v c++),)
	@echo 'skipped: there is no C++ compiler, so no bytes were searched for that break the gateway'
else
	$(XTASK) fuzz $(or $(FUZZ_SECONDS),60)
endif
