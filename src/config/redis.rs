//! Where locks live, if not in the process.

use std::path::PathBuf;

use redis::IntoConnectionInfo;

use super::reader::Reader;
use crate::store::{Certificates, RedisConfig, Sentinels};

/// None: in the process, or something is wrong, of which the reader knows.
pub(super) fn read(r: &mut Reader) -> Option<RedisConfig> {
    let url = url(r);
    let uses_redis = r.parse("store", |s| match s {
        "redis" => Ok(true),
        "embedded" => Ok(false),
        _ => Err("expected \"embedded\" or \"redis\"".to_owned()),
    });
    // One connection for commands, one that listens: more are never opened.
    if r.count("options.redis_max_connections") < 2 {
        r.complain(
            "options.redis_max_connections",
            "expected at least 2: one for commands, and one that listens",
        );
    }
    let config = RedisConfig {
        url: url.clone().unwrap_or_default(),
        prefix: r.parse("redis.prefix", prefix).unwrap_or_default(),
        max_retries: r.count("options.redis_max_retries").try_into().unwrap_or(u32::MAX),
        retry_delay: r.duration("options.redis_retry_delay"),
        timeout: r.duration("options.redis_socket_timeout"),
        certificates: certificates(r),
        sentinels: Sentinels {
            addresses: r.parse_list("redis.sentinels", sentinel),
            master: r.text("redis.master"),
        },
    };
    let secure = config.url.starts_with("rediss:") || config.url.starts_with("valkeys:");
    let Certificates { ca, own } = &config.certificates;
    if !secure && (ca.is_some() || own.is_some()) && uses_redis == Some(true) {
        let set = if ca.is_some() { "redis.ca" } else { "redis.client_cert" };
        match ["redis.url_file", "options.redis_url"].into_iter().find(|key| r.is_said(key)) {
            Some(address) => r.complain(address, &format!("expected rediss://…, as {set} is set")),
            None => r.complain(set, "expected options.redis_url with it, and rediss://… there"),
        }
    }
    url?;
    Some(config).filter(|_| uses_redis == Some(true))
}

/// Passwords are better kept out of the settings: a file may hold the address.
fn url(r: &mut Reader) -> Option<String> {
    let check = |text: &str| match text.into_connection_info() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => {
            Err("expected redis://host:6379/0, rediss://host:6379/0 or unix:///path/to.sock".to_owned())
        }
    };
    match r.text("redis.url_file").as_str() {
        "" => r.parse("options.redis_url", check),
        path => {
            let text = std::fs::read_to_string(path).map_err(|e| format!("cannot be read: {e}"));
            let url = text.and_then(|text| match text.trim() {
                "" => Err("is empty".to_owned()),
                text => check(text),
            });
            url.map_err(|what| r.complain("redis.url_file", &what)).ok()
        }
    }
}

/// Braces in it would move the mark by which a cluster keeps together what belongs to one object.
fn prefix(text: &str) -> Result<String, String> {
    match text.contains(['{', '}']) {
        true => Err("expected a prefix without { and }".to_owned()),
        false => Ok(text.to_owned()),
    }
}

fn sentinel(text: &str) -> Result<String, String> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("redis://{text}") };
    match whole.into_connection_info() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("expected host:26379, or redis://user:password@host:26379".to_owned()),
    }
}

fn certificates(r: &mut Reader) -> Certificates {
    let [ca, certificate, key] =
        ["redis.ca", "redis.client_cert", "redis.client_key"].map(|name| file(r, name));
    if certificate.is_some() != key.is_some() {
        let alone = if certificate.is_some() { "redis.client_cert" } else { "redis.client_key" };
        r.complain(alone, "expected redis.client_cert and redis.client_key together");
    }
    Certificates { ca, own: certificate.zip(key) }
}

fn file(r: &mut Reader, key: &str) -> Option<Vec<u8>> {
    let path = Some(r.text(key)).filter(|p| !p.is_empty()).map(PathBuf::from)?;
    let read = std::fs::read(path).map_err(|e| format!("cannot be read: {e}"));
    let pem = read.and_then(|pem| {
        match pem.starts_with(b"-----BEGIN") || pem.windows(11).any(|w| w == b"\n-----BEGIN") {
            true => Ok(pem),
            false => Err("expected a PEM file: -----BEGIN …".to_owned()),
        }
    });
    pem.map_err(|what| r.complain(key, &what)).ok()
}
