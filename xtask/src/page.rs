//! The page of `footpath serve` in a real browser: the program serves the films with two models, and what people do on
//! the page is done by playwright (`tests/browser/page.mjs`), which looks for faults with axe.
//!
//! Everything lies in `page` below the target directory, pictures of the page too.

use crate::{call, cargo, target};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What drives the browser and what looks for faults, from the package index of node.
const MODULES: [&str; 2] = ["playwright-core@1.65.1", "axe-core@4.14.1"];
/// Names of the browser; `CHROMIUM` names another.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// A label that is markup, in place of a film's title.
const MARKUP: [&str; 2] = ["Heat (1995)", "<img src=x onerror=alert(1)> markup"];
/// What the server is told beside its models.
const CONFIG: &str = "[rule_sets]\nrecent = \"released_in:2000s\"\n";

/// Tries the page, where there is a browser and the network.
///
/// # Errors
/// The step that failed. What cannot be had here is no failure, and is told.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    println!("\n== page: the served page in a browser");
    let Some(browser) = browser() else {
        println!("no browser is installed, and the page is left out: apt-get install chromium, or set CHROMIUM");
        return Ok(());
    };
    let place = target(root).join("page");
    if let Err(reason) = modules(&place) {
        println!("the modules of node could not be fetched, and the page is left out: {reason}");
        return Ok(());
    }
    // The same selection of packages as the tests, so that nothing is built twice.
    let build = "build --quiet --locked --workspace --bin footpath";
    call(cargo(build.split(' ').map(str::to_owned)).current_dir(root), "cargo build")?;
    let program = target(root).join("debug/footpath");
    let served = artefacts(root, &program, &place.join("work"))?;
    let mut node = Command::new("node");
    node.arg(root.join("tests/browser/page.mjs")).arg(&program).args(served).current_dir(&place);
    node.env("CHROMIUM", browser).env("PICTURES", place.join("pictures"));
    call(&mut node, "tests/browser/page.mjs")?;
    println!("== page passed; pictures are in {}", place.join("pictures").display());
    Ok(())
}

/// The browser, if there is one.
fn browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(PathBuf::from(named));
    }
    let folders = std::env::var_os("PATH")?;
    let paths = std::env::split_paths(&folders).flat_map(|folder| BROWSERS.map(|name| folder.join(name)));
    paths.into_iter().find(|path| path.is_file())
}

/// Fetches what the script needs.
fn modules(place: &Path) -> Result<(), String> {
    make(place)?;
    make(&place.join("pictures"))?;
    let mut npm = Command::new("npm");
    npm.args("install --no-save --no-package-lock --no-audit --no-fund --prefer-offline --prefix".split(' '));
    call(npm.arg(place).args(MODULES).current_dir(place), "npm install")
}

/// The films with a label that is markup, two models of them, and a rule set: the arguments of a server of them.
fn artefacts(root: &Path, program: &Path, work: &Path) -> Result<Vec<String>, String> {
    let _ = fs::remove_dir_all(work);
    let [data, kg, model, beside, config] =
        ["data", "kg", "model", "beside", "serve.toml"].map(|name| work.join(name).display().to_string());
    make(Path::new(&data))?;
    for entry in fs::read_dir(root.join("data/films")).map_err(|e| e.to_string())?.flatten() {
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        write(&Path::new(&data).join(entry.file_name()), &text.replace(MARKUP[0], MARKUP[1]))?;
    }
    write(Path::new(&config), CONFIG)?;
    let footpath = |arguments: &str, paths: &[&str]| {
        let ran = Command::new(program).args(arguments.split(' ')).args(paths).output();
        let ran = ran.map_err(|e| format!("{}: {e}", program.display()))?;
        let said = String::from_utf8_lossy(&ran.stderr);
        if ran.status.success() { Ok(()) } else { Err(format!("footpath {arguments} failed: {said}")) }
    };
    footpath("import --out", &[&kg, &data])?;
    let train = "train --preset tiny --epochs 1 --paths-per-user 20 --out";
    footpath(train, &[&model, &kg])?;
    footpath(train, &[&beside, &kg, "--seed", "2"])?;
    let serve = ["serve", "--listen", "127.0.0.1:0", "--kg", &kg, "--model", &model, "--beside", &beside];
    Ok(serve.into_iter().chain(["--config", &config]).map(str::to_owned).collect())
}

fn make(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}
