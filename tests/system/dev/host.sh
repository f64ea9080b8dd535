# shellcheck shell=bash
# The machine that ./dev runs on: what it needs, and why it may not do.

commands=(mmdebstrap systemd-nspawn nsenter setpriv unshare flock)

# obstacle prints why containers cannot be booted here, or nothing.
obstacle() {
	if [[ $EUID != 0 ]]; then
		echo "that needs root, and sudo is not available"
	elif ! unshare --mount --pid --fork true 2>/dev/null; then
		echo "this machine does not let root make namespaces and mounts"
	elif ! own_cgroup_possible; then
		echo "no control group can be made in $(unified_cgroups || echo /sys/fs/cgroup)"
	elif [[ -n $(missing "${commands[@]}") ]] && ! command -v apt-get >/dev/null; then
		echo "these programs are missing: $(missing "${commands[@]}" | xargs)"
	fi
}

# become_root starts over as root if sudo can do so, with the same cache.
become_root() {
	[[ $EUID != 0 ]] && command -v sudo >/dev/null || return 0
	if ! sudo -n true 2>/dev/null && [[ ! -t 0 ]]; then
		return 0
	fi
	say "a container needs root: sudo"
	exec sudo env KVM_MANAGER_CACHE="$cache" KVM_MANAGER_MACHINE="${machine-}" "${network_environment[@]}" "${display_environment[@]}" "$source/dev" "$@"
}

# need_packages installs what the machine lacks.
need_packages() {
	local packages=(mmdebstrap systemd-container debian-archive-keyring util-linux)
	[[ -n $(missing "${commands[@]}") || ! -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || return 0
	say "installing on this machine: ${packages[*]}"
	quietly "reading apt's package lists" apt-get --quiet update || true
	quietly "apt-get install ${packages[*]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get --quiet --yes --no-install-recommends install "${packages[@]}" ||
		die "cannot install what ./dev needs; please install ${packages[*]} by hand"
}

# debian_mirror prints the mirror that this machine's own apt uses, in whatever
# format it is written. Nothing is printed elsewhere than on Debian: then
# mmdebstrap's default is right.
debian_mirror() {
	local ID='' VERSION_CODENAME='' mirror
	# shellcheck source=/dev/null
	. /etc/os-release
	[[ $ID == debian ]] || return 0
	# shellcheck disable=SC2016 # apt's own variables
	mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk -v names="$VERSION_CODENAME stable oldstable testing" \
			'$2 == "main" && index(" " names " ", " " $1 " ") { print $3; exit }')
	case $mirror in
	# Cloud images name a file with a list of mirrors.
	mirror+file:*) grep -m 1 -oE '^(https?|ftp)://[^[:space:]]+' "${mirror#mirror+file:}" || true ;;
	*) echo "$mirror" ;;
	esac
}

# apt_options prints how this machine's apt reaches the network, such as a
# proxy, as options for mmdebstrap.
apt_options() {
	apt-config dump Acquire 2>/dev/null |
		grep -E '^Acquire::(https?|ftp)(::|.*)Proxy|^Acquire::Check-(Date|Valid-Until)' |
		sed 's/^/--aptopt=/'
}

# network_environment is what the download of Go modules may need to know.
network_environment=()
for variable in HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy \
	GOPROXY GOPRIVATE GONOPROXY GOSUMDB GONOSUMDB GOINSECURE SSL_CERT_FILE; do
	[[ -z ${!variable-} ]] || network_environment+=("$variable=${!variable}")
done
unset variable
