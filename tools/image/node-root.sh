#!/bin/sh
# `node-root.sh <folder>`: a root filesystem for Node.js and nothing else, out of the Node image that this runs in. No shell,
# no package manager, no npm. Node.js brings certificates and time zones of its own.
set -eu
root=$1
node=$(readlink -f "$(command -v node)")

# What the image is started with. Node.js 20 does not know it.
node --max-old-space-size-percentage=60 --version || {
  echo "Node.js $(node --version) cannot size its heap by the container; take an image of Node.js 24." >&2
  exit 1
}

copy() {
  mkdir -p "$root$(dirname "$2")"
  cp -L "$1" "$root$2"
}

copy "$node" /usr/local/bin/node
libraries=$(ldd "$node" | grep -o '/[^ )]*')
for file in $libraries; do copy "$file" "$file"; done

mkdir -p "$root/etc" "$root/app"
mkdir -m 1777 "$root/tmp"
echo 'nonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin' > "$root/etc/passwd"
echo 'nonroot:x:65532:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"

# Licenses, and the packages that the libraries are of: scanners of images look for their versions there.
if [ -f "$(dirname "$node")/../LICENSE" ]; then copy "$(dirname "$node")/../LICENSE" /usr/share/doc/node/LICENSE; fi
command -v dpkg-query > /dev/null || exit 0
cp /etc/os-release "$root/etc/os-release"
for file in $libraries; do
  package=$(dpkg-query --search "$file" "/usr$file" "${file#/usr}" 2> /dev/null | head -n 1 | cut -d : -f 1)
  [ -n "$package" ] || continue
  copy "/usr/share/doc/$package/copyright" "/usr/share/doc/$package/copyright"
  mkdir -p "$root/var/lib/dpkg/status.d"
  dpkg-query --status "$package" > "$root/var/lib/dpkg/status.d/$package"
done
