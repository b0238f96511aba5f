//! The gate against a scripted Django: what is refused never arrives, what is granted arrives once, and its end
//! is heard whatever happens.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt;
use hyper::Response;
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, watch};

use crate::socket::{CHANGE, Opened, Page, django, open, open_at};
use crate::upstream::{Front, RawUpstream, Upstream, full, header, read_until, status};

fn cookie(who: &str) -> String {
    format!("Cookie: sessionid={who}\r\n")
}

#[tokio::test]
async fn the_second_persons_post_never_arrives_and_loses_nothing() {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), "").await;
    let _ada = Page::join(&front, "ada").await;
    let bob = open(&front, "bob").await;
    let arrived = upstream.count_posts();
    let body = format!(
        "_collab={}&name=Bob%27s+%3Cb%3Etext%3C%2Fb%3E&tags=1&tags=2&password1=hush&csrfmiddlewaretoken=c",
        bob.field
    );
    let answer = front.post(CHANGE, &cookie("bob"), &body).await;
    assert_eq!((status(&answer), header(&answer, "retry-after")), (423, Some("15")));
    assert_eq!(header(&answer, "cache-control"), Some("no-store"));
    for kept in [
        "ada",
        "Bob&#x27;s &lt;b&gt;text&lt;/b&gt;",
        "name=\"tags\" value=\"2\"",
        "name=\"_collab\"",
        "password1",
    ] {
        assert!(answer.contains(kept), "{kept} in {answer}");
    }
    assert!(!answer.contains("hush"), "a password was shown");
    let json = front.post(CHANGE, &format!("{}Accept: application/json\r\n", cookie("bob")), &body).await;
    assert_eq!(status(&json), 423);
    let value: serde_json::Value = serde_json::from_str(json.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((value["error"].as_str(), value["editor"]["name"].as_str()), (Some("locked"), Some("ada")));
    assert_eq!(value["fields"][0], serde_json::json!(["name", "Bob's <b>text</b>"]));

    let multipart = format!(
        "--B\r\nContent-Disposition: form-data; name=\"_collab\"\r\n\r\n{}\r\n--B\r\nContent-Disposition: form-data; \
         name=\"name\"\r\n\r\nline one\r\nline two\r\n--B\r\nContent-Disposition: form-data; name=\"manual\"; \
         filename=\"plan.pdf\"\r\nContent-Type: application/pdf\r\n\r\n{}\r\n--B--\r\n",
        bob.field,
        "x".repeat(3 * 1024 * 1024)
    );
    let head = format!(
        "POST {CHANGE} HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\nContent-Type: multipart/form-data; \
         boundary=B\r\nContent-Length: {}\r\n{}\r\n",
        multipart.len(),
        cookie("bob")
    );
    let answer = front.raw(&format!("{head}{multipart}")).await;
    assert_eq!(status(&answer), 423);
    for kept in ["line one\r\nline two", "plan.pdf", "has to be chosen again", "multipart/form-data"] {
        assert!(answer.contains(kept), "{kept} in {answer}");
    }
    assert_eq!(upstream.count_posts(), arrived, "a refused write reached Django");
}

#[tokio::test]
async fn tokens_are_judged() {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), "").await;
    let ada = open(&front, "ada").await;
    let bob = open(&front, "bob").await;
    let other = open_at(&front, "ada", "/admin/shop/product/4/change/").await;
    let post = async |token: &str| {
        let body = if token.is_empty() { "name=x".to_owned() } else { format!("_collab={token}&name=x") };
        front.post(CHANGE, &cookie("ada"), &body).await
    };
    for (what, token) in
        [("forged", "a.b"), ("somebody else's", &bob.field), ("another object's", &other.field)]
    {
        let answer = post(token).await;
        assert_eq!(status(&answer), 409, "{what}: {answer}");
    }
    assert_eq!(status(&post(&ada.field).await), 302);
    let stale = post(&ada.field).await;
    assert_eq!(status(&stale), 409, "{stale}");
    // "Save anyway" carries a token that says so.
    let at = stale.find("name=\"_collab\" value=\"").unwrap() + 22;
    let conscious = stale[at..at + stale[at..].find('"').unwrap()].to_owned();
    assert_ne!(conscious, ada.field);
    assert_eq!(status(&post(&conscious).await), 302);
    assert_eq!(status(&post("").await), 302, "a script without a token, on a free object");
}

