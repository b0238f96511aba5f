//! The gate, without a browser: what the server refuses, whatever is sent, and what it makes of Django's answers.

use std::path::{Path, PathBuf};

use hyper::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::support::django::Django;
use crate::support::person::{Form, Person, parse};
use crate::support::proxy::Proxy;
use crate::support::socket::PageSocket;

const PRODUCT: &str = "/admin/shop/product/1/change/";
const DELETE: &str = "/admin/shop/product/1/delete/";

pub(crate) fn site() -> (Django, Proxy) {
    let django = Django::start();
    let proxy = Proxy::start(&django.upstream());
    (django, proxy)
}

/// Opens a form and joins with it.
async fn edits(person: &mut Person, path: &str) -> (Form, PageSocket) {
    let form = person.form(path).await;
    let socket = PageSocket::join(person, &form).await;
    socket.becomes("editor").await;
    (form, socket)
}

#[tokio::test]
async fn the_second_persons_post_is_refused_and_gives_everything_back() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let (form, _editing) = edits(&mut ada, PRODUCT).await;

    let before = django.product(1);
    let typed = grace.form(PRODUCT).await.with("name", "Häßlicher \"Kessel\" <b>").with("stock", "77");
    for answer in [
        grace.post(PRODUCT, &typed).await.expect(423),
        grace.post_multipart(PRODUCT, &typed).await.expect(423),
    ] {
        let page = answer.text();
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|s| s > 0));
        assert!(page.contains("Ada is editing this"), "{page}");
        let back = parse(&page, "");
        assert!(typed.fields.len() > 15, "a product has more fields than {:?}", typed.fields);
        assert_eq!(without_ours(&back), without_ours(&typed));
        assert!(page.contains("Häßlicher"), "what was typed can be read, too");
    }
    let json = grace.post_for_json(PRODUCT, &typed).await.expect(423).json();
    assert_eq!((&json["error"], &json["editor"]["name"]), (&json!("locked"), &json!("Ada")));
    let fields = json["fields"].as_array().unwrap();
    assert!(fields.contains(&json!(["name", "Häßlicher \"Kessel\" <b>"])), "{json}");
    assert_eq!(django.product(1), before);

    // The editor's own save goes through.
    ada.post(PRODUCT, &form.with("name", "Kettle").with("_save", "Save")).await.expect(302);
    assert_eq!(django.product_name(1), "Kettle");
}

/// What goes to Django, without what is for the proxy.
/// The CSRF token is renewed on the page that is given back; that Django takes it, the saves from there show.
fn without_ours(form: &Form) -> Vec<(String, String)> {
    form.without("_collab").without("_collab_base").without("csrfmiddlewaretoken").fields
}

