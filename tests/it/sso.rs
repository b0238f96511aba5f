//! A single sign-on in front of the proxy: whom it is believed, and what follows from it.

use hyper::Response;
use serde_json::{Value, json};

use crate::raw::Raw;
use crate::socket::{CHANGE, open};
use crate::upstream::{Front, Upstream, full};

/// A single sign-on in front says who somebody is; nobody else may.
#[tokio::test]
async fn who_somebody_is_says_a_single_sign_on_that_is_trusted() {
    let upstream = Upstream::start(|request| async move {
        let heard = request.headers().get("x-user").map_or("", |v| v.to_str().unwrap()).to_owned();
        let html = format!("<form id=\"a_form\" method=\"post\" novalidate>heard:{heard}<input type=\"submit\" name=\"_save\"></form>");
        Response::builder().header("content-type", "text/html; charset=utf-8").body(full(html)).unwrap()
    })
    .await;
    let settings = "[identity]\nuser_header = \"X-User\"\nname_header = \"X-Name\"\n";
    let trusts = Front::start(&upstream.url(), settings).await;
    let other = format!("{settings}[proxy]\ntrusted_proxies = [\"10.0.0.0/8\"]\n");
    let distrusts = Front::start(&upstream.url(), &other).await;
    let user = async |front: &Front, session: &str| {
        let headers =
            format!("Cookie: sessionid={session}\r\nX-User: ada@example.org\r\nX-Name: Ada Lovelace\r\n");
        let html = front.get(CHANGE, &headers).await;
        let at = html.find("id=\"collab-config\">").unwrap() + 19;
        let config: Value = serde_json::from_str(html[at..].split("</script>").next().unwrap()).unwrap();
        (config["user"].clone(), html.contains("heard:ada@example.org"))
    };
    let (one, heard) = user(&trusts, "one").await;
    let (two, _) = user(&trusts, "two").await;
    assert!(heard, "Django hears it too");
    assert_eq!(
        (&one["user_id"], &one["name"], &one["known"]),
        (&two["user_id"], &json!("Ada Lovelace"), &json!(true))
    );
    let (one, heard) = user(&distrusts, "one").await;
    let (two, _) = user(&distrusts, "two").await;
    assert!(!heard, "Django must not hear it either");
    assert_ne!(one["user_id"], two["user_id"]);
    assert_eq!((&one["name"], &one["known"]), (&json!("Someone"), &json!(false)));
    // Without a name they are called what they signed in as.
    let nameless = Front::start(&upstream.url(), "[identity]\nuser_header = \"X-User\"\n").await;
    assert_eq!(user(&nameless, "one").await.0["name"], "ada@example.org");
}

/// Whether somebody is still signed in is asked of Django as their own requests would ask it.
#[tokio::test]
async fn django_is_asked_of_the_person_whom_the_sign_on_names() {
    let upstream = Upstream::start(|request| async move {
        let known = request.headers().get("x-user").is_some_and(|user| user == "ada@example.org");
        let html =
            "<form id=\"a_form\" method=\"post\" novalidate><input type=\"submit\" name=\"_save\"></form>";
        let answer = Response::builder().header("content-type", "text/html; charset=utf-8");
        match request.uri().path() {
            "/admin/jsi18n/" if !known => answer.status(302).body(full("")).unwrap(),
            _ => answer.body(full(html)).unwrap(),
        }
    })
    .await;
    let front = Front::start(&upstream.url(), "[identity]\nuser_header = \"X-User\"\n").await;
    // The header line comes after the cookie's, as the sign-on in front sends it.
    let opened = open(&front, "one\r\nX-User: ada@example.org").await;
    let mut page = Raw::join(&front, &opened).await;
    page.send(json!({"type": "check_session"})).await;
    assert_eq!(page.next("session").await["signed_in"], true);
}
