//! What differs between what was typed, what was seen and what is there now.

use super::*;

fn field(name: &str, kind: Kind, values: &[&str]) -> Field {
    let values = values.iter().map(|v| Value((*v).to_owned(), String::new())).collect();
    Field { name: name.to_owned(), kind, label: String::new(), values }
}

fn text(name: &str, value: &str) -> Field {
    field(name, Kind::Text, &[value])
}

fn typed(fields: &[(&str, &str)]) -> Typed {
    let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Typed { fields, ..Typed::default() }
}

fn now(fields: Vec<Field>) -> Current {
    Current { fields, ..Current::default() }
}

/// Name, status, and what became of its row.
fn compared(typed: &Typed, base: Option<&[Field]>, now: Option<&Current>) -> Vec<(String, Status, Place)> {
    rows(typed, base, now).into_iter().map(|r| (r.name, r.status, r.place)).collect()
}

#[test]
fn who_changed_what() {
    let base = ["a", "b", "c", "d", "e"].map(|n| text(n, "was"));
    let sent =
        typed(&[("a", "was"), ("b", "mine"), ("c", "was"), ("d", "mine"), ("e", "same"), ("_save", "Save")]);
    let now = now(vec![
        text("a", "was"),
        text("b", "was"),
        text("c", "theirs"),
        text("d", "theirs"),
        text("e", "same"),
    ]);
    let want = [
        ("d", Status::Both),
        ("b", Status::Mine),
        ("c", Status::Theirs),
        ("e", Status::Same),
        ("a", Status::Unchanged),
    ];
    let got: Vec<(String, Status)> =
        rows(&sent, Some(&base), Some(&now)).into_iter().map(|r| (r.name, r.status)).collect();
    assert_eq!(got, want.map(|(n, s)| (n.to_owned(), s)));
    // Without what was there before, or what is there now, only what differs can be said.
    let status = |base: Option<&[Field]>, now: Option<&Current>, name: &str| {
        rows(&sent, base, now).into_iter().find(|r| r.name == name).unwrap().status
    };
    assert_eq!(status(None, Some(&now), "c"), Status::Mine);
    assert_eq!(status(None, Some(&now), "a"), Status::Unchanged);
    assert_eq!(status(Some(&base), None, "c"), Status::Unchanged);
    assert_eq!(status(Some(&base), None, "b"), Status::Mine);
    assert_eq!(status(None, None, "a"), Status::Mine);
}

#[test]
fn line_ends_order_and_boxes_are_no_changes() {
    let base = [
        field("note", Kind::Long, &["a\nb"]),
        field("tags", Kind::Choice, &["1", "2"]),
        field("on", Kind::Box, &["on"]),
        field("off", Kind::Box, &[]),
    ];
    let same = typed(&[("note", "a\r\nb"), ("tags", "2"), ("tags", "1"), ("on", "on")]);
    let is = now(base.to_vec());
    assert!(rows(&same, Some(&base), Some(&is)).iter().all(|r| r.status == Status::Unchanged));
    // A box that is not sent was unticked.
    let unticked = typed(&[("note", "a\r\nb"), ("tags", "2"), ("tags", "1")]);
    let changed: Vec<_> = rows(&unticked, Some(&base), Some(&is))
        .into_iter()
        .filter(|r| r.status == Status::Mine)
        .map(|r| r.name)
        .collect();
    assert_eq!(changed, ["on"]);
}

fn reviews(rows: &[(&str, &str)], saved: usize) -> Vec<Field> {
    let mut fields = vec![
        field("r-TOTAL_FORMS", Kind::Hidden, &[&rows.len().to_string()]),
        field("r-INITIAL_FORMS", Kind::Hidden, &[&saved.to_string()]),
    ];
    for (row, (key, value)) in rows.iter().enumerate() {
        fields.push(field(&format!("r-{row}-id"), Kind::Hidden, &[key]));
        fields.push(text(&format!("r-{row}-text"), value));
    }
    fields
}

