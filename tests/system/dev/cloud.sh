# shellcheck shell=bash
# The disk image of a Debian cloud system, of which the system tests make a VM:
# made once from Debian packages, in the cache beside the reference system.

# cloud_path prints the folder where the image of this list of packages and files
# belongs.
cloud_path() {
	local hash
	hash=$(cd "$system" && {
		echo "$suite"
		find cloud dev/cloud.sh dev/make-cloud -printf '%m %p %l\n' | sort
		find cloud dev/cloud.sh dev/make-cloud -type f -print0 | sort -z | xargs -0 sha256sum
	} | sha256sum | cut -c 1-16)
	echo "$cache/cloud-$hash"
}

# prepare_cloud makes the image unless it is there already, with the tools of the
# reference system.
prepare_cloud() {
	local folder mirror options
	folder=$(cloud_path)
	touch "$folder.used"
	[[ ! -d $folder ]] || return 0
	need_packages
	remove_old_clouds
	mirror=$(debian_mirror)
	mapfile -t options < <(apt_options)
	rm -rf --one-file-system "$folder.new"
	mkdir -p "$folder.new"
	quietly "building the disk of a Debian cloud system; this takes one to three minutes" \
		tied "$system/dev/make-cloud" "$(root_path)" "$source" "$folder.new" "$suite" "$mirror" "${options[@]}" ||
		{
			rm -rf --one-file-system "$folder.new"
			die "cannot build the cloud system"
		}
	mv "$folder.new" "$folder"
	say "the cloud system's disk is $folder/image.qcow2 ($(du -sh "$folder" | cut -f 1))"
}

# remove_old_clouds leaves those of the last day: of two branches, each may have
# its own.
remove_old_clouds() {
	local old
	for old in "$cache"/cloud-*; do
		[[ -d $old && -z $(find "$old" "$old.used" -maxdepth 0 -mtime -1 2>/dev/null) ]] || continue
		rm -rf --one-file-system "$old" "$old.used"
	done
}
