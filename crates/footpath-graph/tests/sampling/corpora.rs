use crate::chi::{ALPHA, p_value};
use crate::graphs::{planted, toy};
use crate::oracle::{CASES, legal};
use crate::{Run, context, threads};
use footpath_core::{Corpus, CorpusWriter, NodeId, Path, Replace};
use footpath_graph::audit::audit_corpus;
use footpath_graph::build::build;
use footpath_graph::dataset::Dataset;
use footpath_graph::pattern::{Mixture, Pattern};
use footpath_graph::sample::{
    Amount, CorpusSampler, EndSet, Law, Quota, SampleSpec, SampleSummary, Sampler, Shard, Users, count_paths,
    sample_corpus,
};
use footpath_graph::{Error, TrainKg};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const LAWS: [Law; 3] = [Law::UniformPath, Law::UniformEnd, Law::Walk];
const ENDS: [EndSet; 3] = [EndSet::Train, EndSet::Unseen, EndSet::Any];

fn per_user(paths: u64, threads: usize) -> Run {
    Run { amount: Amount { quota: Quota::PerUser(paths), ..Amount::default() }, shard: Shard::default(), threads }
}

fn corpus(kg: &TrainKg, pattern: &Pattern, spec: &SampleSpec, run: Run) -> (Vec<u32>, SampleSummary) {
    crate::corpus(kg, &Mixture::single(pattern.clone()), spec, run).unwrap()
}

#[test]
fn threads_do_not_matter() {
    let kg = toy();
    for case in CASES {
        let pattern = case.pattern(&kg);
        for law in LAWS {
            for ends in ENDS {
                let spec = SampleSpec { law, damping: 0.5, ends, seed: 11, ..SampleSpec::default() };
                let [one, two, four] = [1, 2, 4].map(|threads| corpus(&kg, &pattern, &spec, per_user(40, threads)));
                assert_eq!(one, two);
                assert_eq!(one, four);
                assert_eq!(one.1.num_paths, one.1.users_with_paths * 40);
                assert_eq!(one.1.users_with_paths + one.1.users_without_paths, 3);
            }
        }
    }
}

/// A user's paths beyond one block of work are those of one long run, and each row can be recomputed alone.
#[test]
fn rows_are_functions_of_their_number() {
    let kg = toy();
    let pattern = CASES[2].pattern(&kg);
    let spec = SampleSpec::default();
    let (rows, summary) = corpus(&kg, &pattern, &spec, per_user(40_000, 2));
    assert_eq!(summary.num_paths, 120_000);
    let sampler = Sampler::new(&kg, &pattern, &spec, context()).unwrap();
    let (mut path, mut row) = (Path::default(), Vec::new());
    for (index, expected) in rows.chunks(sampler.row_width()).enumerate().step_by(997) {
        let user = NodeId(u32::try_from(index / 40_000).unwrap());
        row.clear();
        assert!(sampler.tables(user, context()).unwrap().draw_row(index as u64 % 40_000, &mut path, &mut row).unwrap());
        assert_eq!(row, expected, "row {index}");
    }
}

#[test]
fn a_corpus_on_disk_passes_the_audit() {
    let (kg, test) = planted();
    let root = tempfile::tempdir().unwrap();
    let pattern = Pattern::hops(3, &kg).unwrap();
    let mut held_out = footpath_graph::audit::HeldOutItems::new();
    test.iter().for_each(|i| held_out.entry(i.user).or_default().push(i.item));
    for ends in ENDS {
        let directory = root.path().join(format!("{ends:?}"));
        let spec = SampleSpec { ends, ..SampleSpec::default() };
        let width = Sampler::new(&kg, &pattern, &spec, context()).unwrap().row_width();
        let mut writer = CorpusWriter::create(&directory, width, Replace::No).unwrap();
        let done = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&done);
        let context = threads(2).with_progress(move |progress| {
            if progress.stage == "sampling" {
                assert_eq!((progress.of, progress.unit), (Some(40), "users"));
                told.store(progress.done, Ordering::SeqCst);
            }
        });
        let Run { amount, shard, .. } = per_user(25, 2);
        let mut sink = |rows: &[u32]| Ok(writer.append(rows)?);
        let mixture = Mixture::single(pattern.clone());
        let summary = sample_corpus(&kg, &mixture, &spec, amount, shard, &context, &mut sink).unwrap();
        let done = done.load(Ordering::SeqCst);
        assert_eq!((summary.num_paths, summary.users_without_paths, done), (1000, 0, 40));
        writer.publish(String::new(), kg.vocabulary(), serde_json::Value::Null).unwrap();
        let corpus = Corpus::open(&directory, &context).unwrap();
        let report = audit_corpus(&corpus, &kg, &pattern, &spec, std::slice::from_ref(&held_out), &context).unwrap();
        assert!(report.is_clean() && report.paths == 1000, "{report:?}");
        let mut text = Vec::new();
        assert_eq!(footpath_graph::export::write_text(&corpus, &kg, &context, &mut text).unwrap(), 1000);
        assert_eq!(text.iter().filter(|&&b| b == b'\n').count(), 1000);
        let mut json = Vec::new();
        footpath_graph::export::write_jsonl(&corpus, &kg, &context, &mut json).unwrap();
        for (line, path) in json.split(|&b| b == b'\n').zip(corpus.paths()) {
            let value: serde_json::Value = serde_json::from_slice(line).unwrap();
            let nodes: Vec<String> = path.unwrap().nodes.iter().map(|&n| kg.node_name(n)).collect();
            assert_eq!(value["nodes"], serde_json::json!(nodes));
        }
    }
}

