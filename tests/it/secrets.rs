//! Canaries: secret values in every place, spelling and format. None may be shown, and that one changed must be said.

use crate::commands::{Run, statewright};
use crate::scratch::Scratch;
use std::fmt::Write as _;
use std::path::Path;

const FORMATS: [&str; 8] = ["human", "json", "sarif", "github", "gitlab", "junit", "markdown", "html"];

/// A value that stands nowhere else: `zqNNXk9vLeak` and the state, A or B.
fn canary(number: usize, state: char) -> String {
    format!("zq{number:03}Xk9vLeak{state}")
}

#[expect(clippy::too_many_lines, reason = "a table")]
/// Documents with `@@` where a secret stands.
fn places() -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    // A Secret, in every spelling of its kind.
    for kind in [
        "kind: Secret",
        "kind: &a Secret",
        "kind: !!str Secret",
        "kind:    Secret",
        "\"kind\":   \"Secret\"",
        "'kind': 'Secret'",
        "kind: \"\\x53ecret\"",
        "kind: \"\\u0053ecret\"",
        "\"k\\x69nd\": Secret",
        "kind: >-\n  Secret",
        "kind: |-\n  Secret",
        "kind:\n  Secret",
        "? kind\n: Secret",
        "kind: \"Sec\\\n  ret\"",
        "kind: Secret # a comment",
        "x-kind: &k Secret\nkind: *k",
        "kind: secret",
        "kind: Secert",
    ] {
        list.push(format!("apiVersion: v1\n{kind}\nmetadata: {{name: NAME}}\nstringData:\n  one: @@\n"));
    }
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: NAME}\n";
    for content in [
        "data: {a: %%}",
        "stringData:\n  multi: |\n    first @@\n    second",
        "stringData:\n  folded: >-\n    @@\n    x",
        "stringData: {quoted: \"@@\", b: c}",
        "stringDota: {misspelt: @@}",
        "stringData: {a: @@}\nstringData: {a: b}",
        "dota: {a: @@}",
        "data:\n  a: @@ # not base64",
    ] {
        list.push(format!("{secret}{content}\n"));
    }
    list.push(
        "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"NAME\"}, \"stringData\": {\"a\": \
            \"@@\"}}\n"
            .into(),
    );
    list.push(
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: NAME}\n  \
            stringData: {p: @@}\n"
            .into(),
    );
    list.push(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: NAME\n  annotations:\n    \
            kubectl.kubernetes.io/last-applied-configuration: |\n      \
         {\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"stringData\":{\"p\":\"@@\"},\"metadata\":{\"name\":\"NAME\"}}\n"
            .into(),
    );
    for data in [
        "password: @@",
        "application.properties: |\n    db.url=jdbc:postgresql://u:@@@h/db\n    plain=x",
        "application.properties: |\n    db.password=@@\n    plain=x",
        "config.yaml: |\n    auth:\n      password: @@\n",
        ".env: \"API_KEY=@@\"",
        "id_rsa: |\n    -----BEGIN RSA PRIVATE KEY-----\n    @@\n    -----END RSA PRIVATE KEY-----",
        "config.json: '{\"auths\":{\"x\":{\"auth\":\"%%\"}}}'",
        "config.json: '{\"auths\":{\"x\":{\"password\":\"@@\"}}}'",
        "manifest.yaml: |\n    kind: Secret\n    stringData: {a: @@}",
        "redis.conf: |\n    port 6379\n    requirepass @@",
        "settings.xml: <password>@@</password>",
        "init.sql: ALTER USER u WITH PASSWORD '@@';",
    ] {
        list.push(format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: NAME}}\ndata:\n  {data}\n"));
    }
    for annotation in ["example.com/db-password", "vault-token"] {
        list.push(format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: NAME, annotations: {{{annotation}: \"@@\"}}}}\ndata: \
                {{a: b}}\n"
        ));
    }
    for container in [
        "args: [\"--password=@@\"]",
        "args: [\"--token\", \"@@\"]",
        "args: [\"--dsn=postgres://u:@@@h/db\"]",
        "args: [\"-p@@\"]",
        "args: [\"--api-key=@@\"]",
        "command: [sh, -c, \"mysql -u root -p@@ && true\"]",
        "command: [sh, -c, \"PGPASSWORD=@@ psql\"]",
        "command: [sh, -c, \"curl -u u:@@ http://x\"]",
        "command: [sh, -c, \"curl -H 'Authorization: Bearer @@' http://x\"]",
        "env: [{name: DB_PASSWORD, value: \"@@\"}]",
        "env: [{name: DB_PASSWORD, value: first, value: \"@@\"}]",
        "env: [{name: DATABASE_URL, value: \"postgres://u:@@@h/db\"}]",
        "env: [{name: SENTRY_DSN, value: \"https://@@@o1.ingest.sentry.io/1\"}]",
        "env: [{name: CONN, value: \"Server=h;User=u;Password=@@;\"}]",
        "env: [{name: MYSQL_PWD, value: \"@@\"}]",
        "env: [{name: REDIS_AUTH, value: \"@@\"}]",
        "env: [{name: DB_PASS, value: \"@@\"}]",
        "env: [{name: ENCRYPTION_KEY, value: \"@@\"}]",
        "env: [{name: COOKIE_SALT, value: \"@@\"}]",
        "env: [{name: PASSPHRASE, value: \"@@\"}]",
        "env: [{name: GITHUB_PAT, value: \"@@\"}]",
        "env: [{value: \"@@\", name: API_TOKEN}]",
        "env: [{name: X, value: \"ghp_@@\"}]",
        "env: [{name: X, value: \"glpat-@@\"}]",
        "env: [{name: JAVA_OPTS, value: \"-Dpassword=@@ -Xmx1g\"}]",
        "env: [{name: LICENSE, value: \"eyJhbGciOiJIUzI1NiJ9.@@.abc\"}]",
        "livenessProbe: {httpGet: {port: 80, path: \"/h?token=@@\"}}",
        "livenessProbe: {httpGet: {port: 80, httpHeaders: [{name: Authorization, value: \"Bearer @@\"}]}}",
        "livenessProbe: {httpGet: {port: 80, httpHeaders: [{name: X-Api-Key, value: \"@@\"}]}}",
        "readinessProbe: {exec: {command: [redis-cli, -a, \"@@\", ping]}}",
    ] {
        list.push(format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: NAME}}\nspec:\n  containers:\n  - name: c\n    image: \
                x/y:1\n    {container}\n"
        ));
    }
    list.push("apiVersion: example.com/v1\nkind: Db\nmetadata: {name: NAME}\nspec: {password: \"@@\"}\n".into());
    list.push("apiVersion: example.com/v1\nkind: Db\nmetadata: {name: NAME}\nspec: {auth: {token: \"@@\"}}\n".into());
    list.push(
        "apiVersion: example.com/v1\nkind: Db\nmetadata: {name: NAME}\nspec: {connectionString: \"Endpoint=@@\"}\n"
            .into(),
    );
    list.push(
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: NAME}\nspec:\n  capacity: {storage: 1Gi}\n  \
            accessModes: [ReadWriteMany]\n  \
         csi: {driver: smb.csi.k8s.io, volumeHandle: h, volumeAttributes: {source: //h/x, password: \"@@\"}}\n"
            .into(),
    );
    list
}

fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits =
            chunk.iter().enumerate().fold(0_u32, |bits, (index, byte)| bits | u32::from(*byte) << (16 - 8 * index));
        for digit in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * digit)) as usize & 63];
            out.push(if digit <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// A place as it is in a state.
fn document(number: usize, text: &str, state: char) -> String {
    let secret = canary(number, state);
    text.replace("@@", &secret).replace("%%", &base64(&secret)).replace("NAME", &format!("place-{number}"))
}

/// Which canaries a text holds, whole or cut off, plain or in base 64.
fn leaks(text: &str) -> Vec<String> {
    let mut list = Vec::new();
    for (at, _) in text.match_indices("Xk9v") {
        let from = text[..at].char_indices().rev().nth(40).map_or(0, |(index, _)| index);
        let to = text[at..].char_indices().nth(40).map_or(text.len(), |(index, _)| at + index);
        list.push(text[from..to].to_owned());
    }
    for number in 0..places().len() {
        let coded = base64(&canary(number, 'A'));
        if text.contains(&coded[..12]) {
            list.push(format!("{number} in base 64"));
        }
    }
    list
}

#[track_caller]
fn none_leaks(what: &str, run: &Run) {
    for text in [&run.stdout, &run.stderr] {
        let leaks = leaks(text);
        assert!(
            leaks.is_empty(),
            "{what} shows {} values: {:#?}",
            leaks.len(),
            leaks.iter().take(12).collect::<Vec<_>>()
        );
    }
}

/// Runs with a file for each format, and looks at all that was said.
fn in_all_formats(folder: &Path, arguments: &[&str]) -> Run {
    let targets: Vec<String> = FORMATS.iter().map(|format| format!("{format}=out/report.{format}")).collect();
    let mut all = arguments.to_vec();
    for target in &targets {
        all.extend(["--format", target]);
    }
    std::fs::create_dir_all(folder.join("out")).unwrap();
    let mut run = statewright(folder, &all);
    assert_ne!(run.code, 2, "{}", run.stderr);
    for format in FORMATS {
        run.stdout.push_str(&std::fs::read_to_string(folder.join(format!("out/report.{format}"))).unwrap());
    }
    none_leaks(&arguments.join(" "), &run);
    let run = statewright(folder, arguments);
    none_leaks(&arguments.join(" "), &run);
    run
}

/// A folder with each place in a file of its own.
fn written(scratch: &Scratch, folder: &str, state: char) {
    for (number, text) in places().iter().enumerate() {
        scratch.write(&format!("{folder}/{number:03}.yaml"), document(number, text, state));
    }
}

#[test]
fn no_secret_is_shown_by_check() {
    assert!(places().len() > 75, "the places have shrunk to {}", places().len());
    let scratch = Scratch::new("secrets");
    written(&scratch, "old", 'A');
    // What is wrong beside a secret shows the line that it is on.
    for (number, text) in places().iter().enumerate() {
        scratch.write(
            &format!("old/extra-{number:03}.yaml"),
            document(number, text, 'A').replace("metadata: {name", "bogus: 1\nmetadata: {bogus: 1, name"),
        );
    }
    in_all_formats(scratch.path(), &["check", "old"]);
}

/// Every line broken in every way that breaks YAML, or makes another thing of it.
#[test]
fn no_secret_is_shown_of_what_is_broken() {
    let ways: [fn(&str) -> String; 22] = [
        |line| format!("\t{line}"),
        |line| format!("{line}\n{line}"),
        |line| format!("{line} \""),
        |line| format!("{line}: x: y"),
        |line| format!("{line} }}"),
        |line| format!("{line} ["),
        |line| line.replacen(": ", ": &a *b ", 1),
        |line| line.replacen(": ", ": *zz ", 1),
        |line| line.replacen(": ", ": !!int ", 1),
        |line| line.replacen(": ", ": %", 1),
        |line| line.replacen(": ", ": '", 1),
        |line| line.replacen(": ", ": \"", 1),
        |line| line.trim_start().to_owned(),
        |line| format!("     {line}"),
        |line| line.replacen(": ", " ", 1),
        |line| line.replacen(": ", ": [", 1),
        |line| format!("{line}\u{7}"),
        |line| format!("{}\"", line.replacen(": ", ": \"\\q", 1)),
        |line| line.replacen(": ", ": {{ .Values.x }} ", 1),
        |line| format!("- {line}"),
        |line| {
            line.replace("Data", "Dota").replace("env:", "enw:").replace("value:", "walue:").replace("args:", "argz:")
        },
        |line| line.replacen("kind", "kin", 1),
    ];
    let scratch = Scratch::new("secrets");
    let mut count = 0;
    for (number, text) in places().iter().enumerate() {
        let text = document(number, text, 'A');
        let lines: Vec<&str> = text.lines().collect();
        let mut all = String::new();
        for (index, line) in lines.iter().enumerate() {
            for way in ways {
                let broken = way(line);
                if broken != *line {
                    let _ = writeln!(
                        all,
                        "{}\n---",
                        [&lines[..index], &[broken.as_str()], &lines[index + 1..]].concat().join("\n")
                    );
                    count += 1;
                }
            }
        }
        scratch.write(&format!("broken/{number:03}.yaml"), all);
    }
    assert!(count > 5000, "{count}");
    in_all_formats(scratch.path(), &["check", "broken"]);
}

#[test]
fn no_secret_is_shown_by_diff_and_each_change_is_said() {
    let scratch = Scratch::new("secrets");
    written(&scratch, "old", 'A');
    written(&scratch, "new", 'B');
    in_all_formats(scratch.path(), &["diff", "old", "new"]);
    let run = statewright(scratch.path(), &["diff", "old", "new", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let changes: Vec<String> = report["changes"].as_array().unwrap().iter().map(ToString::to_string).collect();
    // Of two keys of one name the last counts.
    for number in (0..places().len()).filter(|number| !places()[*number].ends_with("\nstringData: {a: b}\n")) {
        let name = format!("\"place-{number}\"");
        let own = changes
            .iter()
            .find(|change| change.contains(&name))
            .unwrap_or_else(|| panic!("{} is not said to change", places()[number]));
        assert!(own.contains("(hidden, before)") && own.contains("(hidden, after)"), "{}\n{own}", places()[number]);
    }
    // All of it new, and all of it gone.
    scratch.write("none/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n");
    in_all_formats(scratch.path(), &["diff", "none", "new"]);
    in_all_formats(scratch.path(), &["diff", "old", "none"]);
    none_leaks("rehearse", &statewright(scratch.path(), &["rehearse", "old", "new"]));
    none_leaks("rehearse json", &statewright(scratch.path(), &["rehearse", "old", "new", "--format", "json"]));
}

#[test]
fn no_secret_of_a_spec_is_shown() {
    let scratch = Scratch::new("secrets");
    let spec = |state: char| {
        let one = |number| canary(number, state);
        format!(
            "apiVersion: statewright/v1\nkind: App\nname: web\nimage: x/y:1\nreplicas: 2\nenv:\n  DB_PASSWORD: {}\n  \
                URL: \"postgres://u:{}@h/db\"\n  \
             bad name: x\nargs: [\"--token\", \"{}\"]\nobjects:\n- apiVersion: v1\n  kind: Secret\n  metadata: \
             {{name: s, bogus: 1}}\n  stringData: {{a: {}}}\n  bogus: 1\n",
            one(1),
            one(2),
            one(3),
            one(4)
        )
    };
    scratch.write("app/statewright.yaml", spec('A'));
    for arguments in [&["check", "app"][..], &["diff", "app"], &["ci", "app"]] {
        in_all_formats(scratch.path(), arguments);
    }
    for arguments in [
        &["compile", "app"][..],
        &["compile", "--check", "app"],
        &["rehearse", "app"],
        &["inspect", "app"],
        &["explain", "app/statewright.yaml"],
    ] {
        none_leaks(&arguments.join(" "), &statewright(scratch.path(), arguments));
    }
    none_leaks("argocd generate", &statewright(&scratch.path().join("app"), &["argocd", "generate"]));
    // What is compiled is the product: it holds the values.
    scratch.write(
        "app/statewright.yaml",
        "apiVersion: statewright/v1\nkind: App\nname: web\nimage: x/y:1\nenv: {DB_PASSWORD: zq001Xk9vLeakA}\n",
    );
    let run = statewright(scratch.path(), &["compile", "app", "-o", "yaml"]);
    assert!(run.stdout.contains("zq001Xk9vLeakA"), "{}{}", run.stdout, run.stderr);
    statewright(scratch.path(), &["compile", "app"]);
    scratch.write(
        "app/statewright.yaml",
        "apiVersion: statewright/v1\nkind: App\nname: web\nimage: x/y:1\nenv: {DB_PASSWORD: zq001Xk9vLeakB}\n",
    );
    let run = in_all_formats(scratch.path(), &["diff", "app"]);
    assert!(run.stdout.contains("(hidden, before)") && run.stdout.contains("(hidden, after)"), "{}", run.stdout);
}

/// What is no secret stays to be seen.
#[test]
fn ordinary_values_are_shown() {
    let scratch = Scratch::new("secrets");
    let pod = |state: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, labels: {{app: l{state}}}, annotations: {{note: \
                n{state}}}}}\nspec:\n  \
             serviceAccountName: account-{state}\n  containers:\n  - name: c\n    image: docker.io/x/y:v{state}\n    \
             args: [\"--config=/etc/{state}\", \"--log-level\", \"debug{state}\", \"--token-file=/run/{state}\", \
             \"-p808{state}:80\"]\n    \
             env:\n    - {{name: LOG_LEVEL, value: info{state}}}\n    - {{name: DB_PASSWORD_FILE, value: \
             /run/pw{state}}}\n    - {{name: KEY_CMD, value: get{state}}}\n    \
             - {{name: DB_HOST, value: host{state}}}\n    - {{name: A, valueFrom: {{secretKeyRef: {{name: \
             sec{state}, key: word{state}}}}}}}\n  \
             volumes:\n  - {{name: v, secret: {{secretName: tls{state}}}}}\n  - name: t\n    projected: {{sources: \
             [{{serviceAccountToken: {{path: token{state}, expirationSeconds: 360{state}}}}}]}}\n  \
             tolerations: [{{key: dedicated{state}}}]\n"
        )
    };
    scratch.write("old/a.yaml", pod("1"));
    scratch.write("new/a.yaml", pod("2"));
    let run = statewright(scratch.path(), &["diff", "old", "new", "--format", "json"]);
    for value in [
        "l2",
        "n2",
        "account-2",
        "docker.io/x/y:v2",
        "--config=/etc/2",
        "debug2",
        "--token-file=/run/2",
        "-p8082:80",
        "info2",
        "/run/pw2",
        "get2",
        "host2",
        "sec2",
        "word2",
        "tls2",
        "token2",
        "3602",
        "dedicated2",
    ] {
        assert!(
            run.stdout.contains(&format!("\"{value}\""))
                || run.stdout.contains(&format!(": {value},"))
                || run.stdout.contains(&format!(" {value}\n")),
            "{value} is hidden: {}",
            run.stdout
        );
    }
    assert!(!run.stdout.contains("(hidden"), "{}", run.stdout);
}