/// Without its token, the next try would pass for a script's, which is not asked what it has seen.
#[tokio::test]
async fn a_refused_page_keeps_even_a_token_that_is_no_good() {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), "").await;
    let _ada = Page::join(&front, "ada").await;
    for (token, kept) in [("a.b", "a.b"), ("%22%3E%3Cb%3E", "&quot;&gt;&lt;b&gt;")] {
        let answer = front.post(CHANGE, &cookie("bob"), &format!("_collab={token}&name=x")).await;
        assert_eq!(status(&answer), 423, "{answer}");
        assert!(answer.contains(&format!("name=\"_collab\" value=\"{kept}\"")), "{answer}");
    }
}

/// Shows its pages, and answers whatever is sent to it with an error.
async fn failing(code: u16, says: &'static str) -> Upstream {
    let plain = Arc::new(django().await);
    let address = plain.address;
    Upstream::start(move |request| {
        let alive = Arc::clone(&plain);
        async move {
            let _alive = alive;
            if request.method() == "GET" {
                return pass_on(address, request).await;
            }
            let _ = request.into_body().collect().await;
            Response::builder().status(code).body(full(says)).unwrap()
        }
    })
    .await
}

/// A 500 can come after the save (`transaction.on_commit`): the next one must not pass for up to date.
#[tokio::test]
async fn a_failure_of_django_may_have_come_after_the_save() {
    let upstream = failing(500, "Server Error").await;
    let front = Front::start(&upstream.url(), "").await;
    let (ada, bob) = (open(&front, "ada").await, open(&front, "bob").await);
    let saves = async |who: &str, token: &str| {
        front.post(CHANGE, &cookie(who), &format!("_collab={token}&name=typed")).await
    };
    let answer = saves("ada", &ada.field).await;
    assert_eq!(status(&answer), 500);
    assert!(
        answer.contains("We do not know whether this was saved") && answer.contains("value=\"typed\""),
        "{answer}"
    );
    assert_eq!(status(&saves("bob", &bob.field).await), 409);
}

/// Whoever it was that answered with an error, Django or something before it: nothing typed is lost.
#[tokio::test]
async fn an_error_gives_everything_back() {
    for (code, says, opens) in [
        (502, "We do not know whether this was saved", false),
        (504, "We do not know whether this was saved", false),
        (503, "We do not know whether this was saved", false),
        (413, "larger than the site takes (413)", true),
        (429, "takes no more just now (429)", true),
        (400, "did not understand what was sent (400)", true),
        (404, "does not know this page any more (404)", true),
    ] {
        let upstream = failing(code, "<h1>Sorry</h1>").await;
        let front = Front::start(&upstream.url(), "").await;
        let (ada, bob) = (open(&front, "ada").await, open(&front, "bob").await);
        let posts = async |who: &str, body: &str| front.post(CHANGE, &cookie(who), body).await;
        let answer = posts("ada", &format!("_collab={}&name=typed", ada.field)).await;
        assert_eq!(status(&answer), code);
        assert!(answer.contains(says) && answer.contains("value=\"typed\""), "{code}: {answer}");
        // A page of our own was not posted: whoever did that wants to see what was answered.
        assert!(posts("ada", "name=typed").await.ends_with("<h1>Sorry</h1>"), "{code}");
        // What may have been saved makes the others' forms old; what was not does not.
        let others = posts("bob", &format!("_collab={}&name=y", bob.field)).await;
        assert_eq!(status(&others) != 409, opens, "{code}: {others}");
    }
}