/// The table of docs and `collab::write`, row by row. Each case starts from a form as it is now.
#[tokio::test]
async fn every_kind_of_page_token() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let old = [ada.form(PRODUCT).await, grace.form(PRODUCT).await];
    let another = "/admin/shop/product/2/change/";
    let foreign = [ada.form(another).await, grace.form(another).await];
    // One save, so that the first forms are old ones.
    let form = ada.form(PRODUCT).await;
    ada.post(PRODUCT, &form.with("_save", "Save")).await.expect(302);

    let (mut granted, mut refused) = (0, 0);
    for held in [false, true] {
        let editing = if held { Some(edits(&mut ada, PRODUCT).await.1) } else { None };
        for (case, by_editor, by_other) in [
            ("current", 302, 302),
            ("none", 302, 302),
            ("old", 409, 409),
            // Nothing can be known by it; but the form shows what Django has, so nothing is overwritten.
            ("forged", 302, 302),
            ("forged, on an old form", 409, 409),
            ("of another object", 409, 409),
            ("of another person", 409, 409),
        ] {
            // Whoever posts the editor's own page is told that another login is in the way, and not the editor.
            let while_held = if case == "of another person" { 409 } else { 423 };
            for (turn, want) in [(0, by_editor), (1, if held { while_held } else { by_other })] {
                let (writer, reader) =
                    if turn == 0 { (&mut ada, &mut grace) } else { (&mut grace, &mut ada) };
                let form = writer.form(PRODUCT).await;
                let token = form.get("_collab").to_owned();
                let form = match case {
                    "none" => form.without("_collab"),
                    "old" => form.with("_collab", old[turn].get("_collab")),
                    "forged" | "forged, on an old form" => {
                        let form = if case == "forged" {
                            form
                        } else {
                            form.with("_collab_base", old[turn].get("_collab_base"))
                        };
                        let flipped = if token.ends_with('A') { "B" } else { "A" };
                        form.with("_collab", &format!("{flipped}{}", &token[1..]))
                    }
                    "of another object" => form.with("_collab", foreign[turn].get("_collab")),
                    "of another person" => {
                        let theirs = reader.form(PRODUCT).await;
                        form.with("_collab", theirs.get("_collab"))
                    }
                    _ => form,
                };
                let name = format!("{case}, held: {held}, by {}", writer.user);
                let form = form.with("name", &name).with("_continue", "Save");
                let answer = writer.post(PRODUCT, &form).await;
                assert_eq!(answer.status, want, "{name}: {}", answer.text());
                assert_eq!(django.product_name(1) == name, want == 302, "{name}");
                if want == 302 { granted += 1 } else { refused += 1 }
            }
        }
        drop(editing);
    }
    assert_eq!((granted, refused), (9, 19));
}

#[tokio::test]
async fn no_spelling_of_a_key_goes_round_the_gate() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let document = "a1b2c3d4-e5f6-4a1b-8c2d-3e4f5a6b7c8d";
    let one = [
        "1",
        "01",
        "001",
        "+1",
        "_2B1",
        "%31",
        "1%20",
        "%201",
        "%09001",
        "%EF%BC%91",
        "%D9%A1",
        "0_1",
        "0_5F1",
    ];
    let uuid = [
        document,
        "a1b2c3d4e5f64a1b8c2d3e4f5a6b7c8d",
        "A1B2C3D4-E5F6-4A1B-8C2D-3E4F5A6B7C8D",
        "%7Ba1b2c3d4-e5f6-4a1b-8c2d-3e4f5a6b7c8d%7D",
        "urn:uuid:a1b2c3d4-e5f6-4a1b-8c2d-3e4f5a6b7c8d",
        "urn_3Auuid_3Aa1b2c3d4-e5f6-4a1b-8c2d-3e4f5a6b7c8d",
        "a1-b2-c3-d4-e5-f6-4a1b8c2d3e4f5a6b7c8d",
        // Python reads any Unicode digit, in hexadecimal numbers too.
        "a%EF%BC%91b2c3d4e5f64a1b8c2d3e4f5a6b7c8d",
        "a%D9%A1b2c3d4-e5f6-4a1b-8c2d-3e4f5a6b7c8d",
    ];
    let mut tried = 0;
    for (folder, key, spellings, table) in [
        ("product", "1", &one[..], "select * from shop_product"),
        ("document", document, &uuid[..], "select * from shop_document"),
    ] {
        let (_, _editing) = edits(&mut ada, &format!("/admin/shop/{folder}/{key}/change/")).await;
        let form = grace.form(&format!("/admin/shop/{folder}/{key}/change/")).await;
        let before = django.rows(table);
        for spelling in spellings {
            let path = format!("/admin/shop/{folder}/{spelling}/");
            // It is a spelling: Django shows the object there.
            ada.get(&format!("{path}change/")).await.expect(200);
            for form in [form.clone(), form.without("_collab")] {
                let form = form.with("_save", "Save").with("name", "Sneaked").with("title", "Sneaked");
                let answer = grace.post(&format!("{path}change/"), &form).await;
                assert_eq!(answer.status, 423, "{path}change/");
                let csrf = Form {
                    fields: vec![
                        ("csrfmiddlewaretoken".into(), form.get("csrfmiddlewaretoken").into()),
                        ("post".into(), "yes".into()),
                    ],
                    ..Form::default()
                };
                let answer = grace.post(&format!("{path}delete/"), &csrf).await;
                assert_eq!(answer.status, 423, "{path}delete/");
                tried += 2;
            }
            assert_eq!(django.rows(table), before, "{path}");
        }
    }
    assert_eq!(tried, 4 * (one.len() + uuid.len()));
}

