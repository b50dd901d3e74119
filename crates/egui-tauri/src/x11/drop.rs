//! Files dragged over the window and dropped on it.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;

use gtk::prelude::*;
use gtk::{gdk, gio};

use crate::input::Input;

const URI_LIST: &str = "text/uri-list";

/// A drag over the window. GTK asks for the content twice: to show it, and at the drop.
#[derive(Default)]
struct Drag {
    files: RefCell<Vec<PathBuf>>,
    /// The content was asked for already.
    asked: Cell<bool>,
    dropping: Cell<bool>,
}

/// Sends drags of files over `area` to `input`.
pub(super) fn connect(area: &gtk::DrawingArea, input: &Rc<Input>) {
    let target = gtk::TargetEntry::new(URI_LIST, gtk::TargetFlags::empty(), 0);
    area.drag_dest_set(gtk::DestDefaults::empty(), &[target], gdk::DragAction::COPY);
    let drag = Rc::new(Drag::default());
    connect_motion(area, input, &drag);
    connect_end(area, input, &drag);
    let (input, drag) = (Rc::clone(input), Rc::clone(&drag));
    area.connect_drag_data_received(move |_, context, _, _, data, _, time| {
        let files = local_files(&data.uris());
        if drag.dropping.replace(false) {
            context.drag_finish(!files.is_empty(), false, time);
            drag.asked.set(false);
            input.drop_files(files);
        } else {
            input.set_hovered(files.clone());
            drag.files.replace(files);
        }
    });
}

fn connect_motion(area: &gtk::DrawingArea, input: &Rc<Input>, drag: &Rc<Drag>) {
    let (input, drag) = (Rc::clone(input), Rc::clone(drag));
    area.connect_drag_motion(move |area, context, x, y, time| {
        let Some(target) = area.drag_dest_find_target(context, None) else {
            return false;
        };
        context.drag_status(gdk::DragAction::COPY, time);
        input.pointer_moved(input.point_from_logical((f64::from(x), f64::from(y))));
        if drag.asked.replace(true) {
            let files = drag.files.borrow().clone();
            input.set_hovered(files);
        } else {
            area.drag_get_data(context, &target, time);
        }
        true
    });
}

fn connect_end(area: &gtk::DrawingArea, input: &Rc<Input>, drag: &Rc<Drag>) {
    let (shared, state) = (Rc::clone(input), Rc::clone(drag));
    area.connect_drag_leave(move |_, _, _| {
        // Sent before a drop as well.
        state.asked.set(false);
        state.files.borrow_mut().clear();
        shared.set_hovered([]);
    });
    let (input, drag) = (Rc::clone(input), Rc::clone(drag));
    area.connect_drag_drop(move |area, context, x, y, time| {
        let Some(target) = area.drag_dest_find_target(context, None) else {
            return false;
        };
        input.pointer_moved(input.point_from_logical((f64::from(x), f64::from(y))));
        drag.dropping.set(true);
        area.drag_get_data(context, &target, time);
        true
    });
}

/// The paths of those addresses that are files of this machine.
fn local_files(uris: &[impl AsRef<str>]) -> Vec<PathBuf> {
    let path = |uri: &_| gio::File::for_uri(AsRef::<str>::as_ref(uri)).path();
    uris.iter().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_addresses_become_paths_and_foreign_ones_nothing() {
        let files = local_files(&["file:///tmp/a%20b.png", "https://example.org/c.png", ""]);
        assert_eq!(files, [PathBuf::from("/tmp/a b.png")]);
    }
}
