//! Release texts without a record: the arithmetic of the literature, and no text that breaks the reader.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

use posology_report::release::{Verdict, check};
use proptest::prelude::*;

fn verdicts(text: &str) -> Vec<(String, Verdict)> {
    check(text, None).unwrap().claims.into_iter().map(|claim| (claim.text, claim.verdict)).collect()
}

fn of(text: &str, part: &str) -> Verdict {
    let all = verdicts(text);
    let found = all.iter().find(|(said, _)| said.contains(part));
    found.unwrap_or_else(|| panic!("{part}: {all:#?}")).1
}

#[test]
fn a_percentage_that_its_denominator_cannot_give_is_contradicted() {
    assert_eq!(of("An ORR of 80% was seen in 8 evaluable patients (n = 8).", "80%"), Verdict::Contradicted);
    assert_eq!(of("46% of 18 patients had an overall response.", "46%"), Verdict::Contradicted);
    assert_eq!(of("57% of 23 patients had an overall response.", "57%"), Verdict::Consistent);
    assert_eq!(of("42.8% (3/7) of patients responded.", "42.8%"), Verdict::Consistent);
}

#[test]
fn rates_over_one_set_must_add_up_and_nest() {
    assert_eq!(
        of("In cohort 2, 60% had a partial response and 50% a minimal response.", "50%"),
        Verdict::Contradicted
    );
    assert_eq!(of("In cohort 2, 33% had PR, 33% MR and 33% SD.", "33% MR"), Verdict::Consistent);
    assert_eq!(of("In cohort 2 the ORR was 60% and the DCR was 40%.", "DCR was 40%"), Verdict::Contradicted);
    // In macroglobulinaemia minimal response counts as overall response.
    let text = "In Waldenström patients of cohort 2 the ORR was 100%: 50% PR and 50% MR.";
    assert_ne!(of(text, "ORR was 100%"), Verdict::Contradicted);
}

#[test]
fn clinical_benefit_may_count_stable_disease_where_the_text_says_nothing_else() {
    let text = "In cohort 2 the clinical benefit rate was 100%: 50% PR and 50% SD.";
    assert_ne!(of(text, "clinical benefit rate was 100%"), Verdict::Contradicted);
}

#[test]
fn fractions_make_their_level_or_contradict_it() {
    assert_eq!(
        of("Patients received 45 mCi/m2 in three fractions of 15 mCi/m2.", "45 mCi"),
        Verdict::Consistent
    );
    assert_eq!(
        of("Patients received 30 mCi/m\u{b2} as two fractions of 12.5 mCi/m\u{b2}.", "30 mCi"),
        Verdict::Contradicted
    );
    assert_eq!(
        of("40 mCi/m2 (20 mCi/m2 on day 1 and 20 mCi/m2 on day 8) was given.", "20 mCi"),
        Verdict::Consistent
    );
    assert_eq!(of("It rose by 20%, a 20% increase from 31.25 to 37.5 mCi/m2.", "37.5"), Verdict::Consistent);
    assert_eq!(of("A 30% increase from 31.25 to 37.5 mCi/m2.", "37.5"), Verdict::Contradicted);
}

#[test]
fn a_name_one_letter_off_is_one_claim_and_a_synonym_none() {
    let text = "Northlake Biopharma announced results.\n\nContact: Northlake Biofarma";
    assert_eq!(of(text, "Biofarma"), Verdict::Contradicted);
    let text = "Northlake Biopharma and Eastlake Biopharma announced results. Acme Therapeutics and Acme Pharma joined.";
    assert!(
        !verdicts(text).iter().any(|(_, verdict)| *verdict == Verdict::Contradicted),
        "{:?}",
        verdicts(text)
    );
}

#[test]
fn a_comparison_with_its_counts_is_tested_and_without_them_is_not() {
    let text = "There were significantly more responders on 30 mCi (2 of 3) than before (2 of 10).";
    assert_eq!(of(text, "more"), Verdict::Contradicted);
    assert_eq!(of("There was a clear dose response.", "dose response"), Verdict::NotReproducible);
}

#[test]
fn bands_are_half_open_and_values_are_not_rounded_across_them() {
    let text = "Myeloma: one patient had a very good partial response, an 89.9% reduction in M-protein.";
    assert_eq!(of(text, "89.9%"), Verdict::Contradicted);
    let text = "Myeloma: one patient had a minimal response, a 49.9% reduction in M-protein.";
    assert_eq!(of(text, "49.9%"), Verdict::Consistent);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic_and_each_claim_is_a_part_of_it(text in "\\PC{0,300}") {
        let checked = check(&text, None).unwrap();
        for claim in checked.claims {
            prop_assert!(text.contains(&claim.text));
        }
    }

    #[test]
    fn no_release_like_text_does_either(parts in proptest::collection::vec(
        prop_oneof![
            Just("50%"), Just("of"), Just("five"), Just("9"), Just("patients"), Just("("), Just(")"), Just("n = "), Just("ORR"),
            Just("cohort"), Just("cohorts"), Just("to"), Just("and"), Just("37.5 mCi/m2"), Just("two fractions of"), Just("than"),
            Just("more"), Just("/"), Just("."), Just("\n"), Just("|"), Just("in the fourth quarter of 2019"), Just("expected"),
            Just("unanimously"), Just("committee"), Just("recommended"), Just("partial response"), Just("\u{2265}"), Just("-"),
            Just("99999999999999999999999999999"), Just("May 31, 2019"), Just("reduction"), Just("one patient"), Just("all"),
        ], 0..60))
    {
        let text = parts.join(" ");
        let _ = check(&text, None).unwrap();
    }
}
