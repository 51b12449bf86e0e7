//! Queries that come from inside the server, each in the scope that its request carries.
//!
//! They are answered on a thread of their own: the engine's future is as large as the schema, and whoever asks from within
//! a field or a job needs one that can move between threads, which for this one takes the compiler forever to prove.

use std::sync::OnceLock;

use async_graphql::{Request, Response};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local, unconstrained};

use crate::platform::error::{Error, Result};

type Asked = (Request, oneshot::Sender<Response>);

/// The answer to a query. Not waited for any longer, it is given up.
pub async fn read(request: Request) -> Result<Response> {
    static INSIDE: OnceLock<Option<mpsc::UnboundedSender<Asked>>> = OnceLock::new();
    let gone = || Error::fault("nobody answers queries from inside");
    let inside = INSIDE.get_or_init(|| begin().inspect_err(|error| tracing::error!(%error, "no reader")).ok());
    let (answer, answered) = oneshot::channel();
    inside.as_ref().ok_or_else(gone)?.send((request, answer)).map_err(|_| gone())?;
    answered.await.map_err(|_| gone())
}

fn begin() -> std::io::Result<mpsc::UnboundedSender<Asked>> {
    let (sender, asked) = mpsc::unbounded_channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name("inside".to_owned())
        .spawn(move || LocalSet::new().block_on(&runtime, answer_all(asked)))?;
    Ok(sender)
}

async fn answer_all(mut asked: mpsc::UnboundedReceiver<Asked>) {
    // Nobody can sign in to it.
    let graph = super::for_introspection();
    while let Some((request, mut answer)) = asked.recv().await {
        let graph = graph.clone();
        spawn_local(async move {
            let response = tokio::select! {
                // Outside of tokio's budget: all siblings are polled in one pass, so that their batches are whole.
                response = unconstrained(graph.execute(request)) => Some(response),
                () = answer.closed() => None,
            };
            if let Some(response) = response {
                // Whoever asked has gone in this very moment.
                let _ = answer.send(response);
            }
        });
    }
}
