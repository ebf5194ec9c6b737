# Every target that a person types has a `##` line; `make` alone lists them.

CARGO ?= cargo

.DEFAULT_GOAL := help
.PHONY: help demo test bench soak control-plane fmt fmt-check lint doc deny crds check-crds simulators check image

help: ## List these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

demo: ## Migrate three workspaces to a simulated Konnect, in a real API server, and show the outcome
	@$(CARGO) build --locked --bins --example demo
	@$(CARGO) run --locked --quiet --example demo

test: control-plane ## Run all tests (the first time builds the Kubernetes binaries: about 10 minutes)
	$(CARGO) test --locked --workspace

soak: control-plane ## Kill the operator at 100 random points of a migration and write the table in docs/reliability.md (RUNS=, SEED=)
	$(CARGO) build --locked --release --bin gateway-migration-operator
	OPERATOR=$(CURDIR)/target/release/gateway-migration-operator \
	$(CARGO) test --locked --test migration crash::soak -- --ignored --nocapture

bench: control-plane ## Measure the release build against both simulators and write docs/benchmarks.* (ARGS='--case steady-state --runs 3')
	$(CARGO) build --locked --release -p gateway-migration-operator -p simulators --bins --example bench
	target/release/examples/bench $(ARGS)

control-plane: ## Make sure that etcd, kube-apiserver, kube-controller-manager and kubectl are there
	$(CARGO) run --locked --quiet -p simulators -- cluster --build-only >/dev/null

fmt: ## Format all code
	$(CARGO) fmt --all

fmt-check: ## Fail when code is not formatted
	$(CARGO) fmt --all --check

lint: ## Run clippy on everything, warnings denied
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

doc: ## Make the documentation of the code, private items too, warnings denied
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps --document-private-items

deny: ## Check the dependencies' licences, sources and duplicates; advisories, where their database can be fetched (needs cargo-deny)
	$(CARGO) deny check -D unmatched-skip -D unnecessary-skip bans licenses sources
	@if $(CARGO) deny fetch db 2>/dev/null; then $(CARGO) deny check --hide-inclusion-graph advisories; \
	else echo 'advisories are NOT checked: https://github.com/RustSec/advisory-db cannot be fetched' >&2; fi

crds: ## Write the CustomResourceDefinitions to crds/
	$(CARGO) run --locked --quiet -- crd --dir crds

check-crds: ## Fail when crds/ is not what the code says
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(CARGO) run --locked --quiet -- crd --dir "$$folder" && \
	{ diff -ru --exclude='[Kk]ustomization*' crds "$$folder" || { echo 'crds/ is stale: run `make crds`' >&2; exit 1; }; }

simulators: ## Build the simulators' command line, target/debug/simulators
	$(CARGO) build --locked -p simulators

check: fmt-check lint doc check-crds test ## Everything that CI checks, but the dependencies and the demo

image: ## Build the container image (ARGS='--build-arg RUNTIME_IMAGE=...@sha256:...', see the Dockerfile)
	docker build --tag gateway-migration-operator:dev $(ARGS) .
