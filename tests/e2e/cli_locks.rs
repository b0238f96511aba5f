//! `collab-proxy locks …`: narrowed, watched, shown, released with a reason, without changing anything, after a question.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::edits;
use crate::support::django::Django;
use crate::support::person::Person;
use crate::support::proc::{Proc, Said, command};
use crate::support::proxy::Proxy;
use crate::support::redis::Redis;
use crate::support::socket::PageSocket;

const PRODUCT: &str = "/admin/shop/product/1/change/";
const PART: &str = "/admin/shop/part/a_2Fb_5Fc%20d_2Be_25%C3%A9/change/";

/// A command as somebody calls it at a terminal (util-linux's `script` makes one), who types `keys`.
fn at_terminal(called: &Command, env: &[(&str, &str)], keys: &str) -> Said {
    let mut script = typing(called, env);
    let mut child = script.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(keys.as_bytes()).unwrap();
    let said = child.wait_with_output().unwrap();
    drop(stdin);
    Said {
        code: said.status.code(),
        out: String::from_utf8_lossy(&said.stdout).into_owned(),
        err: String::from_utf8_lossy(&said.stderr).into_owned(),
    }
}

fn typing(called: &Command, env: &[(&str, &str)]) -> Command {
    let words = std::iter::once(called.get_program()).chain(called.get_args());
    let quoted: Vec<String> =
        words.map(|w| format!("'{}'", w.to_str().unwrap().replace('\'', "'\\''"))).collect();
    let mut script = command("script");
    // Nothing stands between the terminal and the command, which else would hear Ctrl-C too.
    script
        .args(["-qec", &format!("exec {}", quoted.join(" ")), "/dev/null"])
        .env("TERM", "xterm")
        .envs(env.iter().copied());
    if let Some(folder) = called.get_current_dir() {
        script.current_dir(folder);
    }
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    script
}

fn objects(said: &Said) -> Vec<String> {
    assert_eq!(said.code, Some(0), "{}", said.err);
    let locks: Vec<Value> = serde_json::from_str(&said.out).unwrap();
    locks.iter().map(|l| l["object"].as_str().unwrap().to_owned()).collect()
}

/// The embedded store, and Redis.
fn both(django: &Django, redis: &Redis) -> [Proxy; 2] {
    [&[][..], &["--redis", &redis.url()]].map(|args: &[&str]| Proxy::with(&django.upstream(), "", args))
}

#[tokio::test]
async fn a_list_is_narrowed() {
    let (django, redis) = (Django::start(), Redis::start());
    for proxy in both(&django, &redis) {
        let mut ada = Person::login(&proxy, "root").await;
        let mut grace = Person::login(&proxy, "grace").await;
        let _one = edits(&mut ada, PRODUCT).await;
        let _part = edits(&mut grace, PART).await;
        let list = |args: &[&str]| objects(&proxy.locks(&[&["list", "--json"], args].concat()));
        let (one, part) = ("shop.product/1".to_owned(), "shop.part/a/b_c d+e%é".to_owned());
        for (args, want) in [
            (&[][..], vec![part.clone(), one.clone()]),
            (&["--model", "shop.product"], vec![one.clone()]),
            (&["--model", "Shop.Product"], vec![one.clone()]),
            (&["--user", "grace"], vec![part.clone()]),
            (&["--user", "ADA"], vec![one.clone()]),
            (&["--user", "login:root"], vec![one.clone()]),
            (&["--user", "root", "--model", "shop.part"], vec![]),
            (&["--idle", "1h"], vec![]),
        ] {
            assert_eq!(list(args), want, "{args:?}");
        }
        eventually!(list(&["--idle", "1ms"]), |found| found.len() == 2);
        let said = proxy.locks(&["list", "--idle", "10m"]);
        assert_eq!((said.code, said.out.as_str()), (Some(0), "No locks like that are held.\n"));
    }
}

