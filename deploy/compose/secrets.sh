#!/bin/sh
# Makes what is secret, once: whatever is there stays. A service sees the folders
# keys/SERVICE and tls/SERVICE alone, and nothing of the others.
set -eu
umask 077

services='authorize token consent introspection registry directory'
material=/material
mkdir -p "$material/tls" "$material/keys"

# random prints 32 random bytes in base64.
random() { head -c 32 /dev/urandom | base64; }

# password prints as many in hex, which needs no escaping in a URL.
password() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

# once makes a file of what a command prints, unless it is there. It appears
# whole or not at all.
once() {
  file=$1
  shift
  [ -s "$file" ] && return
  mkdir -p "$(dirname "$file")"
  "$@" >"$file.new"
  mv "$file.new" "$file"
}

# url prints where a role of the database finds it.
url() {
  printf 'postgres://chancery_%s:%s@postgres:5432/chancery?sslmode=verify-full&sslrootcert=/etc/chancery/tls/ca.crt\n' \
    "$1" "$(cat "$material/keys/postgres/chancery_$1")"
}

once "$material/keys/postgres/password" password
once "$material/keys/grafana/password" password
once "$material/authority/hint.key" random
once "$material/keys/token/key-encryption.key" random
for role in owner $services; do
  once "$material/keys/postgres/chancery_$role" password
  once "$material/keys/$role/database" url "$role"
done
for service in $services; do
  once "$material/keys/$service/hint.key" cat "$material/authority/hint.key"
done

# The authority's own key stays where nobody else looks.
for certificate in "$material"/authority/*.crt; do
  name=$(basename "$certificate" .crt)
  [ "$name" = ca ] && continue
  mkdir -p "$material/tls/$name"
  cp "$material/authority/ca.crt" "$material/tls/$name/ca.crt"
  cp "$certificate" "$material/tls/$name/tls.crt"
  cp "$material/authority/$name.key" "$material/tls/$name/tls.key"
done

# Nothing else runs as root: what is in these folders belongs to who uses it.
chown -R 65532:65532 "$material/tls" "$material/keys" /nats
chmod 0711 "$material"
