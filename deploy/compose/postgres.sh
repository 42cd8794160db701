#!/bin/sh
# The server wants the key of its certificate to be its own.
set -eu
install -o postgres -g postgres -m 0644 /material/tls/postgres/tls.crt /run/postgresql/tls.crt
install -o postgres -g postgres -m 0600 /material/tls/postgres/tls.key /run/postgresql/tls.key
exec docker-entrypoint.sh "$@"
