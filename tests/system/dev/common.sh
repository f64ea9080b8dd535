# shellcheck shell=bash
# What all parts of ./dev share: places, progress, children that cannot outlive
# their parent.

cache=${KVM_MANAGER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kvm-manager}
machines=/run/kvm-manager-dev
system=$source/tests/system

# say prints one line of progress: seconds since the start, and what happens.
say() { printf '[%4d s] %s\n' "$SECONDS" "$*" >&2; }

die() {
	say "$*"
	exit 1
}

# missing prints which of the commands the machine does not have.
missing() {
	local command
	for command; do
		command -v "$command" >/dev/null || echo "$command"
	done
}

# tied runs a command that dies with ./dev, together with everything it started
# and mounted: it is the first process of a PID and a mount namespace.
tied() {
	setpriv --pdeathsig KILL -- \
		unshare --mount --propagation private --pid --fork --kill-child=KILL --mount-proc -- "$@" &
	wait $!
}

# quietly runs a command with its output in a log, telling every 15 seconds that
# it is still at it. The log is shown when it fails.
quietly() {
	local what=$1 log file status=0 ticker
	shift
	file=$(mktemp)
	exec {log}<>"$file"
	rm "$file" # whatever happens, no log stays behind
	file=/dev/fd/$log
	say "$what"
	(
		trap 'kill "$sleep" 2>/dev/null; exit' TERM
		while sleep 15 & sleep=$! && wait "$sleep"; do
			kill -0 $$ 2>/dev/null || exit
			say "… $(tail -n 1 "$file" | tr -d '\r' | cut -c 1-100)"
		done
	) &
	ticker=$!
	"$@" >"$file" 2>&1 || status=$?
	kill "$ticker" 2>/dev/null || true
	wait "$ticker" 2>/dev/null || true
	[[ $status == 0 ]] || tail -n 60 "$file" >&2
	exec {log}>&-
	return "$status"
}

# locked NAME CMD… runs a function while no other ./dev does so.
locked() {
	local name=$1 lock
	shift
	mkdir -p "$cache"
	exec {lock}>"$cache/$name.lock"
	if ! flock --nonblock "$lock"; then
		say "waiting for another ./dev"
		flock "$lock"
	fi
	"$@"
	exec {lock}>&-
}
