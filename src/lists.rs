//! Change lists on their way out: the list's token goes in, and the widget that shows who edits which row.
//!
//! Owns what is put into a list. Reading the rows is `django::list_page`'s, the socket `socket::lists`'.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, Response};

use crate::app::App;
use crate::assets;
use crate::collab::record::{Millis, PageId};
use crate::django::changelist::Model;
use crate::django::form::TOKEN_FIELD;
use crate::django::language::Language;
use crate::django::list_page::{self, Insert, Place, Shown};
use crate::django::page::Field;
use crate::django::watch::hidden;
use crate::http::body::Body;
use crate::http::request_id;
use crate::http::rewriting::Rewriting;
use crate::identity::Who;
use crate::ids;
use crate::pass::{followed, pass};
use crate::render::{ask_plainly, learn, nonce, open_socket, prepare, readable};
use crate::reply::Accepts;
use crate::token::UNKNOWN_VERSION;
use crate::token::list::ListClaims;

/// One rendering of a list.
pub(crate) struct Listing {
    pub(crate) model: Model,
    pub(crate) who: Who,
    /// The store's time before Django was asked; none, if nothing is known of that.
    pub(crate) asked: Option<Millis>,
}

/// A list that is asked for. The time is read before Django is asked, so that a save in between counts as later.
pub(crate) async fn page(
    app: &Arc<App>,
    model: Model,
    headers: &HeaderMap,
    mut request: Request<Incoming>,
) -> Response<Body> {
    ask_plainly(request.headers_mut());
    let who = app.identity.who(headers).await;
    let asked = app.hub.store().now().await;
    let answer = pass(app, request, None, &Accepts::of(headers)).await;
    let answer = followed(app, headers, answer).await;
    let (who, asked) = match (who, asked) {
        (Ok(who), Ok(now)) => (who, now),
        // Without a token it would pass for a script's, which is not asked what it has seen.
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!(request = request_id::of(headers), model = model.label(), %error, "a list goes out without a time: the store is away");
            (app.identity.who_by_heart(headers), UNKNOWN_VERSION)
        }
    };
    rewritten(app, answer, Listing { model, who, asked: Some(asked) })
}

pub(crate) fn place(app: &App, model: &Model) -> Place {
    Place { prefixes: app.prefixes.clone(), model: model.clone() }
}

/// The list with our pieces in it; or the answer as it came, if it is no page that can be changed.
pub(crate) fn rewritten(app: &Arc<App>, answer: Response<Body>, listing: Listing) -> Response<Body> {
    // A stranger's page is nobody's: it gets no token, and no word of who is here.
    let Some((encoding, packing)) = readable(&answer).filter(|_| !listing.who.session.is_empty()) else {
        return answer;
    };
    let (mut parts, body) = answer.into_parts();
    let nonce = nonce(&parts.headers);
    let place = place(app, &listing.model);
    let done = learn(app, listing.who.clone(), None);
    let page = list_page::page(&app.themes, encoding, &place, insert(app, listing, nonce));
    prepare(&mut parts.headers, packing);
    open_socket(&mut parts.headers);
    let page = Rewriting::new(body, page, packing, false, done);
    Response::from_parts(parts, Body::Page(Box::new(page)))
}

/// The token of a list that was rendered when the store's time was `asked`.
pub(crate) fn claims(model: &Model, who: &Who, asked: Millis) -> ListClaims {
    ListClaims {
        model: model.clone(),
        user: who.user.clone(),
        session: who.session.clone(),
        page: PageId::from(ids::id()),
        asked,
        language: None,
        rows: None,
    }
}

/// The field with the list's token, which says what language the page speaks.
pub(crate) fn token_field(app: &App, claims: ListClaims) -> Field {
    let key = app.identity.key().clone();
    Box::new(move |lang| {
        let claims = ListClaims { language: Language::parse(lang), ..claims.clone() };
        hidden(TOKEN_FIELD, &key.sign_list(&claims))
    })
}

fn insert(app: &Arc<App>, listing: Listing, nonce: Option<String>) -> Insert {
    let claims = claims(&listing.model, &listing.who, listing.asked.unwrap_or_default());
    let field = listing.asked.map(|_| token_field(app, claims.clone()));
    let app = Arc::clone(app);
    let tail = Box::new(move |shown: &Shown| tail(&app, claims, shown, nonce.as_deref()));
    Insert { field, tail }
}

/// Of all that the widget can say, what it says of rows.
fn row_texts(texts: &serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    let all = texts.as_object().into_iter().flatten();
    let own = all.filter(|(key, _)| key.starts_with("row_") || *key == "somebody");
    own.map(|(key, text)| (key.clone(), text.clone())).collect()
}

/// The data block and the script at the end of the list.
fn tail(app: &App, mut claims: ListClaims, shown: &Shown, nonce: Option<&str>) -> String {
    let key = app.identity.key();
    app.learn_pk_names(&claims.model, shown.pk_names(&claims.model));
    let rows = shown.watched(&claims.model);
    claims.rows = Some(key.digest_of_rows(rows.iter().map(|r| r.pk.as_str())));
    let listed = rows.iter().map(|row| match &row.href {
        Some(href) => serde_json::json!([row.pk, href]),
        None => serde_json::json!([row.pk]),
    });
    let config = serde_json::json!({
        "socket": app.list_socket_path(&claims.model),
        "token": key.sign_list(&claims),
        "rows": listed.collect::<Vec<_>>(),
        "list": app.themes.list,
        "texts": row_texts(app.texts.of(&shown.lang)),
    });
    // `<` would let a text end the data block.
    let config = config.to_string().replace('<', "\\u003c");
    let nonce =
        nonce.map_or_else(String::new, |n| format!(" nonce=\"{}\"", html_escape::encode_quoted_attribute(n)));
    let script = format!("{}{}list.js", app.own_prefix, assets::folder());
    format!(
        "<script type=\"application/json\" id=\"collab-list-config\">{config}</script>\
         <script type=\"module\" src=\"{script}\"{nonce}></script>"
    )
}
