//! Who takes part, and how they show who they are: persons, passwords, second factors, keys.

use posology_trial::event::{
    Access, AccessKind, Fact, KeyIssued, KeyRevoked, Person, Role, RoleGranted, RootKeyRotated,
};

use super::{Desk, NEXT_ROOT, ROOT, Recorded, Undone, user_name};
use crate::account::{Account, LockedRoot, NewFactor};
use crate::record::Actor;
use crate::signature::SecretKey;

/// A person to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPerson<'a> {
    /// User name.
    pub user: &'a str,
    /// Name as it is printed; not needed for someone who is known.
    pub name: Option<&'a str>,
    /// Discipline.
    pub discipline: Option<&'a str>,
    /// Roles to grant, of every site or of one: `investigator`, or `investigator@01`.
    pub grants: Vec<&'a str>,
}

impl Desk {
    /// Keeps a locked root key under a name.
    pub(super) fn keep_root(&mut self, name: &str, locked: &LockedRoot) -> Result<(), Undone> {
        let trial = self.record.trial().to_owned();
        let body = serde_json::to_string(locked)?;
        let ledger = self.record.ledger();
        let version = ledger.account(&trial, name)?.map_or(0, |there| there.version);
        ledger.put_account(&trial, name, version, &body)?;
        Ok(())
    }

    /// The trial's root key, opened by its passphrase.
    fn root(&mut self, passphrase: &str) -> Result<SecretKey, Undone> {
        let trial = self.record.trial().to_owned();
        let in_force = self.record.keys().root().map(|root| root.to_string());
        let mut found = None;
        for name in [ROOT, NEXT_ROOT] {
            let Some(stored) = self.record.ledger().account(&trial, name)? else { continue };
            let locked: LockedRoot = serde_json::from_str(&stored.body)?;
            if in_force.as_deref() == Some(locked.key()) {
                found = Some(locked);
            }
        }
        let Some(locked) = found else {
            return Err(Undone::Asked(
                "expected the trial's root key beside the record, found none; mend: work where the trial was founded, or restore its accounts (`posology trial restore --accounts`)".to_owned(),
            ));
        };
        locked.open(passphrase).map_err(|_| {
            Undone::Asked(
                "expected the passphrase of the trial's root key, found another; mend: try again with care"
                    .to_owned(),
            )
        })
    }

    /// Whether a passphrase opens the root key: asked before more is asked for.
    ///
    /// # Errors
    /// Another passphrase, or no root key beside the record.
    pub fn opens_root(&mut self, passphrase: &str) -> Result<(), Undone> {
        self.root(passphrase).map(|_| ())
    }

