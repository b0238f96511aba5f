//! Change lists, without a browser: what an action or a save of edited rows does to rows that others have.

use serde_json::{Value, json};

use crate::support::django::Django;
use crate::support::http::Answer;
use crate::support::person::{Form, Person, parse};
use crate::support::proxy::Proxy;
use crate::support::socket::PageSocket;

const LIST: &str = "/admin/shop/product/";
const PARTS: &str = "/admin/shop/part/";

fn site() -> (Django, Proxy) {
    with("")
}

fn with(settings: &str) -> (Django, Proxy) {
    let django = Django::start();
    let proxy = Proxy::with(&django.upstream(), settings, &[]);
    (django, proxy)
}

fn change(pk: u32) -> String {
    format!("/admin/shop/product/{pk}/change/")
}

async fn edits(person: &mut Person, path: &str) -> (Form, PageSocket) {
    let form = person.form(path).await;
    let socket = PageSocket::join(person, &form).await;
    socket.becomes("editor").await;
    (form, socket)
}

/// The list's form, with nothing selected and no action chosen.
async fn list(person: &mut Person, path: &str) -> Form {
    person.form_of(path, "changelist-form").await.without("action").without("select_across")
}

fn act(form: &Form, action: &str, pks: &[u32]) -> Form {
    let mut form = form.with("action", action).with("index", "0").with("select_across", "0");
    form.fields.extend(pks.iter().map(|pk| ("_selected_action".to_owned(), pk.to_string())));
    form
}

/// The forms of our own page: go on without, try again.
fn ways_of(answer: &Answer) -> Vec<Form> {
    let page = answer.text();
    let forms = page.split("<form").skip(1).map(|f| format!("<form{}", f.split("</form>").next().unwrap()));
    forms.map(|f| parse(&f, "")).collect()
}

fn ids(django: &Django) -> Vec<u64> {
    django.rows("select id from shop_product order by id").iter().map(|r| r[0].as_u64().unwrap()).collect()
}

fn stock(django: &Django, pk: u32) -> Value {
    django.value(&format!("select stock from shop_product where id = {pk}"))
}

#[tokio::test]
async fn a_row_that_somebody_edits_is_not_deleted_and_the_others_wait_for_a_word() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let (_form, editing) = edits(&mut ada, &change(3)).await;
    let form = list(&mut grace, LIST).await;

    // Both steps are guarded, and nobody need see the first to post the second.
    let first = act(&form, "delete_selected", &[2, 3, 4]);
    let second = first.without("index").with("post", "yes");
    for posted in [&first, &second] {
        let refused = grace.post(LIST, posted).await.expect(423);
        let page = refused.text();
        for said in [
            "One row stands in the way",
            "Red lantern",
            "Ada has been editing it",
            "Go on without that row (2 others)",
        ] {
            assert!(page.contains(said), "{said} in {page}");
        }
        assert!(!page.contains("Green teapot"), "it names only what stands in the way");
        assert!(refused.header("retry-after").parse::<u32>().is_ok());
    }
    let json = grace.post_for_json(LIST, &second).await.expect(423).json();
    assert_eq!(json["rows"][0]["pk"], "3");
    assert_eq!(json["rows"][0]["editor"]["name"], "Ada");
    assert_eq!(ids(&django).len(), 8);
    assert_eq!(editing.of("content_updated"), [] as [Value; 0]);

    // Without that row: Django asks, and then deletes the others only.
    let refused = grace.post(LIST, &first).await;
    let ways = ways_of(&refused);
    let asks = grace.post(LIST, &ways[0]).await.expect(200);
    let sure = parse(&asks.text().split("<form").last().map(|f| format!("<form{f}")).unwrap(), "");
    assert_eq!(sure.get("post"), "yes");
    // Only shown, nothing done: an open form of such a row is still good.
    let (teapot, teapot_socket) = edits(&mut grace, &change(2)).await;
    let asked_again = grace.post(LIST, &ways[0]).await.expect(200);
    assert!(asked_again.text().contains("Green teapot"));
    assert_eq!(teapot_socket.status()["stale"], false);
    grace.post(&change(2), &teapot.with("_continue", "Save")).await.expect(302);
    grace.post(LIST, &sure).await.expect(302);
    assert_eq!(ids(&django), [1, 3, 5, 6, 7, 8]);
    eventually!(teapot_socket.status(), |s| s["deleted"] == true);
    assert_eq!(editing.status()["stale"], false, "nothing happened to the row that was left out");
}

