//! Damaged, mixed, foreign and forged artefacts: exit status 4, a message, no panic, nothing printed.
//!
//! What is tried on a few cases through the program is tried on thousands through the readers it uses.

use crate::support::artefact::{forge, forge_manifest, manifest, write_manifest};
use crate::support::films::films;
use crate::support::small::{Small, small};
use crate::support::{args, copy, fail, succeed};
use footpath::{Context, Model};
use footpath::{Error, ErrorClass, TrainKg, corpus};
use footpath_core::{Array, ArrayFile, ArrayWriter, Purpose, Stream, Vocabulary};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The artefacts of the small graph, copied so that they can be damaged.
struct Copies {
    _root: TempDir,
    made: Small,
}

impl Copies {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let original = small();
        let [folder, kg, corpus, model] = ["folder", "kg", "corpus", "model"].map(|name| root.path().join(name));
        for (from, to) in [(&original.kg, &kg), (&original.corpus, &corpus), (&original.model, &model)] {
            copy(from, to);
        }
        Self { _root: root, made: Small { folder, kg, corpus, model } }
    }

    /// Each artefact with a verb that reads it.
    fn verbs(&self) -> [(&Path, Vec<std::ffi::OsString>); 3] {
        let Small { kg, corpus, model, .. } = &self.made;
        [
            (kg, args!["info", kg]),
            (corpus, args!["export", corpus, "--kg", kg]),
            (model, args!["recommend", model, "--kg", kg, "--user", "u1"]),
        ]
    }

    /// Opens an artefact as its verbs do.
    fn open(&self, directory: &Path) -> Result<(), Error> {
        let Small { kg, corpus, model, .. } = &self.made;
        if directory == corpus {
            corpus::open(corpus, &TrainKg::open(kg)?).map(drop)
        } else if directory == model {
            Model::open(model, kg, &Context::default()).map(drop)
        } else {
            Ok(TrainKg::open(kg).map(drop)?)
        }
    }

    /// Fails unless an artefact is refused as damaged.
    fn refuses(&self, directory: &Path, what: &str) {
        let error =
            self.open(directory).err().unwrap_or_else(|| panic!("{}: {what} was accepted", directory.display()));
        assert_eq!(error.class(), ErrorClass::Artefact, "{what}: {error}");
    }
}

/// Every file of an artefact with its content.
fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = crate::support::entries(directory).into_iter();
    files.map(|path| (path.clone(), fs::read(&path).expect("a file"))).collect()
}

#[test]
fn the_copies_are_sound() {
    let copies = Copies::new();
    for (directory, verb) in copies.verbs() {
        copies.open(directory).expect("sound");
        succeed(&verb);
        // Forging with nothing changed gives a sound artefact: what fails below fails for its own reason.
        forge_manifest(directory, |_| ());
        succeed(&verb);
    }
}

#[test]
fn a_file_that_is_something_else_is_refused() {
    let copies = Copies::new();
    for (directory, verb) in copies.verbs() {
        for (path, content) in contents(directory) {
            for (what, other) in [("empty", ""), ("text", "Call me Ishmael.\n"), ("JSON", "{}"), ("a number", "1e999")]
            {
                fs::write(&path, other).expect("written");
                copies.refuses(directory, what);
                fail(4, &verb);
            }
            fs::write(&path, content).expect("written");
        }
        copies.open(directory).expect("sound again");
    }
}

#[test]
fn another_format_version_is_named_with_the_tool_that_wrote_it() {
    let copies = Copies::new();
    for (directory, verb) in copies.verbs() {
        let good = manifest(directory);
        for version in [json!(0), json!(1), json!(3), json!(u64::MAX)] {
            forge_manifest(directory, |manifest| {
                manifest["format_version"] = version.clone();
                manifest["tool_version"] = json!("9.8.7");
            });
            let message = fail(4, &verb);
            assert!(message.contains("version") && message.contains("9.8.7"), "{message}");
        }
        for version in [json!("1"), json!(null), json!(-1), json!(1.5)] {
            forge_manifest(directory, |manifest| manifest["format_version"] = version.clone());
            fail(4, &verb);
        }
        write_manifest(directory, good);
    }
}

