//! Bringing back an older version from an object's history (django-reversion): a save like any other. With browsers.

use std::rc::Rc;

use serde_json::Value;

use crate::browsers::{EDITOR, saves};
use crate::stage::Stage;
use crate::support::browser::Browser;

/// Ada has saved it twice, so that there is something to bring back. Gives its folder.
async fn twice_saved(stage: &Stage, ada: &Rc<Browser>) -> String {
    let id = stage.django.value("select id from shop_supplier where name = 'North Pottery'");
    let folder = format!("/admin/shop/supplier/{id}/");
    for name in ["North Pottery & Co", "South Pottery"] {
        saves(ada, &format!("{folder}change/"), "name", name).await;
    }
    folder
}

/// Opens the form with the older of the two versions, by the links that people use.
async fn older_version(browser: &Browser, folder: &str) {
    browser.open(&format!("{folder}history/")).await;
    let links = "return [...document.querySelectorAll('#change-history th a')].map((a) => a.pathname).sort()";
    let links = browser.look(links).await;
    assert_eq!(links.as_array().map(Vec::len), Some(2), "{links}");
    browser.open(links[0].as_str().unwrap()).await;
    assert_eq!(browser.value("name").await, "North Pottery & Co");
}

fn saved(stage: &Stage, field: &str) -> Value {
    stage.django.value(&format!("select {field} from shop_supplier where name like '%Pottery%'"))
}

#[tokio::test]
async fn nobody_reverts_what_somebody_else_edits() {
    Stage::new("revert-locked")
        .play(async |stage| {
            stage.expect_in_console("423");
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            let vera = stage.person("vera").await;
            let folder = twice_saved(stage, &ada).await;
            let change = format!("{folder}change/");
            ada.open(&change).await;
            ada.told(EDITOR).await;
            vera.open(&change).await;
            older_version(&grace, &folder).await;
            grace.enter_field("email", "kiln@example.com").await;
            grace.save("_save").await;
            eventually!(grace.text().await, |text| text.contains("Ada is editing this"));
            let text = grace.text().await;
            for kept in ["kiln@example.com", "North Pottery & Co", "South Pottery"] {
                assert!(text.contains(kept), "{kept} in {text}");
            }
            assert_eq!(saved(stage, "name"), "South Pottery");
            stage.shot(&grace, "revert-refused").await;

            grace.press_in_page("Tell me when it is free").await;
            eventually!(grace.text().await, |text| text.contains("You are next."));
            ada.open("/admin/").await;
            eventually!(grace.text().await, |text| text.contains("It is free now, and it is your turn."));
            grace.press_in_page("Try again").await;
            eventually!(grace.path().await, |path| path == "/admin/shop/supplier/");
            assert_eq!(saved(stage, "name || email"), "North Pottery & Cokiln@example.com");
            // Whoever has it open sees what it is now.
            eventually!(vera.text().await, |text| text.contains("kiln@example.com"));
        })
        .await;
}

#[tokio::test]
async fn a_revert_overwrites_nothing_unseen() {
    Stage::new("revert-stale")
        .play(async |stage| {
            stage.expect_in_console("409");
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            let folder = twice_saved(stage, &ada).await;
            let change = format!("{folder}change/");
            older_version(&grace, &folder).await;
            saves(&ada, &change, "email", "orders@example.com").await;
            grace.save("_save").await;
            eventually!(grace.text().await, |text| text.contains("South Pottery has changed"));
            let text = grace.text().await;
            for shown in [
                "Ada saved it",
                "North Pottery & Co",
                "orders@example.com",
                "Different from what is there now",
            ] {
                assert!(text.contains(shown), "{shown} in {text}");
            }
            assert_eq!(saved(stage, "name || email"), "South Potteryorders@example.com");
            stage.shot(&grace, "revert-stale").await;
            // Knowing what it undoes, she may.
            let mine = stage.person("grace").await;
            mine.open(&change).await;
            mine.told(EDITOR).await;
            grace.press_in_page("Save anyway").await;
            eventually!(grace.path().await, |path| path == "/admin/shop/supplier/");
            assert_eq!(saved(stage, "name || email"), "North Pottery & Co");
            // Her own other page, in which nothing was typed, shows what it is now.
            eventually!(mine.value("name").await, |name| name == "North Pottery & Co");
            mine.told(EDITOR).await;
        })
        .await;
}

/// Django gives the form back with an error: nothing is saved, nobody is alarmed, and the next try is checked too.
#[tokio::test]
async fn a_revert_with_errors_can_be_mended() {
    Stage::new("revert-errors")
        .play(async |stage| {
            stage.expect_in_console("409");
            let ada = stage.person("root").await;
            let folder = twice_saved(stage, &ada).await;
            older_version(&ada, &folder).await;
            ada.enter_field("name", "Mill on the Brook").await;
            ada.save("_save").await;
            eventually!(ada.text().await, |text| text.contains("already exists"));
            assert_eq!(ada.look("return document.querySelectorAll('[name=_collab]').length").await, 1);
            let grace = stage.person("grace").await;
            saves(&grace, &format!("{folder}change/"), "email", "orders@example.com").await;
            ada.enter_field("name", "Pottery").await;
            ada.save("_save").await;
            eventually!(ada.text().await, |text| text.contains("Grace saved it"));
            assert_eq!(saved(stage, "name"), "South Pottery");
        })
        .await;
}