/// "Yes, I'm sure" was said of the rows as they were when the question was asked.
#[tokio::test]
async fn what_was_saved_since_is_not_deleted_with_others_unseen() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let form = list(&mut ada, LIST).await;
    let asks = ada.post(LIST, &act(&form, "delete_selected", &[2, 3])).await.expect(200).text();
    let sure = parse(&asks.split("<form").last().map(|f| format!("<form{f}")).unwrap(), "");
    assert_eq!((sure.get("post"), sure.find("_collab").is_some()), ("yes", true));
    let hours = grace.form(&change(3)).await.with("description", "Hours of work").with("_save", "Save");
    grace.post(&change(3), &hours).await.expect(302);
    let refused = ada.post(LIST, &sure).await.expect(409);
    let page = refused.text();
    for said in ["Red lantern", "Grace saved it", "No row was deleted.", "Delete all rows anyway"] {
        assert!(page.contains(said), "{said} in {page}");
    }
    assert!(!page.contains("Green teapot"), "it names only what stands in the way");
    assert_eq!(ids(&django).len(), 8);
    // A conscious act.
    ada.post(LIST, ways_of(&refused).last().unwrap()).await.expect(302);
    assert_eq!(ids(&django), [1, 4, 5, 6, 7, 8]);
}

#[tokio::test]
async fn an_action_makes_open_forms_of_its_rows_old() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    // Vera only looks; Grace's page lost its socket.
    let form = grace.form(&change(8)).await;
    let posted = list(&mut ada, LIST).await;
    ada.post(LIST, &act(&posted, "publish", &[8])).await.expect(302);
    assert_eq!(django.value("select published from shop_product where id = 8"), 1);
    let page = grace.post(&change(8), &form.with("_save", "Save")).await.expect(409).text();
    assert!(page.contains("Ada saved it"), "{page}");

    // Whose own form is open keeps the lock, and has to load the page again.
    let (_form, editing) = edits(&mut ada, &change(7)).await;
    ada.post(LIST, &act(&posted, "publish", &[7])).await.expect(302);
    eventually!(editing.status(), |s| s["stale"] == true);
    assert_eq!(proxy.list()[0]["object"], "shop.product/7");

    // Two bars: the button's counts.
    let (_form, _editing) = edits(&mut grace, &change(1)).await;
    let mut two = posted.with("index", "1").with("select_across", "0").without("action");
    for action in ["export_names", "publish"] {
        two.fields.push(("action".to_owned(), action.to_owned()));
    }
    two.fields.push(("_selected_action".to_owned(), "1".to_owned()));
    let page = ada.post(LIST, &two).await.expect(423).text();
    assert!(page.contains("<pre>publish</pre>"), "{page}");
    // Nothing is selected, or nothing chosen: Django says so, and nothing is guarded.
    ada.post(LIST, &act(&posted, "publish", &[])).await.expect(302);
    ada.post(LIST, &act(&posted, "", &[1])).await.expect(302);
}

#[tokio::test]
async fn actions_that_only_read_need_no_lock() {
    let (_django, proxy) = with("[admin]\nread_actions = [\"shop.product:export_names\"]\n");
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let (_form, editing) = edits(&mut ada, &change(3)).await;
    let form = list(&mut grace, LIST).await;
    let file = grace.post(LIST, &act(&form, "export_names", &[2, 3])).await.expect(200);
    assert_eq!(file.text(), "Green teapot\r\nRed lantern\r\n");
    grace.post(LIST, &act(&form, "publish", &[3])).await.expect(423);
    assert_eq!(editing.status()["stale"], false);
}

