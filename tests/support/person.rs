//! A person with cookies and no browser: what `curl` and a patient human could do.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use hyper::Method;
use hyper::header::{HeaderMap, SET_COOKIE};
use lol_html::{HtmlRewriter, Settings, element, text};
use serde_json::Value;

use super::http::{Answer, send};
use super::proxy::Proxy;

pub struct Person {
    pub user: String,
    pub address: String,
    pub cookies: BTreeMap<String, String>,
}

/// A form as a browser would send it: what is filled in, not which button is pressed.
#[derive(Clone, Debug, Default)]
pub struct Form {
    pub fields: Vec<(String, String)>,
    /// Names of its file inputs.
    pub files: Vec<String>,
    /// The page's own data block, if the page had one.
    pub config: Value,
}

impl Form {
    #[track_caller]
    pub fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_else(|| panic!("the form has no {name}: {:?}", self.fields))
    }

    pub fn find(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The same form with this field filled in otherwise, or with one more.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut form = self.clone();
        match form.fields.iter_mut().find(|(n, _)| n == name) {
            Some(field) => field.1 = value.to_owned(),
            None => form.fields.push((name.to_owned(), value.to_owned())),
        }
        form
    }

    pub fn without(&self, name: &str) -> Self {
        let mut form = self.clone();
        form.fields.retain(|(n, _)| n != name);
        form
    }

    pub fn urlencoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }

    pub fn multipart(&self, boundary: &str) -> String {
        let mut body = String::new();
        for (name, value) in &self.fields {
            body.push_str(&format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            ));
        }
        for name in &self.files {
            body.push_str(&format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n\r\n"
            ));
        }
        body.push_str(&format!("--{boundary}--\r\n"));
        body
    }
}

impl Person {
    /// Signs in through the proxy as one of the demo's people.
    pub async fn login(proxy: &Proxy, user: &str) -> Self {
        let mut person = Self::stranger(proxy, user);
        person.sign_in("/admin/").await;
        person
    }

    /// Signs in to the admin at `root`.
    pub async fn sign_in(&mut self, root: &str) {
        let (user, path) = (self.user.clone(), format!("{root}login/?next={root}"));
        let form = self.form_of(&path, "login-form").await;
        let form = form.with("username", &user).with("password", &format!("{user}-demo"));
        let answer = self.post(&path, &form).await;
        assert_eq!(answer.status, 302, "{user} could not sign in: {}", answer.text());
    }

    /// Somebody who has not signed in.
    pub fn stranger(proxy: &Proxy, user: &str) -> Self {
        Self::at_address(proxy.address(), user)
    }

    /// Somebody who talks to another server: `host:port`.
    pub fn at_address(address: &str, user: &str) -> Self {
        Self { user: user.to_owned(), address: address.to_owned(), cookies: BTreeMap::new() }
    }

    /// The same browser at another proxy of the site.
    pub fn at(&self, proxy: &Proxy) -> Self {
        let address = proxy.address().to_owned();
        Self { user: self.user.clone(), address, cookies: self.cookies.clone() }
    }

    pub fn cookie_header(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join("; ")
    }

