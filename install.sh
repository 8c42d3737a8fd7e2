#!/bin/sh
# Installs qn for one user, without root: into ~/.local, or where --prefix says.
#
#   curl -fsSL https://github.com/OWNER/qn/releases/latest/download/install.sh | sh
#   curl -fsSL https://github.com/OWNER/qn/releases/latest/download/install.sh | sh -s -- --version 0.2.0
#
# It is functions alone until the last line, which a shell runs only when all of it is there: a script that arrived in
# part does nothing. `qn upgrade` does the same from then on (src/host/upgrade).

usage() {
  cat <<'END'
Installs qn: sh install.sh [OPTIONS]

  --version VERSION  this version; without it the newest
  --prefix FOLDER    below this folder, in bin and share; without it ~/.local
  --base URL         from a mirror: https, or a folder of this machine (QN_INSTALL_URL)
  --key FILE         the mirror's public key of ed25519, in PEM (QN_INSTALL_KEY)
  --uninstall        remove what this script has installed below the prefix
END
}

main() {
  set -eu
  umask 022
  releases=https://github.com/OWNER/qn/releases
  base=${QN_INSTALL_URL:-}
  key=${QN_INSTALL_KEY:-}
  prefix=${HOME:-}/.local
  version='' task=install_qn
  while [ $# -gt 0 ]; do
    case $1 in
      --version | --prefix | --base | --key) [ -n "${2:-}" ] || fail "$1 needs a value." ;;
    esac
    case $1 in
      --version) version=${2#v} && shift ;;
      --prefix) prefix=$2 && shift ;;
      --base) base=$2 && shift ;;
      --key) key=$2 && shift ;;
      --uninstall) task=uninstall_qn ;;
      -h | --help) usage && exit 0 ;;
      *) fail "\"$1\" is not an option; --help lists them." ;;
    esac
    shift
  done
  case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
  case $prefix$base in *[[:cntrl:]\"\\]*) fail "A quote, a backslash or a control character is in \"$prefix$base\"." ;; esac
  receipt=$prefix/share/qn/install.json
  "$task"
}

say() {
  printf '%s\n' "$*"
}

fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

has() {
  command -v "$1" >/dev/null 2>&1
}

install_qn() {
  [ "$prefix" != /.local ] || fail 'HOME is not set; name a folder with --prefix.'
  find_platform
  find_base
  work=$(mktemp -d "${TMPDIR:-/tmp}/qn-install.XXXXXX") || fail 'No temporary folder can be made.'
  trap 'rm -rf "$work"; rm -f "$prefix/bin/.qn.install.$$"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' HUP TERM
  if [ -e "$prefix/bin/qn" ] && [ ! -e "$receipt" ]; then
    fail "$prefix/bin/qn is there, and this script has not installed it: remove it, or choose another --prefix."
  fi
  fetch_archive
  tar -xzf "$work/$name.tar.gz" -C "$work" || fail "$name.tar.gz cannot be unpacked."
  install_files "$work/$name"
  say "qn $version is installed: $prefix/bin/qn"
  advise_path
  advise_qemu
  say 'To see whether all is there: qn doctor. To begin: qn up.'
}

find_platform() {
  case $(uname -s) in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    *) fail "qn runs on Linux and macOS, and this is $(uname -s)." ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) arch=x64 loader=/lib64/ld-linux-x86-64.so.2 ;;
    aarch64 | arm64) arch=arm64 loader=/lib/ld-linux-aarch64.so.1 ;;
    *) fail "qn is built for x86_64 and ARM64, and this machine is $(uname -m)." ;;
  esac
  if [ "$os" = darwin ]; then
    # A shell that Rosetta runs takes an Apple Silicon for an Intel.
    [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" != 1 ] || arch=arm64
    macos=$(sw_vers -productVersion)
    [ "${macos%%.*}" -ge 13 ] || fail "qn needs macOS 13 or newer, and this is macOS $macos."
  elif [ -e /etc/NIXOS ]; then
    fail 'On NixOS Nix installs qn: nix profile install github:OWNER/qn'
  elif ldd --version 2>&1 | grep -qi musl; then
    fail 'This Linux is made with musl, as Alpine is, and qn is built for glibc only.'
  elif [ ! -e "$loader" ]; then
    fail "This Linux has no $loader: qn is built for glibc of the machine's own architecture only."
  fi
}

