//! XML written element by element, each on its own line, the same bytes for the same content.

/// A document that grows.
pub(crate) struct Writer {
    out: String,
    open: Vec<&'static str>,
}

impl Writer {
    /// Begins a document.
    pub(crate) fn new() -> Self {
        Self { out: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), open: Vec::new() }
    }

    fn indent(&mut self) {
        for _ in 0..self.open.len() {
            self.out.push_str("  ");
        }
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in attributes {
            self.out.extend([" ", *key, "=\""]);
            escape(&mut self.out, value);
            self.out.push('"');
        }
        self.out.push('>');
    }

    /// An element, with what `inside` writes in it.
    pub(crate) fn element(&mut self, name: &'static str, inside: impl FnOnce(&mut Self)) {
        self.element_with(name, &[], inside);
    }

    /// The same with attributes.
    pub(crate) fn element_with(
        &mut self,
        name: &'static str,
        attributes: &[(&str, &str)],
        inside: impl FnOnce(&mut Self),
    ) {
        self.indent();
        self.tag(name, attributes);
        self.out.push('\n');
        self.open.push(name);
        inside(self);
        self.open.pop();
        self.indent();
        self.out.extend(["</", name, ">\n"]);
    }

    /// An element that holds text alone.
    pub(crate) fn leaf(&mut self, name: &str, text: &str) {
        self.leaf_with(name, &[], text);
    }

    /// The same with attributes.
    pub(crate) fn leaf_with(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.indent();
        self.tag(name, attributes);
        escape(&mut self.out, text);
        self.out.extend(["</", name, ">\n"]);
    }

    /// The same if there is a text.
    pub(crate) fn maybe(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.leaf(name, text);
        }
    }

    /// The document.
    pub(crate) fn finish(self) -> String {
        self.out
    }
}

/// A text as it stands in an element or in a quoted attribute. What XML cannot hold becomes the replacement character.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match crate::rows_out::in_xml(character) {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            // the reader refuses them like those that XML itself rules out
            other if crate::text::is_unwanted(other) => out.push('\u{FFFD}'),
            other => out.push(other),
        }
    }
}
