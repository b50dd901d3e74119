//! Messages to the UI, also from threads and times when it does not stand yet.

use std::sync::{Mutex, PoisonError};

use dinoscope_ui::{Inbox, Message};

use crate::wanted::Wanted;

/// Keeps messages until the UI has an inbox, then hands them over at once. State of the Tauri app.
#[derive(Default)]
pub(crate) struct Mail(Mutex<Delivery>);

enum Delivery {
    Waiting(Vec<Message>),
    To(Inbox),
}

impl Default for Delivery {
    fn default() -> Self {
        Self::Waiting(Vec::new())
    }
}

impl Mail {
    /// Hands a message over, or keeps it until there is an inbox.
    pub(crate) fn send(&self, message: Message) {
        let mut delivery = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *delivery {
            Delivery::Waiting(messages) => messages.push(message),
            Delivery::To(inbox) => inbox.send(message),
        }
    }

    /// Files to open and links to ask about.
    pub(crate) fn send_wanted(&self, wanted: Wanted) {
        if !wanted.files.is_empty() {
            self.send(Message::Open(wanted.files));
        }
        self.send_links(wanted.links);
    }

    /// Links to ask about.
    pub(crate) fn send_links(&self, links: Vec<String>) {
        for link in links {
            self.send(Message::Link(link));
        }
    }

    /// The UI stands: what waits is handed over, in order.
    pub(crate) fn deliver_to(&self, inbox: Inbox) {
        let mut delivery = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Delivery::Waiting(messages) = &mut *delivery {
            for message in messages.drain(..) {
                inbox.send(message);
            }
        }
        *delivery = Delivery::To(inbox);
    }
}
