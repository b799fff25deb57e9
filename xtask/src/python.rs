//! The Python package: its wheel is built, installed in an environment of its own, and tested or measured there.
//!
//! Everything lies in `python` below the target directory: the wheel is built in a target directory of its own, since
//! an extension module asks for other features of crates that the program has too, and two builds in one directory
//! would make them anew in turns.

use crate::call;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What the tests need, from the package index. The last are an object store that runs here, and what reads it.
const NEEDED: &str = "maturin>=1.10,<2 pandas polars pyarrow numpy networkx rustworkx duckdb scikit-learn pytest \
    hypothesis mypy pyright[nodejs] nbclient ipykernel dask[distributed]>=2026.8 schemathesis>=4.30,<5 \
    moto[s3]>=5.2,<6 flask flask-cors s3fs";

/// What tests of training with other libraries need besides. It is gigabytes, so it is asked for, and where it cannot
/// be had they skip.
const TORCH: &str = "torch>=2.8,<3 transformers>=5,<6 torch-geometric>=2.8,<3 pykeen>=1.11,<2 lenskit>=2025.8,<2027";

/// What the tests of an engine need, from the package index, and where they are. Those of Dask are among the others;
/// Spark and Ray are hundreds of megabytes. Spark needs Java 17 or later besides.
const ENGINES: [(&str, &str, &str); 2] = [
    (
        "spark",
        "maturin>=1.10,<2 pyspark>=4.1,<5 pyarrow numpy pandas pytest",
        "python/tests/test_cluster_spark.py python/tests/test_spark_tables.py",
    ),
    ("ray", "maturin>=1.10,<2 ray[data]>=2.50,<3 pyarrow numpy pytest", "python/tests/test_cluster_ray.py"),
];

/// Builds, installs and tests; with torch, if that is asked for.
///
/// # Errors
/// The step that failed.
pub(crate) fn run(root: &Path, with_torch: bool) -> Result<(), String> {
    let work = Work::new(root, if with_torch { "venv-torch" } else { "venv" }, "wheels", NEEDED);
    let mut steps: Vec<(&str, Step)> = vec![("environment", environment)];
    if with_torch {
        steps.push(("torch", torch));
    }
    let rest: [(&str, Step); 3] = [("wheel", wheel), ("types", types), ("tests", tests)];
    steps.extend(rest);
    in_steps(&work, &steps)
}

/// Builds, installs beside an engine, and runs the tests of that engine.
///
/// # Errors
/// The step that failed; an engine that there is no test of.
pub(crate) fn cluster(root: &Path, engine: &str) -> Result<(), String> {
    let found = ENGINES.iter().find(|(name, ..)| *name == engine);
    let Some((_, needed, tests)) = found else {
        return Err(format!("cluster: no {engine}; there are {}", ENGINES.map(|(name, ..)| name).join(", ")));
    };
    let work = Work::new(root, &format!("venv-{engine}"), "wheels", needed);
    let of_engine = format!("-m pytest -q --durations=5 -p no:cacheprovider {tests}");
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

/// Builds with optimisation, and measures: `benches/python`. The environment stays, since torch is gigabytes.
///
/// # Errors
/// The step that failed.
pub(crate) fn bench(root: &Path, arguments: &[String]) -> Result<(), String> {
    let (torch, rest): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| *argument == "--no-torch");
    let name = if torch.is_empty() { "venv-bench-torch" } else { "venv-bench" };
    let work = Work::new(root, name, "wheels-release", "");
    let requirements = |file: &str| format!("-m pip install --quiet -r benches/python/{file}");
    let complete = work.venv.join("complete");
    if !complete.exists() {
        work.make_venv()?;
        work.python("-m pip install --quiet maturin>=1.10,<2")?;
        work.python(&requirements("requirements.txt"))?;
        if torch.is_empty() {
            work.python(&requirements("requirements-torch.txt"))?;
        }
        std::fs::write(&complete, "").map_err(|e| format!("{}: {e}", complete.display()))?;
    }
    let wheel = work.install("release")?;
    let programs = "build --quiet --locked --release --package footpath-cli --package footpath-bench";
    call(crate::cargo(programs.split(' ').map(str::to_owned)).current_dir(root), "cargo build")?;
    let mut command = Command::new(&work.python);
    command.arg("benches/python/bench.py").arg("--wheel").arg(wheel).args(rest).current_dir(root);
    for (name, program) in [("FOOTPATH", "footpath"), ("FOOTPATH_BENCH", "footpath-bench")] {
        command.env(name, work.target.join("release").join(program));
    }
    call(&mut command, "benches/python/bench.py")
}

