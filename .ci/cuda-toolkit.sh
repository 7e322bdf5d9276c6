#!/usr/bin/env bash
# Puts nvcc 11.8, ptxas and the CUDA headers into a folder, and writes nothing outside
# of it:
#
#	.ci/cuda-toolkit.sh PREFIX
#
# The packages come from Debian 12, which has this release. Their nvcc looks for its
# parts in fixed places of the system. Here a profile beside nvcc and a script that
# starts it point to PREFIX instead. Needs g++.
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
# This nvcc does not support the g++ of Debian 12, which does not matter for GPU code.
cat >"$prefix/bin/nvcc" <<SCRIPT
#!/bin/sh
exec "$parts/bin/nvcc" -ccbin "$(command -v g++)" -allow-unsupported-compiler "\$@"
SCRIPT
chmod +x "$prefix/bin/nvcc"
"$prefix/bin/nvcc" --version | grep "release $release,"
