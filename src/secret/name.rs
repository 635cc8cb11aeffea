//! Which names say that what they hold is secret: variables, keys, fields, flags, headers. Knows words, no manifest.

/// Words that say so wherever they stand in a name, even grown together with others: `githubToken`, `DBPASSWORD`.
pub const ANYWHERE: &[&str] = &[
    "password",
    "passwd",
    "passwort",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "credential",
    "apikey",
    "dockerconfigjson",
    "dockercfg",
    "htaccess",
    "kennwort",
    "contrasena",
    "wachtwoord",
    "mnemonic",
];

/// Words that say so as the last word of a name: `REDIS_AUTH`, `cookie-salt`.
pub const LAST: &[&str] = &[
    "pass",
    "pwd",
    "pw",
    "psk",
    "auth",
    "authorization",
    "pat",
    "dsn",
    "salt",
    "pepper",
    "seed",
    "cred",
    "creds",
    "jwt",
    "bearer",
    "otp",
    "totp",
    "hmac",
    "connstr",
    "cookie",
    "keytab",
    "senha",
    "mdp",
    "netrc",
    "pgpass",
    "webhook",
    "sas",
    "pin",
];

/// Last words with which a name is about a secret, and is none: `PASSWORD_FILE`, `secretName`, `KEY_CMD`.
pub const ABOUT: &[&str] = &[
    "file",
    "files",
    "path",
    "paths",
    "dir",
    "directory",
    "name",
    "names",
    "ref",
    "refs",
    "reference",
    "cmd",
    "command",
    "ttl",
    "expiry",
    "expiration",
    "expires",
    "seconds",
    "minutes",
    "hours",
    "days",
    "ms",
    "timeout",
    "length",
    "size",
    "count",
    "number",
    "type",
    "kind",
    "enable",
    "enabled",
    "disable",
    "disabled",
    "required",
    "optional",
    "policy",
    "alg",
    "algorithm",
    "mode",
    "url",
    "uri",
    "endpoint",
    "endpoints",
    "host",
    "hostname",
    "port",
    "server",
    "issuer",
    "audience",
    "audiences",
    "realm",
    "version",
    "format",
    "prefix",
    "suffix",
    "header",
    "rotation",
    "interval",
    "period",
    "age",
    "attempts",
    "retries",
    "limit",
    "location",
    "mount",
    "volume",
    "namespace",
    "selector",
    "provider",
    "method",
    "methods",
    "class",
    "store",
    "manager",
    "operator",
    "controller",
    "driver",
    "service",
    "account",
    "user",
    "username",
    "env",
    "var",
    "variable",
    "group",
    "version",
    "revision",
    "scheme",
    "empty",
    "random",
    "cluster",
    "backend",
    "image",
    "tag",
    "requests",
    "field",
    "template",
    "annotations",
    "labels",
    "class",
    "engine",
    "scope",
    "scopes",
    "domain",
    "cache",
    "duration",
    "lifetime",
    "validity",
    "review",
    "bits",
    "encoding",
    "charset",
    "chars",
    "check",
    "validation",
    "exists",
    "source",
    "sources",
    "checksum",
    "fingerprint",
    "digest",
];

/// Words that mean nothing of their own behind a secret's name: `PASSWORD_1`, `KEY_BASE64`.
const TRAILING: &[&str] = &[
    "data",
    "value",
    "values",
    "base64",
    "b64",
    "pem",
    "material",
    "plain",
    "plaintext",
    "raw",
    "string",
    "content",
    "contents",
    "text",
    "txt",
    "old",
    "new",
    "current",
    "previous",
    "prod",
    "dev",
    "test",
    "staging",
    "default",
    "primary",
    "secondary",
    "hash",
    "json",
    "yaml",
    "yml",
    "conf",
    "ini",
];

/// Keys that open nothing.
const OPEN_KEYS: &[&str] = &[
    "public",
    "pub",
    "primary",
    "foreign",
    "partition",
    "sort",
    "topology",
    "row",
    "label",
    "object",
    "map",
    "annotation",
    "group",
    "index",
    "field",
    "cache",
    "order",
    "mon",
    "tur",
    "hot",
    "column",
    "shard",
    "routing",
    "config",
    "item",
    "metric",
    "tag",
    "node",
    "pod",
    "taint",
];

/// Words that end in another one by chance.
const CHANCE: &[&str] = &["bypass", "compass", "encompass", "overpass", "underpass", "surpass"];

/// First words with which a name is about a number or a switch.
const SWITCHES: &[&str] = &["max", "min", "enable", "disable", "allow", "automount", "is", "has", "num", "public"];

