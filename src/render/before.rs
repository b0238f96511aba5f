//! What stands before an object's form: the bar's place, and what people have to be told there.

use hyper::header::HeaderMap;

use super::nonce_attribute;
use crate::app::App;
use crate::assets;
use crate::django::csp;
use crate::reply::Accepts;

/// Where the bar will stand, as high as it will be (assets/widget/place.css). Nothing where the page's policy refuses
/// our style sheet: it would say so in the console.
pub(super) fn place<'p>(app: &App, policies: impl Iterator<Item = &'p str>) -> String {
    match csp::style(policies) {
        csp::Style::Refused => String::new(),
        csp::Style::Allowed(nonce) => format!(
            "<link rel=\"stylesheet\" href=\"{}{}place.css\"{}><collab-widget><i></i></collab-widget>",
            app.own_prefix,
            assets::folder(),
            nonce_attribute(nonce),
        ),
    }
}

/// Says that nobody is kept from saving: in Django's own words for warnings (templates/admin/base.html), also without our
/// script.
pub(crate) fn unguarded(app: &App, request: &HeaderMap) -> String {
    let accepts = Accepts::of(request);
    let catalog = accepts.choose(&app.catalogs, None).catalog;
    let (lang, text) = (catalog.language().as_str(), catalog.html("unguarded_text", &[]));
    format!("<ul class=\"messagelist\" lang=\"{lang}\"><li class=\"warning\">{text}</li></ul>")
}
