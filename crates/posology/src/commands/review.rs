//! `review`: freezes the cut and writes the committee's packet.

use posology_report::packet::{self, Packet, ProgramVersion};
use posology_trial::analysis::{Analysis, CohortAnalysis};
use posology_trial::cut::Cut;

use crate::Review;
use crate::failure::Failure;
use crate::folder::{Folder, parse_cut, write_atomically};
use crate::output;

/// Width of a figure as PNG, pixels.
const PNG_WIDTH: u32 = 1600;

pub(crate) fn run(args: &Review, json: bool) -> Result<(), Failure> {
    let folder = Folder::open(&args.dir)?;
    let chain = folder.events()?;
    let cut = Cut::freeze(&chain, args.cut.as_deref().map(parse_cut).transpose()?).map_err(Failure::input)?;
    let analysis =
        Analysis::of(&folder.protocol, &folder.protocol_sha256(), &chain, &cut).map_err(Failure::input)?;
    let cohort = cohort(&analysis, args.cohort.as_deref())?;
    let program =
        ProgramVersion { name: "posology".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };

    let bar = output::progress("composing the packet");
    let packet = packet::compose(&analysis, &cohort.id, &program).map_err(Failure::input)?;
    let results = packet.json();
    bar.set_message("typesetting and drawing");
    let (figures, documents) = std::thread::scope(|scope| {
        let figures = scope.spawn(|| figures(&packet));
        let documents = documents(&packet, &results);
        (figures.join(), documents)
    });
    let mut files = documents?;
    files.extend(figures.map_err(|_| Failure::fault("a figure could not be drawn"))??);
    for (name, bytes) in &files {
        write_atomically(&args.out.join(name), bytes)?;
    }
    bar.finish_and_clear();

    if json {
        output::json(&results);
    } else {
        output::text(&glance(&analysis, cohort, &args.out, &files));
    }
    Ok(())
}

/// The packet as the committee, a browser and a program read it.
fn documents(packet: &Packet, results: &serde_json::Value) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let html = posology_report::html::write(&packet.document).into_bytes();
    #[cfg_attr(not(feature = "pdf"), allow(unused_mut))]
    let mut files = vec![
        ("packet.html".to_owned(), html),
        ("packet.json".to_owned(), format!("{results:#}\n").into_bytes()),
    ];
    #[cfg(feature = "pdf")]
    {
        let pdf = posology_report::pdf::write(&packet.document).map_err(Failure::fault)?;
        files.push(("packet.pdf".to_owned(), pdf));
    }
    Ok(files)
}

fn cohort<'a>(analysis: &'a Analysis, named: Option<&str>) -> Result<&'a CohortAnalysis, Failure> {
    let known = || analysis.cohorts.iter().map(|cohort| cohort.id.as_str()).collect::<Vec<_>>().join(", ");
    match named {
        Some(id) => analysis.cohort(id).ok_or_else(|| {
            Failure::input(format!("--cohort: expected one of {}, found {id:?}; mend: name a cohort of the protocol", known()))
        }),
        None => analysis.cohort_to_review().ok_or_else(|| {
            Failure::input(
                "expected a cohort with a treated patient, found none; mend: state cohorts in trial.toml and import their data",
            )
        }),
    }
}

fn figures(packet: &Packet) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut files = Vec::new();
    for figure in &packet.figures {
        let png = posology_report::figure::png::write(figure.svg(), PNG_WIDTH).map_err(Failure::fault)?;
        files.push((format!("figures/{}.svg", figure.id), figure.svg().as_bytes().to_vec()));
        files.push((format!("figures/{}.png", figure.id), png));
    }
    Ok(files)
}

/// The cohort at a glance and the advice with its reasons, for the terminal.
fn glance(
    analysis: &Analysis,
    cohort: &CohortAnalysis,
    out: &std::path::Path,
    files: &[(String, Vec<u8>)],
) -> String {
    let mut text = String::new();
    if analysis.protocol.trial.synthetic {
        text.push_str("SYNTHETIC PATIENTS: none of these people exists.\n");
    }
    text.push_str(&format!(
        "{} · cohort {} · {} · {}\ncut-off {} · {} events · head {} · unrecorded cut\n\n",
        analysis.protocol.trial.id,
        cohort.id,
        cohort.label,
        cohort.stage.words(),
        analysis.cut.cut_off,
        analysis.cut.position,
        analysis.cut.head.get(..12).unwrap_or(&analysis.cut.head),
    ));
    let rows = analysis.patients_of(cohort).map(|patient| {
        let given = patient.exposure.fractions.iter().filter(|fraction| fraction.given.is_some()).count();
        let best = &patient.response.best;
        let change = patient.response.best_change.as_ref().and_then(|change| change.percent_from_baseline());
        vec![
            patient.id.clone(),
            format!("{given}/{}", patient.exposure.fractions.len()),
            patient
                .exposure
                .total_administered()
                .map_or_else(|| "-".to_owned(), |total| format!("{}", total.mci().round_dp(1))),
            patient.window.map_or_else(|| "-".to_owned(), |window| window.end.to_string()),
            patient.dlt.status.words().to_owned(),
            nadir(patient, posology_clinic::laboratory::Analyte::Platelets),
            nadir(patient, posology_clinic::laboratory::Analyte::Neutrophils),
            best.confirmed.map_or_else(|| "-".to_owned(), |category| category.to_string()),
            change.map_or_else(|| "-".to_owned(), |change| format!("{change}%")),
        ]
    });
    text.push_str(&output::table(
        &[
            "subject",
            "fractions",
            "total mCi",
            "window ends",
            "DLT",
            "platelet nadir",
            "neutrophil nadir",
            "best",
            "change",
        ],
        rows,
    ));
    text.push('\n');
    if let Some(advice) = &cohort.advice {
        text.push_str(&format!(
            "\nKnown    {}\nPending  {}\nUnseen   {}\n\nThe rule advises: {}",
            advice.known,
            advice.pending,
            advice.unseen,
            advice.advised.word().to_uppercase()
        ));
        if let Some(next) = &advice.next {
            text.push_str(&format!(" → level {}: {}", next.level, next.label));
            if let Some(id) = &next.cohort {
                text.push_str(&format!(" (cohort {id})"));
            }
        }
        text.push('\n');
        for because in &advice.decision.because {
            text.push_str(&format!("  because {} [{}]\n", because.says, because.rule));
        }
        for hold in &advice.holds {
            text.push_str(&format!("  hold: {}\n", hold.because.says));
        }
        for misfit in &analysis.misfits {
            text.push_str(&format!("  flag: {}\n", misfit.says));
        }
        for gap in &advice.gaps {
            text.push_str(&format!("  flag: {}\n", gap.says));
        }
    }
    let figures = files.iter().filter(|(name, _)| name.ends_with(".svg")).count();
    let named: Vec<&str> =
        files.iter().map(|(name, _)| name.as_str()).filter(|name| !name.contains('/')).collect();
    text.push_str(&format!("\nWrote {} and {figures} figures to {}\n", named.join(", "), out.display()));
    text
}

fn nadir(
    patient: &posology_trial::analysis::patient::PatientAnalysis,
    analyte: posology_clinic::laboratory::Analyte,
) -> String {
    patient
        .kinetics
        .iter()
        .find(|kinetics| kinetics.analyte == analyte)
        .and_then(|kinetics| kinetics.summary.as_ref()?.nadir.as_ref())
        .map_or_else(|| "-".to_owned(), |nadir| format!("{} day {}", nadir.value.normalize(), nadir.day))
}