# Unencrypted only from this machine itself, as the setting imageUrl.
find_base() {
  case ${base:=$releases/download} in
    /*) base=file://$base ;;
    https://* | file:///*) ;;
    http://localhost[:/]* | http://127.0.0.1[:/]* | http://\[::1\][:/]*) ;;
    *) fail "\"$base\" is no https address and no folder." ;;
  esac
  base=${base%/}
}

# Gets one file, of at most some hundred MB whatever a server sends: fetch ADDRESS FILE
fetch() {
  case $1 in
    file://*)
      cp "${1#file://}" "$2"
      return
      ;;
  esac
  (
    ulimit -f 1000000 2>/dev/null || :
    if has curl; then
      case $1 in https:*) scheme='=https' ;; *) scheme='=http' ;; esac
      curl --proto "$scheme" --max-redirs 5 -fsSL --retry 2 --connect-timeout 30 --speed-limit 1 --speed-time 60 -o "$2" "$1"
    elif has wget; then
      # No deadline: busybox 1.35 of Debian crashes when it is given one.
      wget -q -O "$2" "$1"
    else
      fail 'Neither curl nor wget is here.'
    fi
  )
}

fetch_archive() {
  if [ -n "$version" ]; then
    folder=$base/v$version
  elif [ "$base" = "$releases/download" ]; then
    folder=$releases/latest/download
  else
    fetch "$base/latest" "$work/latest" || fail "$base/latest cannot be fetched."
    version=$(head -n 1 "$work/latest")
    version=${version#v}
    require_version
    folder=$base/v$version
  fi
  fetch "$folder/SHA256SUMS" "$work/SHA256SUMS" || fail "$folder/SHA256SUMS cannot be fetched."
  check_signature
  [ -n "$version" ] || version=$(sed -n "s/^[0-9a-f]* [ *]qn-\(.*\)-$os-$arch\.tar\.gz\$/\1/p" "$work/SHA256SUMS")
  require_version
  name=qn-$version-$os-$arch
  wanted=''
  while read -r sum file; do
    [ "${file#\*}" != "$name.tar.gz" ] || wanted=$sum
  done <"$work/SHA256SUMS"
  [ -n "$wanted" ] || fail "There is no qn $version for $os-$arch at $folder."
  say "Fetching qn $version for $os-$arch."
  fetch "$base/v$version/$name.tar.gz" "$work/$name.tar.gz" || fail "$base/v$version/$name.tar.gz cannot be fetched."
  [ "$(sum_of "$work/$name.tar.gz")" = "$wanted" ] ||
    fail "$name.tar.gz is not what SHA256SUMS says: broken on its way, or not what was released. Nothing was installed."
}

require_version() {
  case $version in
    '' | [!0-9]* | *[!0-9A-Za-z.+-]*) fail "\"$version\" is no version of qn." ;;
  esac
}

sum_of() {
  if has sha256sum; then
    sha256sum <"$1"
  elif has shasum; then
    shasum -a 256 <"$1"
  else
    openssl dgst -sha256 -r <"$1"
  fi | cut -c 1-64
}

# The keys of qn's releases, as src/host/image/pull/keys.ts has them; a test compares them.
release_keys() {
  cat <<'END'
END
}

check_signature() {
  if [ -n "$key" ]; then
    cp "$key" "$work/keys" || fail "$key cannot be read."
  else
    release_keys >"$work/keys"
  fi
  if [ ! -s "$work/keys" ]; then
    say 'Note: this script knows no key, so no signature was checked. The sum shows that the download is whole; whose it is'
    say '      only the certificate of the server says.'
  elif ! openssl pkeyutl -help 2>&1 | grep -q -e -rawin; then
    say 'Note: the signature was not checked, since OpenSSL 3 is not here. The sum shows that the download is whole; whose it'
    say '      is only the certificate of the server says. (qn itself checks signatures when it is upgraded.)'
  else
    fetch "$folder/SHA256SUMS.sig" "$work/signatures" || fail "$folder/SHA256SUMS.sig cannot be fetched."
    is_signed || fail "$folder/SHA256SUMS is signed by nobody whose key is known. Nothing was installed."
  fi
}

# Whether one of the lines is a signature by one of the keys.
is_signed() {
  awk -v file="$work/key." '/BEGIN/ { n += 1 } n { print > (file n) }' "$work/keys"
  while read -r line || [ -n "$line" ]; do
    printf '%s' "$line" | openssl base64 -d -A >"$work/signature"
    for one in "$work"/key.*; do
      openssl pkeyutl -verify -pubin -inkey "$one" -rawin -in "$work/SHA256SUMS" -sigfile "$work/signature" \
        >/dev/null 2>&1 && return
    done
  done <"$work/signatures"
  return 1
}

# Where the files of an archive go below the prefix; src/host/upgrade/files.ts has the same.
list_files() {
  for page in "$1"/share/man/man1/*.1; do
    say "share/man/man1/${page##*/} share/man/man1/${page##*/}"
  done
  cat <<'END'
share/completions/qn.bash share/bash-completion/completions/qn
share/completions/_qn share/zsh/site-functions/_qn
share/completions/qn.fish share/fish/vendor_completions.d/qn.fish
LICENSE share/doc/qn/LICENSE
THIRD-PARTY-NOTICES.txt share/doc/qn/THIRD-PARTY-NOTICES.txt
README.md share/doc/qn/README.md
bin/qn bin/qn
END
}

