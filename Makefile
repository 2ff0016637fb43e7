# Meson does the work; this is what people type. PREFIX is remembered by the build directory.
BUILD ?= build
prefix = $(if $(PREFIX),--prefix=$(abspath $(PREFIX)))
unexport PREFIX

all: $(BUILD)/build.ninja
	$(if $(PREFIX),meson configure $(BUILD) $(prefix))
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) $(prefix)

install: all
	ninja -C $(BUILD) install

unit: $(BUILD)/build.ninja
	meson test -C $(BUILD) --print-errorlogs

fuzz:
	tests/fuzz/run $(or $(FOR),60)

bench:
	bench/run

clean:
	rm -rf $(BUILD)

.PHONY: all install unit fuzz bench clean