#[test]
fn every_truncation_and_every_extension_is_refused() {
    let copies = Copies::new();
    let mut stream = Stream::new(81, Purpose::Shuffle, 0, 0);
    for (directory, _) in copies.verbs() {
        for (path, content) in contents(directory) {
            let random = (0..50).map(|_| stream.below(content.len() as u64) as usize);
            let lengths: Vec<usize> =
                (0..content.len().min(4_096)).step_by(37).chain(random).chain([content.len() - 1]).collect();
            for length in lengths {
                fs::write(&path, &content[..length]).expect("written");
                copies.refuses(directory, &format!("{} cut at {length}", path.display()));
            }
            for tail in [&b"\n"[..], b"\0", b"}", b"PK\x03\x04"] {
                fs::write(&path, [&content, tail].concat()).expect("written");
                copies.refuses(directory, &format!("{} and {tail:?}", path.display()));
            }
            fs::write(&path, content).expect("written");
        }
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let copies = Copies::new();
    let mut stream = Stream::new(82, Purpose::Shuffle, 0, 0);
    for (directory, _) in copies.verbs() {
        for (path, content) in contents(directory) {
            let bits = 8 * content.len() as u64;
            let first = (0..bits.min(8 * 4_096)).step_by(61);
            let random: Vec<u64> = (0..150).map(|_| stream.below(bits)).collect();
            for bit in first.chain(random) {
                let mut flipped = content.clone();
                flipped[(bit / 8) as usize] ^= 1 << (bit % 8);
                fs::write(&path, flipped).expect("written");
                copies.refuses(directory, &format!("{} with bit {bit} flipped", path.display()));
            }
            fs::write(&path, content).expect("written");
        }
    }
}

#[test]
fn files_that_are_mixed_missing_or_too_many_are_refused() {
    let (copies, films) = (Copies::new(), films());
    for ((directory, verb), other) in copies.verbs().into_iter().zip([&films.kg, &films.corpus, &films.model]) {
        for (path, content) in contents(directory) {
            let name = path.file_name().expect("a name");
            fs::copy(other.join(name), &path).expect("copied");
            fail(4, &verb);
            fs::remove_file(&path).expect("removed");
            fail(4, &verb);
            fs::create_dir(&path).expect("a directory");
            assert_ne!(crate::support::footpath(&verb).code, Some(0));
            fs::remove_dir(&path).expect("removed");
            fs::write(&path, content).expect("written");
        }
        for surplus in ["notes.txt", ".hidden", "manifest.json~"] {
            fs::write(directory.join(surplus), "").expect("written");
            let message = fail(4, &verb);
            assert!(message.contains(surplus), "{message}");
            fs::remove_file(directory.join(surplus)).expect("removed");
        }
        succeed(&verb);
    }
}

#[test]
fn names_that_lead_out_of_the_directory_are_refused_and_not_opened() {
    let copies = Copies::new();
    for (directory, verb) in copies.verbs() {
        let good = manifest(directory);
        let secret = directory.with_file_name("secret");
        fs::write(&secret, "secret").expect("written");
        let absolute = secret.to_string_lossy().into_owned();
        for name in
            ["../secret", absolute.as_str(), "a/../../secret", "./secret", "", ".", "..", "manifest.json", "a\0b"]
        {
            forge_manifest(directory, |manifest| {
                manifest["files"][name] =
                    json!({ "bytes": 6, "xxh3": format!("{:032x}", xxhash_rust::xxh3::xxh3_128(b"secret")) });
            });
            fail(4, &verb);
        }
        // A link under a name of the manifest is no plain file, even where its content is right.
        write_manifest(directory, good.clone());
        let (name, _) = good["files"].as_object().expect("files").iter().next().expect("a file");
        let moved = directory.with_file_name("moved");
        fs::rename(directory.join(name), &moved).expect("moved");
        std::os::unix::fs::symlink(&moved, directory.join(name)).expect("linked");
        fail(4, &verb);
        fs::remove_file(directory.join(name)).expect("removed");
        fs::rename(&moved, directory.join(name)).expect("moved back");
        succeed(&verb);
    }
}

#[test]
fn manifests_of_any_shape_are_refused() {
    let copies = Copies::new();
    for (directory, verb) in copies.verbs() {
        let good = manifest(directory);
        let changes: [(&str, fn(&mut Value)); 9] = [
            ("no files", |m| m["files"] = json!({})),
            ("files as a list", |m| m["files"] = json!([])),
            ("a size that is negative", |m| m["files"] = json!({ "a": { "bytes": -1, "xxh3": "" } })),
            ("a key nobody knows", |m| m["extra"] = json!(1)),
            ("another kind", |m| m["kind"] = json!("cake")),
            ("a kind that drives a terminal", |m| m["kind"] = json!("\u{1b}[2J\u{1b}[H")),
            ("a checksum that drives a terminal", |m| {
                let files = m["files"].as_object_mut().expect("files");
                files.values_mut().for_each(|file| file["xxh3"] = json!("\u{1b}]0;boo\u{7}"));
            }),
            ("no parents", |m| m["parents"] = json!(null)),
            ("no kind", |m| m["kind"] = json!(null)),
        ];
        for (what, change) in changes {
            forge_manifest(directory, change);
            copies.refuses(directory, what);
            fail(4, &verb);
        }
        write_manifest(directory, good);
        // Numbers beyond all bounds, nesting without end, and a manifest larger than any.
        for text in [format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), " ".repeat(2 << 20), "{".to_owned()] {
            fs::write(directory.join("manifest.json"), text).expect("written");
            fail(4, &verb);
        }
    }
}

