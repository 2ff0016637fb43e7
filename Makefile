# Meson does the work; this is what people type. PREFIX is remembered by the build directory.
PREFIX ?= /usr/local
BUILD ?= build

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) --prefix=$(abspath $(PREFIX)) >/dev/null

install: $(BUILD)/build.ninja
	meson configure $(BUILD) --prefix=$(abspath $(PREFIX))
	ninja -C $(BUILD) install

unit: $(BUILD)/build.ninja
	meson test -C $(BUILD) --print-errorlogs

fuzz: $(BUILD)/build.ninja
	tests/fuzz/run $(BUILD) $(or $(SECONDS),60)

bench:
	bench/run

clean:
	rm -rf $(BUILD)

.PHONY: all install unit fuzz bench clean
