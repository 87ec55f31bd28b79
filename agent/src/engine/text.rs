//! Text from outside as markdown that says what it is and nothing else.

/// Text from outside as code: nothing in it is markdown, and it breaks no table.
pub(super) fn code(text: &str) -> String {
    let text = crate::neutral::line(text, 300)
        .replace('`', "'")
        .replace('|', "\\|");
    if text.trim().is_empty() {
        "(empty)".to_owned()
    } else {
        format!("`{text}`")
    }
}

/// A query as code; it stands in no table, so its bars stay as they are.
pub(super) fn query_code(query: &str) -> String {
    let query = crate::neutral::line(query, 600);
    if query.contains('`') {
        format!("`` {query} ``")
    } else {
        format!("`{query}`")
    }
}

/// A title in bold: our own words, or a query, so nothing in it may be markdown.
pub(super) fn plain(text: &str) -> String {
    crate::neutral::line(text, 120)
        .chars()
        .map(|c| {
            if matches!(
                c,
                '*' | '`' | '[' | ']' | '<' | '>' | '!' | '|' | '\\' | '_'
            ) {
                format!("\\{c}")
            } else {
                c.to_string()
            }
        })
        .collect()
}
