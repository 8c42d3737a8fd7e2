#!/usr/bin/env bash
# A guest's network, its firewall ($1) loaded, with slirp, a container and one that forges its sender around it: run in a
# network of its own (unshare -n). $2 is the program that listens, $3 a port of the host that the agent hides. It says who
# reaches what: "container 10.0.2.2 4002", a line each, and "forged PORT COUNT" for what came as far as the guest's TCP.
set -euo pipefail
rules=$1 bun=$2 hidden=$3
started=()
trap 'kill "${started[@]}"' EXIT

inside() { nsenter --target "$1" --net "${@:2}"; }
# Another network beside this one, by the process that holds it; its address and its way are given with the card.
beside() {
  unshare --net sleep 60 >/dev/null 2>&1 &
  started+=($!)
  until [ "$(readlink "/proc/$!/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
  ip link add "$1" type veth peer name eth0 netns $!
  ip address add "$2" dev "$1"
  ip link set "$1" up
  echo 0 >"/proc/sys/net/ipv4/conf/$1/rp_filter"
  inside $! ip link set lo up
  inside $! ip link set eth0 up
  inside $! ip address add "$3" dev eth0
  inside $! ip route add default via "${2%/*}"
}
# Listens in the network of a process, and returns once it does.
listening() {
  exec {ready}< <(exec nsenter --target "$1" --net "$bun" -e '
    for (const port of process.argv.slice(1)) Bun.listen({ hostname: "0.0.0.0", port: Number(port), socket: { data() {} } });
    console.log("ready")' "${@:2}")
  started+=($!)
  read -r -u "$ready"
}
knock() { inside "$1" timeout "${5:-2}" bash -c ": 2>/dev/null </dev/tcp/$3/$4" 2>/dev/null && echo "$2 $3 $4"; true; }
segments() { awk '/^Tcp: [0-9]/ { print $11 }' /proc/net/snmp; }

ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
beside uplink 10.0.2.15/24 10.0.2.2/24
host=$!
inside $host ip address add 10.0.2.3/24 dev eth0
ip route add default via 10.0.2.2
beside docker0 172.17.0.1/16 172.17.0.2/16
container=$!
beside docker1 172.18.0.1/16 172.18.0.2/16
forger=$!
inside $forger ip address add 10.0.2.2/32 dev lo
inside $forger ip route replace default via 172.18.0.1 src 10.0.2.2
nft -f "$rules"
nft "add element inet qn host_ports { $hidden }"
listening $$ 1021 1022 1023
listening $host "$hidden" 4002 20047 20048 20479 53 853

# Nobody answers the forger: each try takes as long as it is given.
while read -r port seconds; do
  before=$(segments)
  knock $forger forger 10.0.2.15 "$port" "$seconds" </dev/null
  echo "forged $port $(($(segments) - before))"
done <<<$'1021 0.7\n1022 0.7\n1023 2'
declare -A holders=([host]=$host [container]=$container [guest]=$$)
knocks=()
for target in "10.0.2.15 1021" "10.0.2.15 1022" "10.0.2.15 1023" "172.17.0.1 1021" "172.17.0.1 1022" "172.17.0.1 $hidden" \
  "172.17.0.1 4002" "172.17.0.1 20479" "127.0.0.1 1021" "10.0.2.2 $hidden" "10.0.2.2 4002" "10.0.2.2 20047" "10.0.2.2 20048" \
  "10.0.2.2 20479" "10.0.2.3 53" "10.0.2.3 853"; do
  for who in host container guest; do
    # shellcheck disable=SC2086 # an address and a port
    knock "${holders[$who]}" "$who" $target &
    knocks+=($!)
  done
done
wait "${knocks[@]}"
