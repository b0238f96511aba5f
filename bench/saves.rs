//! From Django's answer to a save until everybody who has the object open is told.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::http::Client;
use crate::page::{Page, Socket, form_path};
use crate::stats::{Series, heading};
use crate::{Error, admin, process, sockets};

const PEOPLE: usize = 200;
const SAVES: usize = 25;
/// Between two saves, so that each meets a quiet room.
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) async fn run(dir: &Path) -> Result<(), Error> {
    heading(&format!("From a save's answer until {PEOPLE} people are told (ms)"));
    println!("{SAVES} saves each\n");
    println!("{:<36}{:<10}{:<10}{:<26}proxy's CPU", "", "p50", "p99", "the last one");
    for (name, person) in [("watching without the right to save", "viewer"), ("waiting in line", "waiter")] {
        let Figures { told, last, cpu } = one(dir, person).await?;
        let (p50, p99) = (told.median(), told.quantile(0.99));
        println!("{name:<36}{p50:<10.2}{p99:<10.2}{last:<26}{cpu}");
    }
    Ok(())
}

#[derive(Default)]
struct Figures {
    told: Series,
    /// Of each save.
    last: Series,
    cpu: Series,
}

async fn one(dir: &Path, person: &str) -> Result<Figures, Error> {
    let (upstream, answered) = admin::start().await?;
    let (proxy, address) = process::proxy(&upstream, dir)?;
    let mut browser = Client::connect(&address).await?;
    let mut page = Page::fetch(&mut browser, 1, "editor").await?;
    let mut editor = page.join(&address).await?;
    let mut others = Vec::new();
    for n in 0..PEOPLE {
        others.push(Page::fetch(&mut browser, 1, &format!("{person}{n}")).await?);
    }
    let mut told = listen(sockets::join(&address, others).await?);
    let mut figures = Figures::default();
    for _ in 0..SAVES {
        tokio::time::sleep(PAUSE).await;
        let cpu = proxy.cpu()?;
        let form = format!("_collab={}&name=Blue+kettle&_continue=1", page.field);
        let answer = browser.post(&form_path(1), &page.cookie, form).await?;
        let saved = answered.get().filter(|_| answer.status == 302);
        let saved = saved.ok_or_else(|| format!("the save was answered with {}", answer.status))?;
        let mut last = Duration::ZERO;
        for _ in 0..PEOPLE {
            let heard = tokio::time::timeout(Duration::from_secs(10), told.recv()).await?;
            let after = heard.ok_or("a socket ended")?.saturating_duration_since(saved);
            figures.told.add_ms(after);
            last = last.max(after);
        }
        figures.last.add_ms(last);
        // The browser follows the redirect: a new page of the same person goes on editing.
        page = Page::fetch(&mut browser, 1, "editor").await?;
        let next = page.join(&address).await?;
        std::mem::replace(&mut editor, next).leave().await;
        figures.cpu.add((proxy.cpu()? - cpu) * 1000.0);
    }
    if figures.told.len() != PEOPLE * SAVES {
        return Err("somebody was not told".into());
    }
    Ok(figures)
}

/// When anybody hears of a save.
fn listen(sockets: Vec<Socket>) -> mpsc::UnboundedReceiver<Instant> {
    let (to, told) = mpsc::unbounded_channel();
    for mut socket in sockets {
        let to = to.clone();
        tokio::spawn(async move {
            while socket.until("content_updated").await.is_ok() {
                let _ = to.send(Instant::now());
            }
        });
    }
    told
}
