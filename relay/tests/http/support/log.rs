//! Everything that any test's relay logs, at the finest filter, as an operator could set it.

use std::io::Write;
use std::sync::{Mutex, Once};

use persai_relay::logging;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static START: Once = Once::new();

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Once per test process.
pub fn start() {
    START.call_once(|| {
        let subscriber = logging::subscriber("trace", || Lines).unwrap();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

pub fn captured_log() -> String {
    String::from_utf8_lossy(&LINES.lock().unwrap()).into_owned()
}
