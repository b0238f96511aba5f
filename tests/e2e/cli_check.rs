//! `collab-proxy check`, before real and broken sites: what it finds, what it advises, and the exit code.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::Value;

use crate::support::django::Django;
use crate::support::proc::{Proc, Said, command, run, tool};
use crate::support::proxy::{Proxy, binary};
use crate::support::redis::{Redis, free_port};

fn check(args: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let mut cli = binary(folder.path());
    cli.arg("check").args(args);
    run(cli)
}

/// The findings of one kind, and the exit code.
fn findings(args: &[&str]) -> (Option<i32>, Vec<Value>) {
    let said = check(&[args, &["--json"]].concat());
    let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {said:?}"));
    assert_eq!(report["ok"], said.code == Some(0), "{said:?}");
    (said.code, report["findings"].as_array().unwrap().clone())
}

#[track_caller]
fn has(found: &[Value], what: &str, level: &str, part: &str) {
    let all = found.iter().filter(|f| f["what"] == what && f["level"] == level);
    let hit = all.clone().any(|f| format!("{} {}", f["found"], f["do"]).contains(part));
    assert!(hit, "no {level} of {what} says {part:?}: {found:#?}");
}

#[tokio::test]
async fn a_site_that_works_is_said_to() {
    let (django, redis) = (Django::start(), Redis::start());
    let upstream = django.upstream();
    let proxy = Proxy::with(&upstream, "", &["--redis", &redis.url()]);
    let said = check(&["--upstream", &upstream, "--redis", &redis.url(), "--through", proxy.url()]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{}", said.out);
    for part in [
        "ok    settings",
        &format!("ok    upstream       {upstream} can be reached"),
        "ok    admin          /admin/ asks strangers to sign in at /admin/login/?next=/admin/",
        "ok    staff probe    /admin/jsi18n/ tells staff from strangers",
        "ok    locks          Redis at unix:",
        "ok    outer socket   WebSockets get through to ",
        &format!("ok    outer page     {}/admin/ asks strangers to sign in", proxy.url()),
        &format!("ok    outer sign-in  {}/admin/login/ takes the forms that browsers send", proxy.url()),
        "All is well.",
    ] {
        assert!(said.out.contains(part), "{part} in\n{}", said.out);
    }
    assert!(
        !said.out.contains("warn") && !said.out.contains("FAIL") && !said.out.contains('\x1b'),
        "{}",
        said.out
    );
    let said = check(&["--upstream", &upstream]);
    assert_eq!(said.code, Some(0), "{}", said.out);
    assert!(said.out.contains("they live in the process"), "{}", said.out);
}

#[tokio::test]
async fn a_wrong_prefix_a_foreign_host_and_no_site_at_all() {
    let django = Django::with(&[("DEMO_HOST", "shop.example.org")]);
    let upstream = django.upstream();
    let (code, found) = findings(&["--upstream", &upstream, "--host", "other.example.org"]);
    assert_eq!(code, Some(1));
    has(&found, "host", "fail", "ALLOWED_HOSTS");
    // Nobody said how people call it: it may be all right.
    let (code, found) = findings(&["--upstream", &upstream]);
    assert_eq!(code, Some(0));
    has(&found, "host", "warn", "--host");
    let (code, found) = findings(&["--upstream", &upstream, "--host", "shop.example.org"]);
    assert_eq!(code, Some(0));
    has(&found, "admin", "ok", "/admin/login/");

    let args = ["--upstream", &upstream, "--host", "shop.example.org", "--admin-url", "backoffice"];
    let (code, found) = findings(&args);
    assert_eq!(code, Some(1));
    has(&found, "admin", "fail", "there is nothing at /backoffice/ (404)");
    has(&found, "admin", "fail", "options.admin_url");

    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let (code, found) = findings(&["--upstream", &nowhere]);
    assert_eq!(code, Some(1));
    has(&found, "upstream", "fail", "cannot be reached: Connection refused");
    has(&found, "upstream", "fail", "--upstream");
    let (code, found) =
        findings(&["--upstream", "unix:/nowhere/django.sock", "--redis", "unix:///nowhere/redis.sock"]);
    assert_eq!(code, Some(1));
    has(&found, "upstream", "fail", "No such file");
    has(&found, "locks", "fail", "/nowhere/redis.sock");
}

#[tokio::test]
async fn an_admin_with_a_language_before_it_is_found() {
    let django = Django::with(&[("DEMO_I18N", "1")]);
    let upstream = django.upstream();
    let (code, found) = findings(&["--upstream", &upstream]);
    assert_eq!(code, Some(1));
    has(&found, "admin", "fail", "admin.prefixes = [\\\"/{lang}/admin/\\\"]");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), "[admin]\nprefixes = [\"/{lang}/admin/\"]\n").unwrap();
    let file = folder.path().join("c.toml");
    let (code, found) = findings(&["--upstream", &upstream, "--config", file.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{found:?}");
    has(&found, "admin", "ok", "/en/admin/ asks strangers to sign in at /en/admin/login/");
    has(&found, "staff probe", "ok", "/en/admin/jsi18n/");
}

#[tokio::test]
async fn what_https_needs_is_told() {
    // Else gunicorn believes what is said from this machine, and Django believes gunicorn.
    let not_gunicorn = ("FORWARDED_ALLOW_IPS", "10.0.0.1");
    let django = Django::with(&[("DEMO_HTTPS", "redirect"), not_gunicorn]);
    let (code, found) = findings(&["--upstream", &django.upstream()]);
    assert_eq!(code, Some(1));
    has(&found, "https", "fail", "SECURE_PROXY_SSL_HEADER");
    let django = Django::with(&[("DEMO_HTTPS", "trusted"), not_gunicorn]);
    let (code, found) = findings(&["--upstream", &django.upstream()]);
    assert_eq!(code, Some(0));
    has(&found, "https", "warn", "X-Forwarded-Proto: https");
    has(&found, "admin", "ok", "/admin/login/");
    has(&found, "staff probe", "ok", "");
    let django = Django::with(&[("DEMO_SECURE_COOKIES", "1")]);
    let (code, found) = findings(&["--upstream", &django.upstream()]);
    assert_eq!(code, Some(0));
    has(&found, "https", "warn", "csrftoken by https only");
}

/// Servers that are each wrong in one way: what is said, and what to do about it. Nobody who has a Redis there is told to
/// start one.
#[test]
fn every_redis_that_cannot_serve_gets_its_own_advice() {
    let folder = tempfile::tempdir().unwrap();
    let quick = folder.path().join("quick.toml");
    std::fs::write(
        &quick,
        "[options]\nredis_max_retries = 1\nredis_retry_delay = \"10 ms\"\nredis_socket_timeout = 1\n",
    )
    .unwrap();
    let guarded = Redis::on_port(&["--requirepass", "hunter2"]);
    let plain = Redis::on_port(&[]);
    for (user, rights) in [
        ("other", &["~other:*", "&*", "+@all"][..]),
        ("deaf", &["~*", "resetchannels", "+@all"]),
        ("weak", &["~*", "&*", "+@all", "-set"]),
    ] {
        plain.tell::<()>(&[&["ACL", "SETUSER", user, "on", ">secret"][..], rights].concat());
    }
    let (host, port) = plain.address().split_once(':').map(|(h, p)| (h.to_owned(), p.to_owned())).unwrap();
    let replica = Redis::on_port(&["--replicaof", &format!("{host} {port}")]);
    let node = Redis::on_port(&["--cluster-enabled", "yes"]);
    let page = outer("HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n<html>");
    let web = page.strip_prefix("http://").unwrap();
    let asked = |redis: &Redis, who: &str| redis.url().replace("redis://", &format!("redis://{who}@"));
    let start = "Start Redis there";
    let mut seen = 0;
    for (url, found, advice) in [
        (guarded.url(), "wants a user name and password", "Put them into the address"),
        (asked(&guarded, ":hunter3"), "the user name or password is wrong", "percent-encoded"),
        (asked(&plain, "nobody:secret"), "the user name or password is wrong", "percent-encoded"),
        (asked(&plain, "other:secret"), "the keys below redis.prefix", "docs/redis.md"),
        (asked(&plain, "deaf:secret"), "the channels below redis.prefix", "docs/redis.md"),
        (asked(&plain, "weak:secret"), "may not run the commands", "docs/redis.md"),
        (replica.url(), "read-only replica", "address of the primary, or let Sentinels"),
        (node.url(), "is not whole", "redis-cli --cluster create"),
        (node.url().replace("/0", "/3"), "database 0 only", "End the address with /0"),
        (plain.url().replace("/0", "/99"), "no database of that number", "another number"),
        (plain.url().replace("redis:", "rediss:"), "rediss:", "begins with redis://"),
        (format!("redis://{web}/0"), "does not speak as Redis does", "Say where Redis is"),
        (format!("rediss://{web}/0"), "does not speak TLS", "begin with redis://"),
        (format!("redis://127.0.0.1:{}/0", free_port()), "refused", start),
        ("unix:///nowhere/redis.sock".to_owned(), "No such file", start),
    ] {
        let args =
            ["--config", quick.to_str().unwrap(), "--upstream", "unix:/nowhere/django.sock", "--redis", &url];
        let (code, all) = findings(&args);
        assert_eq!(code, Some(1));
        let locks = all.iter().find(|f| f["what"] == "locks").unwrap();
        let (what, told) = (locks["found"].as_str().unwrap(), locks["do"].as_str().unwrap());
        assert!(what.contains(found) && told.contains(advice), "{url}: {locks:#}");
        assert_eq!(told == start || told.starts_with(start), advice == start, "{url}: {locks:#}");
        for odd in ["hunter", "secret", "NoPerm", "ResponseError", "AuthenticationFailed", "\n", "\r"] {
            assert!(!what.contains(odd), "{url}: {locks:#}");
        }
        seen += 1;
    }
    assert_eq!(seen, 15);
}

#[test]
fn wrong_settings_fail_and_wrong_calls_are_another_thing() {
    let folder = tempfile::tempdir().unwrap();
    let call = |args: &[&str], env: &[(&str, &str)]| {
        let mut cli = binary(folder.path());
        cli.arg("check").args(args).envs(env.iter().copied());
        run(cli)
    };
    let said = call(&["--config-only"], &[]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = call(&["--config-only"], &[("COLLAB_LOCK_LEASE", "soon"), ("COLLAB_LISTEN", "x")]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(said.out.matches("FAIL  settings").count(), 2, "{}", said.out);
    // What `serve` would end at, and what somebody has likely forgotten.
    let said = call(&[], &[("COLLAB_AUDIT_FILE", "/nowhere/audit.jsonl")]);
    assert!(
        said.out.contains("FAIL  audit trail") && said.out.contains("/nowhere: No such file"),
        "{}",
        said.out
    );
    let said = call(&["--config-only"], &[("COLLAB_OPTIONS_REDIS_URL", "redis://elsewhere:1/0")]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("warn  settings  Redis is described, and not used"), "{}", said.out);
    let said = call(&["--config-only"], &[("COLLAB_IDENTITY_USER_HEADER", "X-User")]);
    assert!(said.out.contains("warn  settings  identity.user_header is believed"), "{}", said.out);
    for args in [&["--through", "shop.example.org"][..], &["--port", "1"], &["--config-only", "--host", "x"]]
    {
        assert_eq!(call(args, &[]).code, Some(2), "{args:?}");
    }
}

/// An outer proxy that answers every request so.
fn outer(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

/// An outer proxy that passes requests on as plain ones, as nginx does unless it is told otherwise.
fn without_upgrade(inner: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let inner = inner.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut near = stream.unwrap();
            let mut head = vec![0; 4096];
            let length = near.read(&mut head).unwrap();
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let hop = |line: &&str| {
                let line = line.to_lowercase();
                !line.starts_with("upgrade:") && !line.starts_with("connection:")
            };
            let mut kept: Vec<&str> = head.trim_end().lines().filter(hop).collect();
            kept.push("Connection: close");
            let mut far = std::net::TcpStream::connect(&inner).unwrap();
            write!(far, "{}\r\n\r\n", kept.join("\r\n")).unwrap();
            let mut answer = Vec::new();
            let _ = far.read_to_end(&mut answer);
            let _ = near.write_all(&answer);
        }
    });
    url
}

#[tokio::test]
async fn what_stands_in_front_is_judged() {
    let django = Django::start();
    let upstream = django.upstream();
    let proxy = Proxy::start(&upstream);
    let blocked = without_upgrade(proxy.address());
    let through = |url: &str| findings(&["--upstream", &upstream, "--through", url]);
    let (code, found) = through(&blocked);
    assert_eq!(code, Some(1));
    has(&found, "outer socket", "fail", "without its Upgrade header (426)");
    has(&found, "outer socket", "fail", "proxy_set_header Upgrade $http_upgrade;");
    for (answer, part) in [
        ("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "plain request (400)"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "plain request (200)"),
        ("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "cannot reach collab-proxy (502)"),
        ("nonsense\r\n\r\n", ""),
    ] {
        let (code, found) = through(&outer(answer));
        assert_eq!(code, Some(1), "{answer}");
        has(&found, "outer socket", "fail", part);
    }
    // Past the proxy, straight to Django.
    let (code, found) = through(&upstream);
    assert_eq!(code, Some(1));
    has(&found, "outer socket", "fail", "Django itself answers there");
    has(&found, "outer socket", "fail", "to collab-proxy, and nothing of the admin past it to Django");
    let (code, found) = through(&format!("http://127.0.0.1:{}", free_port()));
    assert_eq!(code, Some(1));
    has(&found, "outer socket", "fail", "cannot be reached");
}

/// A real nginx before the proxy, with these lines where it passes requests on.
fn nginx(folder: &std::path::Path, inner: &str, lines: &str) -> (Proc, String) {
    let port = free_port();
    let conf = format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n\
         access_log off;\nclient_body_temp_path b;\nproxy_temp_path p;\nfastcgi_temp_path f;\nuwsgi_temp_path u;\n\
         scgi_temp_path s;\nserver {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{inner};\n{lines} }} }}\n}}\n"
    );
    std::fs::write(folder.join("nginx.conf"), conf).unwrap();
    let mut nginx = command(tool("nginx", "sudo apt-get install -y nginx"));
    nginx.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "stderr"]);
    (Proc::start("nginx", nginx), format!("http://127.0.0.1:{port}"))
}

