use super::*;
use footpath_core::Purpose;

const PATH: [u32; 7] = [12, 8, 15, 10, 21, 11, 16];

fn arranged(objective: &Objective, could_go_on: bool, seed: u64) -> ModelInput {
    let mut stream = Stream::new(seed, Purpose::Objective, 0, 0);
    let text = TextTokens { tokens: &PATH, stride: 2, could_go_on };
    arrange(objective, text, &mut stream, &|token| token..token + 1)
}

#[test]
fn a_last_token_that_predicts_nothing_is_no_input() {
    let causal = Objective::default();
    assert_eq!(arranged(&causal, false, 0).inputs, PATH[..6]);
    let open = arranged(&causal, true, 0);
    assert_eq!((open.inputs.as_slice(), open.questions.last()), (&PATH[..], Some(&(6, Label::Token(7)))));
}

#[test]
fn middles_are_cut_at_nodes() {
    let mut cuts = std::collections::BTreeSet::new();
    for seed in 0..500 {
        let row = arranged(&Objective::of(ObjectiveKind::FillInTheMiddle, Text::Paths), false, seed);
        let at = |mark: u32| row.inputs.iter().position(|&t| t == mark).expect("a mark");
        let (suffix, middle) = (at(5), at(6));
        let suffix_first = suffix == 1;
        let Some(&(last, Label::Stop(stop))) = row.questions.last() else { panic!("the middle ends") };
        assert_eq!(last, row.inputs.len() - 1);
        let (prefix_part, suffix_part, middle_part) = if suffix_first {
            let rest = &row.inputs[middle + 1..];
            let cut = rest.len() - (rest.len() + (middle - suffix - 1) - PATH.len());
            (&rest[..cut.min(rest.len())], &row.inputs[suffix + 1..middle], &rest[cut.min(rest.len())..])
        } else {
            (&row.inputs[1..suffix], &row.inputs[suffix + 1..middle], &row.inputs[middle + 1..])
        };
        assert_eq!([prefix_part, middle_part, suffix_part].concat(), PATH);
        assert_eq!(suffix_part, &PATH[stop..], "the suffix begins where the middle stops");
        assert_eq!(stop % 2, 0, "and with a node");
        assert_eq!(row.inputs[row.user], PATH[0]);
        cuts.insert((suffix_first, stop));
    }
    assert_eq!(cuts.len(), 6, "every end of a middle, in both orders");
}

#[test]
fn a_permuted_text_asks_in_an_order() {
    for seed in 0..200 {
        let row = arranged(
            &Objective { rate: Some(0.5), ..Objective::of(ObjectiveKind::Permuted, Text::Paths) },
            false,
            seed,
        );
        let mut ranks = row.ranks[..7].to_vec();
        ranks.sort_unstable();
        assert_eq!((ranks, row.ranks[0]), ((0..7).collect(), 0), "an order that begins with the user");
        assert_eq!(row.questions.len(), 3);
        for &(place, wanted) in &row.questions {
            let Label::Token(position) = wanted else { panic!("tokens are asked for") };
            assert_eq!(row.positions[place] as usize, position);
            assert_eq!(row.reaches[place] + 1, row.ranks[position], "it sees all before it and not itself");
            assert!(row.ranks[position] >= 4, "the last three of the order are asked for");
        }
    }
}

#[test]
fn settings_belong_to_their_objectives() {
    let objective = |change: fn(&mut Objective), kind| {
        let mut objective = Objective::of(kind, Text::Paths);
        change(&mut objective);
        objective.validate()
    };
    type Change = fn(&mut Objective);
    let bad: [(Change, ObjectiveKind); 8] = [
        (|o| o.weight = 0.0, ObjectiveKind::Causal),
        (|o| o.weight = f64::NAN, ObjectiveKind::Causal),
        (|o| o.rate = Some(0.2), ObjectiveKind::Causal),
        (|o| o.rate = Some(0.0), ObjectiveKind::Masked),
        (|o| o.share = Some(0.5), ObjectiveKind::Masked),
        (|o| o.share = Some(1.5), ObjectiveKind::FillInTheMiddle),
        (|o| o.prompt = Some(2), ObjectiveKind::Prefix),
        (|o| o.length = Some(20), ObjectiveKind::Causal),
    ];
    assert!(bad.into_iter().all(|(change, kind)| objective(change, kind).is_err()));
    assert!(objective(|o| o.share = Some(1.0), ObjectiveKind::FillInTheMiddle).is_ok());
    let toml: Objective =
        serde_json::from_str(r#"{"kind": "fill-in-the-middle", "weight": 0.5}"#).expect("an objective");
    assert_eq!((toml.kind, toml.text), (ObjectiveKind::FillInTheMiddle, Text::Paths));
    assert!(serde_json::from_str::<Objective>(r#"{"kind": "masked", "rates": 0.5}"#).is_err());
}
