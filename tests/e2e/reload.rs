//! New settings while the proxy runs: they hold, nobody is sent away, and a mistake in them changes nothing.

use serde_json::json;

use crate::browsers::PRODUCT;
use crate::support::django::Django;
use crate::support::operator::{LISTENS, ask};
use crate::support::person::Person;
use crate::support::proxy::Proxy;
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
    eventually!(proxy.log(), |log| log.contains("but for secret: these take a restart"));
    assert!(ask(&proxy, "/metrics").await.text().contains("collab_proxy_config_last_reload_success 1"));
    let form = ada.form(PRODUCT).await;
    assert_eq!(form.config["texts"]["editor_mode_text"], "You are in editor mode.");
    assert!(!proxy.log().contains("0123456789abcdef"), "{}", proxy.log());
}
