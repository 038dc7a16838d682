# deixis: `make run` shows it, `make test` checks it. Both do all their own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# gocv builds against OpenCV 4.6 and later with only the modules named here.
export GOFLAGS := -tags=gocv_specific_modules,gocv_videoio,gocv_highgui
export CGO_ENABLED := 1
# ONNX Runtime counts for its makers what is run, unless told not to.
export ORT_DISABLE_TELEMETRY := 1

PYTHON ?= python3
BUNDLE := assets/models/ca2m-edge
SPEECH := assets/models/speech
ORT    := bin/lib/libonnxruntime.so
AXE    := bin/axe/axe.min.js
SUDO   := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
PURE   := ./camera ./camera/hang ./camera/rosbridge ./model ./model/refs ./pipeline ./pipeline/line ./pipeline/track ./pipeline/overlay ./pipeline/event ./pipeline/listen ./pipeline/outfile ./pipeline/web ./camera/container ./camera/bitstream ./pipeline/annotate/... ./pipeline/natsconn ./pipeline/robot/... ./cmd/deixis/internal/manual ./cmd/deixis/internal/service ./cmd/deixis/internal/state
VERSION := $(shell .package/version)

# What make bundle trains with: a folder that holds refs.jsonl, more phrases in refs-entities.jsonl where there are some,
# photos/ and weights/ (see trainer/README.md).
DATA  ?= data
RUN   ?= runs/ca2m-edge
# bf16 where the processor has units for it: about twice as fast.
PRECISION ?= $(shell grep -qsE 'avx512_bf16|amx_bf16' /proc/cpuinfo && echo bf16 || echo fp32)
TRAIN  = OMP_NUM_THREADS=1 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 \
	.venv/bin/ca2m --threads 1 train --photos $(DATA)/photos/annotations.json \
	--sight $(DATA)/weights/nanodet-plus-m_416.safetensors --workers 1 --set run.precision=$(PRECISION)

HAND   = --refs $(DATA)/refs.jsonl

.NOTPARALLEL:
.PHONY: help run setup build test lint test-go test-trainer prove speech data bundle export golden ablations names clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## the webcam if there is one, else the demo clip; leaves an annotated MP4 in out/
	@mkdir -p out
	@src=$$(bin/deixis devices --json | $(PYTHON) -c 'import json, sys; print(next((d["path"] for d in json.load(sys.stdin) if d["usable"]), "assets/demo.mp4"))') && \
	echo "source $$src, phrase \"person on the left\"; page http://127.0.0.1:7420 while it runs; video out/run.mp4" && \
	bin/deixis live "$$src" --phrase "person on the left" --http 127.0.0.1:7420 --record out/run.mp4 && \
	echo "look at out/run.mp4"

setup: .venv/.opencv $(ORT) ## OpenCV, and the ONNX Runtime library into bin/lib

build: setup ## bin/deixis
	go build -ldflags "-X main.version=$(VERSION)" -o bin/deixis ./cmd/deixis

test: lint test-go test-trainer ## lint, all Go tests, the trainer's tests