/// No escape, no bidi control and nothing invisible of an argument, a name or a value reaches a terminal or a report.
#[test]
fn nothing_commands_a_terminal() {
    let scratch = Scratch::new("secrets");
    let evil = "a\u{1b}[31mb\u{202e}c\u{9b}d\u{2066}e\u{200b}f\u{feff}g\u{ad}";
    scratch.write(
        "m/a.yaml",
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: \
            \"a\\e[31mb\\u202ec\\x9bd\\u2066e\\u200bf\\ufeffg\\xad\"}}\nspec: {{type: \"{}\", ports: [{{port: \
            80}}]}}\n",
            "x\u{202e}y"
        ),
    );
    let targets: Vec<String> = FORMATS.iter().map(|format| format!("{format}=out/report.{format}")).collect();
    let mut arguments = vec!["check", "m"];
    targets.iter().for_each(|target| arguments.extend(["--format", target.as_str()]));
    std::fs::create_dir_all(scratch.path().join("out")).unwrap();
    statewright(scratch.path(), &arguments);
    let is_bad = |letter: char| {
        letter.is_control() && letter != '\n'
            || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}' | '\u{ad}')
    };
    for format in FORMATS {
        let text = std::fs::read_to_string(scratch.path().join(format!("out/report.{format}"))).unwrap();
        assert!(!text.contains(is_bad), "{format}: {:?}", text.chars().find(|letter| is_bad(*letter)));
    }
    for arguments in [
        &["check", evil][..],
        &["diff", evil, evil],
        &["explain", evil],
        &["compile", "--env", evil],
        &[evil],
        &["check", "--format", evil],
        &["rehearse", evil],
        &["inspect", evil],
        &["diff", "--against", evil],
        &["check", "--kubernetes", evil, "m"],
    ] {
        let run = statewright(scratch.path(), arguments);
        assert!(
            !run.stderr.contains(is_bad) && !run.stdout.contains(is_bad),
            "{arguments:?}: {:?} {:?}",
            run.stderr,
            run.stdout
        );
    }
}

/// What is said of a whole spec is said of its beginning: a secret further down hides no name in it.
#[test]
fn a_name_is_no_secret_because_a_spec_has_one() {
    let scratch = Scratch::new("names-beside-secrets");
    scratch.write(
        "statewright.yaml",
        "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:1.0\nenv: {DB_PASSWORD: {secret: \
         db/password}, API_TOKEN: hunter2hunter2}\nenvironments: {prod: {}}\n",
    );
    let said = statewright(scratch.path(), &["inspect", "--env", "prd"]).stderr;
    assert!(said.contains("there is no environment `prd`") && said.contains("did you mean `prod`?"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}
