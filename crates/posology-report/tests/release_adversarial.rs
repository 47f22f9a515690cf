//! Sentences as releases write them, in many styles: those that only look wrong raise no alarm, those that are wrong are found.
#![allow(clippy::unwrap_used)]

use posology_report::release::{Verdict, check};

fn contradicted(text: &str) -> Vec<String> {
    let claims = check(text, None).unwrap().claims.into_iter();
    claims.filter(|claim| claim.verdict == Verdict::Contradicted).map(|claim| claim.text).collect()
}

#[test]
fn what_only_looks_wrong_raises_no_alarm() {
    for text in [
        // Other patients, other days, other trials.
        "The ORR was 50% in triple-class refractory patients and 30% in quad-class refractory patients.",
        "The overall response rate was 20% at 30 mCi and 60% at 40 mCi.",
        "In cohort 2 the ORR was 30% as of January 5, 2019 and 50% as of March 1, 2019.",
        "The overall response rate was 44% (4 of 9), compared with 31% for pomalidomide in an earlier trial.",
        "In the phase 1 study 60% of patients had a partial response. In the earlier study 50% had stable disease.",
        "TX-9 showed an ORR of 44% in myeloma. In lymphoma the ORR was 30%. The ORR in DLBCL was 33% and in MCL 100%.",
        "In cohort 2 the unconfirmed ORR was 50% and the confirmed ORR was 33%.",
        "The ORR and DCR were 44% and 78%, respectively. In cohorts 2 and 3, the ORR was 33% and 50%, respectively.",
        "The response rate was 25% in cohort 1, 50% in cohort 2 and 67% in cohort 3.",
        "Of 30 patients enrolled, 12 (40%) responded; 10 (33%) had stable disease and 8 (27%) progressed.",
        "Of 12 patients, 6 (50%) responded and 5 (42%) had stable disease; 7 (58%) progressed later.",
        "All four patients completed the 85-day DLT window, and no dose limiting toxicities were observed.",
        // Other numbers near a percentage.
        "Of 20 patients enrolled, 10 were evaluable for response and 5 (50%) had a partial response.",
        "Of 10 treated patients, 8 were evaluable and the ORR was 50%. The DCR was 88%.",
        "The response rate among all 9 patients was 44% and 67% in the six treated at the higher dose.",
        "Two patients (1.2%) had pneumonia. One patient (0.5%) had fever.",
        "Responses were seen in nearly 60% (5/9) of patients.",
        "ORR of 44% (95% CI: 14% to 79%; n=9). Median survival was 22.0 months (95% CI 10.1 to 33.9).",
        "In the Phase 1/2 trial, grade 3/4 neutropenia was seen in 12 of 27 patients (44%).",
        // Votes, names, dates.
        "The Data Monitoring Committee unanimously recommended escalation from cohort 6 to 7.",
        "The DMC voted unanimously to escalate from 30 to 40 mCi/m2. In a unanimous 5-0 vote it recommended escalation.",
        "Northlake Biopharma announced data. Northlake Biopharma\u{2019}s trial goes on. NORTHLAKE BIOPHARMA REPORTS.",
        "Eastlake Biopharma and Westlake Biopharma work together, with Acme Therapeutics and Acme Pharma.",
        "BOSTON, June 3, 2021 -- Acme has cash to fund operations into the fourth quarter of 2022.",
        "Acme to Present at ASH on December 7, 2019\n\nCAMBRIDGE, Mass., Nov. 6, 2019 /PRNewswire/ -- Data are expected in November 2019.",
        "OSLO, May 3, 2021 -- The company, which expects to remain solvent, dosed the first patient in March 2019.",
        // Levels beside each other.
        "Cohort 6 received two doses of 18.75 mCi/m2; cohort 7 will receive 40 mCi/m2.",
        "After two fractions of 18.75 mCi/m2 were well tolerated, the dose was raised to 40 mCi/m2.",
        "Patients received a single 25 mCi/m2 dose with the option for a second 25 mCi/m2 dose 75 to 180 days later.",
        "An imaging dose of 5 mCi on day 0 and 10 mCi on day 6 preceded the 50 mCi therapy dose.",
        "7.4 GBq (200 mCi) was given every 8 weeks.",
        // Values and definitions.
        "In multiple myeloma, two patients achieved a partial response with at least a 70% reduction in M-protein.",
        "One patient with multiple myeloma had a partial response, a 95% reduction in M-protein.",
        "Multiple myeloma: one patient had a 90% reduction in light chains and an MR.",
        "Multiple myeloma: a 50% partial response rate, defined as a 50% to 89.9% reduction in M-protein, and a 50% minimal response, defined as a 25% to 49.9% reduction.",
        "CR was seen in 10%, CR/VGPR in 25%, PR in 50% and SD in 25% of patients.",
    ] {
        assert_eq!(contradicted(text), [""; 0], "{text}");
    }
}

