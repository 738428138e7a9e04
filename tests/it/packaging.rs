//! What each published crate brings along: its texts, its licences, and what a registry asks for.

use std::fs;
use std::process::Command;

use cargo_metadata::{MetadataCommand, Package};

use crate::support::root;

fn packages() -> Vec<Package> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    metadata.workspace_packages().into_iter().cloned().collect()
}

fn is_published(package: &Package) -> bool {
    package.publish.is_none()
}

#[test]
fn only_the_crates_are_published() {
    for package in packages() {
        let is_crate = package.manifest_path.parent().unwrap().parent().unwrap().ends_with("crates");
        assert_eq!(is_published(&package), is_crate, "{}", package.name);
    }
}

#[test]
fn every_published_crate_says_what_it_is_and_what_it_needs() {
    for package in packages().iter().filter(|package| is_published(package)) {
        let name = &package.name;
        let description = package.description.as_deref().unwrap_or_default();
        assert!(description.len() > 20 && description.ends_with('.'), "{name}: {description:?}");
        assert_eq!(package.license.as_deref(), Some("MIT OR Apache-2.0"), "{name}");
        assert_eq!(
            package.readme.as_deref().map(cargo_metadata::camino::Utf8Path::as_str),
            Some("README.md"),
            "{name}"
        );
        assert!(package.rust_version.is_some(), "{name} names no oldest Rust");
        assert!((1..=5).contains(&package.keywords.len()) && !package.categories.is_empty(), "{name}");
        assert_eq!(package.metadata["docs"]["rs"]["all-features"], true, "{name}");
    }
}

#[test]
fn the_licences_are_those_of_the_workspace() {
    for package in packages().iter().filter(|package| is_published(package)) {
        for file in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let own = fs::read(package.manifest_path.parent().unwrap().join(file)).unwrap();
            assert!(own == fs::read(root().join(file)).unwrap(), "{}: {file} differs", package.name);
        }
    }
}

#[test]
fn a_package_has_its_texts_and_no_keys_or_tests() {
    for package in packages().iter().filter(|package| is_published(package)) {
        let output = Command::new(env!("CARGO"))
            .current_dir(root())
            .args(["package", "--list", "--allow-dirty", "--offline", "--package", package.name.as_str()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let list = String::from_utf8(output.stdout).unwrap();
        let files: Vec<&str> = list.lines().collect();
        for needed in ["Cargo.toml", "README.md", "LICENSE-APACHE", "LICENSE-MIT", "src/lib.rs"] {
            assert!(files.contains(&needed), "{} has no {needed}", package.name);
        }
        let odd = files.iter().find(|file| {
            let apart = ["tests/", "proptest-regressions/", "target/"].iter().any(|folder| file.starts_with(folder));
            apart || file.ends_with(".key") || file.ends_with(".pem")
        });
        assert_eq!(odd, None, "in the package of {}", package.name);
    }
}
