# The package, the archive and the images that people install; see .package/README.md.

ARCH  := $(shell dpkg --print-architecture 2>/dev/null || go env GOARCH)
EPOCH := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
DEB   := dist/deixis_$(VERSION)_$(ARCH).deb
# Of its own module: what nfpm needs is none of the program's business.
NFPM  := go tool -modfile=.package/tools/go.mod nfpm

.PHONY: deb

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
