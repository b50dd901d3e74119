//! Where Tauri's event loop meets the windows that show an app.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use raw_window_handle::{HasDisplayHandle, RawDisplayHandle};
use tauri::EventLoopMessage;
use tauri_runtime_wry::tao::event::{Event, WindowEvent};
use tauri_runtime_wry::tao::event_loop::{ControlFlow, EventLoopProxy, EventLoopWindowTarget};
use tauri_runtime_wry::{
    Context, EventLoopIterationContext, Message, PluginBuilder, WebContextStore, WindowMessage,
};

use crate::app::{App, Creation, Options};
use crate::error::Error;
use crate::host::{After, Host};
use crate::input::Input;
use crate::native;
use crate::repaint::Repaint;

type Proxy = EventLoopProxy<Message<EventLoopMessage>>;

thread_local! {
    /// Everything of the main thread. A thread-local, because Tauri wants its plugins to be `Send`
    /// and windows are not; nothing of it is borrowed while an app runs.
    static MAIN: RefCell<Main> = RefCell::new(Main::default());
}

#[derive(Default)]
struct Main {
    proxy: Option<Proxy>,
    /// One connection for all windows: on X11 each handle asked for opens another.
    display: Option<RawDisplayHandle>,
    windows: BTreeMap<String, Slot>,
}

/// A window that shows an app. The host is borrowed during a frame, the input never for long.
#[derive(Clone)]
struct Slot {
    host: Rc<RefCell<Host>>,
    input: Rc<Input>,
    repaint: Repaint,
    window: tauri::Window,
}

/// The plugin to add with `app.wry_plugin(..)`, after `build()` and before `run()`.
pub fn plugin() -> Plugin {
    Plugin { _private: () }
}

/// Draws apps in Tauri windows; see [`plugin`].
pub struct Plugin {
    _private: (),
}

impl PluginBuilder<EventLoopMessage> for Plugin {
    type Plugin = Self;

    fn build(self, context: Context<EventLoopMessage>) -> Self {
        MAIN.with_borrow_mut(|main| main.proxy = Some(context.proxy));
        self
    }
}

