#!/usr/bin/env bash
# Checks what our program says on machines that cannot use OpenGL, all made of this one,
# which has Mesa's: without the EGL library, without a driver, and with an old driver.
# make check-libegl runs this with the program that it has built.
set -euo pipefail
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A program that links neither library starts without them.
if readelf -d "$program" | grep -E 'NEEDED.*(libcuda|libEGL|libGL)'; then
	echo "$program links a driver, and would not start without it" >&2
	exit 1
fi

# says REASON DEVICE SETTING: with a variable of the environment set, devices must give
# the reason, and so must whoever asks for the device, in one line and with exit code 1.
says() {
	env "$3" "$program" devices >"$work/list"
	grep -q -F "$1" "$work/list" || { cat "$work/list"; return 1; }
	code=0
	env "$3" "$program" conformance --device "$2" --out "$work/report" 2>"$work/error" || code=$?
	[ "$code" = 1 ] && [ "$(wc -l <"$work/error")" = 1 ] && grep -q -F -e "--device $2: $1" "$work/error" || { cat "$work/error"; return 1; }
	echo "ok: $1"
}

mkdir "$work/useless"
: >"$work/useless/libEGL.so.1"
says 'there is no EGL library (' gl "LD_LIBRARY_PATH=$work/useless"
says 'there is no OpenGL driver: install' gl __EGL_VENDOR_LIBRARY_FILENAMES=/dev/null
says 'the driver offers no OpenGL 4.3 (eglCreateContext failed with EGL error 0x3009): install a newer driver' gl:0 MESA_GL_VERSION_OVERRIDE=4.2

if says 'something else' gl "LD_LIBRARY_PATH=$work/useless" >/dev/null; then
	echo 'the check does not notice a wrong reason' >&2
	exit 1
fi