#[tokio::test]
async fn a_watch_tells_of_changes_and_outlives_the_store() {
    let django = Django::start();
    let mut redis = Redis::start();
    let url = redis.url();
    for args in [&[][..], &["--redis", &url]] {
        let mut proxy = Proxy::with(&django.upstream(), "", args);
        let mut ada = Person::login(&proxy, "root").await;
        let mut watch = Proc::start("locks list --watch", proxy.locks_command(&["list", "--watch"]));
        eventually!(watch.log(), |log| log.contains("GMT\nNo locks are held."));
        let page = edits(&mut ada, PRODUCT).await;
        let table = eventually!(watch.log(), |log| log.contains("shop.product/1  Ada"));
        assert_eq!(table.matches("OBJECT").count(), 1, "{table}");
        // Who types is no news; that there is something unsaved is.
        page.send(json!({"type": "input", "dirty": true}));
        eventually!(watch.log(), |log| log.contains("editing, unsaved"));
        page.leave();
        eventually!(watch.log(), |log| log.matches("No locks are held.").count() == 2);

        let blocks = watch.log().matches("GMT").count();
        if args.is_empty() {
            proxy.stop();
        } else {
            redis.kill();
        }
        eventually!(
            watch.log(),
            |log| log.contains("collab-proxy: trying again: "),
            within: Duration::from_secs(30)
        );
        assert!(watch.ended().is_none(), "{}", watch.log());
        if args.is_empty() {
            proxy.restart();
        } else {
            redis.restart();
        }
        eventually!(
            watch.log(),
            |log| log.matches("GMT").count() > blocks,
            within: Duration::from_secs(30)
        );
        assert_eq!(watch.log().matches("trying again").count(), 1, "it is told once: {}", watch.log());
        watch.signal("INT");
        let ended = eventually!(watch.ended(), |ended| ended.is_some());
        assert_eq!(ended.unwrap().code(), Some(0), "{}", watch.log());
    }
}

#[tokio::test]
async fn a_watch_for_programs_is_a_line_a_change() {
    let django = Django::start();
    let proxy = Proxy::start(&django.upstream());
    let mut ada = Person::login(&proxy, "root").await;
    let mut watch =
        Proc::start("watch", proxy.locks_command(&["list", "--watch", "--json", "--user", "root"]));
    watch.ready(|line| (line == "[]").then_some(()));
    let _page = edits(&mut ada, PRODUCT).await;
    let lock: Value = watch.ready(|line| line.starts_with("[{").then(|| serde_json::from_str(line).unwrap()));
    assert_eq!(lock[0]["object"], "shop.product/1");
}

#[tokio::test]
async fn on_a_terminal_a_watch_draws_in_place() {
    let django = Django::start();
    let proxy = Proxy::start(&django.upstream());
    let mut ada = Person::login(&proxy, "root").await;
    let _page = edits(&mut ada, PRODUCT).await;
    let mut script = typing(&proxy.locks_command(&["list", "--watch"]), &[]);
    let mut child = script.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let drawn = Arc::new(Mutex::new(Vec::new()));
    let so_far = Arc::clone(&drawn);
    let reading = std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stdout.read(&mut buffer) {
            so_far.lock().unwrap().extend_from_slice(&buffer[..n]);
        }
    });
    let text = || String::from_utf8_lossy(&drawn.lock().unwrap()).into_owned();
    eventually!(text(), |screen| screen.matches("\x1b[H").count() >= 2);
    // Ctrl-C, as the terminal makes a signal of it.
    stdin.write_all(b"\x03").unwrap();
    let status = child.wait().unwrap();
    reading.join().unwrap();
    let out = text();
    assert_eq!(status.code(), Some(0), "{out}");
    let (before, screen) = out.split_once("\x1b[?1049h").expect("it takes the terminal's other screen");
    assert!(!before.contains("OBJECT"), "{out:?}");
    let (screen, after) = screen.split_once("\x1b[?1049l").expect("and gives it back");
    assert!(screen.matches("\x1b[H").count() >= 2, "drawn anew: {screen:?}");
    assert!(screen.contains("\x1b[1mOBJECT") && screen.contains("shop.product/1  Ada"), "{screen:?}");
    assert!(
        screen.contains("\x1b[?25l") && screen.contains("\x1b[?25h") && after.trim().is_empty(),
        "{out:?}"
    );
}