#[tokio::test]
async fn all_that_match_are_all_that_django_shows() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let (_form, editing) = edits(&mut ada, &change(8)).await;
    let kitchen = "/admin/shop/product/?category__id__exact=1";
    let garden = "/admin/shop/product/?category__id__exact=2";
    let ours = match django.value("select category_id from shop_product where id = 8").as_u64() {
        Some(2) => kitchen,
        _ => garden,
    };
    django.rows("update shop_product set published = 0");
    // The edited row is not among these.
    let form = list(&mut grace, ours).await;
    let one = form.config.clone();
    assert_eq!(one, Value::Null, "a list has no form's data block");
    // Nobody has told the proxy of this one: its page has no socket.
    let open = grace.form(&change(if ours == kitchen { 1 } else { 3 })).await;
    grace.post(ours, &act(&form, "publish", &[1]).with("select_across", "1")).await.expect(302);
    let published = django.rows("select id from shop_product where published = 1 order by id");
    assert!(published.len() >= 2 && !published.contains(&vec![json!(8)]), "{published:?}");
    assert_eq!(editing.status()["stale"], false);

    let path = change(if ours == kitchen { 1 } else { 3 });
    grace.post(&path, &open.with("_save", "Save")).await.expect(409);

    // Among all, it is.
    let form = list(&mut grace, LIST).await;
    let refused = grace.post(LIST, &act(&form, "publish", &[1]).with("select_across", "1")).await.expect(423);
    let page = refused.text();
    assert!(page.contains("Bird house") && page.contains("Go on without that row (7 others)"), "{page}");
    let without = &ways_of(&refused)[0];
    assert_eq!((without.get("select_across"), without.get("action")), ("0", "publish"));
    grace.post(LIST, without).await.expect(302);
    let published = django.rows("select id from shop_product where published = 1");
    assert_eq!(published.len(), 7);
    assert_eq!(django.value("select published from shop_product where id = 8"), 0);
}

#[tokio::test]
async fn an_old_list_overwrites_nothing_that_it_has_not_shown() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let old = list(&mut grace, LIST).await;
    let row = |form: &Form, pk: u32| {
        let (name, _) = form
            .fields
            .iter()
            .find(|(n, v)| n.starts_with("form-") && n.ends_with("-id") && *v == pk.to_string())
            .unwrap();
        name.trim_end_matches("id").to_owned()
    };
    // Ada saves one row meanwhile.
    let form = ada.form(&change(1)).await;
    ada.post(&change(1), &form.with("stock", "99").with("_save", "Save")).await.expect(302);

    // Grace changes another one. Django would write both.
    let posted = old.with(&format!("{}stock", row(&old, 2)), "50").with("_save", "Save");
    let refused = grace.post(LIST, &posted).await.expect(409);
    let page = refused.text();
    for said in [
        "Blue kettle",
        "Ada saved it",
        "after you opened the list",
        "Your other changes",
        "Green teapot",
        "Save all rows anyway",
    ] {
        assert!(page.contains(said), "{said} in {page}");
    }
    assert_eq!((stock(&django, 1), stock(&django, 2)), (json!(99), json!(5)));
    let ways = ways_of(&refused);
    assert_eq!(ways[0].get("form-TOTAL_FORMS"), "7");
    grace.post(LIST, &ways[0]).await.expect(302);
    assert_eq!((stock(&django, 1), stock(&django, 2)), (json!(99), json!(50)));

    // A list that is old, but says of that row what is there: nothing to refuse.
    let fresh = list(&mut grace, LIST).await;
    let form = ada.form(&change(1)).await;
    ada.post(&change(1), &form.with("name", "Kettle").with("_save", "Save")).await.expect(302);
    let posted = fresh.with(&format!("{}stock", row(&fresh, 3)), "21").with("_save", "Save");
    grace.post(LIST, &posted).await.expect(302);
    assert_eq!((stock(&django, 1), stock(&django, 3)), (json!(99), json!(21)));

    // Knowingly, it can be done; the page that was told of it carries the word.
    let refused = grace.post(LIST, &old.with("_save", "Save")).await.expect(409);
    let anyway = ways_of(&refused).pop().unwrap();
    grace.post(LIST, &anyway).await.expect(302);
    assert_eq!(stock(&django, 1), 12);
}

