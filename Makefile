# The same flags everywhere, so that every build finds the others' packages in
# the build cache. VCS stamping fails in a checkout that belongs to someone else.
export GOFLAGS := -buildvcs=false

TOOLS    := .cache/bin
CONFIG   ?= chancery.yaml
FUZZTIME ?= 20s

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Build and start the demo on this machine
	./bin/chancery serve --demo

.PHONY: cluster
cluster: build ## Start every service in processes of its own; needs PostgreSQL
	go build -o bin/cluster ./e2e/cluster/start
	./bin/cluster up

.PHONY: cluster-stop
cluster-stop: ## Stop what make cluster started
	go build -o bin/cluster ./e2e/cluster/start
	./bin/cluster stop

.PHONY: build
build: ## Build bin/chancery
	go build -o bin/chancery ./cmd/chancery

.PHONY: test
test: ## Run every test with the race detector, installing what is missing
	@.ci/ensure
	@.ci/test

.PHONY: test-short
test-short: ## Run the tests that need neither PostgreSQL nor a browser
	go test -short $$(go list ./... | grep -v /e2e)

.PHONY: lint
lint: lint-go proto-check vuln spec ## Check format, code, contracts, known vulnerabilities, citations

.PHONY: lint-go
lint-go: $(TOOLS)/golangci-lint
	$< fmt --diff
	go vet ./...
	$< run ./...

.PHONY: vuln
vuln: $(TOOLS)/govulncheck
	@.ci/vuln $<

.PHONY: fmt
fmt: $(TOOLS)/golangci-lint $(TOOLS)/buf ## Format Go and proto
	$(TOOLS)/golangci-lint fmt
	$(TOOLS)/buf format -w

.PHONY: proto
proto: $(TOOLS)/buf $(TOOLS)/protos ## Generate Go from proto
	.ci/proto generate .

.PHONY: proto-check
proto-check: $(TOOLS)/buf $(TOOLS)/protos ## Lint proto, compare with the last release and the generated Go
	.ci/proto check

.PHONY: bench
bench: ## Measure introspection against a bare echo, the flows on Postgres, and the parts
	@.ci/ensure
	go test -run '^$$' -bench . -benchtime 5000x ./e2e
	go test -run '^$$' -bench . -benchmem ./pkg/... ./services/...

.PHONY: size
size: ## Measure at size: millions of rows, floods, a full memory; about 20 minutes
	@.ci/ensure
	go test -tags size -count 1 -v -timeout 40m ./e2e/size
	go test -tags size -count 1 -v -timeout 40m -run Size ./cmd/chancery/internal/process
	go test -tags size -count 1 -v -timeout 40m -run Size ./services/token
	go test -count 1 -v -timeout 40m -run 'TestCluster/N324' ./e2e

.PHONY: migrate
migrate: build ## Apply the migrations to the database of CONFIG
	./bin/chancery migrate up --config $(CONFIG)

.PHONY: spec
spec: ## Print which line implements which section of which specification
	@go test -C pkg/arch -count 1 -run '^TestCitations$$' -spec

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME
	@.ci/fuzz $(FUZZTIME)

.PHONY: tools
tools: $(addprefix $(TOOLS)/,buf golangci-lint govulncheck protos) ## Build the tools into .cache/bin

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin .cache

# Each tool is a module of its own, so that its dependencies do not raise the
# versions of the product. go build leaves an unchanged binary alone, hence touch.
define tool
$(TOOLS)/$(1): .ci/tools/$(2)/go.mod $(wildcard .ci/tools/$(2)/*.go)
	go build -C .ci/tools/$(2) -o $(CURDIR)/$$@ $(3)
	@touch $$@
endef
$(eval $(call tool,buf,buf,github.com/bufbuild/buf/cmd/buf))
$(eval $(call tool,golangci-lint,golangci,github.com/golangci/golangci-lint/v2/cmd/golangci-lint))
$(eval $(call tool,govulncheck,vuln,golang.org/x/vuln/cmd/govulncheck))
$(eval $(call tool,protos,protos,.))
