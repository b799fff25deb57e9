//! Models of Hugging Face, with logits that their code computed (tests/hugging_face/compare.py writes both), and the
//! verbs about models.

use crate::support::small::{NUM_USERS, small};
use crate::support::{args, fail, files, object, objects, succeed};
use footpath_core::ArrayFile;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Two with one word for each user, and two with another at the beginning of a path. All but `llama` have one table for
/// input and output.
const MODELS: [&str; 4] = ["gpt2", "llama", "gpt2-starts", "llama-starts"];

/// A model made by their code.
fn theirs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/hugging_face").join(name)
}

/// The graph whose names are the words of these models; one of them has a blank.
fn graph(directory: &Path) -> PathBuf {
    let folder = directory.join("folder");
    fs::create_dir_all(&folder).expect("a directory");
    let log = "user_id\titem_id\tsplit\nu1\ti1\ttrain\nu1\ti2\ttrain\nu 2\ti4\ttrain\nu 2\ti2\ttrain\n";
    let items = "item_id\tentity_id\ni1\tf1\ni2\tf2\ni3\tf3\ni4\tf4\n";
    let triples = "head\trelation\ttail\nf1\tby\te1\nf2\tby\te2\nf3\tby\te1\nf4\tby\te2\n";
    for (name, text) in [("interactions.tsv", log), ("items.tsv", items), ("triples.tsv", triples)] {
        fs::write(folder.join(name), text).expect("written");
    }
    let kg = directory.join("kg");
    succeed(&args!["import", &folder, "--out", &kg]);
    kg
}

/// Paths and the logits along them, as their code computed them.
fn golden(name: &str) -> (String, Vec<f64>) {
    let text = fs::read_to_string(theirs(name).join("logits.json")).expect("logits");
    let golden: Value = serde_json::from_str(&text).expect("JSON");
    let lines = golden["paths"].as_array().expect("paths").iter().map(|p| format!("{}\n", p.as_str().expect("a path")));
    (lines.collect(), numbers(&golden["logits"]))
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().expect("a number")],
    }
}

#[test]
fn logits_are_those_of_transformers() {
    let root = tempfile::tempdir().expect("temporary directory");
    let kg = graph(root.path());
    for name in MODELS {
        let [model, paths] = ["model", "paths"].map(|part| root.path().join(format!("{name}-{part}")));
        let said = succeed(&args!["model", "import", theirs(name), "--kg", &kg, "--out", &model]);
        assert!(said.contains(name.split('-').next().expect("an architecture")), "{said}");
        let (lines, expected) = golden(name);
        fs::write(&paths, lines).expect("written");
        let printed = succeed(&args!["model", "logits", &model, "--kg", &kg, "--paths", &paths, "--json"]);
        let logits: Vec<f64> = objects(&printed).iter().flat_map(|path| numbers(&path["logits"])).collect();
        assert_eq!(logits.len(), expected.len());
        let worst = logits.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-4, "{name}: {worst}");
        // It serves as any other model does.
        let lists = succeed(&args!["recommend", &model, "--kg", &kg, "--all", "--json"]);
        assert_eq!(objects(&lists).len(), 2);
    }
}

#[test]
fn an_imported_model_is_exported_as_it_was() {
    let root = tempfile::tempdir().expect("temporary directory");
    let kg = graph(root.path());
    for model_of_theirs in MODELS {
        let theirs = theirs(model_of_theirs);
        let [model, again] = ["model", "again"].map(|part| root.path().join(format!("{model_of_theirs}-{part}")));
        succeed(&args!["model", "import", &theirs, "--kg", &kg, "--out", &model]);
        succeed(&args!["model", "export", &model, "--kg", &kg, "--out", &again]);
        let open = |directory: &Path| ArrayFile::open(&directory.join("model.safetensors")).expect("arrays");
        let (before, after) = (open(&theirs), open(&again));
        let names = |file: &ArrayFile| file.shapes().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(names(&after), names(&before));
        for name in names(&before) {
            let values = |file: &ArrayFile| file.array::<f32>(&name).expect("an array").to_vec();
            let (before, after) = (values(&before), values(&after));
            // Of the positions, those that a path of the pattern has.
            let same = if name.ends_with("wpe.weight") { before.starts_with(&after) } else { before == after };
            assert!(same && !after.is_empty(), "{model_of_theirs}: {name}");
        }
        let json = |directory: &Path, name: &str| -> Value {
            serde_json::from_slice(&fs::read(directory.join(name)).expect("a file")).expect("JSON")
        };
        let vocabulary = |directory: &Path| json(directory, "tokenizer.json")["model"]["vocab"].clone();
        assert_eq!(vocabulary(&again), vocabulary(&theirs));
        let normalizer = |directory: &Path| json(directory, "tokenizer.json")["normalizer"].clone();
        assert_eq!(normalizer(&again), normalizer(&theirs));
        for field in
            ["model_type", "architectures", "vocab_size", "tie_word_embeddings", "pad_token_id", "eos_token_id"]
        {
            let [before, after] = [&theirs, &again].map(|at| json(at, "config.json")[field].clone());
            assert_eq!(before, after, "{field}");
        }
        succeed(&args!["check", &again]);
    }
}

