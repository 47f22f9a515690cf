//! The `posology` command: a trial from its protocol to its committee packet.
//!
//! Each verb is a file under `commands`; none of them contains a rule of the trial. What people read goes to
//! standard output, errors to standard error. Exit status: 0 done; 1 the thing checked does not hold; 2 bad
//! usage or bad input, nothing written; 3 an internal fault.

mod commands;
mod desk;
mod failure;
mod folder;
mod output;
mod rows;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "posology",
    version,
    about = "Design, run and report a dose-escalation trial",
    max_term_width = 100
)]
struct Cli {
    /// Print one JSON document instead of text for people
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// An escalation design: what it advises, its tables, and how it would do
    #[command(subcommand)]
    Design(DesignCommand),
    /// A trial: its protocol, its data, where it stands
    #[command(subcommand)]
    Trial(commands::trial::TrialCommand),
    /// Freeze a data cut and write the committee's packet
    Review(Review),
    /// The trial's pages on this machine: board, patients, reviews, audit, design lab
    Serve(commands::serve::Serve),
    /// Toxicity grades
    #[command(subcommand)]
    Toxicity(ToxicityCommand),
    /// Response categories from measured values, with reasons; `response confirm` from categories
    Response(Response),
    /// Arithmetic of prescribed and decayed activity, as the protocol fixes it
    #[command(subcommand)]
    Dose(DoseCommand),
    /// Products, trials, designations and promises of a whole programme
    #[command(subcommand)]
    Programme(commands::programme::ProgrammeCommand),
    /// What is said of a trial in public: checked, claim by claim
    #[command(subcommand)]
    Release(commands::release::ReleaseCommand),
}

#[derive(Subcommand)]
enum DesignCommand {
    /// Every design, or the settings of one
    List {
        /// A design, such as boin
        name: Option<String>,
    },
    /// Check a design file and list every problem with its place
    Check {
        /// Design file, or a trial's trial.toml
        file: PathBuf,
    },
    /// What the rule does with each number of DLTs at the current level
    Table {
        /// Design file, or a trial's trial.toml
        file: PathBuf,
    },
    /// What to do next after these patients, and why
    Next {
        #[command(flatten)]
        asked: commands::design::Asked,
        /// Write the numbers of every level as a picture: FILE.svg or FILE.png
        #[arg(long)]
        plot: Option<PathBuf>,
    },
    /// The level selected if the trial ends with these patients
    Mtd(commands::design::Asked),
    /// How the design would do: selections, patients and DLTs under supposed DLT rates
    Oc(commands::design::oc::Oc),
    /// Every course of the first cohorts, with the advice it leads to
    Paths(commands::design::paths::Paths),
    /// Several designs over the same supposed DLT rates, the 3+3 rule always among them
    Compare(commands::design::compare::Compare),
    /// The characteristics from every part of a simulation (`design oc --shard`)
    Merge(commands::design::trials::Merge),
    /// Which settings of a design do best under supposed DLT rates, each tried exactly
    Calibrate(commands::design::calibrate::Calibrate),
    /// The design section of a protocol, in words, with tables and figures
    Text(commands::design::text::Text),
    /// Simon's two-stage designs of a single-arm trial: optimal, minimax, admissible
    TwoStage(commands::design::two_stage::Asked),
}

#[derive(Args)]
struct Review {
    /// Folder of the trial
    dir: PathBuf,
    /// Cohort to review [default: the one under review]
    #[arg(long)]
    cohort: Option<String>,
    /// Clinical cut-off, such as 2019-05-03 or 2019-05-03T12:00:00Z [default: the last recorded fact]
    #[arg(long)]
    cut: Option<String>,
    /// Folder to write the packet to
    #[arg(long)]
    out: PathBuf,
    /// Number of the review, where the cut is recorded [default: the one under way, or the next]
    #[arg(long)]
    review: Option<u32>,
    /// Who prepares the packet: an independent centre, or the sponsor
    #[arg(long)]
    prepared_by: Option<String>,
    /// Why the data are frozen anew for a review that has a cut
    #[arg(long, value_name = "REASON")]
    because: Option<String>,
    #[command(flatten)]
    identity: desk::Identity,
}