#[tokio::test]
async fn a_row_that_somebody_edits_is_left_alone_only_if_it_was_changed() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let (_form, editing) = edits(&mut ada, &change(8)).await;
    let form = list(&mut grace, LIST).await;
    assert_eq!(form.get("form-0-id"), "8", "the list is sorted by name");
    // Not touched: it passes, and the editor does not hear of it.
    grace.post(LIST, &form.with("form-1-stock", "13").with("_save", "Save")).await.expect(302);
    assert_eq!(stock(&django, 1), 13);
    assert_eq!(editing.status()["stale"], false);
    assert!(editing.of("editor_status").iter().all(|s| s["saving"] == false));
    // Touched: refused, named, and both values shown.
    let form = list(&mut grace, LIST).await;
    let posted = form.with("form-0-stock", "4").with("form-1-stock", "14").with("_save", "Save");
    for posted in [posted.clone(), posted.without("_collab")] {
        let refused = grace.post(LIST, &posted).await.expect(423);
        let page = refused.text();
        assert!(page.contains("Bird house") && page.contains("<td>4</td><td>3</td>"), "{page}");
        assert_eq!(stock(&django, 1), 13);
        let fewer = &ways_of(&refused)[0];
        assert_eq!(fewer.get("form-0-id"), "1");
    }
    let form_1 = grace.form(&change(1)).await;
    let refused = grace.post(LIST, &posted).await.expect(423);
    grace.post(LIST, &ways_of(&refused)[0]).await.expect(302);
    assert_eq!((stock(&django, 8), stock(&django, 1)), (json!(3), json!(14)));
    // A form that was open meanwhile is old now.
    grace.post(&change(1), &form_1.with("_save", "Save")).await.expect(409);
}

#[tokio::test]
async fn errors_of_a_list_come_back_and_stay_as_old_as_they_were() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let old = list(&mut grace, LIST).await;
    let form = ada.form(&change(1)).await;
    let again = grace.post(LIST, &old.with("form-0-stock", "x").with("_save", "Save")).await.expect(200);
    ada.post(&change(1), &form.with("stock", "99").with("_save", "Save")).await.expect(302);
    let again = parse(&again.text(), "changelist-form").without("action");
    assert!(!again.get("_collab").is_empty());
    grace.post(LIST, &again.with("form-0-stock", "4").with("_save", "Save")).await.expect(409);
    assert_eq!((stock(&django, 1), stock(&django, 8)), (json!(99), json!(3)));
}

#[tokio::test]
async fn keys_of_text_have_rows_too() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let awkward = "/admin/shop/part/a_2Fb_5Fc%20d_2Be_25%C3%A9/change/";
    let (_form, _editing) = edits(&mut ada, awkward).await;
    let form = list(&mut grace, PARTS).await;
    assert_eq!(form.get("form-0-key"), "a/b_c d+e%é");
    let posted = form.with("form-0-name", "Less awkward").with("form-1-name", "Bolt").with("_save", "Save");
    let refused = grace.post(PARTS, &posted).await.expect(423);
    assert!(refused.text().contains("Ada has been editing it"));
    grace.post_multipart(PARTS, &ways_of(&refused)[0]).await.expect(302);
    let names = django.rows("select name from shop_part order by key");
    assert_eq!(names, [[json!("Awkward part")], [json!("Bolt")], [json!("Nut, 10 mm")]]);
    let mut posted = list(&mut grace, PARTS).await.with("action", "delete_selected").with("post", "yes");
    posted.fields.push(("_selected_action".to_owned(), "a/b_c d+e%é".to_owned()));
    grace.post(PARTS, &posted).await.expect(423);
}

