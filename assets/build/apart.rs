//! Names that keep modules apart in one scope: of each module's top level, those of its own and those that it imports.
//!
//! Whatever else they use is the browser's, and can be hidden by none of them.

use std::collections::BTreeMap;

use oxc_allocator::Allocator;
use oxc_codegen::Codegen;
use oxc_parser::Parser;
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;

use crate::bundle::{full, imported};

/// The text of `module` with the names of its top level in full (`bundle::full`).
pub(crate) fn apart(module: &str, source: &str) -> String {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::mjs()).parse();
    assert!(parsed.diagnostics.is_empty(), "{module}.js: {:?}", parsed.diagnostics);
    let mut scoping = SemanticBuilder::new().build(&parsed.program).semantic.into_scoping();
    let borrowed: BTreeMap<&str, String> = imported(source).collect();
    let top: Vec<_> = scoping.iter_bindings_in(scoping.root_scope_id()).collect();
    for symbol in top {
        let name = scoping.symbol_name(symbol);
        let name = borrowed.get(name).cloned().unwrap_or_else(|| full(name, module));
        scoping.set_symbol_name(symbol, name.as_str().into());
    }
    Codegen::new().with_scoping(Some(scoping)).build(&parsed.program).code
}
