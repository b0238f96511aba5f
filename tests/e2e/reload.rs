//! New settings while the proxy runs: they hold, nobody is sent away, and a mistake in them changes nothing.

use std::path::Path;

use hyper::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::browsers::PRODUCT;
use crate::redises::documented_rights;
use crate::support::certificates::{certificates, tls_settings};
use crate::support::django::Django;
use crate::support::operator::{LISTENS, ask};
use crate::support::person::Person;
use crate::support::proc::Proc;
use crate::support::proxy::{Proxy, binary};
use crate::support::redis::{Redis, free_port};
use crate::support::socket::PageSocket;

const ANEW: &str = "read anew";

/// How often something stands in the log.
fn said(proxy: &Proxy, what: &str) -> usize {
    proxy.log().matches(what).count()
}

#[tokio::test]
async fn settings_are_read_anew_and_no_socket_is_dropped() {
    let django = Django::start();
    let trail = tempfile::tempdir().unwrap();
    let file = trail.path().join("audit.jsonl");
    let audit = format!("{LISTENS}[audit]\nfile = \"{}\"\n", file.display());
    let mut proxy = Proxy::with(&django.upstream(), &audit, &[]);
    let mut ada = Person::login(&proxy, "root").await;
    let form = ada.form(PRODUCT).await;
    assert_eq!(
        (&form.config["texts"]["editor_mode_text"], &form.config["chat"]),
        (&json!("You are in editor mode."), &json!(true))
    );
    let socket = PageSocket::join(&ada, &form).await;
    socket.becomes("editor").await;

    // A text, a switch, a rule of the lock; and the trail's file was moved away by whoever rotates logs.
    std::fs::rename(&file, trail.path().join("audit.jsonl.1")).unwrap();
    proxy.reload(&format!(
        "{audit}[options]\neditor_mode_text = \"It is yours.\"\nenable_chat = false\n[lock]\nqueue = 0\n"
    ));
    eventually!(said(&proxy, ANEW), |times| *times == 1);
    let changed = "lock.queue options.editor_mode_text options.enable_chat";
    assert!(proxy.log().contains(changed), "{}", proxy.log());
    let again = ada.form(PRODUCT).await;
    assert_eq!(
        (&again.config["texts"]["editor_mode_text"], &again.config["chat"]),
        (&json!("It is yours."), &json!(false))
    );
    let mut grace = Person::login(&proxy, "grace").await;
    let theirs = grace.form(PRODUCT).await;
    let turned_away = PageSocket::join(&grace, &theirs).await;
    turned_away.becomes("viewer").await;
    assert_eq!((socket.closed(), socket.status()["you"].as_str()), (None, Some("editor")));
    // The page of before the reload is as good as ever.
    ada.post(PRODUCT, &form.with("name", "Over the reload").with("_save", "Save")).await.expect(302);
    assert_eq!(django.product_name(1), "Over the reload");
    let lines = || std::fs::read_to_string(&file).unwrap_or_default();
    eventually!(lines(), |lines| lines.contains("saved") && !lines.starts_with('\n'));

    // Mistakes: all of them are told, and nothing changes.
    proxy.reload("[options]\neditor_mode_tetx = \"x\"\n[lock]\nlease = \"soon\"\n");
    eventually!(proxy.log(), |log| {
        log.contains("the old settings go on")
            && log.contains("editor_mode_tetx")
            && log.contains("lock.lease")
    });
    let form = ada.form(PRODUCT).await;
    assert_eq!(form.config["texts"]["editor_mode_text"], "It is yours.");
    assert!(ask(&proxy, "/metrics").await.text().contains("collab_proxy_config_last_reload_success 0"));

    // What cannot be changed is named.
    proxy.reload(&format!("secret = \"0123456789abcdef\"\n{audit}"));
    eventually!(proxy.log(), |log| log.contains("but for secret: it takes a restart"));
    assert!(ask(&proxy, "/metrics").await.text().contains("collab_proxy_config_last_reload_success 1"));
    let form = ada.form(PRODUCT).await;
    assert_eq!(form.config["texts"]["editor_mode_text"], "You are in editor mode.");
    assert!(!proxy.log().contains("0123456789abcdef"), "{}", proxy.log());
}

