//! What people click: the pages of a trial, and the API that gives the same as data.
//!
//! Start at [`serve`], or at [`router`] for the pages without a socket. Everything shown and done comes from the same
//! functions as the commands and the packet; no page contains a rule of the trial. Every request is one of the list in
//! `routes`: what it answers, and who is let through, stand there side by side, and the description of the API is made
//! from it. What is recorded goes through `posology_record::desk`, under the name of whoever signed in.

mod api;
mod ask;
mod gate;
mod kinds;
mod layout;
mod openapi;
mod pages;
mod routes;
mod session;
mod token;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use jiff::SignedDuration;
use posology_record::desk::{Desk, Surroundings, Undone};
use posology_record::ledger::Location;
use posology_report::figure::Figure;
use posology_trial::analysis::Analysis;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::board::Board;
use posology_trial::conduct::Conduct;
use posology_trial::cut::{BadCut, Cut};
use posology_trial::event::Chain;
use posology_trial::permission::Reading;
use posology_trial::programme::Status;
use posology_trial::protocol::Protocol;

pub use routes::{Described, Gate, described};

use ask::Failed;
use session::{Limit, Sessions};

/// A trial read from a file of events.
pub struct Loaded {
    /// The protocol by which it is judged.
    pub protocol: Protocol,
    /// SHA-256 of the protocol's text.
    pub protocol_sha256: String,
    /// Its events.
    pub chain: Chain,
}

/// Where a file of events comes from: asked anew when the pages are looked at.
pub type Source = Box<dyn Fn() -> Result<Loaded, String> + Send + Sync>;

/// What is served.
pub enum Stand {
    /// A record, to be worked with by those who sign in.
    Record(Box<Desk>),
    /// A file of events that names nobody: to be read.
    File(Source),
    /// A protocol whose record does not begin before its first administrator founds it, with a token that is used once.
    Unfounded(Box<Unfounded>),
    /// The design lab alone.
    Lab,
}

/// A trial to be founded in the browser.
pub struct Unfounded {
    /// Where the record will be.
    pub location: Location,
    /// The protocol.
    pub protocol: Protocol,
    /// Its text.
    pub text: String,
    /// What the first administrator shows, once.
    pub token: String,
}

/// How the programme of which a trial is one stands: asked anew when its page is looked at.
#[derive(Clone)]
pub struct Register(pub Arc<dyn Fn() -> Result<Status, String> + Send + Sync>);

impl std::fmt::Debug for Register {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Register")
    }
}

/// How a site is served.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether it is reached by TLS, here or at a proxy: cookies are then for TLS alone.
    pub secure: bool,
    /// Names under which it is reached, beside those of this machine.
    pub hosts: Vec<String>,
    /// The password of everybody in a rehearsal with invented people; said on the page for signing in.
    pub rehearsal: Option<String>,
    /// How long a session may be idle (30 minutes).
    pub idle: SignedDuration,
    /// Whether the address of a client is the one that a proxy names (`X-Forwarded-For`, its last).
    pub behind_proxy: bool,
    /// The programme of which the trial is one, where there is one.
    pub programme: Option<Register>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            secure: false,
            hosts: Vec::new(),
            rehearsal: None,
            idle: SignedDuration::from_mins(30),
            behind_proxy: false,
            programme: None,
        }
    }
}

/// A trial read, analysed at the end of its record.
pub(crate) struct View {
    pub(crate) conduct: Conduct,
    pub(crate) analysis: Analysis,
    pub(crate) board: Board,
    /// The figures of everyone, drawn when they are first looked at.
    pub(crate) figures: OnceLock<Vec<Figure>>,
}

impl View {
    /// The patients whom someone may read.
    pub(crate) fn patients_for(&self, reading: &Reading) -> Vec<&PatientAnalysis> {
        let all = self.analysis.patients.iter();
        all.filter(|patient| reading.reads_patient(&self.conduct, &patient.id)).collect()
    }
}

/// What others recorded is looked for after so long.
const FRESH: Duration = Duration::from_millis(500);

pub(crate) struct Site {
    stand: Mutex<Stand>,
    last: Mutex<Option<(Instant, Arc<View>)>>,
    pub(crate) sessions: Sessions,
    /// Attempts to sign in, by address.
    pub(crate) sign_ins: Limit,
    /// Requests, by session, token or address.
    pub(crate) requests: Limit,
    pub(crate) around: Surroundings,
    pub(crate) options: Options,
    pub(crate) lab: pages::lab::Lab,
    programme: Mutex<Option<(Instant, Arc<Status>)>>,
}

/// The records of other trials are read again after so long.
const PROGRAMME_FRESH: Duration = Duration::from_secs(10);

impl Site {
    fn new(stand: Stand, around: Surroundings, options: Options) -> Self {
        Self {
            stand: Mutex::new(stand),
            last: Mutex::default(),
            sessions: Sessions::new(options.idle),
            sign_ins: Limit::new(60.0, 1.0),
            requests: Limit::new(500.0, 200.0),
            around,
            options,
            lab: pages::lab::Lab::default(),
            programme: Mutex::default(),
        }
    }

