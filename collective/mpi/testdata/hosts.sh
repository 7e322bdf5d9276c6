# Machines for slurm.sh and operator.sh, which source this file: Linux namespaces, each with a
# host name, a network, shared memory and a /tmp of its own. The folder /run/shared is on all
# of them. All of it, and every process in it, ends with the script.

# need ends the script unless these commands are there.
need() {
	local command missing=
	for command; do
		PATH=$PATH:/usr/sbin command -v "$command" >/dev/null || missing+=" $command"
	done
	[ -z "$missing" ] || { echo "$0: missing:$missing: apt-get install $packages" >&2; exit 2; }
	[ "$(id -u)" = 0 ] || { echo "$0: only root can make networks" >&2; exit 2; }
}

# isolate runs the script again, in namespaces, with the files it needs in /run/shared.
isolate() {
	[ "${ISOLATED:-}" != yes ] || { enter; return 0; }
	local work inside= code=0
	work=$(mktemp -d)
	trap '[ -z "$inside" ] || kill -9 $inside 2>/dev/null || true; rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM HUP
	build "$work"
	ISOLATED=yes FILES=$work unshare --net --uts --ipc --mount --pid --fork --kill-child --mount-proc "./${0##*/}" "$@" &
	inside=$!
	wait $inside || code=$?
	exit $code
}

enter() {
	trap 'code=$?; [ $code = 0 ] || echo "$0: failed: $checking" >&2' EXIT
	checking="setting up"
	hostname controller
	ip link set lo up
	ip link add bridge type bridge
	ip link set bridge up
	ip addr add 10.77.0.254/24 dev bridge
	mount -t tmpfs run /run
	mkdir /run/shared
	cp "$FILES"/* /run/shared
	private /etc
	echo 10.77.0.254 controller >>/etc/hosts
	cd /run/shared
}

# private lets changes of a folder be seen only here: they are in memory.
private() {
	local changes=/run/changes/$(hostname)$1
	mkdir -p "$changes/upper" "$changes/work"
	mount -t overlay -o "lowerdir=$1,upperdir=$changes/upper,workdir=$changes/work" changes "$1"
}

declare -A process=() # that holds the namespaces of a host
host() {
	local name=$1 number=$((${#process[@]} + 1))
	printf '10.77.0.%d %s %s\n' $number "$name" "${name%%.*}" >>/etc/hosts
	unshare --net --uts --ipc --mount bash -euc "$(declare -f private); hostname ${name%%.*}; mount -t tmpfs shm /dev/shm
		private /tmp; touch /run/ready-$name; exec sleep infinity" &
	process[$name]=$!
	until [ -e "/run/ready-$name" ]; do kill -0 ${process[$name]}; sleep 0.05; done
	ip link add port$number type veth peer name eth0 netns ${process[$name]}
	ip link set port$number master bridge up
	on "$name" ip link set lo up
	on "$name" ip addr add 10.77.0.$number/24 dev eth0
	on "$name" ip link set eth0 up
}

# on runs a command on a host.
on() { nsenter --target "${process[$1]}" --net --uts --ipc --mount --wd="$PWD" "${@:2}"; }

# check says what is checked next: the last one is what has failed.
check() { checking=$*; printf '%s (after %d s)\n' "$*" $SECONDS; }

fail() { echo "$*" >&2; exit 1; }

# same compares the results of two runs.
same() {
	local name
	for name in model.safetensors best.safetensors config.toml result.json; do
		cmp "$1/$name" "$2/$name" || return 1
	done
}

# checkpoint waits until a run has one.
checkpoint() {
	local try
	for try in {1..400}; do
		[ -z "$(ls "$1/checkpoints" 2>/dev/null)" ] || return 0
		sleep 0.1
	done
	fail "no checkpoint within 40 s"
}

# gone waits until no rank is left.
gone() {
	local try
	for try in {1..300}; do
		pgrep -x gputrain >/dev/null || return 0
		sleep 0.1
	done
	fail "after 30 s, there are still ranks"
}
