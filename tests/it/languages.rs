//! The proxy's own pages in the person's language: the page's that was posted from, else one of the browser's.

use http_body_util::BodyExt;
use hyper::Response;

use crate::socket::{CHANGE, Page, open};
use crate::upstream::{Front, Upstream, full, header, html_of, status};

const LIST: &str = "/admin/shop/product/";
const DELETE: &str = "/admin/shop/product/3/delete/";

/// A Django that speaks `lang`: one object's form, the question before its deletion, and its list.
async fn django(lang: &'static str) -> Upstream {
    Upstream::start(move |request| async move {
        let cookie = request.headers().get("cookie").map_or("", |c| c.to_str().unwrap()).to_owned();
        let name = cookie.rsplit('=').next().unwrap_or("nobody").to_owned();
        let (post, path) = (request.method() == "POST", request.uri().path().to_owned());
        let _ = request.into_body().collect().await;
        if post {
            return Response::builder().status(302).header("location", LIST).body(full("")).unwrap();
        }
        let form = match path.as_str() {
            LIST => {
                "<form id=\"changelist-form\" method=\"post\"><table><tr><td><input type=\"checkbox\" \
                 name=\"_selected_action\" value=\"3\" class=\"action-select\"></td><th><a \
                 href=\"/admin/shop/product/3/change/\">Kettle</a></th></tr></table></form>"
            }
            DELETE => "<form method=\"post\"><input type=\"hidden\" name=\"post\" value=\"yes\"></form>",
            _ => {
                "<form id=\"product_form\" method=\"post\" novalidate><input name=\"name\" value=\"Kettle\">\
                 <input type=\"submit\" name=\"_save\"></form>"
            }
        };
        let html = format!(
            "<html lang=\"{lang}\"><body><div id=\"user-tools\"><strong>{name}</strong></div>{form}</body></html>"
        );
        Response::builder().header("content-type", "text/html; charset=utf-8").body(full(html)).unwrap()
    })
    .await
}

fn cookie(who: &str) -> String {
    format!("Cookie: sessionid={who}\r\n")
}

/// The token that stands in a page.
async fn token_at(front: &Front, who: &str, path: &str) -> String {
    let html = html_of(&front.get(path, &cookie(who)).await);
    token_in(&html)
}

fn token_in(html: &str) -> String {
    let start = "name=\"_collab\" value=\"";
    let at = html.find(start).unwrap_or_else(|| panic!("no token in {html}")) + start.len();
    html[at..at + html[at..].find('"').unwrap()].to_owned()
}

fn holds(answer: &str, parts: &[&str]) {
    for part in parts {
        assert!(answer.contains(part), "{part} in {answer}");
    }
}

