//! When a connection has to end: since the server does, since it is too old, or since one of its calls asks for that.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Sleep, sleep};

use crate::server::{Phase, Shared};

/// What a call asks of its connection.
#[derive(Default)]
pub struct Leaving {
    /// To take no new calls.
    pub away: Notify,
    /// To end at once, without a word.
    pub closed: Notify,
}

pub enum Leave {
    /// Take no more, and end once what is under way has.
    Soon,
    /// End at once.
    Now,
}

pub struct Farewell {
    shared: Arc<Shared>,
    /// Gives how long the last requests have, where that is limited. None once it has.
    due: Option<Pin<Box<dyn Future<Output = Option<Duration>> + Send>>>,
    overdue: Option<Pin<Box<Sleep>>>,
}

impl Farewell {
    pub fn new(shared: &Arc<Shared>, leaving: &Arc<Leaving>) -> Self {
        Self {
            shared: Arc::clone(shared),
            due: Some(Box::pin(due(Arc::clone(shared), Arc::clone(leaving)))),
            overdue: None,
        }
    }

    /// Return when the connection has to go, and how. What is waited for isn't lost if this is dropped.
    pub async fn next(&mut self) -> Leave {
        if let Some(due) = &mut self.due {
            let grace = due.await;
            self.due = None;
            self.overdue = grace.map(|grace| Box::pin(sleep(grace)));
            return Leave::Soon;
        }
        let overdue = async {
            match &mut self.overdue {
                Some(overdue) => overdue.await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = overdue => {}
            () = reached(&self.shared, Phase::Killed) => {}
        }
        Leave::Now
    }
}

async fn due(shared: Arc<Shared>, leaving: Arc<Leaving>) -> Option<Duration> {
    let aged = async {
        match shared.most_age {
            Some((age, grace)) => {
                sleep(age).await;
                grace
            }
            None => pending().await,
        }
    };
    tokio::select! {
        () = reached(&shared, Phase::Draining) => None,
        () = leaving.away.notified() => None,
        grace = aged => Some(grace),
    }
}

/// Return once the server has come so far on its way to the end.
pub async fn reached(shared: &Shared, phase: Phase) {
    let mut phases = shared.phase();
    if phases.wait_for(|now| *now >= phase).await.is_err() {
        pending::<()>().await;
    }
}
