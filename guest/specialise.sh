#!/bin/sh
# Makes this guest the system that the VM's settings name (`flake`), with one reboot: once for each content of the flake. As a
# switch would end this very service, the new system only boots.
set -eu
PATH=/run/current-system/sw/bin:/usr/local/bin:$PATH
export PATH
# On the system disk, as the system is: a new disk is a new guest.
stamp=/var/lib/qn-specialised

{
  read -r folder
  read -r name
} </run/qn/flake
# Nix takes a link for a file.
folder=$(readlink -f "$folder")
content=$(tar --sort=name --mtime=@0 --owner=0 --group=0 --exclude=.git -C "$folder" -cf - . | sha256sum)
wanted="$name $content"
[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || exit 0

# By path: git would refuse a folder of another owner. The folder is somebody else's, or read-only: what it has no lock for, it does not
# get one of here.
nixos-rebuild boot --flake "path:$folder#$name" --no-write-lock-file
# Before the reboot, so that there is never a second one, whatever the new system does.
printf '%s\n' "$wanted" >"$stamp"
sync
if [ "$(readlink -f /nix/var/nix/profiles/system)" != "$(readlink -f /run/current-system)" ]; then
  : >/run/qn/specialised
  systemctl reboot
fi
