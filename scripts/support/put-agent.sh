#!/bin/sh
# The guest's side of scripts/agent: put-agent KEEP HEAD EDGE HASH. Of the guest's own qn the bytes from HEAD to KEEP stay, if HASH
# (b2sum) is that of their first and last EDGE bytes: all of them take two seconds where the guest is emulated. What is before and behind them comes on stdin, packed by gzip, once the host has built it; the copy is ready by then.
set -eu
keep=$1
head=$2
edge=$3
hash=$4

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
broken=$qn.broken
trap 'rm -f "$new" "$broken"' EXIT
rm -f "$new" "$broken"
if [ "$keep" != 0 ]; then
  cp "$qn" "$new"
  truncate -s "$keep" "$new"
  sum=$({
    tail -c "+$((head + 1))" "$new" | head -c "$edge"
    tail -c "$edge" "$new"
  } | b2sum)
  # scripts/agent knows this number: the guest's qn has another Bun inside.
  [ "${sum%% *}" = "$hash" ] || exit 10
fi
# Of a pipe only the last one's status is known.
{ gzip -dc || : >"$broken"; } | {
  dd of="$new" bs="$head" count=1 iflag=fullblock conv=notrunc status=none
  cat >>"$new"
}
[ ! -e "$broken" ] || fail "What the host sent is not whole."
chmod 755 "$new"
mv -f "$new" "$qn"
# shellcheck disable=SC2046 # one word for each unit
systemctl restart $(echo "$agents" | cut -d ' ' -f 2)
echo "$agents"
