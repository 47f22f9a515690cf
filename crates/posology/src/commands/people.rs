//! `trial person`, `trial account`: who takes part, and how they show who they are.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use posology_record::account::{NewFactor, second_factor_address};
use posology_record::desk::{Desk, NewPerson as Someone};
use posology_record::record::Actor;
use posology_trial::event::Kind;

use crate::desk::{self, Identity, new_secret, secret};
use crate::failure::Failure;
use crate::output;

/// The passphrase of the trial's root key, right as far as is known.
fn passphrase(desk: &mut Desk) -> Result<String, Failure> {
    let passphrase = secret("POSOLOGY_ROOT_PASSPHRASE", "Passphrase of the trial's root key")?;
    desk.opens_root(&passphrase)?;
    Ok(passphrase)
}

#[derive(Args)]
pub(crate) struct NewPerson {
    /// Folder of the trial
    dir: PathBuf,
    /// User name of the person
    user: String,
    /// Name, as it is printed with signatures
    #[arg(long)]
    name: Option<String>,
    /// Discipline, such as Biostatistician
    #[arg(long)]
    discipline: Option<String>,
    /// A role to grant, of every site or of one: investigator, or investigator@01; may be repeated
    #[arg(long, value_name = "ROLE[@SITE]")]
    grant: Vec<String>,
    #[command(flatten)]
    identity: Identity,
}

/// Records a person with roles and, the first time, a certified key and an account.
pub(crate) fn person(args: &NewPerson, json: bool) -> Result<(), Failure> {
    let (_, mut desk) = desk::open(&args.dir)?;
    let someone = Someone {
        user: &args.user,
        name: args.name.as_deref(),
        discipline: args.discipline.as_deref(),
        grants: args.grant.iter().map(String::as_str).collect(),
    };
    let by = desk::acting(&mut desk, &args.identity, Kind::Person)?;
    let first = if desk.account(&args.user)?.is_none() {
        let passphrase = passphrase(&mut desk)?;
        Some((new_secret("POSOLOGY_NEW_PASSWORD", &format!("First password of {}", args.user))?, passphrase))
    } else {
        None
    };
    let first = first.as_ref().map(|(password, passphrase)| (password.as_str(), passphrase.as_str()));
    let (recorded, is_new) = desk.person(&by, &someone, first)?;
    desk::say(&recorded, &format!("person {}", args.user), json);
    if is_new && !json {
        output::text(&format!(
            "{user} changes the first password before anything else: `posology trial account password {} --as {user}`.",
            args.dir.display(),
            user = args.user
        ));
    }
    Ok(())
}

#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// Change one's password (old: POSOLOGY_PASSWORD, new: POSOLOGY_NEW_PASSWORD)
    Password(Own),
    /// Enrol an authenticator program as second factor, or replace it
    SecondFactor(Own),
    /// Unlock someone who was locked out after refusals
    Unlock(Others),
    /// Set a new first password for someone who lost theirs; their key is revoked and a new one certified
    Reset(Others),
    /// Give someone a new signing key (their password: POSOLOGY_OWN_PASSWORD); the old one is revoked
    NewKey(Others),
    /// Put a new root key in place of the old one, which certifies it (new passphrase: POSOLOGY_NEW_PASSPHRASE)
    RotateRoot(Own),
}

#[derive(Args)]
pub(crate) struct Own {
    /// Folder of the trial
    dir: PathBuf,
    #[command(flatten)]
    identity: Identity,
}

#[derive(Args)]
pub(crate) struct Others {
    /// Folder of the trial
    dir: PathBuf,
    /// Whose account
    user: String,
    #[command(flatten)]
    identity: Identity,
}

pub(crate) fn account(command: &AccountCommand, json: bool) -> Result<(), Failure> {
    match command {
        AccountCommand::Password(own) => password(own, json),
        AccountCommand::SecondFactor(own) => second_factor(own, json),
        AccountCommand::Unlock(others) => unlock(others, json),
        AccountCommand::Reset(others) => reset(others, json),
        AccountCommand::NewKey(others) => new_key(others, json),
        AccountCommand::RotateRoot(own) => rotate_root(own, json),
    }
}