/// The arrays of a file, by name: changed as bytes and written anew.
struct Arrays {
    path: PathBuf,
    offsets: Vec<u64>,
    tails: Vec<u32>,
    relations: Vec<u16>,
    /// No array in the small graph, which has no weights.
    weights: Vec<f32>,
    lines: Vec<u32>,
    fact_ranks: Vec<u64>,
    ratings: Vec<f32>,
    times: Vec<i64>,
    name_ends: Vec<u64>,
    name_bytes: Vec<u8>,
    label_ends: Vec<u64>,
    label_bytes: Vec<u8>,
}

impl Arrays {
    fn read(path: &Path) -> Self {
        let file = ArrayFile::open(path).expect("an array file");
        fn all<T: footpath_core::arrays::Element>(array: Result<Array<T>, footpath_core::Error>) -> Vec<T> {
            array.expect("an array").to_vec()
        }
        Self {
            path: path.to_owned(),
            offsets: all(file.array("offsets")),
            tails: all(file.array("tails")),
            relations: all(file.array("relations")),
            weights: Vec::new(),
            lines: all(file.array("lines")),
            fact_ranks: all(file.array("fact_ranks")),
            ratings: all(file.array("ratings")),
            times: all(file.array("times")),
            name_ends: all(file.array("name_ends")),
            name_bytes: all(file.array("name_bytes")),
            label_ends: all(file.array("label_ends")),
            label_bytes: all(file.array("label_bytes")),
        }
    }

    fn forge(&self) {
        let mut bytes = Vec::new();
        let writer = ArrayWriter::default().with("offsets", &self.offsets).with("tails", &self.tails);
        let writer =
            writer.with("relations", &self.relations).with("lines", &self.lines).with("fact_ranks", &self.fact_ranks);
        let writer = if self.weights.is_empty() { writer } else { writer.with("weights", &self.weights) };
        let writer = writer.with("ratings", &self.ratings).with("times", &self.times);
        let writer = writer.with("name_ends", &self.name_ends).with("name_bytes", &self.name_bytes);
        let writer = writer.with("label_ends", &self.label_ends).with("label_bytes", &self.label_bytes);
        writer.write(&mut bytes).expect("written");
        forge(self.path.parent().expect("a directory"), "graph.safetensors", &bytes);
    }
}

