# Runs beside mongod when its container has started; the pod is not ready before this ends.
until mongosh --quiet --eval 'db.hello().ok' >/dev/null 2>&1; do sleep 1; done
[ "${HOSTNAME##*-}" != 0 ] || mongosh --quiet --file /scripts/initiate.js