#[test]
fn models_of_other_kinds_are_refused() {
    let root = tempfile::tempdir().expect("temporary directory");
    let (kg, other) = (graph(root.path()), small().kg);
    let from = root.path().join("from");
    let out = root.path().join("out");
    let copy = || {
        let _ = fs::remove_dir_all(&from);
        fs::create_dir(&from).expect("a directory");
        for (name, content) in files(&theirs("gpt2")) {
            fs::write(from.join(name), content).expect("written");
        }
    };
    let refused = |code: i32, kg: &Path, words: &str| {
        let message = fail(code, &args!["model", "import", &from, "--kg", kg, "--out", &out]);
        assert!(message.contains(words), "{words} is not in {message}");
        assert!(!out.exists());
    };
    let edit = |name: &str, old: &str, new: &str| {
        copy();
        let text = fs::read_to_string(from.join(name)).expect("text");
        assert!(text.contains(old), "{name} has no {old}");
        fs::write(from.join(name), text.replace(old, new)).expect("written");
    };
    copy();
    refused(3, &other, "of the graph is not among its words");
    fs::remove_file(from.join("model.safetensors")).expect("removed");
    refused(3, &kg, "there is no model.safetensors");
    fs::write(from.join("pytorch_model.bin"), b"\x80\x02").expect("written");
    refused(3, &kg, "pickled weights may execute code");
    edit("config.json", "\"n_layer\": 2", "\"n_layer\": 3");
    refused(3, &kg, "there is no array `transformer.h.2.");
    edit("config.json", "\"n_embd\": 8", "\"n_embd\": 16");
    refused(3, &kg, "config.json says");
    edit("config.json", "\"gpt2\"", "\"bert\"");
    refused(3, &kg, "model_type is `bert`");
    edit("config.json", "\"n_positions\": 9", "\"n_positions\": 6");
    refused(3, &kg, "6 positions, paths of this pattern have 7 tokens");
    edit("tokenizer.json", "WordLevel", "BPE");
    refused(3, &kg, "not WordLevel");
    edit("tokenizer.json", "\"item:i3\"", "\"item:i9\"");
    refused(3, &kg, "`item:i3` of the graph is not among its words");
    copy();
    let weights = fs::read(from.join("model.safetensors")).expect("weights");
    fs::write(from.join("model.safetensors"), &weights[..weights.len() - 4]).expect("written");
    refused(4, &kg, "the file is damaged");
}

