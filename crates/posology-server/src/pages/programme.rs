//! The programme of which the trial is one: products, trials, designations, promises, and safety over all trials.

use jiff::civil::Date;
use maud::{Markup, html};
use posology_trial::analysis::rates::Rate;
use posology_trial::permission::{Matter, Reach, Reading};
use posology_trial::programme::{Programme, Safety, Stands, Status};
use serde::Deserialize;
use serde_json::json;

use crate::ask::{Answer, Asked, Failed};
use crate::layout;

/// How the programme stands, for whoever asks: counts of patients of every trial only for those who read every patient
/// of this one.
pub(crate) fn readable(asked: &Asked) -> Result<(Status, Reading), Failed> {
    let (_, reading) = asked.reads(Matter::Board)?;
    let mut status = Status::clone(&*asked.site.programme()?);
    let Wanted { as_of } = asked.query()?;
    if !as_of.is_empty() {
        let day = as_of.parse::<Date>().map_err(|_| {
            Failed::asked(format!(
                "as_of: expected a day such as 2019-05-31, found {as_of:?}; mend: write it so"
            ))
        })?;
        status = status.on(day);
    }
    let everyone = reading.reach(Matter::Patients) == Reach::Trial;
    Ok((if everyone { status } else { status.without_patients() }, reading))
}

/// By which day promises are judged; the register's own where it is empty.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    as_of: String,
}

pub(crate) fn page(asked: &Asked) -> Answer {
    let (status, reading) = readable(asked)?;
    let view = asked.view()?;
    let register = &status.register;
    let body = html! {
        p { (register.programme.name) ", " (register.programme.company) }
        @if status.is_synthetic() && !view.analysis.protocol.trial.synthetic {
            p .notice role="note" { "Synthetic patients: none of these people exists." }
        }
        (promises(&status))
        (trials(&status))
        @match &status.safety {
            Some(safety) => (safety_of_all(safety)),
            None if reading.reach(Matter::Patients) != Reach::Trial => {
                section { h2 { "Safety over all trials" } p { "For those who read every patient of the trial." } }
            }
            None => {}
        }
        (designations(register))
        (products(register))
        @if !register.assumption.is_empty() {
            section {
                h2 { "Assumed" }
                ul { @for one in &register.assumption { li { (one.text) } } }
            }
        }
    };
    Ok(layout::page(asked, &view, "/programme", "Programme", &body))
}

fn word(value: impl serde::Serialize) -> String {
    json!(value).as_str().unwrap_or_default().replace('-', " ")
}

fn table(name: &str, head: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div .scroll tabindex="0" role="region" aria-label=(name) {
            table {
                thead { tr { @for cell in head { th scope="col" { (cell) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (place, cell) in row.iter().enumerate() {
                                @if place == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn or_dash(text: Option<&str>) -> Markup {
    html! { (text.unwrap_or("-")) }
}

fn promises(status: &Status) -> Markup {
    let rows: Vec<Vec<Markup>> = status
        .milestones()
        .map(|(one, stands)| {
            let flagged = matches!(stands, Stands::Missed { .. } | Stands::Late { .. });
            vec![
                html! { (one.what) },
                html! { span .whole { (or_dash(one.trial.as_deref())) } },
                html! { span .whole { (one.due) } },
                html! { span .flag[flagged] { (stands.words()) } @if let Some(settled) = &one.settled { @if settled.on <= status.as_of { ": " (settled.how) } } },
                html! { (one.said) " (" (one.said_on) ")" },
            ]
        })
        .collect();
    html! {
        section {
            h2 { "Promised in public" }
            form method="get" action="/programme" {
                label { "Judged by the day" input type="date" name="as_of" value=(status.as_of) required; }
                button { "Show" }
            }
            (table("Promises", &["what", "trial", "due", "stands", "said in"], &rows))
        }
    }
}

fn trials(status: &Status) -> Markup {
    let rows: Vec<Vec<Markup>> = status
        .trials()
        .map(|(trial, record)| {
            vec![
                html! { (trial.id) },
                html! { (trial.product) },
                html! { (trial.phase) },
                html! { (trial.indication) },
                or_dash(trial.registry.as_deref()),
                html! { (word(trial.status)) },
                html! { @match record.treated { Some(treated) => (treated), None => "-" } },
                html! { @match record.cut_off { Some(cut_off) => (cut_off), None => "-" } },
            ]
        })
        .collect();
    let head = ["trial", "product", "phase", "indication", "registry", "status", "treated", "as of"];
    html! { section { h2 { "Trials" } (table("Trials", &head, &rows)) } }
}

fn rate(rate: &Rate) -> Markup {
    html! {
        (rate.successes()) "/" (rate.denominator())
        @if let Some(interval) = rate.interval() {
            br; small { (format!("{:.1} to {:.1}%", interval.lower * 100.0, interval.upper * 100.0)) }
        }
    }
}

fn safety_of_all(safety: &Safety) -> Markup {
    let rows: Vec<Vec<Markup>> = safety
        .groups
        .iter()
        .map(|group| {
            vec![
                html! { (group.label) },
                html! { (group.treated) },
                rate(&group.dose_limiting),
                rate(&group.platelets),
                rate(&group.neutrophils),
                rate(&group.haemoglobin),
                rate(&group.related_deaths),
            ]
        })
        .collect();
    let head = [
        "total administered activity",
        "treated",
        "DLT",
        "platelets grade 3-4",
        "neutrophils grade 3-4",
        "haemoglobin grade 3-4",
        "death not recorded as unrelated",
    ];
    html! {
        section {
            h2 { "Safety over all trials" }
            p .hint { "Every patient ever given the products, n/N with the exact 95% interval." }
            (table("Safety over all trials", &head, &rows))
            @if safety.activity_not_recorded > 0 {
                p { (safety.activity_not_recorded) " with no activity recorded: counted among all, and in no group." }
            }
            ul { @for note in &safety.notes { li { (note) } } }
        }
    }
}

fn designations(register: &Programme) -> Markup {
    let rows: Vec<Vec<Markup>> = register
        .designation
        .iter()
        .map(|one| {
            vec![
                html! { (word(one.kind)) },
                html! { (one.product) },
                html! { (one.agency) },
                html! { (one.indication) },
                html! { (word(one.status)) },
                html! { @match &one.date { Some(date) => (date), None => "-" } },
            ]
        })
        .collect();
    let head = ["designation", "product", "agency", "indication", "status", "since"];
    html! { section { h2 { "Regulatory designations" } (table("Designations", &head, &rows)) } }
}

fn products(register: &Programme) -> Markup {
    let partner = |id: &Option<String>| {
        let found = id.as_ref().and_then(|id| register.partner.iter().find(|partner| partner.id == *id));
        or_dash(found.map(|partner| partner.name.as_str()))
    };
    let rows: Vec<Vec<Markup>> = register
        .product
        .iter()
        .map(|one| {
            vec![
                html! { (one.name) },
                or_dash(one.class.as_deref()),
                or_dash(one.payload.as_deref()),
                or_dash(one.radionuclide.as_deref()),
                partner(&one.partner),
                or_dash(one.stage.as_deref()),
            ]
        })
        .collect();
    let head = ["product", "class", "payload", "nuclide", "partner", "stage"];
    html! { section { h2 { "Products" } (table("Products", &head, &rows)) } }
}
