//! Makes the widget's scripts when the program is built: joined (bundle.rs), minified, gzipped, and named by a hash of
//! what they hold, and the one style sheet. The program compiles the result in (src/assets/mod.rs).

#![allow(clippy::print_stdout, reason = "it is how cargo is spoken to")]

mod apart;
mod bundle;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_minifier::{CompressOptions, MangleOptions, Minifier, MinifierOptions};
use oxc_parser::Parser;
use oxc_span::SourceType;
use sha2::{Digest, Sha256};

/// The scripts that pages load; everything else in the folder is part of one of them.
const ENTRIES: [&str; 5] = ["main", "together", "list", "kept", "rows"];
/// Only a page that has main.js loads together.js.
const LENDERS: [(&str, &str); 1] = [("together", "main")];

/// Modules that hold style sheets and hardly anything else.
const SHEETS: [&str; 2] = ["style", "chat_css"];

fn main() {
    let folder = Path::new("assets/widget");
    println!("cargo::rerun-if-changed=assets/widget");
    println!("cargo::rerun-if-changed=assets/build");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let sources = sources(folder);
    let mut hash = Sha256::new();
    let apart = sources.iter().map(|(name, text)| (name.clone(), apart::apart(name, text))).collect();
    for entry in ENTRIES {
        let script = minified(entry, &bundle::bundle(entry, &sources, &apart, &LENDERS));
        put(&out, &format!("{entry}.js"), &script, &mut hash);
    }
    let place = std::fs::read_to_string(folder.join("place.css")).expect("assets/widget/place.css is there");
    put(&out, "place.css", &squeezed(&outdented(&place)).replace('\n', ""), &mut hash);
    let hash: String = hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect();
    println!("cargo::rustc-env=WIDGET_HASH={hash}");
}

fn put(out: &Path, name: &str, text: &str, hash: &mut Sha256) {
    hash.update(text);
    write(&out.join(name), text.as_bytes());
    write(&out.join(format!("{name}.gz")), &packed(text.as_bytes()));
}

fn sources(folder: &Path) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let files = files.filter_map(|file| {
        let path = file.expect("a folder that can be listed").path();
        let name = path.file_name()?.to_str()?.strip_suffix(".js")?.to_owned();
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let text = outdented(&text);
        let sheets = SHEETS.contains(&name.as_str());
        Some((name, if sheets { squeezed(&text) } else { text }))
    });
    files.collect()
}

/// The minifier leaves our style sheets alone, which are texts to it: they lose their indentation and remarks here. No
/// text of ours means anything by the spaces a line begins with.
fn outdented(script: &str) -> String {
    let remark = |line: &str| line.starts_with("/*") && line.ends_with("*/");
    let lines = script.lines().map(str::trim_start).filter(|line| !remark(line) && !line.is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Without the spaces and ends of lines that mean nothing in CSS. Spaces before a colon do: they stand between a
/// selector's parts. Lines of script stay lines.
fn squeezed(sheets: &str) -> String {
    let spaces = [(": ", ":"), (" {", "{"), ("{ ", "{"), ("; ", ";"), (", ", ","), (" }", "}"), (";}", "}")];
    let lines = sheets.lines().map(|line| {
        let script = ["export ", "import ", "//"].iter().any(|start| line.starts_with(start));
        let squeezed = spaces.iter().fold(line.to_owned(), |line, (from, to)| line.replace(from, to));
        let goes_on = !script && !line.contains('`') && line.ends_with(['{', '}', ';', ',']);
        let whole = if script { line.to_owned() } else { squeezed };
        if goes_on { whole } else { whole + "\n" }
    });
    lines.collect::<String>().replace(";}", "}")
}

fn minified(name: &str, script: &str) -> String {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, script, SourceType::mjs()).parse();
    assert!(parsed.diagnostics.is_empty(), "{name}.js: {:?}", parsed.diagnostics);
    let mut program = parsed.program;
    let options = MinifierOptions {
        mangle: Some(MangleOptions::default()),
        mangle_properties: None,
        compress: Some(CompressOptions::smallest()),
    };
    let minified = Minifier::new(options).minify(&allocator, &mut program);
    Codegen::new()
        .with_options(CodegenOptions::minify())
        .with_scoping(minified.scoping)
        .with_private_member_mappings(minified.class_private_mappings)
        .build(&program)
        .code
}

fn packed(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    zopfli::compress(zopfli::Options::default(), zopfli::Format::Gzip, data, &mut out)
        .expect("writing to memory does not fail");
    out
}

fn write(file: &Path, data: &[u8]) {
    std::fs::write(file, data).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
}