#[test]
fn on_the_planted_graph_every_path_leads_to_the_missing_item() {
    let (kg, test) = planted();
    let pattern =
        Pattern::parse("(:user)-[:interacted]->(:item)-[:starring]->(:entity)<-[:starring]-(:item)", &kg).unwrap();
    assert_eq!(test.len(), 40);
    for law in LAWS {
        let spec = SampleSpec { law, damping: 0.5, ends: EndSet::Unseen, seed: 5, ..SampleSpec::default() };
        let sampler = Sampler::new(&kg, &pattern, &spec, context()).unwrap();
        for missing in &test {
            let tables = sampler.tables(missing.user, context()).unwrap();
            assert_eq!(tables.num_paths().unwrap().paths, 2);
            let mut path = Path::default();
            for draw in 0..20 {
                assert!(tables.draw(draw, &mut path).unwrap());
                assert_eq!(path.nodes.last(), Some(&missing.item));
            }
        }
    }
}

#[test]
fn counts_of_all_users_are_those_of_brute_force() {
    let kg = toy();
    for case in CASES {
        for ends in ENDS {
            let counts = threads(2).run(|| count_paths(&kg, &case.pattern(&kg), ends, context())).unwrap().unwrap();
            let mut expected: Vec<u64> = kg
                .users()
                .map(|u| legal(&kg, case, NodeId(u), &SampleSpec { ends, ..SampleSpec::default() }).len() as u64)
                .collect();
            expected.sort_unstable();
            assert_eq!([counts.min, counts.median, counts.max], expected[..], "{} {ends:?}", case.text);
            assert_eq!(counts.total, u128::from(expected.iter().sum::<u64>()));
            assert_eq!(counts.users_without_paths, expected.iter().filter(|&&n| n == 0).count() as u64);
            assert!(counts.exact && counts.num_users == 3);
        }
    }
}

/// One genre with 45,000 films: all drawn alike, which 16-bit arithmetic fails.
#[test]
fn a_hub_is_left_along_all_its_arcs_alike() {
    const FILMS: usize = 45_000;
    const DRAWS: u64 = 500_000;
    let mut d = Dataset::default();
    for film in 0..FILMS {
        let (item, entity) = (format!("i{film}"), format!("f{film}"));
        d.link(&item, &entity);
        d.fact(&entity, "genre", "drama");
    }
    d.interact("u", "i0");
    let kg = build(d).unwrap().train_kg().unwrap();
    let pattern = Pattern::hops(3, &kg).unwrap();
    for law in LAWS {
        let spec = SampleSpec { law, damping: 0.5, ends: EndSet::Unseen, seed: 9, ..SampleSpec::default() };
        let sampler = Sampler::new(&kg, &pattern, &spec, context()).unwrap();
        let tables = sampler.tables(NodeId(0), context()).unwrap();
        let mut seen = vec![0u64; FILMS];
        let mut path = Path::default();
        for draw in 0..DRAWS {
            assert!(tables.draw(draw, &mut path).unwrap());
            seen[(path.nodes[3].0 - kg.items().start) as usize] += 1;
        }
        let start = (kg.item("i0").unwrap().0 - kg.items().start) as usize;
        assert_eq!(seen.remove(start), 0, "no way back");
        let p = p_value(&seen, &vec![1.0 / (FILMS - 1) as f64; FILMS - 1], DRAWS);
        assert!(p > ALPHA, "{law:?}: {p:e}");
    }
}

