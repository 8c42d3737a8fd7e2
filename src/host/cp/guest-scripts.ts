/**
 * What `qn cp` runs in the guest: POSIX shell with GNU tar and coreutils, so that no agent has to be of this version.
 */

/** How a script says on standard error why it cannot go on; the host puts it into words. */
export const reasonPrefix = "qn-cp: ";

/** The reasons, the host's own at the end. */
export const reasons = [
  "no-source",
  "special",
  "no-parent",
  "not-a-folder",
  "is-a-folder",
  "not-writable",
  "incomplete",
  "no-name",
  "unannounced",
] as const;
export type Reason = (typeof reasons)[number];

/** A path as the person wrote it, absolute or from the home folder, made safe from being taken for an option. */
const locate = `
export LC_ALL=C.UTF-8
fail() { printf '${reasonPrefix}%s\\n' "$1" >&2; exit 9; }
locate() {
  case $1 in
    '~') path=$HOME ;;
    '~/'*) path=$HOME/\${1#'~/'} ;;
    /*) path=$1 ;;
    *) path=./$1 ;;
  esac
}`;

/**
 * Sends $1: a line with its kind and size in bytes, then an archive of it alone. A link that is named is followed, as
 * scp does, and one that leads nowhere is nothing to copy; links in a folder stay links.
 */
export const sendScript = `${locate}
locate "$1"
[ -e "$path" ] || [ -L "$path" ] || fail no-source
if [ -e "$path" ]; then path=$(readlink -f -- "$path"; echo x); path=\${path%?x}; fi
kind=file
if [ -d "$path" ]; then kind=folder; elif [ ! -f "$path" ]; then fail special; fi
parent=$(dirname -- "$path"; echo x); entry=$(basename -- "$path"; echo x)
entry=\${entry%?x}
printf 'qn-cp %s %s\\n' "$kind" "$(stat -c %s -- "$path")"
exec tar --format=pax --sparse --exclude='.qn-cp.*' -C "\${parent%?x}" -cf - -- "./$entry"`;

/**
 * Receives an archive for $1: of a $2 (file or folder) that is its entry $3, to be called $4 in a folder that is there;
 * $5 is "contents" when what the folder holds is meant. It is unpacked beside its place, and takes it by renaming once
 * its last entry $6 has come, in an archive of its own behind the first; whatever breaks off before leaves nothing.
 * Set-user-id and like bits do not travel.
 */
export const receiveScript = `${locate}
kind=$2 entry=$3 name=$4 contents=$5 last=$6
locate "$1"
final=$path
if [ -d "$path" ]; then
  [ "$contents" = contents ] || final=\${path%/}/$name
else
  case $path in
    */) [ "$kind" = folder ] || fail not-a-folder
        while [ "$path" != "\${path%/}" ]; do path=\${path%/}; done
        final=$path ;;
  esac
fi
if [ -L "$final" ] && [ -e "$final" ]; then final=$(readlink -f -- "$final"; echo x); final=\${final%?x}; fi
if [ "$kind" = folder ]; then
  { [ ! -e "$final" ] && [ ! -L "$final" ]; } || [ -d "$final" ] || fail not-a-folder
elif [ -d "$final" ]; then
  fail is-a-folder
fi
parent=$(dirname -- "$final"; echo x); parent=\${parent%?x}
[ -d "$parent" ] || fail no-parent
aside=$(mktemp -d -- "$parent/.qn-cp.XXXXXXXX") || fail not-writable
clean() { chmod -R u+rwX -- "$aside" 2>/dev/null; rm -rf -- "$aside"; }
trap clean EXIT
trap 'exit 130' HUP INT TERM
(umask 0; exec tar -C "$aside" --no-same-owner --no-same-permissions --ignore-zeros -xf -) || exit 10
[ -e "$aside/$last" ] || fail incomplete
new=$aside/$entry
if [ "$kind" = file ]; then mv -fT -- "$new" "$final"
elif [ -d "$final" ]; then cp -alfT -- "$new" "$final"
else
  mode=$(stat -c %a -- "$new")
  chmod u+w -- "$new" && mv -T -- "$new" "$final" && chmod "$mode" -- "$final"
fi || exit 11`;
