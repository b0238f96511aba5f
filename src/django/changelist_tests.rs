//! A list's POSTs, row by row as Django's own code reads them.

use proptest::prelude::*;

use super::*;

fn posted(body: &str) -> Posted {
    Posted::read(Some("application/x-www-form-urlencoded"), body.as_bytes()).unwrap()
}

fn action(body: &str) -> Option<(String, String, bool, bool)> {
    match read(&posted(body)) {
        Meaning::Action(a) => Some((a.name, a.pks.join(","), a.across, a.confirmed)),
        _ => None,
    }
}

#[test]
fn which_post_is_which_action() {
    for (body, want) in [
        (
            "action=publish&index=0&_selected_action=3&_selected_action=4",
            Some(("publish", "3,4", false, false)),
        ),
        // Two bars: `index` names the one whose button was pressed.
        ("action=a&action=b&index=1&_selected_action=3", Some(("b", "3", false, false))),
        ("action=a&action=b&index=0&_selected_action=3", Some(("a", "3", false, false))),
        ("action=&action=b&index=0&_selected_action=3", None),
        // Python counts from the end, reads any digits, and falls back to the form's last word.
        ("action=a&action=b&index=-1&_selected_action=3", Some(("b", "3", false, false))),
        ("action=a&action=b&index=-2&_selected_action=3", Some(("a", "3", false, false))),
        ("action=a&action=b&index=%D9%A1&_selected_action=3", Some(("b", "3", false, false))),
        ("action=a&action=b&index=+1+&_selected_action=3", Some(("b", "3", false, false))),
        ("action=a&action=b&index=7&_selected_action=3", Some(("b", "3", false, false))),
        ("action=a&action=b&index=99999999999999999999&_selected_action=3", Some(("b", "3", false, false))),
        ("action=a&action=b&index=x&_selected_action=3", Some(("a", "3", false, false))),
        ("action=a&action=b&index=1&index=0&_selected_action=3", Some(("a", "3", false, false))),
        // The step that confirms has no index.
        ("action=delete_selected&post=yes&_selected_action=3", Some(("delete_selected", "3", false, true))),
        ("action=delete_selected&post=&_selected_action=3", Some(("delete_selected", "3", false, false))),
        ("action=a&index=0&select_across=1&_selected_action=3", Some(("a", "3", true, false))),
        ("action=a&index=0&select_across=0&_selected_action=3", Some(("a", "3", false, false))),
        ("action=a&index=0&select_across=False&_selected_action=3", Some(("a", "3", false, false))),
        ("action=a&index=0&select_across=x&_selected_action=3", Some(("a", "3", true, false))),
        (
            "action=a&index=0&select_across=1&select_across=0&_selected_action=3",
            Some(("a", "3", false, false)),
        ),
        // No row, no action, whatever is said of all.
        ("action=a&index=0&select_across=1", None),
        ("index=0&_selected_action=3", None),
        ("_selected_action=3", None),
        ("action=a&index=0&_selected_action=3&_save=", None),
        ("q=x", None),
        ("", None),
    ] {
        let want = want.map(|(name, pks, across, sure): (&str, &str, _, _)| {
            (name.to_owned(), pks.to_owned(), across, sure)
        });
        assert_eq!(action(body), want, "{body}");
    }
}

#[test]
fn a_save_names_its_rows() {
    let body = "_save=Save&_selected_action=9&form-TOTAL_FORMS=2&form-0-id=8&form-0-price=1&form-1-id=7&form-1-tags=1\
        &form-1-tags=2&form-01-id=5&form-__prefix__-id=&form-x-id=1&other-0-id=3&form-5-id=6";
    let Meaning::Edit(rows) = read(&posted(body)) else { panic!() };
    let numbers: Vec<usize> = rows.iter().map(|r| r.number).collect();
    assert_eq!(numbers, [0, 1, 5]);
    assert_eq!(rows[1].fields.len(), 3);
    let names = BTreeSet::from(["id".to_owned()]);
    assert_eq!(rows.iter().flat_map(|r| r.pks(&names)).collect::<Vec<_>>(), ["8", "7", "6"]);
}

