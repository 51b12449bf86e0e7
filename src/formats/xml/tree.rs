//! A whole XML document as a tree, for formats that refer back and forth. The number of its elements is limited.

use super::{Rules, Step, Walk, namespace};
use crate::limits::MAX_XML_ELEMENTS;
use crate::problem::{Problem, ProblemCode};
use crate::text;

/// One element with all that is in it.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Its name without prefix.
    pub(crate) name: String,
    /// The line on which it begins.
    pub(crate) line: u64,
    /// The names from the root to it, joined by slashes, for people.
    pub(crate) path: String,
    attributes: Vec<(String, String)>,
    /// Its text, without the white space around it.
    pub(crate) content: String,
    children: Vec<Node>,
}

impl Node {
    /// The first child of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The first element down a path of names joined by slashes.
    pub(crate) fn at(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |node, name| node.child(name))
    }

    /// The elements at the end of a path, all branches of it.
    pub(crate) fn each<'n>(&'n self, path: &str) -> Vec<&'n Self> {
        let children = |nodes: Vec<&'n Self>, name: &str| {
            nodes.into_iter().flat_map(|node| &node.children).filter(|child| child.name == name).collect()
        };
        path.split('/').fold(vec![self], children)
    }

    /// The text down a path, on one line; nothing if there is none.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        self.at(path).and_then(Self::own_text)
    }

    /// Its own text, on one line; nothing if there is none.
    pub(crate) fn own_text(&self) -> Option<String> {
        text::filled(&self.content)
    }

    /// The value of an attribute; nothing if it is missing or empty.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(key, _)| key == name).and_then(|(_, value)| text::filled(value))
    }
}

/// The document: its root with all that is in it, and the root's namespace.
pub(crate) fn read(source: &str, rules: Rules) -> Result<(Node, String), Problem> {
    let mut walk = Walk::new(source, rules);
    let mut open: Vec<Node> = Vec::new();
    let mut root = None;
    let mut root_namespace = String::new();
    let mut elements = 0_usize;
    loop {
        match walk.step()? {
            Step::Open(tag, line) => {
                elements = elements.saturating_add(1);
                if elements > MAX_XML_ELEMENTS {
                    let message = format!("more than {MAX_XML_ELEMENTS} elements in one document");
                    return Err(Problem::new(line, ProblemCode::TooLarge, message));
                }
                if walk.depth() == 1 {
                    root_namespace = namespace(&tag);
                }
                open.push(Node {
                    name: tag.local_name().as_ref().to_owned(),
                    line,
                    path: walk.place(),
                    attributes: walk.attributes(&tag, line)?,
                    ..Node::default()
                });
            }
            Step::Close(text, _) => {
                let Some(mut node) = open.pop() else { continue };
                node.content = text.trim().to_owned();
                match open.last_mut() {
                    Some(parent) => parent.children.push(node),
                    None => root = Some(node),
                }
            }
            Step::End => {
                return root
                    .map(|root| (root, root_namespace))
                    .ok_or_else(|| Problem::new(1, ProblemCode::Empty, "the file holds no XML document"));
            }
        }
    }
}