/// A part of the work.
type Step = fn(&Work<'_>) -> Result<(), String>;

/// Where the work is done.
struct Work<'a> {
    root: &'a Path,
    /// Where programs are built.
    target: PathBuf,
    /// Everything that is made.
    place: PathBuf,
    /// The environment.
    venv: PathBuf,
    /// Where the wheel comes.
    wheels: PathBuf,
    /// The interpreter of the environment.
    python: PathBuf,
    /// What is installed there.
    needed: &'a str,
}

impl<'a> Work<'a> {
    /// Work in an environment and with wheels of these names, for which this is installed.
    fn new(root: &'a Path, venv: &str, wheels: &str, needed: &'a str) -> Self {
        let target = crate::target(root);
        let place = target.join("python");
        let (venv, wheels) = (place.join(venv), place.join(wheels));
        Self { root, target, python: venv.join("bin/python"), place, venv, wheels, needed }
    }

    /// Makes the environment, empty.
    fn make_venv(&self) -> Result<(), String> {
        call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&self.venv), "python3 -m venv")
    }

    /// Builds the wheel by a profile of cargo, and installs it. Gives the wheel.
    fn install(&self, profile: &str) -> Result<PathBuf, String> {
        let (wheels, target) = (&self.wheels, self.place.join("target"));
        let _ = std::fs::remove_dir_all(wheels);
        let build = format!("-m maturin build --locked --manifest-path python/Cargo.toml --profile {profile} --out");
        self.python_with(&build, &[wheels, Path::new("--target-dir"), &target])?;
        let wheel = std::fs::read_dir(wheels).map_err(|e| format!("{}: {e}", wheels.display()))?.flatten().next();
        let wheel = wheel.ok_or("maturin made no wheel")?.path();
        self.python_with("-m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall", &[&wheel])?;
        Ok(wheel)
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

/// An environment with what the tests need.
fn environment(work: &Work<'_>) -> Result<(), String> {
    work.make_venv()?;
    work.python(&format!("-m pip install --quiet --disable-pip-version-check {}", work.needed))
}

/// Torch and what goes with it, if the package index has it for this machine.
fn torch(work: &Work<'_>) -> Result<(), String> {
    let install = format!("-m pip install --quiet --disable-pip-version-check --no-cache-dir {TORCH}");
    if let Err(reason) = work.python(&install) {
        println!("torch could not be fetched and is left out: {reason}");
    }
    Ok(())
}

/// The wheel, built as the tests of the workspace are, and installed.
fn wheel(work: &Work<'_>) -> Result<(), String> {
    let wheel = work.install("dev")?;
    let megabytes = std::fs::metadata(&wheel).map_or(0, |metadata| metadata.len()) / 1_000_000;
    println!("{}: {megabytes} MB", wheel.display());
    Ok(())
}

/// The package is what its types say: by mypy and pyright, and the extension module by comparison with its stub.
fn types(work: &Work<'_>) -> Result<(), String> {
    work.python("-m mypy --config-file python/pyproject.toml -p footpath")?;
    // It fetches itself from the package index of node when it is first called.
    match work.python("-m pyright --version") {
        Ok(()) => work.python_with("-m pyright --project python/pyproject.toml --pythonpath", &[&work.python])?,
        Err(reason) => println!("pyright could not be fetched and is left out: {reason}"),
    }
    work.python("-m mypy.stubtest --concise --mypy-config-file python/pyproject.toml footpath._native")
}

fn tests(work: &Work<'_>) -> Result<(), String> {
    work.python("-m pytest -q --durations=5 -p no:cacheprovider python/tests")
}
