# Everything people call; what it does stands in crates/xtask. `make` alone lists the targets.

XTASK := cargo --quiet xtask
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
TESTS := --workspace --exclude bench --all-targets
ifneq ($(shell command -v cargo-nextest),)
TESTER := cargo nextest run --no-fail-fast
else
TESTER := cargo test --no-fail-fast
endif

.PHONY: help setup run demo build test soak lint bench

help:
	@echo 'make run     build, serve, run a first errand, keep serving'
	@echo 'make demo    the same first errand, then end'
	@echo 'make build   errand and its small programs, in $(RELEASE)'
	@echo 'make test    all tests; ERRAND_TEST_COUNTS=full for long ones'
	@echo 'make soak    all tests at their full counts'
	@echo 'make lint    everything that is checked without running it'
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

run: setup
	@$(XTASK) run

demo: setup
	@$(XTASK) demo

build: setup
	$(XTASK) dist

# End-to-end tests run the release binary, all others are built for testing.
test: setup
	$(XTASK) dist
	cargo build --quiet -p guest --bins
	cargo build --quiet -p sandbox --examples
	ERRAND_BIN=$(abspath $(RELEASE))/errand $(TESTER) $(TESTS)

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

bench: setup
	$(XTASK) dist
	cargo run --release --package bench
