#!/usr/bin/env bash
# Puts nvcc 11.8, ptxas and the headers of CUDA into a folder, and nothing
# outside of it:
#
#	.ci/cuda-toolkit.sh PREFIX
#
# The packages are those of Debian 12, which has this release. Their nvcc looks
# for its parts in fixed places of the system; here a profile beside the
# program and a script that starts it lead to PREFIX instead. Wants g++.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
prefix=$(cd "$1" && pwd)

release=11.8
command -v g++ >/dev/null || { echo "cuda-toolkit.sh: nvcc needs g++" >&2; exit 1; }
"$here/nonfree.sh" "$prefix" "nvidia-cuda-toolkit=$release*" './usr/bin/*' './usr/lib/nvidia-cuda-toolkit/*'
"$here/nonfree.sh" "$prefix" "nvidia-cuda-dev=$release*" './usr/include/*'
mv "$prefix"/usr/* "$prefix"
rmdir "$prefix/usr"

parts=$prefix/lib/nvidia-cuda-toolkit
rm "$parts/bin/nvcc.profile" "$prefix/bin/nvcc"
cat >"$parts/bin/nvcc.profile" <<PROFILE
NVVMIR_LIBRARY_DIR = $parts/libdevice
PATH += $parts/bin:$prefix/bin:
INCLUDES += "-I$prefix/include" \$(_SPACE_)
PROFILE
# This nvcc has not heard of the g++ of Debian 12; for code of the GPU that
# does not matter.
cat >"$prefix/bin/nvcc" <<SCRIPT
#!/bin/sh
exec "$parts/bin/nvcc" -ccbin "$(command -v g++)" -allow-unsupported-compiler "\$@"
SCRIPT
chmod +x "$prefix/bin/nvcc"
"$prefix/bin/nvcc" --version | grep "release $release,"