/// Whether a name says that its value is secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    const LONGEST: usize = 256;
    if name.len() < 2 || name.len() > LONGEST {
        return false;
    }
    // The domain in front of an annotation's name says nothing.
    let (domain, name) = name.rsplit_once('/').unwrap_or(("", name));
    if domain == "checksum" {
        return false;
    }
    let mut parts = parts(name);
    if parts.last().is_some_and(|last| ABOUT.contains(&last.as_str()))
        || parts.first().is_some_and(|first| SWITCHES.contains(&first.as_str()))
    {
        return false;
    }
    if ends_with(&parts, &["connection", "string"])
        || ends_with(&parts, &["conn", "str"])
        || ends_with(&parts, &["conn", "string"])
    {
        return true;
    }
    while parts.len() > 1 && parts.last().is_some_and(|last| is_trailing(last)) {
        parts.pop();
    }
    let anywhere = |part: &String| {
        ANYWHERE.iter().any(|word| part.len() >= word.len() && part.contains(word))
            && !part.starts_with("tokeniz")
            && !part.starts_with("secretar")
    };
    // `TOKEN_ID` and `KEY_ID` tell which one; Vault's `secret_id` is one.
    let last = parts.last().map(String::as_str).unwrap_or_default();
    if last == "id" || last == "ids" {
        return parts.iter().rev().nth(1).is_some_and(|part| part == "secret");
    }
    if parts.iter().any(anywhere) {
        return true;
    }
    let word = last.strip_suffix('s').filter(|word| *word != "seed").unwrap_or(last);
    if LAST.contains(&last) || LAST.contains(&word) {
        return true;
    }
    let grown = |end: &str| last.len() > end.len() && last.ends_with(end);
    if (grown("pass") || grown("pwd") || grown("pw")) && !CHANCE.contains(&last) && !matches!(last, "oldpwd") {
        return true;
    }
    is_key(&parts, word)
}

/// A key that opens something: `ENCRYPTION_KEY`, `tls.key`, `authkey`. One that is called nothing but that is a name of
/// its own.
fn is_key(parts: &[String], last: &str) -> bool {
    let Some(prefix) = last.strip_suffix("key") else { return false };
    let owner =
        if prefix.is_empty() { parts.iter().rev().nth(1).map(String::as_str).unwrap_or_default() } else { prefix };
    !owner.is_empty()
        && !OPEN_KEYS.contains(&owner)
        && !matches!(last, "valkey" | "monkey" | "turkey" | "whiskey" | "jockey" | "hockey" | "donkey")
}

fn is_trailing(part: &str) -> bool {
    TRAILING.contains(&part) || part.bytes().all(|byte| byte.is_ascii_digit())
}

fn ends_with(parts: &[String], tail: &[&str]) -> bool {
    parts.len() >= tail.len() && parts[parts.len() - tail.len()..].iter().zip(tail).all(|(part, word)| part == word)
}

/// The words of a name, in small letters: `dbAdminPassword`, `DB_ADMIN_PASSWORD` and `db-admin-password` have the same.
fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut part = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| letters[before]);
        let behind = letters.get(index + 1);
        let begins = letter.is_uppercase()
            && (before.is_some_and(|before| before.is_lowercase() || before.is_ascii_digit())
                || before.is_some_and(char::is_uppercase)
                    && behind.is_some_and(|behind| behind.is_lowercase() && *behind != 's'));
        if (begins || !letter.is_alphanumeric()) && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
        }
        if letter.is_alphanumeric() {
            part.extend(letter.to_lowercase());
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for name in [
            "POSTGRES_PASSWORD",
            "api-key",
            "AWS_SECRET_ACCESS_KEY",
            "githubToken",
            "MYSQL_PWD",
            "REDIS_AUTH",
            "GITHUB_PAT",
            "PASSPHRASE",
            "DB_PASS",
            "ENCRYPTION_KEY",
            "COOKIE_SALT",
            "SENTRY_DSN",
            "DBPASSWORD",
            "mysqlpwd",
            "bindpw",
            "requirepass",
            "tls.key",
            "connectionString",
            "example.com/db-password",
            "Authorization",
            "X-Api-Key",
            "VAULT_SECRET_ID",
            "PASSWORD_1",
            "KEY_BASE64_KEY",
            "adminPassword",
            "clientSecret",
            "PGPASSWORD",
            "javax.net.ssl.keyStorePassword",
            "APIKeys",
        ] {
            assert!(is_secret(name), "{name}");
        }
    }

    #[test]
    fn names_that_are_about_secrets() {
        for name in [
            "PASSWORD_FILE",
            "SECRET_NAME",
            "KEY",
            "key",
            "ETCD_NAME",
            "secretName",
            "secretKeyRef",
            "tokenExpirationSeconds",
            "keyRef",
            "topologyKey",
            "REPO_KEY_CMD",
            "automountServiceAccountToken",
            "csi.storage.k8s.io/node-stage-secret-name",
            "TOKEN_URL",
            "AWS_ACCESS_KEY_ID",
            "PUBLIC_KEY",
            "keyspace",
            "MAX_TOKENS",
            "cache-valkey",
            "VALKEY",
            "compass",
            "imagePullPolicy",
            "author",
            "pattern",
            "tokenizer",
            "secretNamespace",
            "OLDPWD",
            "path",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
