# `make` lists what there is.

CARGO ?= cargo
# Extra arguments for `likely reproduce` or `likely train`, e.g. `make reproduce ARGS="--threads 1"`.
ARGS ?=

LIKELY_RELEASE = $(or $(CARGO_TARGET_DIR),target)/release/likely
LIKELY_DEBUG = $(or $(CARGO_TARGET_DIR),target)/debug/likely

.DEFAULT_GOAL := help
.PHONY: help setup reproduce train test bench check fmt report smoke generate

help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Says what is missing on this machine, then fetches the dependencies.
	@scripts/setup.sh

reproduce: ## Runs every experiment at the laptop tier and writes results/report.html.
	$(CARGO) build --release --locked --package likely
	$(LIKELY_RELEASE) reproduce --tier laptop $(ARGS)

train: ## Trains every model of experiments/models that is not up to date; with ARGS=--again all of them.
	$(CARGO) build --release --locked --package likely
	$(LIKELY_RELEASE) train $(ARGS)

test: ## Runs all tests.
	$(CARGO) test --workspace --locked

smoke: ## Runs every experiment at the smoke tier and compares its numbers with the pinned ones.
	$(CARGO) build --locked --package likely
	$(LIKELY_DEBUG) reproduce --tier smoke --require-pinned $(ARGS)

bench: ## Runs the benchmarks.
	$(CARGO) bench --workspace --locked --bench '*'

report: ## Draws the page again from the runs that are there.
	$(CARGO) build --release --locked --package likely
	$(LIKELY_RELEASE) report

check: ## Format, lints, documentation, words and generated text, as CI sees them.
	$(CARGO) fmt --all --check
	scripts/check_words.sh
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	scripts/check_cuda.sh
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked
	$(CARGO) build --locked --package likely
	PATH="$(abspath $(dir $(LIKELY_DEBUG))):$$PATH" scripts/generated_text.sh --check

generate: ## Writes the generated parts of the documents again.
	$(CARGO) build --locked --package likely
	PATH="$(abspath $(dir $(LIKELY_DEBUG))):$$PATH" scripts/generated_text.sh

fmt: ## Formats the code.
	$(CARGO) fmt --all