lint: .venv/.opencv .venv/.trainer ## gofmt, go vet, staticcheck, ruff, mypy
	@bad=$$(gofmt -l cmd camera pipeline model); [ -z "$$bad" ] || { echo "gofmt: $$bad"; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	.venv/bin/ruff check trainer
	cd trainer && ../.venv/bin/mypy

test-go: setup .venv/.readers .venv/.ros $(AXE) ## race detector where there is no native code, everything, then native leaks
	go test -race $(PURE)
	go test -timeout 20m ./...
	go test $(GOFLAGS),matprofile ./camera/opencv ./pipeline/record

test-trainer: .venv/.trainer ## the trainer's tests
	cd trainer && OMP_NUM_THREADS=2 ../.venv/bin/pytest -q

# How long make prove fuzzes each target, how often it starts, and how long it reads damaged inputs and soaks.
FUZZ ?= 60s
STARTS ?= 100
MUTATE ?= 30m
SOAK ?= 30m
KILLS ?= 20

prove: build .venv/.trainer ## what takes too long for test: every fuzz target, 50 runs with -race beside a busy loop, 100 starts, damaged inputs, killed runs, ten hours of video, a robot's messages with each fault, a long training run, a soak, the package in a bare Debian, its images
	@for pkg in $$(grep -rl --include='*_test.go' '^func Fuzz' camera cmd model pipeline | xargs -n1 dirname | sort -u); do \
	  for target in $$(grep -hoE '^func Fuzz\w+' $$pkg/*_test.go | cut -c6-); do \
	    echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZ) ./$$pkg; done; done
	@(while :; do :; done) & busy=$$!; trap "kill $$busy" EXIT; go test -race -count 50 $(PURE)
	go test -race ./cmd/deixis -run TestStartsAndStops -starts $(STARTS) -timeout 0 -v
	go test ./cmd/deixis -run TestMutants -mutate $(MUTATE) -timeout 0 -v
	go test ./cmd/deixis -run 'TestAnnotateKilled|TestQueue' -kills $(KILLS) -timeout 0 -v
	go test ./pipeline/annotate/queue/jetstream -run '^$$' -bench "Scaling|Queued" -benchtime 1x
	go test ./pipeline/annotate -run TestMemory -hours 10 -timeout 0 -v
	go test ./cmd/deixis -run 'TestRobotFaults|TestMosquittoRestarts|TestROSRestarts|TestNATSRestarts' -faults 20s -restarts 10 -timeout 0 -v
	cd trainer && ../.venv/bin/python tests/long_run.py && ../.venv/bin/python tests/memory_run.py
	bin/deixis bench soak --for $(SOAK)
	$(MAKE) prove-install

speech: .venv/.hearing ## the models that hear, into assets/models/speech (77 MB to fetch, hashes checked)
	cd trainer && ../.venv/bin/python -m ca2m_speech --out ../$(SPEECH)

bundle: $(RUN)/refs.jsonl ## train ca2m-edge and ca2m-edge-fast from nothing (or go on) and write their bundles; needs DATA
	$(TRAIN) $(HAND) --config ca2m-edge --out $(RUN)/first
	$(TRAIN) $(HAND) --config recipes/edge-further --start $(RUN)/first/last.pt --out $(RUN)/second
	for seed in 9 10 11 12; do $(TRAIN) $(HAND) --config recipes/edge-last --set run.seed=$$seed --start $(RUN)/second/last.pt --out $(RUN)/last-$$seed; done
	.venv/bin/ca2m mean $(RUN)/last-*/last.pt --out $(RUN)/mean.pt
	$(TRAIN) --refs $(RUN)/refs.jsonl --config recipes/edge-names --start $(RUN)/mean.pt --out $(RUN)/names
	for seed in 14 15; do $(TRAIN) --refs $(RUN)/refs.jsonl --config recipes/edge-names-last --set run.seed=$$seed --start $(RUN)/names/last.pt --out $(RUN)/names-$$seed; done
	.venv/bin/ca2m mean $(RUN)/names-14/last.pt $(RUN)/names-15/last.pt --out $(RUN)/names.pt
	for seed in 21 22; do $(TRAIN) --refs $(RUN)/refs.jsonl --config recipes/edge-larger --set run.seed=$$seed --start $(RUN)/names.pt --out $(RUN)/larger-$$seed; done
	.venv/bin/ca2m mean $(RUN)/larger-21/last.pt $(RUN)/larger-22/last.pt --out $(RUN)/larger.pt
	for seed in 23 24 25 26; do $(TRAIN) --refs $(RUN)/refs.jsonl --config recipes/edge-classes --set run.seed=$$seed --start $(RUN)/larger.pt --out $(RUN)/classes-$$seed; done
	.venv/bin/ca2m mean $(RUN)/classes-*/last.pt --out $(RUN)/shipped.pt
	$(MAKE) export

ablations: data ## what each part of ca2m-edge is worth: short runs on the same samples, a line of figures each; needs DATA
	@for name in $(notdir $(basename $(wildcard trainer/ca2m/configs/ablations/*.yaml))); do \
	  $(TRAIN) $(HAND) --config ablations/$$name --out runs/ablations/$$name; done
	@tail -n 1 runs/ablations/*/curve.txt

# What the names' parts are worth, each alone, from weights that have none of them (START, a bundle or checkpoint): more
# phrases over new photos, the second encoder, the same forms for what is there and what is not.
NAMES = runs/names
names: $(RUN)/refs.jsonl ## what data, namer and style are worth, each alone: three seeds, a table of figures each; needs DATA and START
	@mkdir -p $(NAMES); grep -e '/photos/' -e '"split": "val"' $(RUN)/refs.jsonl > $(RUN)/photos.jsonl
	@for seed in $(SEEDS); do for arm in $(ARMS); do \
	  refs=$(RUN)/photos.jsonl; more=(); \
	  case $$arm in data) refs=$(RUN)/refs.jsonl;; namer) more=(--set network.namer=efficientnet-lite2);; style) more=(--set mix.alike=true);; esac; \
	  out=$(NAMES)/$$arm-$$seed; \
	  $(TRAIN) --refs $$refs --config recipes/edge-last --set run.samples=4000 --set run.seed=$$seed "$${more[@]}" --start $(START) --out $$out; \
	  .venv/bin/ca2m --threads 1 eval $$out/last.pt $(RUN)/refs.jsonl --split val --under photos --limit 300 --forms > $$out/forms.txt; \
	done; done
	@tail -n 1 $(NAMES)/*/curve.txt; tail -n 13 $(NAMES)/*/forms.txt
SEEDS ?= 31 32 33
ARMS  ?= none data namer style

data: .venv/.trainer
	@[ -e $(DATA)/refs.jsonl ] || { echo "no $(DATA)/refs.jsonl: give DATA=folder (see trainer/README.md)"; exit 1; }

$(RUN)/refs.jsonl: data
	.venv/bin/ca2m merge $(DATA)/refs.jsonl $(wildcard $(DATA)/refs-entities.jsonl) --splits train,val --out $@

export: $(RUN)/refs.jsonl ## the bundles and golden files from the last checkpoints
	.venv/bin/ca2m export $(RUN)/names.pt --out $(BUNDLE)-fast --refs $(RUN)/refs.jsonl --int8 frame,ground --calib 24
	.venv/bin/ca2m export $(RUN)/shipped.pt --out $(BUNDLE) --refs $(RUN)/refs.jsonl --int8 frame,ground --calib 24
	$(MAKE) golden

golden: .venv/.trainer ## what the Go tests compare with
	.venv/bin/ca2m golden $(BUNDLE) --frame assets/golden/frame.png --out assets/golden

clean: ## what was built (not .venv, not runs)
	rm -rf bin out dist

include .package/package.mk

# --- set-up, each done once ---

.venv/.python:
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON): install Python 3.11 or later"; exit 1; }
	@$(PYTHON) -m venv .venv 2>/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq python3-venv && $(PYTHON) -m venv .venv; }
	@touch $@

