# Run once, when the image makes a new database: the role by which standbys copy and follow.
psql -v ON_ERROR_STOP=1 -v password="$REPLICATION_PASSWORD" --username postgres <<-'SQL'
	CREATE ROLE replicator WITH REPLICATION LOGIN PASSWORD :'password';
SQL
