//! `dose decay`: an activity at another time.

use jiff::Timestamp;
use posology_clinic::nuclide::{HalfLife, decay};
use posology_clinic::quantity::Activity;

use crate::failure::Failure;
use crate::output;

pub(crate) fn run(
    nuclide: &str,
    activity: &str,
    from: &str,
    to: &str,
    half_life: Option<&str>,
    json: bool,
) -> Result<(), Failure> {
    let half_life =
        HalfLife::of(nuclide, half_life).map_err(|bad| Failure::input(format!("--nuclide: {bad}")))?;
    let activity: Activity = activity.parse().map_err(|bad| Failure::input(format!("--activity: {bad}")))?;
    let decayed = decay(activity, half_life, time("from", from)?, time("to", to)?).map_err(Failure::input)?;
    if json {
        output::json(&serde_json::json!({
            "activity_mbq": output::number(decayed.activity.mbq()),
            "activity_mci": output::number(decayed.activity.mci()),
            "factor": output::number(decayed.factor),
            "half_life_days": output::number(half_life.days()),
            "source": half_life.source,
            "because": decayed.because,
        }));
    } else {
        output::text(&format!(
            "{} MBq ({} mCi)\n{}\nfactor {}, half-life {} d ({})",
            decayed.activity.mbq().round_dp(3),
            decayed.activity.mci().round_dp(4),
            decayed.because.says,
            decayed.factor,
            half_life.days(),
            half_life.source
        ));
    }
    Ok(())
}

fn time(name: &str, text: &str) -> Result<Timestamp, Failure> {
    text.parse().map_err(|_| {
        Failure::input(format!(
            "--{name}: expected a time with its offset such as 2019-05-01T12:00-05:00, found {text:?}; mend: write the offset that stands on the label, or Z for UTC"
        ))
    })
}
