#!/usr/bin/env bash
# Run the sketch graph through a Slurm of one node on the loopback, started for it and stopped after it: make slurm-sketch
# (Debian, as root; without systemd and accounting.) Results are those of make sketch, in the same places.
set -euo pipefail
cd "$(dirname "$0")/../.."
conf=/etc/slurm/slurm.conf                   # a job step drops SLURM_CONF, so no other place will do
mark="# made by one_node.sh"

fail() { echo "one_node.sh: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "must be root: Slurm's daemons are started, $conf is written"
for tool in slurmctld slurmd sbatch munged; do
  command -v $tool >/dev/null && continue
  command -v apt-get >/dev/null || fail "$tool is missing; install Slurm and munge"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends slurmctld slurmd slurm-client munge >/dev/null
done
[ ! -e $conf ] || [ "$(head -n1 $conf)" = "$mark" ] || fail "$conf is of another Slurm; this is for a machine without one"

dir=$(mktemp -d)                             # state, logs and process ids of the daemons
started=()

start() {                                    # name, what tells that it is up, command
  setsid "${@:3}" >"$dir/$1.log" 2>&1 </dev/null &
  started=($! "${started[@]}")
  for _ in $(seq 100); do bash -c "$2" >/dev/null 2>&1 && return; sleep 0.1; done
  tail -n5 "$dir/$1.log" >&2
  fail "$1 did not come up within 10 s"
}

stop() {
  [ ${#started[@]} -lt 2 ] || timeout 10 scancel --user "$(id -un)" || true
  for pid in "${started[@]}"; do             # the last one started first
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
  done
  rm -rf "$dir" $conf
}
trap stop EXIT

mkdir -p "$dir"/{munge,state,spool} "$(dirname $conf)"
chmod 755 "$dir" "$dir/munge"
(umask 077; mungekey -f -c -k "$dir/munge/key")
cat >$conf <<CONF
$mark
ClusterName=one
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=36817
SlurmdPort=36818
SlurmUser=root
SlurmdUser=root
AuthInfo=socket=$dir/munge/socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
# refuse a job that can never run, instead of queueing it for ever
EnforcePartLimits=ALL
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=5
# squeue must still know an ended job when Snakemake asks for it
MinJobAge=3600
ReturnToService=2
NodeName=localhost NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=16000
PartitionName=main Nodes=localhost Default=YES
CONF

start munged "munge -S $dir/munge/socket -n" munged -F --key-file="$dir/munge/key" --socket="$dir/munge/socket" \
  --pid-file="$dir/munge/pid" --seed-file="$dir/munge/seed"
start slurmctld "scontrol ping | grep -q UP" slurmctld -D
start slurmd '[ "$(sinfo -ho %T)" = idle ]' slurmd -D
sinfo

rm -rf sketch
timeout --signal INT --kill-after 60 1200 \
  snakemake --profile profiles/slurm --jobs "$(nproc)" --slurm-init-seconds-before-status-checks 1 \
  --seconds-between-status-checks 1 --slurm-no-account --latency-wait 20 --nolock --quiet host rules -- sketch
echo "The sketch run's book, made through Slurm: sketch/_build/html/index.html"