# The program comes last, and is tried before: until then the one that was there is there.
install_files() {
  mkdir -p "$prefix/bin" "$prefix/share/qn" || fail "$prefix cannot be written to."
  list_files "$1" >"$work/list"
  cut -d ' ' -f 2 "$work/list" >"$work/new"
  { cat "$work/new" && files_there; } | sort -u >"$work/all"
  write_receipt "$work/all"
  while read -r from to; do
    put "$1/$from" "$to"
  done <"$work/list"
  while read -r file; do
    grep -qxF "$file" "$work/new" || [ "$file" = bin/qn.previous ] || rm -f "$prefix/$file"
  done <"$work/all"
  [ ! -e "$prefix/bin/qn.previous" ] || say bin/qn.previous >>"$work/new"
  write_receipt "$work/new"
}

# Puts one file in place in one step: put FROM TO
put() {
  [ -f "$1" ] || fail "The archive has no ${1#"$work/"}."
  [ ! -d "$prefix/$2" ] || fail "$prefix/$2 is a folder."
  mode=644
  temporary=$prefix/${2%/*}/.qn.install.$$
  [ "$2" != bin/qn ] || mode=755
  if ! { mkdir -p "$prefix/${2%/*}" && cp "$1" "$temporary" && chmod "$mode" "$temporary"; }; then
    rm -f "$temporary"
    fail "$prefix/$2 cannot be written."
  fi
  if [ "$2" = bin/qn ]; then
    said=$("$temporary" --version </dev/null 2>&1 || :)
    [ "${said%% *}" = "$version" ] || fail "The program does not run on this machine, and was not installed: $said"
  fi
  mv -f "$temporary" "$prefix/$2" || fail "$prefix/$2 cannot be written."
}

# What `qn upgrade` and --uninstall read: where from, whose key where it is not qn's, and each file below the prefix.
write_receipt() {
  if ! {
    printf '{\n  "format": 1,\n'
    if [ "$base" = "$releases/download" ]; then say '  "base": null,'; else say "  \"base\": \"$base\","; fi
    if [ -n "$key" ]; then say "  \"key\": \"$(grep -v -e ----- "$key" | tr -d '\r\n')\","; else say '  "key": null,'; fi
    printf '  "files": [\n'
    sed -e 's/.*/    "&",/' -e '$s/,$//' "$1"
    printf '  ]\n}\n'
  } >"$receipt.$$" || ! mv -f "$receipt.$$" "$receipt"; then
    rm -f "$receipt.$$"
    fail "$receipt cannot be written."
  fi
}

