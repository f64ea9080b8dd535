# shellcheck shell=bash
# The reference system on disk: a Debian root made from a list of packages, and
# the Go modules of the project, both in the cache.

suite=trixie

# root_path prints where the root of this list of packages and files belongs.
root_path() {
	local hash
	hash=$(cd "$system" && {
		echo "$suite"
		find reference dev/root.sh -printf '%m %p %l\n' | sort
		find reference dev/root.sh -type f -print0 | sort -z | xargs -0 sha256sum
	} | sha256sum | cut -c 1-16)
	echo "$cache/root-$hash"
}

packages() { sed 's/#.*//' "$system/reference/packages" | xargs | tr ' ' ','; }

# prepare_root makes the root unless it stands already, and removes old ones.
prepare_root() {
	local root new mirror options
	root=$(root_path)
	touch "$root.used"
	[[ ! -d $root ]] || return 0
	need_packages
	remove_old_roots
	mirror=$(debian_mirror)
	mapfile -t options < <(apt_options)
	new=$root.new
	say "building the reference system from Debian $suite${mirror:+ at $mirror}; this takes two to five minutes"
	quietly "mmdebstrap: installing $(packages | tr ',' '\n' | wc -l) packages and what they need" \
		tied mmdebstrap --verbose --mode=root --variant=apt --format=directory "${options[@]}" \
		--include="$(packages)" \
		--customize-hook="$system/reference/customise \"\$1\"" \
		"$suite" "$new" ${mirror:+"$mirror"} ||
		{
			rm -rf --one-file-system "$new"
			die "cannot build the reference system"
		}
	mv "$new" "$root"
	say "the reference system stands in $root ($(du -sh "$root" | cut -f 1))"
}

# remove_old_roots leaves those that a running machine stands on, and those of
# the last day: of two branches, each may have its own.
remove_old_roots() {
	local old
	for old in "$cache"/root-*; do
		[[ -d $old && -z $(find "$old" "$old.used" -maxdepth 0 -mtime -1 2>/dev/null) ]] || continue
		grep -qsxF "$old" "$machines"/*/root || rm -rf --one-file-system "$old" "$old.used" "$cache/.#${old##*/}.lck"
	done
}

# prepare_modules downloads the Go modules that go.mod and tests/tools/go.mod
# name, with the Go of the reference system and the network of this machine.
prepare_modules() {
	local stamp
	stamp=$(cat "$source"/go.{mod,sum} "$source"/tests/tools/go.{mod,sum} | sha256sum)
	mkdir -p "$cache/go/mod" "$cache/go/build"
	[[ $(cat "$cache/go/fetched" 2>/dev/null) != "$stamp" ]] || return 0
	quietly "downloading Go modules" tied "$system/dev/fetch-modules" "$(root_path)" "$source" "$cache/go" \
		"${network_environment[@]}" || die "cannot download the Go modules"
	echo "$stamp" >"$cache/go/fetched"
}

prepare() {
	locked prepare prepare_root
	locked prepare prepare_modules
}
