//! What may be believed of a history of saves: judges what people did against what the database did.
//!
//! Pure: it knows neither proxies nor browsers. Every save writes a text that no other save writes, so that each change of
//! the database names the save that made it.

use std::collections::BTreeMap;
use std::time::Duration;

/// What became of a save, as its author was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Saved,
    /// And whether everything that was typed came back.
    Refused {
        kept: bool,
    },
    /// No answer, or one that says that nobody knows.
    Unknown,
}

#[derive(Clone, Debug)]
pub struct Save {
    pub object: u32,
    /// The value that its author had before their eyes.
    pub saw: String,
    pub wrote: String,
    pub told: Told,
    /// When it was sent and answered, for whoever looks for the reason.
    pub at: [Duration; 2],
}

/// One change of the database, in its order.
#[derive(Clone, Debug)]
pub struct Change {
    pub object: u32,
    pub was: String,
    pub became: String,
}

/// Everything that breaks a promise.
pub fn broken(saves: &[Save], changes: &[Change]) -> Vec<String> {
    let mut out = Vec::new();
    let by_text: BTreeMap<&str, &Save> = saves.iter().map(|s| (s.wrote.as_str(), s)).collect();
    assert_eq!(by_text.len(), saves.len(), "two saves wrote the same");
    let mut landed: BTreeMap<&str, u32> = BTreeMap::new();
    for change in changes {
        *landed.entry(change.became.as_str()).or_default() += 1;
        match by_text.get(change.became.as_str()) {
            None => out.push(format!("nobody wrote {change:?}")),
            Some(save) if save.saw != change.was => {
                let other = by_text.get(change.was.as_str());
                out.push(format!("{save:?} overwrote {other:?}, which its author had not seen"));
            }
            Some(_) => {}
        }
    }
    for save in saves {
        let times = landed.get(save.wrote.as_str()).copied().unwrap_or_default();
        match save.told {
            Told::Saved if times != 1 => {
                out.push(format!("said to be saved, and landed {times} times: {save:?}"))
            }
            Told::Refused { .. } if times > 0 => {
                out.push(format!("said to be refused, and landed: {save:?}"))
            }
            Told::Refused { kept: false } => {
                out.push(format!("refused, and what was typed is lost: {save:?}"))
            }
            Told::Unknown if times > 1 => out.push(format!("landed {times} times: {save:?}")),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn save(saw: &str, wrote: &str, told: Told) -> Save {
        Save { object: 1, saw: saw.to_owned(), wrote: wrote.to_owned(), told, at: [Duration::ZERO; 2] }
    }

    fn change(was: &str, became: &str) -> Change {
        Change { object: 1, was: was.to_owned(), became: became.to_owned() }
    }

    const KEPT: Told = Told::Refused { kept: true };

    #[test]
    fn a_good_history_is_good() {
        let saves = [
            save("a", "b", Told::Saved),
            save("a", "x", KEPT),
            save("b", "c", Told::Unknown),
            save("b", "y", Told::Unknown),
        ];
        assert_eq!(broken(&saves, &[change("a", "b"), change("b", "c")]), Vec::<String>::new());
    }

    #[test]
    fn every_broken_promise_is_found() {
        for (saves, changes, why) in [
            (
                vec![save("a", "b", Told::Saved), save("a", "c", Told::Saved)],
                vec![change("a", "b"), change("b", "c")],
                "had not seen",
            ),
            (vec![save("a", "b", Told::Saved)], vec![], "landed 0 times"),
            (vec![save("a", "b", KEPT)], vec![change("a", "b")], "said to be refused, and landed"),
            (vec![save("a", "b", Told::Refused { kept: false })], vec![], "is lost"),
            (vec![save("a", "b", Told::Unknown)], vec![change("a", "b"), change("a", "b")], "landed 2 times"),
            (vec![], vec![change("a", "b")], "nobody wrote"),
        ] {
            let found = broken(&saves, &changes);
            assert!(found.iter().any(|f| f.contains(why)), "{why}: {found:?}");
        }
    }
}