#[test]
fn an_export_exists_whole_or_not_at_all() {
    let root = tempfile::tempdir().expect("temporary directory");
    let (small, out) = (small(), root.path().join("out"));
    succeed(&args!["model", "export", &small.model, "--kg", &small.kg, "--out", &out]);
    let first = files(&out);
    let expected = [
        "config.json",
        "generation_config.json",
        "manifest.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    assert_eq!(first.keys().collect::<Vec<_>>(), expected);
    let message = fail(2, &args!["model", "export", &small.model, "--kg", &small.kg, "--out", &out]);
    assert!(message.contains("already exists"), "{message}");
    succeed(&args!["model", "export", &small.model, "--kg", &small.kg, "--out", &out, "--force"]);
    assert!(files(&out) == first, "the same model gives the same bytes");
    let foreign = root.path().join("foreign");
    let kg = graph(root.path());
    fail(4, &args!["model", "export", &small.model, "--kg", &kg, "--out", &foreign]);
    assert!(!foreign.exists());
}

#[test]
fn models_are_described() {
    let small = small();
    let card = object(&succeed(&args!["model", "info", &small.model, "--json"]));
    let said = succeed(&args!["model", "info", &small.model]);
    assert!(card["num_parameters"].as_u64().is_some_and(|n| n > 1_000));
    assert_eq!(card["card"]["model"]["tables"], "apart");
    for words in ["gpt2, 1 layers of width 48, 2 heads", "input and output apart, width 48", "steps"] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
    fail(4, &args!["model", "info", &small.kg]);
    let root = tempfile::tempdir().expect("temporary directory");
    let paths = root.path().join("paths");
    fs::write(&paths, "user:u0 interacted item:nowhere\n").expect("written");
    let message = fail(3, &args!["model", "logits", &small.model, "--kg", &small.kg, "--paths", &paths, "--json"]);
    assert!(message.contains("line 1: `item:nowhere` is no word of this graph"), "{message}");
}

#[test]
fn designs_are_trained_and_exported() {
    let root = tempfile::tempdir().expect("temporary directory");
    let small = small();
    let vectors = root.path().join("vectors");
    let row = vec!["0.25"; 24].join(" ");
    fs::write(&vectors, format!("2 24\nuser:u0 {row}\nitem:bestseller {row}\n")).expect("written");
    let paths = root.path().join("paths");
    let met = "user:u0 interacted item:bestseller ~interacted user:u1 interacted item:book-1-1-1";
    fs::write(
        &paths,
        format!("{met}\nuser:u1 interacted item:bestseller ~interacted user:u1\n<any-user> interacted\n"),
    )
    .expect("written");
    let designs: [&[&str]; 4] = [
        &[],
        &["--architecture", "llama", "--tied"],
        &["--token-kinds", "--tied", "--factorised", "24"],
        &["--architecture", "llama", "--token-kinds", "--factorised", "24"],
    ];
    for (number, design) in designs.iter().enumerate() {
        let [model, exported, again] =
            ["model", "exported", "again"].map(|name| root.path().join(format!("{name}-{number}")));
        let mut train = args!["train", &small.kg, "--out", &model, "--preset", "tiny", "--paths-per-user", "5"];
        train.extend(design.iter().map(Into::into));
        if design.contains(&"--factorised") {
            train.extend(args!["--vectors", &vectors]);
        }
        succeed(&train);
        succeed(&args!["model", "export", &model, "--kg", &small.kg, "--out", &exported]);
        succeed(&args!["model", "import", &exported, "--kg", &small.kg, "--out", &again]);
        let best = |model: &Path| {
            // Weights say nothing of what was learned; so paths alone are compared.
            let lists = succeed(&args!["recommend", model, "--kg", &small.kg, "--all", "--direct", "0", "--json"]);
            let best = |list: &Value| list["items"][0]["item"].as_str().map(str::to_owned);
            objects(&lists).iter().map(best).collect::<Vec<_>>()
        };
        assert_eq!(best(&model), best(&again), "{design:?}");
        let logits = |model: &Path| -> Vec<f64> {
            let printed = succeed(&args!["model", "logits", model, "--kg", &small.kg, "--paths", &paths, "--json"]);
            objects(&printed).iter().flat_map(|path| numbers(&path["logits"])).collect()
        };
        // A user on the way is another than at the beginning of a path; both come back.
        let (expected, found) = (logits(&model), logits(&again));
        let worst = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(expected.len() == found.len() && worst < 1e-5, "{design:?}: {worst}");
        // Users at the beginning come after all others, are never generated, and go on learning.
        let generation = fs::read_to_string(exported.join("generation_config.json")).expect("a file");
        let generation: Value = serde_json::from_str(&generation).expect("JSON");
        let num_places = 7 + 5 + 2;
        let num_words = expected.len() / num_places;
        let starts: Vec<usize> = (num_words..num_words + NUM_USERS).collect();
        assert_eq!(generation["suppress_tokens"], Value::from(starts));
        let (taught, card) =
            (root.path().join("taught"), |at: &Path| object(&succeed(&args!["model", "info", at, "--json"])));
        let few = ["--paths-per-user", "2", "--no-linear", "--force"].map(Into::into);
        succeed(&[args!["train", &small.kg, "--init", &again, "--out", &taught].as_slice(), &few].concat());
        assert_eq!(card(&taught)["card"]["model"]["starts"], card(&again)["card"]["model"]["starts"]);
        for from in [&model, &again] {
            let adapted = root.path().join("adapted");
            succeed(&args!["adapt", from, "--from", &small.kg, "--kg", &small.kg, "--out", &adapted, "--force"]);
            assert_eq!(best(&model), best(&adapted), "{design:?}");
        }
    }
    let other = root.path().join("other");
    let message = fail(3, &args!["train", &small.kg, "--out", &other, "--vectors", &vectors]);
    assert!(message.contains("line 1: vectors of 24 numbers, the model has 64"), "{message}");
}
