#!/bin/sh
# What `qn deploy` runs in the guest, as root. A new system is tried first and made the one that boots only when the host says that
# agent and Docker are well. Until then a timer of systemd's brings the old one back: whether the host, the agent or this
# very switch dies meanwhile. A guest that crashes on the way boots the old system.
set -u
state=/run/qn/deploy
profile=/nix/var/nix/profiles/system
current=/run/current-system
roots=/nix/var/nix/gcroots
PATH=$current/sw/bin:/nix/var/nix/profiles/default/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export PATH

# Why it cannot go on, as one word for the host; exit status 9.
fail() {
  printf 'qn-deploy: %s\n' "$1" >&2
  exit 9
}

require_system() {
  [ -x "$1/bin/switch-to-configuration" ] || fail not-a-system
}

# Who is first decides between commit and rollback; both may come at once.
decide() {
  (set -C && printf '%s\n' "$1" >"$state/decision") 2>/dev/null
}

# Waits until nobody holds a lock, then shows what was left there.
await() {
  flock --shared "$state/$1.lock" true
  cat "$state/$1" 2>/dev/null || echo none
}

# begin NEW DEADLINE GENERATION: arms the timer, then starts the switch; GENERATION is 0, or that of the profile that NEW is.
begin() {
  require_system "$1"
  mkdir -p "$state"
  exec 8>"$state/begin.lock"
  flock --nonblock 8 || fail busy
  if [ -e "$state/decision" ] || [ ! -e "$state/new" ]; then :; else fail busy; fi
  systemctl stop qn-rollback.timer qn-rollback.service qn-switch.service 2>/dev/null
  systemctl reset-failed qn-rollback.timer qn-rollback.service qn-switch.service 2>/dev/null
  rm -f "$state/decision" "$state/switch" "$state/rollback" "$state/called-off" "$state"/*.log
  readlink -f "$current" >"$state/old"
  printf '%s\n' "$1" >"$state/new"
  printf '%s\n' "$3" >"$state/generation"
  # A garbage collection must take neither.
  mkdir -p "$roots"
  ln -sfn "$(cat "$state/old")" "$roots/qn-deploy-old"
  ln -sfn "$1" "$roots/qn-deploy-new"
  systemd-run --quiet --collect --unit=qn-rollback --on-active="$2" --timer-property=AccuracySec=100ms \
    --property=Type=notify --property=NotifyAccess=all --property=TimeoutStartSec=infinity \
    /bin/sh "$state/run" rollback "it was not well within $2 s" || { rm -f "$state/new"; fail no-timer; }
  systemd-run --quiet --collect --unit=qn-switch --property=Type=notify --property=NotifyAccess=all \
    --property=TimeoutStopSec=5 --property=TimeoutStartSec=infinity /bin/sh "$state/run" switch || {
    systemctl stop qn-rollback.timer
    rm -f "$state/new"
    fail no-switch
  }
}

# In the unit qn-switch: the new system, until the next boot.
switch() {
  exec 9>"$state/switch.lock"
  flock 9
  systemd-notify --ready
  new=$(cat "$state/new")
  # The lock is this shell's: a daemon that the switch starts must not inherit it.
  "$new/bin/switch-to-configuration" test >"$state/switch.log" 2>&1 9>&-
  status=$?
  printf '%s\n' "$status" >"$state/switch"
  [ "$status" -eq 0 ] || systemctl start --no-block qn-rollback.service
}

# rollback WHY, in the unit qn-rollback: the old system again, unless the new one was found well.
rollback() {
  exec 9>"$state/rollback.lock"
  flock 9
  systemd-notify --ready
  why=$1
  [ -e "$state/called-off" ] && why="it was called off"
  status=$(cat "$state/switch" 2>/dev/null)
  [ "${status:-0}" = 0 ] || why="the switch ended with status $status"
  decide "rollback: $why" || exit 0
  systemctl stop qn-rollback.timer
  systemctl kill --signal=KILL qn-switch.service 2>/dev/null
  systemctl stop qn-switch.service 2>/dev/null
  old=$(cat "$state/old")
  "$old/bin/switch-to-configuration" test >"$state/rollback.log" 2>&1 9>&-
  printf '%s\n' "$?" >"$state/rollback"
  rm -f "$roots/qn-deploy-new" "$roots/qn-deploy-old"
}

# The host has found the new system well: it is the one that boots from now on.
commit() {
  decide commit || fail too-late
  systemctl stop qn-rollback.timer
  keep "$(cat "$state/new")" "$(cat "$state/generation")"
  rm -f "$roots/qn-deploy-new" "$roots/qn-deploy-old"
}

# keep NEW GENERATION: enters it into the profile and the boot loader.
keep() {
  if [ "$2" = 0 ]; then
    nix-env --profile "$profile" --set "$1" || fail no-profile
  else
    nix-env --profile "$profile" --switch-generation "$2" || fail no-profile
  fi
  "$1/bin/switch-to-configuration" boot || fail no-boot
}

# The generation before the one that the profile has, and its path.
previous() {
  own=$(readlink "$profile" | sed 's/.*-\([0-9]*\)-link$/\1/')
  for link in "$profile"-*-link; do
    number=${link%-link}
    number=${number##*-}
    [ "$number" -lt "${own:-0}" ] 2>/dev/null && echo "$number"
  done | sort -n | tail -n 1 | {
    read -r number || fail no-previous
    printf '%s %s\n' "$number" "$(readlink -f "$profile-$number-link")"
  }
}

case $1 in
  begin) begin "$2" "$3" "$4" ;;
  switch) switch ;;
  rollback) rollback "$2" ;;
  await) await "$2" ;;
  commit) commit ;;
  # What the host waits for, as far as it can be seen here. The system may be one of an older qn, with two agents.
  well)
    systemctl is-active --quiet qn-agent.service ||
      { systemctl is-active --quiet qn-tmp.service && systemctl is-active --quiet qn-ports.service; }
    ;;
  call-off) : >"$state/called-off" && systemctl start qn-rollback.service ;;
  outcome) cat "$state/decision" "$state/rollback" 2>/dev/null ;;
  log) tail -n 15 "$state/$2.log" 2>/dev/null ;;
  boot) require_system "$2" && keep "$2" "$3" ;;
  try) require_system "$2" && "$2/bin/switch-to-configuration" dry-activate ;;
  has) [ -x "$2/bin/switch-to-configuration" ] ;;
  previous) previous ;;
  differences)
    command -v nix >/dev/null || exit 0
    nix --extra-experimental-features nix-command store diff-closures "$(readlink -f "$current")" "$2"
    ;;
  *) fail usage ;;
esac
