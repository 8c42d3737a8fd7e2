#!/bin/sh
# The first process of a guest for tests that start it a hundred times: what the agent needs and nothing else. No systemd, no
# Docker but a stand-in, no shares, no sshd; the power button turns it off.
export PATH=/usr/local/bin:/usr/sbin:/usr/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
mount -t tmpfs run /run
for module in virtio_net button evdev nf_tables nft_chain_nat; do modprobe "$module"; done

# The host's words for this boot: a string of SMBIOS type 11, as systemd would read it.
export CREDENTIALS_DIRECTORY=/run/credentials
mkdir -p /run/qn "$CREDENTIALS_DIRECTORY" /dev/virtio-ports
cat /sys/firmware/dmi/entries/11-*/raw | tr '\0' '\n' |
  sed -n 's/^.*io.systemd.credential.binary:qn.boot=//p' | base64 -d > "$CREDENTIALS_DIRECTORY/qn.boot"

for port in /sys/class/virtio-ports/*; do
  ln -s "../${port##*/}" "/dev/virtio-ports/$(cat "$port/name")"
done
ip link set lo up
ip link set eth0 name uplink
ip addr add 10.0.2.15/24 dev uplink
ip link set uplink up
ip route add default via 10.0.2.2
nft -f /etc/qn/nftables.conf

BUN_BE_BUN=1 qn /usr/local/lib/stand-in-docker.js &
qn agent ports &

for input in /sys/class/input/event*; do
  [ "$(cat "$input/device/name")" = "Power Button" ] && button="/dev/input/${input##*/}"
done
echo "waiting for the power button $button"
dd if="$button" of=/dev/null bs=24 count=1
sync
echo o > /proc/sysrq-trigger
# The first process must not end: the kernel would call it a panic.
while :; do sleep 60; done
