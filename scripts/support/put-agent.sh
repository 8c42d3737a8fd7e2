#!/bin/sh
# The guest's side of scripts/agent: put-agent KEEP HEAD HASH. The new qn comes on stdin, packed by gzip: its first HEAD bytes, and
# what stands behind its first KEEP bytes. The bytes between are those of the guest's own qn; HASH (b2sum) tells whether they are.
set -eu
keep=$1
head=$2
hash=$3

fail() {
  echo "$1" >&2
  exit 1
}

# The services that run `qn agent …` and say when they are ready, and the program that they run.
agents=$(systemctl show -p Id -p Type -p ExecStart 'qn-*.service' |
  awk -v RS= '/(^|\n)Type=notify/ {
    match($0, /Id=[^\n]+/); id = substr($0, RSTART + 3, RLENGTH - 3)
    match($0, /path=[^ ;]+/); print substr($0, RSTART + 5, RLENGTH - 5), id
  }')
[ -n "$agents" ] || fail "This guest has no agent of qn's."
qn=$(echo "$agents" | sed -n '1s/ .*//p')
case $qn in
  /nix/store/*) fail "The guest is NixOS, where $qn cannot be replaced: bring the change with qn deploy." ;;
esac

new=$qn.new
rm -f "$new"
[ "$keep" = 0 ] || cp "$qn" "$new"
truncate -s "$keep" "$new"
gzip -dc | {
  dd of="$new" bs="$head" count=1 iflag=fullblock conv=notrunc status=none
  cat >>"$new"
}
if [ "$(b2sum <"$new" | cut -d ' ' -f 1)" != "$hash" ]; then
  rm -f "$new"
  # scripts/agent knows this number: the guest's qn has another Bun inside, or the way here was broken off.
  exit 10
fi
chmod 755 "$new"
mv -f "$new" "$qn"
# shellcheck disable=SC2046 # one word for each unit
systemctl restart $(echo "$agents" | cut -d ' ' -f 2)
echo "$agents"
