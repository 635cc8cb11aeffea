set -eu
[ "${HOSTNAME##*-}" != 0 ] || exit 0     # the primary
[ ! -s "$PGDATA/PG_VERSION" ] || exit 0  # copied already
until pg_basebackup --host={{ fqdn(0) }} --username=replicator --pgdata="$PGDATA" --wal-method=stream --write-recovery-conf; do
  rm -rf "$PGDATA"
  sleep 5
done