#[tokio::test]
async fn a_real_nginx_is_told_what_it_lacks() {
    let django = Django::with(&[("DEMO_HOST", "127.0.0.1")]);
    let upstream = django.upstream();
    let proxy = Proxy::start(&upstream);
    let host = "proxy_set_header Host $http_host;";
    let upgrade = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
                   proxy_set_header Connection \"upgrade\";";
    for (lines, code, what, level, part) in [
        (format!("{host} {upgrade}"), 0, "outer socket", "ok", "get through"),
        (host.to_owned(), 1, "outer socket", "fail", "without its Upgrade header (426)"),
        (upgrade.to_owned(), 1, "outer socket", "fail", "proxy_set_header Host $http_host;"),
        (
            format!("{upgrade} proxy_set_header Host shop;"),
            1,
            "outer page",
            "fail",
            "proxy_set_header Host $http_host;",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (_nginx, url) = nginx(folder.path(), proxy.address(), &lines);
        let open = || std::net::TcpStream::connect(url.strip_prefix("http://").unwrap()).is_ok();
        eventually!(open(), |open| *open);
        let (ended, found) = findings(&["--upstream", &upstream, "--through", &url]);
        has(&found, what, level, part);
        assert_eq!(ended, Some(code), "{lines}: {found:#?}");
    }
}
