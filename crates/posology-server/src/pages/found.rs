//! The first administrator founds the record, with a token that is used once.

use maud::{Markup, html};
use posology_record::desk::{Desk, Founding};
use posology_trial::event::Mode;

use crate::Stand;
use crate::ask::{Answer, Asked, Failed};
use crate::layout;
use crate::session::same;

fn needs_token(asked: &Asked, token: &str) -> Result<String, Failed> {
    if let Err(seconds) = asked.site.sign_ins.take(&asked.peer.to_string(), asked.now()) {
        return Err(Failed::forbidden(format!(
            "expected fewer attempts, found too many; mend: try again in {seconds} seconds"
        )));
    }
    match &*asked.site.stand() {
        Stand::Unfounded(unfounded) if same(&unfounded.token, token) => {
            let trial = &unfounded.protocol.trial;
            Ok(format!("{} {}", trial.id, trial.title))
        }
        Stand::Unfounded(_) => Err(Failed::forbidden(
            "expected the one-time address that `posology serve` printed, found another; mend: open that address",
        )),
        _ => Err(Failed::missing("expected a trial whose record is not founded yet, found none here")),
    }
}

pub(crate) fn page(asked: &Asked) -> Answer {
    let fields = asked.fields();
    let token = fields.iter().find(|(name, _)| name == "token").map_or("", |(_, token)| token);
    let trial = needs_token(asked, token)?;
    Ok(layout::plain("", "Found the record", &form(&trial, token, None)))
}

fn form(trial: &str, token: &str, refused: Option<&str>) -> Markup {
    html! {
        p { "The record of " strong { (trial) } " begins here. You become its administrator: you name people and give roles, and record no patient." }
        @if let Some(refused) = refused { p .flag role="alert" { (refused) } }
        form .stacked method="post" action="/found" {
            input type="hidden" name="token" value=(token);
            label { "User name" input name="user" autocomplete="username" required; }
            label { "Name, as it is printed with signatures" input name="name" autocomplete="name" required; }
            label { "Password" input name="password" type="password" autocomplete="new-password" required; }
            label { "Password, again" input name="password-again" type="password" autocomplete="new-password" required; }
            label { "Passphrase of the trial's root key" input name="passphrase" type="password" autocomplete="off" required aria-describedby="passphrase-hint"; }
            p #passphrase-hint .hint { "The root key certifies people. Keep its passphrase apart from the record; nobody can give it back to you." }
            label { "Where data originate"
                select name="mode" {
                    option value="capture" { "capture: they are recorded here" }
                    option value="follow" { "follow: they are imported from another system" }
                }
            }
            button { "Found the record" }
        }
    }
}

pub(crate) fn found(asked: &Asked) -> Answer {
    let token = asked.field("token").unwrap_or_default().to_owned();
    let trial = needs_token(asked, &token)?;
    let refuse = |says: &str| Ok(layout::plain("", "Found the record", &form(&trial, &token, Some(says))));
    let password = asked.secret("password");
    if password != asked.secret("password-again") {
        return refuse("Password: expected the same twice, found two; mend: type it again");
    }
    let mode = if asked.field("mode") == Some("follow") { Mode::Follow } else { Mode::Capture };
    let (user, name) = (asked.needed("user")?, asked.needed("name")?);
    let mut stand = asked.site.stand();
    let Stand::Unfounded(unfounded) = &*stand else {
        return Err(Failed::missing("expected a trial whose record is not founded yet, found none here"));
    };
    let founding = Founding {
        protocol: &unfounded.protocol,
        text: &unfounded.text,
        mode,
        except: Vec::new(),
        user,
        name,
        password,
        passphrase: asked.secret("passphrase"),
    };
    let (desk, _, root_key) = match Desk::found(&unfounded.location, &founding, asked.site.around) {
        Ok(founded) => founded,
        Err(undone) => {
            drop(stand);
            return refuse(&undone.to_string());
        }
    };
    *stand = Stand::Record(Box::new(desk));
    drop(stand);
    let body = html! {
        p role="status" { "The record of " strong { (trial) } " is founded." }
        p { "Its root key is " code { (root_key) } ". Note it where the record is not: with it anyone can tell this record from another." }
        p { a href="/sign-in?next=%2Fpeople" { "Sign in and name the people" } }
    };
    Ok(layout::plain("", "Founded", &body))
}
