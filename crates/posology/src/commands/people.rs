//! `trial person`, `trial account`: who takes part, and how they show who they are.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use posology_record::account::{Account, LockedRoot, NewFactor, Settings, second_factor_address};
use posology_record::signature::SecretKey;
use posology_trial::event::{
    AccessKind, Fact, KeyIssued, KeyRevoked, Kind, Person, Role, RoleGranted, RootKeyRotated,
};

use crate::desk::{self, Desk, Identity, NEXT_ROOT, ROOT, actor, entropy, new_secret, secret};
use crate::failure::Failure;
use crate::output;

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
    let mut desk = Desk::open(&args.dir)?;
    let user = args.user.clone();
    if user.starts_with('@') {
        return Err(Failure::input("expected a user name that does not begin with @; mend: choose another"));
    }
    let mut facts: Vec<Fact> = Vec::new();
    let known = desk.record.conduct().person(&user).cloned();
    match (&known, &args.name) {
        (None, None) => {
            return Err(Failure::input(format!(
                "{user}: expected the name of a new person, found none; mend: give it with --name"
            )));
        }
        (Some(_), None) => {}
        (_, Some(name)) => facts.push(
            Person { user: user.clone(), printed_name: name.clone(), discipline: args.discipline.clone() }
                .into(),
        ),
    }
    for grant in &args.grant {
        let (word, site) = match grant.split_once('@') {
            Some((word, site)) => (word, Some(site.to_owned())),
            None => (grant.as_str(), None),
        };
        let Some(role) = Role::of(word) else {
            let known: Vec<&str> = Role::ALL.into_iter().map(Role::word).collect();
            return Err(Failure::input(format!(
                "--grant: expected one of {}, found {word:?}; mend: write it so, with @SITE for one site",
                known.join(", ")
            )));
        };
        facts.push(RoleGranted { user: user.clone(), role, site }.into());
    }
    let role = desk.role(&args.identity, Kind::Person)?;
    let by = actor(args.identity.user()?, role);
    desk.sign_in(&args.identity)?;
    let mut account = None;
    if desk.account(&user)?.is_none() {
        let root = desk.root()?;
        let key = SecretKey::from_entropy(entropy()?);
        let password = new_secret("POSOLOGY_NEW_PASSWORD", &format!("First password of {user}"))?;
        account = Some(
            Account::create(&user, &password, true, &key, &entropy()?, desk::now(), &Settings::default())
                .map_err(Failure::input)?,
        );
        facts.push(issued(&desk, &root, &user, &key)?.into());
    }
    if facts.is_empty() {
        return Err(Failure::input(format!(
            "{user}: expected something to record, found nothing new; mend: give --name or --grant"
        )));
    }
    for fact in facts {
        desk.stage(by.event(desk::now(), fact))?;
    }
    let is_new = account.is_some();
    if let Some(account) = account {
        desk.keep(&account, 0)?;
    }
    let recorded = desk.commit(None)?;
    desk::say(&recorded, &format!("person {user}"), json);
    if is_new && !json {
        output::text(&format!(
            "{user} changes the first password before anything else: `posology trial account password {} --as {user}`.",
            args.dir.display()
        ));
    }
    Ok(())
}