/// Whoever writes it anew moves it away first, or a deployment loses it: the defaults are nobody's settings.
#[tokio::test]
async fn a_file_that_is_gone_is_a_mistake_and_not_the_defaults() {
    let (django, folder) = (Django::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("collab.toml");
    let settings = |operator: u16| {
        format!(
            "listen = \"127.0.0.1:0\"\nupstream = \"{}\"\ncontrol = \"c.sock\"\n\
             [operator]\nlisten = \"127.0.0.1:{operator}\"\n",
            django.upstream()
        )
    };
    let operator = free_port();
    std::fs::write(&file, settings(operator)).unwrap();
    let mut serve = binary(folder.path());
    serve.arg("serve");
    let mut proc = Proc::start("collab-proxy", serve);
    let url: String = proc.ready(|line| line.strip_prefix("READY http://").map(str::to_owned));
    std::fs::rename(&file, folder.path().join("elsewhere")).unwrap();
    proc.signal("HUP");
    eventually!(proc.log(), |log| log.contains("the old settings go on")
        && log.contains("collab.toml: cannot be read"));
    let mut ada = Person::at_address(&url, "root");
    ada.sign_in("/admin/").await;
    ada.get(PRODUCT).await.expect(200);
    assert!(!proc.log().contains(ANEW), "{}", proc.log());
    std::fs::write(&file, format!("log = \"debug\"\n{}", settings(operator))).unwrap();
    proc.signal("HUP");
    eventually!(proc.log(), |log| log.contains(ANEW));
}

/// Who somebody is, how many may connect, and what is logged.
#[tokio::test]
async fn nothing_of_it_takes_a_restart() {
    let django = Django::start();
    let before = "log = \"warn\"\n[proxy]\nmax_connections = 2\n[admin]\nsession_cookie = \"other\"\n";
    let mut proxy = Proxy::with(&django.upstream(), before, &[]);
    let mut ada = Person::login(&proxy, "root").await;
    ada.get(PRODUCT).await.expect(200);
    assert_eq!(said(&proxy, "INFO"), 0, "{}", proxy.log());
    // There is room for two, and two are there.
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = tokio::net::TcpStream::connect(proxy.address()).await.unwrap();
        stream.write_all(b"GET /admin/login/ HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        stream.read_u8().await.unwrap();
        held.push(stream);
    }
    let waiting = tokio::spawn(async move { ada.form(PRODUCT).await });
    assert!(!waiting.is_finished());
    proxy.reload("log = \"info\"\n[identity]\nuser_header = \"X-User\"\n");
    eventually!(said(&proxy, ANEW), |times| *times == 1);
    assert!(!proxy.log().contains(" a restart"), "{}", proxy.log());
    // Sooner than those that are there would be sent away (`proxy.header_timeout`).
    tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await.unwrap().unwrap();
    eventually!(said(&proxy, " INFO request"), |times| *times > 0);
    // The session's cookie is what the settings say now, and so is who says who somebody is.
    let mut grace = Person::login(&proxy, "grace").await;
    let form = grace.form(PRODUCT).await;
    let socket = PageSocket::join(&grace, &form).await;
    socket.becomes("editor").await;
    let by_login = proxy.list();
    assert_eq!(by_login[0]["user"], "login:grace", "{by_login:?}");
    let headers = [("x-user", "grace@example.org")];
    let page =
        grace.request(Method::GET, "/admin/shop/product/2/change/", &headers, Vec::new()).await.unwrap();
    assert!(page.expect(200).text().contains("\"known\":true"));
    eventually!(proxy.log(), |log| log.contains("user=sso:grace@example.org"));
}

/// A password is changed, and all certificates, while people work: nobody notices, and a mistake changes nothing.
#[tokio::test]
async fn the_way_to_redis_is_renewed() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let tls = free_port().to_string();
    let args = tls_settings(folder.path(), &tls);
    let redis = Redis::on_port(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let acl = |rights: &[String]| {
        let rights = rights.iter().map(String::as_str);
        redis.tell::<()>(&["ACL", "SETUSER", "collab"].into_iter().chain(rights).collect::<Vec<_>>());
    };
    acl(&documented_rights());
    let settings = |password: &str| {
        let (tls, file) = (&tls, |name: &str| folder.path().join(name).display().to_string());
        format!(
            "store = \"redis\"\n[options]\nredis_url = \"rediss://collab:{password}@127.0.0.1:{tls}/0\"\n\
             [redis]\nca = \"{}\"\nclient_cert = \"{}\"\nclient_key = \"{}\"\n",
            file("ca.pem"),
            file("client.pem"),
            file("client.key")
        )
    };
    let django = Django::start();
    let mut proxy = Proxy::with(&django.upstream(), &settings("secret"), &[]);
    let mut ada = Person::login(&proxy, "root").await;
    let form = ada.form(PRODUCT).await;
    let socket = PageSocket::join(&ada, &form).await;
    socket.becomes("editor").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let theirs = grace.form(PRODUCT).await;
    let waiting = PageSocket::join(&grace, &theirs).await;
    waiting.becomes("waiting").await;

    // A wrong password, and a file with nothing in it that is a certificate.
    acl(&[">renewed".to_owned()]);
    proxy.reload(&settings("hunter3"));
    eventually!(proxy.log(), |log| log
        .contains("the old settings go on: Redis cannot be used by the new settings"));
    proxy.reload(&settings("renewed").replace("client.pem", "ca.key"));
    eventually!(said(&proxy, "the old settings go on"), |times| *times == 2);
    // Another authority vouches for everybody, and the old password is no more.
    certificates(folder.path());
    renew(&redis, folder.path());
    let newest = || redis.tell::<u64>(&["CLIENT", "ID"]);
    let since = |client: u64| -> usize {
        let all: String = redis.tell(&["CLIENT", "LIST"]);
        let ours = all.lines().filter(|line| line.contains("user=collab"));
        let id = |line: &str| line.split([' ', '=']).nth(1).and_then(|id| id.parse().ok()).unwrap_or(0);
        ours.filter(|line| id(line) > client).count()
    };
    let before = newest();
    proxy.reload(&settings("renewed"));
    eventually!(said(&proxy, ANEW), |times| *times == 1);
    // Commands go a new way from now on; who listens, listens.
    eventually!(since(before), |connections| *connections == 1);
    acl(&["<secret".to_owned()]);
    let before = newest();
    for kind in ["normal", "pubsub"] {
        redis.tell::<i64>(&["CLIENT", "KILL", "TYPE", kind]);
    }
    eventually!(since(before), |connections| *connections == 2);
    ada.post(PRODUCT, &form.with("name", "By new certificates").with("_save", "Save")).await.expect(302);
    assert_eq!(django.product_name(1), "By new certificates");
    // What she has open is of before that save.
    eventually!(waiting.status(), |status| status["turn"] == true);
    assert_eq!((socket.closed(), waiting.closed()), (None, None));
    assert!(!proxy.log().contains("hunter3") && !proxy.log().contains("renewed@"), "{}", proxy.log());
    // Where it leads is another matter.
    proxy.reload(&settings("renewed").replace("/0\"", "/1\""));
    eventually!(proxy.log(), |log| log
        .contains("which server, database or prefix it is: it takes a restart"));
}

/// The server reads its certificates anew.
fn renew(redis: &Redis, folder: &Path) {
    let file = |name: &str| folder.join(name).display().to_string();
    let (cert, key, ca) = (file("server.pem"), file("server.key"), file("ca.pem"));
    redis.tell::<()>(&[
        "CONFIG",
        "SET",
        "tls-cert-file",
        &cert,
        "tls-key-file",
        &key,
        "tls-ca-cert-file",
        &ca,
    ]);
}
