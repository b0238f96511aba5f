//! The only source of randomness: ids of pages, requests and proxies, secrets, jitter.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

/// Bytes from the operating system. Without them nothing here is safe, so there is no way on.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap_or_else(|e| panic!("the operating system gives no random bytes: {e}"));
    bytes
}

/// A name nobody can guess: 96 bits.
pub fn id() -> String {
    BASE64.encode(random::<12>())
}

/// A number below `limit`, for spreading retries.
pub fn below(limit: u64) -> u64 {
    u64::from_le_bytes(random()) % limit.max(1)
}

/// A name for one request: unlike any other of this or another proxy, and cheap. Nothing hangs on it.
pub fn request() -> String {
    static START: OnceLock<String> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let start = START.get_or_init(|| random::<4>().iter().map(|byte| format!("{byte:02x}")).collect());
    format!("{start}-{:06x}", NEXT.fetch_add(1, Ordering::Relaxed))
}
