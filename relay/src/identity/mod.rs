//! Who asks. Start with [`owner`] (whose objects) and [`credentials`] (what Perses is shown).

pub mod credentials;
pub mod owner;

pub use credentials::Credentials;
pub use owner::{Owner, OwnerKind};
