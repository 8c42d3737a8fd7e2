#!/bin/sh
# What `qn container` runs in the guest, as root: machines of systemd-nspawn, those of NixOS (`containers.<name>`) among them.
set -u
PATH=/run/current-system/sw/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export PATH

action=$1
shift

# Why it cannot go on, as one word for the host; exit status 9. Where a person's terminal is in its place, the host finds out itself.
fail() {
  case $action in shell | logs) ;; *) printf 'qn-container: %s\n' "$1" >&2 ;; esac
  exit 9
}

command -v machinectl >/dev/null || fail no-machinectl

# The unit that starts a machine of this name.
unit_of() {
  if [ -e "/etc/nixos-containers/$1.conf" ]; then echo "container@$1.service"; else echo "systemd-nspawn@$1.service"; fi
}

is_known() {
  machinectl show "$1" >/dev/null 2>&1 || [ -e "/etc/nixos-containers/$1.conf" ] || machinectl show-image "$1" >/dev/null 2>&1
}

# Names of all that there is: machines that run, images that systemd knows, and NixOS' own.
names() {
  machinectl list --no-legend --no-pager | while read -r name class _; do [ "$class" = container ] && echo "$name"; done
  machinectl list-images --no-legend --no-pager 2>/dev/null | while read -r name _; do echo "$name"; done
  for file in /etc/nixos-containers/*.conf; do
    [ -e "$file" ] && basename "$file" .conf
  done
}

# A line for each: name, state, addresses.
list() {
  names | grep -v '^\.host$' | sort -u | while read -r name; do
    if machinectl show "$name" >/dev/null 2>&1; then
      addresses=$(machinectl list --no-legend --no-pager --full --max-addresses=all 2>/dev/null |
        awk -v name="$name" '$1 == name { found = 1; print $6; next } found && NF == 1 { print $1; next } { found = 0 }' |
        tr -d '…' | grep -v '^-$' | paste -s -d , -)
      printf '%s\trunning\t%s\n' "$name" "$addresses"
    else
      printf '%s\tstopped\t\n' "$name"
    fi
  done
}

# A login shell in the machine, or a command: with its own paths, whatever it runs.
shell() {
  leader=$(machinectl show --property=Leader --value "$1" 2>/dev/null) || fail not-running
  shift
  if [ $# -eq 0 ]; then exec nsenter --target "$leader" --all --wd=/ -- /bin/sh -l; fi
  exec nsenter --target "$leader" --all --wd=/ -- /bin/sh -lc 'exec "$@"' sh "$@"
}

start() {
  machinectl show "$1" >/dev/null 2>&1 && exit 0
  systemctl start "$(unit_of "$1")" || fail not-started
}

# One that somebody started by hand has no unit of its own: its init is asked to power off.
stop() {
  machinectl show "$1" >/dev/null 2>&1 || exit 0
  unit=$(machinectl show --property=Unit --value "$1")
  case $unit in
    *.service) systemctl stop "$unit" ;;
    *) machinectl terminate "$1" ;;
  esac || fail not-stopped
}

# What the machine has said on its console; its own journal where it has one.
logs() {
  name=$1
  shift
  # Without one journalctl says that there are no entries, and that all is well.
  if [ -n "$(journalctl --quiet --machine "$name" --lines 1 2>/dev/null)" ]; then exec journalctl --no-pager --machine "$name" "$@"; fi
  exec journalctl --no-pager --unit "$(unit_of "$name")" "$@"
}

case $action in
  list) list ;;
  *)
    is_known "$1" || fail no-such
    "$action" "$@"
    ;;
esac