#[tokio::test]
async fn a_terminal_has_colours_unless_somebody_minds() {
    let django = Django::start();
    let proxy = Proxy::start(&django.upstream());
    let mut ada = Person::login(&proxy, "root").await;
    let _page = edits(&mut ada, PRODUCT).await;
    let list = proxy.locks_command(&["list"]);
    for (env, coloured) in [
        (&[][..], true),
        (&[("NO_COLOR", "")], true),
        (&[("NO_COLOR", "1")], false),
        (&[("TERM", "dumb")], false),
    ] {
        let said = at_terminal(&list, env, "");
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.out.contains("shop.product/1  Ada"), "{said:?}");
        assert_eq!(said.out.contains("\x1b["), coloured, "{env:?}: {said:?}");
    }
    assert!(!proxy.locks(&["list"]).out.contains('\x1b'), "a pipe has none");
}

#[tokio::test]
async fn a_reason_reaches_who_edits() {
    let (django, redis) = (Django::start(), Redis::start());
    for proxy in both(&django, &redis) {
        let mut ada = Person::login(&proxy, "root").await;
        let page = edits(&mut ada, PRODUCT).await;
        let said =
            proxy.locks(&["release", "shop.product/1", "--reason", "Prices are imported at 9 “sharp”"]);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
        let told = eventually!(page.of("lock_released"), |frames| frames.len() == 1);
        assert_eq!(told[0]["reason"], "Prices are imported at 9 “sharp”");
        assert_eq!(told[0]["cause"], "operator");

        // Without one there is none.
        page.becomes("viewer").await;
        page.send(json!({"type": "claim_editor"}));
        page.becomes("editor").await;
        assert_eq!(proxy.locks(&["release", "--user", "root"]).code, Some(0));
        let told = eventually!(page.of("lock_released"), |frames| frames.len() == 2);
        assert_eq!(told[1].get("reason"), None);
        for (reason, part) in [
            ("x".repeat(201), "expected at most 200 characters, found 201"),
            ("a\nb".to_owned(), "without control characters"),
            (" ".to_owned(), "expected a reason in words"),
        ] {
            let said = proxy.locks(&["release", "--all", "--reason", &reason]);
            assert_eq!(said.code, Some(2), "{reason:?}");
            assert!(said.err.contains(part), "{}", said.err);
        }
    }
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let (django, redis) = (Django::start(), Redis::start());
    for proxy in both(&django, &redis) {
        let said = proxy.locks(&["release", "--all", "--dry-run"]);
        assert_eq!((said.code, said.err.as_str()), (Some(1), "collab-proxy: No locks are held.\n"));
        let mut ada = Person::login(&proxy, "root").await;
        let page = edits(&mut ada, PRODUCT).await;
        let would = "Would release shop.product/1 (held by Ada).\n";
        for which in [
            &["shop.product/1"][..],
            &["Shop.Product/1"],
            &["--user", "ada"],
            &["--user", "root"],
            &["--all"],
        ] {
            let said = proxy.locks(&[&["release", "--dry-run"], which].concat());
            assert_eq!((said.code, said.out.as_str()), (Some(0), would), "{which:?}: {}", said.err);
        }
        let said = proxy.locks(&["release", "--dry-run", "--user", "grace"]);
        assert_eq!(
            (said.code, said.err.as_str()),
            (Some(1), "collab-proxy: No lock is held by \"grace\".\n")
        );
        assert_eq!(objects(&proxy.locks(&["release", "--dry-run", "--all", "--json"])), ["shop.product/1"]);
        assert_eq!(proxy.list().len(), 1);
        assert_eq!(page.of("lock_released"), [] as [Value; 0]);
    }
}

