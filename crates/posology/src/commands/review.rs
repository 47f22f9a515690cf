//! `review`: freezes the cut and writes the committee's packet; with a record and a user, the cut and the packet's
//! hashes are recorded.

use posology_report::packet::{self, Packet, ProgramVersion};
use posology_trial::analysis::{Analysis, CohortAnalysis};
use posology_trial::committee::{packet_digest, review, reviews};
use posology_trial::cut::Cut;
use posology_trial::event::{Chain, DataCut, Event, Kind, PacketFile, PacketFrozen};

use crate::Review;
use crate::desk::{self, Desk, actor};
use crate::failure::Failure;
use crate::folder::{Folder, parse_cut, write_atomically};
use crate::output;

/// Width of a figure as PNG, pixels.
const PNG_WIDTH: u32 = 1600;

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
    let mut desk = Desk::open(&args.dir)?;
    let role = desk.role(&args.identity, Kind::DataCut)?;
    let user = args.identity.user()?.to_owned();
    let by = actor(&user, role);

    let conduct = desk.record.conduct();
    let numbers = reviews(conduct);
    let number = args.review.unwrap_or_else(|| match numbers.last() {
        None => 1,
        Some(last) if review(conduct, *last).recommendation.is_none() => *last,
        Some(last) => last.saturating_add(1),
    });
    let asked = Cut::freeze(desk.record.chain(), cut_off).map_err(Failure::input)?;
    let standing = review(conduct, number);
    let again = standing.cut.filter(|(_, frozen)| {
        frozen.cut.cut_off == asked.cut_off
            && args.cohort.as_ref().is_none_or(|cohort| frozen.cohort.as_ref() == Some(cohort))
            && nothing_new(desk.record.chain(), frozen.cut.position)
    });
    let bound = standing.packet.and_then(|(_, packet)| packet_digest(&packet.files).ok());
    let cut = again.map_or(asked, |(_, frozen)| frozen.cut.clone());
    let again = again.is_some();

    let (protocol, sha256) = desk.folder.in_force(desk.record.chain())?;
    let analysis = Analysis::of(&protocol, &sha256, desk.record.chain(), &cut).map_err(Failure::input)?;
    let cohort = cohort(&analysis, args.cohort.as_deref())?;
    let (results, files) = packet_files(&analysis, cohort, Some(number))?;
    let listed: Vec<PacketFile> =
        files.iter().map(|(name, bytes)| PacketFile { name: name.clone(), sha256: hash(bytes) }).collect();
    let digest = packet_digest(&listed).map_err(Failure::fault)?;

    let mut said = String::new();
    if again && bound.as_ref() == Some(&digest) {
        said.push_str(&format!(
            "The cut and packet of review {number} are in the record already: nothing was added.\n"
        ));
    } else {
        desk.sign_in(&args.identity)?;
        if !again {
            let advice = cohort.advice.as_ref().map(advice_in_words);
            let fact = DataCut { review: number, cohort: Some(cohort.id.clone()), cut, advice };
            let reason = args.because.clone();
            desk.stage(Event { reason, ..by.event(desk::now(), fact) })?;
        } else if bound.is_some() {
            return Err(Failure::input(format!(
                "review {number}: expected the packet frozen with this cut, {}, found another, {digest}; mend: the program that made the first was another version; take that one, or freeze a new cut with --because",
                bound.unwrap_or_default()
            )));
        }
        let fact = PacketFrozen { review: number, files: listed, prepared_by: args.prepared_by.clone() };
        desk.stage(by.event(desk::now(), fact))?;
        let done = desk.commit(None)?;
        said.push_str(&format!(
            "Recorded: the cut and packet of review {number}, up to event {}.\n",
            done.appended.last
        ));
    }
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

/// What the rule advises, in a line: the form that a recommendation quotes.
pub(crate) fn advice_in_words(advice: &posology_trial::analysis::decision::Advice) -> String {
    let because: Vec<&str> = advice.decision.because.iter().map(|because| because.says.as_str()).collect();
    format!("{}: {}", advice.advised.word(), because.join("; "))
}

/// Whether nothing that a cut takes was recorded after a position.
fn nothing_new(chain: &Chain, position: usize) -> bool {
    chain.entries().iter().skip(position).all(|entry| {
        matches!(
            entry.event.fact.kind(),
            Kind::DataCut
                | Kind::PacketFrozen
                | Kind::Meeting
                | Kind::Recusal
                | Kind::Sealed
                | Kind::Minutes
                | Kind::Signature
                | Kind::Access
                | Kind::Exported
        )
    })
}

fn hash(bytes: &[u8]) -> String {
    posology_trial::event::sha256(bytes)
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
    let (figures, documents) = std::thread::scope(|scope| {
        let figures = scope.spawn(|| figures(&packet));
        let documents = documents(&packet, &results);
        (figures.join(), documents)
    });
    let mut files = documents?;
    files.extend(figures.map_err(|_| Failure::fault("a figure could not be drawn"))??);
    bar.finish_and_clear();
    Ok((results, files))
}

fn write(out: &std::path::Path, files: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    for (name, bytes) in files {
        write_atomically(&out.join(name), bytes)?;
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
