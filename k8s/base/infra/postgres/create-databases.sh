#!/usr/bin/env bash
# A database for each service, and a role that owns it and sees no other: user_service, with USER_SERVICE_PASSWORD.
# The PostgreSQL image runs it once, on an empty data directory. It executes or sources it, as the file's mode says.
set -e

for service in user_service order_service notification_service; do
  variable="${service^^}_PASSWORD"
  : "${!variable:?$variable is not set; it is to be the password of the role $service}"
  psql --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --no-psqlrc --quiet \
    --set=ON_ERROR_STOP=1 --set=service="$service" --set=variable="$variable" <<'SQL'
\getenv password :variable
CREATE ROLE :"service" LOGIN PASSWORD :'password';
CREATE DATABASE :"service" OWNER :"service";
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
SQL
done
