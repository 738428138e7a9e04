use std::collections::HashMap;

use serde_json::Value;

use crate::matching::index;

/// The attributes that rules look at, as a tree of names: a request is walked once for all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    nodes: Vec<Node>,
    places: usize,
}

#[derive(Clone, Debug, Default)]
struct Node {
    place: Option<usize>,
    children: HashMap<Box<str>, usize>,
}

impl Places {
    /// The number of a place: places are numbered from 0 on as they come, equal ones alike.
    pub(super) fn add(&mut self, segments: &[String]) -> usize {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let node = segments.iter().fold(0, |node, segment| self.child(node, segment));
        if self.nodes[node].place.is_none() {
            self.nodes[node].place = Some(self.places);
            self.places += 1;
        }
        self.nodes[node].place.unwrap_or_default()
    }

    fn child(&mut self, node: usize, segment: &str) -> usize {
        if let Some(child) = self.nodes[node].children.get(segment) {
            return *child;
        }
        let child = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[node].children.insert(segment.into(), child);
        child
    }

    /// Calls `visit` with every place that `input` has, and what it has there. Plain text is looked at as
    /// `{"query": text}`. The work is bounded by the places or by the values of the input, whichever are fewer at
    /// each level.
    pub(super) fn visit<'v, E>(
        &self,
        input: &'v Value,
        mut visit: impl FnMut(usize, &'v Value) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(root) = self.nodes.first() else { return Ok(()) };
        let mut open: Vec<(&Node, &Value)> = Vec::new();
        match input {
            Value::String(_) => {
                let query = root.children.get("query").and_then(|child| self.nodes[*child].place);
                return query.map_or(Ok(()), |place| visit(place, input));
            }
            input => self.open(root, input, &mut open),
        }
        while let Some((node, value)) = open.pop() {
            node.place.map_or(Ok(()), |place| visit(place, value))?;
            self.open(node, value, &mut open);
        }
        Ok(())
    }

    /// Adds the places below `node` that `value` has.
    fn open<'s, 'v>(&'s self, node: &'s Node, value: &'v Value, open: &mut Vec<(&'s Node, &'v Value)>) {
        let children = &node.children;
        match value {
            Value::Object(fields) if fields.len() < children.len() => {
                let known = fields.iter().filter_map(|(name, value)| Some((children.get(name.as_str())?, value)));
                open.extend(known.map(|(child, value)| (&self.nodes[*child], value)));
            }
            Value::Object(fields) => {
                let known = children.iter().filter_map(|(name, child)| Some((child, fields.get(&**name)?)));
                open.extend(known.map(|(child, value)| (&self.nodes[*child], value)));
            }
            Value::Array(items) => {
                let known = children.iter().filter_map(|(name, child)| Some((child, items.get(index(name)?)?)));
                open.extend(known.map(|(child, value)| (&self.nodes[*child], value)));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
