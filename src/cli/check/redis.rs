//! `check`, for what keeps the locks: everything that they need of Redis is done once.
//!
//! Owns what to do about a Redis that cannot serve. The store says what is wrong in a sentence, and the advice goes by its
//! words; tests/e2e/cli_check.rs holds them together, before servers that are each wrong in one way.

use super::report::Finding;
use crate::collab::record::NodeId;
use crate::config::Settings;
use crate::ids;
use crate::store::{Redis, StoreError};

const WHAT: &str = "locks";

pub(super) async fn finding(settings: &Settings) -> Finding {
    let Some(config) = settings.redis.clone() else {
        return Finding::ok(WHAT, "they live in the process: for one proxy. Several need Redis (--redis)");
    };
    let encrypted = config.url.starts_with("rediss:") || config.url.starts_with("valkeys:");
    let tried = async {
        let redis = Redis::new(config, settings.rules.clone(), NodeId::from(ids::id()), None)?;
        let warnings = redis.probe().await?;
        Ok::<_, StoreError>((redis.describe(), warnings))
    };
    match tried.await {
        Ok((address, warnings)) if warnings.is_empty() => {
            Finding::ok(WHAT, format!("Redis at {address}: keys, scripts and channels work"))
        }
        Ok((address, warnings)) => {
            Finding::warn(WHAT, format!("Redis at {address} works"), warnings.join("\n"))
        }
        Err(error) => {
            let why = match error {
                StoreError::Down(why) => why,
                other => other.to_string(),
            };
            let advice = advice(&why, encrypted);
            Finding::fail(WHAT, format!("Redis cannot be used: {why}"), advice)
        }
    }
}

const START: &str = "Start Redis there, or say where it is: options.redis_url in the settings, or --redis.";
const RIGHTS: &str = "Give the user the rights that docs/redis.md has in one line (ACL SETUSER); what they may use begins with \
                      redis.prefix.";

/// The first that fits.
const ADVICE: &[(&str, &str)] = &[
    ("Connection refused", START),
    ("No such file", START),
    (
        "wants a user name and password",
        "Put them into the address: options.redis_url in the settings, a file that redis.url_file names, or --redis.",
    ),
    (
        "user name or password is wrong",
        "Mend them in the address (options.redis_url, redis.url_file or --redis). Whatever is no letter or digit is \
         percent-encoded there; without a user name it is the password of Redis's user \"default\".",
    ),
    ("below redis.prefix", RIGHTS),
    ("may not run", RIGHTS),
    (
        "read-only replica",
        "Give the address of the primary, or let Sentinels name it (redis.sentinels): docs/redis.md.",
    ),
    (
        "is not whole",
        "Give every slot to a node first: `redis-cli --cluster create`, or `--cluster fix`; `--cluster check` says what is missing.",
    ),
    (
        "database 0 only",
        "End the address with /0. Sites that share a cluster are told apart by redis.prefix.",
    ),
    (
        "no database of that number",
        "Give another number at the address's end; Redis has 16, from 0, unless it is told otherwise.",
    ),
    (
        "does not speak as Redis",
        "Say where Redis is: options.redis_url in the settings, or --redis. If it is Redis and encrypted there, the address \
         begins with rediss://.",
    ),
    ("does not speak TLS", "Let the address begin with redis://, or give the port where Redis is encrypted."),
    (
        "certificate",
        "Say whom to trust: redis.ca is the PEM file of the authority that signed Redis's certificate, which must be made for \
         the name in the address. If Redis asks for one too: redis.client_cert and redis.client_key.",
    ),
    ("or newer is needed", "Update it, or give locks a Redis of their own."),
    ("Sentinel", "Look at redis.sentinels and redis.master: docs/redis.md."),
    ("still loading", "Wait until it has; then ask again."),
    ("no memory left", "Give Redis more (maxmemory), or give locks a Redis of their own."),
    ("too few replicas", "Start its replicas, or set min-replicas-to-write to what there is."),
    ("as many clients as it may", "Raise maxclients in Redis, or see who connects to it (CLIENT LIST)."),
];

fn advice(why: &str, encrypted: bool) -> &'static str {
    // A plain Redis takes the first bytes of TLS for the beginning of something, and waits for the rest.
    if encrypted && (["does not answer", "timed out", "closes them"].iter().any(|part| why.contains(part))) {
        return "Is Redis encrypted there? If not, the address begins with redis://; if so, see whether it answers at all.";
    }
    ADVICE.iter().find_map(|(part, advice)| why.contains(part).then_some(*advice)).unwrap_or(START)
}
