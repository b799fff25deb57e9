//! The page in a browser, where there is one.

use crate::support::films::folder;
use crate::support::server::Server;
use crate::support::{args, copy, succeed};
use std::fs;
use std::path::Path;
use std::process::Command;

/// `FOOTPATH_BROWSER` names a folder in which `npm i playwright-core axe-core` was run, on a machine that has chromium.
#[test]
#[ignore = "needs chromium and FOOTPATH_BROWSER"]
fn the_page_does_what_it_says_in_a_browser() {
    let modules = std::env::var_os("FOOTPATH_BROWSER").expect("FOOTPATH_BROWSER names the folder of modules");
    let root = tempfile::tempdir().expect("a folder");
    let [data, kg, model] = ["data", "kg", "model"].map(|name| root.path().join(name));
    copy(&folder(), &data);
    for name in ["items.tsv", "entities.tsv"] {
        let text = fs::read_to_string(data.join(name)).expect("a table");
        fs::write(data.join(name), text.replace("Heat (1995)", "<img src=x onerror=alert(1)> markup"))
            .expect("written");
    }
    succeed(&args!["import", &data, "--out", &kg]);
    let size = ["--preset", "tiny", "--epochs", "1", "--paths-per-user", "20"].map(Into::into);
    succeed(&[args!["train", &kg, "--out", &model].as_slice(), &size].concat());
    let server = Server::start(&args!["--kg", &kg, "--model", &model]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser/page.mjs");
    let script = script.canonicalize().expect("the script");
    let url = format!("http://{}/", server.address);
    let mut node = Command::new("node");
    let ran = node.arg(script).args([&url, "user-001", "alien-1979"]).current_dir(modules).output().expect("node runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}
