//! The files of examples/deploy as operators use them, with only addresses and names of their own put in: behind a real
//! nginx, under systemd's own tools, before gunicorn and uvicorn.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::Method;

use crate::browsers::PRODUCT;
use crate::support::certificates::certificates;
use crate::support::django::Django;
use crate::support::person::{Person, parse};
use crate::support::proc::{Proc, command, run, tool};
use crate::support::proxy::{Proxy, binary};
use crate::support::redis::{Redis, free_port};
use crate::support::socket::PageSocket;

fn example(name: &str) -> String {
    std::fs::read_to_string(Path::new("examples/deploy").join(name)).unwrap()
}

/// Somebody edits and saves through this address.
async fn works(django: &Django, address: &str, name: &str) {
    let mut ada = Person::at_address(address, "root");
    ada.sign_in("/admin/").await;
    let form = ada.form(PRODUCT).await;
    let socket = PageSocket::join(&ada, &form).await;
    socket.becomes("editor").await;
    ada.post(PRODUCT, &form.with("name", name).with("_save", "Save")).await.expect(302);
    assert_eq!(django.product_name(1), name);
}

/// nginx with the documented settings; only its port, and the proxies', are others, and there are no certificates.
fn nginx(folder: &Path, proxies: &[&str]) -> (Proc, String) {
    let plain: String = example("nginx/collab-proxy.conf")
        .lines()
        .filter(|line| !line.contains("ssl_certificate"))
        .map(|line| format!("{}\n", line.replace("443 ssl", "443")))
        .collect();
    assert!(!plain.contains("ssl"), "{plain}");
    nginx_with(folder, &plain, proxies)
}

fn nginx_with(folder: &Path, site: &str, proxies: &[&str]) -> (Proc, String) {
    let address = format!("127.0.0.1:{}", free_port());
    let site = site
        .replace("listen 443", &format!("listen {address}"))
        .replace("127.0.0.1:8080", &proxies.join(" max_fails=0; server "));
    assert!(site.contains(&address), "{site}");
    assert!(proxies.iter().all(|proxy| site.contains(proxy)), "{site}");
    let folder = folder.display();
    let whole = format!(
        "daemon off; pid {folder}/nginx.pid; error_log stderr notice; worker_processes 1; events {{}}\nhttp {{\n\
         access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n\
         fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{site}}}\n"
    );
    let file = format!("{folder}/nginx.conf");
    std::fs::write(&file, whole).unwrap();
    let mut nginx = command(tool("nginx", "sudo apt-get install -y nginx"));
    nginx.args(["-c", &file, "-p", &folder.to_string()]);
    let mut proc = Proc::start("nginx", nginx);
    proc.ready(|line| line.contains("start worker processes").then_some(()));
    (proc, address)
}

#[tokio::test]
async fn behind_nginx_as_documented() {
    let (django, folder) = (Django::start(), tempfile::tempdir().unwrap());
    let mut proxy = Proxy::start(&django.upstream());
    let (_nginx, address) = nginx(folder.path(), &[proxy.address()]);
    works(&django, &address, "Through nginx").await;
    // An upload that is larger than any buffer on the way.
    let mut ada = Person::at_address(&address, "root");
    ada.sign_in("/admin/").await;
    let form = ada.form(PRODUCT).await.with("_save", "Save");
    ada.upload(PRODUCT, &form, "datasheet", 20 * 1024 * 1024).await.expect(302);
    // A page that stays open is not cut off by the restart of what is behind nginx, but told to come back.
    let form = ada.form(PRODUCT).await;
    let socket = PageSocket::join(&ada, &form).await;
    socket.becomes("editor").await;
    assert!(proxy.stop().success());
    eventually!(socket.closed(), |code| *code == Some(1012));
    proxy.restart();
    let back = PageSocket::join(&ada, &form).await;
    back.becomes("editor").await;
}

/// The documented nginx with certificates and all, as `check --through` sees it.
#[tokio::test]
async fn behind_https() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let site = example("nginx/collab-proxy.conf")
        .replace("/etc/ssl/example.org.pem", &file("server.pem"))
        .replace("/etc/ssl/example.org.key", &file("server.key"));
    // A site that sends everybody to https for ever, unless it is told that they are there.
    let django = Django::with(&[("DEMO_HOST", "127.0.0.1"), ("DEMO_HTTPS", "trusted")]);
    let proxy = Proxy::start(&django.upstream());
    let (_nginx, address) = nginx_with(folder.path(), &site, &[proxy.address()]);
    let check = |authority: Option<&str>| {
        let mut cli = binary(folder.path());
        cli.args(["check", "--upstream", &django.upstream(), "--through", &format!("https://{address}")]);
        cli.envs(authority.map(|file| ("SSL_CERT_FILE", file)));
        run(cli)
    };
    let said = check(Some(&file("ca.pem")));
    assert_eq!(said.code, Some(0), "{}\n{}", said.out, said.err);
    assert!(said.out.contains(&format!("WebSockets get through to https://{address}")), "{}", said.out);
    let said = check(None);
    assert_eq!(said.code, Some(1), "{}", said.out);
    let advice = said.out.matches("SSL_CERT_FILE=/path/to/ca.pem").count();
    assert_eq!(
        (advice, said.out.matches("no authority that is known here has signed it").count()),
        (2, 2),
        "{}",
        said.out
    );
}