    /// One request with the person's cookies; keeps those that come back.
    pub async fn request(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, String> {
        let cookies = self.cookie_header();
        let mut all = vec![("accept", "text/html")];
        if !cookies.is_empty() {
            all.push(("cookie", cookies.as_str()));
        }
        all.retain(|(name, _)| !headers.iter().any(|(n, _)| n == name));
        all.extend(headers);
        let answer = send(&self.address, method, path, &all, body).await?;
        self.keep(&answer.headers);
        Ok(answer)
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() || value == "\"\"" {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.request(Method::GET, path, &[], Vec::new()).await.unwrap()
    }

    /// The object's form on a change page, as a browser would fill it in.
    pub async fn form(&mut self, path: &str) -> Form {
        self.form_of(path, "_form").await
    }

    /// The form whose id ends with `id`.
    pub async fn form_of(&mut self, path: &str, id: &str) -> Form {
        let answer = self.get(path).await.expect(200);
        parse(&answer.text(), id)
    }

    pub async fn post(&mut self, path: &str, form: &Form) -> Answer {
        self.try_post(path, form).await.unwrap()
    }

    pub async fn try_post(&mut self, path: &str, form: &Form) -> Result<Answer, String> {
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        self.request(Method::POST, path, &kind, form.urlencoded().into_bytes()).await
    }

    pub async fn post_multipart(&mut self, path: &str, form: &Form) -> Answer {
        let kind = [("content-type", "multipart/form-data; boundary=----frontier")];
        self.request(Method::POST, path, &kind, form.multipart("----frontier").into_bytes()).await.unwrap()
    }

    /// With a file of so many bytes, which stands before the fields that follow its name in the form.
    pub async fn upload(&mut self, path: &str, form: &Form, name: &str, size: usize) -> Answer {
        let boundary = "----frontier";
        let file = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"large.bin\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{}\r\n",
            "x".repeat(size)
        );
        let (before, after): (Vec<_>, Vec<_>) =
            form.fields.iter().cloned().partition(|(n, _)| n == "_collab" || n == "csrfmiddlewaretoken");
        let part = |fields| Form { fields, ..Form::default() }.multipart(boundary);
        let open = part(before).replace(&format!("--{boundary}--\r\n"), "");
        let body = format!("{open}{file}{}", part(after));
        let kind = [("content-type", "multipart/form-data; boundary=----frontier")];
        self.request(Method::POST, path, &kind, body.into_bytes()).await.unwrap()
    }

    /// As a script posts: wants JSON back.
    pub async fn post_for_json(&mut self, path: &str, form: &Form) -> Answer {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        self.request(Method::POST, path, &headers, form.urlencoded().into_bytes()).await.unwrap()
    }
}

/// What a page's form holds. `id`: how the form's id ends; empty for the page's only form.
pub fn parse(html: &str, id: &str) -> Form {
    let found = Rc::new(RefCell::new(Form::default()));
    let scope = if id.is_empty() { "form".to_owned() } else { format!("form[id$=\"{id}\"]") };
    let config = Rc::new(RefCell::new(String::new()));
    // The text of the textarea or option that is open; a select's first option counts if none is chosen.
    let area: Rc<RefCell<Option<String>>> = Rc::default();
    let select: Rc<RefCell<(String, bool, bool)>> = Rc::default();
    let unescape = |s: String| html_escape::decode_html_entities(&s).into_owned();

    let input = element!(format!("{scope} input[name]"), |e| {
        let name = unescape(e.get_attribute("name").unwrap());
        let value = e.get_attribute("value").map(unescape);
        let kind = e.get_attribute("type").unwrap_or_default();
        match kind.as_str() {
            "submit" | "button" | "image" | "reset" => {}
            "file" => found.borrow_mut().files.push(name),
            "checkbox" | "radio" if !e.has_attribute("checked") => {}
            "checkbox" | "radio" => {
                found.borrow_mut().fields.push((name, value.unwrap_or_else(|| "on".to_owned())));
            }
            _ => found.borrow_mut().fields.push((name, value.unwrap_or_default())),
        }
        Ok(())
    });
    let textarea = element!(format!("{scope} textarea[name]"), |e| {
        let name = unescape(e.get_attribute("name").unwrap());
        *area.borrow_mut() = Some(String::new());
        let (found, area) = (Rc::clone(&found), Rc::clone(&area));
        e.on_end_tag(lol_html::end_tag!(move |_| {
            let text = area.borrow_mut().take().unwrap_or_default();
            let text = html_escape::decode_html_entities(&text).into_owned();
            // The first line break of a textarea is not part of it.
            let text = text.strip_prefix("\r\n").or(text.strip_prefix('\n')).unwrap_or(&text).to_owned();
            found.borrow_mut().fields.push((name.clone(), text));
            Ok(())
        }))?;
        Ok(())
    });
    let area_text = text!(format!("{scope} textarea[name]"), |t| {
        if let Some(area) = area.borrow_mut().as_mut() {
            area.push_str(t.as_str());
        }
        Ok(())
    });
    let select_open = element!(format!("{scope} select[name]"), |e| {
        let name = unescape(e.get_attribute("name").unwrap());
        *select.borrow_mut() = (name, e.has_attribute("multiple"), false);
        Ok(())
    });
    let option = element!(format!("{scope} select[name] option"), |e| {
        let value = unescape(e.get_attribute("value").unwrap_or_default());
        let (name, multiple, taken) = select.borrow().clone();
        let chosen = e.has_attribute("selected");
        let fields = &mut found.borrow_mut().fields;
        if multiple || !taken {
            if chosen || !multiple {
                fields.push((name, value));
            }
        } else if chosen && let Some(last) = fields.last_mut() {
            last.1 = value;
        }
        select.borrow_mut().2 = true;
        Ok(())
    });
    let data = text!("script#collab-config", |t| {
        config.borrow_mut().push_str(t.as_str());
        Ok(())
    });
    let content = vec![input, textarea, area_text, select_open, option, data];
    let settings = content
        .into_iter()
        .fold(Settings::new().with_strict(false), |settings, h| settings.append_element_content_handler(h));
    let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
    rewriter.write(html.as_bytes()).unwrap();
    rewriter.end().unwrap();
    let mut form = found.borrow().clone();
    let config = config.borrow();
    if !config.is_empty() {
        form.config = serde_json::from_str(&config).unwrap();
    }
    assert!(!form.fields.is_empty(), "no form {id:?} with fields in:\n{html}");
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_a_browser_fills_it_in() {
        let page = r#"<form id="login"><input name="x"></form><form id="p_form">
            <input name="a" value="1 &amp; 2"><input type="checkbox" name="b"><input type="checkbox" name="c" checked>
            <select name="d"><option value="">-</option><option value="7" selected>7</option></select>
            <select name="e"><option value="first">-</option><option value="7">7</option></select>
            <select name="f" multiple><option value="1" selected></option><option value="2"></option>
            <option value="3" selected></option></select>
            <textarea name="g">
line &lt;1&gt;</textarea><input type="file" name="h"><input type="submit" name="_save"></form>"#;
        let form = parse(page, "_form");
        let pairs: Vec<(&str, &str)> = form.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            pairs,
            [
                ("a", "1 & 2"),
                ("c", "on"),
                ("d", "7"),
                ("e", "first"),
                ("f", "1"),
                ("f", "3"),
                ("g", "line <1>")
            ]
        );
        assert_eq!(form.files, ["h"]);
    }
}