fn said(dir: &Path, what: &str, json: bool) {
    if json {
        output::json(&serde_json::json!({ "ok": true }));
    } else {
        output::text(&format!("{what} ({}).", dir.display()));
    }
}

fn password(own: &Own, json: bool) -> Result<(), Failure> {
    let (_, mut desk) = desk::open(&own.dir)?;
    let user = own.identity.user()?.to_owned();
    let old = secret("POSOLOGY_PASSWORD", &format!("Present password of {user}"))?;
    let new = new_secret("POSOLOGY_NEW_PASSWORD", "New password")?;
    desk.change_password(&user, &old, own.identity.code.as_deref(), &new)?;
    said(&own.dir, &format!("The password of {user} is changed"), json);
    Ok(())
}

fn second_factor(own: &Own, json: bool) -> Result<(), Failure> {
    let (_, mut desk) = desk::open(&own.dir)?;
    let user = own.identity.user()?.to_owned();
    let password = secret("POSOLOGY_PASSWORD", &format!("Password of {user}"))?;
    let factor: [u8; 20] = desk.entropy()?;
    output::error(&format!(
        "Give this address to the authenticator program:\n{}",
        second_factor_address(desk.record().trial(), &user, &factor)
    ));
    let proof = secret("POSOLOGY_NEW_CODE", "Code that it shows now")?;
    let factor = NewFactor { secret: &factor, proof: &proof };
    desk.enrol_second_factor(&user, &password, own.identity.code.as_deref(), factor)?;
    said(&own.dir, &format!("The second factor of {user} is enrolled"), json);
    Ok(())
}

/// An administrator, signed in.
fn administrator(desk: &mut Desk, identity: &Identity) -> Result<Actor, Failure> {
    desk::sign_in(desk, identity)?;
    Ok(desk.administrator(identity.user()?)?)
}

fn unlock(others: &Others, json: bool) -> Result<(), Failure> {
    let (_, mut desk) = desk::open(&others.dir)?;
    let by = administrator(&mut desk, &others.identity)?;
    desk.unlock(&by, &others.user)?;
    said(&others.dir, &format!("{} is unlocked", others.user), json);
    Ok(())
}

fn reset(others: &Others, json: bool) -> Result<(), Failure> {
    let (_, mut desk) = desk::open(&others.dir)?;
    let by = administrator(&mut desk, &others.identity)?;
    let passphrase = passphrase(&mut desk)?;
    let first = new_secret("POSOLOGY_NEW_PASSWORD", &format!("First password of {}", others.user))?;
    let recorded = desk.reset(&by, &others.user, &first, &passphrase)?;
    desk::say(&recorded, &format!("a new key of {}, whose password is to be changed", others.user), json);
    Ok(())
}

fn new_key(others: &Others, json: bool) -> Result<(), Failure> {
    let (_, mut desk) = desk::open(&others.dir)?;
    let by = administrator(&mut desk, &others.identity)?;
    let user = &others.user;
    let passphrase = passphrase(&mut desk)?;
    let own = secret("POSOLOGY_OWN_PASSWORD", &format!("Password of {user}"))?;
    let code = if desk.has_second_factor(user)? {
        Some(secret("POSOLOGY_OWN_CODE", &format!("Code of {user}"))?)
    } else {
        None
    };
    let recorded = desk.new_key(&by, user, &own, code.as_deref(), &passphrase)?;
    desk::say(&recorded, &format!("a new key of {user}"), json);
    Ok(())
}

fn rotate_root(own: &Own, json: bool) -> Result<(), Failure> {
    let (_, mut desk) = desk::open(&own.dir)?;
    let by = administrator(&mut desk, &own.identity)?;
    let passphrase = passphrase(&mut desk)?;
    let new = new_secret("POSOLOGY_NEW_PASSPHRASE", "Passphrase of the new root key")?;
    let (recorded, key) = desk.rotate_root(&by, &passphrase, &new)?;
    desk::say(&recorded, &format!("a new root key, {key}"), json);
    Ok(())
}