#[tokio::test]
async fn on_a_terminal_all_is_asked_for_first() {
    let django = Django::start();
    let proxy = Proxy::start(&django.upstream());
    let mut ada = Person::login(&proxy, "root").await;
    let page = edits(&mut ada, PRODUCT).await;
    let all = proxy.locks_command(&["release", "--all"]);
    for no in ["n\n", "\n", "nay\n", "\x04"] {
        let said = at_terminal(&all, &[], no);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(
            said.out.contains("shop.product/1  Ada") && said.out.contains("Release this lock? [y/N]"),
            "{said:?}"
        );
        assert!(said.out.contains("Nothing was released."), "{said:?}");
        assert_eq!(proxy.list().len(), 1);
    }
    let said = at_terminal(&all, &[], "y\n");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("Released shop.product/1 (held by Ada)."), "{said:?}");
    eventually!(proxy.list(), |locks| locks.is_empty());

    page.becomes("viewer").await;
    page.send(json!({"type": "claim_editor"}));
    page.becomes("editor").await;
    let said = at_terminal(&proxy.locks_command(&["release", "--all", "--yes"]), &[], "");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!said.out.contains("[y/N]"), "{said:?}");
}

/// A proxy that was started before this program came: it knows no reasons, and nothing of `show`.
#[tokio::test]
async fn an_older_proxy_is_understood() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let lock = r#"{"object":"a.b/1","editor":"Ada","user":"login:ada","since":1,"active":1,"state":"editing","unsaved":false,"waiting":0,"viewers":0}"#;
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
            let answer = match line.as_str() {
                l if l.contains("\"release\"") => format!(r#"{{"answer":"released","locks":[{lock}],"now":2}}"#),
                l if l.contains("\"list\"") => format!(r#"{{"answer":"locks","locks":[{lock}],"now":2}}"#),
                _ => r#"{"answer":"failed","message":"the proxy does not understand this: unknown variant `show`"}"#.to_owned(),
            };
            writeln!(stream, "{answer}").unwrap();
        }
    });
    let call = |args: &[&str]| {
        let mut cli = crate::support::proxy::binary(folder.path());
        cli.arg("locks").args(args).arg("--control").arg(&path);
        crate::support::proc::run(cli)
    };
    let said = call(&["release", "a.b/1", "--reason", "Import"]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "Released a.b/1 (held by Ada).\n"));
    assert!(said.err.contains("older version: the editors were not told the reason"), "{}", said.err);
    let said = call(&["release", "a.b/1"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    // It is never asked to release anything for it.
    let said = call(&["release", "--all", "--dry-run"]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "Would release a.b/1 (held by Ada).\n"));
    let said = call(&["show", "a.b/1"]);
    assert_eq!(said.code, Some(3));
    assert!(said.err.contains("(it is of an older version: restart it)"), "{}", said.err);
}

async fn saves(person: &mut Person, path: &str) {
    let form = person.form(path).await;
    let answer = person.post(path, &form).await;
    answer.expect(302);
}

