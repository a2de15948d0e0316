# The commands of this project. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.DEFAULT_GOAL := help

# Relative paths of CARGO_TARGET_DIR count from here, as they do for cargo.
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
JOURNEYS ?= 20
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?= bundle config decode_frame feed modbus paper_code payload picture record ride_code scanner tariff turnstile upload voucher y4m
STEP := scripts/step
START := $(shell date +%s)

.PHONY: help
help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

# With STAY=1 somebody may want to ride along, with the wallet in a browser.
.PHONY: demo
demo: $(if $(STAY),wallet) ## run the whole way: server, two gates, two barriers, riders (JOURNEYS=20 PAY_CODES=5 STAY=1 DATABASE=postgres ARGS=…)
	@scripts/setup demo$(if $(filter postgres,$(DATABASE)),-postgres)
	@[ -x '$(TARGET_DIR)/debug/fare-sim' ] || echo 'compiling; the first time takes some minutes'
	@$(STEP) build cargo build -q --locked -p faregate -p fare-server -p fare-sim
	@'$(TARGET_DIR)/debug/fare-sim' demo --journeys '$(JOURNEYS)' $(if $(STAY),--stay --wallet wallet/dist) \
	  $(if $(PAY_CODES),--pay-codes '$(PAY_CODES)') $(if $(filter postgres,$(DATABASE)),--postgres) $(ARGS)

.PHONY: test
test: setup-test fmt units wallet wallet-check clippy clippy-camera doc deny build-tests nextest doctest ## check and test everything, as CI does
	@echo "all passed in $$(( $$(date +%s) - $(START) )) s"

.PHONY: setup-test
setup-test:
	@scripts/setup test

.PHONY: fmt
fmt: ## check formatting
	@$(STEP) fmt cargo fmt --all --check -- --color never

.PHONY: clippy
clippy: ## lint, warnings are errors
	@$(STEP) clippy cargo clippy -q --locked --workspace --all-targets -- -D warnings

.PHONY: clippy-camera
clippy-camera: ## lint with the feature `camera`
	@$(STEP) clippy-camera cargo clippy -q --locked --workspace --all-targets --features camera -- -D warnings

.PHONY: doc
doc: ## build the documentation, warnings are errors
	@RUSTDOCFLAGS='-D warnings' $(STEP) doc cargo doc -q --locked --no-deps --workspace

.PHONY: deny
deny: ## check bans, licences and sources of dependencies
	@$(STEP) deny cargo deny --locked --log-level warn check bans licenses sources

.PHONY: audit
audit: ## check dependencies for known vulnerabilities (fetches the advisory database; not part of `test`)
	@$(STEP) audit cargo deny --locked --log-level warn check advisories

.PHONY: guest
guest: ## run the daemon on real GPIO and keyboard drivers, in a small virtual machine (as root, on Debian)
	@scripts/guest/devices

.PHONY: acceptance
acceptance: ## install the gate's package in a bare Debian in a virtual machine, and try it until the power goes (as root)
	@scripts/setup demo
	@$(STEP) build cargo build -q --locked --workspace --bins --tests
	@scripts/guest/acceptance "$$(scripts/package amd64)"

.PHONY: setup-wallet
setup-wallet:
	@scripts/setup wallet

.PHONY: wallet
wallet: setup-wallet wallet/dist/index.html ## build the wallet into wallet/dist, for `fareserver` to serve

