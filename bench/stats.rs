//! Medians with their range, and how they are printed.

use std::fmt;
use std::process::Command;
use std::time::Duration;

/// The measurements of one thing.
#[derive(Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn add_ms(&mut self, time: Duration) {
        self.add(time.as_secs_f64() * 1000.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// `share` of the values are at most this.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub(crate) fn max(&self) -> f64 {
        self.quantile(1.0)
    }
}

/// `1.23 (1.20–1.31)`: the median and the range.
impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, low, high) = (self.median(), self.quantile(0.0), self.max());
        let digits = match median {
            m if m < 10.0 => 2,
            m if m < 100.0 => 1,
            _ => 0,
        };
        f.pad(&format!("{median:.digits$} ({low:.digits$}–{high:.digits$})"))
    }
}

pub(crate) fn heading(title: &str) {
    println!("\n## {title}\n");
}

/// Figures hold for one machine and one day.
pub(crate) fn print_machine() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory: f64 = memory.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0);
    println!("date      {}", first_line("date", &["-u", "+%F %H:%M UTC"]));
    println!("machine   {cores} cores, {:.0} GiB", memory / 1024.0 / 1024.0);
    println!("proxy     {}", first_line(&crate::proxy_bin(), &["--version"]));
    println!("nginx     {}", first_line("nginx", &["-v"]));
    println!("redis     {}", first_line("redis-server", &["--version"]));
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        return format!("{program} does not run");
    };
    // nginx tells its version on standard error.
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned()
}