/// An action in the object's own form (Django 6.1) is no save of what was typed beside it.
#[tokio::test]
async fn an_action_in_the_form_saves_nothing_typed() {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), "[admin]\nread_actions = [\"export\"]\n").await;
    let ada = open(&front, "ada").await;
    let mut watching = Page::join(&front, "bob").await;
    let act = |action: &str, field: &str| {
        format!("_collab={field}&name=typed&CHANGE_FORM-action={action}&_selected_action=3&index=0")
    };
    // Somebody else edits: an action is refused as any write is, unless it only reads.
    let refused = front.post(CHANGE, &cookie("ada"), &act("publish", &ada.field)).await;
    assert_eq!(status(&refused), 423, "{refused}");
    let exported = front.post(CHANGE, &cookie("ada"), &act("export", &ada.field)).await;
    assert_eq!(status(&exported), 302, "{exported}");
    watching.send("{\"type\":\"release_lock\"}").await;
    watching.status("you", "viewer").await;
    // It may have changed the object, so the others' pages are old; but nothing typed was saved.
    let done = front.post(CHANGE, &cookie("ada"), &act("publish", &ada.field)).await;
    assert_eq!(status(&done), 302, "{done}");
    assert_eq!(watching.next("content_updated").await["by"], "ada");
    let again = open(&front, "ada").await;
    assert_eq!(again.config["saved_pages"], serde_json::json!([]), "its draft is still work");
    let saved =
        front.post(CHANGE, &cookie("ada"), &format!("_collab={}&name=typed&_save=", again.field)).await;
    assert_eq!(status(&saved), 302, "{saved}");
    assert_eq!(open(&front, "ada").await.config["saved_pages"].as_array().map(Vec::len), Some(1));
}

/// Methods are case-sensitive; Django makes capitals of them.
#[tokio::test]
async fn a_post_in_small_letters_is_none() {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), "").await;
    for method in ["post", "Post", "pOST"] {
        let head = format!(
            "{method} {CHANGE} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n\r\nname=x"
        );
        assert_eq!(status(&front.raw(&head).await), 400, "{method}");
    }
    assert_eq!(upstream.count_posts(), 0);
}

/// A view that is known to change nothing runs whoever edits, and makes no form old; nothing else passes for it.
#[tokio::test]
async fn views_that_only_show_are_let_through() {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), "[admin]\nread_views = [\"shop.product:preview\"]\n").await;
    let ada = open(&front, "ada").await;
    let object = CHANGE.trim_end_matches("change/");
    for (path, want) in
        [("preview/", false), ("x/preview/", false), ("preview/x/", true), ("../4/../3/x/preview/", true)]
    {
        let before = open(&front, "ada").await.config["version"].clone();
        front.post(&format!("{object}{path}"), &cookie("ada"), "a=b").await;
        assert_eq!(open(&front, "ada").await.config["version"] != before, want, "{path}");
    }
    drop(ada);
}

/// Who edits is no business of somebody whom Django never let in, whatever cookie they send.
#[tokio::test]
async fn a_stranger_is_refused_without_names() {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), "").await;
    let _ada = Page::join(&front, "ada").await;
    for headers in [String::new(), cookie("made-up")] {
        let answer = front.post(CHANGE, &headers, "name=x").await;
        assert_eq!(status(&answer), 423);
        // The name of the folder of assets is a hash, and may hold anything.
        let named = answer.lines().any(|line| !line.contains("/assets/") && line.contains("ada"));
        assert!(!named && answer.contains("Somebody else"), "{answer}");
    }
}

/// Every spelling of the key, and every view of the object.
#[tokio::test]
async fn no_spelling_gets_round_the_lock() {
    let upstream = django().await;
    let front =
        Front::start(&upstream.url(), "[admin]\nprefixes = [\"/{lang}/admin/\", \"/staff/\"]\n").await;
    let _ada = Page::join(&front, "ada").await;
    let arrived = upstream.count_posts();
    let mut tried = 0;
    for root in ["/admin", "/de/admin", "/staff", "//admin", "/x/../admin", "/%61dmin"] {
        for key in ["3", "03", "+3", "%33", "3%20", "%203", "3%C2%A0", "%EF%BC%93", "%D9%A3", "0_3"] {
            for view in
                ["change/", "delete/", "history/", "history/7/", "password/", "actions/x/", "change/x/de/"]
            {
                let path = format!("{root}/shop/product/{key}/{view}");
                let answer = front.post(&path, &cookie("bob"), "post=yes").await;
                assert_eq!(status(&answer), 423, "{path}");
                tried += 1;
            }
        }
    }
    assert!(tried > 400);
    assert_eq!(upstream.count_posts(), arrived, "a refused write reached Django");
}

