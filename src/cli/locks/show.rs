//! `collab-proxy locks show`.

use std::process::ExitCode;

use clap::Args;

use super::super::style::{Style, Tone, columns, printable};
use super::super::{Common, NOTHING, UNREACHABLE, USAGE, fail, print_json, say};
use super::{ANOTHER, Place, Wants, spellings};
use crate::collab::presence::{Activity, Role};
use crate::collab::record::Millis;
use crate::operator::{Answer, Ask, Detail, Somebody};
use crate::reply::ago;

#[derive(Args)]
#[command(after_help = super::super::EXIT_CODES)]
pub(in crate::cli) struct Show {
    /// The object: app_label.model_name/key, for example shop.product/3
    object: String,
    /// As JSON, times in milliseconds since 1970
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

impl Show {
    pub(super) async fn run(self) -> ExitCode {
        let spellings = match spellings(&self.object) {
            Ok(spellings) => spellings,
            Err(wanted) => return fail(USAGE, &format!("{:?} is not an object: {wanted}", self.object)),
        };
        let place = match Place::open(&self.common, Wants::Look).await {
            Ok(place) => place,
            Err(failed) => return failed,
        };
        for object in &spellings {
            match place.ask(&Ask::Show { object: object.clone() }).await {
                Ok(Answer::Object { detail: Some(detail), .. }) if self.json => return print_json(&*detail),
                Ok(Answer::Object { detail: Some(detail), now }) => {
                    say(&text(&detail, now, Style::of_stdout()));
                    return ExitCode::SUCCESS;
                }
                Ok(Answer::Object { detail: None, .. }) => {}
                Ok(_) => return fail(UNREACHABLE, ANOTHER),
                Err(why) => return fail(UNREACHABLE, &why),
            }
        }
        let nothing =
            format!("Nothing is known of {}: nobody has it open, and nobody saved it lately.", self.object);
        fail(NOTHING, &printable(&nothing))
    }
}

fn text(detail: &Detail, now: Millis, style: Style) -> String {
    let lock = &detail.lock;
    let named = |name: &str, user: &str| printable(&format!("{name} ({user})"));
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut row = |label: &str, text: String| rows.push([label.to_owned(), text]);
    match (&lock.editor, &lock.user) {
        (Some(name), Some(user)) => {
            row("Editor", named(name, user));
            row("State", state(detail, now));
        }
        _ => row("Editor", "nobody".to_owned()),
    }
    if let Some(since) = lock.since {
        row("Since", format!("{} ago", ago(now, since)));
    }
    if let Some(active) = lock.active {
        row("Last active", format!("{} ago", ago(now, active)));
    }
    let saved = detail.saved.as_ref().map_or_else(
        || "none seen".to_owned(),
        |saved| {
            let what = if detail.deleted { "deleted " } else { "" };
            format!("{what}{} ago by {}", ago(now, saved.at), named(&saved.by, &saved.user))
        },
    );
    row("Last save", saved);
    row("Version", detail.version.to_string());
    if detail.uncertain {
        row("Uncertain", "the end of an earlier save was never seen; it may still land".to_owned());
    }
    for (i, waiter) in detail.queue.iter().enumerate() {
        let label = if i == 0 { "Waiting" } else { "" };
        let since = ago(now, waiter.since);
        let asks = waiter.asked.map_or_else(String::new, |t| format!(", asks to edit since {}", ago(now, t)));
        let away = if waiter.away { ", away" } else { "" };
        row(label, format!("{}. {} since {since}{asks}{away}", i + 1, named(&waiter.name, &waiter.user)));
    }
    for (i, person) in detail.people.iter().enumerate() {
        let label = if i == 0 { "People" } else { "" };
        row(label, format!("{}: {}", named(&person.name, &person.user), does(person, now)));
    }
    if detail.more_people > 0 {
        row("", format!("and {} more", detail.more_people));
    }
    // No row has a third column, so that what stands in the second is not cut or padded.
    let lines = columns(&rows);
    let title = style.paint(Tone::Head, &printable(&lock.object.to_string()));
    format!("{title}\n{}", lines.join("\n"))
}

fn state(detail: &Detail, now: Millis) -> String {
    let mut words = vec![detail.lock.state.word().to_owned()];
    if detail.lock.unsaved {
        words.push("unsaved changes".to_owned());
    }
    if let Some(until) = detail.back_by {
        words.push(format!("may come back within {}", ago(until, now)));
    }
    if let Some(at) = detail.promised {
        words.push(format!("has promised to hand it over in {}", ago(at, now)));
    }
    words.join(", ")
}

fn does(person: &Somebody, now: Millis) -> String {
    let role = match person.role {
        Role::Editing => "editing",
        Role::Waiting => "waiting",
        Role::Viewing => "viewing",
    };
    let activity = match person.activity {
        Activity::Here => "",
        Activity::Idle => ", idle",
        Activity::Away => ", in another tab",
    };
    let unsaved = if person.unsaved { ", unsaved changes" } else { "" };
    let pages = if person.pages == 1 { String::new() } else { format!(", {} pages", person.pages) };
    format!("{role}{activity}{unsaved}{pages}, here since {}", ago(now, person.since))
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{NOW, lock};
    use super::*;
    use crate::cli::snapshot::check;
    use crate::operator::{LastSave, Lock, State, Waiting};

    fn somebody(name: &str, role: Role) -> Somebody {
        Somebody {
            name: name.to_owned(),
            user: format!("login:{}", name.to_lowercase()),
            since: NOW - 7_200_000,
            role,
            activity: Activity::Here,
            pages: 1,
            unsaved: false,
        }
    }

    #[test]
    fn an_object_is_shown_with_all_that_is_known() {
        let detail = Detail {
            lock: lock(),
            version: NOW - 1,
            saved: Some(LastSave {
                by: "Grace".to_owned(),
                user: "login:grace".to_owned(),
                at: NOW - 86_400_000,
            }),
            deleted: false,
            uncertain: true,
            back_by: None,
            promised: Some(NOW + 120_000),
            queue: vec![
                Waiting {
                    name: "Bob".to_owned(),
                    user: "id:5".to_owned(),
                    since: NOW - 30_000,
                    asked: Some(NOW - 10_000),
                    away: false,
                },
                Waiting {
                    name: "Cyd".to_owned(),
                    user: "id:6".to_owned(),
                    since: NOW - 20_000,
                    asked: None,
                    away: true,
                },
            ],
            people: vec![
                Somebody { unsaved: true, pages: 2, ..somebody("Ada", Role::Editing) },
                Somebody { activity: Activity::Away, ..somebody("Bob", Role::Waiting) },
                Somebody { activity: Activity::Idle, ..somebody("Dan", Role::Viewing) },
            ],
            more_people: 3,
        };
        check("locks-show", &text(&detail, NOW, Style::plain()));
        let nobody = Lock {
            editor: None,
            user: None,
            since: None,
            active: None,
            state: State::Waiting,
            unsaved: false,
            ..lock()
        };
        let deleted = Detail {
            lock: nobody,
            deleted: true,
            uncertain: false,
            promised: None,
            queue: Vec::new(),
            people: Vec::new(),
            more_people: 0,
            ..detail
        };
        check("locks-show-nobody", &text(&deleted, NOW, Style::plain()));
    }
}