/// Shows an app in a window, which should have been built invisible and without a webview.
///
/// To be called on the main thread, once the plugin was added: in Tauri's setup hook or later. The
/// app is made by `make`; it is told when the window goes away.
pub fn install(
    window: tauri::Window,
    options: Options,
    make: impl FnOnce(&Creation<'_>) -> Box<dyn App>,
) -> Result<(), Error> {
    let label = window.label().to_owned();
    if MAIN.with_borrow(|main| main.windows.contains_key(&label)) {
        return Err(Error::AlreadyInstalled { label });
    }
    let (proxy, display) = main_handles(&window)?;
    let repaint = Repaint::start(move || wake(&proxy)).map_err(tauri::Error::from)?;
    let ctx = egui::Context::default();
    let clock = repaint.clone();
    ctx.set_request_repaint_callback(move |info| clock.request(info.delay));
    let input = Rc::new(Input::new(ctx.clone(), repaint.clone()));
    let parts = (Rc::clone(&input), ctx, repaint.clone());
    let host =
        Host::new(window.clone(), options, parts, display, make).inspect_err(|_| repaint.stop())?;
    let slot = Slot {
        host: Rc::new(RefCell::new(host)),
        input,
        repaint,
        window,
    };
    MAIN.with_borrow_mut(|main| main.windows.insert(label, slot));
    Ok(())
}

/// The event loop's proxy and the connection to the display.
fn main_handles(window: &tauri::Window) -> Result<(Proxy, RawDisplayHandle), Error> {
    MAIN.with_borrow_mut(|main| {
        let proxy = main.proxy.clone().ok_or(Error::NoPlugin)?;
        let display = match main.display {
            Some(display) => display,
            None => *main.display.insert(window.display_handle()?.as_raw()),
        };
        Ok((proxy, display))
    })
}

/// Queues an event without content. `AppHandle::run_on_main_thread` would run it at once when
/// called on the main thread, in the middle of whatever that does.
fn wake(proxy: &Proxy) {
    // The loop has ended, and with it the need for a frame.
    let _ = proxy.send_event(Message::Task(Box::new(|| {})));
}

impl tauri_runtime_wry::Plugin<EventLoopMessage> for Plugin {
    fn on_event(
        &mut self,
        event: &Event<'_, Message<EventLoopMessage>>,
        _: &EventLoopWindowTarget<Message<EventLoopMessage>>,
        _: &EventLoopProxy<Message<EventLoopMessage>>,
        _: &mut ControlFlow,
        context: EventLoopIterationContext<'_, EventLoopMessage>,
        _: &WebContextStore,
    ) -> bool {
        let label = |id| {
            let windows = context.windows.0.borrow();
            windows.get(&id).map(|window| window.label().to_owned())
        };
        match event {
            Event::WindowEvent {
                window_id, event, ..
            } => context
                .window_id_map
                .get(window_id)
                .and_then(label)
                .is_some_and(|label| on_window_event(&label, event)),
            Event::UserEvent(Message::Window(id, WindowMessage::Close)) => {
                label(*id).is_some_and(|label| ask_to_close(&label))
            }
            Event::UserEvent(Message::Window(id, WindowMessage::Destroy)) => {
                if let Some(label) = label(*id) {
                    remove(&label);
                }
                false
            }
            Event::MainEventsCleared => {
                run_due_frames();
                false
            }
            Event::LoopDestroyed => {
                for (label, _) in slots() {
                    remove(&label);
                }
                false
            }
            _ => false,
        }
    }
}

/// Returns whether Tauri must not see the event.
fn on_window_event(label: &str, event: &WindowEvent<'_>) -> bool {
    let Some(slot) = slot(label) else {
        return false;
    };
    match event {
        WindowEvent::CloseRequested => return ask_to_close(label),
        WindowEvent::Destroyed => remove(label),
        WindowEvent::Moved(_) | WindowEvent::ThemeChanged(_) => slot.input.note_window_change(),
        event => native::on_window_event(event, &slot.input),
    }
    false
}

/// The app is asked in its next frame; returns whether there is an app to ask.
fn ask_to_close(label: &str) -> bool {
    let slot = slot(label);
    if let Some(slot) = &slot {
        slot.input.request_close();
    }
    slot.is_some()
}

fn run_due_frames() {
    for (label, slot) in slots() {
        // A nested event loop, as of a native dialog opened by the app, can not draw the same app.
        let Ok(mut host) = slot.host.try_borrow_mut() else {
            continue;
        };
        if !slot.repaint.take_due() {
            continue;
        }
        let after = host.frame();
        slot.repaint.rearm();
        if after == After::Stay {
            continue;
        }
        drop(host);
        let window = slot.window.clone();
        drop(slot);
        remove(&label);
        if let Err(error) = window.destroy() {
            tracing::warn!(%error, label, "the window can not be destroyed");
        }
    }
}

/// Ends the app of a window, while the native window is still there.
fn remove(label: &str) {
    let removed = MAIN.with_borrow_mut(|main| main.windows.remove(label));
    let Some(slot) = removed else {
        return;
    };
    if let Ok(mut host) = slot.host.try_borrow_mut() {
        host.exit();
    } else {
        tracing::error!(label, "the window was destroyed by its own app in a frame");
    }
}

fn slot(label: &str) -> Option<Slot> {
    MAIN.with_borrow(|main| main.windows.get(label).cloned())
}

fn slots() -> Vec<(String, Slot)> {
    MAIN.with_borrow(|main| {
        let copy = |(label, slot): (&String, &Slot)| (label.clone(), slot.clone());
        main.windows.iter().map(copy).collect()
    })
}
