//! Where the widget's parts stand: beside the bars that a theme keeps in place, never over them, and without a jump.

use serde_json::{Value, json};

use crate::browsers::EDITOR;
use crate::support::axe::{OURS, complaints};
use crate::support::browser::Browser;
use crate::support::devtools::{block, claims_to_be_a_phone, sized};
use crate::theme::{DARK, Theme, listen_without_the_proxy, person};

/// What can be pressed where something stands: in its middle, and at both its ends.
async fn at_the_middle_of(browser: &Browser, selector: &str) -> String {
    let script = "const e = document.querySelector(arguments[0]); const box = e?.getBoundingClientRect(); if (!box) return 'not there'; \
        if (box.bottom < 0 || box.top > innerHeight) return 'out of sight'; \
        const hits = [box.left + 8, (box.left + box.right) / 2, box.right - 8].map((x) => document.elementFromPoint(x, (box.top + box.bottom) / 2)); \
        const other = hits.find((hit) => hit !== e && !e.contains(hit)); return other === undefined ? 'itself' : other?.localName ?? 'nothing'";
    let hit = browser.js(script, vec![json!(selector)]).await;
    hit.as_str().unwrap_or_default().to_owned()
}

/// Conversations and what must not be missed stand beside the bars that a theme keeps in place, never over them; and
/// nothing of the page is out of reach.
async fn covers_nothing(kind: &'static str, name: &'static str) {
    let theme = Theme::new(kind);
    theme
        .stage(name)
        .play(async |stage| {
            listen_without_the_proxy(stage, &theme).await;
            let ada = person(stage, "root", &stage.url(), &[]).await;
            ada.open(&theme.page("change")).await;
            ada.told(EDITOR).await;
            let grace = person(stage, "grace", &stage.url(), &DARK).await;
            grace.open(&theme.page("change")).await;
            grace.told("This page is being edited by").await;
            grace.press("Request Editor Attention").await;
            ada.told("is requesting the editors attention").await;
            ada.press("Write back").await;
            grace.press("Ask to edit").await;
            ada.told("asks to edit this page").await;
            ada.js("scrollTo(0, document.documentElement.scrollHeight)", vec![]).await;
            let pressable = async || {
                let save = at_the_middle_of(&ada, "[name=_save]").await;
                let edge = at_the_middle_of(&ada, "collab-edge").await;
                let chat = at_the_middle_of(&ada, "collab-chat").await;
                [save, edge, chat]
            };
            // Some themes keep their buttons in a column of its own, which the page takes along.
            eventually!(pressable().await, |[save, edge, chat]| ["itself", "out of sight"]
                .contains(&save.as_str())
                && edge == "itself"
                && chat == "itself");
            stage.shot(&ada, &format!("themes/{kind}-edges")).await;
            assert_eq!(complaints(&ada, OURS).await, json!([]));
            // Whoever reads along sees why nothing can be changed, below what the theme keeps at the top.
            grace.js("scrollTo(0, 600)", vec![]).await;
            let told = async || {
                [
                    at_the_middle_of(&grace, "collab-widget").await,
                    at_the_middle_of(&grace, "collab-edge").await,
                ]
            };
            eventually!(told().await, |bars| bars.iter().any(|hit| hit == "itself"));
            stage.shot(&grace, &format!("themes/{kind}-pinned")).await;
        })
        .await;
}

const WIDTHS: [u32; 4] = [1280, 1024, 700, 360];

/// Where the form begins, on a page of each width.
async fn form_tops(browser: &Browser) -> Vec<Value> {
    let top = "return document.querySelector('#article_form').getBoundingClientRect().top + scrollY";
    let mut tops = Vec::new();
    for width in WIDTHS {
        sized(browser, width).await;
        tops.push(browser.look(top).await);
    }
    tops
}

/// The bar's place is there before the bar is, as high as the bar, and as high whatever the bar says.
#[tokio::test]
async fn nothing_jumps() {
    let theme = Theme::new("stock");
    theme
        .stage("jumps")
        .play(async |stage| {
            let ada = person(stage, "root", &stage.url(), &[]).await;
            let grace = person(stage, "grace", &stage.url(), &[]).await;
            // A phone is not asked whether it wants notes on its desktop.
            claims_to_be_a_phone(&ada).await;
            // Until our script runs, for however long that is.
            stage.expect_in_console("main.js");
            block(&ada, &["*/main.js"]).await;
            ada.open(&theme.page("change")).await;
            let empty = "return document.querySelector('collab-widget').shadowRoot === null";
            assert_eq!(ada.look(empty).await, true, "the script was not blocked");
            let places = form_tops(&ada).await;
            stage.shot(&ada, "jumps-place").await;
            block(&ada, &[]).await;
            ada.open(&theme.page("change")).await;
            ada.told(EDITOR).await;
            assert_eq!(form_tops(&ada).await, places, "when the bar comes");
            grace.open(&theme.page("change")).await;
            grace.told("You are next.").await;
            assert_eq!(form_tops(&grace).await, places, "{}", grace.banner().await);
            stage.shot(&grace, "jumps-reader").await;
            sized(&grace, 1280).await;
            grace.press("Request Editor Attention").await;
            ada.told("is requesting the editors attention").await;
            assert_eq!(form_tops(&ada).await, places, "{}", ada.banner().await);
            stage.shot(&ada, "jumps-attention").await;
            sized(&grace, 1280).await;
            grace.press("Ask to edit").await;
            ada.told("asks to edit this page").await;
            assert_eq!(form_tops(&ada).await, places, "{}", ada.banner().await);
            stage.shot(&ada, "jumps-asked").await;
            assert_eq!(form_tops(&grace).await, places, "{}", grace.banner().await);
            stage.shot(&grace, "jumps-asking").await;
        })
        .await;
}

macro_rules! uncovered {
    ($($name:ident: $kind:expr;)*) => { $(
        #[tokio::test]
        async fn $name() {
            covers_nothing($kind, stringify!($name)).await;
        }
    )* };
}

uncovered! {
    nothing_of_unfold_is_covered: "unfold";
    nothing_of_grappelli_is_covered: "grappelli";
    nothing_of_admin_interface_is_covered: "admin-interface";
    nothing_of_jazzmin_is_covered: "jazzmin";
    nothing_of_the_stock_admin_is_covered: "stock";
}