/// Keys that are all digits are UUIDs and integers at once.
#[tokio::test]
async fn a_uuid_of_digits_only_is_one_key_too() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let add = ada.form("/admin/shop/document/add/").await;
    ada.post("/admin/shop/document/add/", &add.with("title", "Numbers").with("_save", "Save"))
        .await
        .expect(302);
    let digits = "00000000000000000000000000000042";
    let set = format!("update shop_document set id = '{digits}' where title = 'Numbers' returning id");
    assert_eq!(django.value(&set), digits);
    let dashed = "/admin/shop/document/00000000-0000-0000-0000-000000000042/change/";
    let (_, _editing) = edits(&mut ada, dashed).await;
    let form = grace.form(dashed).await.with("title", "Sneaked");
    for path in [
        dashed,
        "/admin/shop/document/00000000000000000000000000000042/change/",
        "/admin/shop/document/0x000000000000000000000000000042/change/",
    ] {
        ada.get(path).await.expect(200);
        assert_eq!(grace.post(path, &form).await.status, 423, "{path}");
    }
    assert_eq!(django.value(&format!("select title from shop_document where id = '{digits}'")), "Numbers");
}

/// Two text keys may look like one number. They share a lock, and each has its own page.
#[tokio::test]
async fn the_current_version_is_found_by_the_key_as_it_came() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    django.value("insert into shop_part (key, name) values ('007', 'Agent') returning key");
    let path = "/admin/shop/part/007/change/";
    let (_, _editing) = edits(&mut ada, path).await;
    let form = grace.form(path).await;
    for posted in [path.to_owned(), format!("{path}?next=1"), path.replace("change", "delete")] {
        let page = grace.post(&posted, &form).await.expect(423).text();
        assert!(page.contains(&format!("href=\"{path}\"")), "{page}");
    }
}

#[tokio::test]
async fn what_was_saved_in_between_is_not_overwritten_unknowingly() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let opened = grace.form(PRODUCT).await;
    let form = ada.form(PRODUCT).await;
    ada.post(PRODUCT, &form.with("name", "Ada's").with("_save", "Save")).await.expect(302);

    let typed = opened.with("name", "Grace's").with("_save", "Save");
    for _ in 0..2 {
        // Refused, and refused again: the page that was opened does not grow younger.
        let answer = grace.post(PRODUCT, &typed).await.expect(409);
        assert!(answer.text().contains("Ada saved it"), "{}", answer.text());
        assert_eq!(django.product_name(1), "Ada's");
    }
    let json = grace.post_for_json(PRODUCT, &typed).await.expect(409).json();
    assert_eq!((&json["error"], &json["saved"]["by"]), (&json!("stale"), &json!("Ada")));

    let page = grace.post(PRODUCT, &typed).await.expect(409).text();
    assert!(page.contains("Save anyway"));
    let anyway = parse(&page, "");
    assert_eq!(without_ours(&anyway), without_ours(&typed));
    // One conscious act, for what was saved until then and no more.
    let form = ada.form(PRODUCT).await;
    ada.post(PRODUCT, &form.with("name", "Ada's again").with("_save", "Save")).await.expect(302);
    let page = grace.post(PRODUCT, &anyway).await.expect(409).text();
    grace.post(PRODUCT, &parse(&page, "")).await.expect(302);
    assert_eq!(django.product_name(1), "Grace's");
}

