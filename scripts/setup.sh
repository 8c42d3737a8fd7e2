# What has to be there before anything else runs: Debian's packages, Bun and the libraries from npm.
# shellcheck shell=bash
# Sourced by scripts/setup, scripts/up and scripts/test from the repository's folder; plain enough for the Bash 3.2 of macOS.

bun=node_modules/.bin/bun

fail() {
  printf '%s: %s\n' "$0" "$1" >&2
  exit 1
}

# Runs one step, and says how long it took: step NAME COMMAND…
# (What a step calls handles each failure itself: Bash ignores `set -e` to the left of `||`.)
step() {
  local name=$1 started=$SECONDS
  shift
  printf '==> %s\n' "$name"
  "$@" || fail "$name: failed; the lines above say why."
  printf '    %s s\n' $((SECONDS - started))
}

# Everything that scripts/up needs, or scripts/test and scripts/setup too, or scripts/test --long: set_up up, set_up test, or
# set_up 'test long'.
set_up() {
  step 'Programs' programs "$1"
  step 'Libraries' libraries
}

programs() {
  local program
  for program in node npm; do
    command -v "$program" >/dev/null || fail "$program is missing: Node.js and npm have to be there first."
  done
  if command -v apt-get >/dev/null; then
    debian_packages "$1"
  else
    named_programs
  fi
}

debian_packages() {
  local architecture installed missing='' package wanted purpose why
  architecture=$(dpkg --print-architecture)
  installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
  while read -r package wanted purpose why; do
    case "$package $wanted" in '#'* | ' ') continue ;; *' any' | *" $architecture") ;; *) continue ;; esac
    case "up $1" in *"$purpose"*) ;; *) continue ;; esac
    grep -qx "$package" <<<"$installed" && continue
    printf '    %s is missing (%s)\n' "$package" "$why"
    missing="$missing $package"
  done <scripts/packages
  [ -n "$missing" ] || { echo '    nothing is missing' && return; }
  local sudo=''
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "not root, and there is no sudo; root has to run: apt-get install$missing"
    sudo=sudo
  fi
  # shellcheck disable=SC2086 # one word for each package, and perhaps none for sudo
  $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -o Dpkg::Use-Pty=0 --yes --no-install-recommends $missing
}

# Without apt-get nothing is installed, only named: the programs, and what Homebrew calls them.
named_programs() {
  local arch missing='' program formula
  arch=$(uname -m | sed 's/arm64/aarch64/')
  while read -r program formula; do
    command -v "$program" >/dev/null || missing="$missing $formula"
  done <<EOF
qemu-system-$arch qemu
qemu-img qemu
ssh openssh
EOF
  # shellcheck disable=SC2086 # one word for each package
  missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
  [ -z "${missing// /}" ] || fail "please install what is missing: brew install $missing(or your system's packages of that name)"
  echo '    nothing is missing'
}

# Bun comes from npm, in the version that package.json names and with the content that bun.lock names.
libraries() {
  local version scratch candidate
  version=$(node -p 'require("./package.json").devDependencies.bun') || return
  if [ "$("$bun" --version 2>/dev/null)" = "$version" ]; then
    "$bun" install --frozen-lockfile
    return
  fi
  scratch=$(mktemp -d) || return
  npm install --prefix "$scratch" --no-save --ignore-scripts --no-audit --no-fund --loglevel=error "bun@$version" || return
  node scripts/locked.mjs "$scratch/node_modules/.package-lock.json" bun.lock || return
  # An old npm installs the builds for glibc and for musl side by side: take the one that runs.
  for candidate in "$scratch"/node_modules/@oven/bun-*/bin/bun; do
    if [ "$("$candidate" --version 2>/dev/null)" = "$version" ]; then
      "$candidate" install --frozen-lockfile
      break
    fi
  done
  rm -rf "$scratch"
  [ "$("$bun" --version)" = "$version" ]
}