#[test]
fn inline_rows_are_matched_by_their_keys() {
    let base = reviews(&[("7", "seven"), ("8", "eight"), ("", "")], 2);
    // Somebody deleted 7 and added 9.
    let is = now(reviews(&[("8", "eight"), ("9", "nine"), ("", "")], 2));
    let sent = typed(&[
        ("r-TOTAL_FORMS", "3"),
        ("r-0-id", "7"),
        ("r-0-text", "seven"),
        ("r-1-id", "8"),
        ("r-1-text", "EIGHT"),
        ("r-2-id", ""),
        ("r-2-text", "mine"),
    ]);
    let got = compared(&sent, Some(&base), Some(&is));
    let find = |name: &str| got.iter().find(|(n, ..)| n == name).unwrap_or_else(|| panic!("{name}: {got:?}"));
    let of = |name: &str| (find(name).1, find(name).2);
    assert_eq!(of("r-1-text"), (Status::Mine, Place::Kept), "8 is the first now");
    assert_eq!(of("r-2-text"), (Status::Mine, Place::Kept), "a new row stays below");
    assert_eq!(of("r-0-text"), (Status::Theirs, Place::Deleted));
    let added: Vec<_> = got.iter().filter(|(_, _, place)| *place == Place::Added).collect();
    assert_eq!(added.len(), 1, "9: {got:?}");
    assert_eq!(added[0].1, Status::Theirs);
    assert!(got.iter().all(|(n, ..)| !n.ends_with("-id")), "keys are nothing to show");
}

#[test]
fn typed_rows_keep_their_objects_however_the_others_are_numbered() {
    let sent = typed(&[
        ("r-TOTAL_FORMS", "3"),
        ("r-INITIAL_FORMS", "2"),
        ("r-0-id", "7"),
        ("r-0-text", "seven"),
        ("r-1-id", "8"),
        ("r-1-text", "EIGHT"),
        ("r-2-id", ""),
        ("r-2-text", "mine"),
    ]);
    // After a refusal the form carries what it showed last: 7 was deleted and 9 added already then.
    let base = reviews(&[("8", "eight"), ("9", "nine"), ("", "")], 2);
    let is = now(reviews(&[("8", "eight"), ("", "")], 1));
    let got = compared(&sent, Some(&base), Some(&is));
    let of = |name: &str| got.iter().find(|(n, ..)| n == name).map(|(_, s, p)| (*s, *p));
    assert_eq!(of("r-0-text"), Some((Status::Mine, Place::Deleted)), "{got:?}");
    assert_eq!(of("r-1-text"), Some((Status::Mine, Place::Kept)), "{got:?}");
    assert_eq!(of("r-2-text"), Some((Status::Mine, Place::Kept)), "{got:?}");
    let gone = got.iter().find(|(_, _, place)| *place == Place::Added).unwrap();
    assert_eq!(gone.1, Status::Theirs, "9, which this form never had: {got:?}");
    // The place of a row in an order is not what it is.
    let ordered = |rows: &[(&str, &str)]| -> Vec<Field> {
        let mut fields = reviews(&rows.iter().map(|(id, _)| (*id, *id)).collect::<Vec<_>>(), rows.len());
        for (at, (_, order)) in rows.iter().enumerate() {
            fields.push(field(&format!("r-{at}-order"), Kind::Hidden, &[order]));
        }
        fields
    };
    let (was, is) = (ordered(&[("7", "1"), ("8", "2")]), now(ordered(&[("8", "1"), ("7", "2")])));
    let same = typed(&[
        ("r-INITIAL_FORMS", "2"),
        ("r-0-id", "7"),
        ("r-0-order", "2"),
        ("r-0-text", "7"),
        ("r-1-id", "8"),
        ("r-1-order", "1"),
        ("r-1-text", "8"),
    ]);
    let got = compared(&same, Some(&was), Some(&is));
    assert_eq!(got.len(), 2);
    assert!(got.iter().all(|(_, s, p)| (*s, *p) == (Status::Unchanged, Place::Kept)), "{got:?}");
}

/// What anybody can send is compared in a time that grows with its size, not with its square.
#[test]
fn large_forms_are_compared_in_one_pass() {
    let many = 20_000;
    let fields: Vec<(String, String)> = (0..many)
        .map(|n| (format!("p{n}-TOTAL_FORMS"), "1".to_owned()))
        .chain((0..many).map(|n| (format!("p{n}-{n}-x-{n}"), "1".to_owned())))
        .collect();
    let base: Vec<Field> = fields.iter().map(|(n, v)| field(n, Kind::Hidden, &[v])).collect();
    let sent = Typed { fields, ..Typed::default() };
    assert!(rows(&sent, Some(&base), Some(&now(base.clone()))).is_empty());
}

#[test]
fn differences_see_everything_but_what_is_ignored() {
    let base = reviews(&[("7", "seven"), ("", "")], 1);
    assert_eq!(differences(&base, &base, &[]), [] as [String; 0]);
    let changed = reviews(&[("7", "SEVEN"), ("", "")], 1);
    assert_eq!(differences(&base, &changed, &[]), ["r-0-text"]);
    assert_eq!(differences(&base, &changed, &["text".to_owned()]), [] as [String; 0]);
    let added = reviews(&[("7", "seven"), ("8", "eight"), ("", "")], 2);
    assert!(!differences(&base, &added, &["text".to_owned()]).is_empty(), "a row more");
}
