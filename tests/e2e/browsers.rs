//! Two people, two browsers: what each of them sees and can do.

use crate::stage::Stage;

pub(crate) const PRODUCT: &str = "/admin/shop/product/1/change/";
const EDITOR: &str = "You are in editor mode.";

#[tokio::test]
async fn the_first_edits_and_the_second_reads_along() {
    Stage::new("first-and-second")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            grace.open(PRODUCT).await;
            grace.told("This page is being edited by Ada. You cannot make changes until they leave.").await;
            assert!(ada.is_editable("name").await);
            assert!(!grace.is_editable("name").await);
            stage.shot(&ada, "editor").await;
            stage.shot(&grace, "viewer").await;

            grace.mark().await;
            ada.enter_field("name", "Bluer kettle").await;
            ada.save("_save").await;
            // Nobody reloads by hand: the second is shown the new values, and edits them.
            grace.told(EDITOR).await;
            assert!(!grace.is_marked().await, "the values can only be new on a new page");
            assert_eq!(grace.value("name").await, "Bluer kettle");
            assert!(grace.is_editable("name").await);
            grace.enter_field("name", "Bluest kettle").await;
            grace.save("_save").await;
            eventually!(grace.path().await, |path| path == "/admin/shop/product/");
            assert_eq!(stage.django.product_name(1), "Bluest kettle");
        })
        .await;
}
