//! Outputs of the command line, kept as plain text in tests/fixtures/cli. `COLLAB_SNAPSHOTS=write` writes them anew.

use std::path::Path;

pub(crate) fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cli").join(format!("{name}.txt"));
    let text = format!("{}\n", text.trim_end());
    if std::env::var("COLLAB_SNAPSHOTS").is_ok_and(|v| v == "write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differ = kept.lines().zip(text.lines()).position(|(a, b)| a != b);
    assert!(
        kept == text,
        "{} is not what is said any more (line {:?}); COLLAB_SNAPSHOTS=write writes it anew. It is:\n{text}",
        path.display(),
        differ.map(|line| line + 1)
    );
}
