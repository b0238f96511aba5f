//! The settings: precedence, complaints, and that what is documented is what holds.

use super::load::resolve;
use super::*;

pub(super) fn load_text(
    text: &str,
    variables: &[(&str, &str)],
    flags: Flags,
) -> Result<Settings, Vec<String>> {
    let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let mut problems = Vec::new();
    let settings = resolve("collab.toml", text, variables, flags, &mut problems);
    match settings {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => Err(problems.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn the_documented_defaults_hold() {
    let settings = load_text("", &[], vec![]).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.upstream.to_string(), "http://127.0.0.1:8000");
    assert_eq!(settings.rules, Rules::default());
    assert_eq!(settings.own_prefix, "/admin/collaboration/");
    assert!(settings.redis.is_none());
    assert!(settings.texts.changed.is_empty() && settings.texts.by_language.is_empty());
}

#[test]
fn every_documented_setting_is_read_and_every_read_one_documented() {
    let mut problems = Vec::new();
    let layer = source::defaults(DEFAULTS, &mut problems);
    let documented: Vec<String> = layer.keys().cloned().collect();
    let mut reader = Reader::new(layer.clone(), layer);
    settings(&mut reader);
    assert_eq!(Vec::from_iter(reader.asked.clone()), documented);
    assert!(documented.len() > 40, "{}", documented.len());
    assert_eq!(reader.into_problems(), []);
}

#[test]
fn flags_beat_the_environment_which_beats_the_file() {
    let text = "listen = \"h:1\"\n[lock]\nlease = \"1 min\"\ngrace = 2\n";
    let settings = load_text(text, &[], vec![]).unwrap();
    assert_eq!(settings.listen.to_string(), "h:1");
    assert_eq!((settings.rules.lease, settings.rules.grace), (60_000, 2_000));
    let environment = [("COLLAB_LISTEN", "h:2"), ("COLLAB_LOCK_LEASE", "90s"), ("PATH", "x")];
    let settings = load_text(text, &environment, vec![]).unwrap();
    assert_eq!(settings.listen.to_string(), "h:2");
    assert_eq!((settings.rules.lease, settings.rules.grace), (90_000, 2_000));
    let flags = vec![("listen", "h:3".to_owned(), "--listen")];
    assert_eq!(load_text(text, &environment, flags).unwrap().listen.to_string(), "h:3");
}

#[test]
fn kubernetes_variables_are_no_settings() {
    let environment = [
        ("COLLAB_PROXY_PORT", "tcp://10.0.0.1:80"),
        ("COLLAB_PROXY_SERVICE_HOST", "10.0.0.1"),
        ("COLLAB_SERVICE_PORT", "80"),
        ("COLLAB_PORT_80_TCP", "x"),
        ("COLLAB_PROXY_METRICS_SERVICE_PORT_HTTP", "80"),
        ("COLLAB_PROXY_METRICS_PORT", "udp://10.0.0.1:80"),
    ];
    assert!(load_text("", &environment, vec![]).is_ok());
    // Beside them, the section that is called so is heard.
    let settings = load_text("", &[("COLLAB_PROXY_MAX_CONNECTIONS", "9")], vec![]).unwrap();
    assert_eq!(settings.max_connections, 9);
    assert!(load_text("", &[("COLLAB_PROXY_MAX_CONECTIONS", "9")], vec![]).is_err());
    assert!(load_text("", &[("COLLAB_PORT", "8080")], vec![]).is_err(), "somebody means something by it");
}

#[test]
fn all_problems_are_told_at_once_with_their_place() {
    let text = "listen = 8080\nlisten_on = \"x\"\n\n[lock]\nlease = \"soon\"\nleese = 3\n[proxy]\ntrusted_proxies = [\"10.0.0.0/99\"]\n";
    let problems =
        load_text(text, &[("COLLAB_UPSTREAM", "django"), ("COLLAB_LOK_LEASE", "3")], vec![]).unwrap_err();
    let all = problems.join("\n");
    for wanted in [
        "collab.toml line 1: listen: expected a text in quotes, found 8080",
        "collab.toml line 2: listen_on: there is no such setting",
        "collab.toml line 5: lock.lease: expected a duration, such as \"500 ms\", \"5 s\", \"2 min\", found \"soon\"",
        "collab.toml line 6: lock.leese: there is no such setting (did you mean lock.lease?)",
        "collab.toml line 8: proxy.trusted_proxies: \"10.0.0.0/99\": expected an address or a network",
        "COLLAB_UPSTREAM: upstream: expected http://host:port",
        "COLLAB_LOK_LEASE: there is no such setting (did you mean COLLAB_LOCK_LEASE?)",
    ] {
        assert!(all.contains(wanted), "{wanted}\n--- in ---\n{all}");
    }
}

#[test]
fn broken_toml_names_its_line() {
    let problems = load_text("listen = \"h:1\"\nupstream = \n", &[], vec![]).unwrap_err();
    assert!(problems[0].starts_with("collab.toml line 2: not TOML"), "{problems:?}");
}

/// tracing takes a lone word for a part of the program, and lets nothing else be heard.
#[test]
fn a_level_that_is_none_is_no_silence() {
    for log in
        ["info", "WARN", "off", "info,hyper=warn", "collab_proxy=debug", "info,collab_proxy::gate=trace,"]
    {
        assert!(load_text(&format!("log = \"{log}\"\n"), &[], vec![]).is_ok(), "{log}");
    }
    for log in ["inof", "blah", "", ",", "info,blah", "warning", "collab_proxy", "hyper=lots"] {
        let told = load_text(&format!("log = \"{log}\"\n"), &[], vec![]).unwrap_err().join("\n");
        assert!(
            told.starts_with("collab.toml line 1: log: expected ") && told.contains("debug"),
            "{log}: {told}"
        );
    }
    let told = load_text("", &[], vec![("log", "inof".to_owned(), "--log")]).unwrap_err();
    assert!(told[0].starts_with("--log: log: expected off, error,"), "{told:?}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    for (text, told) in [
        (
            "[operator]\nlisten = \"127.0.0.1:8080\"\n".to_owned(),
            "operator.listen: expected another address than listen",
        ),
        ("[admin]\nprefixes = [\"/{lng}/admin/\"]\n".to_owned(), "expected no other placeholder than {lang}"),
        ("[admin]\nread_actions = [\"shop:product:x\"]\n".to_owned(), "expected the name of an action"),
        ("[admin]\nread_views = [\"product:x\"]\n".to_owned(), "expected the name of a view"),
        (
            "[texts]\nfree_text = \"{nam} is free\"\n".to_owned(),
            "texts.free_text: nothing is filled in for {nam}",
        ),
        ("[options.tr]\nnext_text = \"{nam}\"\n".to_owned(), "nothing is filled in for {nam}"),
        (format!("[redis]\nurl_file = \"{}\"\n", empty.display()), "redis.url_file: is empty"),
    ] {
        let problems = load_text(&text, &[], vec![]).unwrap_err();
        assert!(problems.iter().any(|p| p.contains(told)), "{told}: {problems:?}");
    }
    for text in [
        "[admin]\nprefixes = [\"/{lang}/admin/\"]\nread_actions = [\"x\", \"shop.product:x\"]\n",
        "listen = \"127.0.0.1:0\"\n[operator]\nlisten = \"127.0.0.1:0\"\n",
    ] {
        assert!(load_text(text, &[], vec![]).is_ok(), "{text}");
    }
}

/// It can be used, so it is no mistake; but somebody should look at it.
#[test]
fn what_is_likely_forgotten_is_said() {
    let forgotten = |text: &str| load_text(text, &[], vec![]).unwrap().forgotten.join("; ");
    assert_eq!(forgotten(""), "");
    let url = "[options]\nredis_url = \"redis://elsewhere:1/0\"\n";
    assert!(forgotten(url).contains("store = \"redis\""));
    assert_eq!(forgotten(&format!("store = \"redis\"\n{url}")), "");
    let header = "[identity]\nuser_header = \"X-User\"\n";
    assert!(forgotten(header).contains("proxy.trusted_proxies"));
    assert_eq!(forgotten(&format!("{header}[proxy]\ntrusted_proxies = [\"10.0.0.1\"]\n")), "");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let problems =
        load_text("[lock]\npin = \"10 s\"\nping = \"9 s\"\ndead = \"9 s\"\n", &[], vec![]).unwrap_err();
    assert!(
        problems.iter().any(|p| p.contains("lock.pin: expected more than proxy.answer_timeout")),
        "{problems:?}"
    );
    assert!(problems.iter().any(|p| p.contains("lock.dead: expected more than lock.ping")), "{problems:?}");
}

/// A default that a setting has met is not what anybody can mend.
#[test]
fn of_two_settings_the_one_that_was_set_is_named() {
    let url = "store = \"redis\"\n[options]\nredis_url = \"redis://h:1/0\"\n";
    let folder = tempfile::tempdir().unwrap();
    let (pem, short) = (folder.path().join("ca.pem"), folder.path().join("secret"));
    std::fs::write(&pem, "-----BEGIN CERTIFICATE-----\n").unwrap();
    std::fs::write(&short, "short\n").unwrap();
    for (text, told) in [
        (
            "[proxy]\nanswer_timeout = \"90 s\"\n".to_owned(),
            "line 2: proxy.answer_timeout: expected less than lock.pin: the save may still be running; \
             lock.pin is \"65 s\" (default), found \"90 s\"",
        ),
        (
            "[lock]\npin = \"9 s\"\n[proxy]\nanswer_timeout = \"90 s\"\n".to_owned(),
            "line 2: lock.pin: expected more than proxy.answer_timeout: the save may still be running; \
             proxy.answer_timeout is \"90 s\" (collab.toml line 4), found \"9 s\"",
        ),
        (
            "[lock]\nping = \"5 min\"\n".to_owned(),
            "line 2: lock.ping: expected less than lock.dead; lock.dead is ",
        ),
        (
            "[lock]\nidle_warning = \"3 h\"\n".to_owned(),
            "line 2: lock.idle_warning: expected at most lock.idle_after; ",
        ),
        (
            format!("{url}[redis]\nca = \"{}\"\n", pem.display()),
            "line 3: options.redis_url: expected rediss://…, as redis.ca is set",
        ),
        (
            format!("secret_file = \"{}\"\n", short.display()),
            "line 1: secret_file: expected at least 16 characters",
        ),
    ] {
        let problems = load_text(&text, &[], vec![]).unwrap_err();
        assert!(problems.iter().any(|p| p.contains(told)), "{told}: {problems:?}");
        assert!(!problems.iter().any(|p| p.starts_with("default")), "{problems:?}");
    }
}

#[test]
fn a_setting_in_the_wrong_section_is_found_in_the_right_one() {
    for (variable, told) in [
        ("COLLAB_REDIS_URL", "(did you mean COLLAB_OPTIONS_REDIS_URL?)"),
        ("COLLAB_LEASE", "(did you mean COLLAB_LOCK_LEASE?)"),
    ] {
        let problems = load_text("", &[(variable, "x")], vec![]).unwrap_err();
        assert!(problems.iter().any(|p| p.contains(told)), "{problems:?}");
    }
    let problems = load_text("[redis]\nurl = \"redis://h\"\n", &[], vec![]).unwrap_err();
    assert!(
        problems[0].contains("redis.url: there is no such setting (did you mean options.redis_url?)"),
        "{problems:?}"
    );
}

#[test]
fn a_settings_dict_of_the_seed_moves_over() {
    let text = "[options]\neditor_mode_text = \"Yours.\"\nenable_chat = false\nadmin_url = \"backoffice\"\n";
    let settings = load_text(text, &[], vec![]).unwrap();
    assert_eq!(settings.texts.changed["editor_mode_text"], "Yours.");
    assert_eq!(settings.own_prefix, "/backoffice/collaboration/");
}

#[test]
fn secrets_are_neither_printed_nor_short() {
    let problems = load_text("secret = \"short\"\n", &[], vec![]).unwrap_err();
    assert_eq!(problems, ["collab.toml line 1: secret: expected at least 16 characters"]);
    let text = "secret = \"0123456789abcdef\"\nstore = \"redis\"\n[options]\nredis_url = \"redis://u:hunter2@h/0\"\n";
    let shown = format!("{:?}", load_text(text, &[], vec![]).unwrap());
    assert!(!shown.contains("0123456789abcdef") && !shown.contains("hunter2"), "{shown}");
    let wrong = [
        ("COLLAB_OPTIONS_REDIS_URL", "rediz://u:hunter2@h/0"),
        ("COLLAB_REDIS_SENTINELS", "x://u:hunter2@h"),
    ];
    let problems = load_text("", &wrong, vec![]).unwrap_err();
    assert!(problems.len() == 2 && problems.iter().all(|p| !p.contains("hunter2")), "{problems:?}");
}

#[test]
fn redis_is_described_without_contradictions() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let (pem, der) = (file("ca.pem", "-----BEGIN CERTIFICATE-----\n"), file("ca.der", "0"));
    let address = file("address", "redis://u:hunter2@elsewhere:1/2\n");
    let mut seen = 0;
    for (redis, told) in [
        (format!("ca = \"{der}\""), "redis.ca: expected a PEM file"),
        ("ca = \"/nowhere\"".to_owned(), "redis.ca: cannot be read"),
        (
            format!("ca = \"{pem}\""),
            "collab.toml line 3: redis.ca: expected options.redis_url with it, and rediss://",
        ),
        (
            format!("client_key = \"{pem}\""),
            "collab.toml line 3: redis.client_key: expected redis.client_cert and redis.client_key",
        ),
        ("prefix = \"a{b\"".to_owned(), "redis.prefix: expected a prefix without"),
        ("url_file = \"/nowhere\"".to_owned(), "redis.url_file: cannot be read"),
    ] {
        let problems = load_text(&format!("store = \"redis\"\n[redis]\n{redis}\n"), &[], vec![]).unwrap_err();
        assert!(problems.iter().any(|p| p.contains(told)), "{told}: {problems:?}");
        seen += 1;
    }
    assert_eq!(seen, 6);
    let text = format!("store = \"redis\"\n[redis]\nurl_file = \"{address}\"\n");
    let config = load_text(&text, &[], vec![]).unwrap().redis.unwrap();
    assert_eq!(config.url, "redis://u:hunter2@elsewhere:1/2");
}

/// People are named as `locks list` shows them, whatever they are known by.
#[test]
fn people_are_named_by_any_key_that_they_are_shown_by() {
    let users = |text: &str| {
        let settings = load_text(&format!("[lock]\ntakeover_users = [{text}]\n"), &[], vec![]);
        settings.map(|s| s.rules.takeover_users.iter().map(|u| u.as_str().to_owned()).collect::<Vec<_>>())
    };
    let named = users("\"ada\", \"login:bob\", \"id:5\", \"sso:ada@example.org\"").unwrap();
    assert_eq!(named, ["login:ada", "login:bob", "id:5", "sso:ada@example.org"]);
    for odd in ["\"\"", "\"sso:\"", "\"session:x\"", "\"who:x\""] {
        assert!(users(odd).unwrap_err()[0].contains("sso:ada@example.org"), "{odd}");
    }
}
