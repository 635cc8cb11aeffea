#!/bin/sh
# Installs a released statewright for the user who runs this. Needs curl or wget, tar, and sha256sum or shasum; never root.
#
#   STATEWRIGHT_REPOSITORY   where the releases are, such as https://github.com/your-org/statewright; or a folder that scripts/dist filled
#   STATEWRIGHT_VERSION      which one, such as 0.1.0; the newest if it is not said
#   STATEWRIGHT_INSTALL_DIR  where the program goes; ~/.local/bin if it is not said
set -eu

fail() {
  echo "statewright cannot be installed: $1" >&2
  exit 1
}

repository=${STATEWRIGHT_REPOSITORY:-}
version=${STATEWRIGHT_VERSION:-}
version=${version#v}
[ -n "$repository" ] || fail "STATEWRIGHT_REPOSITORY does not say where the releases are"
folder=${STATEWRIGHT_INSTALL_DIR:-${HOME:?there is no HOME: set STATEWRIGHT_INSTALL_DIR}/.local/bin}

case "$(uname -s)" in
  Linux) system=unknown-linux-musl ;;
  Darwin) system=apple-darwin ;;
  *) fail "there is no release for $(uname -s) that this script knows" ;;
esac
case "$(uname -m)" in
  x86_64 | amd64) target=x86_64-$system ;;
  aarch64 | arm64) target=aarch64-$system ;;
  *) fail "there is no release for $(uname -m)" ;;
esac

# fetch FROM TO
fetch() {
  case "$1" in
    https://*)
      if command -v curl >/dev/null 2>&1; then
        curl --proto '=https' --tlsv1.2 --silent --show-error --fail --location --retry 3 --output "$2" "$1"
      elif command -v wget >/dev/null 2>&1; then
        wget --quiet --output-document "$2" "$1"
      else
        fail "neither curl nor wget is here"
      fi
      ;;
    *) cp "$1" "$2" ;;
  esac
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

case "$repository" in
  https://*)
    if [ -z "$version" ]; then
      # The newest release has a list of its archives, and their names say its version.
      fetch "$repository/releases/latest/download/SHA256SUMS" "$work/newest" || fail "there is no release at $repository"
      version=$(sed -n "s/.*statewright-$target-v\(.*\)\.tar\.gz$/\1/p" "$work/newest")
    fi
    from=$repository/releases/download/v$version
    ;;
  http://*) fail "$repository is not https" ;;
  *)
    [ -n "$version" ] || version=$(sed -n "s/.*statewright-$target-v\(.*\)\.tar\.gz$/\1/p" "$repository/SHA256SUMS")
    from=$repository
    ;;
esac
[ -n "$version" ] || fail "there is no release for $target"

archive=statewright-$target-v$version.tar.gz
fetch "$from/$archive" "$work/$archive" || fail "there is no $archive at $from"
fetch "$from/SHA256SUMS" "$work/SHA256SUMS" || fail "there is no SHA256SUMS at $from"
expected=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$archive\$/\1/p" "$work/SHA256SUMS")
if command -v sha256sum >/dev/null 2>&1; then
  actual=$(sha256sum "$work/$archive")
elif command -v shasum >/dev/null 2>&1; then
  actual=$(shasum -a 256 "$work/$archive")
else
  fail "neither sha256sum nor shasum is here: the archive cannot be verified"
fi
[ -n "$expected" ] && [ "$expected" = "${actual%% *}" ] || fail "$archive is not what SHA256SUMS says"

tar -xzf "$work/$archive" -C "$work"
mkdir -p "$folder"
# In one step, so that a program that is running is not written over.
cp "$work/statewright-$target-v$version/statewright" "$folder/.statewright.new"
chmod 755 "$folder/.statewright.new"
mv "$folder/.statewright.new" "$folder/statewright"
"$folder/statewright" --version
case ":$PATH:" in
  *":$folder:"*) ;;
  *) echo "$folder is not on your PATH yet" ;;
esac
