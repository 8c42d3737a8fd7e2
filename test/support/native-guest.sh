#!/bin/sh
# Runs the programs of a guest image on this machine's own kernel, in namespaces of their own: what they cost without an
# emulator. Runs in namespaces of mounts and network already, with `outside` as a process of the network "host".
#   native-guest.sh WORK DISK OUTSIDE [TAG PATH FOLDER]…
set -eu
# QEMU, in whose place this runs, makes its sockets for their owner alone.
umask 022
work=$1 disk=$2 outside=$3
shift 3
root=$work/root

# The second partition of the image is the system's (src/host/image/build).
offset=$(partx --raw --noheadings --output START --nr 2 "$disk")
mkdir -p "$work/disk" "$work/upper" "$work/changes" "$root" "$work/data/docker" "$work/data/containerd"
mount -o "loop,ro,offset=$((offset * 512))" "$disk" "$work/disk"
mount -t overlay guest -o "lowerdir=$work/disk,upperdir=$work/upper,workdir=$work/changes" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs dev "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/virtio-ports"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
# The doorbell, which nobody hears here: whoever knocks at the gate finds it open.
mkfifo "$root/dev/virtio-ports/qn.agent"
mount -t tmpfs run "$root/run"
mount -t tmpfs tmp "$root/tmp"
mkdir -p "$root/var/lib/qn" "$root/var/lib/docker" "$root/var/lib/containerd" "$root/run/qn"
mount --bind "$work/data" "$root/var/lib/qn"
mount --bind "$work/data/docker" "$root/var/lib/docker"
mount --bind "$work/data/containerd" "$root/var/lib/containerd"

# What is mounted by a share's tag already, the agent leaves as it is.
while [ $# -gt 0 ]; do
  mkdir -p "$root$3"
  mount -t tmpfs "$1" "$root$3"
  mount --bind "$2" "$root$3"
  shift 3
done

# As slirp has it: the guest is 10.0.2.15, its host 10.0.2.2.
ip link set lo up
ip link add uplink type veth peer name guest netns "$outside"
nsenter --net --target "$outside" sh -c 'ip addr add 10.0.2.2/24 dev guest && ip link set guest up'
ip addr add 10.0.2.15/24 dev uplink
ip link set uplink up
ip route add default via 10.0.2.2

mkdir -p "$root/run/credentials"
cp "$work/qn.boot" "$root/run/credentials/qn.boot"
echo $$ >"$work/pid"
exec >"$work/log" 2>&1

# A root of its own: in a changed one (chroot) `docker exec` would find the old one's files.
cd "$root"
pivot_root . mnt
umount -l /mnt

# The agent first, as the units have it: Docker asks it before it serves anybody.
# shellcheck disable=SC2016 # The shell in the guest expands it.
exec setpriv --pdeathsig KILL unshare --pid --fork --kill-child --mount-proc /bin/sh -c '
  # As systemd has it: what is mounted comes back to whoever asks for that.
  mount --make-rshared /
  export CREDENTIALS_DIRECTORY=/run/credentials PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin
  nft -f /etc/qn/nftables.conf
  sysctl --quiet --system
  (while :; do qn agent; done) &
  until [ -S /run/docker/plugins/qn.sock ]; do sleep 0.05; done
  exec dockerd --host unix:///run/docker.sock --cgroup-parent /qn-native
'