WALLET_SOURCES := $(shell find wallet/src wallet/public -type f) $(wildcard wallet/*.json wallet/*.ts wallet/*.html)

wallet/dist/index.html: wallet/node_modules/.package-lock.json $(WALLET_SOURCES)
	@$(STEP) -l wallet npm --prefix wallet run --silent build

wallet/node_modules/.package-lock.json: wallet/package-lock.json
	@$(STEP) 'wallet packages' npm --prefix wallet ci --no-audit --no-fund --ignore-scripts

.PHONY: wallet-check
wallet-check: wallet ## check the wallet's types and run its unit tests
	@$(STEP) 'wallet types' npm --prefix wallet run --silent check
	@$(STEP) 'wallet tests' npm --prefix wallet run --silent test

# The programs too: whole-system tests start them.
.PHONY: build-tests
build-tests:
	@$(STEP) build-tests cargo build -q --locked --workspace --bins --tests

.PHONY: nextest
nextest: build-tests wallet ## run the unit and whole-system tests
	@$(STEP) -l nextest cargo nextest run --locked --workspace --config-file scripts/nextest.toml --no-fail-fast --cargo-quiet \
	  --status-level retry --final-status-level flaky --show-progress none

.PHONY: doctest
doctest: ## run the examples in the documentation
	@$(STEP) doctest cargo test -q --locked --doc --workspace

ARM ?= aarch64

# Not `gate`, which is optimised as a whole and takes a quarter of an hour: what is proven is that it builds and works.
# The programs beside it as `build-tests` makes them: built by fewer packages they would be built anew, with other features.
.PHONY: arm
arm: ## build the gate for ARM and run it under qemu: replay, bench, a whole journey (ARM=aarch64|armv7)
	@scripts/arm setup '$(ARM)'
	@$(STEP) 'programs beside it' cargo build -q --locked --workspace --bins --tests
	@$(STEP) 'build for $(ARM)' scripts/arm build '$(ARM)' arm
	@scripts/arm try '$(ARM)' "$$(scripts/arm place '$(ARM)' arm)"

ARCH ?= amd64

.PHONY: package
package: ## make the gate's Debian package (ARCH=amd64|arm64|armhf)
	@scripts/package '$(ARCH)'

.PHONY: units
units: ## check what systemd is to read: unit, users, folders, device rules
	@$(STEP) units scripts/check-units

GATES ?= 2000
BACKLOG ?= 120

.PHONY: storm
storm: ## 2000 gates come back in one minute against one server (GATES=2000 BACKLOG=120 riders each)
	@$(STEP) 'release build' cargo build -q --locked --release -p fare-server -p fare-sim
	@'$(TARGET_DIR)/release/fare-sim' storm --gates '$(GATES)' --backlog '$(BACKLOG)'

CYCLES ?= 200
SEED ?= 1

.PHONY: plug
plug: ## pull the plug of a real gate while riders tap, and compare (CYCLES=200 SEED=1)
	@scripts/setup demo
	@$(STEP) build cargo build -q --locked -p faregate -p fare-server -p fare-sim
	@'$(TARGET_DIR)/debug/fare-sim' plug --cycles '$(CYCLES)' --seed '$(SEED)'

IMAGES ?= 5000

.PHONY: cuts
cuts: ## power cuts that lose what was not synced, at any call of a recorded journal (IMAGES=5000 SEED=1)
	@scripts/setup test
	@$(STEP) build cargo build -q --locked -p fare-sim
	@'$(TARGET_DIR)/debug/fare-sim' cuts --images '$(IMAGES)' --seed '$(SEED)'

# The second run has its journal in memory, where a sync costs nothing: what is left is our own.
.PHONY: bench
bench: ## measure what a tap costs with the gate's release build, over rendered frames
	@scripts/setup demo
	@$(STEP) 'release build' cargo build -q --locked --release -p faregate
	@$(STEP) 'fare-sim' cargo build -q --locked -p fare-sim
	@$(STEP) 'render' '$(TARGET_DIR)/debug/fare-sim' frames --seed 3 --count 330 --out '$(TARGET_DIR)/bench'
	@for folder in '$(TARGET_DIR)' /dev/shm; do \
	  '$(TARGET_DIR)/release/faregate' bench tap '$(TARGET_DIR)/bench' \
	    --config '$(TARGET_DIR)/bench/gate/PGY-01.toml' --folder "$$folder"; done
	@stat -c '%n: %s bytes' '$(TARGET_DIR)/release/faregate'

.PHONY: bench-load
bench-load: ## measure the daemon from outside: memory and processor time, idle and at 40 taps a minute; start to first opening (LOAD=60 seconds each)
	@scripts/setup demo
	@$(STEP) 'release build' cargo build -q --locked --release -p faregate
	@$(STEP) 'programs beside it' cargo build -q --locked -p fare-server -p fare-sim
	@'$(TARGET_DIR)/debug/fare-sim' load --gate '$(TARGET_DIR)/release/faregate' --seconds '$(or $(LOAD),60)' $(ARGS)
	@stat -c '%n: %s bytes' '$(TARGET_DIR)/release/faregate'

.PHONY: bench-decode
bench-decode: ## compare the decoder with others over pictures (MANIFEST=FILE.csv…, by default the tests')
	@scripts/setup peers
	@$(STEP) 'release build' cargo build -q --locked --release -p faregate --features peers
	@'$(TARGET_DIR)/release/faregate' bench decode --peers $(ARGS) $(or $(MANIFEST),tests/pictures/manifest.csv)

# Not part of `test`: it takes its time and needs a nightly compiler, as cargo-fuzz does.
.PHONY: fuzz
fuzz: ## fuzz what reads bytes from outside, with a nightly compiler (FUZZ_SECONDS=600 each, FUZZ_TARGETS=…)
	@scripts/setup fuzz
	@for target in $(FUZZ_TARGETS); do mkdir -p "fuzz/corpus/$$target"; \
	  cargo +nightly fuzz run "$$target" "fuzz/corpus/$$target" "fuzz/seeds/$$target" -- \
	    -max_total_time='$(FUZZ_SECONDS)' -timeout=10 -print_final_stats=1; done

.PHONY: clippy-peers
clippy-peers: ## lint with the feature `peers` (needs C++; not part of `test`)
	@scripts/setup peers
	@$(STEP) clippy-peers cargo clippy -q --locked -p faregate --all-targets --features peers -- -D warnings

.PHONY: bench-journal
bench-journal: ## measure the journal: commits, long outboxes (ROWS=10000000), seven days without a network
	@$(STEP) 'release build' cargo build -q --locked --release -p faregate
	@'$(TARGET_DIR)/release/faregate' bench journal --rows '$(or $(ROWS),1000000)' --offline-days 7 --folder '$(TARGET_DIR)'

.PHONY: bench-drain
bench-drain: ## drain an outbox to a real server, both release builds (TAPS=50000, or DAYS=7 without a network)
	@scripts/setup demo
	@$(STEP) 'release build' cargo build -q --locked --release -p faregate -p fare-server
	@$(STEP) 'fare-sim' cargo build -q --locked -p fare-sim
	@rm -rf '$(TARGET_DIR)/bench-drain'
	@'$(TARGET_DIR)/debug/fare-sim' site --out '$(TARGET_DIR)/bench-drain'
	@'$(TARGET_DIR)/release/faregate' bench drain --config '$(TARGET_DIR)/bench-drain/PGY-01.toml' \
	  --server-config '$(TARGET_DIR)/bench-drain/server.toml' --folder '$(TARGET_DIR)/bench-drain' \
	  $(if $(DAYS),--offline-days '$(DAYS)',--taps '$(or $(TAPS),50000)')

.PHONY: bench-wallet
bench-wallet: wallet ## measure an installed wallet's start in a real browser, slowed down and without a network
	@scripts/setup test
	@$(STEP) build cargo build -q --locked --workspace --bins --tests
	@cargo bench -q --locked --profile dev --workspace --bench wallet-start

# Not beside other work: both cores are the server's, the database's and the gates'.
.PHONY: bench-ingest
bench-ingest: ## take journeys over HTTP on SQLite and PostgreSQL, beside the bare engines (INGEST=20000 journeys)
	@scripts/setup demo-postgres
	@$(STEP) 'release build' cargo build -q --locked --release -p fare-server
	@'$(TARGET_DIR)/release/fareserver' bench ingest --journeys '$(or $(INGEST),20000)' $(ARGS)

.PHONY: bench-growth
bench-growth: ## what a journey costs when many are stored already (STORED=100000,1000000)
	@scripts/setup demo-postgres
	@$(STEP) 'release build' cargo build -q --locked --release -p fare-server
	@'$(TARGET_DIR)/release/fareserver' bench growth --stored '$(or $(STORED),100000,1000000)' $(ARGS)
