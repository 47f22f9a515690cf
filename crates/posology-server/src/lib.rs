//! What people click: the pages of a trial, and the API that gives the same as data.
//!
//! Start at [`serve`], or at [`router`] for the pages without a socket. Everything shown comes from the same functions as
//! the commands and the packet; no page contains a rule of the trial. The pages read and write nothing: whoever serves
//! them gives the events ([`Source`]). They answer on this machine alone and show nothing of closed sessions.

mod api;
mod guard;
mod layout;
mod pages;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::middleware;
use axum::routing::get;
use posology_trial::analysis::Analysis;
use posology_trial::board::Board;
use posology_trial::conduct::Conduct;
use posology_trial::cut::{BadCut, Cut};
use posology_trial::event::Chain;
use posology_trial::protocol::Protocol;

/// A trial as it stands where it is kept.
pub struct Loaded {
    /// The protocol by which it is judged.
    pub protocol: Protocol,
    /// SHA-256 of the protocol's text.
    pub protocol_sha256: String,
    /// Its events.
    pub chain: Chain,
    /// Now.
    pub now: jiff::Timestamp,
}

/// Where a trial comes from: asked anew when the pages are looked at.
pub type Source = Box<dyn Fn() -> Result<Loaded, String> + Send + Sync>;

/// A trial read, analysed at the end of its record.
pub(crate) struct View {
    pub(crate) conduct: Conduct,
    pub(crate) analysis: Analysis,
    pub(crate) board: Board,
}

/// A trial is read anew after so long.
const FRESH: Duration = Duration::from_secs(2);

pub(crate) struct Site {
    source: Source,
    last: Mutex<Option<(Instant, Arc<View>)>>,
}

impl Site {
    /// The trial as it is now, or was a moment ago.
    pub(crate) fn view(&self) -> Result<Arc<View>, String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, view)) = last.as_ref()
            && read.elapsed() < FRESH
        {
            return Ok(Arc::clone(view));
        }
        let loaded = (self.source)()?;
        let same = last.as_ref().filter(|(_, view)| view.conduct.head() == loaded.chain.head());
        let view = match same {
            Some((_, view)) => Arc::clone(view),
            None => Arc::new(read(loaded)?),
        };
        *last = Some((Instant::now(), Arc::clone(&view)));
        Ok(view)
    }
}

fn read(loaded: Loaded) -> Result<View, String> {
    let Loaded { protocol, protocol_sha256, chain, now } = loaded;
    let cut = match Cut::freeze(&chain, None) {
        Err(BadCut::NoFacts) => {
            Cut { position: chain.entries().len(), head: chain.head().to_owned(), cut_off: now }
        }
        cut => cut.map_err(|error| error.to_string())?,
    };
    let analysis =
        Analysis::of(&protocol, &protocol_sha256, &chain, &cut).map_err(|error| error.to_string())?;
    let conduct = Conduct::replay(&chain).map_err(|error| error.to_string())?;
    let holds = if conduct.founded().is_some() { conduct.holds()? } else { Vec::new() };
    // What is late among synthetic patients is late as of the cut-off.
    let as_of = if protocol.trial.synthetic { cut.cut_off } else { now };
    let board = Board::of(&conduct, &analysis, holds, as_of);
    Ok(View { conduct, analysis, board })
}

/// The pages and the API of a trial.
pub fn router(source: Source) -> Router {
    let site = Arc::new(Site { source, last: Mutex::new(None) });
    Router::new()
        .route("/", get(pages::board::page))
        .route("/patients", get(pages::patients::list))
        .route("/patients/{subject}", get(pages::patients::one))
        .route("/reviews", get(pages::reviews::list))
        .route("/packet/{cohort}", get(pages::reviews::packet))
        .route("/audit", get(pages::audit::page))
        .route("/lab", get(pages::lab::page))
        .route("/lab/answer", get(pages::lab::answer))
        .route("/static/style.css", get(layout::style))
        .route("/static/lab.js", get(layout::lab_script))
        .route("/api/v1/board", get(api::board))
        .route("/api/v1/patients", get(api::patients))
        .route("/api/v1/patients/{subject}", get(api::patient))
        .route("/api/v1/patients/{subject}/dosing", get(api::dosing))
        .route("/api/v1/events", get(api::events))
        .route("/api/v1/lab", get(api::lab))
        .fallback(layout::not_found)
        .layer(middleware::from_fn(guard::guard))
        .with_state(site)
}

/// Serves a trial on this machine alone (127.0.0.1) until it is stopped; `ready` is told the address.
///
/// # Errors
/// Where the port is taken.
pub fn serve(source: Source, port: u16, ready: impl FnOnce(SocketAddr)) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        ready(listener.local_addr()?);
        let stopped = async {
            // Where no signal can be waited for, it serves until it is killed.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        axum::serve(listener, router(source)).with_graceful_shutdown(stopped).await
    })
}
