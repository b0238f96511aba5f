//! The operator's command line: what it says, and the exit code.

use std::path::Path;

use serde_json::json;

use crate::support::django::Django;
use crate::support::person::Person;
use crate::support::proc::{Said, run};
use crate::support::proxy::{Proxy, binary};
use crate::support::redis::Redis;
use crate::support::socket::PageSocket;

/// `collab-proxy args…`, without a proxy of the test's own.
fn call(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Said {
    let mut cli = binary(folder);
    cli.args(args).envs(env.iter().copied());
    run(cli)
}

pub(crate) async fn edits(person: &mut Person, path: &str) -> PageSocket {
    let form = person.form(path).await;
    let socket = PageSocket::join(person, &form).await;
    socket.becomes("editor").await;
    socket
}

fn nothing_held(proxy: &Proxy) {
    for (args, code, out, err) in [
        (&["list"][..], 0, "No locks are held.\n", ""),
        (&["list", "--json"], 0, "[]\n", ""),
        (&["release", "shop.product/1"], 1, "", "collab-proxy: Nobody holds shop.product/1.\n"),
        (&["release", "--user", "ada"], 1, "", "collab-proxy: No lock is held by \"ada\".\n"),
        (&["release", "--all"], 1, "", "collab-proxy: No locks are held.\n"),
    ] {
        let said = proxy.locks(args);
        assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(code), out, err), "{args:?}");
    }
}

#[tokio::test]
async fn locks_are_listed_and_freed() {
    let django = Django::start();
    let redis = Redis::start();
    for args in [&[][..], &["--redis", &redis.url()]] {
        let proxy = Proxy::with(&django.upstream(), "", args);
        nothing_held(&proxy);
        let mut ada = Person::login(&proxy, "root").await;
        let mut grace = Person::login(&proxy, "grace").await;
        let one = edits(&mut ada, "/admin/shop/product/1/change/").await;
        let two = edits(&mut ada, "/admin/shop/product/2/change/").await;
        let part = edits(&mut grace, "/admin/shop/part/a_2Fb_5Fc%20d_2Be_25%C3%A9/change/").await;
        let theirs = grace.form("/admin/shop/product/1/change/").await;
        let waits = PageSocket::join(&grace, &theirs).await;
        waits.becomes("waiting").await;
        one.send(json!({"type": "input", "dirty": true}));
        let row = |object: &str| proxy.list().into_iter().find(|l| l["object"] == object);
        let lock = eventually!(row("shop.product/1"), |l| l
            .as_ref()
            .is_some_and(|l| l["unsaved"] == true && l["viewers"] == 1));
        let lock = lock.unwrap();
        assert_eq!(
            (&lock["editor"], &lock["user"], &lock["state"]),
            (&json!("Ada"), &json!("login:root"), &json!("editing"))
        );
        assert_eq!(lock["waiting"], 1);
        assert!(
            lock["since"].as_u64() <= lock["active"].as_u64()
                && lock["since"].as_u64() > Some(1_700_000_000_000)
        );

        let table = proxy.locks(&["list"]).out;
        let lines: Vec<Vec<&str>> =
            table.lines().map(|l| l.split("  ").map(str::trim).filter(|c| !c.is_empty()).collect()).collect();
        assert_eq!(lines[0], ["OBJECT", "EDITOR", "SINCE", "LAST ACTIVE", "STATE", "WAITING", "VIEWERS"]);
        assert_eq!(lines.len(), 4, "{table}");
        let line = lines.iter().find(|l| l[0] == "shop.product/1").unwrap();
        assert_eq!((line[1], line[4], line[5], line[6]), ("Ada", "editing, unsaved", "1", "1"), "{table}");
        assert!(line[2].ends_with("seconds ago") || line[2].ends_with("second ago"), "{table}");
        assert!(table.contains("shop.part/a/b_c d+e%é  Grace"), "{table}");

        let said = proxy.locks(&["release", "shop.product/1"]);
        assert_eq!(
            (said.code, said.out.as_str()),
            (Some(0), "Released shop.product/1 (held by Ada, with unsaved changes on their page).\n")
        );
        eventually!(one.of("lock_released"), |frames| frames.len() == 1 && frames[0]["cause"] == "operator");
        waits.becomes("editor").await;
        let said = proxy.locks(&["release", "--user", "Ada"]);
        assert_eq!((said.code, said.out.as_str()), (Some(0), "Released shop.product/2 (held by Ada).\n"));
        eventually!(two.of("lock_released"), |frames| frames.len() == 1);
        let said = proxy.locks(&["release", "shop.part/a/b_c d+e%é", "--json"]);
        let freed: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(freed[0]["editor"], "Grace");
        eventually!(part.of("lock_released"), |frames| frames.len() == 1);
        let said = proxy.locks(&["release", "--all"]);
        assert_eq!((said.code, said.out.as_str()), (Some(0), "Released shop.product/1 (held by Grace).\n"));
        eventually!(proxy.list(), |locks| locks.is_empty());
        nothing_held(&proxy);
    }
}