#[test]
fn a_file_is_a_change_of_its_row() {
    let body = b"--B\r\nContent-Disposition: form-data; name=\"_save\"\r\n\r\n\r\n--B\r\nContent-Disposition: form-data; \
        name=\"form-0-f\"; filename=\"x\"\r\nContent-Type: a/b\r\n\r\n1\r\n--B--\r\n";
    let posted = Posted::read(Some("multipart/form-data; boundary=B"), body).unwrap();
    let Meaning::Edit(rows) = read(&posted) else { panic!() };
    assert_eq!(rows[0].fields, [("f".to_owned(), "\u{0}x".to_owned())]);
}

#[test]
fn lists_and_their_models() {
    let prefixes = [Prefix::parse("/admin/").unwrap(), Prefix::parse("/{lang}/admin/").unwrap()];
    for (path, want) in [
        ("/admin/shop/product/", Some("shop.product")),
        ("/de/admin/shop/product/", Some("shop.product")),
        ("/%61dmin/shop/product/", Some("shop.product")),
        ("/admin//shop/./product/", Some("shop.product")),
        ("/admin/shop/product/3/change/", None),
        ("/admin/shop/", None),
        ("/shop/product/", None),
    ] {
        assert_eq!(Model::of_list(&prefixes, path).map(|m| m.label()).as_deref(), want, "{path}");
    }
}

proptest! {
    #[test]
    fn no_post_panics(pairs in proptest::collection::vec(("(form-)?[0-9]{0,3}-?(id|TOTAL_FORMS|_save|index|action)?", "\\PC{0,5}"), 0..12)) {
        let posted = Posted { fields: pairs, ..Posted::default() };
        read(&posted);
        without_rows(&posted.fields, &BTreeSet::from([0, 1, 7]));
    }

    /// What is posted again without some rows reads as exactly the others.
    #[test]
    fn without_rows_the_others_stay(values in proptest::collection::vec(0_u32..99, 1..12), out: Vec<bool>) {
        let mut fields = vec![("_save".to_owned(), String::new())];
        for name in ["form-TOTAL_FORMS", "form-INITIAL_FORMS"] {
            fields.push((name.to_owned(), values.len().to_string()));
        }
        for (n, value) in values.iter().enumerate() {
            fields.push((format!("form-{n}-id"), format!("pk{n}")));
            fields.push((format!("form-{n}-price"), value.to_string()));
            fields.push((format!("initial-form-{n}-price"), value.to_string()));
        }
        let out: BTreeSet<usize> = out.iter().take(values.len()).enumerate().filter(|(_, o)| **o).map(|(n, _)| n).collect();
        let Meaning::Edit(before) = read(&Posted { fields: fields.clone(), ..Posted::default() }) else { panic!() };
        let fewer = Posted { fields: without_rows(&fields, &out), ..Posted::default() };
        let Meaning::Edit(after) = read(&fewer) else { panic!() };
        let want: Vec<_> = before.into_iter().filter(|r| !out.contains(&r.number)).map(|r| r.fields).collect();
        prop_assert_eq!(after.iter().map(|r| r.fields.clone()).collect::<Vec<_>>(), want);
        prop_assert!(after.iter().enumerate().all(|(i, r)| r.number == i));
        for name in ["form-TOTAL_FORMS", "form-INITIAL_FORMS"] {
            let rows = after.len().to_string();
            prop_assert_eq!(fewer.last(name), Some(rows.as_str()));
        }
        prop_assert_eq!(fewer.fields.iter().filter(|(n, _)| n.starts_with("initial-")).count(), after.len());
    }

    #[test]
    fn without_selected_rows_the_others_stay(pks in proptest::collection::vec(0_u8..20, 1..12), gone in 0_u8..20) {
        let mut fields = vec![("action".to_owned(), "a".to_owned()), ("index".to_owned(), "0".to_owned()), ("select_across".to_owned(), "1".to_owned())];
        fields.extend(pks.iter().map(|pk| (SELECTED.to_owned(), pk.to_string())));
        let left: Vec<String> = pks.iter().filter(|pk| **pk != gone).map(ToString::to_string).collect();
        for (fields, across) in [(without_selected(&fields, |pk| pk == gone.to_string()), true), (on_rows(&fields, &left), false)] {
            match read(&Posted { fields, ..Posted::default() }) {
                Meaning::Action(a) => prop_assert_eq!((a.pks, a.across), (left.clone(), across)),
                _ => prop_assert!(left.is_empty()),
            }
        }
    }
}
