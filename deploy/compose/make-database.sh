#!/bin/sh
# Run once by PostgreSQL's image, when it makes an empty volume a database: the monitor's role and its database.
set -eu
psql --username postgres --set ON_ERROR_STOP=1 --set password="$(cat /run/secrets/database_password)" <<'SQL'
CREATE ROLE sensormon LOGIN PASSWORD :'password';
CREATE DATABASE plant OWNER sensormon;
SQL
