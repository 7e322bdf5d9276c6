#!/usr/bin/env bash
# Runs gputrain as Kubernetes' MPI operator does: a launcher reaches two workers by SSH, each a
# virtual machine. The environment, the list of hosts and the SSH keys are those that
# pkg/controller/mpi_job_controller.go of kubeflow/mpi-operator makes for an MPIJob.
# make test-operator runs this. The argument is a list of folders with further MPI libraries, with
# commas between them.
set -euo pipefail
MPI=${1:-}
cd "$(dirname "$0")"
source ./hosts.sh
packages="openssh-server openssh-client openmpi-bin mpich iproute2 procps"
need sshd ssh-keygen unshare nsenter ip pgrep mpirun.openmpi mpiexec.mpich

build() {
	go build -tags mpi -o "$1/gputrain" ../../../cmd/gputrain
	# The command of the launcher in the manifest, in this folder, with so many ranks, on the CPU.
	sed -n '/^## Kubernetes/,/^## /s/^    //p' ../../../docs/distributed.md | sed -n '/args:/,/env:/{//d;/- |/d;p}' |
		sed -e 's|/data|/run/shared|g' -e 's/-n 16/-n $RANKS/' -e 's/--device cuda/--device cpu/' -e 's/mpirun/$MPIRUN/' >"$1/launch.sh"
	[ -s "$1/launch.sh" ]
}
isolate "$@"

check "the workers start"
private /root
private /usr/local/bin
cp gputrain /usr/local/bin
mkdir -p /run/sshd /root/.ssh /etc/mpi
rm -rf /root/.ssh/* gputrain
ssh-keygen -q -t ecdsa -N "" -f /root/.ssh/id_rsa
cp /root/.ssh/id_rsa.pub /root/.ssh/authorized_keys
chmod 600 /root/.ssh/*
printf 'Host *\n\tStrictHostKeyChecking no\n\tUserKnownHostsFile /dev/null\n' >/etc/ssh/ssh_config # as the images of the operator
for worker in 0 1; do
	host gputrain-worker-$worker.gputrain.default.svc
	on gputrain-worker-$worker.gputrain.default.svc /usr/sbin/sshd -De 2>/dev/null &
done
host gputrain-launcher.gputrain.default.svc

export OMPI_MCA_mpi_yield_when_idle=1 # there are more ranks than CPUs
settings() {
	printf 'model = "mlp"\nhidden = 8\nbatch = 64\nepochs = %d\ncheckpoint-every = "20steps"\n' $1 >settings.toml
}

# launch MPIRUN SLOTS runs the command of the manifest with what the operator sets for this MPI, on
# two workers with so many ranks each.
launch() {
	local environment=(RANKS=$((2 * $2)) MPIRUN="$1") separator=" slots="
	if [[ $("$1" --version) == *HYDRA* ]]; then
		separator=:
		environment+=(HYDRA_HOST_FILE=/etc/mpi/hostfile HYDRA_LAUNCH_EXTRA_ARGS="-o ConnectionAttempts=10")
	else
		environment+=(OMPI_MCA_orte_keep_fqdn_hostnames=true OMPI_MCA_orte_default_hostfile=/etc/mpi/hostfile
			OMPI_MCA_plm_rsh_args="-o ConnectionAttempts=10" OMPI_MCA_orte_set_default_slots=$2
			OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
	fi
	printf "%s$separator$2\n" gputrain-worker-{0,1}.gputrain.default.svc >/etc/mpi/hostfile
	on gputrain-launcher.gputrain.default.svc env "${environment[@]}" timeout 90 bash launch.sh >output 2>&1
}

settings 2
gputrain train --config settings.toml --device cpu --ranks 4 --out local2 >/dev/null 2>&1
settings 300
gputrain train --config settings.toml --device cpu --ranks 2 --out local300 >/dev/null 2>&1
launchers=(mpirun.openmpi mpirun.mpich)
for folder in ${MPI//,/ }; do
	launchers+=("$folder/bin/mpiexec")
done
for mpirun in "${launchers[@]}"; do
	check "$mpirun: four ranks on two machines make the bytes of one process"
	for try in 1 2 3; do
		rm -rf run
		settings 2
		launch "$mpirun" 2 || { code=$?; cat output; fail "code $code"; }
		[ "$(grep -c '^test accuracy' output)" = 1 ] || fail "$(cat output)"
		same run local2
	done

	check "$mpirun: a rank is killed, and all end"
	rm -rf run
	settings 300
	launch "$mpirun" 1 &
	launch=$!
	checkpoint run
	[ "$(pgrep -xc gputrain)" = 2 ] || fail "there are not two ranks"
	for rank in $(pgrep -x gputrain); do
		nsenter --target $rank --uts hostname
	done | sort | diff - <(printf 'gputrain-worker-%d\n' 0 1)
	kill -9 "$(pgrep -nx gputrain)"
	! wait $launch || fail "the code is 0"
	gone

	check "$mpirun: the launcher that is started again goes on, to the same bytes"
	launch "$mpirun" 1 || { code=$?; cat output; fail "code $code"; }
	same run local300
done
