//! A Django site on gunicorn, with a database of the test's own: the demo site, or one of tests/sites.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use super::proc::{Proc, command, run};

/// Which site, and on which Django.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Site {
    Demo,
    /// One of tests/sites: the theme or package as its settings call it, and the venv of tests/setup/venv.sh.
    Gallery {
        kind: &'static str,
        venv: &'static str,
    },
}

pub struct Django {
    site: Site,
    proc: Proc,
    folder: tempfile::TempDir,
    address: String,
    env: Vec<(String, String)>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Site {
    fn program(self, program: &str) -> PathBuf {
        let (folder, kind) = match self {
            Self::Demo => ("venv".to_owned(), ""),
            Self::Gallery { venv, .. } => (format!("venv-{venv}"), venv),
        };
        let file = root().join("target").join(&folder).join("bin").join(program);
        assert!(
            file.exists(),
            "target/{folder} is missing; please run `make test`, or tests/setup/venv.sh {kind} alone"
        );
        file
    }

    /// Fills a folder with the site's database.
    fn create(self, folder: &Path) {
        let script = match self {
            Self::Demo => "examples/demo/create.py",
            Self::Gallery { .. } => "tests/sites/create.py",
        };
        let mut create = command(self.program("python"));
        create.arg(root().join(script)).env("DEMO_DIR", folder);
        if let Self::Gallery { kind, .. } = self {
            create.env("SITE_KIND", kind);
        }
        let said = run(create);
        assert_eq!(said.code, Some(0), "{script}: {}{}", said.out, said.err);
    }
}

/// The demo site's database: made once a run; tests copy it.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        // Another run may be reading the old one, so it is made beside it and moved into place.
        let parent = root().join("target/e2e");
        std::fs::create_dir_all(&parent).unwrap();
        let fresh = tempfile::tempdir_in(&parent).unwrap();
        Site::Demo.create(fresh.path());
        let database = parent.join("template.sqlite3");
        std::fs::rename(fresh.path().join("db.sqlite3"), &database).unwrap();
        database
    })
}

impl Django {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// `env`: settings of the site, see examples/demo/demo/settings.py and gunicorn.conf.py.
    pub fn with(env: &[(&str, &str)]) -> Self {
        Self::of(Site::Demo, env)
    }

    pub fn of(site: Site, env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if site == Site::Demo {
            std::fs::copy(template(), folder.path().join("db.sqlite3")).unwrap();
        } else {
            site.create(folder.path());
        }
        let mut env: Vec<(String, String)> =
            env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let (proc, address) = launch(site, folder.path(), &env);
        // A site that is started again has to be found where it was.
        env.retain(|(name, _)| name != "DEMO_BIND");
        env.push(("DEMO_BIND".to_owned(), address.clone()));
        Self { site, proc, folder, address, env }
    }

    /// Served by uvicorn, as ASGI.
    pub fn on_uvicorn() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(template(), folder.path().join("db.sqlite3")).unwrap();
        let mut uvicorn = command(Site::Demo.program("uvicorn"));
        uvicorn
            .args([
                "demo.asgi:application",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--app-dir",
                "examples/demo",
            ])
            .current_dir(root())
            .env("DEMO_DIR", folder.path())
            .env("DEMO_TEST", "1");
        let mut proc = Proc::start("uvicorn", uvicorn);
        let address = proc.ready(|line| {
            let at = line.split_once("running on http://")?.1;
            at.split_whitespace().next().map(str::to_owned)
        });
        Self { site: Site::Demo, proc, folder, address, env: Vec::new() }
    }

    /// On a unix socket instead of a port.
    pub fn on_unix_socket(folder: &Path) -> Self {
        let bind = format!("unix:{}", folder.join("django.sock").display());
        Self::with(&[("DEMO_BIND", &bind)])
    }

    /// As `--upstream` takes it.
    pub fn upstream(&self) -> String {
        if self.address.starts_with("unix:") {
            self.address.clone()
        } else {
            format!("http://{}", self.address)
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn log(&self) -> String {
        self.proc.log()
    }

    /// Gone without a word, workers and all.
    pub fn kill(&mut self) {
        let mut children = command("ps");
        children.args(["-o", "pid=", "--ppid", &self.proc.pid().to_string()]);
        let workers = run(children).out;
        // The master first, or it would start new workers.
        self.proc.kill();
        let mut seen = 0;
        for pid in workers.split_whitespace() {
            super::proc::kill("KILL", pid.parse().expect("ps prints numbers"));
            seen += 1;
        }
        assert!(seen > 0, "gunicorn had no workers");
    }

    /// Starts it again at the same address.
    pub fn restart(&mut self) {
        let (proc, address) = launch(self.site, self.folder.path(), &self.env);
        assert_eq!(address, self.address);
        self.proc = proc;
    }

    /// Rows as the database has them, past Django: what a test means by "the row is unchanged".
    pub fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        let script = "import json, sqlite3, sys\n\
                      database = sqlite3.connect(sys.argv[1], timeout=30)\n\
                      rows = database.execute(sys.argv[2]).fetchall()\n\
                      database.commit()\n\
                      print(json.dumps(rows))";
        let mut python = command(self.site.program("python"));
        python.args(["-c", script]).arg(self.folder.path().join("db.sqlite3")).arg(sql);
        let said = run(python);
        assert_eq!(said.code, Some(0), "{sql}: {}", said.err);
        serde_json::from_str(&said.out).unwrap()
    }

    /// One value of one row; the row must be there.
    pub fn value(&self, sql: &str) -> Value {
        let rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows[0][0].clone()
    }

    pub fn product(&self, pk: u32) -> Value {
        let row = self.rows(&format!("select * from shop_product where id = {pk}"));
        assert!(row.len() <= 1);
        row.into_iter().next().map_or(Value::Null, Value::Array)
    }

    pub fn product_name(&self, pk: u32) -> String {
        let name = self.value(&format!("select name from shop_product where id = {pk}"));
        name.as_str().expect("a name").to_owned()
    }
}

fn launch(site: Site, folder: &Path, env: &[(String, String)]) -> (Proc, String) {
    let mut gunicorn = command(site.program("gunicorn"));
    gunicorn
        .args(["-c", "examples/demo/gunicorn.conf.py"])
        .current_dir(root())
        .env("DEMO_DIR", folder)
        .env("DEMO_TEST", "1")
        .env("DEMO_BIND", "127.0.0.1:0")
        .envs(env.iter().map(|(k, v)| (k, v)));
    if let Site::Gallery { kind, .. } = site {
        gunicorn.args(["--pythonpath", "tests/sites", "gallery.wsgi"]).env("SITE_KIND", kind);
    }
    let mut proc = Proc::start("gunicorn", gunicorn);
    let address = proc.ready(|line| line.strip_prefix("READY ").map(str::to_owned));
    (proc, address)
}
