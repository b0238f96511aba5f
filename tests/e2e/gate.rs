//! The gate, without a browser: what the server refuses, whatever is sent.

use crate::support::django::Django;
use crate::support::person::Person;
use crate::support::proxy::Proxy;
use crate::support::socket::PageSocket;

const PRODUCT: &str = "/admin/shop/product/1/change/";

#[tokio::test]
async fn the_second_persons_post_is_refused_and_gives_everything_back() {
    let django = Django::start();
    let proxy = Proxy::start(&django.upstream());
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let form = ada.form(PRODUCT).await;
    let editing = PageSocket::join(&ada, &form).await;
    editing.becomes("editor").await;

    let before = django.product(1);
    let typed = grace.form(PRODUCT).await.with("name", "Häßlicher \"Kessel\" <b>").with("stock", "77");
    for answer in [
        grace.post(PRODUCT, &typed).await.expect(423),
        grace.post_multipart(PRODUCT, &typed).await.expect(423),
    ] {
        let page = answer.text();
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|s| s > 0));
        assert!(page.contains("Ada is editing this"), "{page}");
        let back = crate::support::person::parse(&page, "");
        assert!(typed.fields.len() > 15, "a product has more fields than {:?}", typed.fields);
        assert_eq!(back.fields, typed.fields);
        assert!(page.contains("Häßlicher"), "what was typed can be read, too");
    }
    let json = grace.post_for_json(PRODUCT, &typed).await.expect(423).json();
    assert_eq!(json["error"], "locked");
    assert_eq!(json["editor"]["name"], "Ada");
    assert_eq!(django.product(1), before);

    // The editor's own save goes through.
    let answer = ada.post(PRODUCT, &form.with("name", "Kettle").with("_save", "Save")).await;
    assert_eq!(answer.status, 302, "{}", answer.text());
    assert_eq!(django.product_name(1), "Kettle");
}