    /// Records a person with roles and, the first time, a certified key and an account whose first password they must
    /// change: `first` is that password and the passphrase of the root key. Whether the account is new.
    ///
    /// # Errors
    /// What is missing, or forbidden.
    pub fn person(
        &mut self,
        by: &Actor,
        person: &NewPerson<'_>,
        first: Option<(&str, &str)>,
    ) -> Result<(Recorded, bool), Undone> {
        let user = user_name(person.user)?.to_owned();
        let mut facts: Vec<Fact> = Vec::new();
        match (self.conduct().person(&user), person.name) {
            (None, None) => {
                return Err(Undone::Asked(format!(
                    "{user}: expected the name of a new person, found none; mend: give it (--name, or the field Name)"
                )));
            }
            (Some(_), None) => {}
            (_, Some(name)) => facts.push(
                Person {
                    user: user.clone(),
                    printed_name: name.to_owned(),
                    discipline: person.discipline.map(str::to_owned),
                }
                .into(),
            ),
        }
        for grant in &person.grants {
            let (word, site) = match grant.split_once('@') {
                Some((word, site)) => (word, Some(site.to_owned())),
                None => (*grant, None),
            };
            let Some(role) = Role::of(word) else {
                let known: Vec<&str> = Role::ALL.into_iter().map(Role::word).collect();
                return Err(Undone::Asked(format!(
                    "grant: expected one of {}, found {word:?}; mend: write it so, with @SITE for one site",
                    known.join(", ")
                )));
            };
            facts.push(RoleGranted { user: user.clone(), role, site }.into());
        }
        let mut account = None;
        if self.account(&user)?.is_none() {
            let Some((password, passphrase)) = first else {
                return Err(Undone::Asked(format!(
                    "{user}: expected a first password and the passphrase of the root key, since they have no account, found none; mend: give both"
                )));
            };
            let root = self.root(passphrase)?;
            let key = SecretKey::from_entropy(self.entropy()?);
            account = Some(Account::create(
                &user,
                password,
                true,
                &key,
                &self.entropy()?,
                self.now(),
                &self.settings,
            )?);
            facts.push(self.issued(&root, &user, &key)?.into());
        }
        if facts.is_empty() {
            return Err(Undone::Asked(format!(
                "{user}: expected something to record, found nothing new; mend: give a name or a role"
            )));
        }
        for fact in facts {
            let staged = self.stage(by.event(self.now(), fact));
            self.or_drop(staged)?;
        }
        let is_new = account.is_some();
        if let Some(account) = account {
            let kept = self.keep(&account, 0);
            self.or_drop(kept)?;
        }
        Ok((self.commit(None)?, is_new))
    }

    fn issued(&self, root: &SecretKey, user: &str, key: &SecretKey) -> Result<KeyIssued, Undone> {
        let certificate = root.certify(self.record.trial(), user, &key.public())?;
        Ok(KeyIssued { user: user.to_owned(), key: key.public().to_string(), certificate })
    }

    /// Changes a person's own password; the code is that of their second factor, where they have one.
    ///
    /// # Errors
    /// Not let in, or a password that is not taken.
    pub fn change_password(
        &mut self,
        user: &str,
        old: &str,
        code: Option<&str>,
        new: &str,
    ) -> Result<(), Undone> {
        let Some((stored, mut account)) = self.account(user)? else {
            return Err(crate::account::refuse_unknown(user, old, &self.settings).into());
        };
        let entropy = self.entropy()?;
        let changed = account.change_password(old, code, new, &entropy, self.now(), &self.settings);
        self.keep(&account, stored.version)?;
        changed?;
        self.note_access(user, AccessKind::PasswordChanged, None)
    }

    /// Enrols a second factor whose secret the person's authenticator has taken up.
    ///
    /// # Errors
    /// Not let in, or a code that is not the new factor's.
    pub fn enrol_second_factor(
        &mut self,
        user: &str,
        password: &str,
        code: Option<&str>,
        factor: NewFactor<'_>,
    ) -> Result<(), Undone> {
        let (version, mut account) = self.account_of(user)?;
        let entropy = self.entropy()?;
        let done = account.enrol_second_factor(password, code, factor, &entropy, self.now(), &self.settings);
        self.keep(&account, version)?;
        done?;
        self.note_access(user, AccessKind::SecondFactorChanged, None)
    }

    /// Whether someone has a second factor; no of someone without an account.
    ///
    /// # Errors
    /// What the ledger says.
    pub fn has_second_factor(&mut self, user: &str) -> Result<bool, Undone> {
        Ok(self.account(user)?.is_some_and(|(_, account)| account.has_second_factor()))
    }

    /// A user as administrator.
    ///
    /// # Errors
    /// Someone who is none.
    pub fn administrator(&self, user: &str) -> Result<Actor, Undone> {
        if self.conduct().grants(user, Role::Administrator).is_empty() {
            return Err(Undone::NotTheirs(format!(
                "expected an administrator, found {user}; mend: let an administrator do it"
            )));
        }
        Ok(self.actor(user, Role::Administrator))
    }