#[derive(Subcommand)]
enum ToxicityCommand {
    /// Grade laboratory values of a CSV file (columns test or term, value, unit; lln, uln, baseline)
    Grade {
        /// CSV file
        file: PathBuf,
        /// CTCAE version: 5.0 or 6.0
        #[arg(long)]
        ctcae: String,
    },
    /// What another CTCAE version would change in a trial: grades, whose DLT status, the rule's advice
    Regrade {
        /// Trial folder
        trial: PathBuf,
        /// The other CTCAE version: 5.0 or 6.0
        #[arg(long)]
        ctcae: String,
        /// Only this cohort
        #[arg(long)]
        cohort: Option<String>,
        /// Cut-off: a date, or a time with its zone (the last fact if left out)
        #[arg(long)]
        cut: Option<String>,
    },
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
struct Response {
    #[command(subcommand)]
    confirm: Option<ResponseCommand>,
    /// Criteria, such as imwg-2016
    #[arg(required = true)]
    criteria: Option<String>,
    /// File of values by subject and date, laid out as the criteria ask; of lesions also SDTM (TR, or its folder)
    #[arg(required = true)]
    file: Option<PathBuf>,
    /// Settings of the criteria (TOML): the points that they leave open
    #[arg(long, global = true)]
    settings: Option<PathBuf>,
    /// Tell one subject's course in words
    #[arg(long)]
    explain: Option<String>,
    /// Only the best response of each subject, read in passing: for long files of myeloma
    #[arg(long, conflicts_with = "explain")]
    best: bool,
    /// SDTM: whose results count, as TREVAL or TREVAL/TREVALID
    #[arg(long, default_value = "INVESTIGATOR")]
    evaluator: String,
    /// SDTM: what a month without its day becomes
    #[arg(long, value_enum, default_value = "refuse")]
    partial_dates: commands::response::PartialDates,
}

#[derive(Subcommand)]
enum ResponseCommand {
    /// Confirm responses already categorised (subject, date, response, pd_kind, therapy_start, death_pd)
    Confirm {
        /// Criteria, such as imwg-2016
        criteria: String,
        /// CSV file
        file: PathBuf,
    },
}

#[derive(Subcommand)]
enum DoseCommand {
    /// Each fraction of a patient from directive to release: arithmetic line by line, gates and checks
    Sheet {
        /// Folder of the trial
        trial: PathBuf,
        /// Subject id
        subject: String,
        /// Only this fraction
        #[arg(long)]
        fraction: Option<u32>,
    },
    /// Prescribed activity of each fraction of a regimen
    Prescribe {
        /// Folder of the trial, or its trial.toml
        trial: PathBuf,
        /// Regimen id
        #[arg(long)]
        regimen: String,
        /// Height, cm
        #[arg(long)]
        height_cm: String,
        /// Weight, kg
        #[arg(long)]
        weight_kg: String,
        /// Age, years, where the protocol's formula depends on it
        #[arg(long)]
        age_years: Option<rust_decimal::Decimal>,
    },
    /// Decay an activity from one time to another, forwards or back
    Decay {
        /// Nuclide, such as I-131
        #[arg(long)]
        nuclide: String,
        /// Activity with its unit, such as "1650 MBq"
        #[arg(long)]
        activity: String,
        /// Time of that activity, with its offset: 2019-05-01T12:00-05:00
        #[arg(long)]
        from: String,
        /// Time asked for
        #[arg(long)]
        to: String,
        /// Which published half-life [default: the nuclide's first]
        #[arg(long)]
        half_life: Option<String>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json;
    let done = std::panic::catch_unwind(|| run(cli));
    match done {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => failure.report(json),
        Err(_) => {
            output::error("internal fault: please report it, with the command and, if you may, the input");
            ExitCode::from(3)
        }
    }
}

fn run(cli: Cli) -> Result<(), failure::Failure> {
    let json = cli.json;
    match cli.command {
        Command::Design(command) => design(command, json),
        Command::Trial(command) => commands::trial::run(command, json),
        Command::Serve(serve) => commands::serve::run(&serve, json),
        Command::Review(review) => commands::review::run(&review, json),
        Command::Toxicity(ToxicityCommand::Grade { file, ctcae }) => {
            commands::grade::run(&file, &ctcae, json)
        }
        Command::Toxicity(ToxicityCommand::Regrade { trial, ctcae, cohort, cut }) => {
            commands::regrade::run(&trial, &ctcae, cohort.as_deref(), cut.as_deref(), json)
        }
        Command::Response(Response {
            confirm: Some(ResponseCommand::Confirm { criteria, file }),
            settings,
            ..
        }) => commands::response::confirm(&criteria, &file, settings.as_deref(), json),
        Command::Response(Response {
            criteria,
            file,
            settings,
            explain,
            best,
            evaluator,
            partial_dates,
            ..
        }) => commands::response::assess(
            &criteria.unwrap_or_default(),
            &file.unwrap_or_default(),
            settings.as_deref(),
            commands::response::Reading { evaluator: &evaluator, partial_dates },
            explain.as_deref(),
            best,
            json,
        ),
        Command::Programme(command) => commands::programme::run(&command, json),
        Command::Release(command) => commands::release::run(&command, json),
        Command::Dose(DoseCommand::Prescribe { trial, regimen, height_cm, weight_kg, age_years }) => {
            commands::prescribe::run(&trial, &regimen, &height_cm, &weight_kg, age_years, json)
        }
        Command::Dose(DoseCommand::Sheet { trial, subject, fraction }) => {
            commands::sheet::run(&trial, &subject, fraction, json)
        }
        Command::Dose(DoseCommand::Decay { nuclide, activity, from, to, half_life }) => {
            commands::decay::run(&nuclide, &activity, &from, &to, half_life.as_deref(), json)
        }
    }
}

fn design(command: DesignCommand, json: bool) -> Result<(), failure::Failure> {
    use commands::design;
    match command {
        DesignCommand::List { name } => design::list::run(name.as_deref(), json),
        DesignCommand::Check { file } => design::check::run(&file, json),
        DesignCommand::Table { file } => design::table::run(&file, json),
        DesignCommand::Next { asked, plot } => design::next::run(&asked, plot.as_deref(), json),
        DesignCommand::Mtd(asked) => design::mtd::run(&asked, json),
        DesignCommand::Oc(oc) => design::oc::run(&oc, json),
        DesignCommand::Paths(paths) => design::paths::run(&paths, json),
        DesignCommand::Compare(compare) => design::compare::run(&compare, json),
        DesignCommand::Merge(merge) => design::trials::run_merge(&merge, json),
        DesignCommand::Calibrate(calibrate) => design::calibrate::run(&calibrate, json),
        DesignCommand::Text(text) => design::text::run(&text, json),
        DesignCommand::TwoStage(asked) => design::two_stage::run(&asked, json),
    }
}