/// A site that sends nobody to https looks well through an nginx that forgets a header, until somebody signs in.
#[tokio::test]
async fn an_nginx_that_keeps_people_from_signing_in_is_found() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let right = example("nginx/collab-proxy.conf")
        .replace("/etc/ssl/example.org.pem", &file("server.pem"))
        .replace("/etc/ssl/example.org.key", &file("server.key"));
    let (proto, host) = ("proxy_set_header X-Forwarded-Proto $scheme;", "proxy_set_header Host $http_host;");
    assert!(right.contains(proto) && right.contains(host));
    let django = Django::start();
    let proxy = Proxy::start(&django.upstream());
    for (site, is_well) in [
        (right.clone(), true),
        (right.replace(proto, ""), false),
        (right.replace(host, "proxy_set_header Host $host;"), false),
    ] {
        let place = tempfile::tempdir_in(folder.path()).unwrap();
        let (_nginx, address) = nginx_with(place.path(), &site, &[proxy.address()]);
        let mut cli = binary(folder.path());
        cli.args(["check", "--upstream", &django.upstream(), "--through", &format!("https://{address}")]);
        cli.env("SSL_CERT_FILE", file("ca.pem"));
        let said = run(cli);
        assert_eq!(said.code, Some(i32::from(!is_well)), "{}", said.out);
        let line = if is_well { "ok    outer sign-in" } else { "FAIL  outer sign-in" };
        assert!(said.out.contains(line), "{line} in {}", said.out);
        assert_eq!(said.out.contains("SECURE_PROXY_SSL_HEADER"), !is_well, "{}", said.out);
    }
}

#[tokio::test]
async fn before_uvicorn() {
    let django = Django::on_uvicorn();
    let proxy = Proxy::start(&django.upstream());
    works(&django, proxy.address(), "Through uvicorn").await;
}

/// systemd holds the socket, starts the proxy when somebody comes, and is told how far it is.
#[tokio::test]
async fn started_by_systemds_socket() {
    let (django, folder) = (Django::start(), tempfile::tempdir().unwrap());
    let notified = folder.path().join("notify");
    let hears = UnixDatagram::bind(&notified).unwrap();
    hears.set_nonblocking(true).unwrap();
    let heard = || {
        let mut buffer = [0; 256];
        hears
            .recv(&mut buffer)
            .map(|n| String::from_utf8_lossy(&buffer[..n]).into_owned())
            .unwrap_or_default()
    };
    let address = format!("127.0.0.1:{}", free_port());
    let mut activate = command(tool("systemd-socket-activate", "sudo apt-get install -y systemd"));
    activate
        .current_dir(folder.path())
        .args(["-l", &address, "-E", "NOTIFY_SOCKET", "-E", "WATCHDOG_USEC"])
        .env("NOTIFY_SOCKET", &notified)
        .env("WATCHDOG_USEC", "400000")
        .arg(env!("CARGO_BIN_EXE_collab-proxy"))
        .args(["serve", "--listen", "systemd", "--upstream", &django.upstream(), "--control", "c.sock"]);
    let mut proc = Proc::start("systemd-socket-activate", activate);
    proc.ready(|line| line.contains("Listening on").then_some(()));
    works(&django, &address, "Through systemd's socket").await;
    let mut seen = Vec::new();
    eventually!(
        {
            seen.push(heard());
            seen.clone()
        },
        |seen| ["READY=1", "WATCHDOG=1"].iter().all(|state| seen.iter().any(|s| s == state))
    );
    proc.signal("TERM");
    eventually!(heard(), |state| state == "STOPPING=1");
    let ended = eventually!(proc.ended(), Option::is_some);
    assert!(ended.is_some_and(|status| status.success()), "{}", proc.log());
}

/// What systemd itself says of the unit.
#[test]
fn the_unit_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_collab-proxy");
    let unit = example("systemd/collab-proxy.service")
        .replace("/usr/local/bin/collab-proxy", program)
        .replace("Documentation=man:collab-proxy(1)\n", "");
    std::fs::write(folder.path().join("collab-proxy.service"), unit).unwrap();
    std::fs::write(folder.path().join("collab-proxy.socket"), example("systemd/collab-proxy.socket"))
        .unwrap();
    let analyze = |args: &[&str]| {
        let mut analyze = command(tool("systemd-analyze", "sudo apt-get install -y systemd"));
        analyze.current_dir(folder.path()).args(args);
        run(analyze)
    };
    let said = analyze(&["verify", "./collab-proxy.service", "./collab-proxy.socket"]);
    assert_eq!((said.code, said.err.contains("collab-proxy")), (Some(0), false), "{}{}", said.out, said.err);
    // 10 is a program that may do everything; systemd calls up to 2 safe.
    let said = analyze(&["security", "--offline=true", "--threshold=20", "./collab-proxy.service"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
}

/// The settings that the examples make are settings.
#[test]
fn every_variable_of_the_examples_is_a_setting() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for file in [
        "systemd/collab-proxy.service",
        "containers/Dockerfile",
        "containers/compose.yml",
        "containers/sidecar.yml",
    ] {
        for word in example(file).split(|c: char| !c.is_ascii_uppercase() && c != '_') {
            let Some(_) = word.strip_prefix("COLLAB_") else { continue };
            // A value of no kind: the complaint names the setting, or else there is no such setting.
            let mut cli = crate::support::proxy::binary(folder.path());
            cli.args(["serve", "--listen", "nonsense"]).env(word, "\u{7f}");
            let said = run(cli);
            assert!(!said.err.contains(&format!("{word}: there is no such")), "{file}: {}", said.err);
            assert_eq!(said.code, Some(2), "{}", said.err);
            seen += 1;
        }
    }
    assert!(seen > 8, "{seen}");
}