#[test]
fn a_graph_that_breaks_a_rule_is_refused_although_its_checksums_are_right() {
    let copies = Copies::new();
    let kg = &copies.made.kg;
    let good = || Arrays::read(&small().kg.join("graph.safetensors"));
    let broken: [(&str, fn(&mut Arrays)); 23] = [
        ("offsets decrease", |a| a.offsets.swap(3, 4)),
        ("offsets begin late", |a| a.offsets[0] = 1),
        ("the last offset is too small", |a| *a.offsets.last_mut().expect("offsets") -= 1),
        ("the last offset is beyond all bounds", |a| *a.offsets.last_mut().expect("offsets") = u64::MAX),
        ("a node too few", |a| a.offsets.truncate(a.offsets.len() - 1)),
        ("no node", |a| a.offsets.clear()),
        ("a tail beyond the nodes", |a| *a.tails.last_mut().expect("tails") = u32::MAX),
        ("tails unsorted", |a| a.tails.swap(0, 1)),
        ("a relation beyond the relations", |a| *a.relations.last_mut().expect("relations") = u16::MAX),
        ("a user with a relation of items", |a| a.relations[0] = 2),
        ("a relation too few", |a| a.relations.truncate(a.relations.len() - 1)),
        ("a line too few", |a| a.lines.truncate(a.lines.len() - 1)),
        ("a rank of facts that is wrong", |a| *a.fact_ranks.last_mut().expect("ranks") += 1),
        ("an inverse that is stated", |a| *a.relations.last_mut().expect("relations") ^= 1),
        ("a weight too few", |a| a.weights = vec![1.0; a.tails.len() - 1]),
        ("a weight of nothing", |a| a.weights = vec![0.0; a.tails.len()]),
        ("a weight that is no number", |a| a.weights = vec![f32::NAN; a.tails.len()]),
        ("a weight beyond all bounds", |a| a.weights = vec![f32::INFINITY; a.tails.len()]),
        ("a rating too many", |a| a.ratings.push(1.0)),
        ("a time in a graph without times", |a| a.times.push(1)),
        ("names that overlap", |a| a.name_ends.swap(5, 6)),
        ("a name that is not UTF-8", |a| a.name_bytes[0] = 0xff),
        ("a label beyond the text", |a| *a.label_ends.last_mut().expect("labels") += 1),
    ];
    for (what, change) in broken {
        let mut arrays = good();
        arrays.path = kg.join("graph.safetensors");
        change(&mut arrays);
        arrays.forge();
        copies.refuses(kg, what);
        let message = fail(4, &args!["info", kg]);
        assert!(message.contains("invariant"), "{what}: {message}");
    }
}

#[test]
fn a_schema_that_does_not_fit_the_graph_is_refused() {
    let copies = Copies::new();
    let kg = &copies.made.kg;
    let good: Value = serde_json::from_slice(&fs::read(kg.join("schema.json")).expect("a schema")).expect("JSON");
    let changes: [(&str, fn(&mut Value)); 6] = [
        ("no types", |s| s["types"] = json!([])),
        ("a hole between types", |s| s["types"][1]["start"] = json!(100_000)),
        ("more nodes than the graph", |s| s["types"][0]["end"] = json!(u32::MAX)),
        ("no relations", |s| s["relations"] = json!([])),
        ("interactions come last", |s| s["relations"].as_array_mut().expect("relations").reverse()),
        ("a key nobody knows", |s| s["extra"] = json!(1)),
    ];
    for (what, change) in changes {
        let mut schema = good.clone();
        change(&mut schema);
        forge(kg, "schema.json", &serde_json::to_vec(&schema).expect("JSON"));
        copies.refuses(kg, what);
        fail(4, &args!["info", kg]);
    }
}

