//! Every link of every document leads somewhere, and the book has every page.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::support::{documents, outside_code, root};

/// The name by which a heading is linked to, as code hosts and mdBook make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// The anchors of a document; a heading that comes again has its number behind it.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let named = headings.map(|line| {
        let name = anchor(line.trim_start_matches('#'));
        let times = seen.entry(name.clone()).or_default();
        *times += 1;
        if *times == 1 { name } else { format!("{name}-{}", *times - 1) }
    });
    named.collect()
}

/// What a document links to, but for other hosts.
fn links(text: &str) -> Vec<String> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let at_the_end = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ").map(|(_, to)| to));
    inline.chain(at_the_end).filter(|link| !link.contains("://")).map(str::to_owned).collect()
}

/// A path without `..`, wherever it leads.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
        plain
    })
}

/// What is wrong with one link.
fn dead(document: &Path, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    // `../issues` and the like would lead out of the repository, where there is nothing.
    let target = if path.is_empty() { document.to_owned() } else { plain(&document.parent()?.join(path)) };
    if !target.starts_with(root()) || !target.exists() {
        return Some("does not exist".to_owned());
    }
    let anchor = anchor.filter(|_| target.extension().is_some_and(|ending| ending == "md"))?;
    let known = anchors(&outside_code(&fs::read_to_string(&target).unwrap()));
    (!known.contains(anchor)).then(|| format!("has no heading `{anchor}`, but {known:?}"))
}

#[test]
fn every_local_link_of_every_document_leads_somewhere() {
    let (mut checked, mut wrong) = (0, Vec::new());
    for document in documents() {
        let text = outside_code(&fs::read_to_string(&document).unwrap());
        for link in links(&text) {
            checked += 1;
            wrong.extend(dead(&document, &link).map(|why| format!("{}: {link} {why}", document.display())));
        }
    }
    assert!(checked >= 80, "{checked} links");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_link_to_nowhere_is_found() {
    let document = root().join("docs/architecture.md");
    for (link, fine) in [
        ("layer-order.md", true),
        ("../README.md#ten-lines", true),
        ("#two-stacks", true),
        ("layer-odour.md", false),
        ("../README.md#eleven-lines", false),
        ("#three-stacks", false),
        ("../../elsewhere.md", false),
    ] {
        assert_eq!(dead(&document, link).is_none(), fine, "{link}");
    }
    assert_eq!(links("see [this](a.md#b) and [that][1]\n\n[1]: c.md\n"), ["a.md#b", "c.md"]);
    assert_eq!(outside_code("a `[b](c)` d\n```text\n[e](f)\n```\ng\n"), "a  d\ng\n");
}

#[test]
fn the_book_has_every_page() {
    let docs = root().join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let named: BTreeSet<PathBuf> = links(&summary).iter().map(|link| plain(&docs.join(link))).collect();
    let pages = documents().into_iter().filter(|path| path.starts_with(&docs) && !path.ends_with("SUMMARY.md"));
    let missing: Vec<PathBuf> = pages.filter(|page| !named.contains(page)).collect();
    assert!(missing.is_empty(), "docs/SUMMARY.md does not name {missing:?}");
    assert_eq!(links(&summary).len(), named.len(), "a page is named twice");
}
