//! Waiting for what other processes bring about: look again every 20 ms, give up loudly.

use std::time::Duration;

pub const STEP: Duration = Duration::from_millis(20);

/// How long a test waits for something to come true: COLLAB_TEST_PATIENCE_MS, or 10 s.
pub fn patience() -> Duration {
    let given = std::env::var("COLLAB_TEST_PATIENCE_MS").ok();
    Duration::from_millis(given.map_or(10_000, |ms| ms.parse().expect("COLLAB_TEST_PATIENCE_MS is a number")))
}

/// So that a closure's argument needs no type.
pub fn holds<T>(value: &T, condition: impl FnOnce(&T) -> bool) -> bool {
    condition(value)
}

/// `eventually!(probe, |value| condition)`: evaluates the probe until the condition holds, and gives its value.
/// `within: duration` waits longer or shorter than usual. Panics with the last value that was seen.
#[macro_export]
macro_rules! eventually {
    ($probe:expr, $condition:expr $(,)?) => {
        $crate::eventually!($probe, $condition, within: $crate::support::eventually::patience())
    };
    ($probe:expr, $condition:expr, within: $within:expr $(,)?) => {{
        let deadline = std::time::Instant::now() + $within;
        loop {
            let value = $probe;
            if $crate::support::eventually::holds(&value, $condition) {
                break value;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "{}:{}: waited in vain for {}\nlast seen: {value:#?}",
                file!(),
                line!(),
                stringify!($condition),
            );
            tokio::time::sleep($crate::support::eventually::STEP).await;
        }
    }};
}