#[test]
fn a_corpus_of_rows_that_are_no_paths_is_refused() {
    let copies = Copies::new();
    let Small { kg, corpus, .. } = &copies.made;
    let bytes = fs::read(corpus.join("paths.u32")).expect("tokens");
    let good: Vec<u32> = bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let config = manifest(corpus)["config"].clone();
    let changes: [(&str, fn(&mut Vec<u32>)); 8] = [
        ("a token beyond the vocabulary", |t| t[9] = u32::MAX),
        ("a special inside", |t| t[9] = Vocabulary::ANY_USER.0),
        ("padding inside", |t| t[9] = Vocabulary::PADDING.0),
        ("a path cut short", |t| t[11..14].fill(Vocabulary::PADDING.0)),
        ("no path at all", |t| t[7..14].fill(Vocabulary::PADDING.0)),
        ("node and relation exchanged", |t| t.swap(8, 9)),
        ("a hop that is no fact", |t| t[9] = t[200 * 7 + 2]),
        ("another user", |t| t[7] += 20),
    ];
    for (what, change) in changes {
        let mut tokens = good.clone();
        change(&mut tokens);
        forge(corpus, "paths.u32", &tokens.iter().flat_map(|t| t.to_le_bytes()).collect::<Vec<_>>());
        copies.refuses(corpus, what);
        fail(4, &args!["export", corpus, "--kg", kg]);
        fail(4, &args!["train", kg, "--out", copies.made.folder.join("model"), "--corpus", corpus]);
    }
    forge(corpus, "paths.u32", &bytes);
    let headers: [(&str, fn(&mut Value)); 9] = [
        ("width 0", |c| c["width"] = json!(0)),
        ("another width", |c| c["width"] = json!(14)),
        ("a width beyond all bounds", |c| c["width"] = json!(u64::MAX)),
        ("more paths than rows", |c| c["num_paths"] = json!(401)),
        ("paths beyond all bounds", |c| c["num_paths"] = json!(u64::MAX)),
        ("another vocabulary", |c| c["vocabulary"]["num_nodes"] = json!(5)),
        ("a pattern of another graph", |c| c["sampling"]["pattern"] = json!("(:user)-[:eats]->(:item)")),
        ("no sampling", |c| c["sampling"] = json!(null)),
        ("a law nobody knows", |c| c["sampling"]["spec"]["law"] = json!("martial")),
    ];
    for (what, change) in headers {
        let mut changed = config.clone();
        change(&mut changed);
        forge_manifest(corpus, |manifest| manifest["config"] = changed);
        copies.refuses(corpus, what);
        fail(4, &args!["audit", corpus, "--kg", kg]);
    }
}

/// Reads the header of a safetensors file and what follows it.
fn safetensors(path: &Path) -> (Value, Vec<u8>) {
    let bytes = fs::read(path).expect("a file");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    (serde_json::from_slice(&bytes[8..8 + length]).expect("JSON"), bytes[8 + length..].to_vec())
}

/// A safetensors file of this header text and data.
fn assemble(header: &str, data: &[u8]) -> Vec<u8> {
    let mut header = header.as_bytes().to_vec();
    header.resize(header.len().next_multiple_of(8), b' ');
    [&(header.len() as u64).to_le_bytes()[..], &header, data].concat()
}