/// What Django would read otherwise than the proxy.
#[tokio::test]
async fn smuggled_rows_do_not_arrive() {
    let (django, proxy) = site();
    let mut grace = Person::login(&proxy, "grace").await;
    let csrf = list(&mut grace, LIST).await.get("csrfmiddlewaretoken").to_owned();
    let part =
        |head: &str, value: &str| format!("--B\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n");
    let start = part("name=\"csrfmiddlewaretoken\"", &csrf)
        + &part("name=\"action\"", "delete_selected")
        + &part("name=\"post\"", "yes");
    let hidden = part("name=\"_selected_action\"\r\nContent-Transfer-Encoding: base64", "Mw==");
    let plain = part("name=\"_selected_action\"", "3");
    let kind = "multipart/form-data; boundary=B";
    let urlencoded = format!("csrfmiddlewaretoken={csrf}&action=delete_selected&post=yes&_selected_action=3");
    for (kind, body) in [
        (kind, format!("{start}{hidden}--B--\r\n")),
        (kind, format!("{start}--B--\r\n{plain}--B--\r\n")),
        ("multipart/form-data; boundary=B; boundary=C", format!("{start}{plain}--B--\r\n")),
        ("text/plain", urlencoded.clone()),
        ("application/x-www-form-urlencoded; charset=utf-16", urlencoded.clone()),
        ("application/x-www-form-urlencoded", format!("{urlencoded};x=1")),
    ] {
        let sent = [("content-type", kind), ("x-csrftoken", csrf.as_str())];
        let refused = grace.request(hyper::Method::POST, LIST, &sent, body.into_bytes()).await.unwrap();
        let page = refused.expect(400).text();
        assert!(page.contains("Nothing was saved, and nothing deleted"), "{page}");
    }
    assert_eq!(ids(&django).len(), 8);
    // The same, written as browsers do: it goes through.
    let body = format!("{start}{plain}--B--\r\n").into_bytes();
    grace.request(hyper::Method::POST, LIST, &[("content-type", kind)], body).await.unwrap().expect(302);
    assert_eq!(ids(&django).len(), 7);
}

/// A second save of a row waits for the first.
#[tokio::test]
async fn a_row_that_is_being_saved_is_in_the_way_for_a_moment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("delay");
    let django = Django::with(&[("DEMO_SAVE_DELAY_FILE", file.to_str().unwrap())]);
    let proxy = Proxy::start(&django.upstream());
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let form = ada.form(&change(1)).await.with("_save", "Save");
    let posted = list(&mut grace, LIST).await.with("_save", "Save");
    std::fs::write(&file, "20").unwrap();
    let path = change(1);
    let saving = ada.post(&path, &form);
    let meanwhile = async {
        eventually!(folder.path().join("delay.waiting").exists(), |waiting| *waiting);
        let refused = grace.post(LIST, &posted).await.expect(423);
        assert!(refused.text().contains("A save by Ada is just being carried out"), "{}", refused.text());
        std::fs::remove_file(&file).unwrap();
    };
    let (saved, ()) = tokio::join!(saving, meanwhile);
    saved.expect(302);
    grace.post(LIST, &posted).await.expect(302);
}

/// The login is gone when the list is saved: everything comes back, and goes through after signing in again.
#[tokio::test]
async fn a_list_that_meets_the_login_page_is_given_back() {
    let (django, proxy) = site();
    let mut grace = Person::login(&proxy, "grace").await;
    let form = list(&mut grace, LIST).await;
    let posted = form.with("form-1-stock", "77").with("_save", "Save");
    let deleting = act(&form, "delete_selected", &[2]);
    django.rows("delete from django_session returning 1");
    let lost = grace.post(LIST, &posted).await.expect(403);
    let page = lost.text();
    for said in [
        "You are signed out",
        "href=\"/admin/login/?next=",
        "Sign in and go on",
        "What you sent",
        "<td>77</td>",
    ] {
        assert!(page.contains(said), "{said} in {page}");
    }
    let again = ways_of(&lost).remove(0);
    let page = grace.post(LIST, &deleting).await.expect(403).text();
    assert!(page.contains("You are signed out") && page.contains("<pre>delete_selected</pre>"), "{page}");
    assert_eq!(grace.post_for_json(LIST, &posted).await.expect(403).json()["error"], "signed_out");
    // A script's POST, without our list's token, hears Django itself.
    grace.post(LIST, &posted.without("_collab")).await.expect(302);

    // The new login has another CSRF token, which the page's script fetches. Without scripts, all comes back again.
    grace.sign_in("/admin/").await;
    let refused = grace.post(LIST, &again).await.expect(403);
    assert!(refused.text().contains("The site refused this") && refused.text().contains("<td>77</td>"));
    let csrf = list(&mut grace, LIST).await.get("csrfmiddlewaretoken").to_owned();
    let again = ways_of(&refused).remove(0).with("csrfmiddlewaretoken", &csrf);
    grace.post(LIST, &again).await.expect(302);
    assert_eq!(stock(&django, 1), 77);
}
