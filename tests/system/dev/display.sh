# shellcheck shell=bash
# The caller's own display, for the client in a machine. A machine gets the
# display's socket when it boots; alice can use it if the caller has her user id,
# or if the display lets everybody in.

# display_environment is what leads to the caller's display.
display_environment=()
for variable in WAYLAND_DISPLAY DISPLAY XDG_RUNTIME_DIR XAUTHORITY; do
	[[ -z ${!variable-} ]] || display_environment+=("$variable=${!variable}")
done
unset variable

# display_sockets lists the sockets of the caller's displays, each with the place
# in a machine where it belongs.
display_sockets() {
	local wayland=${WAYLAND_DISPLAY-} x=${DISPLAY-}
	[[ $wayland == /* || -z $wayland ]] || wayland=${XDG_RUNTIME_DIR-}/$wayland
	[[ ! -S $wayland ]] || echo "$wayland:/run/caller/wayland"
	x=${x#:}
	x=/tmp/.X11-unix/X${x%%.*}
	[[ ${DISPLAY-} != :* || ! -S $x ]] || echo "$x:/run/caller/${x##*/}"
}

# display_cookie gives alice the key to an X server that asks for one.
display_cookie() {
	[[ ${DISPLAY-} == :* ]] && command -v xauth >/dev/null || return 0
	xauth nlist "$DISPLAY" 2>/dev/null | sed 's/^..../ffff/' |
		machine_exec "$1" alice xauth -f /home/alice/.Xauthority nmerge - 2>/dev/null || true
}