fn issued(desk: &Desk, root: &SecretKey, user: &str, key: &SecretKey) -> Result<KeyIssued, Failure> {
    let certificate = root.certify(desk.record.trial(), user, &key.public()).map_err(Failure::input)?;
    Ok(KeyIssued { user: user.to_owned(), key: key.public().to_string(), certificate })
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

fn of(desk: &mut Desk, user: &str) -> Result<(u64, Account), Failure> {
    match desk.account(user)? {
        Some((stored, account)) => Ok((stored.version, account)),
        None => Err(Failure::input(format!(
            "expected someone with an account, found {user:?}; mend: an administrator makes one with `posology trial person`"
        ))),
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
    let mut desk = Desk::open(&own.dir)?;
    let user = own.identity.user()?.to_owned();
    let (version, mut account) = of(&mut desk, &user)?;
    let old = secret("POSOLOGY_PASSWORD", &format!("Present password of {user}"))?;
    let new = new_secret("POSOLOGY_NEW_PASSWORD", "New password")?;
    let code = own.identity.code.as_deref();
    let changed = account.change_password(&old, code, &new, &entropy()?, desk::now(), &Settings::default());
    desk.keep(&account, version)?;
    changed.map_err(Failure::input)?;
    desk.note_access(&user, AccessKind::PasswordChanged, None)?;
    said(&own.dir, &format!("The password of {user} is changed"), json);
    Ok(())
}

fn second_factor(own: &Own, json: bool) -> Result<(), Failure> {
    let mut desk = Desk::open(&own.dir)?;
    let user = own.identity.user()?.to_owned();
    let (version, mut account) = of(&mut desk, &user)?;
    let password = secret("POSOLOGY_PASSWORD", &format!("Password of {user}"))?;
    let factor: [u8; 20] = entropy()?;
    output::error(&format!(
        "Give this address to the authenticator program:\n{}",
        second_factor_address(desk.record.trial(), &user, &factor)
    ));
    let proof = secret("POSOLOGY_NEW_CODE", "Code that it shows now")?;
    let done = account.enrol_second_factor(
        &password,
        own.identity.code.as_deref(),
        NewFactor { secret: &factor, proof: &proof },
        &entropy()?,
        desk::now(),
        &Settings::default(),
    );
    desk.keep(&account, version)?;
    done.map_err(Failure::input)?;
    desk.note_access(&user, AccessKind::SecondFactorChanged, None)?;
    said(&own.dir, &format!("The second factor of {user} is enrolled"), json);
    Ok(())
}

/// An administrator, signed in.
fn administrator(desk: &mut Desk, identity: &Identity) -> Result<posology_record::record::Actor, Failure> {
    let by = identity.user()?.to_owned();
    desk.sign_in(identity)?;
    if desk.record.conduct().grants(&by, Role::Administrator).is_empty() {
        return Err(Failure::input(format!(
            "expected an administrator, found {by}; mend: let an administrator do it"
        )));
    }
    Ok(actor(&by, Role::Administrator))
}

fn unlock(others: &Others, json: bool) -> Result<(), Failure> {
    let mut desk = Desk::open(&others.dir)?;
    let by = administrator(&mut desk, &others.identity)?;
    let (version, mut account) = of(&mut desk, &others.user)?;
    account.unlock();
    desk.keep(&account, version)?;
    let user = others.user.clone();
    let fact = posology_trial::event::Access { user, kind: AccessKind::Unlocked, detail: None };
    desk.stage(by.event(desk::now(), fact))?;
    desk.commit(None)?;
    said(&others.dir, &format!("{} is unlocked", others.user), json);
    Ok(())
}

fn reset(others: &Others, json: bool) -> Result<(), Failure> {
    let mut desk = Desk::open(&others.dir)?;
    let by = administrator(&mut desk, &others.identity)?;
    let user = others.user.clone();
    let (version, mut account) = of(&mut desk, &user)?;
    let root = desk.root()?;
    let key = SecretKey::from_entropy(entropy()?);
    let first = new_secret("POSOLOGY_NEW_PASSWORD", &format!("First password of {user}"))?;
    let old = account
        .reset(&first, &key, &entropy()?, desk::now(), &Settings::default())
        .map_err(Failure::input)?;
    certify(&mut desk, &by, &root, &user, &old, &key, "Password lost and set anew")?;
    desk.keep(&account, version)?;
    let recorded = desk.commit(None)?;
    desk::say(&recorded, &format!("a new key of {user}, whose password is to be changed"), json);
    Ok(())
}

/// Stages the revocation of an old key and the certificate of a new one.
fn certify(
    desk: &mut Desk,
    by: &posology_record::record::Actor,
    root: &SecretKey,
    user: &str,
    old: &str,
    key: &SecretKey,
    reason: &str,
) -> Result<(), Failure> {
    if desk.record.conduct().key_holder(old).is_some() {
        let revoked = KeyRevoked { key: old.to_owned(), reason: reason.to_owned() };
        desk.stage(by.event(desk::now(), revoked))?;
    }
    let issued = issued(desk, root, user, key)?;
    desk.stage(by.event(desk::now(), issued)).map(|_| ())
}

fn new_key(others: &Others, json: bool) -> Result<(), Failure> {
    let mut desk = Desk::open(&others.dir)?;
    let by = administrator(&mut desk, &others.identity)?;
    let user = others.user.clone();
    let (version, mut account) = of(&mut desk, &user)?;
    let root = desk.root()?;
    let key = SecretKey::from_entropy(entropy()?);
    let own = secret("POSOLOGY_OWN_PASSWORD", &format!("Password of {user}"))?;
    let code = if account.has_second_factor() {
        Some(secret("POSOLOGY_OWN_CODE", &format!("Code of {user}"))?)
    } else {
        None
    };
    let done =
        account.rotate_key(&own, code.as_deref(), &key, &entropy()?, desk::now(), &Settings::default());
    let old = match done {
        Ok(old) => old,
        Err(refused) => {
            desk.keep(&account, version)?;
            return Err(Failure::input(refused));
        }
    };
    certify(&mut desk, &by, &root, &user, &old, &key, "Replaced by a new key")?;
    desk.keep(&account, version)?;
    let recorded = desk.commit(None)?;
    desk::say(&recorded, &format!("a new key of {user}"), json);
    Ok(())
}

fn rotate_root(own: &Own, json: bool) -> Result<(), Failure> {
    let mut desk = Desk::open(&own.dir)?;
    let by = administrator(&mut desk, &own.identity)?;
    let old = desk.root()?;
    let new = SecretKey::from_entropy(entropy()?);
    let passphrase = new_secret("POSOLOGY_NEW_PASSPHRASE", "Passphrase of the new root key")?;
    let locked =
        LockedRoot::lock(&new, &passphrase, &entropy()?, &Settings::default()).map_err(Failure::input)?;
    let certificate = old.certify_root(desk.record.trial(), &new.public()).map_err(Failure::input)?;
    let rotated = RootKeyRotated { key: new.public().to_string(), certificate };
    desk.stage(by.event(desk::now(), rotated))?;
    // Beside the old one first: whichever of the two the record names can be opened, whatever happens in between.
    desk.keep_root(NEXT_ROOT, &locked)?;
    let recorded = desk.commit(None)?;
    desk.keep_root(ROOT, &locked)?;
    desk::say(&recorded, &format!("a new root key, {}", new.public()), json);
    Ok(())
}
