//! The change form through the proxy against straight from Django: the demo shop on gunicorn, product 1.

use std::path::Path;
use std::process::Command;

use crate::Error;
use crate::http::{Answer, Client, between};
use crate::process::{self, Process};
use crate::stats::{Series, heading};

const REQUESTS: usize = 250;
const WARM_UP: usize = 20;
const FORM: &str = "/admin/shop/product/1/change/";

/// The demo site, made and started by its own scripts.
fn site(dir: &Path) -> Result<(Process, String), Error> {
    let venv = crate::root().join("target/venv/bin");
    let demo = crate::root().join("examples/demo");
    let made = Command::new(venv.join("python"))
        .arg(demo.join("create.py"))
        .env("DEMO_DIR", dir)
        .status()
        .map_err(|e| format!("target/venv is not there ({e}); run: make bench"))?;
    if !made.success() {
        return Err("the demo site could not be made".into());
    }
    let mut gunicorn = Command::new(venv.join("gunicorn"));
    gunicorn
        .arg("-c")
        .arg(demo.join("gunicorn.conf.py"))
        .env("DEMO_DIR", dir)
        .env("DEMO_BIND", "127.0.0.1:0");
    Process::ready("gunicorn", &mut gunicorn, dir)
}

fn cookie(answer: &Answer, name: &str) -> Result<String, Error> {
    answer
        .headers
        .get_all("set-cookie")
        .iter()
        .filter_map(|v| v.to_str().ok()?.split(';').next())
        .find(|pair| pair.starts_with(&format!("{name}=")))
        .map(str::to_owned)
        .ok_or_else(|| format!("no cookie {name}").into())
}

/// Signs in, and gives the cookies of the session.
async fn sign_in(site: &str) -> Result<String, Error> {
    let mut client = Client::connect(site).await?;
    let page = client.get("/admin/login/", "").await?;
    let csrf = cookie(&page, "csrftoken")?;
    let field = between(&page.body, "name=\"csrfmiddlewaretoken\" value=\"", "\"")?;
    let form = format!("csrfmiddlewaretoken={field}&username=root&password=root-demo&next=/admin/");
    let answer = client.post("/admin/login/", &csrf, form).await?;
    Ok(format!("{}; {}", cookie(&answer, "csrftoken")?, cookie(&answer, "sessionid")?))
}

pub(crate) async fn run(dir: &Path) -> Result<(), Error> {
    let (_gunicorn, site) = site(dir)?;
    let (_proxy, ours) = process::proxy(&site, dir)?;
    let session = sign_in(&site).await?;
    let mut clients = [Client::connect(&ours).await?, Client::connect(&site).await?];
    let mut first_byte = [Series::default(), Series::default()];
    let mut whole = [Series::default(), Series::default()];
    let mut sizes = [0, 0];
    for n in 0..WARM_UP + REQUESTS {
        for (i, client) in clients.iter_mut().enumerate() {
            let answer = client.get(FORM, &session).await?;
            let has_widget = answer.body.contains("collab-config");
            if answer.status != 200 || has_widget != (i == 0) {
                return Err(format!("the form came with {} and widget {has_widget}", answer.status).into());
            }
            sizes[i] = answer.body.len();
            if n >= WARM_UP {
                first_byte[i].add_ms(answer.first_byte);
                whole[i].add_ms(answer.whole);
            }
        }
    }
    heading("The change form through us, against direct (ms)");
    println!("{REQUESTS} requests each, taking turns, one at a time; gunicorn, demo shop, product 1\n");
    println!("{:<14}{:<24}{:<24}difference of medians", "", "through us", "direct");
    for (name, [us, direct]) in [("first byte", &first_byte), ("whole page", &whole)] {
        let more = us.median() - direct.median();
        println!("{name:<14}{:<24}{:<24}{more:+.2}", shown(us), shown(direct));
    }
    println!("{:<14}{:<24}{:<24}{:+}", "bytes", sizes[0], sizes[1], sizes[0] - sizes[1]);
    Ok(())
}

/// The slowest of hundreds says nothing; the 99th hundredth does.
fn shown(series: &Series) -> String {
    format!("{:.2} (p99 {:.2})", series.median(), series.quantile(0.99))
}