# The files that the receipt names; others than of qn's kind are nobody's to remove.
files_there() {
  [ ! -e "$receipt" ] || sed -n 's/^    "\([^"]*\)",\{0,1\}$/\1/p' "$receipt" | grep -v -F .. | grep -E '^(bin|share)/' || :
}

uninstall_qn() {
  [ -e "$receipt" ] || fail "This script has installed nothing below $prefix."
  list=$(files_there)
  # What was killed on its way has a name that begins with .qn.
  say "share/qn/install.json
$list" | while read -r file; do
    rm -f "$prefix/$file" "$prefix/${file%/*}"/.qn.*
  done
  # Folders that are empty now, as far as they are.
  say "share/qn/install.json
$list" | while read -r file; do
    (cd "$prefix" && rmdir -p "${file%/*}" 2>/dev/null) || :
  done
  say "qn is removed from $prefix. VMs stay, with images and settings, and one that runs goes on."
  say "To delete them without qn, stop what runs (a restart of this machine does) and: rm -r ${QN_HOME:-~/.qn}"
}

advise_path() {
  found=$(command -v qn || :)
  case ":$PATH:" in
    *":$prefix/bin:"*)
      [ "$found" = "$prefix/bin/qn" ] || say "Note: $found comes first in PATH."
      return
      ;;
  esac
  line="export PATH=\"$prefix/bin:\$PATH\""
  shell=${SHELL:-sh}
  case ${shell##*/}-$os in
    fish-*) line="fish_add_path \"$prefix/bin\"" ;;
    zsh-*) line="echo '$line' >> ~/.zshrc" ;;
    bash-darwin) line="echo '$line' >> ~/.bash_profile" ;;
    bash-*) line="echo '$line' >> ~/.bashrc" ;;
    *) line="echo '$line' >> ~/.profile" ;;
  esac
  say "$prefix/bin is not in PATH. This puts it there, for shells that are started then:"
  say "  $line"
}

advise_qemu() {
  case $arch in x64) has qemu-system-x86_64 ;; *) has qemu-system-aarch64 ;; esac && return
  line=$(qemu_line)
  say "QEMU is not in PATH${line:+. To install it:}"
  [ -z "$line" ] || say "  $line"
}

# What installs QEMU and what belongs to it, by the first of these programs that is here. src/host/qemu/packages.ts has the
# same for `qn doctor`; a test compares them.
qemu_line() {
  for manager in apt-get dnf pacman zypper apk brew nix; do
    has "$manager" || continue
    case $manager-$arch in
      apt-get-x64) say 'sudo apt-get install qemu-system-x86 qemu-utils ovmf openssh-client' ;;
      apt-get-arm64) say 'sudo apt-get install qemu-system-arm qemu-utils qemu-efi-aarch64 openssh-client' ;;
      dnf-x64) say 'sudo dnf install qemu-system-x86-core qemu-img edk2-ovmf openssh-clients' ;;
      dnf-arm64) say 'sudo dnf install qemu-system-aarch64-core qemu-img edk2-aarch64 openssh-clients' ;;
      pacman-x64) say 'sudo pacman -S qemu-base edk2-ovmf openssh' ;;
      pacman-arm64) say 'sudo pacman -S qemu-system-aarch64 qemu-img edk2-aarch64 openssh' ;;
      zypper-x64) say 'sudo zypper install qemu-x86 qemu-tools qemu-ovmf-x86_64 openssh-clients' ;;
      zypper-arm64) say 'sudo zypper install qemu-arm qemu-tools qemu-uefi-aarch64 openssh-clients' ;;
      apk-x64) say 'sudo apk add qemu-system-x86_64 qemu-img ovmf openssh-client' ;;
      apk-arm64) say 'sudo apk add qemu-system-aarch64 qemu-img aavmf openssh-client' ;;
      brew-*) say 'brew install qemu' ;;
      nix-*) say 'nix profile install nixpkgs#qemu' ;;
    esac
    return
  done
}

{ main "$@"; }