#[test]
fn weights_of_any_wrong_form_are_refused() {
    let copies = Copies::new();
    let model = &copies.made.model;
    let verb = args!["recommend", model, "--kg", &copies.made.kg, "--user", "u1", "--json"];
    let (header, data) = safetensors(&small().model.join("weights.safetensors"));
    let good = header.to_string();
    let refused = |what: &str, bytes: &[u8]| {
        forge(model, "weights.safetensors", bytes);
        copies.refuses(model, what);
        fail(4, &verb);
    };
    let sound = assemble(&good, &data);
    forge(model, "weights.safetensors", &sound);
    succeed(&verb);

    for length in [u64::MAX, 1 << 62, (1 << 20) + 1, sound.len() as u64] {
        refused("a header of another length", &[&length.to_le_bytes()[..], &sound[8..]].concat());
    }
    refused("fewer than eight bytes", &sound[..7]);
    refused("a header that is not JSON", &assemble("not JSON", &data));
    refused("a header nested without end", &assemble(&"[".repeat(100_000), &data));
    refused("a name twice", &assemble(&good.replacen("\"bias\"", "\"input\"", 1), &data));
    refused("metadata that is no text", &assemble(&good.replace("\"pt\"", "[1]"), &data));
    refused("data too short", &assemble(&good, &data[..data.len() - 4]));
    refused("data too long", &assemble(&good, &[&data[..], b"\0\0\0\0"].concat()));
    let changes: [(&str, fn(&mut Value)); 11] = [
        ("a hole", |h| h["bias"]["data_offsets"] = json!([4, 8])),
        ("overlapping arrays", |h| h["input"]["data_offsets"] = h["output"]["data_offsets"].clone()),
        ("an array that ends before it begins", |h| h["bias"]["data_offsets"] = json!([8, 0])),
        ("an array past the end", |h| h["bias"]["data_offsets"] = json!([0, u64::MAX])),
        ("a shape beyond all bounds", |h| h["bias"]["shape"] = json!([u64::MAX, u64::MAX])),
        ("a shape that does not fit", |h| h["bias"]["shape"] = json!([3])),
        ("another shape of the same size", |h| h["input"]["shape"].as_array_mut().expect("a shape").reverse()),
        ("numbers of another type", |h| h["bias"]["dtype"] = json!("I32")),
        ("numbers of a type of the same size", |h| h["bias"]["dtype"] = json!("U32")),
        ("numbers of no type", |h| h["bias"]["dtype"] = json!("F31")),
        ("a missing array", |h| {
            let bias = h.as_object_mut().expect("an object").remove("bias").expect("an array");
            h["prejudice"] = bias;
        }),
    ];
    for (what, change) in changes {
        let mut changed = header.clone();
        change(&mut changed);
        refused(what, &assemble(&changed.to_string(), &data));
    }
    let mut extra = header.clone();
    extra["extra"] = json!({ "dtype": "F32", "shape": [1], "data_offsets": [data.len(), data.len() + 4] });
    refused("an array too many", &assemble(&extra.to_string(), &[&data[..], &1f32.to_le_bytes()].concat()));
}

#[test]
fn weights_that_are_no_numbers_are_refused() {
    let copies = Copies::new();
    let model = &copies.made.model;
    let (header, data) = safetensors(&small().model.join("weights.safetensors"));
    let arrays = header.as_object().expect("an object").iter().filter(|(name, _)| *name != "__metadata__");
    for (name, entry) in arrays {
        let end = entry["data_offsets"][1].as_u64().expect("an offset") as usize;
        for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut poisoned = data.clone();
            poisoned[end - 4..end].copy_from_slice(&number.to_le_bytes());
            forge(model, "weights.safetensors", &assemble(&header.to_string(), &poisoned));
            copies.refuses(model, &format!("{number} in {name}"));
        }
    }
    let message = fail(4, &args!["evaluate", "--kg", &copies.made.kg, "--model", model]);
    assert!(message.contains("NaN or infinite"), "{message}");
}

#[test]
fn a_model_card_of_another_shape_is_refused() {
    let copies = Copies::new();
    let model = &copies.made.model;
    let verb = args!["recommend", model, "--kg", &copies.made.kg, "--user", "u1"];
    let good: Value = serde_json::from_slice(&fs::read(model.join("model.json")).expect("a card")).expect("JSON");
    let changes: [(&str, fn(&mut Value)); 20] = [
        ("heads that do not divide", |c| c["model"]["trunk"]["num_heads"] = json!(7)),
        ("no heads", |c| c["model"]["trunk"]["num_heads"] = json!(0)),
        ("no layers", |c| c["model"]["trunk"]["num_layers"] = json!(0)),
        ("more layers than weights", |c| c["model"]["trunk"]["num_layers"] = json!(3)),
        ("a width beyond all bounds", |c| c["model"]["trunk"]["d_model"] = json!(1_000_000_000)),
        ("another width", |c| c["model"]["trunk"]["d_model"] = json!(96)),
        ("no token", |c| c["model"]["num_tokens"] = json!(0)),
        ("more tokens than rows", |c| c["model"]["num_tokens"] = json!(100_000)),
        ("tokens beyond all bounds", |c| c["model"]["num_tokens"] = json!(1u64 << 62)),
        ("items that begin later", |c| {
            c["model"]["first_item"] = json!(c["model"]["first_item"].as_u64().map(|n| n + 1))
        }),
        ("items beyond all bounds", |c| c["model"]["first_item"] = json!(u32::MAX)),
        ("fewer items", |c| c["model"]["num_items"] = json!(1)),
        ("nothing learned", |c| c["training"]["objective"] = json!([])),
        ("texts without end", |c| {
            c["training"]["objective"] = json!([{ "kind": "causal", "text": "histories", "length": u64::MAX }]);
        }),
        ("a history of nothing", |c| c["model"]["history"] = json!(0)),
        ("paths too long for it", |c| c["model"]["trunk"]["max_tokens"] = json!(5)),
        ("paths beyond all bounds", |c| c["model"]["trunk"]["max_tokens"] = json!(1u64 << 40)),
        ("another vocabulary", |c| c["vocabulary"]["num_relations"] = json!(4)),
        ("a pattern of another graph", |c| c["pattern"] = json!("(:user)-[:eats]->(:item)")),
        ("a pattern longer than it was made for", |c| c["pattern"] = json!("(:user)-[]-{5}(:item)")),
    ];
    for (what, change) in changes {
        let mut card = good.clone();
        change(&mut card);
        forge(model, "model.json", &serde_json::to_vec(&card).expect("JSON"));
        copies.refuses(model, what);
        fail(4, &verb);
    }
}

