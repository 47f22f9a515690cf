//! `serve`: the pages and the API of a trial.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use jiff::SignedDuration;
use posology_record::desk::Desk;
use posology_server::{Loaded, Options, Register, Stand, Tls, Unfounded};

use super::programme::{register, status};
use crate::desk::{self, entropy};
use crate::failure::Failure;
use crate::folder::{Folder, is_founded};
use crate::output;

#[derive(Args)]
pub(crate) struct Serve {
    /// Folder of the trial; without it, the design lab alone
    dir: Option<PathBuf>,
    /// Port; 0 takes a free one
    #[arg(long, default_value_t = 8037)]
    port: u16,
    /// Address to listen at; others than this machine's own need --host and TLS, here or at a proxy
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// A name under which it is reached; may be repeated
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Certificate chain of TLS, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Private key of TLS, PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// It stands behind a proxy that ends TLS and names the client in X-Forwarded-For
    #[arg(long)]
    behind_proxy: bool,
    /// Minutes for which a session may be idle
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=480))]
    idle: u32,
    /// The register of the programme of which the trial is one [default: programme.toml in the trial's folder or the one around it]
    #[arg(long, value_name = "FILE", requires = "dir")]
    programme: Option<PathBuf>,
}

const PROGRAMME: &str = "programme.toml";

/// Invented people of an example all have this password.
const REHEARSAL: &str = super::synthesize::PASSWORD;

pub(crate) fn run(args: &Serve, json: bool) -> Result<(), Failure> {
    let tls = match (&args.tls_certificate, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls { certificate: certificate.clone(), key: key.clone() }),
        _ => None,
    };
    let secure = tls.is_some() || args.behind_proxy;
    if !args.listen.is_loopback() && !secure {
        return Err(Failure::input(format!(
            "--listen {}: expected TLS for an address that others reach (--tls-certificate and --tls-key, or --behind-proxy), found none; mend: give them, or listen on 127.0.0.1",
            args.listen
        )));
    }
    // Kept until the end: a rehearsal's record lies in it.
    let rehearsal = tempfile::tempdir().map_err(Failure::fault)?;
    let Standing { stand, says, rehearsed } = match &args.dir {
        Some(dir) => stand(dir, rehearsal.path())?,
        None => Standing::of(Stand::Lab, "The design lab is at {}lab for this machine.".to_owned()),
    };
    let options = Options {
        secure,
        hosts: args.host.clone(),
        rehearsal: rehearsed.then(|| REHEARSAL.to_owned()),
        idle: SignedDuration::from_mins(i64::from(args.idle)),
        behind_proxy: args.behind_proxy,
        programme: programme_of(args)?,
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let listen = SocketAddr::new(args.listen, args.port);
    posology_server::serve(stand, desk::HERE, options, listen, tls, |address| {
        let address = format!("{scheme}://{address}/");
        let says = says.replace("{}", &address);
        if json {
            output::json(&serde_json::json!({ "address": address, "says": says }));
        } else {
            output::text(&format!("{says} Stop with Ctrl-C."));
        }
    })
    .map_err(|error| {
        Failure::input(format!("{listen}: cannot be served: {error}; mend: take another port or address, and see that certificate and key are PEM files that belong together"))
    })
}

/// The programme's register: read once, so that a fault in it is told before anything is served, and again when looked at.
fn programme_of(args: &Serve) -> Result<Option<Register>, Failure> {
    let file = match (&args.programme, &args.dir) {
        (Some(file), _) => Some(file.clone()),
        (None, Some(dir)) => {
            let places = [dir.join(PROGRAMME), dir.join("..").join(PROGRAMME)];
            places.into_iter().find(|file| file.is_file())
        }
        (None, None) => None,
    };
    let Some(file) = file else { return Ok(None) };
    register(&file)?;
    Ok(Some(Register(Arc::new(move || status(&file, None).map_err(|failure| failure.words())))))
}

/// What is served, and what is said of it; `{}` is the address.
struct Standing {
    stand: Stand,
    says: String,
    rehearsed: bool,
}

impl Standing {
    fn of(stand: Stand, says: String) -> Self {
        Self { stand, says, rehearsed: false }
    }
}

fn stand(dir: &Path, rehearsal: &Path) -> Result<Standing, Failure> {
    let folder = Folder::open(dir)?;
    let trial = folder.protocol.trial.id.clone();
    if let Some(location) = folder.location()? {
        let desk = Desk::open(&location, Some(&trial), desk::HERE)?;
        return Ok(Standing::of(
            Stand::Record(Box::new(desk)),
            format!("{trial} is at {{}} for those who sign in."),
        ));
    }
    if !folder.events_path().exists() {
        let location = desk::new_location(&folder)?;
        let token: String = entropy::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect();
        let says = format!(
            "The record of {trial} is not founded yet. Its first administrator opens, once: {{}}found?token={token}"
        );
        let Folder { protocol, text, .. } = folder;
        let unfounded = Unfounded { location, protocol, text, token };
        return Ok(Standing::of(Stand::Unfounded(Box::new(unfounded)), says));
    }
    let accounts = dir.join("accounts.ndjson");
    if folder.protocol.trial.synthetic && accounts.exists() && is_founded(&folder.events()?) {
        super::bundle::rehearse(folder.events_path(), accounts, rehearsal.to_owned())?;
        let (_, desk) = desk::open(rehearsal)?;
        return Ok(Standing {
            stand: Stand::Record(Box::new(desk)),
            says: format!(
                "A rehearsal of {trial}, with invented people, is at {{}}; everyone's password is \"{REHEARSAL}\", and what is recorded is gone when it stops."
            ),
            rehearsed: true,
        });
    }
    load(dir)?;
    let dir = dir.to_owned();
    let source = Box::new(move || load(&dir).map_err(|failure| failure.words()));
    Ok(Standing::of(
        Stand::File(source),
        format!("{trial} is at {{}} to be read: its events are a file that names nobody."),
    ))
}

fn load(dir: &Path) -> Result<Loaded, Failure> {
    let folder = Folder::open(dir)?;
    let chain = folder.events()?;
    let (protocol, protocol_sha256) = folder.in_force(&chain)?;
    Ok(Loaded { protocol, protocol_sha256, chain })
}
