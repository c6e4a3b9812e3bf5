#!/bin/sh
# Makes a local stand-in for the official Node image out of Debian packages and the Node.js of npm, for Debian machines
# that reach their mirrors of both but no image registry. Needs root, debootstrap, npm and podman, docker or buildah.
#
#   tools/image/debian-base.sh [tag]      default localhost/rookery-node
#
#   NODE_BINARY=/path   copies this Node.js; default: the version that the Dockerfile names, from npm
#   ENGINE=podman       podman, docker or buildah; default: the first that works
#   DEBIAN_MIRROR=url   default: debootstrap's own
#
# The image carries this machine's CA certificates and npm configuration, registry and tokens included: keep it on this
# machine. Images built on it do not carry them; the Dockerfile takes Node.js and its libraries alone.
set -eu

tag=${1:-localhost/rookery-node}
repository=$(cd "$(dirname "$0")/../.." && pwd)

fail() {
  echo "$1" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail 'debootstrap needs root: run this with sudo.'
command -v debootstrap > /dev/null || fail 'debootstrap is missing: apt-get install debootstrap'
for engine in ${ENGINE:-podman docker buildah}; do
  "$engine" version > /dev/null 2>&1 && break
  engine=
done
[ -n "$engine" ] || fail 'No container engine answers: apt-get install podman'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# The Debian release of this machine, so that a Node.js copied from it finds the libraries that it was linked to.
. /etc/os-release
debootstrap --variant=minbase --include=ca-certificates,libstdc++6,libatomic1 \
  "$VERSION_CODENAME" "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} > "$work/log" 2>&1 || {
  tail -n 20 "$work/log" >&2
  fail 'debootstrap failed.'
}
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*

if [ -z "${NODE_BINARY:-}" ]; then
  version=$(sed -n 's/^ARG NODE_IMAGE=node:\([0-9.]*\).*/\1/p' "$repository/Dockerfile")
  case $(uname -m) in
    x86_64) architecture=x64 ;;
    aarch64) architecture=arm64 ;;
    *) fail "npm has no Node.js for $(uname -m): give NODE_BINARY." ;;
  esac
  (cd "$work" && npm pack --silent "node-linux-$architecture@$version" | xargs tar -xzf)
  NODE_BINARY=$work/package/bin/node
fi
install -m 755 "$NODE_BINARY" "$root/usr/local/bin/node"

mkdir -p "$root/usr/local/lib/node_modules" "$root/usr/local/etc"
cp -a "$(npm root --global)/npm" "$root/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"

# Certificates where Debian and OpenSSL look for them; the npm configuration of the machine and of this user.
bundle=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
[ -s "$bundle" ] && install -m 644 "$bundle" "$root/etc/ssl/certs/ca-certificates.crt"
for pair in "globalconfig usr/local/etc/npmrc" "userconfig root/.npmrc"; do
  set -- $pair
  file=$(npm config get "$1")
  [ -f "$file" ] && grep -v '^cafile' "$file" > "$root/$2" || true
done
echo 'cafile=/etc/ssl/certs/ca-certificates.crt' >> "$root/usr/local/etc/npmrc"

tar --create --file "$work/root.tar" --directory "$root" --numeric-owner .
if [ "$engine" = buildah ]; then
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$work/root.tar" / > /dev/null
  buildah commit --rm --quiet "$container" "$tag" > /dev/null
else
  "$engine" import "$work/root.tar" "$tag" > /dev/null
fi
echo "$tag: Node.js $(chroot "$root" node --version), npm $(chroot "$root" npm --version), Debian $VERSION_CODENAME"
echo "Build on it with: npm run image -- user-service --base $tag"
