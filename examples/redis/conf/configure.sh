# Who the master is: what Sentinel says, or the first replica where no Sentinel answers yet.
set -eu
self=$HOSTNAME.{{ fqdn() }}
master=$(timeout 5 redis-cli -h {{ service('sentinel') }} -p 26379 sentinel get-master-addr-by-name main 2>/dev/null | head -n 1 || true)
[ -n "$master" ] || master={{ fqdn(0) }}
until getent hosts "$master" "$self" >/dev/null; do sleep 1; done
cp /templates/redis.conf /templates/sentinel.conf /conf/
echo "replica-announce-ip $self" >> /conf/redis.conf
[ "$master" = "$self" ] || echo "replicaof $master 6379" >> /conf/redis.conf
cat >> /conf/sentinel.conf <<END
sentinel announce-ip $self
sentinel monitor main $master 6379 {{ replicas // 2 + 1 }}
sentinel auth-pass main $PASSWORD
sentinel down-after-milliseconds main 5000
sentinel failover-timeout main 60000
END
