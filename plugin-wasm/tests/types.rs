//! The shim's types say what Rust says.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used)]

use std::path::Path;

#[test]
fn generated_types_are_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../js-shim/src/generated/view.ts");
    let on_disk = std::fs::read_to_string(&file).unwrap();
    assert!(
        on_disk == plugin_wasm::types::view_types(),
        "view.ts is old: cargo run -p plugin-wasm --features ts --bin export-types"
    );
}
