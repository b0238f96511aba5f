# Everyday commands. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help demo test bench fmt clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## build, then run the demo shop with collab-proxy in front of it
	@tests/setup/venv.sh >/dev/null
	cargo build --release
	@examples/demo/run.sh

test: ## every check and test; installs what is missing, where it may
	tests/setup/packages.sh redis-server chromium chromedriver node nginx faketime systemd-analyze systemd-socket-activate
	for kind in demo sites sites-3.2 sites-4.2 sites-newest redises; do tests/setup/venv.sh $$kind || exit; done
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cd tests/widget && node --test # node 22 no longer takes a directory as argument
	cargo test

bench: ## measure what the proxy costs
	tests/setup/packages.sh redis-server nginx wrk
	tests/setup/venv.sh
	cargo build --release
	bench/run.sh

fmt: ## format the Rust code
	cargo fmt

clean: ## remove everything built, and the demo's data
	cargo clean
	rm -rf target examples/demo/.data
