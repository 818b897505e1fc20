# make demo    sets up .venv, analyses the sample captures, says which file to open
# make test    sets up .venv and runs every check (what .ci/run runs)
# make bench   measures speed beside hashing alone and beside other programs that are there (BENCH="options" go to it)
# make wheels  fills dist/ with all that a machine without network needs (same system and Python)
# make docs    writes the generated pages under docs/
# make lock    resolves the dependencies again and writes .lock/
#
# PYTHON=... chooses the interpreter (3.11 to 3.13); without it the newest that is there is taken.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
CASE := iptvforensics-demo
JOBS ?= 2
BENCH ?= --gigabytes 1 --runs 3

# What the lab's smallest scenario needs; only root can play it.
LAB := ip unshare nginx tcpdump dnsmasq udhcpc nft conntrack ethtool srt-live-transmit curl openssl pgrep
LAB_PACKAGES := iproute2 util-linux nginx libnginx-mod-rtmp tcpdump dnsmasq-base udhcpc nftables conntrack ethtool \
	srt-tools curl openssl procps

.DEFAULT_GOAL := help
.PHONY: help demo test check-tools bench lab-score wheels docs lock clean

help:
	@sed -n '1,/^$$/s/^# //p' Makefile

demo: $(VENV)/.run
	@$(BIN)/iptvforensics demo -o $(CASE)
	@echo "next: $(BIN)/iptvforensics show $(CASE)/case sessions"

test: $(VENV)/.dev check-tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n $(JOBS) --doctest-modules --nbmake --nbmake-timeout=300 --strict-skips tests iptvforensics notebooks

check-tools:
	@(command -v tshark && command -v ffmpeg) >/dev/null || sh .ci/debian-packages tshark ffmpeg
	@test "$$(id -u)" != 0 || (for name in $(LAB); do command -v $$name || exit 1; done) >/dev/null \
		|| sh .ci/debian-packages $(LAB_PACKAGES)

bench: $(VENV)/.dev
	$(BIN)/python tests/bench/run.py $(BENCH)
	$(BIN)/python tests/bench/budget.py
	$(BIN)/python tests/bench/catalogue.py

wheels: $(VENV)/.run
	@$(BIN)/python -m pip download --quiet --require-hashes -r .lock/run.txt -d dist
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation -w dist .
	@echo "carry dist/ over, then: python3 -m venv .venv && .venv/bin/pip install --no-index --find-links dist iptvforensics"

lab-score: $(VENV)/.dev
	$(BIN)/python -m tests.lab.score --write docs/lab-score.md

docs: $(VENV)/.dev
	$(BIN)/python docs/generate.py

lock: $(VENV)/.dev
	$(BIN)/pip install --quiet 'uv>=0.8'
	$(BIN)/uv pip compile --quiet --upgrade --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
		--custom-compile-command 'make lock' --group dev pyproject.toml -o .lock/dev.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
		--custom-compile-command 'make lock' --group build --extra compress --extra http2 --extra enrich -c .lock/dev.txt pyproject.toml -o .lock/run.txt

clean:
	rm -rf $(VENV) $(CASE)

# The stamps name what is installed; they are older than a lock file that has changed.
# What tests need contains what users need, so that .dev also satisfies .run.
$(VENV)/.run: .lock/run.txt pyproject.toml | $(BIN)/python
	@test $(VENV)/.dev -nt .lock/run.txt && test $(VENV)/.dev -nt pyproject.toml || $(MAKE) --no-print-directory install-run
	@touch $@

$(VENV)/.dev: .lock/dev.txt pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) for tests (once; about a minute)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r .lock/dev.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: install-run
install-run:
	@echo "setting up $(VENV) (once; about a minute)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r .lock/run.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .

$(BIN)/python:
	@sh .ci/make-venv $(VENV) $(PYTHON)