#[tokio::test]
async fn a_refused_save_speaks_as_the_page_did() {
    let upstream = django("tr").await;
    let front = Front::start(&upstream.url(), "").await;
    let _ada = Page::join(&front, "ada").await;
    let bob = open(&front, "bob").await;
    let body = format!("_collab={}&name=Bob", bob.field);
    // Whatever the browser speaks.
    let head = format!("{}Accept-Language: de,en;q=0.5\r\n", cookie("bob"));
    let answer = front.post(CHANGE, &head, &body).await;
    assert_eq!((status(&answer), header(&answer, "retry-after")), (423, Some("15")));
    assert_eq!(header(&answer, "content-language"), Some("tr"));
    holds(
        &answer,
        &[
            "<html lang=\"tr\">",
            "<h1>ada bunu düzenliyor</h1>",
            "değişiklikleriniz kaydedilmedi. ada kısa süre önce düzenlemeye başladı.",
            "Yazdıklarınızın tümü aşağıda duruyor. Düzenleme bitince yeniden deneyin.",
            ">Yeniden dene</button>",
            ">Boşalınca bana haber ver</button>",
            "\"line_next_text\":\"Sıradaki sizsiniz.\"",
            "<h4>Yazdığınız</h4>",
        ],
    );
    assert!(!answer.contains("You typed") && !answer.contains("Try again"), "{answer}");

    let json = front.post(CHANGE, &format!("{head}Accept: application/json\r\n"), &body).await;
    assert_eq!((status(&json), header(&json, "content-language")), (423, Some("tr")));
    let json: serde_json::Value = serde_json::from_str(json.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((json["error"].as_str(), json["editor"]["name"].as_str()), (Some("locked"), Some("ada")));
    assert!(json["message"].as_str().unwrap().contains("kaydedilmedi"), "{json}");
}

/// Also of what was made after the page: the token that saves anyway goes on in its language.
#[tokio::test]
async fn the_language_goes_on_with_the_next_try() {
    let upstream = django("fr-CA").await;
    let front = Front::start(&upstream.url(), "").await;
    let bob = open(&front, "bob").await;
    let saves = async |who: &str, token: &str| {
        front.post(CHANGE, &cookie(who), &format!("_collab={token}&name=x")).await
    };
    let ada = open(&front, "ada").await;
    assert_eq!(status(&saves("ada", &ada.field).await), 302);
    let stale = saves("bob", &bob.field).await;
    assert_eq!((status(&stale), header(&stale, "content-language")), (409, Some("fr")));
    holds(&stale, &["<html lang=\"fr\">", ">Enregistrer malgré tout</button>", "<h4>Votre saisie</h4>"]);
    let again = open(&front, "ada").await;
    assert_eq!(status(&saves("ada", &again.field).await), 302);
    let stale = saves("bob", &token_in(&stale)).await;
    assert_eq!((status(&stale), header(&stale, "content-language")), (409, Some("fr")));
}

#[tokio::test]
async fn arabic_is_written_from_right_to_left() {
    let upstream = django("ar").await;
    let front = Front::start(&upstream.url(), "").await;
    let _ada = Page::join(&front, "ada").await;
    let token = token_at(&front, "bob", DELETE).await;
    let answer = front.post(DELETE, &cookie("bob"), &format!("_collab={token}&post=yes")).await;
    assert_eq!((status(&answer), header(&answer, "content-language")), (423, Some("ar")));
    holds(&answer, &["<html lang=\"ar\" dir=\"rtl\">", "لم يُحذف «product».", "يقوم ada بتحريره منذ لحظات."]);
}

#[tokio::test]
async fn a_list_speaks_as_its_page_did() {
    let upstream = django("de-AT").await;
    let front = Front::start(&upstream.url(), "").await;
    let _ada = Page::join(&front, "ada").await;
    let token = token_at(&front, "bob", LIST).await;
    let body = format!("_collab={token}&action=sell&_selected_action=3&index=0");
    let answer = front.post(LIST, &cookie("bob"), &body).await;
    assert_eq!((status(&answer), header(&answer, "content-language")), (423, Some("de")));
    holds(
        &answer,
        &[
            "<html lang=\"de\">",
            "Eine Zeile steht dem entgegen",
            ">Kettle</a><p>ada bearbeitet es seit wenigen Augenblicken.</p>",
            ">Mit allen Zeilen erneut versuchen</button>",
            ">Liste öffnen</a>",
            "<dt>Ausgewählte Zeilen</dt><dd>1</dd>",
        ],
    );
    let json = front.post(LIST, &format!("{}Accept: application/json\r\n", cookie("bob")), &body).await;
    holds(&json, &["\"error\":\"locked\"", "\"message\":\"In keiner Zeile wurde etwas geändert.\""]);
}

#[tokio::test]
async fn a_site_says_it_in_its_own_words() {
    let upstream = django("tr").await;
    let settings = "[page_texts]\ntry_left_text = \"Call them.\"\n[options.tr]\ntry_button = \"Bir daha\"\nheld_why = \"{editor_name} <i>burada</i>.\"";
    let front = Front::start(&upstream.url(), settings).await;
    let _ada = Page::join(&front, "ada").await;
    let bob = open(&front, "bob").await;
    // The widget is not given what only these pages say.
    assert_eq!(bob.config["texts"]["next_text"], "Sıradaki sizsiniz.");
    assert!(bob.config["texts"].get("try_button").is_none());
    let answer = front.post(CHANGE, &cookie("bob"), &format!("_collab={}&name=x", bob.field)).await;
    holds(&answer, &[">Bir daha</button>", "ada &lt;i&gt;burada&lt;/i&gt;.", "aşağıda duruyor. Call them."]);
}

#[tokio::test]
async fn without_a_page_the_browsers_language_counts() {
    let upstream = django("tr").await;
    let front = Front::start(&upstream.url(), "").await;
    let _ada = Page::join(&front, "ada").await;
    let post =
        async |languages: &str| front.post(CHANGE, &format!("{}{languages}", cookie("bob")), "name=x").await;
    let answer = post("Accept-Language: nl, de-CH;q=0.8, en;q=0.5\r\n").await;
    assert_eq!((status(&answer), header(&answer, "content-language")), (423, Some("de")));
    // A stranger is told no names, in any language.
    holds(
        &answer,
        &["<html lang=\"de\">", "<h1>Jemand anderes bearbeitet dies</h1>", ">Erneut versuchen</button>"],
    );
    for none in ["", "Accept-Language: nl, *\r\n", "Accept-Language: \"><script>\r\n"] {
        let answer = post(none).await;
        assert_eq!((status(&answer), header(&answer, "content-language")), (423, Some("en")), "{none}");
        holds(&answer, &["<html lang=\"en\">", "<h1>Somebody else is editing this</h1>"]);
    }

    let languages = "Accept-Language: es;q=0.1, pt\r\n";
    let answer = front.get("/admin/collaboration/nothing", languages).await;
    assert_eq!((status(&answer), header(&answer, "content-language")), (404, Some("pt")));
    holds(&answer, &["<html lang=\"pt\">", "<h1>Não encontrado</h1>"]);
    // Django is away: also for pages that the proxy only passes on.
    let front = Front::start("http://127.0.0.1:1", "").await;
    let german = "Accept-Language: de\r\n";
    for path in ["/", "/admin/", LIST, CHANGE] {
        let answer = front.get(path, &format!("{}{german}", cookie("ada"))).await;
        assert_eq!((status(&answer), header(&answer, "content-language")), (502, Some("de")), "{path}");
        holds(&answer, &["<h1>Die Website ist nicht in Betrieb</h1>"]);
    }
}

/// A page's language may be anything, and so may what stands for it.
#[tokio::test]
async fn an_odd_language_is_none() {
    let upstream = django("\u{202e}de\"><b>").await;
    let front = Front::start(&upstream.url(), "").await;
    let _ada = Page::join(&front, "ada").await;
    let bob = open(&front, "bob").await;
    let answer = front.post(CHANGE, &cookie("bob"), &format!("_collab={}&name=x", bob.field)).await;
    assert_eq!((status(&answer), header(&answer, "content-language")), (423, Some("en")));
    holds(&answer, &["<html lang=\"en\">"]);
}
