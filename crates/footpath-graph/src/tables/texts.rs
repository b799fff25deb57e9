//! Texts of tables, which are what an import makes of those of its files.

use crate::error::show;
use crate::import::{MAX_FIELD_BYTES, flaw_of_name};

/// What is wrong: a kind and a message.
type Flaw = (&'static str, String);

fn text(bytes: &[u8]) -> Result<&str, Flaw> {
    std::str::from_utf8(bytes).map_err(|_| ("utf8", format!("`{}` is not UTF-8", show(bytes))))
}

/// An id.
pub(super) fn name(bytes: &[u8]) -> Result<&str, Flaw> {
    let name = text(bytes)?;
    match flaw_of_name(name) {
        None => Ok(name),
        Some(flaw) => Err(("name", format!("`{}`: {flaw}", show(bytes)))),
    }
}

/// A label on one line without blanks around it, or an empty one, which is none.
pub(super) fn label(bytes: &[u8]) -> Result<&str, Flaw> {
    let label = text(bytes)?;
    let flaw = if label.len() > MAX_FIELD_BYTES {
        Some(format!("longer than {MAX_FIELD_BYTES} bytes"))
    } else if label.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        Some("a control character".to_owned())
    } else if label.trim().len() < label.len() {
        Some("blanks around a label".to_owned())
    } else {
        None
    };
    flaw.map_or(Ok(label), |flaw| Err(("label", format!("`{}`: {flaw}", show(bytes)))))
}
