# shellcheck shell=bash
# Sourced by templates that unpack images, which set program before; path, name, rootfs, mapped (the user's own id in the
# container's user namespace), mapped_gid, nodev are set when the functions are called.
unpack=@LIBEXEC@/wabe-unpack

die() { echo "$program: $*" >&2; exit 1; }

# DIRECTORY: made where it is missing, as the user's own and not as that of the container's root.
own_directory() {
	[ ! -d "$1" ] || return 0
	own_directory "$(dirname "$1")"
	mkdir "$1"
	give_back "$1"
}
give_back() { [ -z "$mapped" ] || [ "$mapped" = -1 ] || chown -R "$mapped:$mapped_gid" "$1" || true; }
# FILE: its real path when that is a regular file inside of the root file system. An image may have links to anywhere.
inside() {
	local file root
	root=$(realpath -e "$rootfs") && file=$(realpath -e "$rootfs/${1#/}" 2>/dev/null) || return 1
	[[ $file == "$root"/* ]] && [ -f "$file" ] && printf '%s\n' "$file"
}
# Text for the right side of a sed command that is cut by |.
quote() { printf '%s' "$1" | sed 's/[\\&|]/\\&/g'; }
# The placeholders that images have in their files.
fill_in() {
	sed "s|LXC_CONTAINER_NAME|$(quote "$name")|g; s|LXC_TEMPLATE_CONFIG|@CONFIG@|g; s|LXC_PATH|$(quote "$path")|g
		s|LXC_ROOTFS|$(quote "$rootfs")|g; s|LXC_NAME|$(quote "$name")|g" "$@"
}
# DIRECTORY NAME: the image's file NAME for this kind of container, of the newest revision that is known.
image_file() {
	local suffix revision
	for suffix in ${mapped:+-user} ""; do
		for revision in .5 .4 .3 .2 .1 ""; do
			[ ! -f "$1/$2$suffix$revision" ] || [ -L "$1/$2$suffix$revision" ] || { echo "$1/$2$suffix$revision"; return; }
		done
	done
	return 1
}
# ARCHIVE METADATA-DIRECTORY: the root file system, and what the image's metadata say about it.
unpack_image() {
	local meta=$2 file excludes=() target
	[ -z "$nodev" ] || excludes+=(--no-devices --exclude='dev/*')
	[ -z "$mapped" ] || [ ! -f "$meta/excludes-user" ] || excludes+=(--exclude-from="$meta/excludes-user")
	mkdir -p "$rootfs"
	"$unpack" "${excludes[@]}" "$rootfs" <"$1" || die "unpacking $1 failed"
	[ -L "$rootfs/dev" ] || mkdir -p "$rootfs/dev"
	[ -L "$rootfs/dev" ] || [ -L "$rootfs/dev/pts" ] || mkdir -p "$rootfs/dev/pts"
	if file=$(image_file "$meta" config); then
		{ echo; echo "# From the image"; fill_in "$file"; } >>"$path/config"
	fi
	if [ -f "$meta/templates" ]; then
		while read -r file; do
			target=$(inside "$file") || continue
			fill_in "$target" >"$meta/.filled" && cat "$meta/.filled" >"$target" # keeps owner and mode
		done <"$meta/templates"
		rm -f "$meta/.filled"
	fi
	grep -q '^lxc.uts.name' "$path/config" || echo "lxc.uts.name = $name" >>"$path/config"
	[ ! -f "$meta/create-message" ] || { echo "---"; fill_in "$meta/create-message" | tr -d '\000-\010\013-\037'; }
}
