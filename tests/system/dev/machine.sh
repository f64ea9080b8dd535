# shellcheck shell=bash
# The reference system as a running machine: a container with its own systemd,
# bus, libvirt and an empty network, whose writes live in memory. Each machine
# has a name, a keeper that watches over it and a folder in $machines:
#
#   root     the root that it stands on
#   source   the source tree that it shows at /src
#   leader   the PID of its systemd
#   keeper   the PID of its keeper
#   keep     present when it shall outlive the ./dev that started it
#   console  what it printed while it booted

# unified_cgroups prints where the unified cgroup hierarchy is mounted.
unified_cgroups() { findmnt --noheadings --first-only --types cgroup2 --output TARGET; }

own_cgroup_possible() {
	[[ -d /run/systemd/system ]] || [[ -w $(unified_cgroups || echo /nonexistent) ]]
}

machine_leader() { cat "$machines/$1/leader" 2>/dev/null; }

machine_runs() {
	local leader
	leader=$(machine_leader "$1") && kill -0 "$leader" 2>/dev/null
}

# machine_start NAME boots a machine and waits until it is up.
machine_start() {
	local name=$1 state=$machines/$1 kvm=0 console display=() cloud=()
	machine_stop "$name"
	sweep_dead
	mkdir -p "$state"
	root_path >"$state/root"
	echo "$source" >"$state/source"
	# A kernel can offer /dev/kvm on a processor that cannot virtualize, and
	# then interprets too little for a guest to boot.
	if [[ -w /dev/kvm ]] && grep -qwE 'vmx|svm' /proc/cpuinfo; then kvm=1; fi
	mapfile -t display < <(display_sockets)
	[[ ! -d $(cloud_path) ]] || cloud=(--bind-ro="$(cloud_path):/var/cache/cloud")
	say "booting $name"
	: >"$state/console"
	exec {console}<"$state/console"
	SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 setsid "$system/dev/keeper" "$state" $$ \
		systemd-nspawn --quiet --boot --directory="$(root_path)" --volatile=overlay \
		--machine="$name" --uuid="$(cat /proc/sys/kernel/random/uuid)" \
		--private-network --resolv-conf=off --timezone=off --link-journal=no \
		--capability=all --register=no --keep-unit --console=pipe \
		--setenv=REFERENCE_KVM="$kvm" \
		--bind-ro="$source:/src" --bind="$cache/go:/var/cache/go" "${cloud[@]}" "${display[@]/#/--bind=}" \
		</dev/null >"$state/console" 2>&1 &
	disown
	machine_await "$name" || {
		tail -n 30 <&"$console" >&2
		machine_stop "$name"
		die "the machine did not come up"
	}
	exec {console}<&-
	say "$name is up"
}

# sweep_dead removes what machines have left that lost their keepers.
sweep_dead() {
	local state
	for state in "$machines"/*; do
		[[ ! -e $state/keeper ]] || kill -0 "$(cat "$state/keeper")" 2>/dev/null || machine_stop "${state##*/}"
	done
}

# machine_await waits until the machine's boot is through.
machine_await() {
	local name=$1 state=$machines/$1 deadline=$((SECONDS + 60)) answer
	until machine_runs "$name" && [[ -S /proc/$(machine_leader "$name")/root/run/dbus/system_bus_socket ]]; do
		((SECONDS < deadline)) && [[ -e $state/root ]] || return 1
		sleep 0.1
	done
	answer=$(nsenter_machine "$name" timeout 120 systemctl is-system-running --wait) || {
		say "the system is $answer"
		machine_exec "$name" root systemctl --failed --no-pager >&2
	}
}

# machine_keep lets the machine live on when ./dev ends.
machine_keep() { touch "$machines/$1/keep"; }

# machine_stop ends a machine and waits until nothing is left of it. It is no
# error if there is none.
machine_stop() {
	local state=$machines/$1 keeper
	[[ -d $state ]] || return 0
	keeper=$(cat "$state/keeper" 2>/dev/null || true)
	if [[ -n $keeper ]] && kill -TERM "$keeper" 2>/dev/null; then
		tail --pid="$keeper" --follow /dev/null
	fi
	# Whatever a keeper that was killed has left.
	[[ ! -d $state ]] || "$system/dev/keeper" "$state" --sweep
}

# machine_exec NAME USER CMD… runs a command in the machine as USER, with the
# environment and groups of a login. It dies with the caller.
machine_exec() {
	local name=$1 user=$2 folder=/home/$2
	shift 2
	[[ $user != root ]] || folder=/src
	nsenter_machine "$name" \
		setpriv --reuid="$user" --regid="$user" --init-groups --reset-env --pdeathsig TERM -- \
		env --chdir="$folder" LANG=C.UTF-8 TERM="${TERM-dumb}" \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

nsenter_machine() {
	local leader
	leader=$(machine_leader "$1")
	shift
	nsenter --target "$leader" --mount --pid --uts --ipc --net --cgroup --root --wd -- "$@"
}