    /// How the programme stands now, or did a moment ago.
    pub(crate) fn programme(&self) -> Result<Arc<Status>, Failed> {
        let Some(Register(read)) = &self.options.programme else {
            return Err(Failed::missing(
                "expected a programme, found none served here; mend: serve the trial with --programme FILE",
            ));
        };
        let mut last = self.programme.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, status)) = last.as_ref()
            && at.elapsed() < PROGRAMME_FRESH
        {
            return Ok(Arc::clone(status));
        }
        let status = Arc::new(read().map_err(Failed::fault)?);
        *last = Some((Instant::now(), Arc::clone(&status)));
        Ok(status)
    }

    pub(crate) fn stand(&self) -> MutexGuard<'_, Stand> {
        self.stand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something at the desk; what is shown next is read anew.
    pub(crate) fn at_desk<T>(&self, act: impl FnOnce(&mut Desk) -> Result<T, Undone>) -> Result<T, Failed> {
        let mut stand = self.stand();
        let Stand::Record(desk) = &mut *stand else {
            return Err(Failed::new(
                StatusCode::CONFLICT,
                "expected a record to work with, found a file to be read; mend: restore it into a record (`posology trial restore`)",
            ));
        };
        desk.refresh()?;
        let done = act(desk);
        if done.is_err() {
            // Whatever an act that failed had staged is not to be taken along by the next.
            desk.refresh()?;
        }
        Ok(done?)
    }

    /// The trial as it is now, or was a moment ago.
    pub(crate) fn view(&self) -> Result<Arc<View>, Failed> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, view)) = last.as_ref()
            && read.elapsed() < FRESH
        {
            return Ok(Arc::clone(view));
        }
        let known = last.as_ref().map(|(_, view)| view.conduct.head().to_owned());
        let mut stand = self.stand();
        let read = match &mut *stand {
            Stand::Record(desk) => {
                desk.refresh()?;
                if known.as_deref() == Some(desk.conduct().head()) {
                    None
                } else {
                    let adopted = desk.conduct().adopted().last();
                    let adopted = adopted.ok_or_else(|| Failed::fault("no protocol is adopted"))?;
                    let (protocol, sha256) = (adopted.protocol.clone(), adopted.sha256.clone());
                    Some((protocol, sha256, desk.conduct().clone()))
                }
            }
            Stand::File(source) => {
                let loaded = source().map_err(Failed::fault)?;
                if known.as_deref() == Some(loaded.chain.head()) {
                    None
                } else {
                    let conduct = Conduct::replay(&loaded.chain).map_err(Failed::fault)?;
                    Some((loaded.protocol, loaded.protocol_sha256, conduct))
                }
            }
            Stand::Unfounded(_) | Stand::Lab => {
                return Err(Failed::missing("expected a trial, found none served here"));
            }
        };
        drop(stand);
        let view = match (read, last.as_ref()) {
            (Some((protocol, sha256, conduct)), _) => {
                Arc::new(analysed(&protocol, &sha256, conduct, (self.around.now)())?)
            }
            (None, Some((_, view))) => Arc::clone(view),
            (None, None) => return Err(Failed::fault("nothing was read")),
        };
        *last = Some((Instant::now(), Arc::clone(&view)));
        Ok(view)
    }

    /// What was just recorded is to be seen at once.
    pub(crate) fn forget_age(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, _)) = last.as_mut()
            && let Some(earlier) = read.checked_sub(FRESH)
        {
            *read = earlier;
        }
    }
}

fn analysed(
    protocol: &Protocol,
    sha256: &str,
    conduct: Conduct,
    now: jiff::Timestamp,
) -> Result<View, Failed> {
    let chain = conduct.chain();
    let cut = match Cut::freeze(chain, None) {
        Err(BadCut::NoFacts) => {
            Cut { position: chain.entries().len(), head: chain.head().to_owned(), cut_off: now }
        }
        cut => cut.map_err(Failed::fault)?,
    };
    let analysis = Analysis::of(protocol, sha256, chain, &cut).map_err(Failed::fault)?;
    let holds =
        if conduct.founded().is_some() { conduct.holds().map_err(Failed::fault)? } else { Vec::new() };
    // What is late among synthetic patients is late as of the cut-off.
    let as_of = if protocol.trial.synthetic { cut.cut_off } else { now };
    let board = Board::of(&conduct, &analysis, holds, as_of);
    Ok(View { conduct, analysis, board, figures: OnceLock::new() })
}

/// The pages and the API.
pub fn router(stand: Stand, around: Surroundings, options: Options) -> Router {
    gate::router(Arc::new(Site::new(stand, around, options)))
}

/// Certificate chain and key of TLS, each a PEM file.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Heads of requests arrive within this time, or the connection is closed.
const HEADS: Duration = Duration::from_secs(20);

/// Bounds how long a connection may take over the head of a request.
fn unhurried(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEADS);
}

/// Serves until it is stopped; `ready` is told the address.
///
/// # Errors
/// Where the port is taken, or certificate and key do not read.
pub fn serve(
    stand: Stand,
    around: Surroundings,
    options: Options,
    listen: SocketAddr,
    tls: Option<Tls>,
    ready: impl FnOnce(SocketAddr),
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = std::net::TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let app = router(stand, around, options).into_make_service_with_connect_info::<SocketAddr>();
        let handle = axum_server::Handle::new();
        let stopping = handle.clone();
        tokio::spawn(async move {
            // Where no signal can be waited for, it serves until it is killed.
            if tokio::signal::ctrl_c().await.is_ok() {
                stopping.graceful_shutdown(Some(Duration::from_secs(2)));
            }
        });
        let address = listener.local_addr()?;
        match tls {
            None => {
                ready(address);
                let mut server = axum_server::from_tcp(listener)?.handle(handle);
                unhurried(server.http_builder());
                server.serve(app).await
            }
            Some(tls) => {
                // The provider is the process's own: another one set before would do as well.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let config =
                    axum_server::tls_rustls::RustlsConfig::from_pem_file(&tls.certificate, &tls.key).await?;
                ready(address);
                let mut server = axum_server::from_tcp_rustls(listener, config)?.handle(handle);
                unhurried(server.http_builder());
                server.serve(app).await
            }
        }
    })
}
