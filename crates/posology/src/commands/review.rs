//! `review`: freezes the cut and writes the committee's packet; with a record and a user, the cut and the packet's
//! hashes are recorded.

use posology_report::packet::{self, ProgramVersion};
use posology_trial::analysis::{Analysis, CohortAnalysis};
use posology_trial::cut::Cut;
use posology_trial::event::{DataCut, Kind, PacketFile, PacketFrozen, sha256 as sha256_of};

use crate::Review;
use crate::desk;
use crate::failure::Failure;
use crate::folder::{Folder, parse_cut, write_atomically};
use crate::output;

pub(crate) fn run(args: &Review, json: bool) -> Result<(), Failure> {
    let folder = Folder::open(&args.dir)?;
    let cut_off = args.cut.as_deref().map(parse_cut).transpose()?;
    if folder.location()?.is_some() && args.identity.user.is_some() {
        return recorded(args, cut_off, json);
    }
    let chain = folder.events()?;
    let cut = Cut::freeze(&chain, cut_off).map_err(Failure::input)?;
    let (protocol, sha256) = folder.in_force(&chain)?;
    let analysis = Analysis::of(&protocol, &sha256, &chain, &cut).map_err(Failure::input)?;
    let cohort = cohort(&analysis, args.cohort.as_deref())?;
    let (results, files) = packet_files(&analysis, cohort, None)?;
    write(&args.out, &files)?;
    if json {
        output::json(&results);
        return Ok(());
    }
    output::text(&glance(&analysis, cohort, "unrecorded cut", &args.out, &files));
    if folder.location()?.is_some() {
        output::text(
            "The cut was not recorded, since nobody was named who freezes it: --as USER records it.",
        );
    }
    Ok(())
}

/// Freezes the cut in the record and binds the packet to it by its hashes. The same cut again records nothing.
fn recorded(args: &Review, cut_off: Option<jiff::Timestamp>, json: bool) -> Result<(), Failure> {
    let (folder, mut desk) = desk::open(&args.dir)?;
    let role = desk::role(&desk, &args.identity, Kind::DataCut)?;
    let by = desk.actor(args.identity.user()?, role);
    let freezing = desk.freezing(args.review, args.cohort.as_deref(), cut_off)?;
    let number = freezing.review;

    let chain = desk.record().chain();
    let (protocol, sha256) = folder.in_force(chain)?;
    let analysis = Analysis::of(&protocol, &sha256, chain, &freezing.cut).map_err(Failure::input)?;
    let cohort = cohort(&analysis, args.cohort.as_deref())?;
    let (results, files) = packet_files(&analysis, cohort, Some(number))?;
    let listed: Vec<PacketFile> = files
        .iter()
        .map(|(name, bytes)| PacketFile { name: name.clone(), sha256: sha256_of(bytes) })
        .collect();
    if !freezing.stands_with(&listed) {
        desk::sign_in(&mut desk, &args.identity)?;
    }
    let fact = DataCut {
        review: number,
        cohort: Some(cohort.id.clone()),
        cut: freezing.cut.clone(),
        advice: cohort.advice_in_words(),
    };
    let packet = PacketFrozen { review: number, files: listed, prepared_by: args.prepared_by.clone() };
    let frozen = desk.freeze(&by, &freezing, fact, args.because.clone(), packet)?;
    let digest = frozen.packet;
    let said = match frozen.recorded {
        None => {
            format!("The cut and packet of review {number} are in the record already: nothing was added.\n")
        }
        Some(done) => {
            format!("Recorded: the cut and packet of review {number}, up to event {}.\n", done.appended.last)
        }
    };
    write(&args.out, &files)?;
    if json {
        let mut results = results;
        results["review"] = serde_json::json!({ "number": number, "packet": digest });
        output::json(&results);
        return Ok(());
    }
    output::text(&glance(&analysis, cohort, &format!("cut of review {number}"), &args.out, &files));
    output::text(&format!("{said}Packet {digest}: votes and the recommendation name this digest."));
    Ok(())
}

/// The files of a packet by name, and its results.
type Packeted = (serde_json::Value, Vec<(String, Vec<u8>)>);

fn packet_files(
    analysis: &Analysis,
    cohort: &CohortAnalysis,
    recorded: Option<u32>,
) -> Result<Packeted, Failure> {
    let program =
        ProgramVersion { name: "posology".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let bar = output::progress("composing the packet");
    let packet = packet::compose(analysis, &cohort.id, &program, recorded).map_err(Failure::input)?;
    let results = packet.json();
    bar.set_message("typesetting and drawing");
    let files = packet.files().map_err(Failure::fault)?;
    bar.finish_and_clear();
    Ok((results, files))
}

fn write(out: &std::path::Path, files: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    for (name, bytes) in files {
        write_atomically(&out.join(name), bytes)?;
    }
    Ok(())
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

/// The cohort at a glance and the advice with its reasons, for the terminal.
fn glance(
    analysis: &Analysis,
    cohort: &CohortAnalysis,
    standing: &str,
    out: &std::path::Path,
    files: &[(String, Vec<u8>)],
) -> String {
    let mut text = String::new();
    if analysis.protocol.trial.synthetic {
        text.push_str("SYNTHETIC PATIENTS: none of these people exists.\n");
    }
    text.push_str(&format!(
        "{} · cohort {} · {} · {}\ncut-off {} · {} events · head {} · {standing}\n\n",
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
        let meant = patient.exposure.fractions.iter().filter(|fraction| fraction.is_meant()).count();
        let best = &patient.response.best;
        let change = patient.response.best_change.as_ref().and_then(|change| change.percent_from_baseline());
        vec![
            patient.id.clone(),
            format!("{given}/{meant}"),
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
    if let Some(monitored) = &cohort.monitored {
        text.push_str(&format!("\n{}\n", monitored.title));
        for because in &monitored.because {
            text.push_str(&format!("  {}\n", because.says));
        }
        text.push_str(&format!("\nThe rule advises: {}", monitored.advised.word().to_uppercase()));
    }
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