#[tokio::test]
async fn an_object_is_shown() {
    let (django, redis) = (Django::start(), Redis::start());
    for proxy in both(&django, &redis) {
        let said = proxy.locks(&["show", "shop.product/1"]);
        assert_eq!(said.code, Some(1));
        assert!(said.err.contains("Nothing is known of shop.product/1"), "{}", said.err);
        let mut ada = Person::login(&proxy, "root").await;
        let mut grace = Person::login(&proxy, "grace").await;
        saves(&mut grace, PRODUCT).await;
        let page = edits(&mut ada, PRODUCT).await;
        page.send(json!({"type": "input", "dirty": true}));
        let theirs = grace.form(PRODUCT).await;
        let waits = PageSocket::join(&grace, &theirs).await;
        waits.becomes("waiting").await;
        waits.send(json!({"type": "request_edit"}));
        let show = || -> Value {
            let said = proxy.locks(&["show", "shop.product/1", "--json"]);
            assert_eq!(said.code, Some(0), "{}", said.err);
            serde_json::from_str(&said.out).unwrap()
        };
        let shown = eventually!(show(), |s| s["people"].as_array().unwrap().len() == 2
            && s["queue"][0]["asked"].is_u64()
            && s["people"][0]["unsaved"] == true);
        assert_eq!(
            json!([shown["object"], shown["editor"], shown["user"], shown["state"], shown["unsaved"]]),
            json!(["shop.product/1", "Ada", "login:root", "editing", true])
        );
        assert_eq!(json!([shown["saved"]["by"], shown["saved"]["user"]]), json!(["Grace", "login:grace"]));
        assert_eq!(shown["version"], shown["saved"]["at"]);
        assert_eq!(
            json!([shown["queue"][0]["name"], shown["queue"][0]["user"]]),
            json!(["Grace", "login:grace"])
        );
        let people: Vec<Value> = shown["people"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| json!([p["name"], p["role"], p["pages"]]))
            .collect();
        assert_eq!(people, [json!(["Ada", "editing", 1]), json!(["Grace", "waiting", 1])]);

        let text = proxy.locks(&["show", "shop.product/1"]).out;
        for part in [
            "shop.product/1\nEditor       Ada (login:root)\n",
            "editing, unsaved changes",
            "ago by Grace (login:grace)",
            "1. Grace (login:grace) since ",
            "asks to edit since ",
            "Ada (login:root): editing, unsaved changes, here since ",
            "Grace (login:grace): waiting, here since ",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        // The labels as Django's people write their classes.
        let folded = proxy.locks(&["show", "Shop.Product/1"]);
        assert_eq!(
            (folded.code, folded.out.starts_with("shop.product/1\n")),
            (Some(0), true),
            "{}",
            folded.err
        );
        let wrong = proxy.locks(&["show", "product"]);
        assert_eq!(wrong.code, Some(2));
        assert!(wrong.err.contains("\"product\" is not an object: "), "{}", wrong.err);
    }
}

/// A replica is looked at as the primary is, though it takes no writes; and nothing lives longer by it.
#[tokio::test]
async fn looking_writes_nothing() {
    let django = Django::start();
    let redis = Redis::on_port(&[]);
    let (host, port) = redis.address().split_once(':').map(|(h, p)| (h.to_owned(), p.to_owned())).unwrap();
    let proxy = Proxy::with(&django.upstream(), "", &["--redis", &redis.url()]);
    let mut ada = Person::login(&proxy, "root").await;
    let page = edits(&mut ada, PRODUCT).await;
    let key = "collab:lock:{shop.product/1}";
    page.leave();
    eventually!(proxy.list(), |locks| locks.is_empty());
    redis.tell::<()>(&["PEXPIRE", key, "600000"]);
    let (before, keys): (String, u64) = (redis.tell(&["GET", key]), redis.tell(&["DBSIZE"]));
    for args in [&["show", "shop.product/1"][..], &["list"]] {
        assert_eq!(proxy.locks(args).code, Some(0), "{args:?}");
    }
    let keeps: u64 = redis.tell(&["PTTL", key]);
    assert!(keeps <= 600_000, "{keeps}");
    assert_eq!((redis.tell::<String>(&["GET", key]), redis.tell::<u64>(&["DBSIZE"])), (before, keys));

    let replica = Redis::on_port(&["--replicaof", &host, &port]);
    eventually!(replica.tell::<u64>(&["EXISTS", key]), |there| *there == 1);
    let look = |args: &[&str]| {
        let mut cli = crate::support::proxy::binary(std::path::Path::new("/tmp"));
        cli.arg("locks").args(args).args(["--redis", &replica.url()]);
        crate::support::proc::run(cli)
    };
    let said = look(&["show", "shop.product/1"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("Editor     nobody"), "{}", said.out);
    assert_eq!(look(&["list"]).out, "No locks are held.\n");
    let said = look(&["release", "shop.product/1"]);
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.contains("read-only replica"), "{}", said.err);
}
