# PersAI. `make demo` shows it, `make test` runs everything that CI runs, `make check` is the quick loop,
# `make bench` writes bench/results.json. Each does its own set-up; scripts/setup says what is missing.

export CARGO_TERM_PROGRESS_WHEN := never
export CARGO_INCREMENTAL := 0
export PATH := $(CURDIR)/.tools/bin:$(PATH)

DEMO_PORT ?= 8090
STEP := scripts/step

.PHONY: demo test check bench fmt setup build native wasm plugin page clean-demo \
        lint test-rust test-wasm test-shim test-parity test-conformance test-e2e

demo: build
	exec target/debug/persai-playground demo --port $(DEMO_PORT)

test: setup
	@$(STEP) reset
	@$(STEP) run "format"            cargo fmt --all --check
	@$(STEP) run "build, native"     $(MAKE) --no-print-directory native
	@$(STEP) run "rust tests"        $(MAKE) --no-print-directory test-rust
	@$(STEP) run "lints"             $(MAKE) --no-print-directory lint
	@$(STEP) run "build, plugin"     $(MAKE) --no-print-directory plugin
	@$(STEP) run "build, host page"  $(MAKE) --no-print-directory page
	@$(STEP) run "shim tests"        $(MAKE) --no-print-directory test-shim
	@$(STEP) run "browser tests"     $(MAKE) --no-print-directory test-wasm
	@$(STEP) run "parity"            $(MAKE) --no-print-directory test-parity
	@$(STEP) run "conformance"       $(MAKE) --no-print-directory test-conformance
	@$(STEP) run "end to end"        $(MAKE) --no-print-directory test-e2e
	@$(STEP) report

check: setup
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features plugin-wasm/ts -- -D warnings
	cd js-shim && npm run --silent typecheck && npm run --silent lint
	cargo test --workspace --lib

bench: build
	node bench/run.mjs

fmt:
	cargo fmt --all

setup:
	@scripts/setup

build: setup native plugin page

native:
	cargo build --workspace --features plugin-wasm/ts

# The plugin archive: wasm, then the federation build around it, laid out as `percli plugin build` does.
plugin:
	cd js-shim && npm run --silent build:wasm && npm run --silent build && npm run --silent archive

page:
	cd playground/ui && npm run --silent build

lint:
	cargo clippy --workspace --all-targets --features plugin-wasm/ts -- -D warnings
	cd js-shim && npm run --silent typecheck && npm run --silent lint

test-rust:
	cargo test --workspace --features plugin-wasm/ts

test-shim:
	cd js-shim && npm test --silent

# wasm-bindgen's runner through cargo; `wasm-pack test --headless --chrome` in plugin-wasm does the same.
test-wasm:
	CHROMEDRIVER=$${CHROMEDRIVER:-/usr/bin/chromedriver} \
	CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner \
	timeout 600 cargo test --target wasm32-unknown-unknown -p plugin-wasm --test web

test-parity:
	node tests/parity/run.mjs

test-conformance:
	node tests/conformance/run.mjs

test-e2e:
	timeout 900 node tests/e2e/run.mjs
