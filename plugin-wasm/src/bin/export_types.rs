//! Writes `js-shim/src/generated/view.ts`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../js-shim/src/generated");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("view.ts"), plugin_wasm::types::view_types())
}