/// The image of the Dockerfile has glibc and libgcc, and nothing else (distroless' `cc`).
#[test]
#[cfg(target_os = "linux")]
fn the_program_asks_for_no_more_than_its_image_has() {
    let mut ldd = command("ldd");
    ldd.arg(env!("CARGO_BIN_EXE_collab-proxy"));
    let said = run(ldd);
    let libraries: Vec<&str> = said.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let has = [
        "libc.so",
        "libm.so",
        "libgcc_s.so",
        "ld-linux",
        "linux-vdso",
        "libpthread.so",
        "libdl.so",
        "librt.so",
    ];
    let others: Vec<&&str> =
        libraries.iter().filter(|name| !has.iter().any(|known| name.contains(known))).collect();
    assert!(libraries.len() > 2 && others.is_empty(), "{}{}", said.out, said.err);
}

/// The same request twice through nginx is one to Django: nothing on the way sends a save again.
#[tokio::test]
async fn nginx_sends_no_save_twice() {
    let (django, folder) = (Django::start(), tempfile::tempdir().unwrap());
    let mut proxy = Proxy::start(&django.upstream());
    let (_nginx, address) = nginx(folder.path(), &[proxy.address()]);
    let mut ada = Person::at_address(&address, "root");
    ada.sign_in("/admin/").await;
    let form = ada.form(PRODUCT).await.with("name", "Once").with("_save", "Save");
    proxy.proc.kill();
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let answer = ada.request(Method::POST, PRODUCT, &kind, form.urlencoded().into_bytes()).await.unwrap();
    assert_eq!(answer.status, 502);
    assert_eq!(django.product_name(1), "Blue kettle");
}

/// Two proxies are restarted one after the other while people work through nginx: nobody's request fails, nobody's save is
/// lost, and a page that is open goes on editing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_behind_nginx_fails_nobody() {
    let (redis, folder) = (Redis::start(), tempfile::tempdir().unwrap());
    let django = Django::start();
    let settings = "[proxy]\ndrain_delay = \"1 s\"\n";
    let node = || Proxy::with(&django.upstream(), settings, &["--redis", &redis.url()]);
    let mut nodes = [node(), node()];
    let (_nginx, address) = nginx(folder.path(), &[nodes[0].address(), nodes[1].address()]);
    let mut ada = Person::at_address(&address, "root");
    ada.sign_in("/admin/").await;
    let form = ada.form(PRODUCT).await;
    let socket = PageSocket::join(&ada, &form).await;
    socket.becomes("editor").await;

    let stop = Arc::new(AtomicBool::new(false));
    let mut workers = Vec::new();
    // Each on an object of their own: whatever is not saved has failed.
    for object in 2..6 {
        let (stop, address) = (Arc::clone(&stop), address.clone());
        let mut person = Person::at_address(&address, "grace");
        person.sign_in("/admin/").await;
        workers.push(tokio::spawn(async move {
            let path = format!("/admin/shop/product/{object}/change/");
            let (mut saved, mut failed) = (0, Vec::new());
            while !stop.load(Ordering::Relaxed) {
                let typed = match person.get(&path).await {
                    answer if answer.status == 200 => parse(&answer.text(), "_form"),
                    answer => {
                        failed.push(format!("GET {}", answer.status));
                        continue;
                    }
                };
                let typed =
                    typed.with("name", &format!("{object} for the {saved}th time")).with("_continue", "Save");
                match person.try_post(&path, &typed).await {
                    Ok(answer) if answer.status == 302 => saved += 1,
                    Ok(answer) => failed.push(format!("POST {}", answer.status)),
                    Err(error) => failed.push(error),
                }
            }
            (saved, failed)
        }));
    }
    let mut page = socket;
    for node in &mut nodes {
        assert!(node.stop().success());
        node.restart();
        if page.closed().is_some() {
            assert_eq!(page.closed(), Some(1012));
            page = PageSocket::join(&ada, &form).await;
        }
        page.becomes("editor").await;
    }
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        let (saved, failed) = worker.await.unwrap();
        assert!(saved > 2 && failed.is_empty(), "{saved} saved, {failed:?}");
    }
    ada.post(PRODUCT, &form.with("name", "Through it all").with("_save", "Save")).await.expect(302);
    assert_eq!(django.product_name(1), "Through it all");
}
