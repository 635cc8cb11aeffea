# Runs beside the server when its container has started; the pod is not ready before this ends.
set -eu
[ "${POD_NAME##*-}" = 0 ] || exit 0
export REDISCLI_AUTH="$PASSWORD"
for host in {{ peers | format_each('{fqdn}') | join(' ') }}; do
  until valkey-cli -h "$host" ping 2>/dev/null | grep -q PONG; do sleep 1; done
done
valkey-cli cluster info | grep -q '^cluster_known_nodes:1[^0-9]*$' || exit 0
valkey-cli --cluster create {{ peers | format_each('{fqdn}:6379') | join(' ') }} \
  --cluster-replicas {{ 1 if replicas >= 6 else 0 }} --cluster-yes
