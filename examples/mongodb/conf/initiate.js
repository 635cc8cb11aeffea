// Once: afterwards the set is initiated, and nobody may ask without a password.
const members = [{{ peers | format_each('{{_id: {ordinal}, host: "{fqdn}:27017"}}') | join(', ') }}];
const done = [13, 23]; // Unauthorized, AlreadyInitialized
for (;;) {
  try {
    rs.initiate({_id: 'rs0', members});
    break;
  } catch (error) {
    if (done.includes(error.code)) quit(0);
    print(`not yet: ${error.message}`);
    sleep(2000);
  }
}
while (!db.hello().isWritablePrimary) sleep(500);
db.getSiblingDB('admin').createUser({user: 'admin', pwd: process.env.ADMIN_PASSWORD, roles: ['root']});
