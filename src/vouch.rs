//! Does an object's page still show what it showed? Django is asked, with the person's own cookies.

use std::sync::Arc;

use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};

use crate::app::{App, DeepCheck};
use crate::django::base::unpack;
use crate::django::compare::differences;
use crate::django::object::ObjectKey;
use crate::http::body::Body;
use crate::render;
use crate::socket::Vouch;

/// For the socket of a page of `object`. `eyes`: headers for a look. None where the site wants nothing compared.
pub(crate) fn of(app: &Arc<App>, object: &ObjectKey, eyes: &HeaderMap) -> Option<Vouch> {
    if app.deep_check == DeepCheck::Off {
        return None;
    }
    let (app, object, eyes) = (Arc::clone(app), object.clone(), eyes.clone());
    Some(Box::new(move |root, base| {
        Box::pin(async move { shows(&app, &object, &root, eyes, &base).await == Some(true) })
    }))
}

async fn shows(app: &App, object: &ObjectKey, root: &str, eyes: HeaderMap, base: &str) -> Option<bool> {
    let base = unpack(base)?.fields;
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = format!("{root}{}change/", object.url_path()).parse().ok()?;
    *request.headers_mut() = eyes;
    let answer = app.present_upstream.get().send(request).await.ok()?;
    if answer.status() != StatusCode::OK {
        return None;
    }
    let (learned, current) = render::read_form(app, answer).await?;
    learned.form.as_ref()?;
    Some(differences(&base, &current.fields, &app.volatile_of(object)).is_empty())
}
