# shellcheck shell=bash
# Where no container can be booted: the service as an ordinary program on a bus
# of its own, with libvirt's embedded driver.

# session_run shows the service around there. All of it ends with ./dev.
session_run() {
	local work lacking
	lacking=$(missing go gcc pkg-config dbus-daemon busctl gdbus | xargs)
	pkg-config --exists libvirt 2>/dev/null || lacking+=" libvirt-dev"
	[[ -z ${lacking// /} ]] || die "and without it these are needed: $lacking"
	say "so it is shown as a program on a bus of its own (kvmmanagerd --session)"
	work=$(mktemp -d)
	# shellcheck disable=SC2064 # the folder of now
	trap "session_end $work" EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	quietly "building the service" go build -C "$source" -v -buildvcs=false -o "$work/kvmmanagerd" ./service ||
		die "the project does not build"
	session_bus "$work"
	session_service "$work"
	"$system/tour" session local test
	cat <<EOF

That was all of it; nothing is left running. With the session bus of your desktop:
  go run ./service --session
  busctl --user tree org.kvmmanager
EOF
}

session_bus() {
	setpriv --pdeathsig TERM -- dbus-daemon --session --nofork --print-address=3 --address="unix:path=$1/bus" 3>"$1/address" &
	await "the bus" test -s "$1/address"
	DBUS_SESSION_BUS_ADDRESS=$(cat "$1/address")
	export DBUS_SESSION_BUS_ADDRESS
}

session_service() {
	printf '[Host local]\nURI=test:///default\n' >"$1/kvmmanager.conf"
	XDG_STATE_HOME=$1/state setpriv --pdeathsig TERM -- "$1/kvmmanagerd" --session --config "$1/kvmmanager.conf" 2>"$1/log" &
	await "the service" busctl --user --quiet status org.kvmmanager || {
		cat "$1/log" >&2
		exit 1
	}
}

# await WHAT CMD… waits until a command succeeds.
await() {
	local what=$1 deadline=$((SECONDS + 20))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < deadline)) || {
			say "$what did not come up"
			return 1
		}
		sleep 0.1
	done
}

session_end() {
	jobs -p | xargs --no-run-if-empty kill 2>/dev/null || true
	rm -rf "$1"
}