/// Walks that never turn straight back, but no simple path: the draw must end, and say no.
#[test]
fn a_user_whose_walks_all_meet_a_node_twice_has_no_path() {
    let mut d = Dataset::default();
    d.link("i", "f");
    for (head, tail) in [("f", "a"), ("a", "b"), ("b", "f")] {
        d.fact(head, "near", tail);
    }
    d.interact("u", "i");
    let kg = build(d).unwrap().train_kg().unwrap();
    let pattern = Pattern::hops(4, &kg).unwrap();
    for law in LAWS {
        let spec = SampleSpec { law, damping: 0.5, ends: EndSet::Any, seed: 0, ..SampleSpec::default() };
        let sampler = Sampler::new(&kg, &pattern, &spec, context()).unwrap();
        let tables = sampler.tables(NodeId(0), context()).unwrap();
        assert!(!tables.draw(0, &mut Path::default()).unwrap());
        assert_eq!(tables.num_paths().unwrap().paths, 0);
        let (rows, summary) = corpus(&kg, &pattern, &spec, per_user(9, 1));
        assert_eq!((rows.len(), summary.users_without_paths), (0, 1));
    }
}

/// A complete graph has more than 2^64 walks of 16 hops; weights in floating point carry on, and only counting fails.
#[test]
fn more_paths_than_64_bits_count_are_drawn_all_the_same() {
    let mut d = Dataset::default();
    for a in 0..40 {
        d.link(&format!("i{a}"), &format!("f{a}"));
        (0..a).for_each(|b| d.fact(&format!("f{a}"), "near", &format!("f{b}")));
    }
    d.interact("u", "i0");
    d.interact("u", "i1");
    let kg = build(d).unwrap().train_kg().unwrap();
    let pattern = Pattern::hops(16, &kg).unwrap();
    for ends in ENDS {
        let spec = SampleSpec { law: Law::UniformPath, damping: 0.0, ends, seed: 0, ..SampleSpec::default() };
        for law in LAWS {
            let sampler = Sampler::new(&kg, &pattern, &SampleSpec { law, ..spec.clone() }, context()).unwrap();
            let mut path = Path::default();
            assert!(sampler.tables(NodeId(0), context()).unwrap().draw(0, &mut path).unwrap());
            assert!(path.num_hops() == 16 && path.is_simple());
        }
        let of =
            |hops, spec: &SampleSpec| corpus(&kg, &Pattern::hops(hops, &kg).unwrap(), spec, per_user(9, 1)).1.rounded;
        let weighed = SampleSpec { damping: 0.5, ..spec.clone() };
        assert_eq!([of(16, &spec), of(3, &spec), of(3, &weighed)], [true, false, true], "integers where they suffice");
        let counted = count_paths(&kg, &pattern, ends, context());
        assert!(matches!(counted, Err(Error::CountOverflow { .. })));
    }
}

#[test]
fn bad_options_are_refused() {
    let kg = toy();
    let pattern = Pattern::hops(3, &kg).unwrap();
    for damping in [-0.1, f64::NAN, f64::INFINITY, 8.1] {
        let spec = SampleSpec { damping, ..SampleSpec::default() };
        assert!(matches!(Sampler::new(&kg, &pattern, &spec, context()), Err(Error::Usage { .. })), "{damping}");
    }
    let mixture = Mixture::single(pattern.clone());
    let shard = Shard { index: 2, of: 2 };
    let spec = SampleSpec::default();
    let drawn = sample_corpus(&kg, &mixture, &spec, Amount::default(), shard, context(), &mut |_| Ok(()));
    assert!(matches!(drawn, Err(Error::Usage { option: "shard", .. })));
    let kept = CorpusSampler::new(&kg, &mixture, &spec, Amount::default(), context()).unwrap();
    for users in [Users::Range(0..kg.items().end), Users::List(vec![NodeId(0), NodeId(kg.items().start)])] {
        let drawn = kept.draw(&users, context(), &mut |_| panic!("nothing is drawn"));
        assert!(matches!(drawn, Err(Error::Unknown { .. })));
    }
    let sampler = Sampler::new(&kg, &pattern, &SampleSpec::default(), context()).unwrap();
    assert!(matches!(sampler.tables(NodeId(kg.items().start), context()), Err(Error::Unknown { .. })));
}
