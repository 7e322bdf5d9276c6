#!/usr/bin/env bash
# Downloads a package of Debian's non-free part and unpacks it:
#
#	.ci/nonfree.sh FOLDER PACKAGE[=VERSION] [PATTERN...]
#
# puts into FOLDER the files whose names match the patterns, in tar's notation, or all
# files. Works on Debian for any user. It writes nothing outside of FOLDER, so the
# machine's own apt lists and sources stay as they are.
set -euo pipefail
folder=$1 package=$2
shift 2

sources=/etc/apt/sources.list.d/debian.sources
[ -e "$sources" ] && command -v apt-get >/dev/null || { echo "nonfree.sh: cannot get $package: this needs apt-get and $sources" >&2; exit 1; }
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d "$folder/apt.XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/sources" "$work/lists/partial" "$work/cache/archives/partial"
sed 's/^Components:.*/Components: main contrib non-free/' "$sources" >"$work/sources/debian.sources"
apt=(-qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/sources" -o "Dir::State::Lists=$work/lists"
	-o "Dir::Cache=$work/cache" -o "APT::Sandbox::User=$(id -un)")
cd "$work"
apt-get "${apt[@]}" update
apt-get "${apt[@]}" download "$package"
dpkg --fsys-tarfile ./*.deb | tar -x -C "$folder" --no-same-owner --wildcards "$@"
