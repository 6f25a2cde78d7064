#!/bin/sh
# Makes the secrets of docker-compose.yml, those that are missing: the master key and the passwords of PostgreSQL and Redis.
#
#   deploy/secrets.sh [FOLDER]      FOLDER is deploy/secrets where it is left out
#
# What is there already is left as it is. Only you can enter the folder. The files in it are readable for everybody who
# can, because Docker shows them to the containers as they are, and those do not run under your user.
set -eu
umask 077

folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 0700 "$folder"

# make NAME: standard input becomes the secret, whole or not at all.
make() {
    cat >"$folder/.$1.part"
    if [ ! -s "$folder/.$1.part" ]; then
        echo "error: $1 came out empty; od, tr and /dev/urandom are needed" >&2
        exit 1
    fi
    chmod 0444 "$folder/.$1.part"
    mv "$folder/.$1.part" "$folder/$1"
    echo "made $folder/$1"
}

# 32 random bytes as 64 hexadecimal digits.
random() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

# It seals private keys in the database: without it a backup of the database is of no use. Keep a copy elsewhere.
[ -e "$folder/master_key" ] || random | make master_key
[ -e "$folder/postgres_password" ] || random | make postgres_password
[ -e "$folder/redis_password" ] || random | make redis_password
# Redis' own list of users; it has the hash of the password alone, and so always follows the password.
hash=$({ sha256sum 2>/dev/null || shasum -a 256; } <"$folder/redis_password" | cut -d ' ' -f 1)
line="user default on #$hash ~* &* +@all"
[ "$(cat "$folder/redis_users" 2>/dev/null || true)" = "$line" ] || echo "$line" | make redis_users