#[test]
fn what_cannot_be_true_is_found_and_is_one_claim() {
    for (text, span) in [
        ("In the triple-class refractory group (n = 18) the ORR was 46%.", "ORR was 46%"),
        (
            "Of 30 patients, 12 (40%) responded, 10 (33%) had stable disease and 9 (30%) progressive disease.",
            "9 (30%) progressive disease",
        ),
        ("In cohorts 1 and 2 (n=8) the clinical benefit rate was 80%.", "clinical benefit rate was 80%"),
        ("In 9 patients, the response rate was 80%.", "response rate was 80%"),
        ("Five of 14 patients with measurable disease had a PR (63%).", "PR (63%)"),
        ("\"We saw responses in 5 of 9 patients, or 65%,\" said the CEO.", "5 of 9 patients, or 65%"),
        ("The combined ORR was 34.5% (n=33).", "ORR was 34.5% (n=33)"),
        ("ORR = 45% (4/9)", "ORR = 45% (4/9)"),
        ("The ORR was 60%, the CBR 55% and the DCR 90%.", "CBR 55%"),
        ("In cohort 2 the PR rate was 50%, the MR rate 25% and the CBR was 60%.", "CBR was 60%"),
        (
            "Acme's TX-9 Shows 60% Response Rate in Cohort 3\n\nIn cohort 3 the response rate was 50% (3 of 6).",
            "50% (3 of 6)",
        ),
        (
            "In cohort 3 no DLTs were observed. One of six patients in cohort 3 had a DLT.",
            "One of six patients in cohort 3 had a DLT",
        ),
        (
            "Patients were given three fractions of 15 mCi/m\u{b2} (40 mCi/m\u{b2} in total).",
            "three fractions of 15 mCi",
        ),
        ("100 mCi split into four 20-mCi doses.", "100 mCi split into four 20-mCi"),
        ("Patients received 40 mCi/m2, divided into three doses of 20 mCi/m2.", "three doses of 20 mCi/m2"),
        ("Patients receive 20 mCi/m2 on days 1, 8 and 15 for a total of 40 mCi/m2.", "40 mCi/m2"),
        ("1.85 GBq (40 mCi) was administered.", "1.85 GBq (40 mCi"),
        ("The DMC unanimously recommended escalation, with four votes for and one against.", "unanimously"),
        ("Multiple myeloma: a partial response is defined as a \u{2265} 40% reduction.", "40%"),
        ("Multiple myeloma: Patient 1 had a 62% reduction in M-protein (VGPR).", "VGPR"),
        ("LYON, June 7, 2021 -- The DMC met on June 10, 2021 and recommended escalation.", "June 10, 2021"),
        ("The DMC met on May 3, 2021 to review data as of May 20, 2021.", "May 20, 2021"),
        (
            "Cellectar Biosciences announced data.\n\nContact:\nCellectar Bioscience, Inc.",
            "Cellectar Bioscience",
        ),
        ("Dr. Jane Hartley led the trial. It was \u{201c}good\u{201d}, Jane Hartly said.", "Jane Hartly"),
        ("TX-9 (tixafosine) is a radioconjugate. Tixofosine was given weekly.", "Tixofosine"),
        ("The trial (NCT0123456) is registered.", "NCT0123456"),
        (
            "Responses were more frequent with fractionated dosing (1 of 5) than with a bolus (6 of 12).",
            "more frequent",
        ),
        (
            "Cohort 7 results are expected in Q4 2019. The company expects to report cohort 7 results in Q1 2020.",
            "Q1 2020",
        ),
    ] {
        let found = contradicted(text);
        assert!(found.len() == 1 && found.iter().all(|one| one.contains(span)), "{text}: {found:#?}");
    }
}

#[test]
fn numbers_beyond_any_release_are_words() {
    for text in [
        "9999999999999999999999999999 GBq (40 mCi) was given in two doses of 9999999999999999999999999999 GBq.",
        "In cohort 1, 9999999999999999999999999999% had PR, 9999999999999999999999999999% MR and 9999999999999999999999999999% SD.",
        "The ORR was 0.0000000000000000000000000001% (1 of 9).",
    ] {
        let _ = check(text, None).unwrap();
    }
}
