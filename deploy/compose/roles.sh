#!/bin/sh
# Brings the roles of the database to what roles.sql says, and lets them log in
# with the passwords that were made for them.
set -eu
PGPASSWORD=$(cat /material/keys/postgres/password)
export PGPASSWORD

{
  cat /roles.sql
  for file in /material/keys/postgres/chancery_*; do
    # The file's name and content are letters, digits and underscores.
    printf "ALTER ROLE %s PASSWORD '%s';\n" "$(basename "$file")" "$(cat "$file")"
  done
} | psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --output /dev/null