/// A Django that waits with its answer until it is told.
async fn slow(answers: &'static str) -> (Upstream, watch::Sender<bool>, mpsc::UnboundedReceiver<()>) {
    let (go, gone) = watch::channel(false);
    let (said, heard) = mpsc::unbounded_channel();
    let plain = Arc::new(django().await);
    let address = plain.address;
    let upstream = Upstream::start(move |request| {
        let (mut gone, said, plain) = (gone.clone(), said.clone(), Arc::clone(&plain));
        async move {
            if request.method() == "GET" {
                let _alive = plain;
                return pass_on(address, request).await;
            }
            let _ = request.into_body().collect().await;
            said.send(()).unwrap();
            gone.wait_for(|go| *go).await.unwrap();
            Response::builder().status(302).header("location", answers).body(full("")).unwrap()
        }
    })
    .await;
    (upstream, go, heard)
}

async fn pass_on(
    address: std::net::SocketAddr,
    request: hyper::Request<hyper::body::Incoming>,
) -> crate::upstream::Answer {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    Response::from_parts(parts, full(body.collect().await.unwrap().to_bytes()))
}

#[tokio::test]
async fn an_object_is_pinned_while_it_is_saved_even_if_the_browser_leaves() {
    let (upstream, go, mut heard) = slow("/admin/shop/product/").await;
    let front = Front::start(&upstream.url(), "").await;
    let ada = open(&front, "ada").await;
    let mut watching = Page::join(&front, "bob").await;
    watching.send("{\"type\":\"release_lock\"}").await;
    let body = format!("_collab={}&name=x", ada.field);
    let mut stream = front.connect().await;
    let head = format!(
        "POST {CHANGE} HTTP/1.1\r\nHost: a\r\n{}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        cookie("ada"),
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    heard.recv().await.unwrap();
    watching.status("saving", true).await;
    let refused = front.post(CHANGE, &cookie("bob"), "name=y").await;
    assert_eq!(status(&refused), 423, "{refused}");
    drop(stream);
    go.send(true).unwrap();
    assert_eq!(
        watching.next("content_updated").await["by"],
        "ada",
        "the end is heard though the browser is gone"
    );
    watching.status("saving", false).await;
    assert_eq!(status(&front.post(CHANGE, &cookie("bob"), "name=y").await), 302);
}

#[tokio::test]
async fn an_unheard_end_is_no_guess() {
    let upstream = RawUpstream::start("name=x", "").await;
    let front = Front::start(&upstream.url(), "").await;
    let answer = front.post(CHANGE, &cookie("ada"), "name=x").await;
    assert_eq!(status(&answer), 502);
    assert!(
        answer.contains("We do not know whether this was saved") && answer.contains("value=\"x\""),
        "{answer}"
    );
    assert_eq!(upstream.seen.lock().unwrap().len(), 1, "a POST was sent twice");

    let front = Front::start("http://127.0.0.1:1", "").await;
    let answer = front.post(CHANGE, &cookie("ada"), "name=x").await;
    assert_eq!(status(&answer), 502);
    assert!(answer.contains("were not saved") && answer.contains("value=\"x\""), "{answer}");
}

/// A body that breaks off must not pass for a whole one: uvicorn would save the half of a chunked form.
#[tokio::test]
async fn half_a_form_is_not_saved() {
    let bodies: Arc<Mutex<Vec<usize>>> = Arc::default();
    let seen = Arc::clone(&bodies);
    let upstream = Upstream::start(move |request| {
        let seen = Arc::clone(&seen);
        async move {
            let post = request.method() == "POST";
            if let (true, Ok(body)) = (post, request.into_body().collect().await) {
                seen.lock().unwrap().push(body.to_bytes().len());
            }
            // No connection is kept, so that all of them end.
            Response::builder().header("connection", "close").body(full("")).unwrap()
        }
    })
    .await;
    let front = Front::start(&upstream.url(), "").await;
    for start in
        ["5\r\nname=\r\n".to_owned(), format!("200000\r\n{}\r\n5\r\nname=\r\n", "x".repeat(0x20_0000))]
    {
        let mut stream = front.connect().await;
        let head = format!("POST {CHANGE} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        stream.write_all(format!("{head}{start}").as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let _answer = read_until(&mut stream, "\r\n\r\n").await;
    }
    eventually!(upstream.connections.load(Ordering::SeqCst), |open| *open == 0);
    assert!(bodies.lock().unwrap().is_empty(), "{bodies:?}");
}

/// A Django that lets everybody in; the login says which session it begins.
async fn django_with_logins() -> Upstream {
    let plain = Arc::new(django().await);
    let address = plain.address;
    Upstream::start(move |request| {
        let plain = Arc::clone(&plain);
        async move {
            let _alive = plain;
            let path = request.uri().path().to_owned();
            if request.method() == "POST" && path == "/admin/login/" {
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let session = String::from_utf8_lossy(&body).split("browser=").nth(1).unwrap().to_owned();
                let answer = Response::builder().status(302).header("location", "/admin/");
                return answer
                    .header("set-cookie", format!("sessionid={session}; Path=/"))
                    .body(full(""))
                    .unwrap();
            }
            if path == "/admin/password_change/" {
                let answer = Response::builder().status(302).header("location", "/admin/");
                return answer.header("set-cookie", "sessionid=rotated; Path=/").body(full("")).unwrap();
            }
            pass_on(address, request).await
        }
    })
    .await
}

/// What is learned of people: the login's user name joins two browsers, and follows a changed cookie.
#[tokio::test]
async fn one_person_in_two_browsers() {
    let upstream = django_with_logins().await;
    let front = Front::start(&upstream.url(), "").await;
    for browser in ["one", "two"] {
        let answer = front
            .post("/admin/login/?next=/admin/", "", &format!("username=ada&password=p&browser={browser}"))
            .await;
        assert_eq!(status(&answer), 302);
    }
    let mut one = Page::join(&front, "one").await;
    one.status("you", "editor").await;
    let mut two = Page::join(&front, "two").await;
    assert_eq!(two.next("editor_status").await["elsewhere"], true, "the same person");
    assert_eq!(status(&front.post("/admin/password_change/", &cookie("two"), "x=y").await), 302);
    let mut rotated = Page::join(&front, "rotated").await;
    assert_eq!(rotated.next("editor_status").await["elsewhere"], true, "still the same person");
    let mut stranger = Page::join(&front, "three").await;
    assert_eq!(stranger.next("editor_status").await["elsewhere"], false);
}

/// The embedded store of a proxy that was killed forgets who is behind a session; a page from before still says it.
#[tokio::test]
async fn a_proxy_that_was_killed_knows_people_by_their_pages() {
    let upstream = django_with_logins().await;
    let settings = "secret = \"a secret that both of them have, and that is long enough\"\n";
    let before = Front::start(&upstream.url(), settings).await;
    let login = before.post("/admin/login/?next=/admin/", "", "username=ada&password=p&browser=one").await;
    assert_eq!(status(&login), 302);
    let opened = open(&before, "one").await;
    let me = opened.config["user"]["user_id"].as_str().unwrap().to_owned();
    assert_eq!(opened.config["user"]["known"], true);

    let after = Front::start(&upstream.url(), settings).await;
    let mut ada = Page::connect(&after, &opened).await;
    ada.send(&serde_json::json!({"type": "join", "token": opened.config["token"]}).to_string()).await;
    assert_eq!(ada.next("welcome").await["user_id"], me);
    assert_eq!(ada.next("active_users").await["users"][0]["user_id"], me);
    // And so does what she opens next, on whichever page.
    let again = open(&after, "one").await;
    assert_eq!(
        (again.config["user"]["known"].as_bool(), &again.config["user"]["user_id"]),
        (Some(true), &serde_json::json!(me))
    );

    // A page tells of its own session only.
    let stolen = Opened { cookie: "sessionid=two".to_owned(), ..open(&before, "one").await };
    let mut stranger = Page::connect(&after, &stolen).await;
    stranger.send(&serde_json::json!({"type": "join", "token": stolen.config["token"]}).to_string()).await;
    assert_eq!(stranger.close_code().await, 4401);
    assert_eq!(open(&after, "two").await.config["user"]["known"], false);

    // A save that comes before its page's socket is back is no stranger's, who would be told that Ada edits this.
    let _editor = Page::join(&after, "one").await;
    let login = before.post("/admin/login/?next=/admin/", "", "username=ada&password=p&browser=three").await;
    assert_eq!(status(&login), 302);
    let third = open(&before, "three").await;
    let answer = after.post(CHANGE, &cookie("three"), &format!("_collab={}&name=x", third.field)).await;
    assert_eq!(status(&answer), 409, "older than what the store knows, but her own");
}

/// The browser goes away while the proxy looks at the present form: no pin is left behind.
#[tokio::test]
async fn a_client_that_leaves_during_the_deep_check_pins_nothing() {
    let looked = std::sync::Arc::new(tokio::sync::Notify::new());
    let go_on = std::sync::Arc::new(tokio::sync::Notify::new());
    let gets = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (told, wait) = (looked.clone(), go_on.clone());
    let page = "<form id=\"x_form\" method=\"post\" novalidate><input name=\"name\" value=\"a\">\
                <input type=\"submit\" name=\"_save\"></form>";
    let upstream = crate::upstream::Upstream::start(move |request| {
        let (told, wait, gets) = (told.clone(), wait.clone(), gets.clone());
        async move {
            if request.method() == "POST" {
                let to = "/admin/shop/product/";
                return hyper::Response::builder()
                    .status(302)
                    .header("location", to)
                    .body(crate::upstream::full(""))
                    .unwrap();
            }
            // The third look at the form is the deep check's, after each person's own.
            if gets.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 2 {
                told.notify_one();
                wait.notified().await;
            }
            let html = hyper::Response::builder().header("content-type", "text/html; charset=utf-8");
            html.body(crate::upstream::full(page)).unwrap()
        }
    })
    .await;
    let front = Front::start(&upstream.url(), "[saves]\ndeep_check = \"always\"\n").await;
    let ada = open(&front, "ada").await;
    let bob = open(&front, "bob").await;
    let base = collab_proxy::django::base::pack(&collab_proxy::django::base::Shown {
        title: None,
        fields: vec![collab_proxy::django::fields::Field {
            name: "name".to_owned(),
            values: vec![collab_proxy::django::fields::Value("a".to_owned(), String::new())],
            ..Default::default()
        }],
    });
    let base = base.unwrap();
    let body = format!("_collab={}&name=b&_collab_base={base}", ada.field);
    let mut stream = front.connect().await;
    let request = format!(
        "POST {CHANGE} HTTP/1.1\r\nHost: site.test\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n{}\r\n{body}",
        body.len(),
        cookie("ada")
    );
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    looked.notified().await;
    drop(stream);
    let body = format!("_collab={}&name=c", bob.field);
    assert_eq!(status(&front.post(CHANGE, &cookie("bob"), &body).await), 423, "while it is being looked at");
    go_on.notify_one();
    // Carried out to its end: saved, so that his page is an old one now, and nothing is pinned.
    eventually!(status(&front.post(CHANGE, &cookie("bob"), &body).await), |status| *status == 409);
}

/// What cannot be compared has not been compared.
#[tokio::test]
async fn a_look_that_fails_lets_nothing_through() {
    let gets = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let page = "<form id=\"x_form\" method=\"post\" novalidate><input name=\"name\" value=\"a\">\
                <input type=\"submit\" name=\"_save\"></form>";
    let upstream = crate::upstream::Upstream::start(move |request| {
        let gets = gets.clone();
        async move {
            if request.method() == "POST" {
                let to = "/admin/shop/product/";
                return hyper::Response::builder()
                    .status(302)
                    .header("location", to)
                    .body(crate::upstream::full(""))
                    .unwrap();
            }
            // The second look is the deep check's.
            let status = if gets.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1 { 503 } else { 200 };
            let html =
                hyper::Response::builder().status(status).header("content-type", "text/html; charset=utf-8");
            html.body(crate::upstream::full(page)).unwrap()
        }
    })
    .await;
    let front = Front::start(&upstream.url(), "[saves]\ndeep_check = \"always\"\n").await;
    let ada = open(&front, "ada").await;
    let base = collab_proxy::django::base::pack(&collab_proxy::django::base::Shown {
        title: None,
        fields: vec![collab_proxy::django::fields::Field {
            name: "name".to_owned(),
            values: vec![collab_proxy::django::fields::Value(
                "what she saw is no more".to_owned(),
                String::new(),
            )],
            ..Default::default()
        }],
    });
    let body = format!("_collab={}&name=b&_collab_base={}", ada.field, base.unwrap());
    assert_ne!(status(&front.post(CHANGE, &cookie("ada"), &body).await), 302);
}

/// A Django that lets `ada` and `bob` in and sends everybody else to sign in.
async fn with_login() -> Upstream {
    let plain = Arc::new(django().await);
    let address = plain.address;
    Upstream::start(move |request| {
        let plain = Arc::clone(&plain);
        async move {
            let _alive = plain;
            let cookie = request.headers().get("cookie").map_or("", |c| c.to_str().unwrap());
            if cookie.contains("ada") || cookie.contains("bob") {
                if request.uri().path() == "/admin/jsi18n/" {
                    return Response::new(full(""));
                }
                return pass_on(address, request).await;
            }
            let _ = request.into_body().collect().await;
            let to = "/admin/login/?next=/admin/";
            Response::builder().status(302).header("location", to).body(full("")).unwrap()
        }
    })
    .await
}

#[tokio::test]
async fn an_upload_that_drips_in_from_a_stranger_keeps_an_object_from_nobody() {
    let upstream = with_login().await;
    let front = Front::start(&upstream.url(), "").await;
    let ada = open(&front, "ada").await;
    let part = "--B\r\nContent-Disposition: form-data; name=\"csrfmiddlewaretoken\"\r\n\r\nc\r\n--B\r\n\
                Content-Disposition: form-data; name=\"a\"; filename=\"a\"\r\n\r\n";
    let mut seen = 0;
    let odd = CHANGE.replace("/admin/", "//%61dmin/");
    for (path, who) in [(CHANGE, ""), (CHANGE, "mallory"), (&odd, "mallory")] {
        let (rest, end) = ("x".repeat(2 * 1024 * 1024), "\r\n--B--\r\n");
        let mut stranger = front.connect().await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}Content-Type: multipart/form-data; \
             boundary=B\r\nContent-Length: {}\r\n\r\n",
            cookie(who),
            part.len() + rest.len() + end.len()
        );
        let before = upstream.count_posts();
        stranger.write_all(format!("{head}{part}{rest}").as_bytes()).await.unwrap();
        eventually!(upstream.count_posts(), |posts| *posts > before);
        let saved = front.post(CHANGE, &cookie("bob"), "name=y").await;
        assert_eq!(status(&saved), 302, "{path} {who}: {saved}");
        stranger.write_all(end.as_bytes()).await.unwrap();
        let answer = read_until(&mut stranger, "\r\n\r\n").await;
        assert!(answer.contains("302") && answer.contains("/admin/login/"), "{answer}");
        seen += 1;
    }
    assert_eq!(seen, 3);
    // Whoever Django lets in has the object for as long as the upload takes.
    let body = format!("{part}{}", "x".repeat(2 * 1024 * 1024));
    let before = upstream.count_posts();
    let mut known = front.connect().await;
    let head = format!(
        "POST {CHANGE} HTTP/1.1\r\nHost: a\r\n{}Content-Type: multipart/form-data; boundary=B\r\nContent-Length: {}\r\n\r\n",
        cookie("ada"),
        body.len() + 100
    );
    known.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    eventually!(upstream.count_posts(), |posts| *posts > before);
    let refused = front.post(CHANGE, &cookie("bob"), "name=z").await;
    assert_eq!(status(&refused), 423, "{refused}");
    drop(ada);
}
