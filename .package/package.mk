# The package, the archive and the images that people install; see .package/README.md.

ARCH  := $(shell dpkg --print-architecture 2>/dev/null || go env GOARCH)
EPOCH := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
DEB   := dist/deixis_$(VERSION)_$(ARCH).deb
# Of its own module: what nfpm needs is none of the program's business.
NFPM  := go tool -modfile=.package/tools/go.mod nfpm

RELEASE := dist/release
ARCHIVE := deixis-$(VERSION)-linux-$(ARCH)
BASE    := dist/base.tar

.PHONY: deb deb-check release release-check images-check prove-install

deb: dist/root ## the Debian package, into dist/
	@mkdir -p dist/root/DEBIAN dist/shlibs/debian && printf 'Source: deixis\n\nPackage: deixis\nArchitecture: any\n' > dist/shlibs/debian/control
	@depends=$$(cd dist/shlibs && dpkg-shlibdeps --warnings=0 -O -e../root/usr/bin/deixis -e../root/usr/lib/deixis/libonnxruntime.so) && \
	export SOURCE_DATE_EPOCH=$(EPOCH) VERSION=$(VERSION) ARCH=$(ARCH) DEPENDS="$${depends#shlibs:Depends=}" && \
	export MAINTAINER="$$(git log -1 --format='%an <%ae>')" && $(NFPM) package -f .package/nfpm.yaml -p deb -t $(DEB)
	@ls -l $(DEB)

# Paths, build ids and the state of the checkout stay out of the program, so that the same commit gives the same bytes.
.PHONY: dist/root
dist/root: setup
	@command -v dpkg-shlibdeps >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq dpkg-dev >/dev/null; }
	go build -buildmode=pie -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=$(VERSION)" -o dist/build/deixis ./cmd/deixis
	SOURCE_DATE_EPOCH=$(EPOCH) .package/stage dist/root dist/build/deixis $(ORT) "$$(dirname "$$(find .venv/ -path '*onnxruntime/ThirdPartyNotices.txt' | head -1)")"

deb-check: deb ## the package in a bare Debian 12: install, use without a network, remove, purge, run as a service; needs root
	.package/check $(DEB) $(BASE)
	systemd-analyze security --offline=true --threshold=30 --no-pager .package/deixis.service | tail -1

release: deb ## .deb, .tar.gz and SHA256SUMS, into dist/release; the same commit gives the same bytes
	@rm -rf $(RELEASE) && mkdir -p $(RELEASE) && cp $(DEB) $(RELEASE)/
	@tar -C dist/root --sort=name --mtime=@$(EPOCH) --owner=0 --group=0 --numeric-owner --format=gnu \
	  --transform='s,^usr,$(ARCHIVE),;s,^etc,$(ARCHIVE)/etc,' -c usr etc | gzip -9n > $(RELEASE)/$(ARCHIVE).tar.gz
	@cd $(RELEASE) && sha256sum *.deb *.tar.gz > SHA256SUMS && ls -l

release-check: release ## built again from a clone, with an empty cache: the same bytes
	.package/twice $(RELEASE)

images-check: release ## both container images, built and run by buildah; needs root
	.package/images $(BASE) $(RELEASE) Dockerfile Dockerfile.cuda

prove-install: deb-check release-check images-check ## all three