/// Django has no place for what was typed in a row that is gone: it would make an error of it, or a new row.
#[tokio::test]
async fn what_was_typed_in_a_row_that_is_gone_is_shown_and_not_saved_anyway() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let opened = grace.form(PRODUCT).await;
    let form = ada.form(PRODUCT).await;
    let reviews = "select count(*) from shop_review where product_id = 1";
    let before = django.value(reviews).as_i64().unwrap();
    ada.post(PRODUCT, &form.with("reviews-0-DELETE", "on").with("_save", "Save")).await.expect(302);
    assert_eq!(django.value(reviews).as_i64().unwrap(), before - 1);

    let typed = opened.with("reviews-0-text", "Typed into the void");
    let page = grace.post(PRODUCT, &typed.with("_save", "Save")).await.expect(409).text();
    assert!(page.contains("Typed into the void"), "{page}");
    assert!(!page.contains("Save anyway"), "{page}");
    assert!(page.contains("Fill my changes into the current version"), "{page}");
    assert_eq!(django.value(reviews).as_i64().unwrap(), before - 1);
}

#[tokio::test]
async fn passwords_are_never_given_back() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let credential = "/admin/shop/credential/1/change/";
    let mut grace = Person::login(&proxy, "grace").await;
    let (_, _editing) = edits(&mut ada, credential).await;
    let form =
        grace.form(credential).await.with("api_secret", "hunter2-of-the-till").with("login", "kept text");
    for answer in [
        grace.post(credential, &form).await.expect(423),
        grace.post_multipart(credential, &form).await.expect(423),
        grace.post_for_json(credential, &form).await.expect(423),
    ] {
        let text = answer.text();
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("api_secret") && text.contains("kept text"), "{text}");
    }
    assert_eq!(django.value("select api_secret from shop_credential"), "s3cr3t-of-the-till");

    // Django's own page for a user's password, which is below the user and so guarded as well.
    let user = django.value("select id from auth_user where username = 'linus'");
    let (_, _editing) = edits(&mut ada, &format!("/admin/auth/user/{user}/change/")).await;
    django.value("update auth_user set is_superuser = 1 where username = 'grace' returning id");
    let path = format!("/admin/auth/user/{user}/password/");
    let form =
        grace.form(&path).await.with("password1", "hunter2-of-linus").with("password2", "hunter2-of-linus");
    let text = grace.post(&path, &form).await.expect(423).text();
    assert!(!text.contains("hunter2"), "{text}");
    assert!(text.contains("password1") && text.contains("type it again"), "{text}");
    let before = django.value("select password from auth_user where username = 'linus'");
    // The editor herself may.
    let form =
        ada.form(&path).await.with("password1", "hunter2-of-linus").with("password2", "hunter2-of-linus");
    ada.post(&path, &form).await.expect(302);
    assert_ne!(django.value("select password from auth_user where username = 'linus'"), before);
}

#[tokio::test]
async fn popups_deletions_and_logins_are_told_apart() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let version = |form: &Form| form.config["version"].clone();

    // A popup shows no name; any other page of the admin does.
    ada.get("/admin/").await.expect(200);
    // A save in a popup answers 200 with a script; it is a save all the same.
    let popup = "/admin/shop/category/1/change/?_to_field=id&_popup=1";
    let (form, _editing) = edits(&mut ada, popup).await;
    let waiting = grace.form("/admin/shop/category/1/change/").await;
    let waits = PageSocket::join(&grace, &waiting).await;
    waits.becomes("waiting").await;
    let answer = ada.post(popup, &form.with("name", "Cookery").with("_save", "Save")).await.expect(200);
    assert!(answer.text().contains("popup_response"), "{}", answer.text());
    eventually!(waits.of("content_updated"), |saves| saves.len() == 1);
    eventually!(waits.status(), |s| s["turn"] == true && s["stale"] == true);
    assert_eq!(waits.of("content_updated")[0]["by"], "Ada");

    // A POST of somebody who has been signed out leads to the login page: nothing was saved.
    let mut gone = Person::login(&proxy, "root").await;
    let form = gone.form(PRODUCT).await;
    let before = version(&form);
    django
        .rows("delete from django_session where rowid = (select max(rowid) from django_session) returning 1");
    let signed_out = gone.post(PRODUCT, &form.with("name", "Gone").with("_save", "Save")).await;
    assert_eq!(signed_out.status, 403);
    let page = signed_out.text();
    assert!(page.contains("You are signed out") && page.contains("href=\"/admin/login/?next="), "{page}");
    assert!(page.contains("Gone"), "what was typed is kept: {page}");
    assert_eq!(django.product_name(1), "Blue kettle");
    assert_eq!(version(&ada.form(PRODUCT).await), before);

    // The page that asks first is no deletion, its answer is one.
    let (_, watching) = edits(&mut ada, PRODUCT).await;
    let ask = ada.form_of(DELETE, "").await;
    let sure = Form {
        fields: vec![
            ("csrfmiddlewaretoken".into(), ask.get("csrfmiddlewaretoken").into()),
            ("post".into(), "yes".into()),
        ],
        ..Form::default()
    };
    assert_eq!(watching.status()["deleted"], false);
    ada.post(DELETE, &sure).await.expect(302);
    eventually!(watching.status(), |s| s["deleted"] == true);
    assert_eq!(django.product(1), Value::Null);
    let answer = grace.post(PRODUCT, &form.without("_collab")).await;
    assert!(answer.status != 500, "{}", answer.text());
}

