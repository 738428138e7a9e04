//! The arrows between crates, and what each crate must not bring along.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which crates of this workspace each one may use.
fn arrows() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let middle = ["orch-core"];
    BTreeMap::from([
        ("orch-core", BTreeSet::new()),
        ("orch-planning", middle.into()),
        ("orch-reliability", middle.into()),
        ("orch-derive", BTreeSet::new()),
        ("orch-evidence", ["orch-core", "orch-derive"].into()),
        ("orch-providers", middle.into()),
        ("orch-testkit", middle.into()),
        (
            "orch-facade",
            ["orch-core", "orch-derive", "orch-planning", "orch-reliability", "orch-evidence", "orch-providers"].into(),
        ),
    ])
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace")
}

#[test]
fn every_arrow_between_crates_is_one_of_the_drawn_ones() {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let drawn = arrows();
    let mut seen = BTreeSet::new();
    for package in metadata.workspace_packages() {
        let Some(allowed) = drawn.get(package.name.as_str()) else {
            assert!(["orch-examples", "orch-tests"].contains(&package.name.as_str()), "undrawn crate {}", package.name);
            continue;
        };
        seen.insert(package.name.to_string());
        for dependency in package.dependencies.iter().filter(|d| d.name.starts_with("orch-")) {
            let name = dependency.name.as_str();
            let for_tests = dependency.kind == DependencyKind::Development && name == "orch-testkit";
            assert!(for_tests || allowed.contains(name), "{} must not depend on {name}", package.name);
        }
    }
    assert_eq!(seen.len(), drawn.len(), "a drawn crate is missing: {seen:?}");
}

/// The names of the crates in the normal dependency tree on `x86_64` Linux, the crate itself and ours included.
fn normal_tree(package: &str, extra: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .args(extra)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // Name and version, so that two versions of one crate count twice.
    text.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).filter(|l| !l.is_empty()).collect()
}

fn foreign(tree: &BTreeSet<String>) -> usize {
    tree.iter().filter(|line| !line.starts_with("orch-")).count()
}

#[test]
fn no_crate_brings_what_belongs_to_another() {
    // The only homes of each, the facade aside; `tokio` features and the like are the business of deny.toml.
    let homes: [(&str, &[&str]); 9] = [
        ("reqwest", &["orch-providers"]),
        ("hyper", &["orch-providers"]),
        ("rustls", &["orch-providers"]),
        ("tower-http", &["orch-providers"]),
        ("minijinja", &["orch-providers"]),
        ("moka", &["orch-reliability"]),
        ("rapidfuzz", &["orch-evidence"]),
        ("unicode-segmentation", &["orch-evidence", "orch-providers"]),
        ("unicode-normalization", &["orch-evidence"]),
    ];
    for package in arrows().keys().filter(|name| **name != "orch-facade") {
        let tree = normal_tree(package, &[]);
        for (name, homes) in homes {
            let brings = tree.iter().any(|line| line.split(' ').next() == Some(name));
            assert!(!brings || homes.contains(package), "{package} brings {name}");
        }
    }
}

#[test]
fn strsim_is_used_directly_only_where_words_are_compared() {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    for package in metadata.workspace_packages() {
        let uses = package.dependencies.iter().any(|dependency| dependency.name == "strsim");
        let may = ["orch-core", "orch-planning", "orch-evidence"].contains(&package.name.as_str());
        assert!(!uses || may, "{} uses strsim", package.name);
    }
}

#[test]
fn the_derive_is_a_feature_and_brings_nothing_that_serde_does_not() {
    let plain = normal_tree("orch-evidence", &[]);
    let derive = normal_tree("orch-evidence", &["--features", "derive"]);
    let brought: Vec<&String> = derive.difference(&plain).collect();
    assert!(brought.len() == 1 && brought[0].starts_with("orch-derive "), "{brought:?}");
    assert!(!normal_tree("orch-facade", &[]).iter().any(|line| line.starts_with("orch-derive ")));
}

#[test]
fn the_trees_stay_as_small_as_promised() {
    let core = normal_tree("orch-core", &[]);
    let reliability = normal_tree("orch-reliability", &[]);
    let facade = normal_tree("orch-facade", &[]);
    let both: BTreeSet<String> = core.union(&reliability).cloned().collect();
    assert!(foreign(&core) <= 50, "orch-core: {} crates", foreign(&core));
    assert!(foreign(&both) <= 75, "orch-core and orch-reliability: {} crates", foreign(&both));
    assert!(foreign(&facade) <= 160, "orch-facade: {} crates", foreign(&facade));
}

#[test]
fn without_tls_no_tls_crate_is_compiled() {
    let tree = normal_tree("orch-providers", &["--no-default-features", "--features", "openai,local"]);
    assert!(!tree.iter().any(|line| line.starts_with("rustls") || line.starts_with("aws-lc")), "{tree:?}");
}