    /// Unlocks someone who was locked out.
    ///
    /// # Errors
    /// Nobody of that name.
    pub fn unlock(&mut self, by: &Actor, user: &str) -> Result<Recorded, Undone> {
        let (version, mut account) = self.account_of(user)?;
        account.unlock();
        let fact = Access { user: user.to_owned(), kind: AccessKind::Unlocked, detail: None };
        self.stage(by.event(self.now(), fact))?;
        let kept = self.keep(&account, version);
        self.or_drop(kept)?;
        self.commit(None)
    }

    /// Sets a new first password for someone who lost theirs: their key is revoked and a new one certified.
    ///
    /// # Errors
    /// A wrong passphrase, or a password that is not taken.
    pub fn reset(
        &mut self,
        by: &Actor,
        user: &str,
        first: &str,
        passphrase: &str,
    ) -> Result<Recorded, Undone> {
        let (version, mut account) = self.account_of(user)?;
        let root = self.root(passphrase)?;
        let key = SecretKey::from_entropy(self.entropy()?);
        let old = account.reset(first, &key, &self.entropy()?, self.now(), &self.settings)?;
        let certified = self.certify(by, &root, user, &old, &key, "Password lost and set anew");
        self.or_drop(certified)?;
        let kept = self.keep(&account, version);
        self.or_drop(kept)?;
        self.commit(None)
    }

    /// Stages the revocation of an old key and the certificate of a new one.
    fn certify(
        &mut self,
        by: &Actor,
        root: &SecretKey,
        user: &str,
        old: &str,
        key: &SecretKey,
        reason: &str,
    ) -> Result<(), Undone> {
        if self.conduct().key_holder(old).is_some() {
            let revoked = KeyRevoked { key: old.to_owned(), reason: reason.to_owned() };
            self.stage(by.event(self.now(), revoked))?;
        }
        let issued = self.issued(root, user, key)?;
        self.stage(by.event(self.now(), issued)).map(|_| ())
    }

    /// Gives someone a new signing key, with their password; the old one is revoked.
    ///
    /// # Errors
    /// Not let in, or a wrong passphrase.
    pub fn new_key(
        &mut self,
        by: &Actor,
        user: &str,
        password: &str,
        code: Option<&str>,
        passphrase: &str,
    ) -> Result<Recorded, Undone> {
        let (version, mut account) = self.account_of(user)?;
        let root = self.root(passphrase)?;
        let key = SecretKey::from_entropy(self.entropy()?);
        let entropy = self.entropy()?;
        let done = account.rotate_key(password, code, &key, &entropy, self.now(), &self.settings);
        let old = match done {
            Ok(old) => old,
            Err(refused) => {
                self.keep(&account, version)?;
                return Err(refused.into());
            }
        };
        let certified = self.certify(by, &root, user, &old, &key, "Replaced by a new key");
        self.or_drop(certified)?;
        let kept = self.keep(&account, version);
        self.or_drop(kept)?;
        self.commit(None)
    }

    /// Puts a new root key in place of the old one, which certifies it; the new key's public half.
    ///
    /// # Errors
    /// A wrong passphrase, or a new one that is not taken.
    pub fn rotate_root(
        &mut self,
        by: &Actor,
        passphrase: &str,
        new_passphrase: &str,
    ) -> Result<(Recorded, String), Undone> {
        let old = self.root(passphrase)?;
        let new = SecretKey::from_entropy(self.entropy()?);
        let locked = LockedRoot::lock(&new, new_passphrase, &self.entropy()?, &self.settings)?;
        let certificate = old.certify_root(self.record.trial(), &new.public())?;
        let key = new.public().to_string();
        let rotated = RootKeyRotated { key: key.clone(), certificate };
        self.stage(by.event(self.now(), rotated))?;
        // Beside the old one first: whichever of the two the record names can be opened, whatever happens in between.
        let kept = self.keep_root(NEXT_ROOT, &locked);
        self.or_drop(kept)?;
        let recorded = self.commit(None)?;
        self.keep_root(ROOT, &locked)?;
        Ok((recorded, key))
    }
}