/// A site whose saves wait for `let_go`.
pub(crate) struct Held {
    pub(crate) django: Django,
    pub(crate) proxy: Proxy,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Held {
    pub(crate) fn start(settings: &str) -> Self {
        Self::with_args(settings, &[])
    }

    pub(crate) fn with_args(settings: &str, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hold");
        std::fs::write(&file, "20").unwrap();
        let django = Django::with(&[("DEMO_SAVE_DELAY_FILE", file.to_str().unwrap())]);
        let proxy = Proxy::with(&django.upstream(), settings, args);
        Self { django, proxy, file, _folder: folder }
    }

    /// A save has reached Django.
    pub(crate) async fn arrived(&self) {
        let waiting = PathBuf::from(format!("{}.waiting", self.file.display()));
        eventually!(Path::exists(&waiting), |exists| *exists);
    }

    pub(crate) fn let_go(&self) {
        std::fs::remove_file(&self.file).unwrap();
    }
}

#[tokio::test]
async fn a_save_on_its_way_lets_nobody_else_in() {
    let held = Held::start("");
    let mut ada = Person::login(&held.proxy, "root").await;
    let mut grace = Person::login(&held.proxy, "grace").await;
    let (form, editing) = edits(&mut ada, PRODUCT).await;
    let theirs = grace.form(PRODUCT).await;
    let waits = PageSocket::join(&grace, &theirs).await;
    waits.becomes("waiting").await;
    let saving = tokio::spawn(async move {
        let answer = ada.post(PRODUCT, &form.with("name", "Slow").with("_save", "Save")).await;
        (answer, ada)
    });
    held.arrived().await;
    // The browser that has posted is on its way to the next page.
    editing.leave();
    eventually!(waits.status(), |s| s["saving"] == true);
    for form in [theirs.with("name", "Fast"), theirs.with("name", "Fast").without("_collab")] {
        grace.post(PRODUCT, &form.with("_save", "Save")).await.expect(423);
    }
    assert_eq!(held.proxy.list()[0]["state"], "saving");
    assert_eq!(waits.of("content_updated"), [] as [Value; 0], "nothing is saved yet");
    assert_eq!(waits.status()["you"], "waiting");
    held.let_go();
    let (answer, _) = saving.await.unwrap();
    answer.expect(302);
    eventually!(waits.of("content_updated"), |saves| saves.len() == 1);
    eventually!(waits.status(), |s| s["turn"] == true && s["saving"] == false);
    assert_eq!(held.django.product_name(1), "Slow");
    // Whose turn it is loads the page again, and is the editor with the new values.
    let fresh = grace.form(PRODUCT).await;
    assert_eq!(fresh.get("name"), "Slow");
    let edits = PageSocket::join(&grace, &fresh).await;
    edits.becomes("editor").await;
}

#[tokio::test]
async fn the_outcome_is_heard_even_if_nobody_waits_for_the_answer() {
    let held = Held::start("");
    let mut ada = Person::login(&held.proxy, "root").await;
    let mut vera = Person::login(&held.proxy, "vera").await;
    let form = ada.form(PRODUCT).await;
    let seen = vera.form_of(PRODUCT, "").await;
    let watching = PageSocket::join(&vera, &seen).await;
    let body = form.with("name", "Nobody waits").with("_save", "Save").urlencoded();
    let mut connection = tokio::net::TcpStream::connect(&ada.address).await.unwrap();
    let head = format!(
        "POST {PRODUCT} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n",
        ada.address,
        ada.cookie_header(),
        body.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(body.as_bytes()).await.unwrap();
    held.arrived().await;
    drop(connection);
    held.let_go();
    eventually!(watching.of("content_updated"), |saves| saves.len() == 1);
    assert_eq!(held.django.product_name(1), "Nobody waits");
    eventually!(held.proxy.list(), |locks| locks.is_empty());
}

#[tokio::test]
async fn a_django_that_dies_in_the_middle_leaves_the_text_and_an_honest_answer() {
    let mut held = Held::start("");
    let mut ada = Person::login(&held.proxy, "root").await;
    let mut grace = Person::login(&held.proxy, "grace").await;
    let form = ada.form(PRODUCT).await.with("name", "Did it arrive?");
    let another = "/admin/shop/product/2/change/";
    let second = ada.form(another).await.with("name", "Nobody there");
    let opened = grace.form(PRODUCT).await;
    let saving = tokio::spawn(async move { (ada.post(PRODUCT, &form).await, ada, form) });
    held.arrived().await;
    held.django.kill();
    let (answer, mut ada, form) = saving.await.unwrap();
    let page = answer.expect(502).text();
    assert!(page.contains("We do not know whether this was saved"), "{page}");
    assert_eq!(without_ours(&parse(&page, "")), without_ours(&form));

    // Nothing is there: nothing can have been saved.
    let page = ada.post_multipart(another, &second).await.expect(502).text();
    assert!(page.contains("were not saved") && page.contains("Nobody there"), "{page}");
    assert!(ada.get(PRODUCT).await.status == 502);

    // It counts as a possible save: a page from before has to be loaded again.
    held.let_go();
    held.django.restart();
    let answer = grace.post(PRODUCT, &opened.with("name", "Before")).await.expect(409);
    assert!(answer.text().contains("Save anyway"));
    let fresh = grace.form(PRODUCT).await;
    grace.post(PRODUCT, &fresh.with("name", "After").with("_save", "Save")).await.expect(302);
    assert_eq!(held.django.product_name(1), "After");
}

#[tokio::test]
async fn sigterm_lets_a_running_save_end() {
    let mut held = Held::start("");
    let mut ada = Person::login(&held.proxy, "root").await;
    let (form, editing) = edits(&mut ada, PRODUCT).await;
    let saving = tokio::spawn(async move {
        ada.post(PRODUCT, &form.with("name", "Just in time").with("_save", "Save")).await
    });
    held.arrived().await;
    held.proxy.proc.signal("TERM");
    eventually!(editing.closed(), |code| *code == Some(1012));
    eventually!(tokio::net::TcpStream::connect(held.proxy.address()).await.is_err(), |refused| *refused);
    assert!(held.proxy.proc.ended().is_none(), "a save is running");
    held.let_go();
    saving.await.unwrap().expect(302);
    let status = eventually!(held.proxy.proc.ended(), |status| status.is_some());
    assert_eq!(status.unwrap().code(), Some(0));
    assert_eq!(held.django.product_name(1), "Just in time");
}

#[tokio::test]
async fn a_changed_password_changes_the_session_and_not_the_person() {
    let (_django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let (form, _editing) = edits(&mut grace, PRODUCT).await;
    let user = proxy.list()[0]["user"].clone();
    assert_eq!(user, "login:grace");
    let old = grace.cookies["sessionid"].clone();
    let change = grace.form_of("/admin/password_change/", "").await;
    let change = change
        .with("old_password", "grace-demo")
        .with("new_password1", "anchor-77-boat")
        .with("new_password2", "anchor-77-boat");
    grace.post("/admin/password_change/", &change).await.expect(302);
    assert_ne!(grace.cookies["sessionid"], old, "Django makes a new session of it");
    // Still the same person: the lock is hers, and so is the page from before.
    let theirs = ada.form(PRODUCT).await;
    ada.post(PRODUCT, &theirs).await.expect(423);
    let csrf = grace.form(PRODUCT).await.get("csrfmiddlewaretoken").to_owned();
    let form = form.with("csrfmiddlewaretoken", &csrf).with("_continue", "Save");
    grace.post(PRODUCT, &form).await.expect(302);
    let fresh = grace.form(PRODUCT).await;
    let again = PageSocket::join(&grace, &fresh).await;
    eventually!(again.status(), |s| s["elsewhere"] == true || s["you"] == "editor");
    assert_eq!(proxy.list()[0]["user"], user);
}

#[tokio::test]
async fn signed_cookie_sessions_name_the_user() {
    let django =
        Django::with(&[("DEMO_SESSION_ENGINE", "signed_cookies"), ("DEMO_SESSION_COOKIE_NAME", "shop")]);
    let proxy = Proxy::with(&django.upstream(), "[admin]\nsession_cookie = \"shop\"", &[]);
    let mut grace = Person::login(&proxy, "grace").await;
    let (form, _editing) = edits(&mut grace, PRODUCT).await;
    let id = django.value("select id from auth_user where username = 'grace'");
    assert_eq!(proxy.list()[0]["user"], format!("id:{id}"));
    // The same person in a second browser is the same person.
    let mut elsewhere = Person::login(&proxy, "grace").await;
    let page = elsewhere.form(PRODUCT).await;
    let second = PageSocket::join(&elsewhere, &page).await;
    eventually!(second.status(), |s| s["elsewhere"] == true);
    grace.post(PRODUCT, &form.with("name", "Signed").with("_save", "Save")).await.expect(302);
    assert_eq!(django.product_name(1), "Signed");
}

#[tokio::test]
async fn a_compressing_django_and_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("unix:{}", folder.path().join("django.sock").display());
    for env in [&[("DEMO_GZIP", "1")][..], &[("DEMO_BIND", socket.as_str())]] {
        let django = Django::with(env);
        let proxy = Proxy::start(&django.upstream());
        let mut ada = Person::login(&proxy, "root").await;
        let headers = [("accept-encoding", "gzip, br")];
        let answer = ada.request(Method::GET, PRODUCT, &headers, Vec::new()).await.unwrap().expect(200);
        let form = parse(&answer.text(), "_form");
        let editing = PageSocket::join(&ada, &form).await;
        editing.becomes("editor").await;
        ada.post(PRODUCT, &form.with("name", "Through").with("_save", "Save")).await.expect(302);
        assert_eq!(django.product_name(1), "Through");
        // What the proxy does not change passes as it came, packed where Django packs it.
        let index = ada.request(Method::GET, "/admin/shop/", &headers, Vec::new()).await.unwrap().expect(200);
        assert_eq!(index.header("content-encoding") == "gzip", env[0].0 == "DEMO_GZIP");
    }
}

/// A person whose machine dies says nothing: no close, no answer to a ping.
#[tokio::test]
async fn a_lost_connection_frees_the_lock_in_time() {
    let (_django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let (_, editing) = edits(&mut ada, PRODUCT).await;
    let theirs = grace.form(PRODUCT).await;
    let waits = PageSocket::join(&grace, &theirs).await;
    waits.becomes("waiting").await;
    editing.freeze().await;
    let frozen = std::time::Instant::now();
    eventually!(waits.status(), |s| s["you"] == "editor", within: std::time::Duration::from_secs(30));
    let took = frozen.elapsed();
    assert!(took < std::time::Duration::from_millis(16_000), "15 s are promised, it took {took:?}");
}
