#!/usr/bin/env bash
# Runs gputrain under Slurm, on two virtual machines of its own. make test-slurm runs this.
# The argument is a list of folders with further MPI libraries, with commas between them.
set -euo pipefail
MPI=${1:-}
cd "$(dirname "$0")"
source ./hosts.sh
packages="slurmctld slurmd slurm-client munge libpmix-dev openmpi-bin mpich iproute2 procps"
need slurmctld slurmd srun sbatch munged unshare nsenter ip pgrep mpirun.openmpi mpiexec.mpich

build() {
	cp ../../../gputrain ../../../libcuda/libcuda.so.1 "$1"
	go build -o "$1/gputrain-alone" ../../../cmd/gputrain
	sed -n '/^## Slurm/,/^## /s/^    //p' ../../../docs/distributed.md >"$1/job.sh"
}
isolate "$@"

check "the cluster starts"
mkdir /run/munge controller
head -c 1024 /dev/urandom >/run/munge/key
chmod 600 /run/munge/key
chown -R munge /run/munge
setpriv --reuid=munge --regid=munge --clear-groups munged --key-file=/run/munge/key \
	--pid-file=/run/munge/pid --log-file=/run/munge/log --seed-file=/run/munge/seed
cat >slurm.conf <<E
ClusterName=virtual
SlurmctldHost=controller
SlurmUser=root
StateSaveLocation=$PWD/controller
SlurmctldPidFile=$PWD/controller.pid
SlurmctldLogFile=$PWD/controller.log
SlurmdSpoolDir=$PWD/%n
SlurmdPidFile=$PWD/%n.pid
SlurmdLogFile=$PWD/%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
AuthInfo=cred_expire=5
GresTypes=gpu
KillWait=5
NodeName=node[1-4] CPUs=4 Gres=gpu:4
PartitionName=all Nodes=ALL Default=YES
E
export SLURM_CONF=$PWD/slurm.conf
echo "NodeName=node[1-4] Name=gpu File=$PWD/gpu[0-3]" >gres.conf
touch gpu{0..3}
slurmctld
for node in node{1..4}; do
	host $node
	mkdir $node
	on $node slurmd
done
until srun --nodes=4 --immediate=1 true 2>/dev/null; do sleep 0.2; done


export PATH=$PWD:$PATH LD_LIBRARY_PATH=$PWD GPUTRAIN_EMULATOR_DEVICES=2
export OMPI_MCA_mpi_yield_when_idle=1 # there are more ranks than CPUs
settings=(train --model mlp --hidden 8 --batch 64 --quiet)
gputrain "${settings[@]}" --epochs 2 --ranks 4 --out local >/dev/null

# trains NAME COMMAND...: the command starts four ranks on two machines. They make the bytes of
# one process.
trains() {
	check "$1: ${*:2}"
	timeout 60 "${@:2}" gputrain "${settings[@]}" --epochs 2 --out "$1" >output || fail "code $?: $(cat output)"
	[ "$(grep -c '^test accuracy' output)" = 1 ] || fail "$(cat output)"
	same "$1" local
}
four="--nodes=2 --ntasks=4"
trains openmpi srun $four --mpi=pmix
trains mpich srun $four --mpi=pmi2
trains openmpi-mpirun salloc -Q $four mpirun.openmpi --allow-run-as-root -n 4
trains mpich-mpiexec salloc -Q $four mpiexec.mpich -n 4
for folder in ${MPI//,/ }; do
	name=$(basename "$folder")
	if [ -e "$folder/lib/libmpi.so.40" ]; then
		trains "$name-folder" env GPUTRAIN_MPI="$folder/lib/libmpi.so.40" OPAL_PREFIX="$folder" srun $four --mpi=pmix
	else
		trains "$name-folder" env GPUTRAIN_MPI="$folder/lib/libmpi.so.12" srun $four --mpi=pmi2
	fi
done

# says WORDS COMMAND...: the command fails with the code 2, and rank 0 says the words once.
says() {
	check "\"$1\": ${*:2}"
	local code=0
	timeout 30 "${@:2}" "${settings[@]}" --out none >output 2>&1 || code=$?
	[ $code = 2 ] && [ "$(grep -c "^gputrain: Slurm's srun has started 4 ranks, but they cannot train together: .*$1" output)" = 1 ] ||
		fail "code $code: $(cat output)"
	[ ! -e none ] || fail "there is a run"
}
says "built without MPI" srun $four --mpi=none gputrain-alone
says "built without MPI" srun $four --mpi=pmi2 gputrain-alone
says "of which this library sees 1: start with srun --mpi=pmix or --mpi=pmi2" srun $four --mpi=none gputrain

check "a batch script without srun is one process"
echo "#!/bin/sh
exec gputrain ${settings[*]} --epochs 2 --out batch" >batch.sh
timeout 60 sbatch --quiet --wait $four --output=output batch.sh || fail "$(cat output)"
gputrain "${settings[@]}" --epochs 2 --out one >/dev/null
same batch one

for interface in pmix pmi2; do
	check "a rank is killed: srun --mpi=$interface"
	srun --kill-on-bad-exit=1 --nodes=2 --ntasks=2 --mpi=$interface gputrain "${settings[@]}" --epochs 100000 --checkpoint-every 20steps \
		--out "killed-$interface" >output 2>&1 &
	srun=$!
	checkpoint "killed-$interface"
	kill -9 "$(pgrep -nx gputrain)"
	gone
	! wait $srun || fail "the code is 0"
done

check "the script of docs/distributed.md, which is asked to stop, and requeued"
printf 'model = "mlp"\nhidden = 8\nbatch = 64\nepochs = 10\ncheckpoint-every = "20steps"\n' >settings.toml
gputrain train --config settings.toml --ranks 4 --device emulated --out whole >/dev/null 2>&1
job=$(sbatch --parsable --nodes=2 --ntasks-per-node=2 --gpus-per-node=2 --output=output job.sh)
checkpoint "runs/$job"
scancel --signal=USR1 "$job"
state() { scontrol show job "$job" | sed -n 's/.*JobState=\([A-Z]*\).*/\1/p'; }
until [ "$(state)" != RUNNING ]; do sleep 0.2; done
grep -q "^gputrain: .* in epoch .*, saved; go on with: " output || fail "$(cat output)"
gone
scontrol requeue "$job"
until [ "$(state)" = COMPLETED ]; do
	[ "$(state)" != FAILED ] || fail "$(cat output)"
	sleep 0.2
done
cmp "runs/$job/model.safetensors" whole/model.safetensors
echo "all is well (after $SECONDS s)"
