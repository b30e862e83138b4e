# looseroute's targets. `make run` starts the proxy, `make test` runs every test, `make check` is
# what has to pass before a push; `make help` lists the rest.

PORT    ?= 5060
DATA    ?= ./var
# What `make run` builds in: `sim` is optimised with the debug assertions on and shares its files
# with the tests; PROFILE=release takes longer to build and is what production runs.
PROFILE ?= sim
NEED    ?=
T       ?=
SECONDS ?= 60
ARGS    ?=

.PHONY: help setup run test check bench bench-instr bench-parsers compare fuzz soak fmt header clean

help:
	@echo 'make run        the proxy example on 127.0.0.1:$(PORT), UDP and TCP (PORT=, DATA=, PROFILE=)'
	@echo 'make test       every test'
	@echo 'make check      format, lints, house rules, docs, tests, a little fuzzing'
	@echo 'make bench      criterion, then CPU per transaction beside kamailio and the kernel (ARGS=)'
	@echo 'make bench-instr  what the parser costs in instructions, against its marks'
	@echo 'make bench-parsers  the parser and others on the same messages, ns and ratio'
	@echo 'make fuzz T=60  every fuzz target, in so many seconds altogether; T=name one for SECONDS=60'
	@echo 'make soak       a million simulated calls'
	@echo 'make setup      installs what the others need (NEED="kamailio sipp" for some only)'
	@echo 'make header     include/looseroute.h from ffi/'

setup:
	@scripts/setup.sh $(NEED)

run:
	@scripts/setup.sh cc
	cargo run --profile $(PROFILE) -q -p looseroute-examples --bin proxy -- \
		--listen 127.0.0.1:$(PORT) --data $(DATA) $(ARGS)

test:
	@scripts/setup.sh --soft
	scripts/test.sh

check:
	@scripts/setup.sh --soft
	scripts/check.sh

bench:
	@scripts/setup.sh cc kamailio
	cargo bench -p looseroute-benches
	$(MAKE) compare

compare:
	@scripts/setup.sh cc kamailio
	cargo build --release -p looseroute-benches --bins
	target/release/compare $(ARGS)

bench-instr:
	@scripts/setup.sh cc valgrind
	cargo build --release -q -p looseroute-parser-bench
	target/release/parser-instr

bench-parsers:
	@scripts/setup.sh cc pkg-config
	cargo run --release -q --manifest-path benches/side-by-side/Cargo.toml

# T is a number of seconds for all targets, or the name of one.
fuzz:
	@scripts/setup.sh cc c++
	fuzz/run.sh $(if $(filter-out 0 1 2 3 4 5 6 7 8 9,$(shell echo '$(T)' | fold -w1)),$(SECONDS) $(T),$(or $(T),$(SECONDS)))

soak:
	@scripts/setup.sh cc
	cargo test --profile sim -p looseroute --test soak -- --include-ignored --nocapture

fmt:
	cargo fmt --all

header:
	cargo xtask header

clean:
	cargo clean
	rm -rf fuzz/target
