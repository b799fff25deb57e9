//! The Python package: its wheel is built, installed in an environment of its own, and tested there.
//!
//! Everything lies in `python` below the target directory: the wheel is built in a target directory of its own, since
//! an extension module asks for other features of crates that the program has too, and two builds in one directory
//! would make them anew in turns.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What the tests need, from the package index. Torch is left out: it is gigabytes, and its tests skip without it.
const NEEDED: &str = "maturin>=1.10,<2 pandas polars pyarrow numpy networkx duckdb pytest hypothesis mypy nbclient \
    ipykernel dask[distributed]>=2026.8";

/// What the tests of an engine need, from the package index. Those of Dask are among the others; Spark and Ray are
/// hundreds of megabytes. Spark needs Java 17 or later besides.
const ENGINES: [(&str, &str); 2] = [
    ("spark", "maturin>=1.10,<2 pyspark>=4.1,<5 pyarrow numpy pandas pytest"),
    ("ray", "maturin>=1.10,<2 ray[data]>=2.50,<3 pyarrow numpy pytest"),
];

/// Builds, installs and tests.
///
/// # Errors
/// The step that failed.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let work = Work::new(root, "venv", NEEDED);
    in_steps(&work, &[("environment", environment), ("wheel", wheel), ("types", types), ("tests", tests)])
}

/// Builds, installs beside an engine, and runs the tests of that engine.
///
/// # Errors
/// The step that failed; an engine that there is no test of.
pub(crate) fn cluster(root: &Path, engine: &str) -> Result<(), String> {
    let found = ENGINES.iter().find(|(name, _)| *name == engine);
    let Some((_, needed)) = found else {
        return Err(format!("cluster: no {engine}; there are {}", ENGINES.map(|(name, _)| name).join(", ")));
    };
    let work = Work::new(root, &format!("venv-{engine}"), needed);
    let of_engine = format!("-m pytest -q --durations=5 -p no:cacheprovider python/tests/test_cluster_{engine}.py");
    in_steps(&work, &[("environment", environment), ("wheel", wheel)])?;
    work.python(&of_engine)
}

fn in_steps(work: &Work<'_>, steps: &[(&str, Step)]) -> Result<(), String> {
    let mut times = Vec::new();
    for (name, step) in steps {
        println!("\n== python: {name}");
        let begun = Instant::now();
        step(work)?;
        times.push(format!("{name} {:.0} s", begun.elapsed().as_secs_f64()));
    }
    println!("\n== python passed: {}", times.join(", "));
    Ok(())
}

/// A part of the work.
type Step = fn(&Work<'_>) -> Result<(), String>;

/// Where the work is done.
struct Work<'a> {
    root: &'a Path,
    /// Everything that is made.
    place: PathBuf,
    /// The environment, and its interpreter.
    environment: PathBuf,
    python: PathBuf,
    /// What is installed there.
    needed: &'a str,
}

impl<'a> Work<'a> {
    fn new(root: &'a Path, environment: &str, needed: &'a str) -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let place = root.join(target).join("python");
        let environment = place.join(environment);
        Self { root, place, python: environment.join("bin/python"), environment, needed }
    }

    /// Runs the interpreter of the environment in the root of the repository, with arguments parted by blanks.
    fn python(&self, arguments: &str) -> Result<(), String> {
        self.python_with(arguments, &[])
    }

    fn python_with(&self, arguments: &str, more: &[&Path]) -> Result<(), String> {
        let mut command = Command::new(&self.python);
        command.args(arguments.split(' ')).args(more).current_dir(self.root);
        call(&mut command, &format!("python {arguments}"))
    }
}

fn call(command: &mut Command, name: &str) -> Result<(), String> {
    let status = command.status().map_err(|e| format!("{name}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed ({status})")) }
}

/// An environment with what the tests need.
fn environment(work: &Work<'_>) -> Result<(), String> {
    let mut venv = Command::new("python3");
    call(venv.args(["-m", "venv", "--clear"]).arg(&work.environment), "python3 -m venv")?;
    work.python(&format!("-m pip install --quiet --disable-pip-version-check {}", work.needed))
}

/// The wheel, built as the tests of the workspace are, and installed.
fn wheel(work: &Work<'_>) -> Result<(), String> {
    let (wheels, target) = (work.place.join("wheels"), work.place.join("target"));
    let _ = std::fs::remove_dir_all(&wheels);
    let build = "-m maturin build --locked --manifest-path python/Cargo.toml --profile dev --out";
    work.python_with(build, &[&wheels, Path::new("--target-dir"), &target])?;
    let wheel = std::fs::read_dir(&wheels).map_err(|e| format!("{}: {e}", wheels.display()))?.flatten().next();
    let wheel = wheel.ok_or("maturin made no wheel")?.path();
    let megabytes = std::fs::metadata(&wheel).map_or(0, |metadata| metadata.len()) / 1_000_000;
    println!("{}: {megabytes} MB", wheel.display());
    work.python_with("-m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall", &[&wheel])
}

/// The package is what its types say: by mypy, and the extension module by comparison with its stub.
fn types(work: &Work<'_>) -> Result<(), String> {
    work.python("-m mypy --config-file python/pyproject.toml -p footpath")?;
    work.python("-m mypy.stubtest --concise --mypy-config-file python/pyproject.toml footpath._native")
}

fn tests(work: &Work<'_>) -> Result<(), String> {
    work.python("-m pytest -q --durations=5 -p no:cacheprovider python/tests")
}