.venv/.opencv: .venv/.python
	@pkg-config --exists opencv4 2>/dev/null || \
	if command -v apt-get >/dev/null; then \
	  $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq libopencv-dev pkg-config g++ ffmpeg >/dev/null; \
	elif command -v brew >/dev/null; then brew install opencv pkg-config ffmpeg; \
	else echo "no apt-get or brew: install OpenCV 4.6 or later with its headers and pkg-config"; exit 1; fi
	@touch $@

$(ORT): .venv/.python trainer/pyproject.toml
	.venv/bin/pip install -q "$$(sed -n 's/^ *"\(onnxruntime==[^"]*\)".*/\1/p' trainer/pyproject.toml)"
	@mkdir -p bin/lib
	@cp "$$(find .venv/ -path '*onnxruntime/capi/libonnxruntime.*' ! -name '*providers*' | sort | tail -1)" $(ORT)

$(AXE): .venv/.python # axe-core, which looks at the page in a browser for what somebody cannot read or reach
	@rm -rf bin/axe
	.venv/bin/pip install -q --no-deps --target bin/axe axe-playwright-python==0.1.8
	@cp bin/axe/axe_playwright_python/axe.min.js $(AXE)

.venv/.hearing: .venv/.python trainer/pyproject.toml
	.venv/bin/pip install -q $$(sed -n 's/^ *"\(onnx\(runtime\)*==[^"]*\)".*/\1/p' trainer/pyproject.toml)
	@touch $@

.venv/.homeassistant: .venv/.python # its own schemas, which the tests of MQTT discovery ask; large, so only where somebody wants it
	$(PYTHON) -m venv .venv/homeassistant
	.venv/homeassistant/bin/pip install -q homeassistant==2024.3.3 paho-mqtt==2.2.0
	@touch $@

.venv/.readers: .venv/.python # of label files, other projects': what the tests read ours with
	$(PYTHON) -m venv .venv/readers
	$(PYTHON) -m venv .venv/scorers # trackeval and label-studio-sdk want different versions of numpy
	.venv/scorers/bin/pip install -q trackeval==1.3.0
	.venv/readers/bin/pip install -q pycocotools==2.0.11 datumaro==1.13.12 webvtt-py==0.6.0 label-studio-sdk==2.1.2
	@touch $@

.venv/.ros: .venv/.python # another client of rosbridge, and ROS 2's messages without ROS: what the tests hold ours against
	$(PYTHON) -m venv .venv/ros
	.venv/ros/bin/pip install -q roslibpy==2.1.0 rosbags==0.11.9
	@touch $@

.venv/.trainer: .venv/.python trainer/pyproject.toml
	.venv/bin/pip install -q -e 'trainer[dev]'
	@touch $@
