//! `dose prescribe`: the arithmetic of a prescription, as the protocol fixes it.

use std::path::Path;

use posology_clinic::body_surface::body_surface;
use posology_clinic::prescription::{Settings, prescribe};
use posology_clinic::quantity::{Activity, Length, Mass};
use rust_decimal::Decimal;

use crate::failure::Failure;
use crate::folder::Folder;
use crate::output;

pub(crate) fn run(
    trial: &Path,
    regimen: &str,
    height_cm: &str,
    weight_kg: &str,
    age_years: Option<Decimal>,
    json: bool,
) -> Result<(), Failure> {
    let folder = Folder::open(trial)?;
    let protocol = &folder.protocol;
    let regimen = protocol.regimen(regimen).ok_or_else(|| {
        let known: Vec<&str> = protocol.regimen.iter().map(|regimen| regimen.id.as_str()).collect();
        Failure::input(format!(
            "--regimen: expected one of {}, found {regimen:?}; mend: name a regimen of the protocol",
            known.join(", ")
        ))
    })?;
    let height: Length =
        format!("{height_cm} cm").parse().map_err(|bad| Failure::input(format!("--height-cm: {bad}")))?;
    let weight: Mass =
        format!("{weight_kg} kg").parse().map_err(|bad| Failure::input(format!("--weight-kg: {bad}")))?;
    let settings = protocol
        .body_surface
        .settings(age_years, weight.kilograms())
        .map_err(|needed| Failure::input(format!("--age-years: {needed}")))?;
    let surface = body_surface(height, weight, &settings).map_err(Failure::input)?;
    let mut fractions = Vec::new();
    let mut because = vec![surface.because.clone()];
    for fraction in regimen.required() {
        let level = fraction.activity.ok_or_else(|| {
            Failure::input(format!(
                "regimen {:?}: expected a prescribed activity per m2 for the fraction on day {}, found none; mend: state it in trial.toml",
                regimen.id, fraction.day
            ))
        })?;
        let prescribed =
            prescribe(level, surface.area, Decimal::ONE, &Settings::default()).map_err(Failure::input)?;
        because.push(prescribed.because);
        fractions.push((fraction.day, level, prescribed.activity));
    }
    let total =
        Activity::total(fractions.iter().map(|(_, _, activity)| *activity)).map_err(Failure::input)?;
    if json {
        let fractions: Vec<_> = fractions
            .iter()
            .map(|(day, _, activity)| {
                serde_json::json!({
                    "day": day,
                    "activity_mbq": output::number(activity.mbq()),
                    "activity_mci": output::number(activity.mci()),
                })
            })
            .collect();
        output::json(&serde_json::json!({
            "bsa_m2": output::number(surface.area.square_metres()),
            "formula": surface.formula.id(),
            "fractions": fractions,
            "total_mbq": output::number(total.mbq()),
            "total_mci": output::number(total.mci()),
            "regimen": regimen.id,
            "because": because,
        }));
        return Ok(());
    }
    let rows = fractions.iter().map(|(day, level, activity)| {
        vec![
            day.to_string(),
            level.to_string(),
            format!("{} mCi", activity.mci().round_dp(2)),
            format!("{} MBq", activity.mbq().round_dp(1)),
        ]
    });
    output::text(&format!(
        "{}\n{}\nTotal {} mCi ({} MBq).\nVerify against the written directive: this checks the protocol's arithmetic and prescribes nothing.",
        surface.because.says,
        output::table(&["day", "per area", "prescribed activity", ""], rows),
        total.mci().round_dp(2),
        total.mbq().round_dp(1)
    ));
    Ok(())
}