#[test]
fn artefacts_of_another_graph_are_refused_with_both_hashes() {
    let (small, films) = (small(), films());
    let hash = |kg: &Path| {
        let info: Value = serde_json::from_str(&succeed(&args!["info", kg, "--json"])).expect("JSON");
        info["hash"].as_str().expect("a hash").to_owned()
    };
    let hashes = [hash(&small.kg), hash(&films.kg)];
    let root = tempfile::tempdir().expect("a directory");
    let mixed = [
        args!["recommend", &films.model, "--kg", &small.kg, "--all"],
        args!["explain", &small.model, "--kg", &films.kg, "--user", "user-001", "--item", "alien-1979"],
        args!["evaluate", "--model", &films.model, "--kg", &small.kg],
        args!["export", &films.corpus, "--kg", &small.kg],
        args!["audit", &small.corpus, "--kg", &films.kg],
        args!["train", &films.kg, "--corpus", &small.corpus, "--out", root.path().join("model")],
    ];
    for arguments in mixed {
        let message = fail(4, &arguments);
        assert!(hashes.iter().all(|hash| message.contains(hash)), "{message}");
    }
}

#[test]
fn pickled_models_are_not_read() {
    let root = tempfile::tempdir().expect("a directory");
    for extension in ["pt", "pth", "bin", "pkl", "h5", "npz", "onnx", "PT"] {
        let path = root.path().join(format!("model.{extension}"));
        // A pickle that would run a command.
        fs::write(&path, b"cos\nsystem\n(S'touch pwned'\ntR.").expect("written");
        let message = fail(4, &args!["recommend", &path, "--kg", small().kg, "--user", "u1"]);
        assert!(message.contains("may execute code") && message.contains("safetensors"), "{message}");
    }
}

#[test]
fn no_output_goes_into_an_artefact_or_over_one_of_another_kind() {
    let copies = Copies::new();
    let Small { kg, corpus, model, .. } = &copies.made;
    let recommend =
        |out: PathBuf| args!["recommend", model, "--kg", kg, "--user", "u1", "--json", "--out", out, "--force"];
    let sample = |out: &Path| args!["sample", kg, "--hops", "3", "--out", out, "--force"];
    for refused in [
        sample(&kg.join("corpus")),
        sample(&kg.join("deep/corpus")),
        sample(kg),
        sample(model),
        args!["train", kg, "--out", kg, "--preset", "tiny", "--force"],
        args!["train", kg, "--out", corpus, "--preset", "tiny", "--force"],
        recommend(kg.join("graph.safetensors")),
        recommend(kg.join("recs.json")),
    ] {
        let message = fail(2, &refused);
        assert!(message.contains("kg") || message.contains("model") || message.contains("corpus"), "{message}");
        for artefact in [kg, corpus, model] {
            succeed(&args!["check", artefact]);
        }
    }
}