#[test]
fn wrong_calls_say_what_is_expected() {
    let folder = tempfile::tempdir().unwrap();
    for (args, code, part) in [
        (&["locks", "release"][..], 2, "<OBJECT|--user <USER>|--all>"),
        (&["locks", "release", "product"], 2, "\"product\" is not an object: "),
        (&["locks", "release", "a.b/1", "--all"], 2, "cannot be used with"),
        (&["locks", "lst"], 2, "unrecognized subcommand 'lst'"),
        (&["locks", "list", "--listen", "127.0.0.1:1"], 3, "no proxy is running here"),
        (&["locks", "list", "--listen", "127.0.0.1:1"], 3, "XDG_RUNTIME_DIR, which is "),
        (
            &["locks", "list", "--control", "nowhere.sock"],
            3,
            "collab-proxy: nothing answers at nowhere.sock: no proxy is running with this control socket\n",
        ),
        (&["locks", "list", "--listen", "127.0.0.1:1"], 3, "as the user that serves or root"),
        (&["serve", "--upstream", "localhost:8000"], 2, "http:// is missing"),
        (&["locks", "list", "--redis", "unix:///nowhere/redis.sock"], 3, "/nowhere/redis.sock"),
        (&["locks", "list", "--redis", "http://x"], 2, "redis://host:6379/0"),
        (&["locks", "list", "--config", "nowhere.toml"], 2, "nowhere.toml: cannot be read"),
        (&["serve", "--redis", "unix:///nowhere/redis.sock"], 3, "/nowhere/redis.sock"),
        (&["serve", "--upstream", "ftp://x"], 2, "--upstream: upstream"),
    ] {
        let said = call(folder.path(), args, &[]);
        assert_eq!((said.code, said.out.as_str()), (Some(code), ""), "{args:?}: {}", said.err);
        assert!(said.err.contains(part), "{args:?}: {}", said.err);
        assert!(!said.err.contains("panicked"), "{}", said.err);
    }
}

#[test]
fn all_that_is_wrong_with_the_settings_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = "listen = \"nowhere\"\nupstraem = \"http://127.0.0.1:8000\"\n\n[lock]\nlease = \"soon\"\npin = \"3 s\"\n";
    std::fs::write(folder.path().join("collab.toml"), text).unwrap();
    let said = call(folder.path(), &["serve"], &[("COLLAB_LOCK_GRACE", "-1"), ("COLLAB_SECRET", "hush")]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    let mut seen = 0;
    for part in [
        "collab.toml line 1: listen",
        "collab.toml line 2: upstraem: there is no such setting",
        "upstream",
        "collab.toml line 5: lock.lease",
        "collab.toml line 6: lock.pin",
        "COLLAB_LOCK_GRACE: lock.grace",
        "COLLAB_SECRET: secret",
    ] {
        assert!(said.err.contains(part), "{part} in:\n{}", said.err);
        seen += 1;
    }
    assert_eq!(seen, 7);
    assert!(!said.err.contains("hush"), "a secret is not printed: {}", said.err);
    // The list of locks needs the same settings, and says the same.
    assert_eq!(call(folder.path(), &["locks", "list"], &[]).code, Some(2));
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let proxy = Proxy::start("http://127.0.0.1:1");
    let folder = tempfile::tempdir().unwrap();
    let said = call(folder.path(), &["serve", "--listen", proxy.address()], &[]);
    assert_eq!((said.code, said.out.as_str()), (Some(3), ""));
    assert!(said.err.contains(&format!("cannot listen on {}", proxy.address())), "{}", said.err);
    // A site that is away is told to people, not to the operator's start.
    let answer = Person::stranger(&proxy, "").get("/admin/").await.expect(502);
    assert!(answer.text().contains("The site is not running"), "{}", answer.text());
}

#[tokio::test]
async fn the_start_says_what_runs_where() {
    let redis = Redis::start();
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("unix:{}", folder.path().join("site.sock").display());
    let embedded = Proxy::start(&socket);
    for part in [
        format!("listening on  {}", embedded.url()),
        format!("proxying to   {socket}"),
        "locks live    in this process (embedded store)".to_owned(),
    ] {
        assert!(embedded.log().contains(&part), "{part} in {}", embedded.log());
    }
    let shared = Proxy::with(&socket, "", &["--redis", &redis.url()]);
    assert!(shared.log().contains("locks live    in Redis at "), "{}", shared.log());
    assert!(shared.log().contains(redis.socket().to_str().unwrap()), "{}", shared.log());
}
