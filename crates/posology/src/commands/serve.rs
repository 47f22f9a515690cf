//! `serve`: the pages of a trial on this machine.

use std::path::{Path, PathBuf};

use clap::Args;
use posology_server::Loaded;

use crate::desk;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::output;

#[derive(Args)]
pub(crate) struct Serve {
    /// Folder of the trial
    dir: PathBuf,
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8037)]
    port: u16,
}

pub(crate) fn run(args: &Serve, json: bool) -> Result<(), Failure> {
    load(&args.dir)?;
    let dir = args.dir.clone();
    let source = Box::new(move || load(&dir).map_err(|failure| failure.words()));
    posology_server::serve(source, args.port, |address| {
        if json {
            output::json(&serde_json::json!({ "address": format!("http://{address}/") }));
        } else {
            output::text(&format!(
                "The trial's pages are at http://{address}/ for this machine alone, to read. Stop with Ctrl-C."
            ));
        }
    })
    .map_err(|error| {
        Failure::input(format!(
            "port {}: cannot be served: {error}; mend: take another with --port",
            args.port
        ))
    })
}

fn load(dir: &Path) -> Result<Loaded, Failure> {
    let folder = Folder::open(dir)?;
    let chain = folder.events()?;
    let (protocol, protocol_sha256) = folder.in_force(&chain)?;
    Ok(Loaded { protocol, protocol_sha256, chain, now: desk::now() })
}
